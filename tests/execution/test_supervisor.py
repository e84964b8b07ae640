"""Studies run to their end with workers that fit nothing: what is fitted, in what order, and what survives."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from kanlab.data.dataset import Dataset
from kanlab.execution import process_pool
from kanlab.execution.final_check import FINAL_CHECK
from kanlab.execution.process_pool import ProcessPool
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import SearchSpace
from kanlab.selection.ranking import trial_table
from kanlab.study.handle import create_study, load_study
from kanlab.study.optuna_adapter import storage_of
from kanlab.study.spec import StudySpec
from kanlab.study.state import request_run, request_stop
from kanlab.study.storage import data_path
from tests.helpers.fake_worker import rss
from tests.helpers.fits import fitted_cells, release, worker_pids
from tests.helpers.studies import NESTED, STOCK, admissible, by_cell, finish, finished, numbers, run, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))  # 24 cells, of which 48 rows of 2 features admit some
WIDE = SearchSpace((1, 2), (2, 9), (1, 3))


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


@pytest.mark.parametrize("sampler", ["exhaustive", "gp", "tpe", "random", "nsga2"])
def test_numbers_do_not_depend_on_the_workers(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    """Nor on which fit is done first. TPE draws 10 cells at random, so more are needed to see what it has heard."""
    fake_workers(jitter=0.02)
    runs = [
        numbers(run(small, space=WIDE, sampler=sampler, trials=24, seed=5, workers=workers).records())
        for workers in (1, 2, 4)
    ]
    assert len(runs[0]) == 24
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("sampler", ["exhaustive", "gp", "tpe", "random", "nsga2"])
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


def test_a_nested_sweep_resumed_goes_on(small: Dataset, fake_workers: Fake) -> None:
    """A path is taken up from its foot, since each cell starts from the one below; what is told stays as it is."""
    log = fake_workers(hold_after=2)
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
    release(log)
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


def test_an_error_of_our_own_is_a_failed_study(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody expects it")

    monkeypatch.setattr(ProcessPool, "end_late_jobs", broken)
    handle = run(small, space=SPACE)
    assert (state(handle).name, state(handle).detail) == ("failed", "ZeroDivisionError: nobody expects it")
    assert not handle.optuna.get_trials(states=(TrialState.RUNNING,))


@pytest.mark.parametrize("crash", [False, True])
def test_the_final_check_follows_the_last_fit(crash: bool, small: Dataset, fake_workers: Fake) -> None:
    """Also where patience leaves fits in hand; a worker that dies of it leaves the study finished without."""
    fake_workers(seconds=0.05, jitter=0.05, crash_final_check=crash)
    handle = run(small, space=WIDE, engine=NESTED, sampler="tpe", patience=3, workers=3)
    assert state(handle).name == "finished"
    assert "not fallen for 3 trials" in state(handle).detail
    assert (FINAL_CHECK in handle.optuna.user_attrs) != crash
    assert not handle.optuna.get_trials(states=(TrialState.RUNNING,))


# ---- stop and resume


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random", "nsga2"])
def test_stop_and_resume_refits_nothing(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=6)
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
    release(log)
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
    log = fake_workers(hold_after=3)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    first = Supervisor(handle)
    first.start()
    wait_for(lambda: len(finished(handle)) >= 3)
    request_stop(handle.optuna)
    first.join(20)
    before = state(handle).elapsed
    time.sleep(0.5)  # the time between does not count
    release(log)
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

    monkeypatch.setattr(process_pool, "WorkerProcess", no_worker)
    finish(handle)
    assert state(handle).name == "finished"
    assert numbers(handle.records()) == before


def test_trials_of_a_supervisor_that_is_gone_are_fitted_again(small: Dataset, fake_workers: Fake) -> None:
    """What a kill leaves: trials that run for ever, one with its result written but not told. And one that waits."""
    from kanlab.study.sampler import distributions

    log = fake_workers()
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    cells = admissible(small, space=SPACE)
    for cell in cells[:2]:
        handle.optuna.enqueue_trial(cell._asdict())
        handle.optuna.ask(distributions(SPACE))  # type: ignore[arg-type]
    for trial in handle.optuna.get_trials()[:1]:
        storage = storage_of(handle.optuna)
        storage.set_trial_user_attr(trial._trial_id, "aicc", -1e9)
        storage.set_trial_user_attr(trial._trial_id, "fit", {"status": "stalled", "seconds": 1.0})
    handle.optuna.enqueue_trial(cells[3]._asdict())
    finish(handle)
    assert sorted(fitted_cells(log)) == sorted(cells)
    assert sorted(finished(handle)) == sorted(cells)
    assert {r.state for r in handle.records()} == {"complete"}
    assert state(handle).name == "finished"
