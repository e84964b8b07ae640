"""Elementary functions found in curves: known ones recovered with their parameters, and against SciPy's curve_fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from kanlab.formulas.matching import FUNCTIONS, MATCHED, matches, suggest

X = np.random.default_rng(0).uniform(-1, 2, 300)
KNOWN: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: 2 * x + 1,
    "square": lambda x: 3 * (x - 0.2) ** 2 + 1,
    "cube": lambda x: -((x + 0.5) ** 3),
    "exp": lambda x: 2 * np.exp(-1.5 * x) - 3,
    "log": lambda x: np.log(x + 1.2),
    "sqrt": lambda x: np.sqrt(2.05 - x),
    "1/x": lambda x: 1 / (x + 1.3),
    "abs": lambda x: np.abs(x - 0.3),
    "sin": lambda x: 5 * np.sin(np.pi * x + 0.4) + 7,
    "tanh": lambda x: np.tanh(3 * x - 1),
    "gaussian": lambda x: np.exp(-((2 * x - 1) ** 2)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_known_functions_are_recovered(name: str, noise: float) -> None:
    assert set(KNOWN) == set(FUNCTIONS)
    y = KNOWN[name](X)
    found = suggest(X, y + noise * y.std() * np.random.default_rng(1).normal(size=len(y)))
    assert found.name == name
    assert found.matched
    np.testing.assert_allclose(found(X), y, atol=0.01 * y.std() if noise else 1e-6 * np.ptp(y))


def test_parameters_are_those_of_the_curve() -> None:
    found = suggest(X, KNOWN["sin"](X))
    assert (found.a, found.b, found.c, found.d) == pytest.approx((np.pi, 0.4, 5, 7))
    found = suggest(X, KNOWN["square"](X))
    assert (found.a, found.b, found.c, found.d) == pytest.approx((1, -0.2, 3, 1))
    found = suggest(X, KNOWN["exp"](X))
    assert (found.a, found.b, found.c, found.d) == pytest.approx((-1.5, 0, 2, -3))


@pytest.mark.parametrize(
    ("name", "model", "start"),
    [
        ("sin", lambda x, a, b, c, d: c * np.sin(a * x + b) + d, (2.0, 0.0, 1.0, 0.0)),
        ("tanh", lambda x, a, b, c, d: c * np.tanh(a * x + b) + d, (1.0, 0.0, 1.0, 0.0)),
        ("exp", lambda x, a, c, d: c * np.exp(a * x) + d, (1.0, 1.0, 0.0)),
        ("gaussian", lambda x, a, b, c, d: c * np.exp(-((a * x + b) ** 2)) + d, (0.5, 0.0, 4.0, 0.0)),
    ],
)
def test_r2_is_no_less_than_that_of_curve_fit(
    name: str, model: Callable[..., np.ndarray], start: tuple[float, ...]
) -> None:
    """On a curve that is none of them."""
    x = np.sort(X)[:200]
    y = np.sin(2 * x) + 0.3 * x**3
    found = next(m for m in matches(x, y) if m.name == name)
    best, _ = curve_fit(model, x, y, p0=start, maxfev=20_000)
    expected = 1 - np.var(y - model(x, *best)) / np.var(y)
    assert found.r2 >= expected - 1e-6
    assert found.r2 == pytest.approx(1 - np.mean((found(x) - y) ** 2) / np.var(y), abs=1e-9)


def test_the_simplest_of_those_that_do_as_well() -> None:
    """A sine can bend itself into a parabola, and a hundredth of a turn of it is a line."""
    assert suggest(X, X**2).name == "square"
    assert suggest(X, np.sin(0.05 * X)).name == "linear"


def test_what_is_like_nothing_says_so() -> None:
    found = suggest(X, np.random.default_rng(0).normal(size=len(X)))
    assert not found.matched
    assert found.r2 < 0.2 < MATCHED


@pytest.mark.parametrize("x", [np.zeros(20), np.linspace(0, 1, 20)])
def test_a_curve_without_shape(x: np.ndarray) -> None:
    found = suggest(x, np.full(20, 3.0))
    assert found(x) == pytest.approx(np.full(20, 3.0))
    assert found.matched


def test_two_values_are_a_line() -> None:
    x = np.array([0.0, 1.0] * 20)
    found = suggest(x, np.where(x > 0, 5.0, -1.0))
    assert (found.name, found.c, found.d) == ("linear", pytest.approx(6), pytest.approx(-1))


@settings(max_examples=40)
@given(
    name=st.sampled_from(list(KNOWN)),
    shift=st.floats(-1e4, 1e4),
    scale=st.floats(1e-3, 1e3),
    factor=st.floats(1e-3, 1e3),
)
def test_units_do_not_matter(name: str, shift: float, scale: float, factor: float) -> None:
    """The same curve in other units of x and y is the same function, and as good."""
    y = KNOWN[name](X)
    x = X * scale + shift
    found = suggest(x, factor * y)
    expected = suggest(X, y)
    assert found.r2 == pytest.approx(expected.r2, abs=1e-4)
    np.testing.assert_allclose(found(x), factor * y, atol=0.02 * factor * np.ptp(y))
