"""Storages with tables of another version of Optuna: one sentence everywhere; the own file is upgraded after a copy."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from streamlit.testing.v1 import AppTest

from kanlab.api import open_study
from kanlab.cli.main import main
from kanlab.errors import StudyError
from kanlab.execution import doctor
from kanlab.study import optuna_adapter, storage, upgrade
from kanlab.study.handle import study_names
from kanlab.study.optuna_adapter import database
from kanlab.study.processes import this_process
from kanlab.study.storage import get_storage, own_file, own_url
from tests.helpers import older
from tests.helpers.pages import go, text_of
from tests.helpers.sentences import assert_sentence, refused

ROOT = Path(__file__).parents[2]
LATER = ["UPDATE alembic_version SET version_num = 'v9.9.9.z'"]
# what versions v3.0.0.b to v3.2.0.a of Optuna's tables have added, taken back
EARLIER = [
    "DROP INDEX IF EXISTS ix_trials_study_id",
    "ALTER TABLE trial_values DROP COLUMN value_type",
    "ALTER TABLE trial_intermediate_values DROP COLUMN intermediate_value_type",
    "UPDATE alembic_version SET version_num = 'v3.0.0.a'",
    "UPDATE version_info SET library_version = '2.10.0'",
]


def rewrite(path: Path, statements: list[str]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join(statements))


def version(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def copies() -> list[Path]:
    return sorted(own_file().parent.glob("studies.db.*"))


@pytest.fixture
def earlier(kanlab_home: Path) -> None:
    """The own file as it was before three of Optuna's versions."""
    older.put_storage(kanlab_home)
    rewrite(own_file(), EARLIER)


def test_the_own_file_of_an_earlier_version_is_upgraded_after_a_copy(
    earlier: None, caplog: pytest.LogCaptureFixture
) -> None:
    assert study_names(get_storage()) == ["classes", "numbers"]
    assert open_study("numbers").to_dict()["trials"] == older.shown("numbers")["trials"]
    (copy,) = copies()
    assert version(copy) == "v3.0.0.a"
    assert version(own_file()) != "v3.0.0.a"
    assert_sentence(caplog.messages[-1])
    assert copy.name in caplog.messages[-1]
    storage._storages.clear()
    get_storage()
    assert copies() == [copy]  # once


def test_it_is_upgraded_by_one_of_several_processes(earlier: None) -> None:
    program = "import sys; from kanlab.cli.main import main; sys.exit(main(['studies']))"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said
        assert "numbers" in said
        assert "Traceback" not in said
    assert len(copies()) == 1


def test_what_a_killed_process_left_while_it_upgraded(earlier: None, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = own_file().with_name("studies.db.upgrading")
    with monkeypatch.context() as patch:
        patch.setattr("kanlab.study.processes.os.getpid", lambda: 2**22 + 1)  # no process has it
        mark.write_text(this_process().token())
    assert study_names(get_storage()) == ["classes", "numbers"]
    assert not mark.exists()


def test_one_that_another_process_upgrades_for_long(earlier: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "UPGRADE_PATIENCE", 0.2)
    own_file().with_name("studies.db.upgrading").write_text(this_process().token())
    with refused(StudyError, "Another process is upgrading"):
        get_storage()


def test_one_that_cannot_be_copied_stays_as_it_is(earlier: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(upgrade, "_copied", full)
    with refused(StudyError, "cannot be upgraded", "No space left on device"):
        get_storage()
    assert version(own_file()) == "v3.0.0.a"


@pytest.mark.parametrize(
    ("statements", "parts"),
    [
        (EARLIER, ["earlier version of Optuna (2.10.0)", "'optuna storage upgrade --storage URL'"]),
        (LATER, ["later version of Optuna", "'pip install --upgrade kanlab optuna'"]),
    ],
)
def test_any_other_storage_is_told_in_one_sentence(
    statements: list[str], parts: list[str], kanlab_home: Path, csv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On every command; the later version in the own file as well."""
    older.put_storage(kanlab_home)
    path = kanlab_home / "another.db"
    own_file().rename(path)
    rewrite(path, statements)
    urls = [f"sqlite:///{path}"]
    if statements is LATER:
        own_file().write_bytes(path.read_bytes())
        urls.append(own_url())
    for url in urls:
        with refused(StudyError, *parts):
            get_storage(url)
        for command in (["studies"], ["tune", csv, "--target", "y"], ["show", "numbers"], ["gc"]):
            assert main([*command, "--storage", url]) == 2
            (said,) = capsys.readouterr().err.splitlines()
            assert_sentence(said.removeprefix("kanlab: "))
            assert all(part in said for part in parts)
        found = {c.what: c for c in _first_checks(url)}["storage"]
        assert not found.ok
        assert all(part in found.detail for part in parts)
    assert list(kanlab_home.glob("*.copy")) == []


def _first_checks(url: str) -> list[doctor.Check]:
    """Those that start no worker."""
    found = []
    for check in doctor.doctor(url):
        found.append(check)
        if check.what == "port":
            break
    return found


def test_the_pages_say_it(kanlab_home: Path, app: AppTest) -> None:
    for opened in storage._storages.values():
        database(opened).dispose()
    storage._storages.clear()
    own_file().unlink(missing_ok=True)
    older.put_storage(kanlab_home)
    rewrite(own_file(), LATER)
    app.query_params["study"] = "numbers"
    for page in ("data", "search", "live", "choose", "model", "export", "studies"):
        go(app, page)
        if page not in ("data", "search"):
            assert "later version of Optuna" in text_of(app), page


def test_the_command_it_names_upgrades(kanlab_home: Path) -> None:
    older.put_storage(kanlab_home)
    path = kanlab_home / "another.db"
    own_file().rename(path)
    rewrite(path, EARLIER)
    url = f"sqlite:///{path}"
    command = [str(Path(sys.executable).with_name("optuna")), "storage", "upgrade", "--storage", url]
    if not Path(command[0]).exists():
        command[:1] = [sys.executable, "-c", "from optuna.cli import main; main()"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert study_names(get_storage(url)) == ["classes", "numbers"]
    assert isinstance(database(get_storage(url)), sqlalchemy.Engine)


def test_one_that_is_upgraded_while_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process does it between Optuna's refusal and the look at the version."""
    opened = optuna_adapter.RDBStorage
    refusals = iter([RuntimeError("no longer compatible with the table schema")])

    def refused_once(*arguments: Any, **options: Any) -> Any:
        if not options.get("skip_compatibility_check") and (refusal := next(refusals, None)):
            raise refusal
        return opened(*arguments, **options)

    get_storage()
    storage._storages.clear()
    monkeypatch.setattr(optuna_adapter, "RDBStorage", refused_once)
    assert study_names(get_storage()) == []
    assert next(refusals, None) is None
