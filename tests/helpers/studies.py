"""Running studies in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import Cell
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.spec import StudySpec
from kanlab.study.state import StudyState, read_state
from kanlab.study.trials import TrialRecord

STOCK = "pykan-lbfgs"  # an engine that fits each cell by itself
NESTED = "lm"  # one that fits the cells of a (grid, k) one from the other


def run(data: Dataset, *, name: str | None = None, **spec: Any) -> StudyHandle:
    """A study of its own supervisor, run to its end; of stock cells where no engine is named."""
    handle = create_study(data, StudySpec(**{"engine": STOCK} | spec), name=name)
    finish(handle)
    return handle


def finish(handle: StudyHandle) -> None:
    """Run a study, new or not, to its end."""
    supervisor = Supervisor(handle)
    supervisor.start()
    supervisor.join(60)
    assert not supervisor.is_alive()


def state(handle: StudyHandle) -> StudyState:
    return read_state(handle.optuna.user_attrs)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value of a condition; fails where there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("what was waited for did not happen")


def numbers(records: list[TrialRecord]) -> list[tuple[Any, ...]]:
    """What must not depend on workers, clocks or processes."""
    return [
        (r.number, r.cell, r.state, r.n_params, r.rss_train, r.rss_test, r.aicc, r.status, tuple(r.loss_curve))
        for r in records
    ]


def by_cell(records: list[TrialRecord]) -> list[tuple[Any, ...]]:
    """`numbers` without the number of the trial, by cell."""
    return sorted(row[1:] for row in numbers(records))


def finished(handle: StudyHandle) -> list[Cell]:
    """Cells with a result."""
    return [r.cell for r in handle.records() if r.state != "running"]


def admissible(data: Dataset, **spec: object) -> list[Cell]:
    """Cells a study of this specification may fit."""
    return StudySpec(**spec).admissible(data.n, data.d)  # type: ignore[arg-type]


def results(handle: StudyHandle) -> list[tuple[Any, ...]]:
    """What its trials have come to so far."""
    return by_cell([r for r in handle.records() if r.state != "running"])


def end(supervisor: Supervisor) -> str:
    """The state a supervised study ends in."""
    supervisor.join(120)
    assert not supervisor.is_alive()
    return state(supervisor.handle).name


def assert_whole(handle: StudyHandle, before: list[tuple[Any, ...]]) -> None:
    """Every cell has one result, those of before are what they were."""
    assert sorted(finished(handle)) == sorted(handle.spec.admissible(handle.data.n_train, handle.data.d))
    assert {r.state for r in handle.records()} == {"complete"}
    assert [row for row in results(handle) if row in before] == before
