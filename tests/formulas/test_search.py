"""The search: known functions found again, the same each time, limits kept, classes, and what of a library is allowed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.formulas.evaluation import evaluated
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
    variables,
    walk,
)  # fmt: skip
from kanlab.formulas.front import FoundFormulas
from kanlab.formulas.losses import BERNOULLI, SQUARES, Loss
from kanlab.formulas.options import FormulaOptions, formula_options
from kanlab.formulas.parts import GROWTH
from kanlab.formulas.program import outputs
from kanlab.formulas.search import allowed, concluded, drawn, drawn_rows, search_part, searched, shape
from kanlab.formulas.selection import front
from tests.helpers.sentences import refused

RNG = np.random.default_rng(3)
X = RNG.uniform(0.5, 2.0, (200, 2))
NOISE = RNG.normal(size=200)
QUICK = FormulaOptions(effort=0.2)


def found(y: np.ndarray, options: FormulaOptions = QUICK) -> Expression:
    return searched(np.ascontiguousarray(X.T), Loss.of(SQUARES, y), options)[0]


@pytest.mark.parametrize(
    "truth",
    [
        lambda a, b: a * b,
        lambda a, b: 1 / (1 + a * b),
        lambda a, b: np.sqrt(a**2 + b**2),
        lambda a, b: np.exp(np.sin(np.pi * a) + b**2),
        lambda a, b: (1 + a * b) / (1 + a),
    ],
)
def test_a_known_function_is_found(truth) -> None:  # type: ignore[no-untyped-def]
    """At 1% noise, and to a tenth of that beyond the rows as well, because most of its constants are exact."""
    y = truth(*X.T)
    beyond = RNG.uniform(0.4, 2.3, (300, 2))
    np.testing.assert_allclose(outputs(found(y + 0.01 * y.std() * NOISE), beyond), truth(*beyond.T), rtol=1e-3)


def test_without_noise_all_constants_are_exact() -> None:
    e = found(np.pi * X[:, 0] ** 2 / (2 * X[:, 1]))
    assert not free_constants(e)
    np.testing.assert_allclose(outputs(e, X), np.pi * X[:, 0] ** 2 / (2 * X[:, 1]), rtol=1e-14)


def test_the_same_rows_give_the_same_formula() -> None:
    y = np.log(X[:, 0]) + X[:, 1] + 0.05 * NOISE
    assert found(y) == found(y)


def test_noise_alone_has_a_constant_for_a_formula() -> None:
    assert variables(found(NOISE)) == []


def test_only_what_is_allowed_is_found() -> None:
    options = FormulaOptions(effort=0.2, functions=("sin", "power"))
    e = found(np.exp(X[:, 0]) + 0.01 * NOISE, options)
    assert allowed(e, options)
    assert not any(isinstance(part, Call) and part.function == "exp" for part in walk(e))
    assert not allowed(Power(Variable(0), exact(2)), FormulaOptions(forbidden=("power",)))


def test_two_classes_have_a_formula_of_their_log_odds() -> None:
    y = (RNG.uniform(size=200) < 1 / (1 + np.exp(-4 * (X[:, 0] - X[:, 1])))).astype(float)
    e = searched(np.ascontiguousarray(X.T), Loss.of(BERNOULLI, y), QUICK)[0]
    assert set(variables(e)) == {0, 1}
    assert np.corrcoef(outputs(e, X), X[:, 0] - X[:, 1])[0, 1] > 0.95


@pytest.fixture(scope="module")
def data() -> Dataset:
    y = X[:, 0] / X[:, 1] + 0.01 * NOISE
    return Dataset.from_frame(pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}), "y")


def test_the_front_holds_the_recommended_formula_and_ties(data: Dataset) -> None:
    options = FormulaOptions(effort=0.3, repeats=1)
    candidates = [search_part(drawn(data, repeat, 0), GROWTH, [], options) for repeat in (0, 1)]
    made = concluded(data, candidates, None, options, count_sigma2=True)
    best = made.formulas[made.recommended]
    assert shape(best.expressions) == "product(^-1(x1),x0)"
    assert best.tied
    assert best.found_in == 1
    assert best.scores.n_params == 1  # the noise variance: no constant is fitted
    assert best.scores.rmse_test == pytest.approx(0.01, rel=0.4)
    sizes = [f.complexity for f in made.formulas]
    assert sizes == sorted(sizes)
    assert FoundFormulas.from_json(made.to_json()) == made


def test_repeats_count_what_is_recommended() -> None:
    """Not what has the lowest score: in some of these rows those are two formulas."""
    rng = np.random.default_rng(3)
    a = rng.uniform(-1, 1, 60)
    data = Dataset.from_frame(pd.DataFrame({"a": a, "y": a + 0.8 * a**2 + 0.5 * rng.normal(size=60)}), "y")
    straight = Sum((Constant(0.1), Product((Constant(1.0), Variable(0)))))
    bent = Sum((*straight.parts, Product((Constant(0.4), Power(Variable(0), exact(2))))))
    made = concluded(data, [[(straight,), (bent,)]] * 7, None, FormulaOptions(repeats=6), count_sigma2=True)
    recommended, shortest = [], []
    for repeat in range(1, 7):
        again = drawn(data, repeat, 0)
        entries = [evaluated((e,), again, count_sigma2=True, origin="search") for e in (straight, bent)]
        best = front(again, entries, copies_of=drawn_rows(data, repeat, 0))
        recommended.append(shape(best.formulas[best.recommended].expressions))
        shortest.append(shape(min(entries, key=lambda f: f.score).expressions))
    assert sorted(recommended) != sorted(shortest)
    assert [f.found_in for f in made.formulas] == [recommended.count(shape(f.expressions)) for f in made.formulas]


def test_no_sine_turns_between_the_rows() -> None:
    """Counties of most different sizes: a sine of several periods would meet the few large ones at will."""
    table = sm.datasets.cancer.load_pandas().data.iloc[::2]
    X = table[["population"]].to_numpy(dtype=float).T
    made = searched(np.ascontiguousarray(X), Loss.of(SQUARES, table["cancer"].to_numpy(dtype=float)), QUICK)
    assert made
    for e in made:
        for part in walk(e):
            if isinstance(part, Call) and part.function in ("sin", "cos"):
                assert np.diff(np.sort(outputs(part.argument, X.T))).max() <= np.pi


def test_options_a_user_cannot_mean_are_refused() -> None:
    with refused(StudyError, "no function 'sinh'"):
        formula_options(["a"], functions=["sinh"])
    with refused(StudyError, "no feature 'b'"):
        formula_options(["a"], required={"b": "sin"})
    with refused(StudyError, "above 0"):
        formula_options(["a"], minutes=0)
    with refused(StudyError, "at least 0"):
        formula_options(["a"], repeats=-1)
    assert formula_options(["a", "b"], minutes=1, required={"b": "sin"}).required == ((1, "sin"),)
