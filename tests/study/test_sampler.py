"""CellSampler: distinct cells of the admissible set, whatever sampler proposes."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.gaussian_process import (
    K_LENGTHS,
    LENGTHS,
    NOISE,
    PULL,
    USUAL,
    expected_improvement,
    next_cell,
    places,
)  # fmt: skip
from kanlab.study.sampler import CellSampler, distributions, make_proposer
from tests.helpers.fake_worker import rss
from tests.kan.test_search_space import spaces


def draw(
    space: SearchSpace,
    cells: list[Cell],
    sampler: str,
    *,
    trials: int,
    seed: int = 0,
    taken: list[Cell] | None = None,
    fail_every: int = 0,
) -> list[Cell]:
    """Cells of a study that asks and tells one trial after the other."""
    two = sampler == "nsga2"
    chooser = CellSampler(space, cells, make_proposer(sampler, seed), seed, taken or [])
    study = optuna.create_study(sampler=chooser, directions=["minimize"] * (1 + two))
    found = []
    for number in range(trials):
        trial = study.ask(distributions(space))
        cell = Cell(**trial.params)
        found.append(cell)
        if fail_every and number % fail_every == 0:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [float(cell.neuron_num * (cell.grid + cell.k)), rss(cell)] if two else rss(cell))
    return found


@pytest.mark.parametrize("sampler", ["gp", "tpe", "random", "nsga2"])
@given(space=spaces(widest=4), n=st.integers(20, 120), seed=st.integers(0, 1000))
@settings(max_examples=8)
def test_every_admissible_cell_once_and_no_other(sampler: str, space: SearchSpace, n: int, seed: int) -> None:
    cells = space.admissible(n, 2)[:40]
    assert sorted(draw(space, cells, sampler, trials=len(cells), seed=seed)) == sorted(cells)


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_distinct_and_admissible_where_the_budget_is_short(sampler: str) -> None:
    space = SearchSpace()
    cells = space.admissible(100, 2)
    assert 60 < len(cells) < 270
    found = draw(space, cells, sampler, trials=60)
    assert len(set(found)) == 60
    assert set(found) <= set(cells)


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_equal_seeds_draw_equal_cells(sampler: str) -> None:
    space = SearchSpace()
    first, again, other = (draw(space, space.cells, sampler, trials=25, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("sampler", ["gp", "tpe", "nsga2"])
def test_failed_trials_do_not_bring_their_cell_back(sampler: str) -> None:
    space = SearchSpace((1, 5), (2, 6), (1, 2))
    found = draw(space, space.cells, sampler, trials=50, fail_every=3)
    assert sorted(found) == sorted(space.cells)


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_taken_cells_are_not_drawn(sampler: str) -> None:
    space = SearchSpace((1, 4), (2, 6), (1, 1))
    taken = space.cells[::3]
    found = draw(space, space.cells, sampler, trials=len(space.cells) - len(taken), taken=taken)
    assert sorted(found + taken) == sorted(space.cells)


@pytest.mark.parametrize("sampler", ["gp", "tpe", "nsga2"])
@pytest.mark.parametrize("space", [SearchSpace((1, 30), (5, 5), (3, 3)), SearchSpace((2, 2), (1, 30), (1, 1))])
def test_ranges_of_a_single_value(sampler: str, space: SearchSpace) -> None:
    assert sorted(draw(space, space.cells, sampler, trials=30)) == sorted(space.cells)


def test_tpe_learns() -> None:
    """Its later cells are better than random ones."""
    space = SearchSpace()
    later = [rss(c) for c in draw(space, space.cells, "tpe", trials=60)[20:]]
    random = [rss(c) for c in draw(space, space.cells, "random", trials=60)[20:]]
    assert sorted(later)[20] < sorted(random)[20]


def test_a_gaussian_process_finds_the_best_in_a_tenth_of_the_cells() -> None:
    """It begins with small ones, ends next to the lowest value, and is not led astray by trials that failed."""
    space = SearchSpace()
    at = SearchSpace().ranges()
    wanted = Cell(4, 6, 2)

    def value(cell: Cell) -> float:
        (here, there) = places([cell, wanted], at)
        return float(500.0 * np.sum((here - there) ** 2))

    known: dict[Cell, float] = {}
    for _ in range(len(space.cells) // 10):
        cell = next_cell([c for c in space.cells if c not in known], known, at)
        known[cell] = math.inf if cell.grid == 10 else value(cell)
    assert min(known.values()) <= sorted(map(value, space.cells))[2]
    assert max(cell.neuron_num for cell in list(known)[:4]) <= 5


def test_expected_improvement_is_that_of_the_posterior() -> None:
    """Against scikit-learn's regression with the same kernel, at the length scales of highest likelihood."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    rng = np.random.default_rng(0)
    seen, points = rng.uniform(size=(12, 3)), rng.uniform(size=(30, 3))
    values = 30.0 * np.sum((seen - 0.4) ** 2, axis=1)
    lowest = values.min()
    z = np.log(values - lowest + 1.0 + 0.02 * (np.median(values) - lowest))
    z = (z - z.mean()) / z.std()
    found = []
    for lengths in product(LENGTHS, LENGTHS, K_LENGTHS):
        model = GaussianProcessRegressor(Matern(lengths, nu=2.5), alpha=NOISE, optimizer=None).fit(seen, z)
        prior = PULL * np.sum(np.log(np.array(lengths) / USUAL) ** 2)
        found.append((model.log_marginal_likelihood_value_ - prior, lengths, model))
    _, _, model = max(found, key=lambda f: f[0])
    mean, spread = model.predict(points, return_std=True)
    u = (z.min() - mean) / spread
    expected = spread * (u * norm.cdf(u) + norm.pdf(u))
    np.testing.assert_allclose(expected_improvement(seen, values, points), expected, rtol=1e-4, atol=1e-9)


def test_assignment_goes_its_own_order() -> None:
    space = SearchSpace((1, 3), (2, 4), (1, 2))
    order = space.admissible(1000, 2)[::-1]
    sampler = CellSampler(space, order, None, seed=0)
    study = optuna.create_study(sampler=sampler)
    found = []
    for cell in order:
        sampler.assign(cell)
        found.append(Cell(**study.ask(distributions(space)).params))
    assert found == order
    assert sampler.open == []


class Stubborn(optuna.samplers.BaseSampler):
    """Proposes one cell for ever."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def sample_relative(self, study: object, trial: object, search_space: object) -> dict[str, int]:
        return self.cell._asdict()

    def infer_relative_search_space(self, study: object, trial: object) -> dict:
        return {}

    def sample_independent(self, *_: object) -> None:
        raise AssertionError


def test_a_repeat_becomes_the_nearest_open_cell() -> None:
    space = SearchSpace((1, 9), (2, 4), (1, 1))  # a step of grid is 1/2 of its range, one of neuron_num 1/8
    cells = [Cell(4, 3, 1), Cell(5, 3, 1), Cell(7, 3, 1), Cell(4, 4, 1), Cell(1, 2, 1)]
    study = optuna.create_study(sampler=CellSampler(space, cells, Stubborn(Cell(4, 3, 1)), seed=0))
    found = [Cell(**study.ask(distributions(space)).params) for _ in cells]
    assert found == [Cell(4, 3, 1), Cell(5, 3, 1), Cell(7, 3, 1), Cell(4, 4, 1), Cell(1, 2, 1)]


def test_ties_go_to_the_first_of_the_cells() -> None:
    space = SearchSpace((1, 9), (2, 4), (1, 1))
    for cells in ([Cell(3, 3, 1), Cell(5, 3, 1)], [Cell(5, 3, 1), Cell(3, 3, 1)]):
        study = optuna.create_study(sampler=CellSampler(space, cells, Stubborn(Cell(4, 3, 1)), seed=0))
        assert Cell(**study.ask(distributions(space)).params) == cells[0]


def test_samplers_without_a_proposer() -> None:
    assert make_proposer("random", 0) is None
    assert make_proposer("exhaustive", 0) is None


def test_distributions_are_the_ranges() -> None:
    found = distributions(SearchSpace((2, 5), (3, 3), (1, 2)))
    assert {name: (d.low, d.high) for name, d in found.items()} == {"neuron_num": (2, 5), "grid": (3, 3), "k": (1, 2)}  # type: ignore[attr-defined]
