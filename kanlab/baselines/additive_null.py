"""Data sets that have no interactions but are otherwise as the training rows are, to hold an interaction against.

Of a quantity: the predictions of an additive model plus its residuals in a random order (Friedman & Popescu 2008, section
8.3), widened for the degrees of freedom it has spent. Of classes and counts the target is drawn from the additive model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kanlab.baselines.registry import fit_to
from kanlab.data.dataset import Dataset
from kanlab.stats.likelihood import COUNTS

ADDITIVE = "gam"


def additive_null(data: Dataset, seed: int) -> Dataset:
    """The same inputs with a target that is a sum of functions of single inputs and noise; seed: of the noise."""
    fitted = fit_to(ADDITIVE, data)
    mean, rng = fitted.predict(data.X_train), np.random.default_rng(seed)
    if data.levels:
        shares = np.column_stack([1.0 - mean, mean]) if mean.ndim == 1 else mean
        drawn = (rng.random((data.n, 1)) > np.cumsum(shares, axis=1)).sum(axis=1)
        return replace(data, y_train=np.minimum(drawn, shares.shape[1] - 1).astype(float))
    if data.task == COUNTS:
        return replace(data, y_train=rng.poisson(mean).astype(float))
    spent = min(fitted.dof or 1.0, data.n / 2)
    root = (
        np.ones(data.n) if data.w_train is None else np.sqrt(data.w_train)
    )  # makes the residuals those of one variance
    residuals = root * (data.y_train - mean) * np.sqrt(data.n / (data.n - spent))
    return replace(data, y_train=mean + rng.permutation(residuals) / root)
