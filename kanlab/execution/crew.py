"""The workers of a running study: given units, heard, ended where they are late, replaced where they die.

Processes of this machine and slots of other machines alike. What they say goes to the study's agenda.
"""

from __future__ import annotations

import queue
import time
from typing import cast

from kanlab.engines.registry import Outcome
from kanlab.errors import KanlabError
from kanlab.execution.remote import RemoteSlots, RemoteWorker
from kanlab.execution.schedule import Agenda, Assignment
from kanlab.execution.task_pool import Task
from kanlab.execution.worker_process import Message, WorkerProcess
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle

MAX_CRASHES = 3  # of workers that never became ready
MAX_CRASHES_IN_A_ROW = 12
TICK_SECONDS = 0.1
GRACE_SECONDS = 5.0  # what a fit may take beyond its own time limit before its process is ended

AnyWorker = WorkerProcess | RemoteWorker


class Crew:
    """No worker at first; `begin` before anything else."""

    def __init__(self, handle: StudyHandle) -> None:
        self._handle = handle
        self._inbox: queue.Queue[Message] = queue.Queue()
        self._workers: dict[AnyWorker, Assignment | None] = {}
        self._crashes = 0

    def begin(self, agenda: Agenda) -> None:
        """Work on an agenda from here on."""
        self._agenda = agenda
        self._remote = RemoteSlots(self._handle, self._inbox)
        self._dataset = local_data(self._handle.optuna, self._handle.data.sha256)

    @property
    def is_busy(self) -> bool:
        """Whether a fit is in hand."""
        return any(a is not None for a in self._workers.values())

    @property
    def is_starting(self) -> bool:
        """Whether a process is not ready yet."""
        return not all(w.ready for w in self._workers)

    @property
    def has_ready(self) -> bool:
        return any(w.ready for w in self._workers)

    def hand_out(self, allowed: int) -> None:
        """Give idle workers their next units and start the processes that are missing.

        allowed: busy processes of this machine at most; workers of other machines come on top.
        """
        self._workers |= dict.fromkeys(self._remote.poll())
        here = {w: a for w, a in self._workers.items() if w.local}
        busy = sum(a is not None for a in here.values())
        for worker in [w for w, a in here.items() if w.ready and a is None][: max(0, allowed - busy)]:
            busy += self._assign(worker)
        for worker in [w for w, a in self._workers.items() if not w.local and a is None]:
            self._assign(worker)
        preload = self._handle.spec.engine.startswith("pykan")
        for _ in range(min(allowed, busy + self._agenda.units_left()) - len(here)):
            self._workers[WorkerProcess(self._inbox, preload_pykan=preload)] = None

    def _assign(self, worker: AnyWorker) -> bool:
        """Give an idle worker its next unit; False where there is none for now."""
        assignment = self._agenda.take()
        if assignment is None:
            return False
        self._workers[worker] = assignment
        spec = self._handle.spec
        worker.submit(assignment.unit, dataset=self._dataset, engine=spec.engine, options=spec.options, seed=spec.seed)
        return True

    def hear(self) -> None:
        """Take what the workers have said, waiting a moment for the first word."""
        try:
            message = self._inbox.get(timeout=TICK_SECONDS)
            while True:
                self._receive(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _receive(self, worker: AnyWorker, message: dict) -> None:
        if worker not in self._workers:  # ended by us
            return
        event = message.pop("event")
        assignment = self._workers[worker]
        if event == "ready":
            worker.ready = True
        elif event == "fit" and assignment is not None:
            worker.fit_started = time.monotonic()
            self._agenda.fitted(assignment, Outcome.from_dict(message))
            if self._agenda.pausing:  # what the unit has left is not begun
                self._workers.pop(worker)
                worker.kill()
        elif event == "done":
            self._workers[worker] = None
            self._crashes = 0
        elif event == "exit":
            self._replace(worker, f"the fit ended its process: {worker.last_words()}")

    def end_late_fits(self) -> None:
        """End the processes of fits that are far beyond their time limit."""
        limit = self._handle.spec.options.time_limit
        if limit is None:
            return
        for worker, assignment in list(self._workers.items()):
            if assignment is not None and time.monotonic() - worker.fit_started > limit + GRACE_SECONDS:
                self._replace(worker, f"time limit: the fit took longer than {limit:g} s", final=True)

    def _replace(self, worker: AnyWorker, reason: str, *, final: bool = False) -> None:
        """End a worker and give its work back to the agenda; `hand_out` starts another one."""
        assignment = self._workers.pop(worker)
        worker.kill()
        self._crashes += 1
        if not worker.ready and self._crashes >= MAX_CRASHES:
            raise KanlabError(f"The worker processes do not start ({reason}); run 'kanlab doctor' or install again.")
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise KanlabError(f"{self._crashes} fits in a row ended their process, the last one so: {reason}.")
        if assignment is not None:
            self._agenda.ended(assignment, reason, final=final)

    def begin_task(self, task: Task) -> WorkerProcess:
        """Have a worker of this machine do a task; `next_word` hears its answer."""
        idle = [w for w, a in self._workers.items() if w.local and w.ready and a is None]
        worker = cast("WorkerProcess", idle[0]) if idle else WorkerProcess(self._inbox, preload_pykan=False)
        self._workers[worker] = None
        worker.submit_task(task.name, task.arguments, dataset=self._dataset)
        return worker

    def next_word(self, worker: WorkerProcess) -> dict | None:
        """What a worker says next, waiting a moment; None where that is nothing."""
        try:
            sender, message = self._inbox.get(timeout=TICK_SECONDS)
        except queue.Empty:
            return None
        return message if sender is worker else None

    def end(self) -> None:
        """End every worker, in the middle of a fit if need be."""
        while self._workers:
            self._workers.popitem()[0].kill()
