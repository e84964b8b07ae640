"""Data that breaks careless fits: no exception, no NaN, no warning, and an RSS no worse than the mean's."""

import warnings

import numpy as np
import pytest

from kanlab.solver.fit import LmOptions, fit_path

RNG = np.random.default_rng(0)
N = 70
X = RNG.normal(size=(N, 3))
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * RNG.normal(size=N)
HEAVY = np.random.default_rng(1).standard_cauchy((N, 3))

CASES = {
    "constant column": (np.column_stack([X, np.ones(N)]), Y),
    "constant columns only": (np.ones((N, 2)), Y),
    "binary column": (np.column_stack([X[:, :2], X[:, 2] > 0]), Y),
    "binary columns only": ((X > 0).astype(float), Y),
    "duplicate columns": (np.column_stack([X, X]), Y),
    "rounded inputs": (np.round(X), Y),
    "n < K": (X[:12], Y[:12]),
    "two rows": (X[:2], Y[:2]),
    "identical rows": (np.repeat(X[:2], 10, axis=0), np.repeat(Y[:2], 10)),
    "constant y": (X, np.full(N, 0.1)),
    "zero y": (X, np.zeros(N)),
    "y * 1e4 + 1e6": (X, Y * 1e4 + 1e6),
    "x * 1e3 + 1e5": (X * 1e3 + 1e5, Y),
    "heavy-tailed x": (HEAVY, Y),
    "heavy-tailed y": (X, HEAVY[:, 0] ** 3),
    "tiny y": (X, Y * 1e-200),
    "huge x and y": (X * 1e300, Y * 1e140),
    "a linear function": (X, X @ [1.0, 2.0, 3.0]),
    "a step": (X, (X[:, 0] > 0).astype(float)),
    "more columns than rows": (np.random.default_rng(2).normal(size=(20, 30)), Y[:20]),
    "two targets, one constant": (X, np.column_stack([Y, np.ones(N)])),
}


@pytest.mark.parametrize("smoothing", [0.0, 1000.0])
@pytest.mark.parametrize("name", CASES)
def test_survives(name, smoothing):
    inputs, targets = CASES[name]
    options = LmOptions(smoothing=smoothing, kernels="numpy")
    total = np.sum((targets - targets.mean(axis=0)) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in fit_path(inputs, targets, 3, 3, (1, 3), options=options):
            predicted, outside = model.predict_flagged(inputs)
            assert np.isfinite(predicted).all()
            assert not outside.any()
            assert model.rss_train <= total * (1 + 1e-9)
            assert np.sum((predicted - targets) ** 2) == pytest.approx(
                model.rss_train, rel=1e-6, abs=1e-12 * total + 1e-25
            )
            far = model.predict(np.full((1, inputs.shape[1]), 1e300))
            assert np.isfinite(far).all()
