"""What runs on a machine of a Dask cluster: one job, done by a worker program of kanlab's own beside the Dask worker.

The thread of a Dask task cannot be ended from outside, so the fit is in another process: the task looks ten times a second
whether anybody still wants it, and ends the process where nobody does. Programs are kept for the next job, for a while.
Whatever the job says goes to a topic of the scheduler's events as [key of the task, number of the message, line].
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kanlab.data.dataset import Dataset
from kanlab.errors import KanlabError
from kanlab.execution.messages import Answer, Begun, Done, Exit, Late, Order, Refusal, Report, encode, read
from kanlab.execution.process_pool import ProcessPool
from kanlab.execution.worker_pool import Job
from kanlab.language import say, use
from kanlab.study.versions import fitting_versions

if TYPE_CHECKING:
    from distributed import Worker

IDLE_SECONDS = 10.0  # for which a program without a job is kept


def as_it_is(data: bytes) -> bytes:
    """The data of a study as the result of a task, which Dask brings to each machine once and makes again where it is lost."""
    return data


@use("en")
def work(data: bytes | None, sha256: str, versions: dict[str, str], topic: str, order: str) -> None:
    """Do one job. versions: of the program that asks.  order: an Order as a line.

    data: a file of data, of this hash; None where the machine should have it. It ends in silence where that is wrong.
    """
    from distributed import get_worker

    worker = get_worker()
    key, said = str(worker.get_current_task()), 0

    def say(report: Report) -> None:
        nonlocal said
        worker.log_event(topic, [key, said, encode(report)])
        said += 1

    say(Begun(worker.address))
    try:
        _check_versions(versions)
        content = read(order, Order)
        path = _data_file(Path(worker.local_directory), sha256, data)
        if path is None:
            return
        job = Job(content.task, time_limit=content.time_limit)
        _do(job, path, content.preload_pykan, say, lambda: _is_unwanted(worker, key))
    except (KanlabError, OSError) as error:
        say(Refusal(str(error)))


def _check_versions(theirs: dict[str, str]) -> None:
    ours = fitting_versions(with_torch="torch" in theirs)
    for name, version in theirs.items():
        if ours.get(name) != version:
            raise KanlabError(
                say(
                    "it has {name} {ours} and the study {name} {version}; install the same version on all machines",
                    name=name,
                    ours=ours[name],
                    version=version,
                )
                if name in ours
                else say(
                    "it has no {name} and the study {name} {version}; install the same version on all machines",
                    name=name,
                    version=version,
                )
            )


def _data_file(folder: Path, sha256: str, data: bytes | None) -> Path | None:
    path = folder / f"kanlab-{sha256}.parquet"
    if path.exists():
        return path
    if data is None:
        return None
    partial = path.with_suffix(f".{uuid.uuid4().hex}")  # other threads of this worker may write the same
    partial.write_bytes(data)
    if Dataset.load(partial).sha256 != sha256:
        raise KanlabError(say("the data that arrived are not those of the study"))
    partial.replace(path)
    return path


def _is_unwanted(worker: Worker, key: str) -> bool:
    """Whether nobody waits for the task any more: it is cancelled, its client is gone, or its worker ends."""
    from distributed.core import Status

    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled" or worker.status in (Status.closing, Status.closed, Status.failed)


def _do(
    job: Job, path: Path, preload_pykan: bool, say: Callable[[Report], None], is_unwanted: Callable[[], bool]
) -> None:
    pool, relay = _idle.take(path, preload_pykan), _Relay(job, say)
    try:
        while relay.left() or pool.is_busy:
            if is_unwanted():
                pool.close()
                return
            pool.step(relay, 1)
    except BaseException:
        pool.close()
        raise
    _idle.keep(pool, path, preload_pykan)
    if not relay.is_over:
        say(Done())


class _Relay:
    """A `Queue` of one job (kanlab.execution.worker_pool) that passes on what becomes of it. is_over: that is said."""

    def __init__(self, job: Job, say: Callable[[Report], None]) -> None:
        self._waiting: list[Job] = [job]
        self._say = say
        self.is_over = False

    def left(self) -> int:
        return len(self._waiting)

    def take(self) -> Job | None:
        return self._waiting.pop() if self._waiting else None

    def answered(self, job: Job, answer: Answer) -> bool:
        self._say(answer)
        return True

    def ended(self, job: Job, reason: str) -> None:
        self._end(Exit(reason))

    def late(self, job: Job) -> None:
        self._end(Late())

    def returned(self, job: Job) -> None:
        self._waiting.append(job)

    def _end(self, report: Report) -> None:
        self.is_over = True
        self._say(report)


class _IdlePrograms:
    """Pools of one worker program each that have no job. They end with the Dask worker, since their input closes then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Path, bool], list[tuple[ProcessPool, threading.Timer]]] = defaultdict(list)

    def take(self, path: Path, preload_pykan: bool) -> ProcessPool:
        """One that has this file of data, or a new one."""
        with self._lock:
            kept = self._kept[path, preload_pykan]
            if not kept:
                return ProcessPool(path, preload_pykan=preload_pykan)
            pool, timer = kept.pop()
            timer.cancel()
            return pool

    def keep(self, pool: ProcessPool, path: Path, preload_pykan: bool) -> None:
        """Have it ready for the next job."""
        timer = threading.Timer(IDLE_SECONDS, self._end, (pool,))
        timer.daemon = True
        with self._lock:
            self._kept[path, preload_pykan].append((pool, timer))
        timer.start()

    def _end(self, pool: ProcessPool | None = None) -> None:
        """End one that is still kept, or all of them."""
        with self._lock:
            kept = [entry for entries in self._kept.values() for entry in entries]
            leaving = [entry for entry in kept if pool is None or entry[0] is pool]
            for entries in self._kept.values():
                entries[:] = [entry for entry in entries if entry not in leaving]
        for ended, timer in leaving:
            timer.cancel()
            ended.close()

    def clear(self) -> None:
        """End all of them."""
        self._end()


_idle = _IdlePrograms()


def end_idle_programs() -> int:
    """End the programs that this process keeps; returns its number."""
    _idle.clear()
    return os.getpid()
