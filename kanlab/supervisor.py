"""The thread that runs one study: it takes units from the agenda, has worker processes fit them, and records the results.

It knows nothing of a user interface; the two meet in the storage (kanlab.lifecycle). Its lease makes it the only one of its
study. All it knows it can read from the storage again: where that is out of reach for a while, it begins anew from there.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable

from kanlab.agenda import Agenda, Assignment, close_open_trials
from kanlab.artifacts import local_data
from kanlab.engines import Outcome
from kanlab.errors import KanlabError
from kanlab.lease import BEAT_SECONDS, Lease, LeaseLost, claim
from kanlab.lifecycle import StudyState, read_state, wish, write_state
from kanlab.remote import RemoteSlots, RemoteWorker
from kanlab.storage import STORAGE_ERRORS, storage_trouble
from kanlab.study import StudyHandle
from kanlab.worker_process import Message, WorkerProcess

MAX_CRASHES = 3  # of workers that never became ready
MAX_CRASHES_IN_A_ROW = 12
TICK_SECONDS = 0.1
GRACE_SECONDS = 5.0  # what a fit may take beyond its own time limit before its process is ended
STORAGE_PATIENCE = 600.0  # seconds a storage may be out of reach

logger = logging.getLogger(__name__)


def default_workers() -> int:
    """One a core this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _trials(count: int) -> str:
    return f"{count:,} trial" + "s" * (count != 1)


class Supervisor:
    """Runs a study to the end of its budget, or until somebody wishes it to stop or to pause. Start it once.

    share: how many workers this study may keep busy just now (studies of one process share the cores); none while it
    waits for its turn, of which `waiting` then says in one sentence.
    """

    def __init__(
        self,
        handle: StudyHandle,
        share: Callable[[], int] | None = None,
        waiting: Callable[[], str] = lambda: "",
        lease: Lease | None = None,
    ) -> None:
        self.handle = handle
        self.trouble = ""  # one sentence while the storage is out of reach
        self._thread = threading.Thread(target=self._run, name=f"kanlab-supervisor-{handle.name}", daemon=True)
        self._ended = threading.Event()
        self._share, self._waiting = share or default_workers, waiting
        self._lease = lease
        self._inbox: queue.Queue[Message] = queue.Queue()
        self._workers: dict[WorkerProcess | RemoteWorker, Assignment | None] = {}
        self._crashes = 0
        self._written, self._last = 0.0, ""
        self._began = self._looked = time.monotonic()

    def claim(self) -> None:
        """Take the study's lease. Raises StudyError where somebody else runs it."""
        self._lease = claim(self.handle.optuna)

    def start(self) -> None:
        """Begin, with the lease; the thread gives it back at the end."""
        if self._lease is None:
            self.claim()
        self._thread.start()

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the study to end."""
        self._ended.wait(timeout)  # Ctrl-C within Thread.join marks the thread as ended (CPython 3.11)

    # ---- the thread

    def _run(self) -> None:
        try:
            self._work()
        except LeaseLost as error:
            logger.warning("%s This one ends.", error)
        except KanlabError as error:
            self._fail(str(error))
        except Exception as error:  # the thread's last resort: nobody else would hear of it
            logger.exception("study %s failed", self.handle.name)
            self._fail(f"{type(error).__name__}: {error}")
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
                self._finish(self._loop())
                return
            except STORAGE_ERRORS as error:
                self._end_workers()
                self._wait_for_storage(storage_trouble(error))

    def _wait_for_storage(self, trouble: str) -> None:
        logger.warning("study %s waits: %s", self.handle.name, trouble)
        self.trouble = f"{trouble} The study waits and goes on when it does."
        deadline = time.monotonic() + STORAGE_PATIENCE
        while time.monotonic() < deadline:
            time.sleep(1.0)
            try:
                self._renew()
                self.trouble = ""
                return
            except STORAGE_ERRORS:
                continue
        raise KanlabError(f"{trouble} Resume the study when it does again.")

    def _prepare(self) -> None:
        handle = self.handle
        self._looked = time.monotonic()
        self._began = self._looked - read_state(handle.optuna.user_attrs).elapsed
        self._write(StudyState("running", "Starting the workers."))
        self._agenda = Agenda(handle)
        self._remote = RemoteSlots(handle, self._inbox)
        self._dataset = local_data(handle.optuna, handle.data.sha256)

    def _loop(self) -> StudyState:
        """Until nothing is left to fit; returns the state to end in."""
        agenda, own = self._agenda, self.handle.spec.workers or default_workers()
        while True:
            wanted = wish(self.handle.optuna.user_attrs)
            if wanted == "stop":
                self._write(StudyState("stopping", "Ending the fits in hand."))
                return StudyState("stopped", f"Stopped after {_trials(agenda.done)}; resume goes on from there.")
            agenda.pausing = wanted == "pause"
            self._count_time()
            if spent := agenda.spent(time.monotonic() - self._began):
                return StudyState("finished", spent)
            self._workers |= dict.fromkeys(self._remote.poll())
            busy = self._hand_out(min(own, self._share()))
            starting = sum(not w.ready for w in self._workers)
            if agenda.pausing and not busy:
                return StudyState("paused", f"Paused after {_trials(agenda.done)}; resume goes on from there.")
            if not agenda.pausing and not busy and not starting and not agenda.units_left():
                return StudyState("finished", f"All {agenda.done} trials are done.")
            self._hear()
            self._end_late_fits()
            self._beat()

    def _count_time(self) -> None:
        """The time in which the study waits for its turn is not its own."""
        now = time.monotonic()
        if self._queue_words():
            self._began += now - self._looked
        self._looked = now

    def _queue_words(self) -> str:
        """Where in the queue it stands; "" where it has its turn, or a fit in hand."""
        return "" if any(a is not None for a in self._workers.values()) else self._waiting()

    # ---- workers

    def _hand_out(self, allowed: int) -> int:
        """Give idle workers their next units and start the processes that are missing; returns how many are busy.

        allowed: busy processes of this machine at most; workers of other machines come on top.
        """
        here = {w: a for w, a in self._workers.items() if w.local}
        busy = sum(a is not None for a in here.values())
        for worker in [w for w, a in here.items() if w.ready and a is None][: max(0, allowed - busy)]:
            busy += self._assign(worker)
        for worker in [w for w, a in self._workers.items() if not w.local and a is None]:
            self._assign(worker)
        preload = self.handle.spec.engine.startswith("pykan")
        for _ in range(min(allowed, busy + self._agenda.units_left()) - len(here)):
            self._workers[WorkerProcess(self._inbox, preload_pykan=preload)] = None
        return sum(a is not None for a in self._workers.values())

    def _assign(self, worker: WorkerProcess | RemoteWorker) -> bool:
        """Give an idle worker its next unit; False where there is none for now."""
        assignment = self._agenda.take()
        if assignment is None:
            return False
        self._workers[worker] = assignment
        spec = self.handle.spec
        worker.submit(assignment.unit, dataset=self._dataset, engine=spec.engine, options=spec.options, seed=spec.seed)
        return True

    def _hear(self) -> None:
        """Take what the workers have said, waiting a moment for the first word."""
        try:
            message = self._inbox.get(timeout=TICK_SECONDS)
            while True:
                self._receive(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _receive(self, worker: WorkerProcess | RemoteWorker, message: dict) -> None:
        if worker not in self._workers:  # ended by us
            return
        event = message.pop("event")
        assignment = self._workers[worker]
        if event == "ready":
            worker.ready = True
            self._written = 0.0  # the next beat says so
        elif event == "fit" and assignment is not None:
            worker.fit_started = time.monotonic()
            self._agenda.fitted(assignment, Outcome(**message))
            if self._agenda.pausing:  # what the unit has left is not begun
                self._workers.pop(worker)
                worker.kill()
        elif event == "done":
            self._workers[worker] = None
            self._crashes = 0
        elif event == "exit":
            self._replace(worker, f"the fit ended its process: {worker.last_words()}")

    def _end_late_fits(self) -> None:
        limit = self.handle.spec.options.time_limit
        if limit is None:
            return
        for worker, assignment in list(self._workers.items()):
            if assignment is not None and time.monotonic() - worker.fit_started > limit + GRACE_SECONDS:
                self._replace(worker, f"time limit: the fit took longer than {limit:g} s", final=True)

    def _replace(self, worker: WorkerProcess | RemoteWorker, reason: str, *, final: bool = False) -> None:
        """End a worker and give its work back to the agenda; the loop starts another one."""
        assignment = self._workers.pop(worker)
        worker.kill()
        self._crashes += 1
        if not worker.ready and self._crashes >= MAX_CRASHES:
            raise KanlabError(f"The worker processes do not start ({reason}); run 'kanlab doctor' or install again.")
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise KanlabError(f"{self._crashes} fits in a row ended their process, the last one so: {reason}.")
        if assignment is not None:
            self._agenda.ended(assignment, reason, final=final)

    def _end_workers(self) -> None:
        while self._workers:
            self._workers.popitem()[0].kill()

    # ---- state

    def _finish(self, state: StudyState) -> None:
        """Close what is open and write how the study ended."""
        self._end_workers()
        self._renew()
        close_open_trials(self.handle)
        self._write(state)

    def _fail(self, detail: str) -> None:
        """End as failed, where that can be written."""
        try:
            self._finish(StudyState("failed", detail))
        except (LeaseLost, *STORAGE_ERRORS) as error:
            logger.warning("study %s could not be closed: %s", self.handle.name, error)

    def _renew(self) -> None:
        assert self._lease is not None
        self._lease.renew()

    def _beat(self) -> None:
        if self._agenda.pausing:
            state = StudyState("pausing", "No new fit begins; those in hand are finished.")
        elif waiting := self._queue_words():
            state = StudyState("queued", waiting)
        else:
            state = StudyState("running", "" if any(w.ready for w in self._workers) else "Starting the workers.")
        if time.monotonic() - self._written > BEAT_SECONDS or state.name + state.detail != self._last:
            self._write(state)

    def _write(self, state: StudyState) -> None:
        """Write the state as the holder of the lease. Raises LeaseLost."""
        self._renew()
        elapsed = time.monotonic() - self._began
        write_state(self.handle.optuna, StudyState(state.name, state.detail, elapsed))
        self._written, self._last = time.monotonic(), state.name + state.detail
