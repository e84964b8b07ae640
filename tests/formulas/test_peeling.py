"""Functions of one variable are taken off a target where nothing of it is left then, and the search finds what is inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kanlab.arrays import Array
from kanlab.formulas.dictionary import Dictionary
from kanlab.formulas.expression import Expression, Power, Product, Variable, exact, free_constants, renumbered, times
from kanlab.formulas.losses import BERNOULLI, SQUARES, Loss
from kanlab.formulas.options import FormulaOptions
from kanlab.formulas.peeling import FACTOR, TERM, Peeled, peeled
from kanlab.formulas.program import program
from kanlab.formulas.search import searched

RNG = np.random.default_rng(17)
X = np.ascontiguousarray(RNG.uniform(0.5, 2.5, (4, 300)))
NOISE = RNG.normal(size=300)
Truth = Callable[..., Array]


def taken(truth: Truth, noise: float = 0.01, variables: int = 4) -> Peeled | None:
    y = truth(*X[:variables])
    known = np.ascontiguousarray(X[:variables])
    dictionary = Dictionary(known, FormulaOptions().library)
    return peeled(known, Loss.of(SQUARES, y + noise * y.std() * NOISE), dictionary.of_variable)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_a_factor_is_taken_off(noise: float) -> None:
    """Of a target that changes its sign, so that it has no logarithm."""
    found = taken(lambda a, b, c, d: d * np.tanh(a - b * c), noise)
    assert found == Peeled(((FACTOR, Variable(3)),), (0, 1, 2))


def test_factors_are_taken_off_one_after_the_other() -> None:
    """As of an equation of physics, whose powers go beyond those that a dictionary has in sums."""
    found = taken(lambda a, b, c, d: a / b**5 * np.sqrt(c**2 + d**2))
    assert found is not None
    assert set(found.steps) == {(FACTOR, Variable(0)), (FACTOR, Power(Variable(1), exact("-5")))}
    assert found.left == (2, 3)


def test_a_factor_inside_a_sum_is_taken_off_after_the_term() -> None:
    found = taken(lambda a, b, c, d: c + np.sqrt(d) * np.tanh(a - b))
    assert found is not None
    (first, term), (second, factor) = found.steps
    assert (first, second, factor, found.left) == (TERM, FACTOR, Power(Variable(3), exact("1/2")), (0, 1))
    assert free_constants(term)[0].value == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "truth",
    [lambda a, b, c, d: np.log(a + b * c) + 0 * d, lambda a, b, c, d: np.sqrt(a * b + c / d), lambda a, b, c, d: NOISE],
)
def test_nothing_is_taken_off_where_nothing_stands_outside(truth: Truth) -> None:
    assert taken(truth) is None


def test_nothing_is_taken_off_one_variable_or_a_likelihood_without_a_variance() -> None:
    functions: Callable[[int], Sequence[Expression]] = lambda j: [Variable(j)]  # noqa: E731
    assert peeled(X[:1], Loss.of(SQUARES, X[0]), functions) is None
    assert peeled(X, Loss.of(BERNOULLI, X[0] * X[1] > 1.5), functions) is None
    assert peeled(X, Loss.of(SQUARES, np.full(300, 2.0)), functions) is None


def test_what_is_left_with_what_was_taken_off_around_it_is_the_whole() -> None:
    steps = ((TERM, Product((exact(2), Variable(2)))), (FACTOR, Power(Variable(3), exact("-2"))))
    found = Peeled(steps, (0, 1))
    inner = times(Variable(0), Variable(1))  # of the variables that are left
    y = 2 * X[2] + X[0] * X[1] / X[3] ** 2
    rest = found.rest(X, Loss.of(SQUARES, y))
    assert rest is not None
    np.testing.assert_allclose(rest.y, X[0] * X[1], rtol=1e-12)
    np.testing.assert_allclose(rest.w * X[3] ** 4, (rest.w * X[3] ** 4)[0], rtol=1e-12)
    np.testing.assert_allclose(program(found.around(renumbered(inner, found.left))).outputs(X), y, rtol=1e-12)


def test_a_target_that_is_not_finite_afterwards_is_left() -> None:
    crossing = X - 0.5 * (X[0].min() + X[0].max())
    crossing[0, :20] = 0.0
    assert Peeled(((FACTOR, Variable(0)),), (1, 2, 3)).rest(crossing, Loss.of(SQUARES, X[0])) is None


@pytest.mark.parametrize(
    "truth",
    [
        lambda a, b, c, d: d * np.tanh(a - b * c),
        lambda a, b, c, d: c + np.sqrt(d) * np.tanh(a - b),
    ],
)
def test_the_search_finds_what_is_inside(truth: Truth) -> None:
    """At 1% noise, and to a tenth of that beyond the rows."""
    y = truth(*X)
    e = searched(X, Loss.of(SQUARES, y + 0.01 * y.std() * NOISE), FormulaOptions(effort=0.3))[0]
    beyond = RNG.uniform(0.4, 2.8, (4, 300))
    np.testing.assert_allclose(program(e).outputs(beyond), truth(*beyond), rtol=1e-3, atol=1e-3 * float(y.std()))
