"""The recommended formula: the simplest that is tied, held-out errors of every task, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import xlogy

from kanlab.data.dataset import Dataset
from kanlab.formulas.evaluation import evaluated
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable, exact
from kanlab.formulas.front import FoundFormula
from kanlab.formulas.selection import REASON, WHOLE_REASON, front, held_out_losses, recommended, row_losses
from kanlab.stats.metrics import Scores
from tests.helpers import counts

RNG = np.random.default_rng(4)
A, B = Variable(0), Variable(1)


def found(size: int, score: float, *, tied: bool, held_out: float | None = 1.0) -> FoundFormula:
    """A formula of an odd complexity."""
    e: Expression = A if size == 1 else Sum((A,) * ((size + 1) // 2))
    made = FoundFormula((e,), Scores(1), score, held_out, 0.1, tied=tied)
    assert made.complexity == size
    return made


BROKEN = replace(found(3, 2.0, tied=True), breaks=True)
CASES: list[tuple[Any, Any, int, str]] = [
    ([found(1, 9.0, tied=False), found(3, 2.0, tied=True), found(5, 4.0, tied=True)], (1, 1, 1), 1, ""),
    ([found(1, 0.0, tied=False), found(3, 2.0, tied=True), found(5, 4.0, tied=True)], (1, 1, 1), 1, "complexity 1."),
    ([found(1, 9.0, tied=False), found(3, 4.0, tied=True), found(5, 2.0, tied=True)], (1, 1, 1), 1, "complexity 5."),
    ([found(1, 9.0, tied=False), found(3, 4.0, tied=True), found(5, 2.0, tied=True)], (1, 0, 1), 2, ""),
    ([found(3, 4.0, tied=True), found(3, 2.0, tied=True)], (1, 1), 1, ""),
    ([BROKEN, found(5, 4.0, tied=True)], (1, 1), 1, WHOLE_REASON),
    ([BROKEN, found(5, 4.0, tied=False)], (1, 1), 0, ""),
    ([found(1, 4.0, tied=False), found(3, -9.0, tied=False, held_out=None)], (1, 1), 0, ""),
    ([found(1, 4.0, tied=False), found(3, 2.0, tied=False)], (0, 0), 1, ""),
]


@pytest.mark.parametrize(("formulas", "able", "place", "words"), CASES)
def test_the_simplest_of_the_tied_is_recommended(formulas: Any, able: Any, place: int, words: str) -> None:
    chosen, reason = recommended(formulas, [bool(a) for a in able])
    assert chosen == place
    assert reason.endswith(words) if words else reason == REASON


def straight(noise: float) -> Dataset:
    a, b = RNG.uniform(1, 2, (2, 200))
    return Dataset.from_frame(pd.DataFrame({"a": a, "b": b, "y": a * b + noise * RNG.normal(size=200)}), "y")


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_the_truth_stays_recommended_beside_what_says_the_same_at_more_length(noise: float) -> None:
    data = straight(noise)
    truth = Product((A, B))
    longer = Call("exp", Sum((Call("log", A), Call("log", B))))
    wrong = Sum((Constant(1.0), Product((Constant(1.0), A))))
    entries = [evaluated((e,), data, count_sigma2=True, origin="search") for e in (wrong, longer, truth)]
    made = front(data, entries)
    assert [f.expressions for f in made.formulas] == [(truth,)]
    assert made.formulas[0].tied
    assert made.reason == REASON


def test_a_network_as_a_formula_is_recommended_where_it_is_better_on_rows_left_out() -> None:
    """By more than a standard error, whatever its length and its score: the search gives way to what needs none."""
    data = straight(0.01)
    bent = Sum((Product((Constant(1.0), A, B)), Product((Constant(0.1), Call("sin", A))), Constant(0.0)))
    line = Sum((Product((Constant(1.0), A)), Product((Constant(1.0), B)), Constant(0.0)))
    searched = evaluated((line,), data, count_sigma2=True, origin="search")
    network = replace(evaluated((bent,), data, count_sigma2=True, origin="network"), score=searched.score + 1e3)
    made = front(data, [searched, network])
    best = made.formulas[made.recommended]
    assert [best.origin, *(f.tied for f in made.formulas)] == ["network", False, True]


def test_the_held_out_error_of_counts_is_their_deviance() -> None:
    data = Dataset.from_frame(counts.table().drop(columns="kind"), "events", test_fraction=0)
    assert data.distribution == "poisson"
    eta, y = np.linspace(-1, 2, data.n), data.y_train
    expected = 2 * (xlogy(y, y) - y * eta - y + np.exp(eta))
    np.testing.assert_allclose(row_losses(eta[:, None], data), expected, atol=1e-12)
    assert np.mean(held_out_losses([exact(0)], data)) == pytest.approx(2 * np.mean(xlogy(y, y) - y + 1))


def test_copies_of_a_row_are_left_out_together() -> None:
    """A curve through every row knows a row left out where a copy of it stays."""
    rng = np.random.default_rng(3)
    x = np.arange(20.0)
    data = Dataset.from_frame(pd.DataFrame({"x": x, "y": rng.normal(size=20)}), "y", test_fraction=0)
    rows = np.repeat(np.arange(20), 3)
    bumps = [Product((Constant(0.0), Call("gaussian", Sum((Constant(-float(t)), A))))) for t in data.X_train[:, 0]]
    e = Sum(tuple(bumps))
    alone = held_out_losses([e], data.of_rows(rows)).mean()
    together = held_out_losses([e], data.of_rows(rows), copies_of=rows).mean()
    assert alone < 0.5 * together


def test_a_formula_with_a_gap_between_its_rows_says_so() -> None:
    """Rows on both sides of the pole of 1/(a - 3), none near it: their errors are small, and yet the formula breaks."""
    x = np.concatenate([RNG.uniform(1, 2.9, 60), RNG.uniform(3.1, 5, 60)])
    data = Dataset.from_frame(pd.DataFrame({"a": x, "b": RNG.uniform(1, 2, 120), "y": 1 / (x - 3)}), "y")
    pole = Power(Sum((A, Constant(-3.0))), exact("-1"))
    assert evaluated([pole], data, count_sigma2=True, origin="search").breaks
    assert not evaluated([Power(A, exact("-1"))], data, count_sigma2=True, origin="search").breaks
    assert evaluated(
        [Call("log", Sum((A, Constant(-1.5))))], data, count_sigma2=True, origin="search", iterations=0
    ).breaks
    again = FoundFormula.from_json(evaluated([pole], data, count_sigma2=True, origin="search").to_json())
    assert again.breaks
