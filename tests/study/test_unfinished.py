"""Making a study is one step: killed at any moment, it is whole or not there, and what is left is found and removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.manage import rename
from kanlab.study import handle as handle_module
from kanlab.study import unfinished
from kanlab.study.handle import HalfMade, create_study, load_study, study_names
from kanlab.study.leftovers import leftovers, remove
from kanlab.study.optuna_adapter import all_studies
from kanlab.study.spec import StudySpec
from kanlab.study.storage import data_path, get_storage, store_dataset
from kanlab.study.unfinished import half_made, is_provisional
from tests.helpers.sentences import refused

ROOT = Path(__file__).parents[2]

KILLED = """
import os, sys
import sqlalchemy
from kanlab.data.dataset import Dataset
from kanlab.study import handle
from kanlab.study.optuna_adapter import database
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage

data, url = Dataset.load(sys.argv[1]), sys.argv[2]
models = handle.baselines(data)
handle.baselines = lambda *_, **__: models  # the same for all
for moment in range(100):
    child = os.fork()
    if child == 0:
        written = 0

        def end(*_):
            global written
            written += 1
            if written > moment:
                os._exit(9)

        sqlalchemy.event.listen(database(get_storage(url)), "commit", end)
        handle.create_study(data, StudySpec(), name=f"killed {moment}", storage_url=url)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code == 0:
        break
"""


def test_a_kill_at_any_moment_leaves_a_study_that_is_whole_or_none(small: Dataset, tmp_path: Path) -> None:
    """Before each of the statements that make it is committed."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    storage = get_storage(url)
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(store_dataset(small)), url],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    *killed, last = [int(line) for line in process.stdout.split()]
    assert (set(killed), last) == ({9}, 0)
    whole = {f"killed {len(killed)}"}
    assert set(study_names(storage)) == whole
    assert load_study(*whole, storage_url=url).baselines
    assert 7 < len(half_made(storage)) < len(killed)  # the first ones had only read
    assert create_study(small, StudySpec(), name="killed 3", storage_url=url).name == "killed 3"  # the name is free
    remove(storage, leftovers(storage))
    assert half_made(storage) == []
    assert set(study_names(storage)) == whole | {"killed 3"}
    remove(storage, leftovers(storage))
    assert leftovers(storage).blobs == []


def test_a_study_that_is_being_made_is_nobody_elses(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maker lives: it is not shown, not opened, and not removed."""
    seen: list[str] = []

    def look(study: optuna.Study, *_: object) -> None:
        storage = get_storage()
        assert is_provisional(study.study_name)
        assert study_names(storage) == []
        assert half_made(storage) == []
        with refused(StudyError, "There is no study"):
            load_study(study.study_name)
        remove(storage, leftovers(storage))
        seen.append(study.study_name)

    monkeypatch.setattr(handle_module, "publish", look)
    assert create_study(small, StudySpec(), name="mine").name == "mine"
    assert len(seen) == 1
    assert load_study("mine").name == "mine"
    with refused(StudyError, "1 to 80 printable characters"):
        create_study(small, StudySpec(), name=seen[0])


def test_a_study_that_cannot_be_made_leaves_nothing(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(handle_module, "publish", fails)
    with pytest.raises(KeyboardInterrupt):
        create_study(small, StudySpec(), name="mine")
    assert all_studies(get_storage()) == []


@pytest.mark.parametrize("host", ["ours", "another"])
def test_one_of_another_machine_is_left_when_it_is_old(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = get_storage()
    with monkeypatch.context() as patch:
        patch.setattr("kanlab.study.processes.os.getpid", lambda: 2**22 + 1)  # no process has it
        if host == "another":
            patch.setattr("kanlab.study.processes.host", lambda: "another/pid:[1]")
        optuna.create_study(study_name=unfinished.provisional_name(), storage=storage)
    assert len(half_made(storage)) == (host == "ours")
    monkeypatch.setattr(unfinished, "_LONG_SECONDS", -1.0)
    assert len(half_made(storage)) == 1


# ---- what earlier versions left, under the name of the study


def left(name: str, marks: int, url: str | None = None) -> None:
    """A study as version 0.1.0 left it after so many of its steps."""
    study = optuna.create_study(study_name=name, storage=get_storage(url))
    if marks > 0:
        study._storage.set_study_system_attr(study._study_id, "study:metric_names", ["AICc"])
    attributes = {"uid": "1", "data": {"sha256": "2"}, "baselines": [], "versions": {}}
    for key in list(attributes)[: max(0, marks - 1)]:
        study.set_user_attr(key, attributes[key])


@pytest.mark.parametrize("marks", range(6))
def test_what_an_earlier_version_left_is_found_and_gives_its_name(marks: int, small: Dataset) -> None:
    left("mine", marks)
    (found,) = half_made(get_storage())
    assert found.name == "mine"
    assert study_names(get_storage()) == []
    with pytest.raises(StudyError) as caught:
        load_study("mine")
    assert isinstance(caught.value, HalfMade) == (marks > 0)
    assert create_study(small, StudySpec(), name="mine").records() == []
    assert half_made(get_storage()) == []
    left("other", marks)
    assert rename(load_study("mine"), "other").name == "other"
    left("third", marks)
    assert main(["gc"]) == 0
    assert [s.name for s in all_studies(get_storage())] == ["other"]


def test_it_can_be_deleted_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    left("mine", 3)
    assert main(["show", "mine"]) == 2
    assert "is not whole" in capsys.readouterr().err
    assert main(["delete", "mine"]) == 0
    assert "'mine'" in capsys.readouterr().err
    assert all_studies(get_storage()) == []


def test_studies_of_other_programs_stay(small: Dataset, tmp_path: Path) -> None:
    """Those with trials, and in a storage that others use those without a mark as well."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    for place in (url, None):
        study = optuna.create_study(study_name="with trials", storage=get_storage(place))
        study.tell(study.ask(), 1.0)
    left("bare", 0, url)
    for place in (url, None):
        assert half_made(get_storage(place)) == []
    with refused(StudyError, "'bare' already"):
        create_study(small, StudySpec(), name="bare", storage_url=url)
    with refused(StudyError, "'with trials' already"):
        create_study(small, StudySpec(), name="with trials")
    assert data_path(small.sha256).parent.exists() is False  # refused before anything is written


# ---- many at once

MANY = """
import sys
from kanlab.data.dataset import Dataset
from kanlab.study import handle
from kanlab.study.spec import StudySpec

data = Dataset.load(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(handle.create_study(data, StudySpec()).name)
"""


def test_studies_made_at_once_without_a_name_get_one_each(small: Dataset) -> None:
    """By four processes on a home that is empty, so that the tables are made at the same moment as well."""
    path = store_dataset(small)
    made = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, str(path)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in made:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in made:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    names = [process.communicate(timeout=60)[0].strip() for process in made]
    assert sorted(names) == [f"small-{i}" for i in range(1, 5)]


@pytest.mark.parametrize("place", ["SQLite", "PostgreSQL"])
def test_a_name_that_somebody_took_a_moment_ago(
    place: str, small: Dataset, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("url") if place == "PostgreSQL" else None
    taken = create_study(small, StudySpec(), storage_url=url).name
    free = handle_module.free_name
    answers = iter([taken, taken])
    monkeypatch.setattr(handle_module, "free_name", lambda *a: next(answers, None) or free(*a))
    made = create_study(small, StudySpec(), storage_url=url)
    assert made.name.startswith("small-")
    assert made.name != taken


def test_a_storage_that_breaks_while_a_study_is_made(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be cleaned up then; the name is free all the same."""
    broken = sqlalchemy.exc.OperationalError("", {}, Exception("gone"))

    def fails(*_: object) -> None:
        raise broken

    with monkeypatch.context() as patch:
        patch.setattr(handle_module, "publish", fails)
        patch.setattr(handle_module, "delete_study", fails)
        with pytest.raises(sqlalchemy.exc.OperationalError):
            create_study(small, StudySpec(), name="mine")
    assert study_names(get_storage()) == []
    assert create_study(small, StudySpec(), name="mine").name == "mine"
