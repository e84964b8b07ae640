"""The thread that runs one study: from the state its storage says to the state it ends in.

It knows nothing of a user interface; the two meet in the storage (kanlab.study.state). Its lease makes it the only one of its
study. All it knows it can read from the storage again: where that is out of reach for a while, it begins anew from there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from kanlab.engines.catalogue import ENGINES
from kanlab.errors import KanlabError
from kanlab.execution.final_check import final_check_parts, final_check_task, keep_final_check
from kanlab.execution.messages import AnyTask
from kanlab.execution.run_tasks import TaskQueue, make_pool
from kanlab.execution.schedule import Schedule, close_open_trials, make_schedule
from kanlab.execution.worker_pool import ClusterLost, Failure, Job, WorkerPool, WorkersFailed
from kanlab.language import say, use
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.lease import BEAT_SECONDS, Lease, LeaseLost, claim
from kanlab.study.patience import patiently
from kanlab.study.state import Name, StudyState, read_state, wish, write_state
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble
from kanlab.text import counted

if TYPE_CHECKING:
    from kanlab.execution.dask_cluster import Dask

logger = logging.getLogger(__name__)


def default_workers() -> int:
    """One a core this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Supervisor:
    """Runs a study to the end of its budget, or until somebody wishes it to stop or to pause. Start it once.

    share: how many workers this study may keep busy just now (studies of one process share the cores); none while it
    waits for its turn, of which `waiting` then says in one sentence.  dask: the cluster to fit on in place of this machine;
    the study then has as many of its workers as there are, up to the number it asks for.
    """

    def __init__(
        self,
        handle: StudyHandle,
        share: Callable[[], int] | None = None,
        waiting: Callable[[], str] = lambda: "",
        lease: Lease | None = None,
        dask: Dask | None = None,
    ) -> None:
        self.handle = handle
        self.dask = dask
        self.trouble = ""  # while the storage is out of reach, one sentence; at the end, why it could not be closed
        self.replaced = False  # whether it ended because another process has taken the study over
        self._thread = threading.Thread(target=self._run, name=f"kanlab-supervisor-{handle.name}", daemon=True)
        self._ended = threading.Event()
        self._share, self._waiting = share or default_workers, waiting
        self._lease = lease
        self._pool: WorkerPool | None = None
        self._schedule: Schedule | None = None
        self._renewed, self._written, self._last = 0.0, 0.0, ""
        self._began = self._looked = time.monotonic()

    def claim(self) -> None:
        """Take the study's lease. Raises StudyError where somebody else runs it."""
        self._lease = claim(self.handle.optuna)

    def start(self) -> None:
        """Begin, with the lease; the thread gives it back at the end."""
        if self._lease is None:
            self.claim()
        self._thread.start()

    def give_back(self) -> None:
        """Let others have a study that was claimed and not begun."""
        if self._lease is not None:
            with contextlib.suppress(*STORAGE_ERRORS):
                self._lease.release()

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the study to end."""
        self._ended.wait(timeout)  # Ctrl-C within Thread.join marks the thread as ended (CPython 3.11)

    # ---- the thread

    @use("en")
    def _run(self) -> None:
        try:
            self._work()
        except LeaseLost as error:
            self._give_way(error)
        except ClusterLost as error:
            self._end_as(
                StudyState(
                    "interrupted",
                    f"{error} {say('Resume continues the study, on a cluster or on this machine.')}",
                )
            )
        except KanlabError as error:
            self._end_as(StudyState("failed", str(error)))
        except Exception as error:  # the thread's last resort: nobody else would hear of it
            self._end_as(StudyState("failed", f"{type(error).__name__}: {error}"), error)
        finally:
            try:
                self._end_workers()
                if self._lease is not None:
                    self._lease.release()
            except STORAGE_ERRORS as error:
                logger.warning("the lease of study %s was not given back: %s", self.handle.name, storage_trouble(error))
            finally:
                self._ended.set()

    def _work(self) -> None:
        """The study to its end, beginning anew from the storage whenever that was out of reach."""
        while True:
            try:
                self._prepare()
                state = self._loop()
                if state.name == "finished" and not self._out_of_time():
                    state = self._check_best(state)
                self._finish(state)
                return
            except STORAGE_ERRORS as error:
                self._end_workers()
                self._wait_for_storage(storage_trouble(error))

    def _wait_for_storage(self, trouble: str) -> None:
        logger.warning("study %s waits: %s", self.handle.name, trouble)
        self.trouble = f"{trouble} {say('The study waits and continues as soon as the storage answers.')}"
        try:
            patiently(self._renew)
        except STORAGE_ERRORS as error:
            raise KanlabError(f"{trouble} {say('Resume the study when the storage answers again.')}") from error
        self.trouble = ""

    def _prepare(self) -> None:
        handle = self.handle
        self._looked = time.monotonic()
        self._began = self._looked - read_state(handle.optuna.user_attrs).elapsed
        queue = self._waiting()
        self._write(StudyState("queued", queue) if queue else StudyState("running", say("Starting the workers.")))
        self._schedule = make_schedule(handle)
        self._schedule.before_writing = self._check_lease
        dataset = local_data(handle.optuna, handle.data.sha256)
        self._pool = make_pool(dataset, preload_pykan=ENGINES[handle.spec.engine].needs_torch, dask=self.dask)

    def _end_workers(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def _loop(self) -> StudyState:
        """Until nothing is left to fit; returns the state to end in."""
        assert self._pool is not None
        assert self._schedule is not None
        schedule, pool = self._schedule, self._pool
        while True:
            wanted = wish(self.handle.optuna.user_attrs)
            if wanted == "stop":
                self._write(StudyState("stopping", say("Ending the running fits.")))
                return StudyState(
                    "stopped",
                    say("Stopped after {trials}. Resume continues from there.", trials=counted(schedule.done, "trial")),
                )
            schedule.pausing = wanted == "pause"
            if spent := schedule.spent(self._count_time()):
                return StudyState("finished", spent)
            if schedule.pausing and not pool.is_busy:
                return StudyState(
                    "paused",
                    say("Paused after {trials}. Resume continues from there.", trials=counted(schedule.done, "trial")),
                )
            if not schedule.pausing and not pool.is_busy and not pool.is_starting and not schedule.left():
                none = say("No network is admissible; the other families are compared.")
                return StudyState(
                    "finished", say("All {done} trials are done.", done=schedule.done) if schedule.limit else none
                )
            if schedule.pausing:
                pool.recall(schedule)
            self._beat()  # before each step: one that has slept finds out here that the study is another's
            pool.step(schedule, self._most_workers())

    def _most_workers(self) -> int:
        own = self.handle.spec.workers
        if self.dask is not None:
            return own or sys.maxsize
        return min(own or default_workers(), self._share())

    def _out_of_time(self) -> bool:
        minutes = self.handle.spec.minutes
        return minutes is not None and time.monotonic() - self._began > 60 * minutes

    def _check_best(self, state: StudyState) -> StudyState:
        """The final check of the best network, unless somebody wishes the study to stop or to pause: its parts by all workers,
        then what they come to by one.
        """
        task = final_check_task(self.handle, self.handle.records())
        if task is None:
            return state
        assert self._pool is not None
        assert self._schedule is not None
        self._pool.cancel()  # fits that patience has made needless
        parts = final_check_parts(task, self.handle.data)
        found = self._answers(parts)
        if found is not None:
            done = {part.part: answer for part, answer in zip(parts, found, strict=True) if isinstance(answer, dict)}
            found = self._answers([msgspec.structs.replace(task, parts=done)])
        if found is None:
            name: Name = "paused" if wish(self.handle.optuna.user_attrs) == "pause" else "stopped"
            detail = say(
                "All {done} trials are done, but not the final check of the best one. Resume does it.",
                done=self._schedule.done,
            )
            return StudyState(name, detail)
        if isinstance(found[0], dict):
            keep_final_check(self.handle, task, found[0])
        elif isinstance(found[0], Failure):
            logger.warning("the best network of study %s was not checked: %s", self.handle.name, found[0].reason)
        return state

    def _answers(self, tasks: Sequence[AnyTask]) -> list[Any] | None:
        """What workers answer to some tasks, a dict or a Failure; None once somebody wishes the study to stop or to pause."""
        assert self._pool is not None
        jobs, otherwise = [Job(task) for task in tasks], None
        waiting = TaskQueue(jobs)
        while waiting.left() or self._pool.is_busy:
            if wish(self.handle.optuna.user_attrs) != "run":
                return None
            self._beat()
            try:
                self._pool.step(waiting, self._most_workers())
            except WorkersFailed as error:
                otherwise = Failure(str(error))
                break
        return [waiting.answers.get(job, otherwise) for job in jobs]

    def _count_time(self) -> float:
        """Seconds of the study; those in which it waits for its turn, or for a cluster, are not its own."""
        now = time.monotonic()
        if self._place_in_queue():
            self._began += now - self._looked
        self._looked = now
        return now - self._began

    def _place_in_queue(self) -> str:
        """Where in the queue it stands; "" where it has its turn, or a fit in hand. Where it waits for a cluster."""
        if self.dask is None:
            return "" if self._pool and self._pool.is_busy else self._waiting()
        return self._pool.waits_for if self._pool else ""

    # ---- state

    def _finish(self, state: StudyState) -> None:
        """Close what is open and write how the study ended."""
        self._end_workers()
        self._renew()
        close_open_trials(self.handle)
        self._write(state)

    def _end_as(self, state: StudyState, unexpected: Exception | None = None) -> None:
        """End as failed or interrupted, where that can be written; an unexpected error goes to the log.

        Not where another process runs the study now: it has closed our trials, and to write to a closed one is an error.
        """
        try:
            self._renew()
            if unexpected is not None:
                logger.error("study %s failed", self.handle.name, exc_info=unexpected)
            self._finish(state)
        except LeaseLost as error:
            self._give_way(error)
        except STORAGE_ERRORS as error:
            self.trouble = state.detail  # which the storage does not say
            logger.warning("study %s could not be closed: %s", self.handle.name, storage_trouble(error))

    def _give_way(self, error: LeaseLost) -> None:
        """Leave the study to the process that has taken it over, without a trial of ours that nobody would end."""
        logger.warning("%s This one ends.", error)
        self.replaced = True
        self._end_workers()
        if self._schedule is not None:
            self._schedule.abandon()

    def _renew(self) -> None:
        assert self._lease is not None
        self._lease.renew()
        self._renewed = time.monotonic()

    def _check_lease(self) -> None:
        """Before a result is written, for one that may have slept in the middle of a step. Raises LeaseLost."""
        if time.monotonic() - self._renewed > BEAT_SECONDS:
            self._renew()

    def _beat(self) -> None:
        if self._schedule is not None and self._schedule.pausing:
            state = StudyState("pausing", say("No new fit starts; the running ones are finished."))
        elif waiting := self._place_in_queue():
            state = StudyState("queued", waiting)
        else:
            state = StudyState("running", self._pool.waits_for if self._pool else "")
        if time.monotonic() - self._written > BEAT_SECONDS or state.name + state.detail != self._last:
            self._write(state)

    def _write(self, state: StudyState) -> None:
        """Write the state as the holder of the lease. Raises LeaseLost."""
        self._renew()
        elapsed = time.monotonic() - self._began
        write_state(self.handle.optuna, StudyState(state.name, state.detail, elapsed))
        self._written, self._last = time.monotonic(), state.name + state.detail
