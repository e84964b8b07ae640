"""As many starts as a budget allows: the derivation, with a made-up scale, and studies and fits of the number found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import kanlab
from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES
from kanlab.engines.registry import FitOptions
from kanlab.errors import FitError, StudyError
from kanlab.execution import starts_budget
from kanlab.execution.cost_model import cost, starts_factor, study_seconds
from kanlab.execution.manage import duplicate, extend
from kanlab.execution.starts_budget import MOST_STARTS, SHARE, fewest_starts, fit_starts, settled, study_starts
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import create_study, load_study
from kanlab.study.spec import StudySpec
from tests.helpers.sentences import refused
from tests.helpers.studies import STOCK, by_cell, finish

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 6), (2, 4), (2, 3))
TINY = SearchSpace((1, 3), (2, 2), (1, 1))
N, D, SCALE = 300, 3, 0.5


def found(spec: StudySpec, workers: int = 2) -> int | None:
    return study_starts(spec, N, D, SCALE, workers)


# ---- the number


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("trials", [None, 5])
def test_it_grows_with_the_minutes_and_never_exceeds_its_share(engine: str, depth: int, trials: int | None) -> None:
    space = SearchSpace((1, 6), (2, 4), (2, 3), (1, depth))
    specs = [
        StudySpec(space=space, engine=engine, trials=trials, minutes=m, starts_fill=True)
        for m in np.geomspace(1e-3, 1e5, 200)
    ]
    numbers = [found(s) for s in specs]
    assert (numbers[0], numbers[-1]) == (None, MOST_STARTS)
    assert all((a or 0) <= (b or 0) for a, b in pairwise(numbers))
    assert len(set(numbers)) > 5
    least = fewest_starts(space.admissible(N, D), engine)
    for spec, number in zip(specs, numbers, strict=True):

        def predicted(starts: int, spec: StudySpec = spec) -> float:
            return study_seconds(replace(spec, options=FitOptions(starts)), N, D, SCALE, 2)

        limit = SHARE * 60 * (spec.minutes or 0)
        assert number is None or (number >= least and predicted(number) <= limit)
        assert number == MOST_STARTS or predicted(least if number is None else number + 1) > limit


def test_more_workers_and_fewer_trials_leave_time_for_more() -> None:
    spec = StudySpec(space=SPACE, minutes=0.3, starts_fill=True)
    one, two = found(spec, 1), found(spec, 2)
    few = found(replace(spec, trials=6, sampler="random"), 1)
    assert one is not None
    assert two is not None
    assert few is not None
    assert few > one < two


def test_no_fit_is_made_longer_than_its_time_limit() -> None:
    spec = StudySpec(space=SPACE, minutes=1e4, starts_fill=True, options=FitOptions(time_limit=0.5))
    number = found(spec)
    assert number is not None
    cells = SPACE.admissible(N, D)
    longest, more = (SCALE * max(cost(c, N, D, "lm", s) for c in cells) for s in (number, number + 1))
    assert longest <= SHARE * 0.5 < more
    assert found(replace(spec, options=FitOptions(time_limit=1e-3))) is None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", [Cell(1, 3, 3), Cell(2, 3, 3), Cell(5, 3, 3), Cell(2, 3, 3, 2), Cell(5, 3, 3, 3)])
def test_no_number_of_starts_costs_less_than_the_engines_own(cell: Cell, engine: str) -> None:
    factors = [starts_factor(cell, engine, starts) for starts in (None, *range(1, MOST_STARTS + 1))]
    assert factors[0] == 1.0
    assert factors == sorted(factors)
    assert factors[-1] > 5


def test_the_starts_of_one_fit() -> None:
    cell = Cell(4, 3, 3)
    numbers = [fit_starts(cell, "lm", 4, 1.0, left) for left in (0.0, 1.0, 5.0, 10.0, 1e4)]
    assert numbers[:2] == [None, None]
    assert numbers[-1] == MOST_STARTS
    assert numbers[2:] == sorted(n or 0 for n in numbers[2:])
    number = numbers[3]
    assert number is not None
    own = starts_factor(cell, "lm", 4)
    assert starts_factor(cell, "lm", number) / own <= SHARE * 10 < starts_factor(cell, "lm", number + 1) / own


# ---- a study's number, found once


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> list[StudySpec]:
    """Calibrations find a scale without timing anything; what they were asked for."""
    asked: list[StudySpec] = []

    def calibrate(data: Dataset, spec: StudySpec) -> float:
        asked.append(spec)
        return 10 * SCALE

    monkeypatch.setattr(starts_budget, "calibrate", calibrate)
    return asked


def test_what_contradicts_itself_is_refused(small: Dataset, scale: list[StudySpec]) -> None:
    with refused(StudyError, "how many minutes"):
        StudySpec(starts_fill=True)
    with refused(StudyError, "how many minutes"):
        tune(small, TINY, starts_fill=True)
    given = FitOptions(starts=3)
    with refused(StudyError, "(3)", "leave one of the two out"):
        tune(small, TINY, minutes=5, starts_fill=True, options=given)
    by_hand = StudySpec(space=TINY, minutes=5, options=given)
    with refused(StudyError, "leave one of the two out"):
        tune(small, spec=by_hand, starts_fill=True)
    with refused(StudyError, "leave one of the two out"):
        duplicate(create_study(small, by_hand), starts_fill=True)
    tune(small, SearchSpace((9, 10), (9, 10), (3, 3)), minutes=5, starts_fill=True)  # no network, so nothing is timed
    assert scale == []


def test_a_machine_that_cannot_be_timed_asks_for_a_number(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts_budget, "calibrate", lambda data, spec: None)
    with refused(StudyError, "must be given"):
        settled(small, StudySpec(space=TINY, minutes=5, starts_fill=True))


def test_a_study_keeps_its_number_until_what_it_follows_from_changes(small: Dataset, scale: list[StudySpec]) -> None:
    asked = StudySpec(space=TINY, minutes=0.15, starts_fill=True, workers=1)
    spec = settled(small, asked)
    starts = spec.options.starts
    assert starts is not None
    assert spec == replace(asked, options=FitOptions(starts=starts))
    handle = create_study(small, spec, name="one")
    assert load_study("one").spec == spec
    assert len(scale) == 1
    for same in ({}, {"workers": 2}, {"seed": 5}, {"patience": 3}):
        assert duplicate(handle, **same).spec.options.starts == starts
    assert len(scale) == 1
    for changes in ({"minutes": 5}, {"space": SPACE, "minutes": 0.15}, {"trials": 1, "minutes": 0.15}):
        other = duplicate(handle, **changes).spec
        assert other.starts_fill
        assert other.options.starts != starts
    assert len(scale) == 4
    longer = extend(handle, minutes=1)  # its trials so far have so many
    assert longer.spec == load_study("one").spec == replace(spec, minutes=1, starts_fill=False)


def test_the_engines_own_number_is_kept_as_well(small: Dataset, scale: list[StudySpec]) -> None:
    spec = settled(small, StudySpec(space=TINY, minutes=0.01, starts_fill=True))
    assert spec.options.starts is None
    assert duplicate(create_study(small, spec)).spec == spec
    assert len(scale) == 1


def test_python_says_what_it_came_to(small: Dataset, scale: list[StudySpec], fake_workers: Fake) -> None:
    fake_workers()
    study = tune(small, TINY, minutes=1.5, starts_fill=True, engine=STOCK)
    starts = study.spec.options.starts
    assert starts is not None
    assert study.spec.starts_words == f"{starts} starts per configuration, as many as 1.5 minutes allow"
    content = study.to_dict()
    assert (content["starts"], content["starts_fill"]) == (starts, True)
    assert tune(small, spec=study.spec).spec == study.spec
    assert len(scale) == 1
    assert tune(small, spec=study.spec, minutes=5).spec.options.starts > starts
    assert len(scale) == 2


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (StudySpec(minutes=5), ""),
        (StudySpec(options=FitOptions(starts=1)), "1 start per configuration"),
        (StudySpec(minutes=1, options=FitOptions(starts=12)), "12 starts per configuration"),
        (StudySpec(minutes=1, starts_fill=True), "the engine's own number of starts, since 1 minute allows no more"),
        (
            StudySpec(minutes=2, starts_fill=True, options=FitOptions(starts=9)),
            "9 starts per configuration, as many as 2 minutes allow",
        ),
    ],
)
def test_the_starts_in_words(spec: StudySpec, words: str) -> None:
    assert spec.starts_words == words


# ---- with real fits


def test_a_study_of_the_number_found_gives_the_same_trials_again(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts_budget, "MOST_STARTS", 9)
    first = tune(small, TINY, minutes=10, starts_fill=True, workers=2)
    assert first.spec.options.starts == 9
    again = duplicate(first.handle, workers=1)
    finish(again)
    given = tune(small, TINY, options=replace(FitOptions(), starts=first.spec.options.starts))
    assert by_cell(first.handle.records()) == by_cell(again.records()) == by_cell(given.handle.records())
    assert len(again.records()) == 3


@pytest.mark.parametrize(("neuron_num", "seconds"), [(1, 0.5), (3, 0.5), (3, 1e-9)])
def test_a_fit_of_the_number_found_gives_the_same_weights_again(
    neuron_num: int, seconds: float, small: Dataset
) -> None:
    first = kanlab.fit(small, neuron_num, 2, 2, seconds=seconds, seed=3)
    assert first.starts >= fewest_starts([Cell(neuron_num, 2, 2)], "lm")
    again = kanlab.fit(small, neuron_num, 2, 2, starts=first.starts, seed=3)
    assert again.starts == first.starts
    for one, other in zip(first.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)
        np.testing.assert_array_equal(one.scale_base, other.scale_base)


def test_seconds_of_a_fit_that_mean_nothing_are_refused(small: Dataset) -> None:
    with refused(FitError, "leave one of the two out"):
        kanlab.fit(small, 1, 2, 2, starts=3, seconds=1)
    for seconds in (0, -1, np.nan, np.inf):
        with refused(FitError, "above 0"):
            kanlab.fit(small, 1, 2, 2, seconds=seconds)
