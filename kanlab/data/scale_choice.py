r"""Whether a target that spans decades is better fitted by its logarithm: decided by a straight line on the training rows.

Where the values of a target are all above 0 and the largest is a hundred times the smallest or more (thirty times, where a
long tail to the right is gone from the logarithm, as in prices), errors seldom have one
size: they grow with the value, and a least-squares fit of the values follows a few large rows. The logarithm then has errors
of one size, and a power law becomes a line. Whether it is so the rows tell. Least squares is fitted to the values, to their
logarithm, and to that on the logarithms of the features that span decades as well, and the AICc of all three is put on the
scale of the target: the density of y is that of z = ln y times 1 / y, so

    AICc of y = AICc of z + 2 sum ln y        (Akaike 1978)

The logarithm is taken where that is lower by more than MORE units. A Gamma likelihood with a logarithmic link has the same
means; of eight public tables whose targets span two decades and more the logarithm fitted six better, by 10 to 76 units of
AIC, and two worse, by 1 and 5 (docs/tables.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.encoders import EncodedColumn
from kanlab.data.preparation import AUTO, Preparation
from kanlab.language import say
from kanlab.stats.criteria import aicc
from kanlab.text import agreeing, listing, quoted

DECADES = 2.0  # from the smallest value to the largest
# fewer are enough where the skewness of the values is above SKEWED, and that of their logarithms within EVEN of 0
FEWER_DECADES, SKEWED, EVEN = 1.5, 1.5, 0.5
MORE = 10.0  # units of AICc by which the logarithm must fit better
LEAST_ROWS = 10


@dataclass(frozen=True)
class Suggestion:
    """Fit the logarithm of the target. features: columns of which the logarithm is taken as well.  reason: in a sentence."""

    features: tuple[str, ...]
    reason: str


def spans_decades(values: Array) -> bool:
    """Whether all values are above 0, and the largest is a hundred times the smallest or more; nan is left out."""
    x = values[np.isfinite(values)]
    return bool(len(x) and x.min() > 0 and np.log10(x.max()) - np.log10(x.min()) >= DECADES)


def is_skewed(values: Array) -> bool:
    """Whether all values are above 0 and span FEWER_DECADES with a long tail to the right that their logarithm has not.

    >>> is_skewed(np.exp(4 * np.linspace(0, 1, 99))), is_skewed(4 * np.linspace(0.01, 1, 99))
    (False, False)
    >>> is_skewed(np.exp(np.random.default_rng(0).normal(0, 0.9, 999)))
    True
    """
    if not (values.min() > 0 and np.log10(values.max()) - np.log10(values.min()) >= FEWER_DECADES):
        return False
    return _skewness(values) > SKEWED and abs(_skewness(np.log(values))) < EVEN


def _skewness(x: Array) -> float:
    """The third standardised moment of values that are not all alike."""
    z = x / np.abs(x).max()
    z = z - z.mean()
    return float(np.mean(z**3) / np.mean(z**2) ** 1.5)


def suggested(target: str, columns: Sequence[EncodedColumn], rows: pd.DataFrame, y: Array) -> Suggestion | None:
    """The logarithm where it fits better by far; None where it does not, or where there is nothing to tell by.

    columns: encoded features.  rows, y (n,): the training rows.

    >>> x = np.geomspace(0.01, 1000, 40)
    >>> y = 3 * x**0.7 * np.exp(np.sin(np.arange(40)) / 3)
    >>> suggested("y", (EncodedColumn("x"),), pd.DataFrame({"x": x}), y).features
    ('x',)
    """
    n = len(y)
    if n < LEAST_ROWS or not (spans_decades(y) or is_skewed(y)):
        return None
    X = np.column_stack([c.encode(rows) for c in columns])
    X = np.where(np.isfinite(X), X, 0.0)
    if 2 * (X.shape[1] + 2) > n:  # too few rows for a line
        X, columns = X[:, :0], ()
    wide = [i for i, c in enumerate(columns) if c.is_number and spans_decades(c.encode(rows))]
    logged = X.copy()
    logged[:, wide] = np.log(np.where(X[:, wide] > 0, X[:, wide], 1.0))
    z = np.log(y)
    plain, other, both = _line(X, y), _line(X, z) + 2.0 * float(z.sum()), _line(logged, z) + 2.0 * float(z.sum())
    best = min(other, both)
    if not plain - best > MORE:
        return None
    names = tuple(columns[i].source for i in wide) if both < other else ()
    return Suggestion(names, _reason(target, names, y, plain - best))


def _line(X: Array, y: Array) -> float:
    """AICc of least squares; the same K whatever the scale."""
    A = np.column_stack([np.ones(len(y)), X / np.maximum(np.abs(X).max(axis=0, initial=0.0), 1e-300)])
    weights, *_ = np.linalg.lstsq(A, y, rcond=None)
    rss = float(np.sum((y - A @ weights) ** 2))
    return aicc(max(rss, 1e-28 * float(np.sum((y - y.mean()) ** 2))), len(y), A.shape[1] + 1)


def _reason(target: str, features: Sequence[str], y: Array, gain: float) -> str:
    decades, names = np.log10(y.max()) - np.log10(y.min()), listing(features, 3)
    if not features:
        return say(
            "{target} is above 0 throughout and spans {decades:.1f} decades, so its logarithm is "
            "fitted: by a straight line its AICc is {gain:,.0f} lower, on the scale of "
            "{target} itself.",
            target=quoted(target),
            decades=decades,
            gain=gain,
        )
    return say(
        "{target} is above 0 throughout and spans {decades:.1f} decades, so its logarithm is "
        "fitted on the {logarithm} of {names}: by a straight line its AICc is {gain:,.0f} lower, on the scale of "
        "{target} itself.",
        target=quoted(target),
        decades=decades,
        logarithm=agreeing(len(features), "logarithm", "logarithms"),
        names=names,
        gain=gain,
    )


def settled(
    wanted: Preparation, target: str, columns: Sequence[EncodedColumn], rows: pd.DataFrame, y: Array, *, quantity: bool
) -> tuple[Preparation, str]:
    """A preparation whose scale of the target is decided, and what to say of it; scales that were asked for stay.

    quantity: whether the target is one; counts and classes have no other scale.
    """
    if wanted.target_scale != AUTO:
        return wanted, ""
    found = suggested(target, columns, rows, y) if quantity else None
    if found is None:
        return replace(wanted, target_scale="none"), ""
    scales = dict.fromkeys(found.features, "log") | dict(wanted.scales)
    said = say("Predictions are medians, in its own units; choose none as the scale of the target to fit it as it is.")
    return replace(wanted, target_scale="log", scales=scales), f"{found.reason} {said}"
