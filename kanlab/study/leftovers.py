"""What nothing refers to any more, in the storage and in the folders of this machine: found, and removed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import BaseStorage
from sqlalchemy import delete, select

from kanlab.study.artifacts import ARTIFACT, ATTACHED, attached_id
from kanlab.study.handle import DATA
from kanlab.study.lease import Holder
from kanlab.study.optuna_adapter import StoredStudy, all_studies, database
from kanlab.study.processes import process_started
from kanlab.study.schema import BLOBS, LEASES
from kanlab.study.storage import get_storage, home, own_file, own_url
from kanlab.study.unfinished import UID, discard, half_made

_YOUNG_SECONDS = 3600  # a file of data younger than this may belong to a study that is just being made


def orphaned_leases(storage: BaseStorage) -> list[int]:
    """Numbers of the studies whose holder is a process of this machine that has ended, or that are gone themselves."""
    known = {s.id for s in all_studies(storage)}
    with database(storage).connect() as connection:
        rows = connection.execute(select(LEASES.c.study_id, LEASES.c.owner, LEASES.c.beat)).all()
    return [study_id for study_id, owner, beat in rows if study_id not in known or Holder(owner, beat).is_gone]


@dataclass(frozen=True)
class Leftovers:
    """What nothing refers to: files and folders, data in the database, leases of processes that have ended.

    unfinished: names of studies whose maker ended before they were whole.
    """

    files: list[Path]
    blobs: list[str]
    leases: list[int]
    unfinished: list[str]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(p.stat().st_size for p in self.files if p.is_file())


def leftovers(storage: BaseStorage) -> Leftovers:
    """Find them. Files are kept for this storage and for the own file, whose studies have their data nowhere else.

    A study of any other storage brings its data with it, so those are fetched again.
    """
    with database(storage).connect() as connection:  # before the studies: what is stored from now on is none of them
        stored = connection.execute(select(BLOBS.c.id)).scalars().all()
    unfinished = [s.name for s in half_made(storage)]
    studies = _kept_studies(storage)
    known = [*studies, *(_kept_studies(get_storage(own_url())) if own_file().exists() else [])]
    used = {s.attributes[DATA]["sha256"] for s in known if DATA in s.attributes}
    files = [
        path
        for path in (home() / "data").glob("*")
        if path.name.partition(".")[0] not in used and time.time() - path.stat().st_mtime > _YOUNG_SECONDS
    ]
    artifacts = {s.attributes[ARTIFACT]["id"] for s in studies if ARTIFACT in s.attributes}
    artifacts |= {attached_id(s.attributes[UID], name) for s in studies if UID in s.attributes for name in ATTACHED}
    blobs = [b for b in stored if b not in artifacts]
    return Leftovers(files + _abandoned_scratch(), blobs, orphaned_leases(storage), unfinished)


def _kept_studies(storage: BaseStorage) -> list[StoredStudy]:
    left = {s.id for s in half_made(storage)}
    return [s for s in all_studies(storage) if s.id not in left]


def _abandoned_scratch() -> list[Path]:
    """Folders of workers whose supervisor has ended, and which were killed with it."""
    found: list[Path] = []
    if not hasattr(os, "getuid"):
        return found
    for path in Path(tempfile.gettempdir()).glob("kanlab-*-*"):
        match = re.match(r"kanlab-(\d+)-", path.name)
        if match and path.stat().st_uid == os.getuid() and process_started(int(match[1])) is None:
            found.append(path)
    return found


def remove(storage: BaseStorage, found: Leftovers) -> None:
    """Remove what `leftovers` found."""
    for path in found.files:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for name in found.unfinished:
        discard(storage, name)
    with database(storage).begin() as connection:
        connection.execute(delete(BLOBS).where(BLOBS.c.id.in_(found.blobs)))
        connection.execute(delete(LEASES).where(LEASES.c.study_id.in_(found.leases)))
