"""As many starts as a budget of time allows.

A study's number is found once, before the study is made, from a few cells timed on this machine, and is part of its
specification: run again, resumed, on another machine or by more workers, the study gives the same numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.cost_model import calibrate, cost, starts_factor, study_seconds
from kanlab.execution.manager import manager
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.study.spec import StudySpec

SHARE = 0.8  # of the time, which predictions may use; they err by a fifth or so
MOST_STARTS = 64


def fewest_starts(cells: Sequence[Cell], engine: str) -> int:
    """The least number of starts that beats the engine's own.

    That of lm is 8 to 10 where starts are cheap (neuron_num 1 and 2, several layers); elsewhere four find lower minima.
    """
    if engine != "lm":
        return 2
    if any(c.depth > 1 for c in cells):
        return 10
    return 4 if any(c.neuron_num > 2 for c in cells) else 9


def starts_within(fewest: int, fits: Callable[[int], bool]) -> int | None:
    """The greatest number from `fewest` to MOST_STARTS that fits, where none does that is above one that does not."""
    numbers = range(fewest, MOST_STARTS + 1)
    count = bisect_left(numbers, True, key=lambda starts: not fits(starts))
    return numbers[count - 1] if count else None


def study_starts(spec: StudySpec, n: int, d: int, scale: float, workers: int) -> int | None:
    """Starts a cell that fill the minutes of a study on n rows of d features; None where the engine's own are all that fit.

    Every fit keeps within its own time limit as well, since one beyond it is lost.
    """
    cells = spec.admissible(n, d)
    limit = spec.options.time_limit

    def fits(starts: int) -> bool:
        more = replace(spec, options=replace(spec.options, starts=starts))
        longest = scale * max((cost(c, n, d, spec.engine, starts) for c in cells), default=0.0)
        in_time = limit is None or longest <= SHARE * limit
        return in_time and study_seconds(more, n, d, scale, workers) <= SHARE * 60 * (spec.minutes or 0.0)

    return starts_within(fewest_starts(cells, spec.engine), fits)


def workers_of(spec: StudySpec, at_hand: int | None = None) -> int:
    """Workers that a study has to itself. at_hand: how many there are, by default the slots of this process."""
    there = at_hand or manager().slots
    return min(spec.workers or there, there)


def filled(data: Dataset, spec: StudySpec, scale: float | None, at_hand: int | None = None) -> StudySpec:
    """The specification with as many starts as its minutes allow. scale: of estimate.calibrate.  at_hand: of workers_of.

    Raises StudyError where it has no scale.
    """
    if scale is None:
        raise StudyError(say("No fit could be timed on this machine, so the number of starts must be given."))
    starts = study_starts(spec, data.n, data.d, scale, workers_of(spec, at_hand))
    return replace(spec, options=replace(spec.options, starts=starts))


def settled(data: Dataset, spec: StudySpec, old: StudySpec | None = None, at_hand: int | None = None) -> StudySpec:
    """The specification, with as many starts as its minutes allow where it asks for that (starts_fill).

    old: what it was made of; the number found for that stays, unless something it follows from has changed.
    at_hand: of workers_of.
    Raises StudyError where the number of starts is given as well.
    """
    spec = spec.of(data)
    if not spec.starts_fill:
        return spec
    before = old if old is not None and old.starts_fill else None
    if spec.options.starts not in (None, before and before.options.starts):
        raise StudyError(
            say(
                "Starts are given ({starts}) and are to fill the minutes as well; leave one of the two out.",
                starts=spec.options.starts,
            )
        )
    if before is not None and _follows_from(spec) == _follows_from(before):
        return replace(spec, options=replace(spec.options, starts=before.options.starts))
    if not spec.admissible(data.n, data.d):
        return spec  # which no study can be made of
    return filled(data, spec, calibrate(data, spec), at_hand)


def _follows_from(spec: StudySpec) -> StudySpec:
    """What the number of starts follows from. Workers are not part of it: as many starts, sooner."""
    return replace(spec, seed=0, workers=None, patience=None, options=replace(spec.options, starts=None))


def fit_starts(cell: Cell, engine: str, starts: int, took: float, left: float) -> int | None:
    """Starts of one fit that fill the seconds left, where so many starts took the seconds `took`; None where no more do."""

    def fits(more: int) -> bool:
        factor = starts_factor(cell, engine, more) / starts_factor(cell, engine, starts)
        return factor * took <= SHARE * left

    return starts_within(starts + 1, fits)
