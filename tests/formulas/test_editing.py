"""Formulas edited by hand: what each change comes to beside SciPy's own fit of it, and the changes that cannot be made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from kanlab.data.dataset import Dataset
from kanlab.errors import KanlabError
from kanlab.formulas.editing import SWITCHES, Edit, edited, parts_of
from kanlab.formulas.expression import (
    Call,
    Constant,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    exact,
    held,
    to_json,
    walk,
)
from kanlab.formulas.program import outputs
from kanlab.formulas.simplify import simplified
from tests.helpers.sentences import refused

RNG = np.random.default_rng(7)
X, B = Variable(0), Variable(1)
FRAME = pd.DataFrame(RNG.uniform(0.5, 3, (120, 2)), columns=["x", "b"])
FRAME["y"] = 2 * np.tanh(1.5 * FRAME["x"] - 2) + 0.7 * FRAME["b"] + 1 + 0.05 * RNG.normal(size=120)
DATA = Dataset.from_frame(FRAME, "y", test_fraction=0.25)
# 2 sin(x) + 0.5 b + 1: sum, product, 2, sin, x, product, 0.5, b, 1
START = Sum((Product((Constant(2.0), Call("sin", X))), Product((Constant(0.5), B)), Constant(1.0)))


def changed(*edits: Edit, start: Expression = START) -> tuple[Expression, float]:
    found = edited([start], edits, DATA, count_sigma2=True)
    assert found.origin == "edited"
    assert found.scores.rss_train is not None
    np.testing.assert_allclose(
        found.scores.rss_train, np.sum((outputs(found.expressions[0], DATA.X_train) - DATA.y_train) ** 2)
    )
    return found.expressions[0], found.scores.rss_train


def least(of, start):  # type: ignore[no-untyped-def]
    """RSS of a function of (x, b) by SciPy."""
    p, _ = curve_fit(lambda X, *p: of(X[0], X[1], *p), DATA.X_train.T, DATA.y_train, start)
    return float(np.sum((of(*DATA.X_train.T, *p) - DATA.y_train) ** 2))


def test_a_switched_function_is_fitted_to_where_scipy_finds_it() -> None:
    """From sin to tanh, whose scale and centre the old part tells."""
    e, rss = changed(Edit(3, "switch", "tanh"))
    assert [part.function for part in walk(e) if isinstance(part, Call)] == ["tanh"]
    assert rss == pytest.approx(
        least(lambda x, b, p, q, r, s, t: p * np.tanh(q * x + r) + s * b + t, [2, 1.5, -2, 0.7, 1])
    )


def test_a_dropped_term_and_constants_that_are_held_and_set_free() -> None:
    _, rss = changed(Edit(5, "drop"))
    assert rss == pytest.approx(least(lambda x, b, p, t: p * np.sin(x) + t, [1, 1]))
    e, rss = changed(Edit(6, "fix", "0.75"), Edit(8, "fix", "1/3"))
    assert [c.exact for c in walk(e) if isinstance(c, Constant)] == ["", "0.75", "1/3"]
    assert rss == pytest.approx(least(lambda x, b, p: p * np.sin(x) + 0.75 * b + 1 / 3, [1]))
    _, rss = changed(Edit(6, "free"), start=e)
    assert rss == pytest.approx(least(lambda x, b, p, q: p * np.sin(x) + q * b + 1 / 3, [1, 1]))


@pytest.mark.parametrize("name", SWITCHES)
def test_every_function_can_take_a_part_s_place(name: str) -> None:
    start = Sum((Product((Constant(1.0), Call("tanh", Product((Constant(0.3), X))))), Constant(1.0)))
    _, rss = changed(Edit(3, "switch", name), start=start)
    if name != "asin":  # whose fit may end where its domain ends
        assert rss < 1.0001 * np.sum((DATA.y_train - DATA.y_train.mean()) ** 2)  # which a constant reaches


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit(99, "drop"), "no part 99; its parts are 0 to 8"),
        (Edit(0, "drop"), "cannot be edited so"),
        (Edit(2, "switch", "exp"), "cannot be edited so (switch); try fix, drop"),
        (Edit(3, "switch", "system"), "There is no function 'system' to switch to"),
        (Edit(2, "fix", "__import__('os')"), "is no number to hold a constant at"),
        (Edit(2, "fix", "1e400"), "is no number to hold a constant at"),
        (Edit(2, "fix", "nan"), "is no number to hold a constant at"),
    ],
)
def test_what_cannot_be_edited_is_a_sentence(edit: Edit, words: str) -> None:
    with refused(KanlabError, words):
        changed(edit)


def test_an_edit_that_is_not_defined_says_at_how_many_rows() -> None:
    start = Sum((Product((Constant(1.0), Power(Sum((X, exact(-1))), exact(2)))), Constant(1.0)))
    below = int((DATA.X_train[:, 0] <= 1).sum())
    with refused(KanlabError, f"not defined at {below} of the {DATA.n} training rows"):
        changed(Edit(7, "fix", "1/2"), start=start)
    with refused(KanlabError, "Nothing is edited"):
        changed()


NUMBERS = st.floats(1e-15, 1e15) | st.integers(-(10**9), 10**9).map(float)


@given(NUMBERS, NUMBERS)
@settings(max_examples=50, deadline=None)
def test_a_held_number_keeps_its_value_and_stays_held(a: float, b: float) -> None:
    assert held(a).value == a
    assert held(to_json(held(a))[2]) == held(a)
    whole = simplified(Product((held(a), X, held(b))))
    assert (
        all(not c.is_free for c in walk(whole) if isinstance(c, Constant)) or "." not in held(a).exact + held(b).exact
    )


def test_parts_are_numbered_as_they_are_walked() -> None:
    assert [p.expression for p in parts_of([START, X])] == [*walk(START), X]
    assert [p.output for p in parts_of([START, X])] == [0] * 9 + [1]
