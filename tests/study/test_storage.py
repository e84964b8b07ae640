"""One storage a process and URL, and data sets kept by their hash."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.study import optuna_adapter, storage
from kanlab.study.storage import default_url, get_storage, home, load_dataset, store_dataset
from tests.helpers.sentences import refused


def test_home_is_where_the_variable_says(kanlab_home: Path) -> None:
    assert home() == kanlab_home.resolve()
    assert kanlab_home.is_dir()
    assert default_url() == f"sqlite:///{kanlab_home.resolve() / 'studies.db'}"


def test_a_home_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "file" / "below"))
    with refused(StudyError, "cannot be created", "KANLAB_HOME"):
        home()


def test_one_storage_a_url(tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert get_storage() is get_storage() is get_storage(default_url())
    assert get_storage(other) is get_storage(other)
    assert get_storage(other) is not get_storage()


def test_one_storage_however_many_ask_at_once() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(get_storage())) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8
    assert len({id(s) for s in found}) == 1


def test_tables_another_process_makes_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, opened = f"sqlite:///{tmp_path / 'new.db'}", []

    def open_late(*arguments: Any, **options: Any) -> optuna.storages.RDBStorage:
        opened.append(arguments)
        if len(opened) < 3:
            reason = sqlite3.OperationalError("table studies already exists")
            raise sqlalchemy.exc.OperationalError("CREATE TABLE studies", {}, reason)
        return optuna.storages.RDBStorage(*arguments, **options)

    monkeypatch.setattr(optuna_adapter, "RDBStorage", open_late)
    assert optuna.create_study(storage=get_storage(url)).trials == []
    assert len(opened) == 3


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 1), ("busy_timeout", 30_000)])
def test_sqlite_settings_on_every_connection(pragma: str, value: object) -> None:
    engine = optuna_adapter.database(get_storage())
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            assert connection.execute(sqlalchemy.text(f"PRAGMA {pragma}")).scalar() == value


def test_what_another_process_writes_is_seen(kanlab_home: Path) -> None:
    """A second storage object on the same file stands for another process."""
    study = optuna.create_study(study_name="s", storage=get_storage())
    elsewhere = optuna.load_study(study_name="s", storage=optuna.storages.RDBStorage(default_url()))
    elsewhere.set_user_attr("desired", "stop")
    assert study.user_attrs == {"desired": "stop"}


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "nosuch://user:secret@host/db",
        "nosuch://user:a/secret@b@host/db",
        "nosuch://host/db?password=secret",
        "postgresql://user:a/secret@localhost:1/db?connect_timeout=1&sslpassword=secret",
        "sqlite:////nowhere/at/all/x.db",
    ],
)
def test_storages_that_cannot_be_opened(url: str) -> None:
    with pytest.raises(StudyError) as caught:
        get_storage(url)
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("The storage")
    assert str(caught.value).endswith(".")
    assert url not in storage._storages


def test_data_sets_are_kept_once(small: Dataset, kanlab_home: Path) -> None:
    path = store_dataset(small)
    written = path.stat().st_mtime_ns
    assert store_dataset(small) == path
    assert path.stat().st_mtime_ns == written
    assert load_dataset(small.sha256).sha256 == small.sha256
    assert [p.name for p in (kanlab_home / "data").iterdir()] == [f"{small.sha256}.parquet"]


def test_data_sets_that_are_not_there(small: Dataset) -> None:
    with refused(StudyError, "no longer in"):
        load_dataset(small.sha256)
    for bad in ("", "../../etc/passwd", small.sha256[:-1], small.sha256.upper()):
        with refused(StudyError, "no hash"):
            load_dataset(bad)
