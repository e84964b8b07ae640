"""A multilayer perceptron, early stopped on a fifth of the training rows. It has no parameter count AICc could use."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.linear import mean_of
from kanlab.baselines.protocol import FamilyFit, Portable


def fit(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Two hidden layers of 32, standardised inputs and target."""
    center, scale = mean_of(y, weights), y.std() or 1.0
    model = _trained(MLPRegressor(**_settings(y), random_state=seed), X, (y - center) / scale, weights)
    return FamilyFit(
        Portable(lambda new: model.predict(new) * scale + center, lambda: _numbers(model, center, scale)), None
    )


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same network with probabilities; the prevalence where y holds one class alone."""
    if y.min() == y.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    rare = min(y.sum(), len(y) - y.sum())
    settings = _settings(y) | {"early_stopping": len(y) >= 50 and rare >= 5}  # both classes must be held out
    model = _trained(MLPClassifier(**settings, random_state=seed), X, y)
    return FamilyFit(Portable(lambda new: model.predict_proba(new)[:, 1], lambda: _numbers(model, 0.0, 1.0)), None)


def _numbers(model: Pipeline, y_offset: float, y_scale: float) -> dict[str, Any]:
    standard, network = model[0], model[1]
    return {
        "kind": "perceptron",
        "center": standard.mean_.tolist(),
        "scale": standard.scale_.tolist(),
        "weights": [w.tolist() for w in network.coefs_],
        "biases": [b.tolist() for b in network.intercepts_],
        "y_offset": float(y_offset),
        "y_scale": float(y_scale),
    }


def classify_many(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same of every class, y (n, classes); the shares where y holds one class alone."""
    number = y.argmax(axis=1)
    if number.min() == number.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    present = np.bincount(number)
    settings = _settings(number) | {"early_stopping": len(y) >= 50 and present[present > 0].min() >= 5}
    model = _trained(MLPClassifier(**settings, random_state=seed), X, number)
    predict, present = logistic.of_all_classes(model, y.shape[1]), model.classes_.astype(int)
    return FamilyFit(Portable(predict, lambda: _of_log_odds(_numbers(model, 0.0, 1.0), present, y.shape[1])), None)


def _of_log_odds(numbers: dict[str, Any], present: Array, classes: int) -> dict[str, Any]:
    """The numbers of a network of logits of the classes present as one of log-odds of each of all against the first."""
    weights, biases = (np.array(numbers[name][-1]) for name in ("weights", "biases"))
    if len(biases) == 1:  # two classes of more: the log-odds of the second
        weights, biases = np.column_stack([np.zeros(len(weights)), weights]), np.append(0.0, biases)
    every, offset = np.zeros((len(weights), classes)), np.full(classes, logistic.UNSEEN)
    every[:, present], offset[present] = weights, biases
    return numbers | {
        "weights": [*numbers["weights"][:-1], (every[:, 1:] - every[:, :1]).tolist()],
        "biases": [*numbers["biases"][:-1], (offset[1:] - offset[0]).tolist()],
    }


def count(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same network for the logarithm of mean counts, by Poisson deviance; the mean where all counts are 0.

    Its target is scaled to a mean of 1.
    """
    if not y.any():
        return FamilyFit(poisson.constant(X, y).predict, None)
    mean = float(y.mean())
    model = _trained(MLPRegressor(**_settings(y), loss="poisson", random_state=seed), X, y / mean)
    numbers = lambda: _numbers(model, float(np.log(mean)), 1.0)  # noqa: E731
    return FamilyFit(Portable(lambda new: model.predict(new) * mean, numbers), None)


def _settings(y: Array) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (32, 32),
        "early_stopping": len(y) >= 50,
        "validation_fraction": 0.2,
        "n_iter_no_change": 50,
        "max_iter": 2000,
    }


def _trained(network: MLPClassifier | MLPRegressor, X: Array, y: Array, weights: Array | None = None) -> Pipeline:
    of_rows = {} if weights is None else {f"{type(network).__name__.lower()}__sample_weight": weights / weights.mean()}
    model = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **of_rows)
