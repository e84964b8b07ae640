"""When each trial of a study was fitted, on the clock of the study's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kanlab.study.optuna_adapter import TrialTimes
from kanlab.study.trials import TrialRecord

PAUSE_SECONDS = 60.0  # without any fit for as long, a study was paused, or had ended and was resumed


@dataclass(frozen=True)
class FitTime:
    """One trial. start, end: seconds since the first fit began, pauses left out."""

    record: TrialRecord
    start: float
    end: float

    @property
    def state(self) -> str:
        return self.record.shown_state


def fit_times(
    records: Sequence[TrialRecord], times: Sequence[TrialTimes], now: datetime | None
) -> tuple[list[FitTime], int]:
    """The trials that were begun, in the order of their start, and the number of pauses left out.

    Optuna's start is when a trial was drawn; it may have waited for a worker then, or its cell may have been fitted before, on
    the way to another. So a trial that has ended began as long before its end as its fit took.
    now: when trials that run are drawn to; None leaves them out, because a study that does not run is fitting none.
    """
    known = {r.number: r for r in records}
    spans = []
    for each in times:
        end = now if each.end is None else each.end
        if each.number in known and end is not None:  # interrupted trials are no records
            record = known[each.number]
            start = end - timedelta(seconds=record.seconds) if each.end and record.seconds else each.start
            spans.append((start, max(end, start), record))
    spans.sort(key=lambda span: (span[0], span[2].number))
    found, pauses, left_out = [], 0, 0.0
    last = spans[0][0] if spans else datetime.min  # until when some trial was being fitted
    for start, end, record in spans:
        idle = (start - last).total_seconds()
        if idle > PAUSE_SECONDS:
            pauses, left_out = pauses + 1, left_out + idle
        begun = (start - spans[0][0]).total_seconds() - left_out
        found.append(FitTime(record, begun, begun + (end - start).total_seconds()))
        last = max(last, end)
    return found, pauses
