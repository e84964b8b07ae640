"""The thread that runs one study: it asks Optuna for cells, has worker processes fit them, and tells Optuna the results.

It knows nothing of a user interface; the two meet in the storage (kanlab.lifecycle). What is fitted, and the numbers that
come out, depend on the data and the specification alone, not on how many workers there are: an exhaustive search fits
every cell, and TPE and NSGA-II are asked WINDOW trials ahead, once at the start and once after each result, which they
are told in the order of the asking: the cell of a trial follows from all results but the last WINDOW.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

import optuna
from optuna.trial import TrialState

from kanlab.engines import Outcome, Unit, units
from kanlab.errors import KanlabError
from kanlab.lifecycle import HEARTBEAT_SECONDS, StudyState, read_state, stop_requested, write_state
from kanlab.sampling import CellSampler, distributions, make_proposer
from kanlab.space import Cell
from kanlab.storage import stored_path
from kanlab.study import INTERRUPTED, StudyHandle, record_failure, record_outcome
from kanlab.worker_process import Message, WorkerProcess

WINDOW = 8
MAX_CRASHES = 3  # of workers that never became ready
MAX_CRASHES_IN_A_ROW = 12
TICK_SECONDS = 0.1
GRACE_SECONDS = 5.0  # what a fit may take beyond its own time limit before its process is ended

logger = logging.getLogger(__name__)


def default_workers() -> int:
    """One a core this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class _Assignment:
    """A unit in a worker's hands, and the trial of the cell being fitted."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.left = deque(unit.cells)
        self.trial: optuna.Trial | None = None


class Supervisor:
    """Runs a study to the end of its budget, or until somebody wishes it to stop. Start it once.

    share: how many workers this study may keep busy just now (studies of one process share the cores).
    """

    def __init__(self, handle: StudyHandle, share: Callable[[], int] = default_workers) -> None:
        self.handle = handle
        self._thread = threading.Thread(target=self._run, name=f"kanlab-supervisor-{handle.name}", daemon=True)
        self._ended = threading.Event()
        self._share = share
        self._inbox: queue.Queue[Message] = queue.Queue()
        self._workers: dict[WorkerProcess, _Assignment | None] = {}
        self._held: dict[int, Outcome | str] = {}  # results of a sampled study that wait for their turn
        self._asked: deque[optuna.Trial] = deque()  # its trials that are not told yet, in order
        self._drawn: deque[optuna.Trial] = deque()  # those of them that no worker has yet
        self._crashes = 0
        self._written = 0.0
        self._began = time.monotonic()

    # ---- the thread

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return not self._ended.is_set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the study to end."""
        self._ended.wait(timeout)  # Ctrl-C within Thread.join marks the thread as ended (CPython 3.11)

    def _run(self) -> None:
        study = self.handle.optuna
        try:
            self._prepare()
            self._finish(self._loop())
        except KanlabError as error:
            self._finish(StudyState("failed", str(error)))
        except Exception as error:  # the thread's last resort: nobody else would hear of it
            logger.exception("study %s failed", study.study_name)
            self._finish(StudyState("failed", f"{type(error).__name__}: {error}"))
        finally:
            try:
                self._end_workers()
            finally:
                self._ended.set()

    def _prepare(self) -> None:
        handle, spec = self.handle, self.handle.spec
        study = handle.optuna
        previous = read_state(study.user_attrs)
        self._began = time.monotonic() - previous.elapsed
        self._write(StudyState("running", "Starting the workers."))
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
            record_failure(study, trial, INTERRUPTED)  # left over from a supervisor that is gone
        records = handle.records()
        self._done = len(records)
        scores = [r.aicc for r in records if r.aicc is not None]
        self._best, self._since_best = min(scores, default=math.inf), 0
        admissible = spec.admissible(handle.data.n_train, handle.data.d)
        self._limit = min(spec.trials or len(admissible), len(admissible))
        name = spec.resolved_sampler(len(admissible))
        self._ordered = name in ("tpe", "nsga2")
        taken = [r.cell for r in records]
        cells = admissible[: self._limit] if name == "exhaustive" else admissible
        self._sampler = CellSampler(spec.space, cells, make_proposer(name, spec.seed), spec.seed, taken)
        self._study = optuna.load_study(study_name=study.study_name, storage=study._storage, sampler=self._sampler)
        fresh = set(self._sampler.open)
        broken = {r.cell for r in records if r.state == "failed"}
        paths = units([c for c in cells if c not in broken], spec.engine)
        left = [u for u in paths if not fresh.isdisjoint(u.cells)]
        self._schedule = deque(left) if name == "exhaustive" else None
        self._dataset = stored_path(handle.data.sha256)
        if self._ordered:
            while len(self._asked) < WINDOW and self._can_ask():
                self._ask()

    def _loop(self) -> StudyState:
        """Until nothing is left to fit; returns the state to end in."""
        while True:
            attributes = self.handle.optuna.user_attrs
            if stop_requested(attributes):
                self._write(StudyState("stopping", "Ending the fits in hand."))
                return StudyState("stopped", f"Stopped after {self._done} trials; resume goes on from there.")
            ended = self._budget_spent()
            if ended:
                return StudyState("finished", ended)
            idle = [w for w, a in self._workers.items() if w.ready and a is None]
            busy = sum(a is not None for a in self._workers.values())
            allowed = min(self.handle.spec.workers or default_workers(), max(1, self._share()))
            for worker in idle[: max(0, allowed - busy)]:
                busy += self._assign(worker)
            starting = sum(not w.ready for w in self._workers)
            if not busy and not starting and not self._has_work():
                return StudyState("finished", self._all_done())
            while len(self._workers) < min(allowed, busy + self._units_left()):
                self._workers[WorkerProcess(self._inbox, preload_pykan=self.handle.spec.engine.startswith("pykan"))] = (
                    None
                )
            self._hear()
            self._end_late_fits()
            self._beat()

    # ---- work

    def _units_left(self) -> int:
        if self._schedule is not None:
            return len(self._schedule)
        return len(self._drawn) + min(self._limit - self._done - len(self._asked), len(self._sampler.open))

    def _can_ask(self) -> bool:
        return self._done + len(self._asked) < self._limit and bool(self._sampler.open)

    def _ask(self) -> None:
        """Draw the cell of the next trial of a sampled study."""
        trial = self._study.ask(distributions(self.handle.spec.space))
        self._asked.append(trial)
        self._drawn.append(trial)

    def _has_work(self) -> bool:
        return self._units_left() > 0

    def _assign(self, worker: WorkerProcess) -> bool:
        """Give an idle worker its next unit; False where there is none for now."""
        if not self._has_work():
            return False
        if self._schedule is not None:
            unit = self._schedule.popleft()
            assignment = _Assignment(unit)
            self._next_trial(assignment)
            if assignment.trial is None:  # all its cells were fitted before the study was resumed
                return False
        else:
            if not self._ordered:
                self._ask()
            if not self._drawn:  # the next cell depends on results that are still out
                return False
            trial = self._drawn.popleft()
            cell = Cell(**trial.params)
            unit = Unit(cell.grid, cell.k, (cell.neuron_num,))
            assignment = _Assignment(unit)
            assignment.left.popleft()
            assignment.trial = trial
        self._workers[worker] = assignment
        spec = self.handle.spec
        worker.submit(unit, dataset=self._dataset, engine=spec.engine, options=spec.options, seed=spec.seed)
        return True

    def _next_trial(self, assignment: _Assignment) -> None:
        """Open the trial of the next cell of a unit that has none yet; cells done before are refitted but not told."""
        assignment.trial = None
        upcoming = next((c for c in assignment.left if c in self._sampler.open), None)
        if upcoming is not None:
            self._sampler.assign(upcoming)
            assignment.trial = self._study.ask(distributions(self.handle.spec.space))

    def _hear(self) -> None:
        """Take what the workers have said, waiting a moment for the first word."""
        try:
            message = self._inbox.get(timeout=TICK_SECONDS)
            while True:
                self._receive(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _receive(self, worker: WorkerProcess, message: dict) -> None:
        if worker not in self._workers:  # ended by us
            return
        event = message.pop("event")
        assignment = self._workers[worker]
        if event == "ready":
            worker.ready = True
            self._written = 0.0  # the next beat says so
        elif event == "fit" and assignment is not None:
            self._fitted(worker, assignment, Outcome(**message))
        elif event == "done":
            self._workers[worker] = None
            self._crashes = 0
        elif event == "exit":
            self._replace(worker, f"the fit ended its process: {worker.last_words()}")

    def _fitted(self, worker: WorkerProcess, assignment: _Assignment, outcome: Outcome) -> None:
        worker.fit_started = time.monotonic()
        if self._schedule is None:
            if assignment.trial is not None:
                self._tell(assignment.trial, outcome)
            return
        cell = assignment.left.popleft()
        trial = assignment.trial
        if trial is not None and Cell(**trial.params) == cell:
            self._tell(trial, outcome)
            if self._done < self._limit:
                self._next_trial(assignment)

    def _tell(self, trial: optuna.Trial, result: Outcome | str) -> None:
        """Record a result; in a sampled study, in the order of the asking."""
        if not self._ordered:
            if trial in self._asked:
                self._asked.remove(trial)
            self._record(trial, result)
            return
        self._held[trial.number] = result
        while self._asked and self._asked[0].number in self._held and not self._out_of_patience():
            first = self._asked.popleft()
            self._record(first, self._held.pop(first.number))
            if self._can_ask():
                self._ask()

    def _record(self, trial: optuna.Trial, result: Outcome | str) -> None:
        if isinstance(result, str):
            record_failure(self._study, trial, result)
        else:
            record_outcome(self._study, trial, self.handle.spec, self.handle.data, result)
        self._done += 1
        score = trial.user_attrs.get("aicc")
        self._since_best += 1
        if score is not None and score < self._best:
            self._best, self._since_best = score, 0

    # ---- ends

    def _budget_spent(self) -> str:
        spec = self.handle.spec
        if spec.minutes is not None and time.monotonic() - self._began > 60 * spec.minutes:
            return f"The {spec.minutes:g} minutes are spent; {self._done} trials are done."
        if self._out_of_patience():
            return f"The least AICc has not fallen for {spec.patience} trials; {self._done} trials are done."
        return ""

    def _out_of_patience(self) -> bool:
        patience = self.handle.spec.patience
        return patience is not None and self._since_best >= patience

    def _all_done(self) -> str:
        return f"All {self._done} trials are done."

    def _end_late_fits(self) -> None:
        limit = self.handle.spec.options.time_limit
        if limit is None:
            return
        for worker, assignment in list(self._workers.items()):
            if assignment is not None and time.monotonic() - worker.fit_started > limit + GRACE_SECONDS:
                self._replace(worker, f"time limit: the fit took longer than {limit:g} s")

    def _replace(self, worker: WorkerProcess, reason: str) -> None:
        """End a worker, fail the trial in its hands, and put the rest of its unit back; the loop starts another one."""
        assignment = self._workers.pop(worker)
        worker.kill()
        self._crashes += 1
        if not worker.ready and self._crashes >= MAX_CRASHES:
            raise KanlabError(f"The worker processes do not start ({reason}); run 'kanlab doctor' or install again.")
        if self._crashes >= MAX_CRASHES_IN_A_ROW:
            raise KanlabError(f"{self._crashes} fits in a row ended their process, the last one so: {reason}.")
        if assignment is None or assignment.trial is None:
            return
        cell = Cell(**assignment.trial.params)
        self._tell(assignment.trial, reason)
        # cells of the unit that are told already are fitted again but not told: each starts from the one below
        rest = tuple(h for h in assignment.unit.neuron_nums if h != cell.neuron_num)
        if self._schedule is not None and rest and max(rest) > cell.neuron_num:
            self._schedule.appendleft(Unit(cell.grid, cell.k, rest))

    def _finish(self, state: StudyState) -> None:
        self._end_workers()
        study = self.handle.optuna
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            record_failure(study, trial, INTERRUPTED)
        self._write(state)

    def _end_workers(self) -> None:
        while self._workers:
            self._workers.popitem()[0].kill()

    # ---- state

    def _beat(self) -> None:
        if time.monotonic() - self._written > HEARTBEAT_SECONDS:
            ready = any(w.ready for w in self._workers)
            self._write(StudyState("running", "" if ready else "Starting the workers."))

    def _write(self, state: StudyState) -> None:
        elapsed = time.monotonic() - self._began
        write_state(self.handle.optuna, StudyState(state.name, state.detail, elapsed))
        self._written = time.monotonic()
