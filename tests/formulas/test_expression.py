"""Expressions: JSON there and back, what is no expression, and simplification that changes nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.formulas.expression import (
    Call,
    Constant,
    Curve,
    Expression,
    ExpressionError,
    Power,
    Product,
    Sum,
    Variable,
    complexity,
    exact,
    exact_value,
    free_constants,
    from_json,
    to_json,
    with_values,
)
from kanlab.formulas.functions import FUNCTIONS
from kanlab.formulas.program import outputs
from kanlab.formulas.score import EXACT_NUMBERS, charge
from kanlab.formulas.simplify import at, places, replaced, simplified
from kanlab.formulas.snapping import near

NUMBERS = st.floats(-3, 3).map(lambda v: round(v, 2)).filter(lambda v: abs(v) > 0.05)
LEAVES: st.SearchStrategy[Expression] = st.one_of(
    NUMBERS.map(Constant),
    st.sampled_from([exact(t) for t in ("2", "-1", "1/2", "pi", "3")]),
    st.integers(0, 1).map(Variable),
)
SMOOTH = ("exp", "sin", "cos", "tanh", "atan", "gaussian", "abs", "cosh", "erf")


def bigger(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        several.map(Sum),
        several.map(Product),
        st.builds(Power, parts, st.sampled_from([exact(2), exact(3), exact(1)])),
        st.builds(Call, st.sampled_from(SMOOTH), parts),
    )


EXPRESSIONS = st.recursive(LEAVES, bigger, max_leaves=8)
X = np.array([[0.3, -0.7], [1.1, 0.4], [-0.6, 0.9], [0.2, 0.25]])


@given(EXPRESSIONS)
@settings(max_examples=150, deadline=None)
def test_an_expression_comes_back_from_json_and_means_the_same_when_it_is_simplified(e: Expression) -> None:
    assert from_json(json.loads(json.dumps(to_json(e)))) == e
    short = simplified(e)
    before, after = outputs(e, X), outputs(short, X)
    finite = np.isfinite(before) & (np.abs(before) < 1e8)
    np.testing.assert_allclose(after[finite], before[finite], rtol=1e-9, atol=1e-9)
    assert simplified(short) == short
    assert len(free_constants(short)) <= max(
        1, len(free_constants(e)) + len([p for _, p in places(e) if isinstance(p, Constant)])
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Sum((Variable(0), Variable(0))), Product((exact(2), Variable(0)))),
        (Product((Variable(0), Power(Variable(0), exact(-1)))), exact(1)),
        (Sum((Product((exact(0), Variable(0))), Variable(1))), Variable(1)),
        (Call("exp", Call("log", Variable(0))), Variable(0)),
        (Power(Power(Variable(0), exact("1/2")), exact(2)), Variable(0)),
        (Sum((Sum((Constant(0.5), Variable(0))), exact(1))), Sum((Variable(0), Constant(1.5)))),
    ],
)
def test_what_is_written_shorter(before: Expression, after: Expression) -> None:
    assert simplified(before) == after


@pytest.mark.parametrize(
    "content",
    [
        None, [], ["sum"], ["sum", ["variable", 0]], ["call", "system", ["variable", 0]], ["constant", "1", "", None],
        ["constant", float("nan"), "", None], ["variable", -1], ["variable", True],
        ["power", ["variable", 0], ["variable", 1]],
        ["curve", ["variable", 0], [1.0, 1.0], [0.0, 0.0]], ["constant", 1.0, "__import__('os')", None],
        ["constant", 1.0, "1/0", None],
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(content: Any) -> None:
    with pytest.raises(ExpressionError, match="formula"):
        from_json(content)
    deep: Any = ["variable", 0]
    for _ in range(100):
        deep = ["call", "sin", deep]
    with pytest.raises(ExpressionError):
        from_json(deep)


def test_an_exact_constant_is_the_number_its_text_says_whatever_stands_beside_it() -> None:
    assert from_json(["constant", 7.0, "pi/2", None]) == exact("pi/2")
    assert {text: exact_value(text) for text in EXACT_NUMBERS} == EXACT_NUMBERS


def test_a_curve_is_linear_between_its_points_and_held_beyond() -> None:
    curve = Curve(Variable(0), (0.0, 1.0, 2.0), (0.0, 2.0, 1.0))
    assert outputs(curve, np.array([[-1.0], [0.5], [1.5], [9.0]])).tolist() == [0.0, 1.0, 1.5, 1.0]
    assert from_json(to_json(curve)) == curve


def test_parts_are_found_and_put_in_places() -> None:
    e = Sum((Product((Constant(2.0), Variable(0))), Call("sin", Variable(1))))
    for path, part in places(e):
        assert at(e, path) == part
        assert replaced(e, path, part) == e
    assert replaced(e, (1,), None) == Product((Constant(2.0), Variable(0)))
    assert complexity(e) == 6
    assert free_constants(with_values(e, [5.0])) == [Constant(5.0)]


@given(st.floats(-20, 20), st.floats(1e-6, 1.0))
def test_a_constant_is_put_only_at_numbers_within_its_standard_errors(value: float, error: float) -> None:
    for text in near(value, error):
        assert abs(EXACT_NUMBERS[text] - value) <= 3 * error + 1e-6 * abs(value)
    assert near(np.pi, 1e-3)[0] == "pi"
    assert near(-2.0001, 1e-3)[0] == "-2"
    assert near(2.5, np.inf) == ["1"]


def test_exact_constants_are_charged_and_simple_ones_least() -> None:
    charges = [charge(Product((exact(t), Variable(0)))) for t in ("1", "2", "pi", "3/4")]
    assert charges == sorted(charges)
    assert charge(Power(Variable(0), exact(2))) == 0  # a power is charged as one
    assert set(FUNCTIONS) >= set(SMOOTH)
