"""The worker pool of one machine: processes that are started as they are needed and ended within milliseconds.

`ProcessPool.step` is the one event loop: a study's supervisor calls it with a schedule, `run_tasks` with a list.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kanlab.engines.registry import ENGINES
from kanlab.errors import FitError
from kanlab.execution.messages import (
    Answer,
    AnyTask,
    Done,
    Error,
    Exit,
    Fit,
    FittingTask,
    Message,
    NetworkTask,
    Ready,
    Request,
    Result,
)
from kanlab.execution.worker_pool import TICK_SECONDS, Failure, Inbox, Job, Queue, Worker, WorkerPool, WorkersFailed
from kanlab.execution.worker_process import WorkerProcess
from kanlab.kan.network import FittedKan

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
    def has_ready(self) -> bool:
        return any(s.ready for s in self._workers.values())

    def join(self, workers: Sequence[Worker]) -> None:
        """Have ready workers from elsewhere, which speak into `inbox`."""
        self._workers |= {worker: _State(ready=True) for worker in workers}

    def step(self, jobs: Queue, workers: int) -> None:
        self._hand_out(jobs, workers)
        self._hear(jobs)
        self.end_late_jobs(jobs)

    def _hand_out(self, jobs: Queue, workers: int) -> None:
        """Give idle workers their next jobs and start the processes that are missing."""
        here = {w: s for w, s in self._workers.items() if w.local}
        busy = sum(s.job is not None for s in here.values())
        for worker in [w for w, s in here.items() if s.ready and s.job is None][: max(0, workers - busy)]:
            busy += self._give(worker, jobs)
        for worker in [w for w, s in self._workers.items() if not w.local and s.job is None]:
            self._give(worker, jobs)
        for _ in range(min(workers, busy + jobs.left()) - len(here)):
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
            self._replace(worker, f"a fit took longer than {job.time_limit:g} s")
            jobs.late(job)

    def _replace(self, worker: Worker, reason: str) -> None:
        """Part with a worker; the next step starts another one."""
        state = self._workers.pop(worker)
        worker.kill()
        self._crashes += 1
        if not state.ready and self._crashes >= MAX_CRASHES:
            raise WorkersFailed(f"The worker processes do not start ({reason}); run 'kanlab doctor' or install again.")
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise WorkersFailed(f"{self._crashes} fits in a row ended their process. The last one: {reason}.")

    def cancel(self) -> None:
        """End the jobs in hand at once, unheard, and part with the workers from elsewhere."""
        for worker in [w for w, s in self._workers.items() if s.job is not None or not w.local]:
            self._workers.pop(worker)
            worker.kill()

    def close(self) -> None:
        while self._workers:
            self._workers.popitem()[0].kill()


class TaskQueue:
    """A `Queue` of jobs that are handed out in order, once each; answers are kept by job.

    on_answer: told of each answer, which is what the task's function gave, or a Failure.
    """

    def __init__(self, jobs: Sequence[Job], on_answer: Callable[[Job, Any], None] | None = None) -> None:
        self.answers: dict[Job, Any] = {}
        self._waiting = deque(jobs)
        self._on_answer = on_answer

    def left(self) -> int:
        return len(self._waiting)

    def take(self) -> Job | None:
        return self._waiting.popleft() if self._waiting else None

    def answered(self, job: Job, answer: Answer) -> bool:
        if isinstance(answer, Result):
            self._settle(job, answer.value)
        elif isinstance(answer, Error):
            self._settle(job, Failure(answer.message))
        return True

    def ended(self, job: Job, reason: str) -> None:
        self._settle(job, Failure(f"the process ended: {reason}"))

    def late(self, job: Job) -> None:
        self._settle(job, Failure(f"it took longer than {job.time_limit:g} s"))

    def _settle(self, job: Job, answer: Any) -> None:
        if job not in self.answers:
            self.answers[job] = answer
            if self._on_answer:
                self._on_answer(job, answer)


def run_tasks(
    jobs: Sequence[Job],
    dataset: Path,
    *,
    workers: int,
    preload_pykan: bool = False,
    on_answer: Callable[[Job, Any], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Answers in the order of the jobs: a dict, a Failure, or None for what `stop` left undone."""
    pool: WorkerPool = ProcessPool(dataset, preload_pykan=preload_pykan)
    waiting = TaskQueue(jobs, on_answer)
    otherwise: Failure | None = None
    try:
        while (waiting.left() or pool.is_busy) and not stop():
            pool.step(waiting, workers)
    except WorkersFailed as error:
        otherwise = Failure(str(error))
    finally:
        pool.close()
    return [waiting.answers.get(job, otherwise) for job in jobs]


def run_task(task: AnyTask, dataset: Path) -> dict[str, Any]:
    """The answer to one task, given by a process of its own. Raises FitError where it has none."""
    preload = isinstance(task, FittingTask) and ENGINES[task.engine].needs_torch
    (answer,) = run_tasks([Job(task)], dataset, workers=1, preload_pykan=preload)
    if isinstance(answer, Failure):
        raise FitError(answer.reason)
    found: dict[str, Any] = answer
    return found


def fit_in_worker(task: NetworkTask, dataset: Path) -> FittedKan:
    """The network of a cell, fitted by a process of its own. Raises FitError."""
    answer = run_task(task, dataset)
    return FittedKan.from_arrays({name: np.array(values, dtype=kind) for name, (kind, values) in answer.items()})
