"""What a study has left to fit, as the queue of its worker pool, and whose turn a result is.

An exhaustive study fits every cell, in any order. A sampled one asks its sampler for each cell. All but "random" are asked
WINDOW trials ahead, once at the start and once after each result, which they are told in the order of the asking: the cell of
a trial follows from all results but the last WINDOW. So the numbers depend on the data and the specification alone, not on how
many workers there are.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from kanlab.engines.registry import Outcome, Unit, units
from kanlab.execution.messages import Answer, Error, Fit, UnitTask
from kanlab.execution.worker_pool import Job
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.study.handle import StudyHandle
from kanlab.study.optuna_adapter import with_sampler
from kanlab.study.sampler import CellSampler, distributions, make_proposer
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.study.trials import INTERRUPTED, record_failure, record_outcome

WINDOW = 8


def close_open_trials(handle: StudyHandle) -> None:
    """Mark the trials without a result as interrupted: their cells are open again."""
    for trial in handle.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        with contextlib.suppress(UpdateFinishedTrialError):  # whoever led before has told it just now
            record_failure(handle.optuna, trial, INTERRUPTED)


def make_schedule(handle: StudyHandle) -> Schedule:
    """The schedule of a study from here on. What an earlier supervisor left open is closed and its cells come again."""
    close_open_trials(handle)
    admissible = handle.spec.admissible(handle.data.n_train, handle.data.d)
    sampler = handle.spec.resolved_sampler(len(admissible))
    if sampler == "exhaustive":
        return ExhaustiveSchedule(handle, admissible)
    return SampledSchedule(handle, admissible, sampler)


@dataclass(eq=False, kw_only=True)
class UnitJob(Job):
    """A unit to fit. left: its cells that are not answered yet.  trial: of the cell being fitted, None for one told before."""

    unit: Unit
    left: deque[Cell] = field(default_factory=deque)
    trial: optuna.Trial | None = None


class Schedule(ABC):
    """A `Queue` of units (kanlab.execution.worker_pool) that records results as the trials of a study, within its budget.

    done: trials with a result.  limit: how many there may be.  pausing: set it, and nothing new is begun.
    before_writing: called before each result is recorded; what it raises prevents that.
    Its methods raise what a storage raises that is out of reach; a new schedule is then made from what that holds.
    """

    def __init__(self, handle: StudyHandle, cells: Sequence[Cell], limit: int, sampler: str) -> None:
        self._handle, spec, study = handle, handle.spec, handle.optuna
        self._records = handle.records()
        self.done, self.limit, self.pausing = len(self._records), limit, False
        self.before_writing: Callable[[], None] = lambda: None
        scores = [r.criterion for r in self._records if r.criterion is not None]
        self._best, self._since_best = min(scores, default=math.inf), 0
        taken = [r.cell for r in self._records]
        self._sampler = CellSampler(spec.space, cells, make_proposer(sampler, spec.seed), spec.seed, taken)
        self._study = with_sampler(study, self._sampler)
        self._again: set[Cell] = set()  # cells that have ended a process once
        self._opened: dict[int, optuna.Trial] = {}  # by number, until they are recorded

    # ---- the queue of a pool

    @abstractmethod
    def left(self) -> int:
        """Units that could be begun now or soon."""

    @abstractmethod
    def take(self) -> UnitJob | None:
        """The next unit with its first trial opened; None where there is none for now."""

    def answered(self, job: Job, answer: Answer) -> bool:
        """Record a fit; while the schedule pauses, what its unit has left is not begun."""
        assert isinstance(job, UnitJob)
        if isinstance(answer, Fit):
            self._fitted(job, answer.outcome)
        elif isinstance(answer, Error):
            self._give_up(job, answer.message)
        return not self.pausing

    def ended(self, job: Job, reason: str) -> None:
        """The cell in hand is fitted once more, then failed."""
        assert isinstance(job, UnitJob)
        if job.trial is None:
            return
        cell = Cell(**job.trial.params)
        if cell in self._again:
            self._give_up(job, say("the fit ended its process: {reason}", reason=reason))
        else:
            self._again.add(cell)
            self._once_more(job)

    def late(self, job: Job) -> None:
        """The cell in hand is failed."""
        assert isinstance(job, UnitJob)
        self._give_up(job, say("time limit: the fit took longer than {time_limit:g} s", time_limit=job.time_limit))

    def returned(self, job: Job) -> None:
        """The cell in hand comes again."""
        assert isinstance(job, UnitJob)
        if job.trial is not None:
            self._once_more(job)

    @abstractmethod
    def _fitted(self, job: UnitJob, outcome: Outcome) -> None: ...

    @abstractmethod
    def _once_more(self, job: UnitJob) -> None: ...

    @abstractmethod
    def _give_up(self, job: UnitJob, reason: str) -> None: ...

    # ---- trials

    def _job(self, unit: Unit) -> UnitJob:
        spec = self._handle.spec
        task = UnitTask(unit=unit, engine=spec.engine, options=spec.options, seed=spec.seed)
        return UnitJob(task, time_limit=spec.options.time_limit, unit=unit, left=deque(unit.cells))

    def _open_trial(self) -> optuna.Trial:
        trial = self._study.ask(distributions(self._handle.spec.space))
        self._opened[trial.number] = trial
        return trial

    def abandon(self) -> None:
        """Close the trials it has opened, because another process runs the study now, which does not know the last ones."""
        for trial in self._opened.values():
            with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError, *STORAGE_ERRORS):
                record_failure(self._study, trial, INTERRUPTED)

    def _record(self, trial: optuna.Trial, result: Outcome | str) -> None:
        self.before_writing()
        if isinstance(result, str):
            record_failure(self._study, trial, result)
        else:
            record_outcome(self._study, trial, self._handle.spec, self._handle.data, result)
        self._opened.pop(trial.number, None)
        self.done += 1
        score = trial.user_attrs.get("aicc_effective", trial.user_attrs.get("aicc"))
        self._since_best += 1
        if score is not None and score < self._best:
            self._best, self._since_best = score, 0

    # ---- the budget

    def spent(self, elapsed: float) -> str:
        """Why the study ends before its cells do, "" where it does not. elapsed: seconds."""
        spec = self._handle.spec
        if spec.minutes is not None and elapsed > 60 * spec.minutes:
            return say(
                "The {minutes:g} minutes are spent; {done} trials are done.", minutes=spec.minutes, done=self.done
            )
        if self._out_of_patience():
            return say(
                "The lowest AICc has not fallen for {patience} trials; {done} trials are done.",
                patience=spec.patience,
                done=self.done,
            )
        return ""

    def _out_of_patience(self) -> bool:
        patience = self._handle.spec.patience
        return patience is not None and self._since_best >= patience


class ExhaustiveSchedule(Schedule):
    """Every admissible cell, cheapest first, in units of the engine; results are recorded as they come."""

    def __init__(self, handle: StudyHandle, admissible: Sequence[Cell]) -> None:
        limit = min(handle.spec.trials or len(admissible), len(admissible))
        super().__init__(handle, admissible[:limit], limit, "exhaustive")
        fresh = set(self._sampler.open)
        broken = {r.cell for r in self._records if r.state == "failed" and not r.is_inadmissible}
        paths = units([c for c in admissible[:limit] if c not in broken], handle.spec.engine)
        self._units = deque(u for u in paths if not fresh.isdisjoint(u.cells))
        self._returned: dict[Cell, optuna.Trial] = {}  # open trials that no worker has

    def left(self) -> int:
        return 0 if self.pausing else len(self._units)

    def take(self) -> UnitJob | None:
        while self.left():
            job = self._job(self._units.popleft())
            self._next_trial(job)
            if job.trial is not None:  # else all its cells were fitted before the study was resumed
                return job
        return None

    def _next_trial(self, job: UnitJob) -> None:
        """Open the trial of the next cell of a unit that has none yet; cells done before are refitted but not told."""
        job.trial = None
        upcoming = next((c for c in job.left if c in self._returned or c in self._sampler.open), None)
        if upcoming in self._returned:
            job.trial = self._returned.pop(upcoming)
        elif upcoming is not None:
            self._sampler.assign(upcoming)
            job.trial = self._open_trial()

    def _fitted(self, job: UnitJob, outcome: Outcome) -> None:
        cell, trial = job.left.popleft(), job.trial
        if trial is None or Cell(**trial.params) != cell:
            return
        self._record(trial, outcome)
        job.trial = None
        if self.done < self.limit and not self.pausing:
            self._next_trial(job)

    def _once_more(self, job: UnitJob) -> None:
        assert job.trial is not None
        self._returned[Cell(**job.trial.params)] = job.trial
        self._units.appendleft(job.unit)

    def _give_up(self, job: UnitJob, reason: str) -> None:
        if job.trial is None:
            return
        self._record(job.trial, reason)
        cell = Cell(**job.trial.params)
        # cells of the unit that are told already are fitted again but not told: each starts from the one below
        rest = tuple(h for h in job.unit.neuron_nums if h != cell.neuron_num)
        if rest and max(rest) > cell.neuron_num:
            self._units.appendleft(Unit.of(cell, rest))


class SampledSchedule(Schedule):
    """The cells a sampler proposes, one a unit. Those of "random" follow from no result and are drawn as workers ask."""

    def __init__(self, handle: StudyHandle, admissible: Sequence[Cell], sampler: str) -> None:
        limit = min(handle.spec.trials or len(admissible), len(admissible))
        super().__init__(handle, admissible, limit, sampler)
        self._in_order = sampler in ("gp", "tpe", "nsga2")
        self._held: dict[int, Outcome | str] = {}  # results that wait for their turn
        self._asked: deque[optuna.Trial] = deque()  # trials that are not told yet, in order
        self._drawn: deque[optuna.Trial] = deque()  # those of them that no worker has
        if self._in_order:
            while len(self._asked) < WINDOW and self._can_ask():
                self._ask()

    def left(self) -> int:
        if self.pausing:
            return 0
        return len(self._drawn) + max(0, min(self.limit - self.done - len(self._asked), len(self._sampler.open)))

    def take(self) -> UnitJob | None:
        if not self.left():
            return None
        if not self._drawn and not self._in_order:
            self._ask()
        if not self._drawn:  # the next cell depends on results that are still out
            return None
        trial = self._drawn.popleft()
        cell = Cell(**trial.params)
        job = self._job(Unit.of(cell, (cell.neuron_num,)))
        job.trial = trial
        return job

    def _can_ask(self) -> bool:
        return not self.pausing and self.done + len(self._asked) < self.limit and bool(self._sampler.open)

    def _ask(self) -> None:
        trial = self._open_trial()
        self._asked.append(trial)
        self._drawn.append(trial)

    def _fitted(self, job: UnitJob, outcome: Outcome) -> None:
        self._tell(job, outcome)

    def _once_more(self, job: UnitJob) -> None:
        assert job.trial is not None
        self._drawn.appendleft(job.trial)

    def _give_up(self, job: UnitJob, reason: str) -> None:
        self._tell(job, reason)

    def _tell(self, job: UnitJob, result: Outcome | str) -> None:
        """Record a result, in the order of the asking where that counts."""
        trial, job.trial = job.trial, None
        if trial is None:
            return
        if not self._in_order:
            self._asked.remove(trial)
            self._record(trial, result)
            return
        self._held[trial.number] = result
        while self._asked and self._asked[0].number in self._held and not self._out_of_patience():
            first = self._asked.popleft()
            self._record(first, self._held.pop(first.number))
            if self._can_ask():
                self._ask()
