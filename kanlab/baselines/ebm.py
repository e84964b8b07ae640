"""Explainable boosting machine of interpret (Lou et al., KDD 2013; Nori et al., arXiv:1909.09223) at its defaults: shape
functions of single features and of pairs, grown by boosting; compared on held-out rows only.

It takes the extra `kanlab[ebm]` and is fitted where it is asked for by name. Its shapes are averages over bags of shrunken
steps, which no number of parameters describes.
"""

from __future__ import annotations

from typing import Any

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.linear import constant
from kanlab.baselines.protocol import FamilyFit

FEWEST_ROWS = 10  # below, its validation rows are too few to stop by


def fit(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Shape functions by boosting; the mean where there are fewer than FEWEST_ROWS rows."""
    if len(y) < FEWEST_ROWS:
        return FamilyFit(constant(X, y, weights=weights).predict, None)
    return FamilyFit(_made("ExplainableBoostingRegressor", X, seed).fit(X, y, sample_weight=weights).predict, None)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for log-odds; the prevalence where a class has fewer than two rows, or there are fewer than FEWEST_ROWS."""
    if len(y) < FEWEST_ROWS or not 2 <= y.sum() <= len(y) - 2:
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = _made("ExplainableBoostingClassifier", X, seed).fit(X, y.astype(int))
    return FamilyFit(lambda new: model.predict_proba(new)[:, 1], None)


def classify_many(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Single features alone for every class of y (n, classes) that has at least two rows, since interpret shows no pairs of
    many classes; the shares where fewer than two have them.
    """
    number, rows = y.argmax(axis=1), y.sum(axis=0)
    kept = rows[number] >= 2
    if kept.sum() < FEWEST_ROWS or (rows >= 2).sum() < 2:
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = _made("ExplainableBoostingClassifier", X, seed, interactions=0).fit(X[kept], number[kept])
    return FamilyFit(logistic.of_all_classes(model, y.shape[1]), None)


def count(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for the logarithm of mean counts; the mean where all counts are 0 or there are fewer than FEWEST_ROWS rows."""
    if len(y) < FEWEST_ROWS or not y.any():
        return FamilyFit(poisson.constant(X, y).predict, None)
    model = _made("ExplainableBoostingRegressor", X, seed, objective="poisson_deviance").fit(X, y)
    return FamilyFit(model.predict, None)


def _made(kind: str, X: Array, seed: int, **options: Any) -> Any:
    """An estimator of interpret that takes every feature as a number and uses no process beside this one."""
    from interpret import glassbox

    return getattr(glassbox, kind)(feature_types=["continuous"] * X.shape[1], random_state=seed, n_jobs=1, **options)
