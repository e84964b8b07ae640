"""The fit of constants: derivatives against differences, estimates and errors against statsmodels, K against the rank."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from kanlab.formulas.expression import (
    Call,
    Constant,
    Curve,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    exact,
    free_constants,
)
from kanlab.formulas.fitting import fit, uncertainty
from kanlab.formulas.functions import FUNCTIONS
from kanlab.formulas.losses import BERNOULLI, POISSON, SQUARES, Loss
from kanlab.formulas.multinomial import fit_together
from kanlab.formulas.program import program
from kanlab.formulas.targets import targets

RNG = np.random.default_rng(0)
X = RNG.uniform(0.2, 0.9, (2, 60))
x, z = Variable(0), Variable(1)
INNER = Sum((Product((Constant(0.6), x)), Product((Constant(0.3), x, z)), Constant(0.05)))


def line(slope: float = 1.0, constant: float = 0.5) -> Sum:
    return Sum((Product((Constant(slope), x)), Constant(constant)))


@pytest.mark.parametrize(
    "e",
    [
        *(Product((Constant(1.3), Call(name, INNER))) for name in FUNCTIONS),
        Power(INNER, Constant(1.7)),
        Power(INNER, exact(-2)),
        Product((INNER, Power(INNER, exact("1/2")), Call("sin", INNER))),
        Curve(INNER, (0.0, 0.4, 0.55, 1.2), (0.0, 1.0, -1.0, 2.0)),
    ],
)
def test_derivatives_are_those_of_differences(e: Expression) -> None:
    made = program(e)
    value, J = made.jacobian(X, made.start)
    np.testing.assert_allclose(value, made.outputs(X))
    for k in range(len(made.start)):
        step = 1e-6 * np.eye(len(made.start))[k]
        numeric = (made.outputs(X, made.start + step) - made.outputs(X, made.start - step)) / 2e-6
        np.testing.assert_allclose(J[k], numeric, rtol=2e-5, atol=2e-7)


def test_a_line_has_the_estimates_and_errors_of_least_squares() -> None:
    y = 2 * X[0] - 1 + 0.3 * RNG.normal(size=60)
    w = RNG.uniform(0.5, 2, 60)
    loss = Loss.of(SQUARES, y, w)
    found = fit(line(), X, loss)
    theirs = sm.WLS(y, np.column_stack([X[0], np.ones(60)]), weights=w / w.mean()).fit()
    own = [c.value for c in (found.expression.parts[0].parts[0], found.expression.parts[1])]  # type: ignore[union-attr]
    np.testing.assert_allclose(own, theirs.params, rtol=1e-6)
    known = uncertainty(found.expression, X, loss, found.misfit)
    np.testing.assert_allclose(known.errors, theirs.bse, rtol=1e-5)
    assert known.rank == 2


@pytest.mark.parametrize(("kind", "family"), [(BERNOULLI, sm.families.Binomial()), (POISSON, sm.families.Poisson())])
def test_classes_and_counts_have_those_of_a_generalised_linear_model(kind: str, family: sm.families.Family) -> None:
    eta = 3 * X[0] - 1
    y = (RNG.uniform(size=60) < 1 / (1 + np.exp(-eta))) if kind == BERNOULLI else RNG.poisson(np.exp(eta))
    loss = Loss.of(kind, y.astype(float))
    found = fit(line(), X, loss)
    theirs = sm.GLM(y.astype(float), np.column_stack([X[0], np.ones(60)]), family=family).fit(tol=1e-12)
    drawn = 0.01 if kind == BERNOULLI else 1e-8  # by the weak pull of the log-odds
    assert theirs.deviance <= found.misfit * (1 + 1e-9)
    assert found.misfit == pytest.approx(theirs.deviance, rel=drawn)
    np.testing.assert_allclose(uncertainty(found.expression, X, loss, found.misfit).errors, theirs.bse, rtol=0.04)


def test_classes_that_a_formula_separates_have_finite_constants() -> None:
    loss = Loss.of(BERNOULLI, (X[0] > 0.5).astype(float))
    found = fit(line(), X, loss, 100)
    assert np.abs(program(found.expression).outputs(X)).max() < 60


def test_several_classes_are_fitted_together_as_a_multinomial_model() -> None:
    rng = np.random.default_rng(2)
    Z = rng.uniform(0, 1, (2, 3000))
    y = np.argmax(np.array([0 * Z[0], 2 * Z[0] - 1, 1 - Z[0]]) + rng.gumbel(size=(3, 3000)), axis=0)
    found = fit_together([line(0.1, 0.0), line(0.1, 0.0)], Z, y)
    theirs = sm.MNLogit(y, np.column_stack([Z[0], np.ones(3000)])).fit(disp=0)
    own = np.array([[c.value for c in free_constants(e)] for e in found]).T
    np.testing.assert_allclose(own, theirs.params, atol=0.02)


def test_constants_that_the_rows_do_not_tell_apart_count_once_and_have_no_error() -> None:
    e = Product((Constant(2.0), Call("exp", line(0.5, 0.1))))
    y = 3 * np.exp(0.7 * X[0])
    loss = Loss.of(SQUARES, y)
    found = fit(e, X, loss, 60)
    known = uncertainty(found.expression, X, loss, found.misfit)
    assert found.misfit < 1e-20
    assert known.rank == 2
    assert np.isinf(known.errors[[0, 2]]).all()
    assert np.isfinite(known.errors[1])


def test_a_formula_that_is_not_defined_at_a_row_has_no_fit() -> None:
    e = Call("log", Sum((x, Constant(-0.5))))
    assert fit(e, X, Loss.of(SQUARES, X[0])).misfit == np.inf


def test_the_target_of_a_part_makes_the_whole_right() -> None:
    truth = Sum(
        (Product((Constant(2.0), Call("exp", Product((Constant(0.8), x))))), Power(Sum((z, Constant(0.3))), exact(2)))
    )
    y = program(truth).outputs(X)
    wrong = Sum(
        (Product((Constant(2.0), Call("exp", Product((Constant(0.8), x))))), Power(Sum((z, Constant(0.9))), exact(2)))
    )
    made = program(wrong)
    found = targets(made, X, Loss.of(SQUARES, y))
    place = next(i for i, part in enumerate(made.parts) if part == Sum((z, Constant(0.9))))
    wanted = found[place]
    assert wanted is not None
    np.testing.assert_allclose(wanted.target, X[1] + 0.3)
    np.testing.assert_allclose(found[-1].target, y)  # type: ignore[union-attr]
