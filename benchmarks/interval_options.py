"""Two other intervals from the rows left out of a fit, for benchmarks/intervals.py: from its linearised smoothers, no refits.

S(x, i) is by how much the prediction at x moves with the outcome of row i, of an average the weighted mean of its members'.
Then a model without row i predicts f(x) - S(x, i) e_i / (1 - h_i) there, to first order.

    jackknife+   the middle of each residual is that prediction (Barber et al. 2021), not f(x)
    leverage     an interval is longer by sqrt(1 + sum_i S(x, i)^2), the part of a new row's error that is the fit's own, and
                 scores are over the same of a row left out
"""

from __future__ import annotations

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.explain.bands import Member, bands_of
from kanlab.explain.models import Model
from kanlab.kan.network import FittedKan
from kanlab.stats import intervals
from kanlab.stats.interval_bounds import score_quantile, spread
from kanlab.stats.intervals import Rows

LEAST_FREEDOM = 0.05  # of 1 - leverage: what a row that decides its own prediction is taken to leave
Bounds = tuple[np.ndarray, np.ndarray]


def _moves(member: Member, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S(x, i) (rows, n), S(i, j) (n, n) and residuals e (n,) in units of the data."""
    covariance, scale = member.covariance, 1.0
    if isinstance(member.model, FittedKan):
        scale = float(member.model.y_scale[0])
    at = covariance.forward(X)
    gradients = np.array([covariance.pulled_back(at, row[None]) for row in np.eye(len(X))])
    of_rows = covariance.smoother.B[:, 0]
    moves = covariance.root.whitened(gradients) @ of_rows.T  # type: ignore[attr-defined]
    return moves, of_rows @ of_rows.T, scale * covariance.smoother.E[:, 0]


def other_intervals(
    model: Model, data: Dataset, left_out: Rows, factor: float, X: np.ndarray, level: float
) -> dict[str, Bounds] | None:
    """Bounds by either, at rows X (n, d) of a quantity; None where a member has no linearised fit.

    left_out, factor: as of `interval_record`.
    """
    found = bands_of(model, data)
    if found is None or len(left_out.y) != data.n:
        return None
    parts = [(m.weight, *_moves(m, X)) for m in found.members]
    outputs = model.predict_flagged(X)[0]
    signed = factor * (left_out.y - left_out.predicted)
    scale, widths = intervals._chosen_spread(signed, left_out.outputs, left_out.X)
    scores, wide = np.abs(signed) / widths, spread(scale, outputs, X)

    at_new, at_rows = (sum(p[0] * p[i] for p in parts) for i in (1, 2))
    freedom = np.maximum(1.0 - np.diag(at_rows), LEAST_FREEDOM)
    others = at_rows - np.diag(np.diag(at_rows))
    of_rows = np.sqrt(1.0 + np.sum((others / freedom[:, None]) ** 2, axis=1))
    record = {"rows": data.n, "scores": np.sort(scores / of_rows), "tails": 1}
    half = score_quantile(record, level, upper=True) * wide * np.sqrt(1.0 + np.sum(at_new**2, axis=1))

    centres = outputs[:, None] - sum(
        w * at * (e / np.maximum(1.0 - np.diag(own), LEAST_FREEDOM)) for w, at, own, e in parts
    )
    rank = int(np.ceil((data.n + 1) * level - 1e-9))
    if rank > data.n:
        return {"leverage": (outputs - half, outputs + half)}
    reach = scores * wide[:, None]
    low = -np.sort(-(centres - reach), axis=1)[:, rank - 1]
    high = np.sort(centres + reach, axis=1)[:, rank - 1]
    return {"leverage": (outputs - half, outputs + half), "jackknife+": (low, high)}
