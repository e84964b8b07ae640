"""When trials were fitted: pauses are left out, and trials that run end now."""

from __future__ import annotations

from datetime import datetime, timedelta

from kanlab.kan.search_space import Cell
from kanlab.stats.metrics import Scores
from kanlab.study.fit_times import fit_times
from kanlab.study.optuna_adapter import TrialTimes
from kanlab.study.trials import TrialRecord

BEGUN = datetime(2026, 3, 1, 12, 0)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def trial(number: int, state: str = "failed") -> TrialRecord:
    return TrialRecord(number, state, Cell(1, 2, 3), Scores(9))  # type: ignore[arg-type]


def test_times_count_from_the_first_start_and_pauses_are_left_out() -> None:
    times = [TrialTimes(0, at(0), at(30)), TrialTimes(1, at(5), at(90)), TrialTimes(2, at(4000), at(4010)),
             TrialTimes(3, at(4030), None)]  # fmt: skip
    records = [trial(0), trial(1), trial(2), trial(3, "running")]
    fits, pauses = fit_times(records, times, at(4040))
    assert [(f.record.number, f.start, f.end) for f in fits] == [(0, 0, 30), (1, 5, 90), (2, 90, 100), (3, 120, 130)]
    assert pauses == 1


def test_a_trial_that_waited_began_when_its_fit_did() -> None:
    waited = TrialRecord(1, "failed", Cell(1, 2, 3), Scores(9), seconds=4.0)
    fits, _ = fit_times([trial(0), waited], [TrialTimes(0, at(0), at(10)), TrialTimes(1, at(0), at(15))], None)
    assert [(f.start, f.end) for f in fits] == [(0, 10), (11, 15)]


def test_what_runs_in_no_process_and_what_was_interrupted_is_left_out() -> None:
    times = [TrialTimes(0, at(0), at(1)), TrialTimes(1, at(0), at(9)), TrialTimes(2, at(1), None)]
    fits, pauses = fit_times([trial(0), trial(2, "running")], times, None)
    assert ([f.record.number for f in fits], pauses) == ([0], 0)
    assert fit_times([], [], None) == ([], 0)
