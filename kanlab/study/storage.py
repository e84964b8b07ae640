"""Where studies and their data live: one long-lived storage a process, and a folder of data sets named by their hash."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import optuna
import platformdirs
import sqlalchemy
from optuna.storages import BaseStorage

from kanlab import files, settings
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.language import say
from kanlab.study import schema
from kanlab.study.optuna_adapter import OtherSchema, connect, database, is_gone
from kanlab.study.upgrade import other_version, upgrade_own

# what a storage raises that is full, locked or out of reach
STORAGE_ERRORS = (optuna.exceptions.StorageInternalError, sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError)

MAKING_PATIENCE = 10.0  # seconds for tables that another process is making

_lock = threading.Lock()
_storages: dict[str, BaseStorage] = {}


def home() -> Path:
    """The folder of kanlab's own files, for its owner alone: $KANLAB_HOME, or the user's data folder.

    One that others can look into is closed to them, unless there is more in it than kanlab's own.
    """
    path = settings.HOME() or Path(platformdirs.user_data_dir("kanlab", appauthor=False))
    try:
        path = files.private_folder(path).resolve()
        if files.is_open_to_others(path) and all(map(_is_own, path.iterdir())):
            # not compiled code, which is to show that others could write to it
            for part in (path, *path.glob("studies.db*"), *path.glob("data/**/*"), *path.glob("tables/**/*")):
                files.narrow(part)
            for part in (path / "data", path / "tables"):
                files.narrow(part)
    except OSError as error:
        raise StudyError(
            say(
                "The folder {path} cannot be created ({strerror}); set {name} to another folder.",
                path=path,
                strerror=error.strerror,
                name=settings.HOME.name,
            )
        ) from error
    return path


def _is_own(path: Path) -> bool:
    """Whether a part of the home is kanlab's by its name."""
    return path.name in ("data", "tables", "compiled", "seen") or path.name.startswith("studies.db")


def not_stored(error: OSError) -> StudyError:
    """What to raise where kanlab's own folder did not take a file."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StudyError(
            say(
                "Nothing can be stored in kanlab's own folder {home}: it is read-only; make it writable, or set {name} to "
                "another folder.",
                home=home(),
                name=settings.HOME.name,
            )
        )
    return StudyError(
        say(
            "Nothing can be stored in kanlab's own folder {home}: {reason}; make room, or set {name} to another folder.",
            home=home(),
            reason=os.strerror(error.errno) if error.errno else str(error),
            name=settings.HOME.name,
        )
    )


def own_file() -> Path:
    """kanlab's own SQLite file, whether it is there or not."""
    return home() / "studies.db"


def own_url() -> str:
    """URL of `own_file`."""
    return sqlalchemy.URL.create("sqlite", database=str(own_file())).render_as_string()  # quotes what a path may hold


def default_url() -> str:
    """Where studies are kept unless another place is named: $KANLAB_STORAGE, or the own file."""
    return settings.STORAGE() or own_url()


def from_here(url: str) -> str:
    """The address of a storage with a relative path of SQLite made absolute, for a process that runs in another folder."""
    try:
        parsed = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        return url  # told where it is opened
    path = parsed.database
    if parsed.get_backend_name() != "sqlite" or not path or path.startswith((":", "file:")):
        return url
    return parsed.set(database=str(Path(path).absolute())).render_as_string(hide_password=False)


def get_storage(url: str | None = None) -> BaseStorage:
    """The process's one storage for a URL (any Optuna RDB URL; None is the default one).

    SQLite runs in WAL mode with a 30 s busy timeout, so that readers never block the writer nor each other.
    """
    url = url or default_url()
    with _lock:
        if url not in _storages:
            _storages[url] = _open(url)
        return _storages[url]


class _SqliteConnection(sqlite3.Connection):
    """In WAL mode from its first statement on: without it each of the tables of a new file waits for the disk."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA journal_mode=WAL").close()
        self.execute("PRAGMA synchronous=NORMAL").close()


def _connected(url: str, engine_options: dict[str, Any] | None) -> BaseStorage:
    """Optuna's storage. Of processes that make its tables at the same moment, one succeeds and the others come again."""
    deadline = time.monotonic() + MAKING_PATIENCE
    while True:
        try:
            return connect(url, engine_options)
        except sqlalchemy.exc.DBAPIError as error:
            made = isinstance(error, sqlalchemy.exc.IntegrityError) or "already exists" in str(error.orig)
            if not made or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _open(url: str) -> BaseStorage:
    if url == own_url():
        _keep_private(own_file())
    try:
        is_sqlite = sqlalchemy.make_url(url).get_backend_name() == "sqlite"
        options = {"connect_args": {"timeout": 30, "factory": _SqliteConnection}} if is_sqlite else None
        try:
            storage = _connected(url, options)
        except OtherSchema as found:
            if url != own_url() or not found.is_older:
                raise other_version(found, without_secrets(url)) from found
            upgrade_own(own_file(), url, found)
            storage = _connected(url, options)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError) as error:
        reason = without_secrets(str(error)).splitlines()[0].rstrip(".")
        raise StudyError(
            say(
                "The storage {url} cannot be opened: {reason}.",
                url=without_secrets(url),
                reason=reason,
            )
        ) from error
    schema.create(database(storage))
    return storage


def _keep_private(path: Path) -> None:
    """kanlab's own database and what SQLite keeps beside it, which takes the mode of the database."""
    try:
        if not os.access(path.parent, os.W_OK | os.X_OK):  # SQLite needs files of its own beside it, even to read
            raise OSError(errno.EACCES, "")
        files.private_file(path)
    except OSError as error:
        raise not_stored(error) from error
    for part in ("", "-wal", "-shm"):
        files.narrow(path.with_name(path.name + part))


def storage_trouble(error: BaseException) -> str:
    """What is wrong with a storage that raised one of STORAGE_ERRORS, in one sentence."""
    cause: BaseException = error
    while not isinstance(cause, sqlalchemy.exc.DBAPIError) and cause.__cause__ is not None:
        cause = cause.__cause__
    reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0].rstrip(".")
    return say("The storage of the studies does not answer ({reason}).", reason=without_secrets(reason)[:200])


def study_trouble(error: BaseException) -> str:
    """`storage_trouble`, or that the study is gone; "" for an error of any other kind."""
    if isinstance(error, STORAGE_ERRORS):
        return storage_trouble(error)
    return say("The study is no longer there: it was deleted elsewhere.") if is_gone(error) else ""


def without_secrets(text: str) -> str:
    """A sentence that may hold the address of a storage, without what may be secret in it: user, password, query.

    A password may hold "/", "@" and "?": everything up to the last "@" of the address is left out.

    >>> without_secrets("postgresql://me:a/b@c@host/db?password=d is out of reach")
    'postgresql://…@host/db?… is out of reach'
    """
    return re.sub(r"(://\S*?\?)[^\s'\")]+", r"\1…", re.sub(r"://\S*@", "://…@", text))


def data_path(sha256: str) -> Path:
    """File of a stored data set."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise StudyError(say("'{sha256}' is no hash of a data set.", sha256=sha256[:80]))
    return home() / "data" / f"{sha256}.parquet"


def store_dataset(data: Dataset) -> Path:
    """Keep a data set, once whatever the number of studies on it. Raises StudyError where there is no room for it."""
    path = data_path(data.sha256)
    if path.exists():
        return path
    try:
        files.private_folder(path.parent)
        data.save(path)
    except OSError as error:
        raise not_stored(error) from error
    return path


def stored_path(sha256: str) -> Path:
    """File of a data set that is there. Raises StudyError where it is not."""
    path = data_path(sha256)
    if not path.exists():
        raise StudyError(
            say("The data of this study, {name}, are no longer in {parent}.", name=path.name, parent=path.parent)
        )
    return path


def load_dataset(sha256: str) -> Dataset:
    """Read a stored data set back."""
    return Dataset.load(stored_path(sha256))
