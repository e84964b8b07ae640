r"""From predictions of rows left out to the record that gives every later prediction its interval.

The record and how it is read: kanlab.stats.interval_bounds. Scores come of the predictions of the training rows, each by a
model that was not fitted to it (the jackknife; Barber, Candès, Ramdas & Tibshirani, Ann. Stat. 49, 2021, of which jackknife+
moves the middle of each residual as well). Three things are decided here, each by the rows alone:

    spread     whether residuals are larger in places: log-linear in a parabola of the prediction, or of every input, fitted by
               the Laplace likelihood sum_i [log s_i + |r_i| / s_i] with a ridge; taken where that of rows left out is lower
               than that of one spread for all by CLEAR standard errors of the difference
    sides      one length below and another above where the largest scores are mostly of one sign (a sign test)
    inflation  what the choice among minima and networks has spent, which a row left out does not see: see `inflation`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.stats.interval_bounds import MOST_SCORES, class_sets, mass_before, score_quantile, spread
from kanlab.stats.likelihood import COUNTS, LIKELIHOODS, REGRESSION, TaskName, one_hot

CLEAR = 2.0  # standard errors that a spread of its own must gain
LEAST_GAIN = 1e-3  # a row: less is no reason, and may be rounding
FEWEST_ROWS = 40  # that tell where residuals are larger
MOST_SPREAD_ROWS = 2000  # that are looked at for it
FOLDS = 5
RIDGES = (1.0, 10.0, 100.0)
LARGEST, SIGNS = 0.2, 2.58  # the share of largest scores whose signs are tested, and the normal quantile of 1%
STEPS = 30
MOST_INFLATION = 2.0


@dataclass(frozen=True, eq=False)
class Rows:
    """Predictions (n,), of more than two classes (n, classes), of rows the model was not fitted to; outcomes y (n,) and
    inputs X (n, d).

    fitted: what the model predicts of them that was fitted to all; by default the same. The spread goes by it, as it does for
    new rows: what a row left out is predicted to be depends on its outcome (of the mean it even falls as that rises).
    weights: (n,), how precise each outcome is; the scores are then those of a row of weight 1.
    """

    predicted: Array
    y: Array
    X: Array
    fitted: Array | None = None
    weights: Array | None = None

    @property
    def outputs(self) -> Array:
        return self.predicted if self.fitted is None else self.fitted


def interval_record(left_out: Rows, test: Rows | None, task: TaskName, factor: float = 1.0) -> dict[str, Any]:
    """The record of a model, from its training rows and, to tell how many its intervals hold, its test rows.

    Parameters
    ----------
    left_out : Rows
        The training rows, each predicted without it.
    test : Rows, optional
        Rows held out; nothing is chosen by them.
    task : str
    factor : float
        By which scores are longer than they look: see `inflation`.

    Returns
    -------
    dict
        As JSON has it.

    Examples
    --------
    >>> y = np.array([-2.0, -1.0, 1.0, 2.0])
    >>> interval_record(Rows(np.zeros(4), y, np.zeros((4, 1))), None, "regression")["scores"]
    [1.0, 1.0, 2.0, 2.0]
    """
    if task in (REGRESSION, COUNTS):
        record = _of_quantity(left_out, task, factor)
    else:
        record = _kept(_class_scores(left_out.predicted, left_out.y), 1, task, None)
    held = [] if test is None else _shares_held(record, test)
    return record | {"held": held, "held_rows": 0 if test is None else len(test.y)}


def inflation(n: int, edf: float | None, spent: float | None) -> float:
    """How much longer than its leave-one-out residuals the errors of a network are: (1 - edf / n) / (1 - spent / n).

    A row left out takes back what its own value has decided, edf / n on average; the search among minima and networks stays,
    and has spent what is counted beyond edf (kanlab.kan.parameter_count.effective_count).

    >>> round(inflation(100, 10.0, 20.0), 3)
    1.125
    """
    if edf is None or spent is None or n == 0:
        return 1.0
    left, paid = max(1.0 - edf / n, 0.0), max(1.0 - spent / n, 1e-9)
    return float(np.clip(left / paid, 1.0, MOST_INFLATION))


def residuals(predicted: Array, y: Array, task: TaskName) -> Array:
    """Signed residuals (n,): y - predicted, of counts the signed root of the deviance."""
    if task == REGRESSION:
        return y - predicted
    return np.asarray(np.sign(y - predicted) * np.sqrt(LIKELIHOODS[task].losses(predicted, y)))


def _of_weight_1(signed: Array, rows: Rows) -> Array:
    """Residuals (n,) as they would be of rows of weight 1."""
    return signed if rows.weights is None else signed * np.sqrt(rows.weights)


def _of_quantity(rows: Rows, task: TaskName, factor: float) -> dict[str, Any]:
    signed = _of_weight_1(factor * residuals(rows.predicted, rows.y, task), rows)
    by = np.log(rows.outputs) if task == COUNTS else rows.outputs
    scale, widths = _chosen_spread(signed, by, rows.X)
    scores = signed / widths
    if _is_lopsided(scores):
        return _kept(scores, 2, task, scale)
    return _kept(np.abs(scores), 1, task, scale)


def _class_scores(p: Array, y: Array) -> Array:
    of_all = np.column_stack([1.0 - p, p]) if p.ndim == 1 else p
    return np.asarray(np.sum(mass_before(of_all) * one_hot(y, of_all.shape[1]), axis=1))


def _kept(scores: Array, tails: int, task: TaskName, scale: Mapping[str, Any] | None) -> dict[str, Any]:
    ordered = np.sort(scores)
    ranks = np.round(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_SCORES))).astype(int)
    kept = ordered[ranks].tolist()
    return {"task": task, "rows": len(ordered), "scores": kept, "tails": tails, "scale": scale}


def _shares_held(record: Mapping[str, Any], test: Rows) -> list[float]:
    """The share of rows within, of levels of 1% to 99%."""
    levels = [percent / 100.0 for percent in range(1, 100)]
    if record["task"] not in (REGRESSION, COUNTS):
        own = np.arange(len(test.y)), test.y.astype(int)
        return [float(np.mean(class_sets(record, test.predicted, level)[own])) for level in levels]
    counts, mean = record["task"] == COUNTS, test.predicted
    width = spread(record["scale"], np.log(mean) if counts else mean, test.X)
    scores = _of_weight_1(residuals(mean, test.y, record["task"]), test) / width
    near = (np.floor(mean) <= test.y) & (test.y <= np.ceil(mean)) & counts  # which intervals of counts always hold
    quantiles = [[score_quantile(record, level, upper=upper) for upper in (False, True)] for level in levels]
    return [float(np.mean(near | ((-below <= scores) & (scores <= above)))) for below, above in quantiles]


def _is_lopsided(scores: Array) -> bool:
    """Whether the largest scores are of one sign more often than a fair coin shows heads, at 1%."""
    m = int(LARGEST * len(scores))
    if m < 10:
        return False
    largest = scores[np.argsort(-np.abs(scores), kind="stable")[:m]]
    return bool(abs(float(np.sum(np.sign(largest)))) - 1.0 > SIGNS * np.sqrt(m))


def _chosen_spread(signed: Array, by: Array, X: Array) -> tuple[dict[str, Any] | None, Array]:
    """The spread to take, None for the same everywhere, and that of each row (n,), where it was looked at without the row."""
    n, everywhere = len(signed), np.ones(len(signed))
    if n < FEWEST_ROWS or not float(np.mean(np.abs(signed))) > 0.0:
        return None, everywhere
    order = np.random.default_rng(0).permutation(n)
    seen, fold = order[:MOST_SPREAD_ROWS], np.arange(n) % FOLDS
    absolute = np.abs(signed)
    options = [("output", ridge) for ridge in RIDGES[:1]] + [("inputs", ridge) for ridge in RIDGES]
    plain, chosen, gain = np.empty(len(seen)), None, 0.0
    for part in range(FOLDS):
        inside = fold[: len(seen)] == part
        plain[inside] = _losses(absolute[seen[inside]], np.full(inside.sum(), absolute[seen[~inside]].mean()))
    for of, ridge in options:
        losses, widths = np.empty(len(seen)), np.empty(len(seen))
        for part in range(FOLDS):
            inside = fold[: len(seen)] == part
            others, these = seen[~inside], seen[inside]
            scale = _fitted_spread(absolute[others], by[others], X[others], of, ridge)
            widths[inside] = spread(scale, by[these], X[these])
            losses[inside] = _losses(absolute[these], widths[inside])
        better = plain - losses
        error = float(better.std()) * np.sqrt(len(better))
        if better.sum() > max(CLEAR * error, LEAST_GAIN * len(better), gain):
            chosen, gain = (of, ridge, widths), float(better.sum())
    if chosen is None:
        return None, everywhere
    of, ridge, widths = chosen
    scale = _fitted_spread(absolute[seen], by[seen], X[seen], of, ridge)
    every = spread(scale, by, X)
    every[seen] = widths
    return scale, every


def _losses(absolute: Array, width: Array) -> Array:
    return np.asarray(np.log(width) + absolute / width)


def _fitted_spread(absolute: Array, by: Array, X: Array, of: str, ridge: float) -> dict[str, Any]:
    """The coefficients of `spread` that make sum [log s + |r| / s] + ridge |coefficients|^2 / 2 least; convex, by Newton."""
    values = by[:, None] if of == "output" else X
    low, high = values.min(axis=0), values.max(axis=0)
    center, width = (low + high) / 2.0, np.where(high > low, (high - low) / 2.0, 1.0)
    z = (values - center) / width
    columns = np.column_stack([z, z**2])
    means, mean = columns.mean(axis=0), float(absolute.mean())
    Z = np.column_stack([np.ones(len(z)), columns - means])
    penalty = np.full(Z.shape[1], ridge)
    penalty[0] = 0.0
    b, target = np.zeros(Z.shape[1]), absolute / mean
    value = float(target.sum())
    for _ in range(STEPS):
        ratio = target * np.exp(-(Z @ b))
        gradient = Z.T @ (1.0 - ratio) + penalty * b
        step = np.linalg.solve((Z * (ratio + 1e-3)[:, None]).T @ Z + np.diag(penalty), gradient)
        length = 1.0
        while length > 1e-6:
            tried = b - length * step
            with np.errstate(over="ignore"):
                at = float(np.sum(Z @ tried + target * np.exp(-(Z @ tried)))) + float(penalty @ tried**2) / 2.0
            if at <= value:
                break
            length /= 2.0
        else:
            break
        b, before, value = tried, value, at
        if before - value < 1e-9 * len(target):
            break
    fitted = np.log(mean) + Z @ b
    d = z.shape[1]
    return {
        "of": of,
        "center": center.tolist(),
        "width": width.tolist(),
        "linear": b[1 : d + 1].tolist(),
        "square": b[d + 1 :].tolist(),
        "offset": float(np.log(mean) + b[0] - means @ b[1:]),
        "low": float(fitted.min()),
        "high": float(fitted.max()),
    }
