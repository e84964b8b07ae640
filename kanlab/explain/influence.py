r"""Which training rows decide a fit: leverage, standardised residuals and Cook's distance, by the linearised smoother.

With h_i the leverage of row i (kanlab.solver.smoother), r_i its Pearson residual over the root of the scale, and edf = sum h_i

    standardised residual    r_i / sqrt(1 - h_i)
    Cook's distance          r_i^2 h_i / ((1 - h_i)^2 edf)

as of linear models and GLMs (Cook, Technometrics 19, 1977; Pregibon, Ann. Stat. 9, 1981); Wood's mgcv computes the same of
penalised fits. Cook's distance is how far all coefficients move when the row is left out, in the metric in which they are
known; above 1 the row decides the fit (Cook & Weisberg, Residuals and Influence in Regression, 1982). Of an average the
leverages of its models are averaged. Of more than two classes row i moves the outputs by a_i = (1 - W_i V_i)^-1 E_i along V_i,
and its distance is a_i'V_i a_i / edf; it has no residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.explain.bands import Bands
from kanlab.solver.covariance import overdispersion
from kanlab.solver.smoother import Smoother
from kanlab.stats.likelihood import COUNTS, REGRESSION

LEAST_FREEDOM = 1e-3  # of 1 - leverage: below that a row decides its prediction, and nothing can be told by a formula


@dataclass(frozen=True, eq=False)
class Influence:
    """Of the training rows: leverage, standardised residual and Cook's distance (n,) each, edf, and the scale.

    standardised: nan of more than two classes.  scale: on the scale of the fit the variance of the noise, or how much counts
    vary beyond chance.
    """

    leverage: Array
    standardised: Array
    cook: Array
    edf: float
    scale: float


def influence_of(bands: Bands) -> Influence:
    """The influence of the training rows of a model that has bands."""
    data = bands.data
    weights = np.array([m.weight for m in bands.members])
    smoothers: list[Smoother] = [m.covariance.smoother for m in bands.members]
    leverage = np.asarray(weights @ np.array([s.leverages() for s in smoothers]))
    edf = max(float(leverage.sum()), np.finfo(float).tiny)
    if data.outputs > 1:
        cook = np.asarray(weights @ np.array([_distances(s) for s in smoothers])) / edf
        return Influence(leverage, np.full(data.n, np.nan), cook, edf, 1.0)
    predicted = np.tensordot(weights, [m.model.predict_flagged(data.X_train)[0] for m in bands.members], 1)
    scale = _scale(data, predicted, edf)
    pearson = (data.y_train - predicted) / np.sqrt(scale * variance(data, predicted))
    freedom = np.maximum(1.0 - leverage, LEAST_FREEDOM)
    cook = pearson**2 * leverage / (freedom**2 * edf)
    return Influence(leverage, pearson / np.sqrt(freedom), cook, edf, scale)


def variance(data: Dataset, predicted: Array) -> Array:
    """Of outcomes of the training rows around predictions (n,), in units of the scale: 1 of a quantity, or 1 over the row's
    weight, p (1 - p) of two classes, mu of counts.
    """
    if data.task == REGRESSION:
        return np.ones_like(predicted) if data.w_train is None else 1.0 / data.w_train
    tiny = np.finfo(float).tiny if data.task == COUNTS else np.finfo(float).eps
    return np.maximum(predicted if data.task == COUNTS else predicted * (1.0 - predicted), tiny)


def _scale(data: Dataset, predicted: Array, edf: float) -> float:
    if data.task == REGRESSION:
        rss = data.misfit(predicted)
        return max(rss / max(data.n - edf, 1.0), np.finfo(float).tiny)
    return overdispersion(predicted, data.y_train, edf) if data.task == COUNTS else 1.0


def _distances(smoother: Smoother) -> Array:
    """a_i'V_i a_i (n,)."""
    V, L, m = smoother.variance, smoother.L, smoother.L.shape[1]
    left = np.eye(m) - L @ L.transpose(0, 2, 1) @ V
    a = np.linalg.pinv(left, rcond=LEAST_FREEDOM**2) @ smoother.E[:, :, None]
    return np.asarray((a.transpose(0, 2, 1) @ V @ a)[:, 0, 0])
