"""What workers are asked beside the units of a study, done here in this process."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score

from kanlab.baselines.registry import BASELINES, baselines
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, network_data
from kanlab.execution import tasks
from kanlab.execution.messages import (
    AnyTask,
    AverageTask,
    DofTask,
    EdfTask,
    FamilyFoldTask,
    FamilyTask,
    FoldTask,
    NetworkTask,
    PermutationTask,
    RefitTask,
    Request,
    Result,
    TimingTask,
    decode,
    decode_request,
    encode,
)
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, cell_n_params
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.smoother import effective_dof, smoother_root
from kanlab.stats.criteria import aicc
from kanlab.stats.folds import fold_rows
from kanlab.stats.generalised_dof import divergence

CELL = Cell(2, 3, 2)
COMMON: dict[str, Any] = {"cell": CELL, "engine": "lm", "options": FitOptions(), "seed": 3}


def answer(task: AnyTask, data: Dataset) -> dict[str, Any]:
    """The answer as it comes over the pipe; asking twice gives the same."""
    sent = decode_request(encode(Request("data.parquet", task))).task
    assert sent == task
    result = decode(encode(Result(tasks.answer(data, sent))))
    assert isinstance(result, Result)
    found, again = result.value, tasks.answer(data, task)
    assert {k: v for k, v in found.items() if k != "seconds"} == {k: v for k, v in again.items() if k != "seconds"}
    return {k: v for k, v in found.items() if k != "seconds"}


def test_refit(small: Dataset) -> None:
    found = answer(RefitTask(**COMMON), small)
    fitted = fit_cell(small.X_train, small.y_train, *CELL, seed=3)
    predicted, outside = fitted.predict_flagged(small.X_test)
    assert found["rss_train"] == fitted.rss_train
    assert found["rss_test"] == pytest.approx(np.sum((predicted - small.y_test) ** 2))
    assert found["extrapolates"] == outside.mean()
    bare = replace(small, X_test=small.X_test[:0], y_test=small.y_test[:0])
    assert answer(RefitTask(**COMMON), bare) == {
        "rss_train": fitted.rss_train,
        "rss_test": None,
        "extrapolates": None,
        "edf": fitted.edf,
    }


def test_the_folds_part_the_rows() -> None:
    masks = np.array([fold_rows(23, i, 5, seed=7) for i in range(5)])
    assert (masks.sum(axis=0) == 1).all()
    assert set(masks.sum(axis=1)) <= {4, 5}
    assert not np.array_equal(masks[0], fold_rows(23, 0, 5, seed=8))


@pytest.mark.parametrize("family", ["linear", "constant"])
def test_a_family_cross_validated_as_scikit_learn_does(family: str, small: Dataset) -> None:
    from sklearn.dummy import DummyRegressor
    from sklearn.linear_model import LinearRegression

    folds = [(~m, m) for m in (fold_rows(small.n, i, 5, seed=3) for i in range(5))]
    model = LinearRegression() if family == "linear" else DummyRegressor()
    splits = [(np.flatnonzero(train), np.flatnonzero(held)) for train, held in folds]
    scores = cross_val_score(model, small.X_train, small.y_train, cv=splits, scoring="neg_mean_squared_error")
    for i, score in enumerate(scores):
        found = answer(FamilyFoldTask(family=family, fold=i, folds=5, seed=3), small)
        assert found["rows"] == folds[i][1].sum()
        assert found["rss"] / found["rows"] == pytest.approx(-score)


def test_a_cell_is_cross_validated_without_a_look_at_the_fold(small: Dataset) -> None:
    task = FoldTask(**COMMON, fold=1, folds=5)
    found = answer(task, small)
    held = fold_rows(small.n, 1, 5, seed=3)
    fitted = fit_cell(small.X_train[~held], small.y_train[~held], *CELL, seed=3)
    assert found["rss"] == pytest.approx(np.sum((fitted.predict(small.X_train[held]) - small.y_train[held]) ** 2))
    changed = replace(small, y_train=np.where(held, 100.0, small.y_train))
    assert answer(task, changed)["rss"] > 1000 * found["rss"]


def test_a_family_of_the_validation(small: Dataset) -> None:
    found = answer(FamilyTask(family="gam", count_sigma2=True, seed=0), small)
    assert found["family"] == "gam"
    assert found["aicc"] == pytest.approx(aicc(found["rss_train"], small.n, found["n_params"]))


def test_the_gain_over_the_mean(small: Dataset) -> None:
    arguments: dict[str, Any] = {
        "engine": "lm", "options": FitOptions(), "seed": 0, "count": "identifiable", "count_sigma2": True,
        "cells": (Cell(1, 2, 1), Cell(2, 2, 2)),
    }  # fmt: skip
    own = answer(PermutationTask(**arguments, shuffle=None), small)["gain"]
    scores = [
        aicc(fit_cell(small.X_train, small.y_train, *c).rss_train, small.n, cell_n_params(Cell(*c), small.d))
        for c in ((1, 2, 1), (2, 2, 2))
    ]
    mean = baselines(small)[0].aicc
    assert mean is not None
    assert own == pytest.approx(mean - min(scores))
    chance = [answer(PermutationTask(**arguments, shuffle=seed), small)["gain"] for seed in (1, 2, 3)]
    assert max(chance) < own
    assert len(set(chance)) == 3


def test_the_averaged_prediction(small: Dataset) -> None:
    cells, weights = (Cell(1, 2, 1), CELL), (0.25, 0.75)
    found = answer(AverageTask(cells=cells, weights=weights, engine="lm", options=FitOptions(), seed=3), small)
    fits = [fit_cell(small.X_train, small.y_train, *c, seed=3) for c in cells]
    for X, y, name in ((small.X_train, small.y_train, "rss_train"), (small.X_test, small.y_test, "rss_test")):
        mean = sum(w * f.predict(X) for w, f in zip(weights, fits, strict=True))
        assert found[name] == pytest.approx(np.sum((mean - y) ** 2))


# ---- degrees of freedom


def test_generalised_dof_of_a_linear_smoother_are_its_trace() -> None:
    """Exactly so over all signs of the perturbation, and whatever its size."""
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(6, 6)), rng.normal(size=6)
    for size in (0.1, 5.0):
        steps = (size * np.array(signs) for signs in itertools.product([-1.0, 1.0], repeat=6))
        draws = [divergence(lambda v: S @ v + 7.0, y, step) for step in steps]
        assert np.mean(draws) == pytest.approx(np.trace(S))


def test_generalised_dof_of_a_projection_count_its_columns(small: Dataset) -> None:
    rng = np.random.default_rng(1)

    def smooth(y: np.ndarray) -> np.ndarray:
        return BASELINES["linear"](small.X_train, y, 0).predict(small.X_train)

    draws = [divergence(smooth, small.y_train, 0.3 * rng.choice([-1.0, 1.0], small.n)) for _ in range(400)]
    standard_error = np.std(draws) / 20
    assert abs(np.mean(draws) - (small.d + 1)) < 4 * standard_error


def test_dof_of_a_network(small: Dataset) -> None:
    fitted = fit_cell(small.X_train, small.y_train, *CELL, seed=3)
    draws = [answer(DofTask(**COMMON, pair=i, rss_train=fitted.rss_train), small)["dof"] for i in range(6)]
    assert len(set(draws)) == 6
    edf = answer(EdfTask(**COMMON), small)["edf"]
    assert 3 < edf < fitted.n_params
    assert 0.5 * edf < np.mean(draws) < 1.5 * fitted.n_params


def test_effective_dof_of_a_network_of_some_features(frame: pd.DataFrame, small: Dataset) -> None:
    """As of a table that never had the others: the last column says nothing, and the network is not fitted to it."""
    noise = np.random.default_rng(0).normal(size=len(frame))
    more = Dataset.from_frame(frame.assign(noise=noise), "y", ["a", "b", "noise"], name="more.csv")
    options = FitOptions(features=2)
    assert network_data(more, options)[1] == (0, 1)
    found = answer(EdfTask(**COMMON | {"options": options}), more)["edf"]
    assert found == pytest.approx(answer(EdfTask(**COMMON), small)["edf"])


def test_effective_dof_fall_with_smoothing_and_reach_the_identifiable_count() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (300, 2))
    y = np.sin(2 * X[:, 0]) * X[:, 1] + 0.2 * rng.normal(size=300)
    found = []
    for smoothing in (0.0, 10.0, 1000.0, 1e6):
        fitted = fit_cell(X, y, *CELL, options=LmOptions(smoothing=smoothing))
        found.append(effective_dof(fitted, X, y))
    assert found == sorted(found, reverse=True)
    # the range of a hidden node is no parameter of its own here: shifting and stretching it moves the knots along
    assert fitted.n_params - 2 * CELL.neuron_num - 1 <= found[0] <= fitted.n_params
    assert found[-1] < 12


@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(1, 15), st.floats(1e-3, 1e3))
def test_the_trace_is_that_of_the_hat_matrix(seed: int, p: int, rows: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    J, R = rng.normal(size=(40, p)), strength * rng.normal(size=(rows, p))
    hat = J @ np.linalg.solve(J.T @ J + R.T @ R, J.T)
    assert np.sum(smoother_root(J, R) ** 2) == pytest.approx(np.trace(hat), rel=1e-8)
    # the same functions written twice are no more
    twice = np.sum(smoother_root(np.hstack([J, J]), np.hstack([R, R])) ** 2)
    assert twice == pytest.approx(np.trace(hat), rel=1e-8)


def test_the_trace_keeps_what_a_strong_penalty_is_far_from() -> None:
    """A penalty of 1e9 on one direction must not hide the free ones beside it, as it does in the squared system."""
    J = np.eye(6)
    R = np.zeros((1, 6))
    R[0, 0] = 1e9
    assert np.sum(smoother_root(J, R) ** 2) == pytest.approx(5.0, abs=1e-9)


def test_timing(small: Dataset) -> None:
    task = TimingTask(unit=Unit(2, 1, (1, 2)), engine="lm", options=FitOptions(), seed=0)
    assert tasks.answer(small, task)["seconds"] > 0


def test_a_network_survives_json(small: Dataset) -> None:
    result = decode(encode(Result(tasks.answer(small, NetworkTask(**COMMON)))))
    assert isinstance(result, Result)
    found = result.value
    sent = FittedKan.from_arrays({name: np.array(values, dtype=kind) for name, (kind, values) in found.items()})
    fitted = fit_cell(small.X_train, small.y_train, *CELL, seed=3)
    np.testing.assert_array_equal(sent.predict(small.X_test), fitted.predict(small.X_test))
