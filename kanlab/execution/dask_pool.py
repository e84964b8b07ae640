"""The worker pool of a Dask cluster: each job is one Dask task, done by a worker program on the machine it comes to.

Dask moves the tasks and the data, notices machines that die and does their tasks again elsewhere. The pool says which machine
has a thread free, hears what the tasks say (kanlab.execution.dask_task) and knows each message by its number, so what a task
says a second time on another machine is not told twice: the same job gives the same answers. Only text travels back; the
results of tasks are never fetched.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.execution.dask_cluster import Dask, address_of, connect
from kanlab.execution.dask_task import as_it_is, work
from kanlab.execution.messages import (
    Begun,
    Done,
    Exit,
    Late,
    MessageError,
    Order,
    Refusal,
    Report,
    decode_report,
    encode,
)
from kanlab.execution.process_pool import MAX_CRASHES_IN_A_ROW
from kanlab.execution.worker_pool import TICK_SECONDS, ClusterLost, Job, Queue, WorkersFailed
from kanlab.language import say
from kanlab.study.versions import fitting_versions

LOOK_SECONDS = 0.25  # between two looks at which workers there are
MISSED_LOOKS = 3
AT_A_TIME = 200  # jobs handed out, and messages heard, before the caller is let on

logger = logging.getLogger(__name__)


@dataclass
class _InHand:
    """A job that Dask has. worker: where it is to be done, or is once it is begun.  heard: messages so far.

    missed: looks in a row at which that worker was not there.
    """

    job: Job
    future: Any
    worker: str
    begun: bool = False
    heard: int = 0
    missed: int = 0


class DaskPool:
    """A `WorkerPool` of the threads of a Dask cluster, however many there are at the moment. dataset: the file of the data.

    Raises StudyError where the cluster cannot be reached. `step` raises ClusterLost where it can no longer be reached.
    """

    def __init__(self, dask: Dask, dataset: Path, *, preload_pykan: bool = False) -> None:
        self._client = connect(dask)
        self._address = address_of(self._client)
        self._dataset, self._sha256 = dataset, Dataset.load(dataset).sha256
        self._preload_pykan, self._versions = preload_pykan, fitting_versions(with_torch=preload_pykan)
        self._data: Any = None  # the future of the data
        self._inbox: queue.Queue[tuple[str, Any]] = queue.Queue()  # key, and what is new of it; "" for the threads
        self._threads: dict[str, int] = {}
        self._supplied: set[str] = set()  # machines that have the data, which Dask would drop where no task wants them
        self._refused: dict[str, str] = {}  # machines that can do no job, and why
        self._in_hand: dict[str, _InHand] = {}
        self._crashes = 0
        self._topic = self._client.id  # the scheduler forgets it some time after the client has left
        self._client.subscribe_topic(self._topic, self._on_event)
        self._watch = asyncio.run_coroutine_threadsafe(self._look(), self._client.loop.asyncio_loop)  # type: ignore[union-attr]

    @property
    def is_busy(self) -> bool:
        return bool(self._in_hand)

    @property
    def is_starting(self) -> bool:
        return False

    @property
    def waits_for(self) -> str:
        if self._client.status != "running":
            return say("The Dask scheduler {address} does not answer; the study waits for it.", address=self._address)
        if not self._threads:
            return say("Waiting for a worker of the Dask cluster {address}.", address=self._address)
        if self._in_hand and not any(h.begun for h in self._in_hand.values()):
            return say("Waiting for a free worker of the Dask cluster {address}.", address=self._address)
        return ""

    # ---- the thread of the client

    async def _look(self) -> None:
        """Say again and again which workers there are."""
        while True:
            if self._client.status == "running":
                with contextlib.suppress(OSError):  # the client notices as well, and connects again
                    self._inbox.put(("", await self._client.nthreads(asynchronous=True)))
            await asyncio.sleep(LOOK_SECONDS)

    def _on_event(self, event: tuple[float, Any]) -> None:
        match event[1]:
            case [str(key), int(number), str(line)]:  # else the scheduler speaks of the client
                self._inbox.put((key, (number, line)))

    def _on_end(self, key: str, future: Any) -> None:
        self._inbox.put((key, future.status))

    # ---- the thread of the caller

    def step(self, jobs: Queue, workers: int) -> None:
        from distributed.client import ClosedClientError

        lost = ClusterLost(say("The Dask scheduler {address} no longer answers.", address=self._address))
        if self._client.status in ("closing", "closed"):
            raise lost
        try:
            self._hand_out(jobs, workers)
            self._hear(jobs)
        except ClosedClientError as error:  # it closed in between
            raise lost from error

    def _hand_out(self, jobs: Queue, workers: int) -> None:
        usable = {w: n for w, n in self._threads.items() if w not in self._refused}
        if self._threads and not usable:
            raise WorkersFailed(self._refusal())
        load = Counter(h.worker for h in self._in_hand.values())
        # machines take turns, so that few jobs are spread
        free = [(i, w) for w, n in usable.items() for i in range(load[w], n)]
        free.sort(key=lambda place: place[0])
        room = min(len(free), workers - len(self._in_hand), AT_A_TIME)
        for _, worker in free[: max(0, room)]:
            job = jobs.take()
            if job is None:
                return
            self._submit(job, worker)

    def _refusal(self) -> str:
        worker, reason = next((w, r) for w, r in self._refused.items() if w in self._threads)
        return say("No worker of the cluster can fit anything; of {worker}: {reason}.", worker=worker, reason=reason)

    def _submit(self, job: Job, worker: str) -> None:
        submit = self._client.submit
        if worker not in self._supplied and self._data is None:
            self._data = submit(as_it_is, self._dataset.read_bytes(), key=f"kanlab-data-{self._sha256}")
        data = None if worker in self._supplied else self._data
        key = f"kanlab-{uuid.uuid4().hex}"
        order = encode(Order(job.task, job.time_limit, self._preload_pykan))
        content = (self._sha256, self._versions, self._topic, order)
        place = {"workers": [worker], "allow_other_workers": True}
        future = submit(work, data, *content, key=key, pure=False, **place)
        self._in_hand[key] = _InHand(job, future, worker)
        future.add_done_callback(partial(self._on_end, key))

    def _drop(self, key: str) -> Job:
        """Want a task no more; where it runs, it ends its program."""
        hand = self._in_hand.pop(key)
        hand.future.release()
        return hand.job

    def _hear(self, jobs: Queue) -> None:
        """Take what has arrived, waiting a moment for the first of it."""
        try:
            arrived = self._inbox.get(timeout=TICK_SECONDS)
            for _ in range(AT_A_TIME):
                self._receive(*arrived, jobs)
                arrived = self._inbox.get_nowait()
            self._receive(*arrived, jobs)
        except queue.Empty:
            pass

    def _receive(self, key: str, content: Any, jobs: Queue) -> None:
        if not key:
            self._threads = content
            self._look_after(jobs)
            return
        hand = self._in_hand.get(key)
        if hand is None:  # dropped by us
            return
        match content:
            case int(number), line:
                try:
                    report = decode_report(line)
                except MessageError as error:
                    report = Exit(str(error))
                self._take(key, hand, number, report, jobs)
            case "error":
                self._failed(key, hand, jobs)
            case _:  # it had no data, or was cancelled by others: by one who restarts the cluster, say
                self._data = None
                self._supplied.discard(hand.worker)
                self._client.subscribe_topic(self._topic, self._on_event)
                jobs.returned(self._drop(key))

    def _look_after(self, jobs: Queue) -> None:
        """Take back what was on a machine that is gone, where Dask has found no other for it in a while."""
        for key, hand in list(self._in_hand.items()):
            hand.missed = 0 if hand.worker in self._threads else hand.missed + 1
            if hand.missed == MISSED_LOOKS:
                jobs.returned(self._drop(key))

    def _take(self, key: str, hand: _InHand, number: int, report: Report, jobs: Queue) -> None:
        if isinstance(report, Begun):
            hand.worker, hand.begun = report.address, True
        if number != hand.heard:  # said before, by a machine that died
            return
        hand.heard += 1
        if not isinstance(report, Begun | Refusal):
            self._supplied.add(hand.worker)
        match report:
            case Begun():
                pass
            case Done():
                self._drop(key)
                self._crashes = 0
            case Exit(reason):
                jobs.ended(self._drop(key), reason)
                self._crash(reason)
            case Late():
                jobs.late(self._drop(key))
            case Refusal(reason):
                logger.warning("the Dask worker %s is left out: %s", hand.worker, reason)
                self._refused[hand.worker] = reason
                jobs.returned(self._drop(key))
            case answer:
                if not jobs.answered(hand.job, answer):
                    self._drop(key)

    def _failed(self, key: str, hand: _InHand, jobs: Queue) -> None:
        """Dask has given the task up."""
        from distributed.scheduler import KilledWorker

        error = hand.future.exception()
        if not isinstance(error, KilledWorker):  # our side raises nothing, so it could not be begun
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise WorkersFailed(
                say(
                    "The workers of the cluster cannot run kanlab ({reason}); install kanlab {version} on "
                    "each machine of the cluster.",
                    reason=reason,
                    version=self._versions.get("kanlab", ""),
                )
            )
        reason = say("its Dask worker died with it again and again")
        jobs.ended(self._drop(key), reason)
        self._crash(reason)

    def _crash(self, reason: str) -> None:
        self._crashes += 1
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise WorkersFailed(
                say(
                    "{crashes} fits in a row ended their process. The last one: {reason}.",
                    crashes=self._crashes,
                    reason=reason,
                )
            )

    def recall(self, jobs: Queue) -> None:
        for key in [k for k, h in self._in_hand.items() if not h.begun]:
            jobs.returned(self._drop(key))

    def cancel(self) -> None:
        for key in list(self._in_hand):
            self._drop(key)

    def close(self) -> None:
        self._watch.cancel()
        self.cancel()
        if self._data is not None:
            self._data.release()
        self._client.close()
