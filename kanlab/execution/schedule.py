"""What a study has left to fit: its cells in order, the trials that are open, and the results that wait for their turn.

An exhaustive search fits every cell. TPE and NSGA-II are asked WINDOW trials ahead, once at the start and once after each
result, which they are told in the order of the asking: the cell of a trial follows from all results but the last WINDOW.
So the numbers depend on the data and the specification alone, not on how many workers there are.
"""

from __future__ import annotations

import math
from collections import deque

import optuna
from optuna.trial import TrialState

from kanlab.engines.registry import Outcome, Unit, units
from kanlab.kan.search_space import Cell
from kanlab.study.handle import StudyHandle
from kanlab.study.sampler import CellSampler, distributions, make_proposer
from kanlab.study.trials import INTERRUPTED, record_failure, record_outcome

WINDOW = 8


def close_open_trials(handle: StudyHandle) -> None:
    """Mark the trials without a result as interrupted: their cells are open again."""
    for trial in handle.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        record_failure(handle.optuna, trial, INTERRUPTED)


class Assignment:
    """A unit in a worker's hands, and the trial of the cell being fitted."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.left = deque(unit.cells)
        self.trial: optuna.Trial | None = None


class Agenda:
    """The work of one study from here on. What an earlier supervisor left open is closed and its cells come again."""

    def __init__(self, handle: StudyHandle) -> None:
        self._handle, spec, study = handle, handle.spec, handle.optuna
        close_open_trials(handle)
        records = handle.records()
        self.done = len(records)
        self.pausing = False  # nothing new is begun
        scores = [r.aicc for r in records if r.aicc is not None]
        self._best, self._since_best = min(scores, default=math.inf), 0
        admissible = spec.admissible(handle.data.n_train, handle.data.d)
        self.limit = min(spec.trials or len(admissible), len(admissible))
        name = spec.resolved_sampler(len(admissible))
        self._ordered = name in ("tpe", "nsga2")
        cells = admissible[: self.limit] if name == "exhaustive" else admissible
        taken = [r.cell for r in records]
        self._sampler = CellSampler(spec.space, cells, make_proposer(name, spec.seed), spec.seed, taken)
        self._study = optuna.load_study(study_name=study.study_name, storage=study._storage, sampler=self._sampler)
        fresh = set(self._sampler.open)
        broken = {r.cell for r in records if r.state == "failed"}
        paths = units([c for c in cells if c not in broken], spec.engine)
        left = [u for u in paths if not fresh.isdisjoint(u.cells)]
        self._schedule = deque(left) if name == "exhaustive" else None
        self._held: dict[int, Outcome | str] = {}  # results of a sampled study that wait for their turn
        self._asked: deque[optuna.Trial] = deque()  # its trials that are not told yet, in order
        self._drawn: deque[optuna.Trial] = deque()  # those of them that no worker has
        self._returned: dict[Cell, optuna.Trial] = {}  # open trials of an exhaustive study that no worker has
        self._again: set[Cell] = set()  # cells that have ended a process once
        if self._ordered:
            while len(self._asked) < WINDOW and self._can_ask():
                self._ask()

    # ---- what is next

    def units_left(self) -> int:
        """Units that could be begun now or soon."""
        if self.pausing:
            return 0
        if self._schedule is not None:
            return len(self._schedule)
        return len(self._drawn) + max(0, min(self.limit - self.done - len(self._asked), len(self._sampler.open)))

    def take(self) -> Assignment | None:
        """The next unit with its first trial opened; None where there is none for now."""
        while self.units_left():
            if self._schedule is not None:
                assignment = Assignment(self._schedule.popleft())
                self._next_trial(assignment)
                if assignment.trial is None:  # all its cells were fitted before the study was resumed
                    continue
                return assignment
            if not self._drawn and not self._ordered:
                self._ask()
            if not self._drawn:  # the next cell depends on results that are still out
                return None
            trial = self._drawn.popleft()
            cell = Cell(**trial.params)
            assignment = Assignment(Unit(cell.grid, cell.k, (cell.neuron_num,), cell.depth))
            assignment.left.popleft()
            assignment.trial = trial
            return assignment
        return None

    def _can_ask(self) -> bool:
        return not self.pausing and self.done + len(self._asked) < self.limit and bool(self._sampler.open)

    def _ask(self) -> None:
        """Draw the cell of the next trial of a sampled study."""
        trial = self._study.ask(distributions(self._handle.spec.space))
        self._asked.append(trial)
        self._drawn.append(trial)

    def _next_trial(self, assignment: Assignment) -> None:
        """Open the trial of the next cell of a unit that has none yet; cells done before are refitted but not told."""
        assignment.trial = None
        upcoming = next((c for c in assignment.left if c in self._returned or c in self._sampler.open), None)
        if upcoming is None:
            return
        if upcoming in self._returned:
            assignment.trial = self._returned.pop(upcoming)
            return
        self._sampler.assign(upcoming)
        assignment.trial = self._study.ask(distributions(self._handle.spec.space))

    # ---- what has come of it

    def fitted(self, assignment: Assignment, outcome: Outcome) -> None:
        """Tell the result of the cell in hand and open the next one of the unit."""
        trial = assignment.trial
        if self._schedule is None:
            if trial is not None:
                self._tell(trial, outcome)
                assignment.trial = None
            return
        cell = assignment.left.popleft()
        if trial is not None and Cell(**trial.params) == cell:
            self._tell(trial, outcome)
            assignment.trial = None
            if self.done < self.limit and not self.pausing:
                self._next_trial(assignment)

    def ended(self, assignment: Assignment, reason: str, *, final: bool = False) -> None:
        """The process of a unit has ended in the middle: its cell is fitted once more, then failed for `reason`.

        final: fail it at once.
        """
        trial = assignment.trial
        if trial is None:
            return
        cell = Cell(**trial.params)
        if cell not in self._again and not final:
            self._again.add(cell)
            if self._schedule is None:
                self._drawn.appendleft(trial)
            else:
                self._returned[cell] = trial
                self._schedule.appendleft(assignment.unit)
            return
        self._tell(trial, reason)
        # cells of the unit that are told already are fitted again but not told: each starts from the one below
        rest = tuple(h for h in assignment.unit.neuron_nums if h != cell.neuron_num)
        if self._schedule is not None and rest and max(rest) > cell.neuron_num:
            self._schedule.appendleft(Unit(cell.grid, cell.k, rest, cell.depth))

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
            record_outcome(self._study, trial, self._handle.spec, self._handle.data, result)
        self.done += 1
        score = trial.user_attrs.get("aicc")
        self._since_best += 1
        if score is not None and score < self._best:
            self._best, self._since_best = score, 0

    # ---- the budget

    def spent(self, elapsed: float) -> str:
        """Why the study ends before its cells do, "" where it does not. elapsed: seconds."""
        spec = self._handle.spec
        if spec.minutes is not None and elapsed > 60 * spec.minutes:
            return f"The {spec.minutes:g} minutes are spent; {self.done} trials are done."
        if self._out_of_patience():
            return f"The least AICc has not fallen for {spec.patience} trials; {self.done} trials are done."
        return ""

    def _out_of_patience(self) -> bool:
        patience = self._handle.spec.patience
        return patience is not None and self._since_best >= patience
