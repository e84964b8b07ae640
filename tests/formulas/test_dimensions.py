"""Units of formulas: textbook equations add up, mistaken ones do not, and constants carry what dimensional analysis says."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.formulas.dimensions import dimensions
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, Variable, exact, held

X, T = Variable(0), Variable(1)
METRE, SECOND = np.array([1.0, 0.0]), np.array([0.0, 1.0])  # of x and of t
C, TWO = Constant(3.0), exact(2)


def times(*parts: Expression) -> Product:
    return Product(parts)


SPEED = METRE - SECOND
# formula, unit of the target, whether it adds up, units of its constants as powers of x, t and the target
CASES: list[tuple[Expression, np.ndarray | None, bool, dict[int, list[float]]]] = [
    (times(X, Power(T, exact(-1))), SPEED, True, {}),
    (times(C, Power(T, TWO)), METRE, True, {0: [0, -2, 1]}),
    (times(TWO, Power(T, TWO)), METRE, True, {0: [0, -2, 1]}),  # an exact number may carry a unit where it has to
    (times(held(9.81), Power(T, TWO)), METRE, True, {0: [0, -2, 1]}),
    (times(exact(-1), T), METRE, False, {}),
    (times(TWO, X), METRE, True, {}),
    (Sum((X, T)), METRE, False, {}),
    (Sum((X, times(C, T))), METRE, True, {0: [1, -1, 0]}),
    (Sum((X, exact(1))), METRE, False, {}),
    (Sum((X, C)), METRE, True, {0: [1, 0, 0]}),
    (Sum((X, exact(0))), METRE, False, {}),
    (Call("sin", X), np.zeros(2), False, {}),
    (Call("sin", times(C, X)), np.zeros(2), True, {0: [-1, 0, 0]}),
    (Call("abs", X), METRE, True, {}),
    (Call("abs", X), SECOND, False, {}),
    (Power(Sum((Power(X, TWO), times(C, Power(T, TWO)))), exact("1/2")), METRE, True, {1: [2, -2, 0]}),
    (times(C, Power(X, Constant(1.5))), METRE, True, {0: [-1.5, 0, 1]}),
    (Curve(X, (0.0, 1.0), (0.0, 1.0)), SECOND, True, {}),
    (Sum((X, times(C, T))), None, True, {0: [1, -1, 0]}),
    (times(C, C, T), METRE, True, {}),  # two constants share what is missing
]


@pytest.mark.parametrize(("formula", "target", "adds_up", "carried"), CASES)
def test_units_add_up(
    formula: Expression, target: np.ndarray | None, adds_up: bool, carried: dict[int, list[float]]
) -> None:
    found = dimensions([formula], [METRE, SECOND], target)
    assert (found.clash is None) is adds_up
    basis = np.array([METRE, SECOND, np.zeros(2) if target is None else target])
    assert set(found.constants) == set(carried)
    for place, powers in carried.items():
        np.testing.assert_allclose(found.constants[place] @ basis, np.array(powers) @ basis, atol=1e-12)


def test_a_column_without_a_unit_is_in_what_the_formula_needs_and_no_other() -> None:
    assert dimensions([Sum((X, T))], [METRE, None], METRE).clash is None
    twice = Sum((X, T, times(C, Call("exp", T))))
    assert dimensions([twice], [METRE, None], METRE).clash is not None


def test_what_clashes_is_named_with_its_units() -> None:
    clash = dimensions([Sum((C, times(X, T), Power(T, TWO)))], [METRE, SECOND], None).clash
    assert clash is not None
    assert clash.parts == (C, Power(T, TWO))
    units = [None if unit is None else unit.tolist() for unit in clash.units]
    assert units == [[1, 1, 0], [0, 2, 0]]
    clash = dimensions([Call("log", X)], [METRE, SECOND], None).clash
    assert clash is not None
    assert clash.parts == (X, Call("log", X))
