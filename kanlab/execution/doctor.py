"""Looking after the storage and the folder of data: what is wrong, and what nothing refers to any more."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import BaseStorage
from sqlalchemy import delete, select

from kanlab.errors import KanlabError
from kanlab.execution.process_pool import ProcessPool, TaskQueue
from kanlab.execution.worker_pool import WorkersFailed
from kanlab.study.artifacts import ARTIFACT
from kanlab.study.handle import DATA, SPEC, current_versions
from kanlab.study.lease import Holder
from kanlab.study.processes import Process, process_started
from kanlab.study.schema import BLOBS, LEASES, MAIL, SLOTS, engine
from kanlab.study.storage import STORAGE_ERRORS, get_storage, home, own_file, own_url, storage_trouble

LEAST_FREE = 500 * 2**20
_YOUNG_SECONDS = 3600  # a file of data younger than this may belong to a study that is just being made
_WORKER_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    words: str


def doctor(storage_url: str | None = None, port: int = 8501) -> Iterator[Finding]:
    """Look at everything a study needs; each finding as it is known."""
    yield Finding("versions", True, ", ".join(f"{k} {v}" for k, v in current_versions().items()))
    try:
        folder = home()
        free = shutil.disk_usage(folder).free
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
        yield Finding("disk", free > LEAST_FREE, f"{in_bytes(free)} free in {folder}")
    except (KanlabError, OSError) as error:
        yield Finding("disk", False, str(error))
    try:
        storage = get_storage(storage_url)
        studies = [s for s in storage.get_all_studies() if SPEC in s.user_attrs]
        engine(storage).connect().close()
        yield Finding("storage", True, f"{len(studies)} studies")
        orphans = orphaned_leases(storage)
        words = "none orphaned" if not orphans else f"{len(orphans)} of studies whose process has ended: resume them"
        yield Finding("leases", not orphans, words)
    except KanlabError as error:
        yield Finding("storage", False, str(error))
    except STORAGE_ERRORS as error:
        yield Finding("storage", False, storage_trouble(error))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            yield Finding("port", True, f"{port} is free")
        except OSError:
            yield Finding("port", False, f"{port} is taken: by an app that runs already, or choose another with --port")
    for name, preload in (("worker", False), ("worker with pykan", True)):
        yield _try_worker(name, preload)


class _Nothing(TaskQueue):
    """A queue that wants a worker and has no job for it."""

    def left(self) -> int:
        return 1


def _try_worker(name: str, preload_pykan: bool) -> Finding:
    pool, began = ProcessPool(Path(), preload_pykan=preload_pykan), time.monotonic()
    try:
        while not pool.has_ready:
            if time.monotonic() - began > _WORKER_SECONDS:
                return Finding(name, False, f"not ready within {_WORKER_SECONDS} s")
            pool.step(_Nothing([]), 1)
        return Finding(name, True, f"ready in {time.monotonic() - began:.1f} s")
    except WorkersFailed as error:
        return Finding(name, False, str(error))
    finally:
        pool.close()


def orphaned_leases(storage: BaseStorage) -> list[int]:
    """Numbers of the studies whose holder is a process of this machine that has ended, or that are gone themselves."""
    known = {s._study_id for s in storage.get_all_studies()}
    with engine(storage).connect() as connection:
        rows = connection.execute(select(LEASES.c.study_id, LEASES.c.owner, LEASES.c.beat)).all()
    return [study_id for study_id, owner, beat in rows if study_id not in known or Holder(owner, beat).is_gone]


@dataclass(frozen=True)
class Leftovers:
    """What nothing refers to: files and folders, data in the database, leases of processes that have ended."""

    files: list[Path]
    blobs: list[str]
    leases: list[int]

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(p.stat().st_size for p in self.files if p.is_file())


def leftovers(storage: BaseStorage) -> Leftovers:
    """Find them. Files are kept for this storage and for the own file, whose studies have their data nowhere else.

    A study of any other storage brings its data with it, so those are fetched again.
    """
    with engine(storage).connect() as connection:  # before the studies: what is stored from now on is none of them
        stored = connection.execute(select(BLOBS.c.id)).scalars().all()
    studies = storage.get_all_studies()
    known = [*studies, *(get_storage(own_url()).get_all_studies() if own_file().exists() else [])]
    used = {s.user_attrs[DATA]["sha256"] for s in known if DATA in s.user_attrs}
    files = [
        path
        for path in (home() / "data").glob("*")
        if path.name.partition(".")[0] not in used and time.time() - path.stat().st_mtime > _YOUNG_SECONDS
    ]
    artifacts = {s.user_attrs[ARTIFACT]["id"] for s in studies if ARTIFACT in s.user_attrs}
    blobs = [b for b in stored if b not in artifacts]
    return Leftovers(files + _abandoned_scratch(), blobs, orphaned_leases(storage))


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
    with engine(storage).begin() as connection:
        connection.execute(delete(BLOBS).where(BLOBS.c.id.in_(found.blobs)))
        connection.execute(delete(LEASES).where(LEASES.c.study_id.in_(found.leases)))
        slots = connection.execute(select(SLOTS.c.slot)).scalars().all()
        gone = [slot for slot in slots if Process.of_token(slot.rpartition("#")[0]).is_gone]
        connection.execute(delete(SLOTS).where(SLOTS.c.slot.in_(gone)))
        connection.execute(delete(MAIL).where(MAIL.c.slot.not_in(select(SLOTS.c.slot))))


def in_bytes(size: float) -> str:
    """A size in words: 12 kB, 3.4 MB, 5.6 GB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
