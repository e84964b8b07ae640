"""What a ranking by probability is worth: the ROC curve, precision and recall, gains; and counts by how often each occurs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln

from kanlab.arrays import Array

MOST_POINTS = 400  # of a drawn curve


def ranked(p: Array, y: Array) -> tuple[Array, Array, Array]:
    """True and false positives, and the threshold (k,), as one takes rows of falling probability; ties are taken together.

    p (n,) probabilities of 1, y (n,) of 0 and 1.

    >>> [v.tolist() for v in ranked(np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0]))]
    [[1.0, 2.0, 2.0], [0.0, 1.0, 2.0], [0.9, 0.5, 0.1]]
    """
    order = np.argsort(-p, kind="stable")
    falling, hit = p[order], y[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    true = np.cumsum(hit)[last]
    return np.asarray(true), np.asarray(last + 1.0 - true), np.asarray(falling[last])


def roc(p: Array, y: Array) -> pd.DataFrame:
    """The ROC curve (Fawcett, Pattern Recognition Letters 27, 2006): columns false_positive, true_positive, threshold.

    >>> roc(np.array([0.9, 0.1]), np.array([1.0, 0.0]))[["false_positive", "true_positive"]].values.tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    true, false, threshold = ranked(p, y)
    ones = max(float(y.sum()), 1.0)
    zeros = max(float(len(y) - y.sum()), 1.0)
    return pd.DataFrame(
        {
            "false_positive": np.append(0.0, false / zeros),
            "true_positive": np.append(0.0, true / ones),
            "threshold": np.append(np.inf, threshold),
        }
    )


def precision_recall(p: Array, y: Array) -> pd.DataFrame:
    """Precision against recall at every threshold, by rising recall: columns recall, precision, threshold.

    >>> precision_recall(np.array([0.9, 0.1]), np.array([1.0, 0.0]))[["recall", "precision"]].values.tolist()
    [[1.0, 1.0], [1.0, 0.5]]
    """
    true, false, threshold = ranked(p, y)
    return pd.DataFrame(
        {"recall": true / max(float(y.sum()), 1.0), "precision": true / (true + false), "threshold": threshold}
    )


def average_precision(p: Array, y: Array) -> float:
    """The mean precision over the ones, sum of precision times the rise of recall.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([1.0, 0.0, 1.0])).__round__(4)
    0.8333
    """
    found = precision_recall(p, y)
    return float(np.sum(np.diff(found["recall"], prepend=0.0) * found["precision"]))


def gains(p: Array, y: Array) -> pd.DataFrame:
    """The share of all ones among the rows of highest probability: columns rows, found, lift (found / rows).

    >>> gains(np.array([0.9, 0.1]), np.array([1.0, 0.0])).values.tolist()
    [[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]]
    """
    true, false, _ = ranked(p, y)
    rows, found = (true + false) / len(y), true / max(float(y.sum()), 1.0)
    return pd.DataFrame({"rows": rows, "found": found, "lift": found / rows})


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS of the points of a curve, its ends among them."""
    if len(curve) <= MOST_POINTS:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, MOST_POINTS).round().astype(int))]


def rootogram(mu: Array, y: Array, most: int = 40) -> pd.DataFrame:
    """How often each count occurs and how often Poisson counts of means mu (n,) would: columns count, observed, expected, sd.

    expected: the sum of the rows' probabilities (Kleiber & Zeileis, The American Statistician 70, 2016).  sd: of `observed`,
    if the means are right and the counts Poisson's.  most: counts at most; all greater ones are in the last row.

    >>> rootogram(np.full(4, 1e-9), np.zeros(4))[["count", "observed"]].values.tolist()
    [[0.0, 4.0], [1.0, 0.0]]
    """
    top = int(min(most, max(float(y.max(initial=0.0)), float(np.max(mu, initial=0.0)) + 1.0)))
    k = np.arange(top + 1.0)
    p = np.exp(k[:, None] * np.log(np.maximum(mu, np.finfo(float).tiny)) - mu - gammaln(k + 1.0)[:, None])
    p[-1] = np.maximum(1.0 - p[:-1].sum(axis=0), 0.0)
    observed = np.bincount(np.minimum(y, top).astype(int), minlength=top + 1).astype(float)
    return pd.DataFrame(
        {"count": k, "observed": observed, "expected": p.sum(axis=1), "sd": np.sqrt((p * (1.0 - p)).sum(axis=1))}
    )
