"""Extend, rename, note, duplicate, delete; and the same numbers when a study is run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.manage import annotate, data_size, delete, differences, duplicate, extend, note, rename
from kanlab.execution.manager import manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import create_study, load_study, study_names, versions_changed
from kanlab.study.lease import claim
from kanlab.study.optuna_adapter import trial_sizes
from kanlab.study.spec import StudySpec
from kanlab.study.storage import data_path, default_url, get_storage
from tests.helpers.fits import fitted_cells
from tests.helpers.sentences import refused
from tests.helpers.studies import NESTED, STOCK, by_cell, finish, finished, numbers, run, state

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 2), (2, 5), (1, 2))


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe", "random"])
def test_a_finished_study_extended_goes_on(sampler: str, small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    handle = run(small, space=SPACE, sampler=sampler, trials=4)
    before = numbers(handle.records())
    log.write_text("")
    longer = extend(handle, trials=9)
    assert (state(longer).name, longer.spec.trials, load_study(handle.name).spec.trials) == ("stopped", 9, 9)
    finish(longer)
    assert numbers(longer.records())[:4] == before
    assert len(set(finished(longer))) == len(longer.records()) == 9
    assert len(fitted_cells(log)) == 5
    assert state(longer).detail == "All 9 trials are done."


def test_budgets_that_cannot_be(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle = run(small, space=SPACE, trials=4)
    with refused(StudyError, "already has a budget of 4 trials"):
        extend(handle, trials=4)
    with refused(StudyError, "no limit on minutes"):
        extend(handle, minutes=3)
    with refused(StudyError, "total number of trials or minutes"):
        extend(handle)
    assert load_study(handle.name).spec == handle.spec


def test_nothing_of_this_is_done_to_a_running_study(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(seconds=5)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, trials=3), name="busy")
    supervisor = manager().start(handle)
    for act in (lambda: extend(handle, trials=9), lambda: rename(handle, "other"), lambda: delete(handle)):
        with refused(StudyError, "'busy' is running already"):
            act()
    annotate(handle, "can be kept at any time")
    manager().stop(handle)
    supervisor.join(20)
    assert state(handle).name == "stopped"


def test_rename(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle = run(small, space=SPACE, name="old")
    create_study(small, StudySpec(space=SPACE), name="taken")
    with refused(StudyError, "'taken' already"):
        rename(handle, " taken ")
    for bad in ("", "  ", "x" * 81, "a\nb"):
        with refused(StudyError, "printable"):
            rename(handle, bad)
    renamed = rename(handle, "new")
    assert sorted(study_names(get_storage())) == ["new", "taken"]
    assert numbers(renamed.records()) == numbers(handle.records())
    elsewhere = optuna.load_study(study_name="new", storage=default_url())
    assert len(elsewhere.trials) == len(renamed.records())
    with refused(StudyError, "no study 'old'"):
        load_study("old")
    claim(renamed.optuna, wait=0).release()


def test_notes(small: Dataset) -> None:
    handle = create_study(small, StudySpec(space=SPACE))
    assert note(handle) == ""
    annotate(handle, "  first try: <b>too wide</b> \n")
    assert note(load_study(handle.name)) == "first try: <b>too wide</b>"
    with refused(StudyError, "at most 2,000"):
        annotate(handle, "x" * 2001)


def test_delete_leaves_nothing_but_the_data(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle, other = run(small, space=SPACE, name="gone"), run(small, space=SPACE, name="kept")
    before = numbers(other.records())
    delete(handle)
    assert study_names(get_storage()) == ["kept"]
    assert numbers(load_study("kept").records()) == before
    assert data_path(small.sha256).exists()
    create_study(small, StudySpec(space=SPACE), name="gone")


def test_duplicate_with_other_ranges(small: Dataset) -> None:
    spec = StudySpec(space=SPACE, engine=STOCK, seed=4, minutes=3, count="trainable", workers=1)
    handle = create_study(small, spec, name="one")
    changed = SearchSpace((1, 1), (3, 4), (1, 1))
    other = duplicate(handle, space=changed)
    assert other.spec == replace(spec, space=changed)
    assert (other.data, other.name != "one") == (handle.data, True)


def test_a_study_run_again_agrees_bit_for_bit(small: Dataset) -> None:
    """With the real engine, in other processes, with another number of workers."""
    handle = create_study(small, StudySpec(space=SearchSpace((1, 2), (2, 3), (2, 2)), engine=NESTED, workers=1))
    finish(handle)
    again = duplicate(handle, workers=2)
    finish(again)
    assert len(again.records()) == 4
    assert by_cell(again.records()) == by_cell(handle.records())
    assert differences(handle.records(), again.records()) == []
    assert versions_changed(handle) == []


def test_differences_are_found_to_the_last_bit(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    records = run(small, space=SPACE).records()
    first = records[0]
    assert first.rss_train is not None
    other = [first.rescored(rss_train=first.rss_train * (1 + 2**-52)), *records[2:]]
    lines = differences(records, other)
    assert len(lines) == 2
    assert "rss_train is" in lines[0]
    assert "only in the first study" in lines[1]


def test_changed_versions_are_named(small: Dataset) -> None:
    handle = create_study(small, StudySpec(space=SPACE))
    handle.optuna.set_user_attr("versions", {"numpy": "0.1", "python": "3"})
    assert [line.split(" and is ")[0] for line in versions_changed(handle)] == ["numpy was 0.1", "python was 3"]


def test_sizes(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle, empty = run(small, space=SPACE), create_study(small, StudySpec(space=SPACE))
    found = trial_sizes(get_storage())
    assert empty.id not in found
    assert 100 < found[handle.id] / len(handle.records()) < 2000
    assert data_size(handle) == data_path(small.sha256).stat().st_size
