"""Whether this machine has all that a study needs."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kanlab.engines.catalogue import trouble
from kanlab.errors import KanlabError
from kanlab.execution.process_pool import ProcessPool
from kanlab.execution.run_tasks import TaskQueue
from kanlab.execution.worker_pool import WorkersFailed
from kanlab.files import is_open_to_others
from kanlab.language import marked, say
from kanlab.solver.kernels_numba import cache_folder, cache_trouble
from kanlab.study.handle import study_names
from kanlab.study.leftovers import orphaned_leases
from kanlab.study.optuna_adapter import database
from kanlab.study.storage import STORAGE_ERRORS, get_storage, home, not_stored, storage_trouble
from kanlab.study.unfinished import half_made
from kanlab.study.versions import current_versions

LEAST_FREE = 500 * 2**20
_WORKER_SECONDS = 60


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and what was found in one sentence."""

    what: str
    ok: bool
    detail: str


def doctor(storage_url: str | None = None, port: int = 8501) -> Iterator[Check]:
    """Look at everything a study needs; each finding as it is known."""
    yield Check(marked("versions"), True, ", ".join(f"{k} {v}" for k, v in current_versions().items()))
    try:
        folder = home()
        free = shutil.disk_usage(folder).free
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
        yield Check(
            marked("disk"), free > LEAST_FREE, say("{size} free in {folder}", size=in_bytes(free), folder=folder)
        )
        yield _privacy(folder)
    except KanlabError as error:
        yield Check(marked("disk"), False, str(error))
    except OSError as error:
        yield Check(marked("disk"), False, str(not_stored(error)))
    unused = cache_trouble()
    yield Check(
        marked("compiled code"),
        not unused,
        say("not kept: {reason}; each process compiles for itself, which costs it seconds", reason=unused)
        if unused
        else say("kept in {folder}", folder=cache_folder()),
    )
    try:
        storage = get_storage(storage_url)
        names = study_names(storage)
        database(storage).connect().close()
        yield Check(marked("storage"), True, say("{count} studies", count=len(names)))
        orphans = orphaned_leases(storage)
        found = (
            say("none orphaned")
            if not orphans
            else say("{orphans} left by processes that have ended; resume their studies", orphans=len(orphans))
        )
        yield Check(marked("leases"), not orphans, found)
        left = len(half_made(storage))
        ended = say("{left} whose maker ended before they were whole; 'kanlab gc' removes them", left=left)
        yield Check(marked("unfinished studies"), not left, ended if left else say("none"))
    except KanlabError as error:
        yield Check(marked("storage"), False, str(error))
    except STORAGE_ERRORS as error:
        yield Check(marked("storage"), False, storage_trouble(error))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            yield Check(marked("port"), True, say("{port} is free", port=port))
        except OSError:
            yield Check(
                marked("port"),
                False,
                say("{port} is in use, perhaps by a running app; choose another one with --port", port=port),
            )
    yield _try_worker(marked("worker"), False)
    with_pykan = marked("worker with pykan")
    if trouble("pykan-lbfgs"):
        yield Check(
            with_pykan, True, say("stock pykan is not installed; kanlab[pykan] brings it, and only its engines need it")
        )
    else:
        yield _try_worker(with_pykan, True)


def _privacy(folder: Path) -> Check:
    """Whether kanlab's own folder is its owner's alone, once `home` has closed what it may."""
    if is_open_to_others(folder):
        return Check(
            marked("privacy"),
            False,
            say("other users can look into {folder}; 'chmod -R go= FOLDER' closes it", folder=folder),
        )
    return Check(marked("privacy"), True, say("{folder} is closed to other users", folder=folder))


class _Nothing(TaskQueue):
    """A queue that wants a worker and has no job for it."""

    def left(self) -> int:
        return 1


def _try_worker(name: str, preload_pykan: bool) -> Check:
    pool, began = ProcessPool(Path(), preload_pykan=preload_pykan), time.monotonic()
    try:
        while pool.waits_for:
            if time.monotonic() - began > _WORKER_SECONDS:
                return Check(name, False, say("not ready within {worker_seconds} s", worker_seconds=_WORKER_SECONDS))
            pool.step(_Nothing([]), 1)
        return Check(name, True, say("ready in {seconds:.1f} s", seconds=time.monotonic() - began))
    except WorkersFailed as error:
        return Check(name, False, str(error))
    finally:
        pool.close()


def in_bytes(size: float) -> str:
    """A size for a sentence: 12 kB, 3.4 MB, 5.6 GB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
