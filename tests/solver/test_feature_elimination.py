"""A network without the features that do nothing: which they are, what that is charged, and that nothing else changes."""

from __future__ import annotations

from itertools import combinations
from math import log

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution.messages import FinalCheckTask
from kanlab.execution.tasks import final_check
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, cell_n_params
from kanlab.solver.feature_elimination import held_misfit, subset_charge, widened
from kanlab.solver.fit import fit_cell
from kanlab.stats.criteria import aicc

CELL = Cell(2, 3, 2)


def data(seed: int = 0, n: int = 150, idle: int = 3, order: list[int] | None = None) -> Dataset:
    """Two features that count and some that do not; order: of the columns."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 2 + idle))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2) + 0.2 * rng.normal(size=n)
    names = [f"x{i}" for i in range(2 + idle)]
    frame = pd.DataFrame(X, columns=names)[[names[i] for i in order or range(len(names))]]
    return Dataset.from_frame(frame.assign(y=y), "y", test_fraction=0.2)


def checked(data: Dataset, cell: Cell = CELL) -> dict:
    fit = {"cell": cell, "below": (), "engine": "lm", "options": FitOptions(), "seed": 0}
    return final_check(data, FinalCheckTask(**fit, count="identifiable", count_sigma2=True, neuron_nums=(1, 4)))


def test_the_charge_is_the_code_length_of_the_choice() -> None:
    assert subset_charge(7, 7) == 0.0
    for kept in range(1, 6):
        assert subset_charge(5, kept) == pytest.approx(2 * log(len(list(combinations(range(5), kept)))))


def test_features_that_do_nothing_are_left_out() -> None:
    study = data()
    found = checked(study)["reduced"]
    assert [study.features[i] for i in found["columns"]] == ["x0", "x1"]
    cell = Cell(*found["cell"])
    assert cell[1:] == CELL[1:]
    assert found["n_params"] == cell_n_params(cell, 2)
    assert found["charge"] == pytest.approx(2 * log(10))
    assert found["aicc"] == pytest.approx(aicc(found["rss_train"], study.n, found["n_params"]) + found["charge"])
    full = fit_cell(study.X_train, study.y_train, *CELL)
    assert found["aicc"] < aicc(full.rss_train, study.n, cell_n_params(CELL, 5)) - 20
    assert found["rss_test"] < np.sum((full.predict(study.X_test) - study.y_test) ** 2)


def test_the_order_of_the_columns_does_not_matter() -> None:
    shuffled = data(order=[4, 1, 3, 0, 2])
    found, same = checked(data())["reduced"], checked(shuffled)["reduced"]
    assert {shuffled.features[i] for i in same["columns"]} == {"x0", "x1"}
    assert same["rss_train"] == pytest.approx(found["rss_train"], rel=1e-9)
    assert same["press"] == pytest.approx(found["press"], rel=1e-6)


def test_the_unit_of_a_feature_does_not_matter() -> None:
    study = data()
    scaled = Dataset.from_frame(
        pd.DataFrame(study.X_train * [1e3, 1, 1e-3, 7, 1] + [5, 0, 0, 1e4, -2], columns=study.features).assign(
            y=study.y_train
        ),
        "y",
        test_fraction=0.0,
    )
    found = checked(scaled)["reduced"]
    assert [scaled.features[i] for i in found["columns"]] == ["x0", "x1"]
    assert found["rss_train"] == pytest.approx(checked(study)["reduced"]["rss_train"], rel=1e-5)


def test_where_every_feature_counts_all_stay() -> None:
    assert checked(data(idle=0))["reduced"] is None


def test_one_feature_is_never_left_out() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60)})
    assert checked(Dataset.from_frame(frame, "y"))["reduced"] is None


def test_held_edges() -> None:
    """Against a network whose coefficients say the same: constant edges at the mean of what they gave."""
    study = data()
    fitted = fit_cell(study.X_train, study.y_train, *CELL)
    assert held_misfit(fitted, study.X_train, study.y_train, []) == pytest.approx(fitted.rss_train, rel=1e-9)
    first = fitted.layers[0]
    inputs = ((study.X_train - fitted.x_offset) / fitted.x_scale).T
    out = np.array([replaced(fitted, keep=i)(inputs) for i in (2, 4)])  # (2, h, n)
    means = out.mean(axis=2).sum(axis=0)
    coef = first.coef.copy()
    coef[2], coef[4] = means[:, None], 0.0  # splines sum to 1
    base = first.scale_base.copy()
    base[[2, 4]] = 0.0
    still = with_first(fitted, coef, base)
    rss = np.sum((still.predict(study.X_train) - study.y_train) ** 2)
    assert held_misfit(fitted, study.X_train, study.y_train, [2, 4]) == pytest.approx(rss, rel=1e-8)


def with_first(fitted: FittedKan, coef: np.ndarray, base: np.ndarray) -> FittedKan:
    from dataclasses import replace

    first = replace(fitted.layers[0], coef=coef, scale_base=base)
    return replace(fitted, layers=(first, *fitted.layers[1:]))


def replaced(fitted: FittedKan, keep: int):
    """The first layer with the edges of one feature alone."""
    coef, base = np.zeros_like(fitted.layers[0].coef), np.zeros_like(fitted.layers[0].scale_base)
    coef[keep], base[keep] = fitted.layers[0].coef[keep], fitted.layers[0].scale_base[keep]
    return with_first(fitted, coef, base).layers[0].evaluate


def test_a_widened_network_predicts_the_same_and_does_not_look_at_the_rest() -> None:
    study = data()
    kept = [1, 3]
    network = fit_cell(study.X_train[:, kept], study.y_train, *CELL)
    wide = widened(network, kept, 5)
    X = study.X_test.copy()
    np.testing.assert_array_equal(wide.predict(X), network.predict(X[:, kept]))
    X[:, [0, 2, 4]] = [1e6, -1e6, 1e-9]
    values, outside = wide.predict_flagged(X)
    np.testing.assert_array_equal(values, network.predict(X[:, kept]))
    np.testing.assert_array_equal(outside, network.predict_flagged(X[:, kept])[1])
    again = FittedKan.from_arrays(wide.arrays())
    np.testing.assert_array_equal(again.predict(X), values)
    np.testing.assert_allclose(wide.to_pykan().predict(study.X_test), network.predict(study.X_test[:, kept]), atol=1e-9)
