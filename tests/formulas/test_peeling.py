"""Functions of one variable are taken off a target where nothing of it is left then, and the search finds what is inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kanlab.arrays import Array
from kanlab.formulas.dictionary import Dictionary
from kanlab.formulas.expression import (
    Expression,
    Power,
    Product,
    Variable,
    exact,
    free_constants,
    renumbered,
    times,
    walk,
)
from kanlab.formulas.losses import BERNOULLI, SQUARES, Loss
from kanlab.formulas.options import FormulaOptions
from kanlab.formulas.peeling import FACTOR, LINK, TERM, Peeled, peeled
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


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
@pytest.mark.parametrize(
    ("truth", "link", "terms"),
    [
        (lambda a, b, c: np.sqrt(a**2 + b**2 + c**2), "1/2", {Power(Variable(i), exact(2)) for i in range(3)}),
        (lambda a, b, c: 1 / (a + b * c), "-1", {Variable(0)}),
        (lambda a, b, c: (a + np.sqrt(b * c)) ** 2, "2", {Variable(0)}),
    ],
)
def test_a_term_is_taken_off_behind_a_power(truth: Truth, link: str, terms: set[Expression], noise: float) -> None:
    found = taken(truth, noise, 3)
    assert found is not None
    assert found.steps[0] == (LINK, exact(link))
    held = {part for kind, e in found.steps[1:] if kind == TERM for part in walk(e)} & terms
    assert held


@pytest.mark.parametrize(
    ("truth", "factor", "value"),
    [
        (lambda a, b, c: np.cos(a - b) / (1 + 0.7 * c**2), lambda k, c: 1 / (1 + k * c**2), 0.7),
        (lambda a, b, c: np.sqrt(1 + 2 * c**2) * np.cos(a - b), lambda k, c: np.sqrt(1 + k * c**2), 2.0),
        (lambda a, b, c: np.tanh(a - b) * c**1.7, lambda k, c: c**k, 1.7),
        (lambda a, b, c: np.tanh(a - b) * np.exp(-0.4 * c), lambda k, c: np.exp(k * c), -0.4),
    ],
)
def test_a_factor_is_taken_off_with_its_constant(truth: Truth, factor: Truth, value: float) -> None:
    """Of targets that change their signs; compared by what the factor is, up to a constant."""
    found = taken(truth, 0.01, 3)
    assert found is not None
    ((kind, e),) = found.steps
    assert (kind, found.left, len(free_constants(e))) == (FACTOR, (0, 1), 1)
    ratio = program(e).outputs(X[:3]) / factor(value, X[2])
    assert (
        np.ptp(ratio) < 0.05 * ratio.mean()
    )  # what a polynomial of the others lets it be; the fit of the whole does the rest


@pytest.mark.parametrize("exponent", ["1/2", "-1", "-1/2", "2"])
def test_what_is_left_behind_a_power_has_the_squares_of_the_target(exponent: str) -> None:
    """Small changes of the rest, weighted, are those of y."""
    p = exact(exponent)
    found = Peeled(((LINK, p), (TERM, Variable(2))), (0, 1))
    inner = X[0] * X[1]
    y = (inner + X[2]) ** p.value
    rest = found.rest(X, Loss.of(SQUARES, y))
    assert rest is not None
    np.testing.assert_allclose(rest.y, inner, rtol=1e-9)
    moved = 1e-6 * NOISE
    change = (inner + X[2] + moved) ** p.value - y
    np.testing.assert_allclose(
        rest.w * moved**2 / np.mean(rest.w * moved**2), change**2 / np.mean(change**2), rtol=1e-3
    )
    np.testing.assert_allclose(program(found.around(times(Variable(0), Variable(1)))).outputs(X), y, rtol=1e-9)


def test_nothing_is_taken_off_behind_a_power_of_a_target_of_both_signs() -> None:
    found = Peeled(((LINK, exact("1/2")), (TERM, Variable(0))), (1,))
    assert found.rest(X[:2], Loss.of(SQUARES, NOISE)) is None


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
