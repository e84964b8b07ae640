"""What a model of any family predicts of rows it was not fitted to."""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.registry import BASELINES_OF, fit_named, predictions_left_out
from kanlab.data.dataset import Dataset
from kanlab.stats.folds import fold_rows

FOLDS = 5


def left_out_by(family: str, data: Dataset) -> Array:
    """Predictions of the training rows by a family, (n,) or (n, classes), each had it not been fitted, or its fold had not."""
    exact = family in BASELINES_OF[data.task]
    return predictions_left_out(family, data) if exact else predictions_of_folds(family, data)


def predictions_of_folds(family: str, data: Dataset) -> Array:
    """Predictions of the training rows by a family, (n,) or (n, classes), each by a fit without its fold."""
    target = data.fit_target(data.y_train)
    predicted = np.zeros(target.shape)
    for fold in range(FOLDS):
        held = fold_rows(data.n, fold, FOLDS, 0, data.y_train if data.levels else None)
        X = data.X_train[~held]
        weights = None if data.w_train is None else data.w_train[~held]
        fitted = fit_named(family, X, target[~held], 0, data.task, weights=weights)
        new = data.X_train[held] if fitted.extends else np.clip(data.X_train[held], X.min(axis=0), X.max(axis=0))
        predicted[held] = fitted.predict(new)
    return predicted
