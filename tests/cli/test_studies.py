"""The commands on studies there are, in this process, with workers that fit nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from kanlab.cli import main
from kanlab.data.dataset import Dataset
from kanlab.execution.manager import manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study import trial_reader
from kanlab.study.handle import create_study, load_study, study_names
from kanlab.study.optuna_adapter import database
from kanlab.study.spec import StudySpec
from kanlab.study.state import stop_requested, wish
from kanlab.study.storage import get_storage
from tests.helpers.studies import STOCK, finished, run, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 2), (2, 5), (1, 2))


def kanlab(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command; returns what it said."""
    assert main.main(arguments) == code
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    return output.out + output.err


def test_resume_with_a_larger_budget(small: Dataset, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    handle = run(small, name="mine", space=SPACE, trials=3)
    assert main.main(["resume", "mine", "--trials", "5", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["trials"]) == 5
    assert len(finished(handle)) == 5
    assert "already" in kanlab(capsys, "resume", "mine", "--trials", "5", code=2)


def test_rerun_compares_and_duplicates(small: Dataset, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    handle = run(small, name="mine", space=SPACE, trials=3, sampler="exhaustive")
    assert "'again' agrees with 'mine' in every bit of every trial" in kanlab(
        capsys, "rerun", "mine", "--study", "again"
    )
    first = handle.optuna.get_trials()[0]
    with database(get_storage()).begin() as connection:
        connection.execute(
            sqlalchemy.text(
                "UPDATE trial_user_attributes SET value_json = '1.25' WHERE key = 'rss_train' AND trial_id = :id"
            ),
            {"id": first._trial_id},
        )
    trial_reader._readers.clear()
    said = kanlab(capsys, "rerun", "mine", code=1)
    assert "differs from 'mine' in 1 configuration:" in said
    assert "rss_train is 1.25 and" in said
    kanlab(capsys, "rerun", "mine", "--study", "wider", "--neuron-num", "1:3", "--k", "1")
    assert load_study("wider").spec.space == SearchSpace((1, 3), (2, 5), (1, 1))


def test_pause_and_stop_from_another_process(
    small: Dataset, fake_workers: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_workers(hold_after=0)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK), name="mine")
    for command in ("pause", "stop"):
        assert "is not running: it is queued" in kanlab(capsys, command, "mine", code=2)
    supervisor = manager().start(handle)
    wait_for(lambda: state(handle).name == "running")
    assert "asked to pause" in kanlab(capsys, "pause", "mine")
    assert wish(handle.optuna.user_attrs) == "pause"
    assert "asked to stop" in kanlab(capsys, "stop", "mine")
    assert stop_requested(handle.optuna.user_attrs)
    supervisor.join(20)
    assert state(handle).name in ("paused", "stopped")


def test_rename_note_delete(
    small: Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_study(small, StudySpec(space=SPACE), name="old")
    assert "is now called 'new'" in kanlab(capsys, "rename", "old", "new")
    kanlab(capsys, "note", "new", "look at k 2")
    assert kanlab(capsys, "note", "new") == "look at k 2\n"
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert "add --yes" in kanlab(capsys, "delete", "new", code=2)
    assert study_names(get_storage()) == ["new"]
    kanlab(capsys, "delete", "new", "--yes")
    assert study_names(get_storage()) == []
    assert "no study 'new'" in kanlab(capsys, "delete", "new", "--yes", code=2)


def test_gc(
    small: Dataset, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    create_study(small, StudySpec(space=SPACE))
    assert "0 files (0 B)" in kanlab(capsys, "gc", "--dry-run")
    assert "were removed" in kanlab(capsys, "gc")


def test_a_storage_that_does_not_answer_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    monkeypatch.setattr(main, "_show", broken)
    assert kanlab(capsys, "show", "x", code=2) == (
        "kanlab: The storage of the studies does not answer (disk I/O error).\n"
    )


@pytest.mark.parametrize("command", [["app"], ["serve", "a.zip"], ["dashboard"], ["doctor"]])
@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_is_none_is_refused(command: list[str], port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main([*command, f"--port={port}"])
    assert f"a port is a number from 0 to 65535, not '{port}'" in capsys.readouterr().err
