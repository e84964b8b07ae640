"""The cost model of predicted times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, units
from kanlab.execution import cost_model
from kanlab.execution.cost_model import calibrate, calibration_unit, cost, seconds, study_seconds
from kanlab.execution.messages import TimingTask
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import StudySpec


def test_more_of_anything_costs_more() -> None:
    for engine in ("lm", "pykan-lbfgs"):
        least = cost(Cell(2, 3, 3), 200, 3, engine)
        for cell in (Cell(3, 3, 3), Cell(2, 4, 3), Cell(2, 3, 3, 2)):
            assert cost(cell, 200, 3, engine) > least
        assert cost(Cell(2, 3, 3, 3), 200, 3, engine) > cost(Cell(2, 3, 3, 2), 200, 3, engine)
        assert cost(Cell(2, 3, 3), 400, 3, engine) > least


def test_a_calibration_is_of_cells_that_are_one_unit() -> None:
    cells = SearchSpace((1, 6), (2, 4), (1, 3), (1, 3)).admissible(300, 3)
    unit = calibration_unit(cells, 300, 3, "lm")
    assert unit is not None
    assert set(unit.cells) <= set(cells)
    assert len(units(unit.cells, "lm")) == 1
    assert calibration_unit([], 300, 3, "lm") is None


def test_wall_time_falls_with_workers_but_never_below_the_longest_unit() -> None:
    spec = StudySpec(space=SearchSpace((1, 3), (2, 4), (3, 3), (1, 2)))
    cells = spec.admissible(300, 3)
    one, two, many = (seconds(cells, 300, 3, spec, 1.0, workers) for workers in (1, 2, 1000))
    longest = max(sum(cost(c, 300, 3, "lm") for c in unit.cells) for unit in units(cells, "lm"))
    assert one > two > many > longest


def test_a_study_takes_longer_with_more_starts_and_less_time_with_fewer_trials() -> None:
    for engine in ("lm", "pykan-lbfgs"):
        spec = StudySpec(space=SearchSpace((1, 4), (2, 4), (3, 3)), engine=engine)
        own, more = (study_seconds(replace(spec, options=FitOptions(n)), 300, 3, 1.0, 2) for n in (None, 12))
        assert own < more
        every, sampled, first = (
            study_seconds(replace(spec, trials=trials, sampler=sampler), 300, 3, 1.0, 2)
            for trials, sampler in ((None, "auto"), (4, "random"), (4, "exhaustive"))
        )
        assert first < sampled < every == own


def test_a_calibration_times_the_engines_own_number_of_starts(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[TimingTask] = []

    def run_task(given: TimingTask, *_: object) -> dict[str, float]:
        tasks.append(given)
        return {"seconds": 1.0}

    monkeypatch.setattr(cost_model, "run_task", run_task)
    one, other = (calibrate(small, StudySpec(options=FitOptions(starts))) for starts in (None, 30))
    assert one == other
    assert [t.options.starts for t in tasks] == [None, None]
