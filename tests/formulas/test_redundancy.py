"""Constants that the rows cannot tell apart are taken out, and the function stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.formulas.expression import (
    Call,
    Constant,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    exact,
    free_constants,
    times,
)
from kanlab.formulas.fitting import uncertainty
from kanlab.formulas.growth import Budget
from kanlab.formulas.losses import SQUARES, Loss
from kanlab.formulas.program import program
from kanlab.formulas.redundancy import without_redundant
from kanlab.formulas.snapping import snapped

RNG = np.random.default_rng(3)
X = RNG.uniform(0.5, 2.5, (3, 200))
A, B, C = map(Variable, range(3))


def free(value: float, e: Expression) -> Expression:
    return times(Constant(value), e)


LINE, OTHER = Sum((free(3.0, A), free(-0.5, B), Constant(2.0))), Sum((free(-2.0, B), Constant(-1.0)))
CASES: list[tuple[Expression, int]] = [  # with redundant constants, and how many can be told apart
    (Product((Constant(4.0), Power(LINE, exact(-1)))), 3),
    (Product((Constant(4.0), C, Power(LINE, exact("-1/2")))), 3),
    (Product((LINE, Power(OTHER, exact(-1)))), 4),
    (Product((Constant(-4.0), LINE, Power(OTHER, exact(2)))), 4),
    (Product((Constant(2.0), Call("exp", Sum((free(0.3, A), Constant(0.7)))))), 2),
    (Sum((free(1.5, Call("log", LINE)), free(2.0, B), Constant(1.0))), 5),
    (Call("sin", Product((Constant(0.1), LINE))), 3),
]


@pytest.mark.parametrize(("e", "told_apart"), CASES)
def test_what_says_the_same_twice_goes(e: Expression, told_apart: int) -> None:
    made = without_redundant(e)
    before, after = (program(form).outputs(X) for form in (e, made))
    np.testing.assert_allclose(after, before, rtol=1e-12)
    assert len(free_constants(made)) == told_apart < len(free_constants(e))
    known = uncertainty(made, X, Loss.of(SQUARES, before), 1.0)
    assert known.rank == told_apart
    assert np.isfinite(known.errors).all()


@pytest.mark.parametrize(
    "e",
    [
        Power(LINE, exact(-1)),
        Product((Constant(2.0), Power(Sum((free(3.0, A), exact(1))), exact(-1)))),
        Product((exact(2), LINE)),
        Sum((Call("log", LINE), A)),
        Product((Constant(2.0), Power(LINE, Constant(1.3)))),
    ],
)
def test_what_is_not_redundant_stays(e: Expression) -> None:
    assert without_redundant(e) == e


def test_a_scaled_sum_below_is_made_round() -> None:
    """12 / (4 a + 6 b) with numbers far from one: without its idle scale, 2 and 3/2 are seen."""
    e = Product((Constant(3e5), Power(Sum((free(1.0003e5, A), free(1.5004e5, B))), exact(-1))))
    loss = Loss.of(SQUARES, 12 / (4 * X[0] + 6 * X[1]) + 1e-3 * RNG.normal(size=200))
    made = snapped(e, X, loss, Budget(1e5)).expression
    assert not free_constants(made)
    np.testing.assert_allclose(program(made).outputs(X), 12 / (4 * X[0] + 6 * X[1]), rtol=1e-12)
