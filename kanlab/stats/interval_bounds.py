r"""The interval of a prediction, and the set of classes, from what a fitted model keeps of the rows it was not fitted to.

An *interval record* is a small mapping that JSON knows, made by kanlab.stats.intervals:

    task      "regression", "classification", "multiclass" or "counts"
    rows n    how many rows gave a score
    scores    of these the sorted scores, or MOST_SCORES order statistics of them, evenly by rank
    tails     1: scores are without a sign, and the interval is as long below as above; 2: they have one
    scale     how long it is where: None for the same everywhere, else the coefficients of `spread`
    held      the share of test rows that intervals of 1%, 2%, ..., 99% hold; empty where there are none
    held_rows how many test rows that is
    weight    where rows were not equally precise, the column that says how precise, and of what weight the scores are

A score is how far a row lies from the prediction of a model that was not fitted to it, in units of the spread there: on the
scale of the fit; of counts the signed root of the row's deviance; of classes the probability of all classes likelier than its
own. The interval of level 1 - alpha is what has a score of at most the ceil((n + 1)(1 - alpha))-th smallest, with alpha / 2 on
each side where scores have a sign (Vovk et al. 2005; Barber et al., Ann. Stat. 49, 2021: the jackknife). Of classes it is the
set of the likeliest ones (adaptive prediction sets, Romano et al. 2020, without the mass of the class itself, so that the
likeliest is always among them).

NumPy alone, as the predict.py of a bundle has it written into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from kanlab.arrays import Array, Mask

MOST_SCORES = 1001
ROUNDING = 1e-9  # of a rank or a probability: what is this near counts as equal
BISECTIONS = 60  # of the bounds of a count: the last bit of a float
MOST_TAIL = 1e4  # of a score that few rows cannot know


def interval_bounds(
    record: Mapping[str, Any], outputs: Array, X: Array, level: float, weights: Array | None = None
) -> tuple[Array, Array]:
    """Lower and upper bounds (rows,) around outputs (rows,) on the scale of the fit, or around the means of counts.

    X: inputs (rows, d).  level: share of rows like those of the training that should lie within, above 0 and below 1.
    weights: (rows,), how precise rows are, in units of what the scores are of; all alike by default.

    >>> record = {"task": "regression", "rows": 9, "scores": [0.1 * i for i in range(1, 10)], "tails": 1, "scale": None}
    >>> [b.round(3).tolist() for b in interval_bounds(record, np.array([5.0]), np.zeros((1, 1)), 0.8)]
    [[4.2], [5.8]]
    """
    counts = record["task"] == "counts"
    width = spread(record["scale"], np.log(outputs) if counts else outputs, X)
    width = width if weights is None else width / np.sqrt(weights)
    below, above = (score_quantile(record, level, upper=upper) * width for upper in (False, True))
    if counts:
        return count_bounds(outputs, below, above)
    return outputs - below, outputs + above


def class_sets(record: Mapping[str, Any], p: Array, level: float) -> Mask:
    """Which classes are in the set of each row, (rows, classes), by probabilities (rows,) of the second of two classes, or
    (rows, classes). The likeliest class always is.

    >>> record = {"task": "multiclass", "rows": 9, "scores": [0.0] * 6 + [0.5, 0.6, 0.9], "tails": 1}
    >>> class_sets(record, np.array([[0.5, 0.3, 0.2]]), 0.7).tolist()  # q = 0.5: the second joins, the third does not
    [[True, True, False]]
    """
    of_all = np.column_stack([1.0 - p, p]) if p.ndim == 1 else p
    if ceil((record["rows"] + 1) * level - ROUNDING) > record["rows"]:
        return np.ones(of_all.shape, dtype=bool)
    return mass_before(of_all) <= score_quantile(record, level, upper=True) + ROUNDING


def mass_before(p: Array) -> Array:
    """Of each class the probability of all that are likelier, (rows, classes); of equal ones the first counts as likelier."""
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    before = np.empty_like(p)
    np.put_along_axis(before, order, np.cumsum(ranked, axis=1) - ranked, axis=1)
    return np.where(before < ROUNDING, 0.0, before)  # of the likeliest a difference of sums that are equal


def score_quantile(record: Mapping[str, Any], level: float, *, upper: bool) -> float:
    """How far an interval reaches upwards or downwards, in units of the spread; at least 0.

    Where the rows are too few for the level the tail is that of Student's t with as much spread as the scores have, and no
    shorter than their longest.
    """
    n, kept = record["rows"], np.array(record["scores"])
    ranks = np.round(np.linspace(0, n - 1, len(kept))).astype(int)
    if record["tails"] == 2 and not upper:
        kept, ranks = -kept[::-1], n - 1 - ranks[::-1]
    share = (1.0 + level) / 2.0 if record["tails"] == 2 else level
    rank = max(ceil((n + 1) * share - ROUNDING), 1) - 1
    if rank < n:
        return max(float(kept[np.searchsorted(ranks, rank)]), 0.0)
    spread_of_scores = sqrt(float(np.mean(kept**2)) * (n + 1) / max(n - 1, 1))
    return max(float(kept[-1]), student_quantile((1.0 + level) / 2.0, max(n - 1, 1)) * spread_of_scores, 0.0)


def student_quantile(share: float, freedom: int) -> float:
    """About the quantile of Student's t above its middle, rising with the share (Fisher & Cornish 1960)."""
    z, v = NormalDist().inv_cdf(min(share, 1.0 - 1e-12)), float(freedom)
    terms = ((z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return min(z + sum(term / v**i for i, term in enumerate(terms, 1)), MOST_TAIL)


def spread(scale: Mapping[str, Any] | None, outputs: Array, X: Array) -> Array:
    """How far rows scatter there, (rows,): exp of a parabola in the output or in every input, held to the training rows.

    scale: of, "output" or "inputs"; center, width, linear, square, of each of these; offset; low, high of its logarithm.
    """
    if scale is None:
        return np.ones(len(outputs))
    by = outputs[:, None] if scale["of"] == "output" else X
    z = np.clip((by - np.array(scale["center"])) / np.array(scale["width"]), -1.0, 1.0)
    log_spread = scale["offset"] + z @ np.array(scale["linear"]) + z**2 @ np.array(scale["square"])
    return np.asarray(np.exp(np.clip(log_spread, scale["low"], scale["high"])))


def count_bounds(mean: Array, below: Array, above: Array) -> tuple[Array, Array]:
    """The whole numbers around the means whose signed roots of the deviance lie within -below to above, (rows,) each.

    The mean itself lies between the bounds, whatever whole numbers are near.
    """
    least = np.minimum(np.ceil(_count_at(mean, -below) - ROUNDING), np.floor(mean))
    most = np.maximum(np.floor(_count_at(mean, above) + ROUNDING), np.ceil(mean))
    return np.maximum(least, 0.0), most


def _count_at(mean: Array, root: Array) -> Array:
    """y >= 0 (not only whole ones) with sign(y - mean) sqrt(deviance) = root; 0 where the deviance of 0 is less."""
    square, upwards = root**2, root > 0
    # (y - mean)^2 / (mean + (y - mean) / 3) <= deviance (Bernstein), which bounds y from above
    far = mean + square / 6.0 + np.sqrt(square**2 / 36.0 + square * mean)
    low, high = np.where(upwards, mean, 0.0), np.where(upwards, far, mean)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        beyond = _deviance(middle, mean) > square
        low, high = np.where(beyond == upwards, low, middle), np.where(beyond == upwards, middle, high)
    return np.asarray((low + high) / 2.0)


def _deviance(y: Array, mean: Array) -> Array:
    logs = y * np.log(np.where(y > 0, y / mean, 1.0))
    return np.asarray(2.0 * np.maximum(logs - (y - mean), 0.0))


def share_held(record: Mapping[str, Any], level: float) -> float | None:
    """The share of test rows that an interval of this level holds, between the percents by a straight line; None where there
    are none.
    """
    if not record.get("held"):
        return None
    levels = np.linspace(0.0, 1.0, 101)
    return float(np.interp(level, levels, [0.0, *record["held"], 1.0]))
