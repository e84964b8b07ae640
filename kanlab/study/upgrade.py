"""A storage whose tables are of another version of Optuna: told in a sentence; the own file is upgraded after a copy."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

from kanlab.errors import StudyError
from kanlab.files import private_file
from kanlab.language import say
from kanlab.study.optuna_adapter import OtherSchema, is_current, upgrade_tables
from kanlab.study.processes import Process, this_process

UPGRADE_PATIENCE = 60.0  # seconds for another process that is upgrading the file

logger = logging.getLogger(__name__)


def other_version(found: OtherSchema, shown: str) -> StudyError:
    """What to do about a storage that is not upgraded here. shown: its address without secrets."""
    if found.is_older:
        return StudyError(
            say(
                "The tables of the storage {shown} are of an earlier version of Optuna ({made_by}); "
                "make a copy of it, then run 'optuna storage upgrade --storage URL' with its URL.",
                shown=shown,
                made_by=found.made_by,
            )
        )
    return StudyError(
        say(
            "The tables of the storage {shown} are of a later version of Optuna than the one "
            "installed here; run 'pip install --upgrade kanlab optuna'.",
            shown=shown,
        )
    )


def upgrade_own(path: Path, url: str, found: OtherSchema) -> None:
    """Copy kanlab's own file and bring its tables to the version of today; one process does it, the others wait for that.

    Raises StudyError where there is no room for the copy, or the tables are not what they should be.
    """
    with _alone(path):
        try:
            if is_current(url):  # by now
                return
            copy = _copied(path, found.version)
            upgrade_tables(url)
        except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise StudyError(
                say(
                    "{path} is of an earlier version and cannot be upgraded ({reason}); make room, or "
                    "put a copy of it back.",
                    path=path,
                    reason=reason,
                )
            ) from error
        logger.warning(
            "%s was upgraded for this version of Optuna; as it was before it is kept in %s.", path, copy.name
        )


def _copied(path: Path, version: str) -> Path:
    """A copy beside the file, whole or not there."""
    copy = path.with_name(f"{path.name}.{version}.{time.strftime('%Y%m%d-%H%M%S')}.copy")
    partial = copy.with_suffix(".partial")
    try:
        private_file(partial)
        with (
            contextlib.closing(sqlite3.connect(path, timeout=30)) as source,
            contextlib.closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)
        partial.replace(copy)
    finally:
        partial.unlink(missing_ok=True)
    return copy


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """With no other process that upgrades the file."""
    mark = path.with_name(f"{path.name}.upgrading")
    deadline = time.monotonic() + UPGRADE_PATIENCE
    while True:
        try:
            with os.fdopen(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "w") as file:
                file.write(this_process().token())
            break
        except FileExistsError:
            if _is_left(mark):
                mark.unlink(missing_ok=True)
            elif time.monotonic() > deadline:
                raise StudyError(
                    say(
                        "Another process is upgrading {path}; wait for it, or delete {name} where there is none.",
                        path=path,
                        name=mark.name,
                    )
                ) from None
            time.sleep(0.1)
        except OSError as error:
            raise StudyError(
                say(
                    "{path} is of an earlier version and cannot be upgraded ({strerror}).",
                    path=path,
                    strerror=error.strerror,
                )
            ) from error
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _is_left(mark: Path) -> bool:
    """Whether the process that made the mark has ended."""
    with contextlib.suppress(OSError, ValueError):  # gone by now, or not written yet
        return Process.of_token(mark.read_text()).is_gone
    return False
