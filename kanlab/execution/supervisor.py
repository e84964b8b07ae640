"""The thread that runs one study: from the state its storage says to the state it ends in.

It knows nothing of a user interface; the two meet in the storage (kanlab.study.state). Its lease makes it the only one of its
study. All it knows it can read from the storage again: where that is out of reach for a while, it begins anew from there.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

from kanlab.errors import KanlabError
from kanlab.execution.crew import Crew
from kanlab.execution.final_check import appraisal_task, keep_appraisal
from kanlab.execution.schedule import Agenda, close_open_trials
from kanlab.study.handle import StudyHandle
from kanlab.study.lease import BEAT_SECONDS, Lease, LeaseLost, claim
from kanlab.study.state import Name, StudyState, read_state, wish, write_state
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

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
        self._crew = Crew(handle)
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
                self._crew.end()
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
                    state = self._appraise(state)
                self._finish(state)
                return
            except STORAGE_ERRORS as error:
                self._crew.end()
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
        self._crew.begin(self._agenda)

    def _loop(self) -> StudyState:
        """Until nothing is left to fit; returns the state to end in."""
        agenda, crew, own = self._agenda, self._crew, self.handle.spec.workers or default_workers()
        while True:
            wanted = wish(self.handle.optuna.user_attrs)
            if wanted == "stop":
                self._write(StudyState("stopping", "Ending the fits in hand."))
                return StudyState("stopped", f"Stopped after {_trials(agenda.done)}; resume goes on from there.")
            agenda.pausing = wanted == "pause"
            self._count_time()
            if spent := agenda.spent(time.monotonic() - self._began):
                return StudyState("finished", spent)
            crew.hand_out(min(own, self._share()))
            if agenda.pausing and not crew.is_busy:
                return StudyState("paused", f"Paused after {_trials(agenda.done)}; resume goes on from there.")
            if not agenda.pausing and not crew.is_busy and not crew.is_starting and not agenda.units_left():
                return StudyState("finished", f"All {agenda.done} trials are done.")
            crew.hear()
            crew.end_late_fits()
            self._beat()

    def _out_of_time(self) -> bool:
        minutes = self.handle.spec.minutes
        return minutes is not None and time.monotonic() - self._began > 60 * minutes

    def _appraise(self, state: StudyState) -> StudyState:
        """Have a worker look at the best network once more (`final_check`), unless somebody wishes the study to stop."""
        task = appraisal_task(self.handle, self.handle.records())
        if task is None:
            return state
        worker = self._crew.begin_task(task)
        while (wanted := wish(self.handle.optuna.user_attrs)) == "run":
            self._beat()
            message = self._crew.next_word(worker)
            if message is None:
                continue
            if message["event"] == "result":
                keep_appraisal(self.handle, task, message["value"])
                return state
            if message["event"] in ("error", "exit"):
                reason = message.get("message") or worker.last_words()
                logger.warning("the best network of study %s was not appraised: %s", self.handle.name, reason)
                return state
        name: Name = "paused" if wanted == "pause" else "stopped"
        return StudyState(
            name, f"All {self._agenda.done} trials are done but the last look at the best one; resume takes it."
        )

    def _count_time(self) -> None:
        """The time in which the study waits for its turn is not its own."""
        now = time.monotonic()
        if self._queue_words():
            self._began += now - self._looked
        self._looked = now

    def _queue_words(self) -> str:
        """Where in the queue it stands; "" where it has its turn, or a fit in hand."""
        return "" if self._crew.is_busy else self._waiting()

    # ---- state

    def _finish(self, state: StudyState) -> None:
        """Close what is open and write how the study ended."""
        self._crew.end()
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
            state = StudyState("running", "" if self._crew.has_ready else "Starting the workers.")
        if time.monotonic() - self._written > BEAT_SECONDS or state.name + state.detail != self._last:
            self._write(state)

    def _write(self, state: StudyState) -> None:
        """Write the state as the holder of the lease. Raises LeaseLost."""
        self._renew()
        elapsed = time.monotonic() - self._began
        write_state(self.handle.optuna, StudyState(state.name, state.detail, elapsed))
        self._written, self._last = time.monotonic(), state.name + state.detail
