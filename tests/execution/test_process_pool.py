"""The workers of a study: how many there are, fits that go wrong, and what is left of them at the end."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution import process_pool
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from kanlab.study.state import request_stop
from tests.helpers.fits import fitted_cells, worker_pids
from tests.helpers.studies import NESTED, STOCK, admissible, finished, run, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))  # 24 cells, of which 48 rows of 2 features admit some
WIDE = SearchSpace((1, 2), (2, 9), (1, 3))


def test_a_crash_in_a_nested_path_fails_one_cell(small: Dataset, fake_workers: Fake) -> None:
    """After a second try. The cells above it are fitted all the same, and none is told twice."""
    cells = admissible(small, space=SPACE)
    bad = Cell(2, 2, 1)
    assert Cell(3, 2, 1) in cells
    log = fake_workers(crash=[bad])
    handle = run(small, space=SPACE, engine=NESTED, workers=2)
    assert [(r.cell, r.status) for r in handle.records() if r.state == "failed"] == [
        (bad, "the fit ended its process: MemoryError: no more room")
    ]
    assert sorted(finished(handle)) == sorted(cells)
    assert fitted_cells(log).count(bad) == 2


def test_no_more_workers_than_asked_or_needed(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(seconds=0.05)
    run(small, space=SPACE, workers=1)
    assert len(set(worker_pids(log))) == 1
    log.write_text("")
    run(small, space=SearchSpace((1, 1), (2, 3), (1, 1)), workers=9)
    assert 1 <= len(set(worker_pids(log))) <= 2


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random", "nsga2"])
@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("diverge", "diverged"),
        ("interpolate", "interpolates: the residuals are 0 and AICc is not defined"),
        ("crash", "the fit ended its process: MemoryError: no more room"),
        ("garbage", "the fit ended its process: the process ended with code 0"),
        ("oom", "the fit ended its process: MemoryError"),
        ("nan", "diverged: the residuals are not finite (stalled)"),
    ],
)
def test_a_fit_that_goes_wrong_is_one_failed_trial(
    plan: str, reason: str, sampler: str, small: Dataset, fake_workers: Fake
) -> None:
    cells = admissible(small, space=SPACE)
    bad = cells[2]
    log = fake_workers(**{plan: [bad]})
    handle = run(small, space=SPACE, sampler=sampler, workers=2)
    failed = [r for r in handle.records() if r.state == "failed"]
    assert [(r.cell, r.status, r.aicc) for r in failed] == [(bad, reason, None)]
    assert sorted(finished(handle)) == sorted(cells)
    assert fitted_cells(log).count(bad) == (
        2 if plan in ("crash", "garbage", "oom") else 1
    )  # a dead process has one more try
    assert state(handle).name == "finished"


def test_a_line_that_is_no_message_costs_its_cell_alone(small: Dataset, fake_workers: Fake) -> None:
    """The worker that wrote it is ended, and the cell tried once more."""
    cells = admissible(small, space=SPACE)
    log = fake_workers(nonsense=[cells[2]])
    handle = run(small, space=SPACE, workers=2)
    (failed,) = [r for r in handle.records() if r.state == "failed"]
    assert failed.cell == cells[2]
    assert failed.status.startswith(
        "the fit ended its process: The line 'a library prints what it likes' is no message"
    )
    assert sorted(finished(handle)) == sorted(cells)
    assert fitted_cells(log).count(cells[2]) == 2
    assert state(handle).name == "finished"


def test_a_worker_killed_from_outside_costs_nothing_once_and_its_cell_twice(small: Dataset, fake_workers: Fake) -> None:
    cells = admissible(small, space=SPACE)
    log = fake_workers(hang=[cells[1]])
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    running = Supervisor(handle)
    running.start()
    wait_for(lambda: cells[1] in fitted_cells(log))
    os.kill(worker_pids(log)[-1], signal.SIGKILL)
    wait_for(lambda: fitted_cells(log).count(cells[1]) == 2)  # the same trial, in another process
    os.kill(worker_pids(log)[-1], signal.SIGKILL)
    running.join(30)
    (failed,) = [r for r in handle.records() if r.state == "failed"]
    assert (failed.cell, failed.status) == (cells[1], "the fit ended its process: killed by signal 9")
    assert sorted(finished(handle)) == sorted(cells)
    assert state(handle).name == "finished"


def test_a_fit_far_beyond_its_time_limit_is_ended(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_pool, "GRACE_SECONDS", 0.2)
    cells = admissible(small, space=SPACE)
    fake_workers(hang=[cells[0]])
    handle = run(small, space=SPACE, workers=2, options=FitOptions(time_limit=0.3))
    (failed,) = [r for r in handle.records() if r.state == "failed"]
    assert (failed.cell, failed.status) == (cells[0], "time limit: the fit took longer than 0.3 s")
    assert sorted(finished(handle)) == sorted(cells)


def test_workers_that_never_start_end_the_study(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(stillborn=True)
    handle = run(small, space=SPACE, workers=1)
    assert state(handle).name == "failed"
    assert "do not start" in state(handle).detail
    assert "ImportError: no such library" in state(handle).detail
    assert handle.records() == []


def test_fits_that_all_crash_end_the_study(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(crash_all=True)
    handle = run(small, space=WIDE, workers=2)
    assert state(handle).name == "failed"
    assert "in a row" in state(handle).detail
    assert len(fitted_cells(log)) <= process_pool.MAX_CRASHES_IN_A_ROW + 1


def test_workers_and_their_folders_are_gone_at_the_end(
    small: Dataset, fake_workers: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    cells = admissible(small, space=SPACE)
    log = fake_workers(hang=[cells[1]])
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=2))
    running = Supervisor(handle)
    running.start()
    wait_for(lambda: cells[1] in fitted_cells(log))
    assert len(list(scratch.iterdir())) == 2
    request_stop(handle.optuna)
    running.join(20)
    assert list(scratch.iterdir()) == []
    for pid in set(worker_pids(log)):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    shutil.rmtree(scratch)
