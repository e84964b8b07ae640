"""The worker pool of one machine: processes that are started as they are needed and ended within milliseconds."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from pathlib import Path

from kanlab.execution.messages import (
    Done,
    Error,
    Exit,
    Fit,
    Message,
    Ready,
    Request,
    Result,
)
from kanlab.execution.worker_pool import TICK_SECONDS, Inbox, Job, Queue, Worker, WorkersFailed
from kanlab.execution.worker_process import WorkerProcess
from kanlab.language import say

MAX_CRASHES = 3  # of workers that never became ready
MAX_CRASHES_IN_A_ROW = 12
GRACE_SECONDS = 5.0  # what a job may take beyond its own time limit before its worker is ended


@dataclass
class _State:
    """What the pool knows of one worker. since: when its job began, or answered last, monotonic seconds."""

    ready: bool = False
    job: Job | None = None
    since: float = 0.0


class ProcessPool:
    """A `WorkerPool` of worker processes of this machine, none at first. dataset: the file of the data.

    preload_pykan: whether the processes load torch and pykan before they are ready.
    """

    def __init__(self, dataset: Path, *, preload_pykan: bool = False) -> None:
        self.inbox: Inbox = queue.Queue()
        self._dataset, self._preload_pykan = str(dataset), preload_pykan
        self._workers: dict[Worker, _State] = {}
        self._crashes = 0

    @property
    def is_busy(self) -> bool:
        return any(s.job is not None for s in self._workers.values())

    @property
    def is_starting(self) -> bool:
        return not all(s.ready for s in self._workers.values())

    @property
    def waits_for(self) -> str:
        return "" if any(s.ready for s in self._workers.values()) else say("Starting the workers.")

    def step(self, jobs: Queue, workers: int) -> None:
        self._hand_out(jobs, workers)
        self._hear(jobs)
        self.end_late_jobs(jobs)

    def _hand_out(self, jobs: Queue, workers: int) -> None:
        """Give idle workers their next jobs and start the processes that are missing."""
        busy = sum(s.job is not None for s in self._workers.values())
        idle = [w for w, s in self._workers.items() if s.ready and s.job is None]
        for worker in idle[: max(0, workers - busy)]:
            busy += self._give(worker, jobs)
        for _ in range(min(workers, busy + jobs.left()) - len(self._workers)):
            self._workers[WorkerProcess(self.inbox, preload_pykan=self._preload_pykan)] = _State()

    def _give(self, worker: Worker, jobs: Queue) -> bool:
        """Give an idle worker its next job; False where there is none for now."""
        job = jobs.take()
        if job is None:
            return False
        self._workers[worker] = _State(ready=True, job=job, since=time.monotonic())
        worker.send(Request(self._dataset, job.task))
        return True

    def _hear(self, jobs: Queue) -> None:
        """Take what the workers have said, waiting a moment for the first of it."""
        try:
            heard = self.inbox.get(timeout=TICK_SECONDS)
            while True:
                self._receive(*heard, jobs)
                heard = self.inbox.get_nowait()
        except queue.Empty:
            pass

    def _receive(self, worker: Worker, message: Message, jobs: Queue) -> None:
        state = self._workers.get(worker)
        if state is None:  # ended by us
            return
        match message:
            case Ready():
                state.ready = True
            case Done():
                state.job = None
                self._crashes = 0
            case Exit(reason):
                self._replace(worker, reason)
                if state.job is not None:
                    jobs.ended(state.job, reason)
            case Fit() | Result() | Error() if state.job is not None:
                state.since = time.monotonic()
                if not jobs.answered(state.job, message):
                    self._workers.pop(worker)
                    worker.kill()

    def end_late_jobs(self, jobs: Queue) -> None:
        """End the workers of jobs that are far beyond their time limit."""
        now = time.monotonic()
        for worker, state in list(self._workers.items()):
            job = state.job
            if job is None or job.time_limit is None or now - state.since <= job.time_limit + GRACE_SECONDS:
                continue
            self._replace(worker, say("a fit took longer than {time_limit:g} s", time_limit=job.time_limit))
            jobs.late(job)

    def _replace(self, worker: Worker, reason: str) -> None:
        """Part with a worker; the next step starts another one."""
        state = self._workers.pop(worker)
        worker.kill()
        self._crashes += 1
        if not state.ready and self._crashes >= MAX_CRASHES:
            raise WorkersFailed(
                say(
                    "The worker processes do not start ({reason}); run 'kanlab doctor' or install again.", reason=reason
                )
            )
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise WorkersFailed(
                say(
                    "{crashes} fits in a row ended their process. The last one: {reason}.",
                    crashes=self._crashes,
                    reason=reason,
                )
            )

    def recall(self, jobs: Queue) -> None:
        """A job is begun as it is handed out, so there is none."""

    def cancel(self) -> None:
        for worker in [w for w, s in self._workers.items() if s.job is not None]:
            self._workers.pop(worker)
            worker.kill()

    def close(self) -> None:
        while self._workers:
            self._workers.popitem()[0].kill()
