"""Studies run to their end with workers that fit nothing: what is fitted, in what order, and what survives."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from kanlab import crew
from kanlab.crew import Crew
from kanlab.dataset import Dataset
from kanlab.engines import FitOptions
from kanlab.lifecycle import request_run, request_stop
from kanlab.selection import trial_table
from kanlab.space import Cell, SearchSpace
from kanlab.storage import data_path
from kanlab.study import create_study, load_study
from kanlab.study_spec import StudySpec
from kanlab.supervisor import Supervisor
from tests.helpers.fake_worker import rss
from tests.helpers.fits import fitted_cells, worker_pids
from tests.helpers.studies import NESTED, STOCK, by_cell, finish, finished, numbers, run, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))  # 24 cells, of which 48 rows of 2 features admit some
WIDE = SearchSpace((1, 2), (2, 9), (1, 3))


def admissible(data: Dataset, **spec: object) -> list[Cell]:
    return StudySpec(**spec).admissible(data.n, data.d)  # type: ignore[arg-type]


# ---- what is fitted


def test_every_admissible_cell_once_cheapest_first_and_no_other(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    cells = admissible(small, space=SPACE)
    assert 5 < len(cells) < len(SPACE.cells)
    handle = run(small, space=SPACE, workers=1)
    assert fitted_cells(log) == cells
    records = handle.records()
    assert [r.cell for r in records] == cells
    assert [r.number for r in records] == list(range(len(cells)))
    assert {r.state for r in records} == {"complete"}
    assert [r.rss_train for r in records] == [rss(c) for c in cells]
    assert [r.rss_test for r in records] == [rss(c) / 3 for c in cells]
    assert state(handle).name == "finished"
    assert state(handle).detail == f"All {len(cells)} trials are done."


@pytest.mark.parametrize("sampler", ["auto", "exhaustive", "tpe", "random", "nsga2"])
def test_a_budget_of_trials(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    handle = run(small, space=WIDE, sampler=sampler, trials=7, workers=2)
    assert len(handle.records()) == len(set(fitted_cells(log))) == len(fitted_cells(log)) == 7
    assert set(fitted_cells(log)) <= set(admissible(small, space=WIDE))
    if sampler == "exhaustive":
        assert sorted(finished(handle)) == sorted(admissible(small, space=WIDE)[:7])
    assert state(handle).name == "finished"


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random", "nsga2"])
def test_numbers_do_not_depend_on_the_workers(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    """Nor on which fit is done first. TPE draws 10 cells at random, so more are needed to see what it has heard."""
    fake_workers(jitter=0.02)
    runs = [
        numbers(run(small, space=WIDE, sampler=sampler, trials=24, seed=5, workers=workers).records())
        for workers in (1, 2, 4)
    ]
    assert len(runs[0]) == 24
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random", "nsga2"])
@pytest.mark.parametrize("engine", [NESTED, STOCK])
def test_depth_is_one_more_range(sampler: str, engine: str, small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(jitter=0.01)
    space = SearchSpace((1, 2), (2, 4), (1, 1), (1, 2))
    cells = admissible(small, space=space)
    assert {c.depth for c in cells} == {1, 2}
    one, two = (run(small, space=space, sampler=sampler, engine=engine, seed=3, workers=w, trials=8) for w in (1, 2))
    found = {r.cell: r.rss_train for r in one.records()}
    assert found == {c: rss(c) for c in found}
    assert len(found) == 8
    assert by_cell(one.records()) == by_cell(two.records())
    assert {1, 2} == {c.depth for c in fitted_cells(log)}
    assert one.records()[0].to_dict()["params"] == space.params(one.records()[0].cell)
    assert "depth" in trial_table(one.records())
    assert "depth" not in trial_table(run(small, space=WIDE, workers=1, trials=1).records())


def test_numbers_of_a_nested_sweep_do_not_depend_on_the_workers(small: Dataset, fake_workers: Fake) -> None:
    """Those of a cell; its trial's number is that of its turn."""
    log = fake_workers(jitter=0.02)
    runs = [run(small, space=SPACE, engine=NESTED, workers=workers).records() for workers in (1, 4)]
    assert by_cell(runs[0]) == by_cell(runs[1])
    assert sorted(r.cell for r in runs[0]) == sorted(admissible(small, space=SPACE))
    assert len(fitted_cells(log)) == 2 * len(runs[0])
    for records in runs:
        assert [r.number for r in records] == list(range(len(records)))


def test_a_nested_sweep_goes_up_each_path_in_one_worker(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    run(small, space=SPACE, engine=NESTED, workers=2)
    fits = list(zip(fitted_cells(log), worker_pids(log), strict=True))
    for path in {(c.grid, c.k) for c, _ in fits}:
        on_path = [(c, pid) for c, pid in fits if (c.grid, c.k) == path]
        assert [c.neuron_num for c, _ in on_path] == list(range(1, len(on_path) + 1))
        assert len({pid for _, pid in on_path}) == 1


def test_a_budget_of_trials_in_a_nested_sweep_takes_the_cheapest(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle = run(small, space=SPACE, engine=NESTED, sampler="exhaustive", trials=7, workers=2)
    assert sorted(finished(handle)) == sorted(admissible(small, space=SPACE)[:7])


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


def test_a_nested_sweep_resumed_goes_on(small: Dataset, fake_workers: Fake) -> None:
    """A path is taken up from its foot, since each cell starts from the one below; what is told stays as it is."""
    log = fake_workers(seconds=0.05)
    cells = admissible(small, space=SPACE)
    handle = create_study(small, StudySpec(space=SPACE, engine=NESTED, workers=1))
    first = Supervisor(handle)
    first.start()
    wait_for(lambda: any(r.cell.neuron_num == 2 and r.state == "complete" for r in handle.records()))
    request_stop(handle.optuna)
    first.join(20)
    before = numbers(handle.records())
    done = {row[1] for row in before}
    whole = {c for c in done if all(other in done for other in cells if (other.grid, other.k) == (c.grid, c.k))}

    log.write_text("")
    request_run(handle.optuna)
    finish(handle)
    assert state(handle).name == "finished"
    assert numbers(handle.records())[: len(before)] == before
    assert sorted(finished(handle)) == sorted(cells)
    assert sorted(fitted_cells(log)) == sorted(set(cells) - whole)


def test_the_seed_decides_a_sampled_study(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    first, again, other = (
        finished(run(small, space=WIDE, sampler="tpe", trials=12, seed=seed, workers=2)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_seed_reaches_the_fits(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    run(small, space=SearchSpace((1, 1), (2, 3), (1, 1)), seed=123)
    assert {line.split()[3] for line in log.read_text().splitlines()} == {"123"}


def test_no_more_workers_than_asked_or_needed(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(seconds=0.05)
    run(small, space=SPACE, workers=1)
    assert len(set(worker_pids(log))) == 1
    log.write_text("")
    run(small, space=SearchSpace((1, 1), (2, 3), (1, 1)), workers=9)
    assert 1 <= len(set(worker_pids(log))) <= 2


# ---- other ends


def test_a_budget_of_minutes(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(seconds=0.3)
    handle = run(small, space=WIDE, minutes=1 / 60, workers=1)
    assert state(handle).name == "finished"
    assert "minutes are spent" in state(handle).detail
    assert len(finished(handle)) < len(fitted_cells(log)) + 1 < len(admissible(small, space=WIDE))
    assert all(r.state == "complete" for r in handle.records())  # the fit in hand leaves no trial
    again = len(fitted_cells(log))
    finish(handle)
    assert len(fitted_cells(log)) == again  # spent is spent


@pytest.mark.parametrize("workers", [1, 3])
def test_patience(workers: int, small: Dataset, fake_workers: Fake) -> None:
    """TPE, whose trials count in the order of the asking: the end is where the definition says."""
    fake_workers(jitter=0.02)
    patience = 4
    handle = run(small, space=WIDE, sampler="tpe", trials=40, patience=patience, workers=workers, seed=3)
    scores = [r.aicc for r in handle.records()]
    best = scores.index(min(s for s in scores if s is not None))
    assert len(scores) == best + 1 + patience
    assert [r.number for r in handle.records()] == list(range(len(scores)))
    assert f"not fallen for {patience} trials" in state(handle).detail


def test_a_missing_data_file_ends_the_study_in_a_sentence(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    data_path(small.sha256).unlink()
    finish(handle)
    assert state(handle).name == "failed"
    assert "no longer in" in state(handle).detail
    assert handle.records() == []


# ---- fits that go wrong


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
    monkeypatch.setattr(crew, "GRACE_SECONDS", 0.2)
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
    assert len(fitted_cells(log)) <= crew.MAX_CRASHES_IN_A_ROW + 1


def test_an_error_of_our_own_is_a_failed_study(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody expects it")

    monkeypatch.setattr(Crew, "end_late_fits", broken)
    handle = run(small, space=SPACE)
    assert (state(handle).name, state(handle).detail) == ("failed", "ZeroDivisionError: nobody expects it")
    assert not handle.optuna.get_trials(states=(TrialState.RUNNING,))


# ---- stop and resume


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random", "nsga2"])
def test_stop_and_resume_refits_nothing(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(seconds=0.05)
    cells = admissible(small, space=WIDE)[:20]
    handle = create_study(small, StudySpec(space=WIDE, engine=STOCK, sampler=sampler, trials=20, workers=2))
    first = Supervisor(handle)
    first.start()
    wait_for(lambda: len([r for r in handle.records() if r.state == "complete"]) >= 3)
    request_stop(handle.optuna)
    first.join(20)
    assert state(handle).name == "stopped"
    before = numbers(handle.records())
    assert 3 <= len(before) < 20
    assert not handle.optuna.get_trials(states=(TrialState.RUNNING,))

    log.write_text("")
    request_run(handle.optuna)
    resumed = load_study(handle.name)
    finish(resumed)
    assert numbers(resumed.records())[: len(before)] == before
    done = {row[1] for row in before}
    assert not done & set(fitted_cells(log))
    assert len(fitted_cells(log)) == 20 - len(done)
    found = finished(resumed)
    assert len(found) == len(set(found)) == 20
    if sampler == "exhaustive":
        assert sorted(found) == sorted(cells)
    assert state(resumed).name == "finished"


def test_elapsed_time_adds_up(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(seconds=0.1)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    first = Supervisor(handle)
    first.start()
    wait_for(lambda: len(finished(handle)) >= 3)
    request_stop(handle.optuna)
    first.join(20)
    before = state(handle).elapsed
    time.sleep(0.5)  # the time between does not count
    request_run(handle.optuna)
    began = time.monotonic()
    finish(handle)
    assert before < state(handle).elapsed <= before + (time.monotonic() - began) + 0.1


def test_a_finished_study_resumed_starts_no_worker(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()
    handle = run(small, space=SPACE)
    before = numbers(handle.records())

    def no_worker(*_: object, **__: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(crew, "WorkerProcess", no_worker)
    finish(handle)
    assert state(handle).name == "finished"
    assert numbers(handle.records()) == before


def test_trials_of_a_supervisor_that_is_gone_are_fitted_again(small: Dataset, fake_workers: Fake) -> None:
    """What a kill leaves: trials that run for ever, one with its result written but not told. And one that waits."""
    from kanlab.sampling import distributions

    log = fake_workers()
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    cells = admissible(small, space=SPACE)
    for cell in cells[:2]:
        handle.optuna.enqueue_trial(cell._asdict())
        handle.optuna.ask(distributions(SPACE))  # type: ignore[arg-type]
    for trial in handle.optuna.get_trials()[:1]:
        storage = handle.optuna._storage
        storage.set_trial_user_attr(trial._trial_id, "aicc", -1e9)
        storage.set_trial_user_attr(trial._trial_id, "fit", {"status": "stalled", "seconds": 1.0})
    handle.optuna.enqueue_trial(cells[3]._asdict())
    finish(handle)
    assert sorted(fitted_cells(log)) == sorted(cells)
    assert sorted(finished(handle)) == sorted(cells)
    assert {r.state for r in handle.records()} == {"complete"}
    assert state(handle).name == "finished"


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
