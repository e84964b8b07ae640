"""Which models join the average that predicts best, and in which shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls
from sklearn.ensemble import HistGradientBoostingRegressor

from kanlab.arrays import as_text, from_text
from kanlab.baselines.folds import FOLDS, left_out_by, predictions_of_folds
from kanlab.baselines.leave_one_out import LEFT_OUT
from kanlab.baselines.registry import BASELINES, reference_losses
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution import averaging
from kanlab.execution.intervals import average_left_out
from kanlab.kan.search_space import Cell
from kanlab.kan.shapes import Shape
from kanlab.solver.fit import fit_path
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.stats.folds import fold_rows
from kanlab.stats.stacking import LEAST_SHARE

CELLS = [Cell(1, 2, 2), Cell(2, 2, 2)]


def stairs(n: int) -> Dataset:
    """A smooth part for networks, and steps for trees."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 3))
    y = np.sin(2 * X[:, 0]) + (X[:, 1] > 0.2) * (X[:, 2] < 0.3) + 0.2 * rng.normal(size=n)
    return Dataset.from_frame(pd.DataFrame(X).add_prefix("x").assign(y=y), "y")


def found(data: Dataset, options: FitOptions | None = None) -> tuple[dict[str, Any] | None, np.ndarray]:
    networks = list(fit_path(data.X_train, data.y_train, 2, 2, [1, 2]))
    rows = [predictions_left_out(network, data.X_train, data.y_train, 1000.0) for network in networks]
    reference = reference_losses(data)
    assert reference is not None
    options = options or FitOptions(smoothing=1000.0)
    return averaging.averaged(data, CELLS, networks, rows, reference, options), np.mean(rows, axis=0)


def test_other_families_join_where_rows_are_many() -> None:
    data = stairs(420)
    assert data.n >= averaging.LEAST_ROWS
    average, of_networks = found(data)
    assert average is not None
    shares = dict(average["families"])
    assert "boosting" in shares
    assert all(share >= LEAST_SHARE for share in shares.values())
    columns = np.column_stack([of_networks, *(left_out_by(name, data) for name in shares)])
    heavy = 1e6  # holds the sum of the shares
    wanted, _ = nnls(np.vstack([columns, np.full(columns.shape[1], heavy)]), np.append(data.y_train, heavy))
    np.testing.assert_allclose([1 - sum(shares.values()), *shares.values()], wanted, atol=0.01)
    together = columns @ [1 - sum(shares.values()), *shares.values()]
    assert average["press"] == pytest.approx(np.sum((together - data.y_train) ** 2))


def test_none_joins_where_rows_are_few_or_effects_constrained() -> None:
    for average, _ in (found(stairs(200)), found(stairs(420), FitOptions(smoothing=1000.0, shape=Shape(up=(0,))))):
        assert average is None or {name for name, _ in average["families"]} <= set(BASELINES)


def test_networks_that_say_little_beside_trees_are_averaged_with_the_linear_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trees that know the target take all; they do not make an average of networks."""
    data = stairs(420)
    known = left_out_by
    monkeypatch.setattr(averaging, "left_out_by", lambda name, d: d.y_train if name == "boosting" else known(name, d))
    average, of_networks = found(data)
    assert average is not None
    assert {name for name, _ in average["families"]} <= set(BASELINES)
    assert average["press"] <= np.sum((of_networks - data.y_train) ** 2) * (1 + 1e-9)


def test_predictions_of_rows_left_out() -> None:
    data = stairs(150)
    np.testing.assert_allclose(
        left_out_by("linear", data), data.y_train - LEFT_OUT["linear"](data.X_train, data.y_train)
    )
    expected = np.zeros(data.n)
    for fold in range(FOLDS):
        held = fold_rows(data.n, fold, FOLDS, 0)
        X = data.X_train[~held]
        model = HistGradientBoostingRegressor(random_state=0).fit(X, data.y_train[~held])
        expected[held] = model.predict(np.clip(data.X_train[held], X.min(axis=0), X.max(axis=0)))
    np.testing.assert_allclose(predictions_of_folds("boosting", data), expected)


def test_what_an_average_predicts_of_rows_left_out_is_kept() -> None:
    """As text that says each number in full, for its intervals; the same as is made of its members again."""
    data = stairs(200)
    networks = list(fit_path(data.X_train, data.y_train, 2, 2, [1, 2]))
    rows = [predictions_left_out(network, data.X_train, data.y_train, 1000.0) for network in networks]
    average, _ = found(data)
    assert average is not None
    kept = from_text(average["rows"], (data.n,))
    families = [(name, share) for name, share in average["families"]]
    again = average_left_out(data, rows, 1.0 - sum(share for _, share in families), families)
    np.testing.assert_allclose(kept, again, rtol=1e-9)
    assert average_left_out(data, [rows[0], None], 1.0, []) is None
    np.testing.assert_array_equal(from_text(as_text(kept), (data.n,)), kept)
