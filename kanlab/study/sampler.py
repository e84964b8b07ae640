"""Which cell comes next: any Optuna sampler, made never to propose a cell twice nor one that is inadmissible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import say
from kanlab.study.gaussian_process import next_cell
from kanlab.study.optuna_adapter import quietly

SAMPLERS = ("auto", "exhaustive", "gp", "tpe", "random", "nsga2")


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """The parameters of a trial, three of them to five."""
    return {name: IntDistribution(*ends) for name, ends in space.ranges().items()}


class CellSampler(BaseSampler):
    """Proposes distinct cells out of `cells`, at most len(cells) of them.

    proposer: the sampler asked first; where it has no opinion a cell is drawn at random, and where it repeats itself or
    leaves `cells` the nearest cell still open is taken (in units of the ranges, ties by fewest parameters).
    `assign` fixes the next proposal, which is how an exhaustive search goes in its own order.
    """

    def __init__(
        self,
        space: SearchSpace,
        cells: Sequence[Cell],
        proposer: BaseSampler | None,
        seed: int,
        taken: Iterable[Cell] = (),
    ) -> None:
        self._space, self._params = distributions(space), space.params
        self._ranges = space.ranges()
        self._spans = np.array([max(1, hi - lo) for lo, hi in self._ranges.values()], dtype=float)
        done = set(taken)
        self.open = [c for c in cells if c not in done]
        self._proposer = proposer
        self._rng = np.random.default_rng(seed)
        self._assigned: Cell | None = None

    def assign(self, cell: Cell) -> None:
        """Make the next proposal this cell."""
        self._assigned = cell

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self._assigned is not None:
            cell, self._assigned = self._assigned, None
        else:
            cell = self._nearest_open(self._propose(study, trial, search_space))
        if cell in self.open:
            self.open.remove(cell)
        return self._params(cell)

    def _propose(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> Cell | None:
        if isinstance(self._proposer, GaussianProcess):
            return next_cell(self.open, values_known(study, trial), self._ranges)
        if self._proposer is None:
            return None
        proposed = self._proposer.sample_relative(study, trial, search_space)
        if not proposed:
            return None
        # NSGA-II mutates by leaving parameters out: they are to be drawn uniformly
        drawn = {n: int(self._rng.integers(lo, hi + 1)) for n, (lo, hi) in self._ranges.items() if n not in proposed}
        return Cell(**proposed | drawn)

    def _nearest_open(self, wanted: Cell | None) -> Cell:
        if wanted is None:
            return self.open[int(self._rng.integers(len(self.open)))]
        places, place = ([[getattr(c, name) for name in self._ranges] for c in of] for of in (self.open, [wanted]))
        distance = np.abs((np.array(places) - np.array(place)) / self._spans).sum(axis=1)
        return self.open[int(np.argmin(distance))]

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        raise RuntimeError(
            say("{param_name} is not a parameter of the search space", param_name=param_name)
        )  # every parameter is sampled jointly

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if self._proposer is not None:
            self._proposer.before_trial(study, trial)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: Any, values: Sequence[float] | None) -> None:
        if self._proposer is not None:
            self._proposer.after_trial(study, trial, state, values)


class GaussianProcess(BaseSampler):
    """Stands for kanlab.study.gaussian_process, which looks at the open cells alone."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        raise RuntimeError(say("{param_name} is not a parameter of the search space", param_name=param_name))


def values_known(study: optuna.Study, asking: FrozenTrial) -> dict[Cell, float]:
    """What the trials before one have come to; inf of those that failed or are not done yet."""
    return {
        Cell(**t.params): t.value if t.state == TrialState.COMPLETE and t.value is not None else math.inf
        for t in study.get_trials(deepcopy=False)
        if t.number < asking.number and t.params
    }


def make_proposer(sampler: str, seed: int) -> BaseSampler | None:
    """The Optuna sampler behind a name; None for exhaustive and random, which need none."""
    if sampler == "gp":
        return GaussianProcess()
    with quietly():
        if sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=10)
        if sampler == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=20)
    return None
