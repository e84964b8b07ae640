"""Units of work, and what a fit of one comes to."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.dataset import Dataset
from kanlab.engines import pykan_training, registry
from kanlab.engines.catalogue import ENGINES, Engine
from kanlab.engines.pykan_training import SCHEDULES
from kanlab.engines.registry import CURVE_POINTS, FitOptions, Outcome, Unit, fit_unit, thin, units
from kanlab.execution.messages import Fit, Request, UnitTask, decode, decode_request, encode
from kanlab.kan.search_space import Cell

STOCK = [name for name in ENGINES if ENGINES[name].needs_torch]

cell_lists = st.lists(
    st.builds(Cell, st.integers(1, 6), st.integers(2, 5), st.integers(1, 3), st.integers(1, 2)),
    unique=True,
    min_size=1,
    max_size=40,
)

# ---- units


@given(cell_lists, st.sampled_from(STOCK))
def test_stock_cells_are_units_of_their_own_in_order(cells: list[Cell], engine: str) -> None:
    assert [u.cells for u in units(cells, engine)] == [[c] for c in cells]


@given(cell_lists)
def test_a_nested_engine_gets_paths_of_ascending_width(cells: list[Cell]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "nested", Engine("nested", "", "", nested=True, needs_torch=False))
        found = units(cells, "nested")
    assert sorted(itertools.chain.from_iterable(u.cells for u in found)) == sorted(cells)
    assert len({(u.grid, u.k, u.depth, u.multiplication) for u in found}) == len(found)
    for unit in found:
        assert list(unit.neuron_nums) == sorted(unit.neuron_nums)
    first = [min(cells.index(c) for c in u.cells) for u in found]
    assert first == sorted(first)


# ---- curves


@given(st.lists(st.floats(1e-9, 1e9), max_size=300))
def test_thin_keeps_the_ends_and_the_order(curve: list[float]) -> None:
    found = thin(curve)
    assert len(found) == min(len(curve), CURVE_POINTS)
    if not curve:
        return
    assert found[0] == pytest.approx(curve[0], rel=1e-5)
    assert found[-1] == pytest.approx(curve[-1], rel=1e-5)
    rest = iter(curve)
    assert all(any(value == pytest.approx(wanted, rel=1e-5) for wanted in rest) for value in found)


# ---- a real fit


def test_a_unit_is_fitted_cell_by_cell(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES, "pykan-lbfgs", replace(SCHEDULES["pykan-lbfgs"], steps=4))
    found = list(fit_unit(small, Unit(3, 2, (1, 3)), "pykan-lbfgs", FitOptions(), seed=5))
    assert [o.neuron_num for o in found] == [1, 3]
    for outcome in found:
        model = pykan_training.train(small.X_train, small.y_train, outcome.neuron_num, 3, 2, seed=5).model
        assert outcome.rss_train == float(np.sum((model.predict(small.X_train) - small.y_train) ** 2))
        assert outcome.rss_test == float(np.sum((model.predict(small.X_test) - small.y_test) ** 2))
        assert (outcome.status, outcome.iterations, outcome.starts) == ("iteration limit", 4, 1)
        assert len(outcome.loss_curve) == 4
        assert decode(encode(Fit(outcome))) == Fit(outcome)


@pytest.mark.parametrize("engine", ["lm", "pykan-lbfgs"])
def test_a_unit_of_two_hidden_layers(engine: str, small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES, "pykan-lbfgs", replace(SCHEDULES["pykan-lbfgs"], steps=3))
    unit = Unit(2, 2, (1, 2), 2)
    task = UnitTask(unit=unit, engine=engine, options=FitOptions(), seed=5)
    assert decode_request(encode(Request("data.parquet", task))).task == task
    found = list(fit_unit(small, unit, engine, FitOptions(), seed=5))
    for cell, outcome in zip(unit.cells, found, strict=True):
        below = [h for h in unit.neuron_nums if h < cell.neuron_num]
        network = registry.fit_model(small, cell, engine, FitOptions(), 5, below)
        assert network.spec.layer_widths == (2, cell.neuron_num, cell.neuron_num, 1)
        assert outcome.rss_train == pytest.approx(network.rss_train, rel=1e-5)


def test_no_test_rows_no_test_error(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES, "pykan-lbfgs", replace(SCHEDULES["pykan-lbfgs"], steps=1))
    alone = replace(small, X_test=small.X_test[:0], y_test=small.y_test[:0])
    (outcome,) = fit_unit(alone, Unit(2, 1, (1,)), "pykan-lbfgs", FitOptions(), seed=0)
    assert outcome.rss_test is None
    assert outcome.rss_train is not None


# ---- starts, with a training that is only told


@dataclass
class Told:
    """Stands for a trained network whose predictions are all `value`."""

    value: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.value)


class Trainings:
    """Replaces pykan_engine.train: seed -> (prediction, status)."""

    def __init__(self, results: dict[int, tuple[float, str]], seconds: float = 0.0) -> None:
        self.results, self.seconds = results, seconds
        self.calls: list[dict[str, Any]] = []

    def __call__(self, X: np.ndarray, y: np.ndarray, *cell: int, **options: Any) -> Any:
        self.calls.append({"cell": cell, **options})
        time.sleep(self.seconds)
        value, status = self.results[options["seed"]]
        return pykan_training.Training(Told(value), status, [2.0, 1.0], 0.0)  # type: ignore[arg-type]


def fit(small: Dataset, told: Trainings, options: FitOptions, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    monkeypatch.setattr(pykan_training, "train", told)
    (outcome,) = fit_unit(small, Unit(3, 2, (4,)), "pykan-adam", options, seed=10)
    return outcome


def rss_of(small: Dataset, value: float) -> float:
    return pytest.approx(float(np.sum((small.y_train - value) ** 2)))  # type: ignore[no-any-return]


def test_the_best_start_counts(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    mean = float(small.y_train.mean())
    told = Trainings({10: (mean + 1, "stalled"), 11: (mean, "iteration limit"), 12: (mean + 2, "stalled")})
    outcome = fit(small, told, FitOptions(starts=3, early_stopping=False), monkeypatch)
    assert outcome.rss_train == rss_of(small, mean)
    assert (outcome.status, outcome.starts) == ("iteration limit", 3)
    assert [c["seed"] for c in told.calls] == [10, 11, 12]
    assert {(c["cell"], c["engine"], c["early_stopping"]) for c in told.calls} == {((4, 3, 2, 1), "pykan-adam", False)}


def test_diverged_starts_do_not_count(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    mean = float(small.y_train.mean())
    told = Trainings({10: (mean, "diverged: singular"), 11: (np.nan, "stalled"), 12: (mean + 1, "stalled")})
    outcome = fit(small, told, FitOptions(starts=3), monkeypatch)
    assert outcome.rss_train == rss_of(small, mean + 1)
    assert outcome.status == "stalled"


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ({10: (0.0, "diverged: singular")}, "diverged: singular"),
        ({10: (np.nan, "stalled")}, "diverged"),
        ({10: (1e300, "iteration limit")}, "diverged"),
    ],
)
def test_a_fit_without_a_finite_start_has_diverged(
    small: Dataset, monkeypatch: pytest.MonkeyPatch, results: dict[int, tuple[float, str]], status: str
) -> None:
    outcome = fit(small, Trainings(results), FitOptions(), monkeypatch)
    assert (outcome.status, outcome.rss_train, outcome.rss_test) == (status, None, None)


def test_the_time_limit_is_that_of_all_starts(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Trainings(dict.fromkeys(range(10, 30), (0.0, "stalled")), seconds=0.1)
    fit(small, told, FitOptions(starts=20, time_limit=0.35), monkeypatch)
    assert len(told.calls) < 20
    limits = [c["time_limit"] for c in told.calls]
    assert limits == sorted(limits, reverse=True)
    assert 0 < limits[-1] < limits[0] <= 0.35
