"""Functions that a search for formulas is measured on: f of the columns X (d, n), and the range of each of them.

FUNCTIONS: 20, the ones the library of functions and links was chosen with.  FEYNMAN: 20 equations of the AI Feynman database
(Udrescu & Tegmark 2020), with its ranges. They were fixed before any of them was run: of the equations of 2 to 6 variables that
are not among the first 20, in the order of that table, the first of every four.  FEYNMAN_2: the second of every four, fixed and
run for the first time after `kanlab.formulas.peeling`, which was made when it was known which of FEYNMAN were not found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kanlab.arrays import Array

pi, sin, cos, exp, sqrt = np.pi, np.sin, np.cos, np.exp, np.sqrt
Problem = tuple[Callable[[Any], Any], list[tuple[float, float]]]

FUNCTIONS: dict[str, Problem] = {
    "exp(sin(pi x) + y^2)": (lambda x: exp(sin(pi * x[0]) + x[1] ** 2), [(-1, 1)] * 2),
    "x y": (lambda x: x[0] * x[1], [(-1, 1)] * 2),
    "x / y": (lambda x: x[0] / x[1], [(-1, 1), (0.5, 2)]),
    "sqrt(x^2 + y^2)": (lambda x: sqrt(x[0] ** 2 + x[1] ** 2), [(0.5, 2)] * 2),
    "sin x + y^2": (lambda x: sin(x[0]) + x[1] ** 2, [(-3, 3), (-2, 2)]),
    "exp((sin(pi(a^2+b^2)) + sin(pi(c^2+d^2)))/2)": (
        lambda x: exp((sin(pi * (x[0] ** 2 + x[1] ** 2)) + sin(pi * (x[2] ** 2 + x[3] ** 2))) / 2),
        [(-1, 1)] * 4,
    ),
    "I.6.2": (lambda x: exp(-(x[0] ** 2) / (2 * x[1] ** 2)) / sqrt(2 * pi * x[1] ** 2), [(-2, 2), (1, 3)]),
    "I.9.18": (
        lambda x: x[0] / ((x[1] - 1) ** 2 + (x[2] - x[3]) ** 2 + (x[4] - x[5]) ** 2),
        [(0.5, 1.5), (2, 3), (0, 1), (0, 1), (0, 1), (0, 1)],
    ),
    "I.12.11": (lambda x: 1 + x[0] * sin(x[1]), [(0, 2), (0, 2 * pi)]),
    "I.13.12": (lambda x: x[0] * (1 / x[1] - 1), [(0.5, 2), (0.5, 2)]),
    "I.15.3x": (lambda x: (1 - x[0]) / sqrt(1 - x[1] ** 2), [(0, 2), (-0.6, 0.6)]),
    "I.16.6": (lambda x: (x[0] + x[1]) / (1 + x[0] * x[1]), [(0, 0.8)] * 2),
    "I.18.4": (lambda x: (1 + x[0] * x[1]) / (1 + x[0]), [(0.5, 2)] * 2),
    "I.26.2": (lambda x: np.arcsin(x[0] * sin(x[1])), [(0.2, 0.75), (0, 1.3)]),
    "I.27.6": (lambda x: 1 / (1 + x[0] * x[1]), [(0.3, 2)] * 2),
    "I.29.16": (lambda x: sqrt(1 + x[0] ** 2 - 2 * x[0] * cos(x[1] - x[2])), [(0.5, 2), (0, pi), (0, pi)]),
    "I.30.3": (lambda x: sin(x[0] * x[1] / 2) ** 2 / sin(x[1] / 2) ** 2, [(1, 4), (0.6, 2.2)]),
    "I.40.1": (lambda x: x[0] * exp(-x[1]), [(0.5, 2), (-1, 2)]),
    "I.50.26": (lambda x: cos(x[0]) + x[1] * cos(x[0]) ** 2, [(0, pi), (0, 2)]),
    "II.2.42": (lambda x: (x[0] - 1) * x[1], [(0, 2), (0.5, 2)]),
}

FEYNMAN: dict[str, Problem] = {
    "I.6.2b": (lambda x: exp(-(((x[0] - x[1]) / x[2]) ** 2) / 2) / (sqrt(2 * pi) * x[2]), [(1, 3)] * 3),
    "I.12.1": (lambda x: x[0] * x[1], [(1, 5)] * 2),
    "I.13.4": (lambda x: x[0] * (x[1] ** 2 + x[2] ** 2 + x[3] ** 2) / 2, [(1, 5)] * 4),
    "I.15.1": (lambda x: x[0] * x[1] / sqrt(1 - x[1] ** 2 / x[2] ** 2), [(1, 5), (1, 2), (3, 10)]),
    "I.25.13": (lambda x: x[0] / x[1], [(1, 5)] * 2),
    "I.32.17": (
        lambda x: x[0] * x[1] * x[2] ** 2 / 2 * 8 * pi * x[3] ** 2 / 3 * x[4] ** 4 / (x[4] ** 2 - x[5] ** 2) ** 2,
        [(1, 2)] * 5 + [(3, 5)],
    ),
    "I.34.27": (lambda x: x[0] * x[1] / (2 * pi), [(1, 5)] * 2),
    "I.39.11": (lambda x: x[1] * x[2] / (x[0] - 1), [(2, 5), (1, 5), (1, 5)]),
    "I.43.31": (lambda x: x[0] * x[1] * x[2], [(1, 5)] * 3),
    "I.48.2": (lambda x: x[0] * x[2] ** 2 / sqrt(1 - x[1] ** 2 / x[2] ** 2), [(1, 5), (1, 2), (3, 10)]),
    "II.6.15a": (
        lambda x: x[1] / (4 * pi * x[0]) * 3 * x[5] / x[2] ** 5 * sqrt(x[3] ** 2 + x[4] ** 2), [(1, 3)] * 6,
    ),
    "II.10.9": (lambda x: x[0] / (x[1] * (1 + x[2])), [(1, 5)] * 3),
    "II.11.27": (
        lambda x: x[0] * x[1] / (1 - x[0] * x[1] / 3) * x[2] * x[3], [(0, 1), (0, 1), (1, 2), (1, 2)],
    ),
    "II.13.34": (lambda x: x[0] / sqrt(1 - x[1] ** 2 / x[2] ** 2), [(1, 5), (1, 2), (3, 10)]),
    "II.24.17": (lambda x: sqrt(x[0] ** 2 / x[1] ** 2 - pi**2 / x[2] ** 2), [(4, 6), (1, 2), (2, 4)]),
    "II.34.2": (lambda x: x[0] * x[1] * x[2] / 2, [(1, 5)] * 3),
    "II.35.18": (
        lambda x: x[0] / (exp(x[3] * x[4] / (x[1] * x[2])) + exp(-x[3] * x[4] / (x[1] * x[2]))), [(1, 3)] * 5,
    ),
    "II.38.14": (lambda x: x[0] / (2 * (1 + x[1])), [(1, 5)] * 2),
    "III.8.54": (lambda x: sin(2 * pi * x[0] * x[1] / x[2]) ** 2, [(1, 2), (1, 2), (1, 4)]),
    "III.13.18": (lambda x: 4 * pi * x[0] * x[1] ** 2 * x[2] / x[3], [(1, 5)] * 4),
}  # fmt: skip

FEYNMAN_2: dict[str, Problem] = {
    "I.8.14": (lambda x: sqrt((x[1] - x[0]) ** 2 + (x[3] - x[2]) ** 2), [(1, 5)] * 4),
    "I.12.2": (lambda x: x[0] * x[1] / (4 * pi * x[2] * x[3] ** 2), [(1, 5)] * 4),
    "I.14.3": (lambda x: x[0] * x[1] * x[2], [(1, 5)] * 3),
    "I.18.12": (lambda x: x[0] * x[1] * sin(x[2]), [(1, 5), (1, 5), (0, 5)]),
    "I.29.4": (lambda x: x[0] / x[1], [(1, 10)] * 2),
    "I.34.8": (lambda x: x[0] * x[1] * x[2] / x[3], [(1, 5)] * 4),
    "I.37.4": (lambda x: x[0] + x[1] + 2 * sqrt(x[0] * x[1]) * cos(x[2]), [(1, 5)] * 3),
    "I.39.22": (lambda x: x[0] * x[1] * x[3] / x[2], [(1, 5)] * 4),
    "I.43.43": (lambda x: x[1] * x[3] / ((x[0] - 1) * x[2]), [(2, 5)] + [(1, 5)] * 3),
    "II.3.24": (lambda x: x[0] / (4 * pi * x[1] ** 2), [(1, 5)] * 2),
    "II.6.15b": (lambda x: 3 * x[1] * cos(x[2]) * sin(x[2]) / (4 * pi * x[0] * x[3] ** 3), [(1, 3)] * 4),
    "II.11.3": (lambda x: x[0] * x[1] / (x[2] * (x[3] ** 2 - x[4] ** 2)), [(1, 3)] * 3 + [(3, 5), (1, 2)]),
    "II.11.28": (lambda x: 1 + x[0] * x[1] / (1 - x[0] * x[1] / 3), [(0, 1)] * 2),
    "II.15.4": (lambda x: -x[0] * x[1] * cos(x[2]), [(1, 5)] * 3),
    "II.27.16": (lambda x: x[0] * x[1] * x[2] ** 2, [(1, 5)] * 3),
    "II.34.11": (lambda x: x[0] * x[1] * x[2] / (2 * x[3]), [(1, 5)] * 4),
    "II.35.21": (lambda x: x[0] * x[1] * np.tanh(x[1] * x[2] / (x[3] * x[4])), [(1, 5)] * 5),
    "III.4.32": (lambda x: 1 / (exp(x[0] * x[1] / (2 * pi * x[2] * x[3])) - 1), [(1, 5)] * 4),
    "III.9.52": (
        lambda x: x[0] * x[1] * x[2] * 2 * pi / x[3] * sin((x[4] - x[5]) * x[2] / 2) ** 2 / ((x[4] - x[5]) * x[2] / 2) ** 2,
        [(1, 3)] * 4 + [(1, 5)] * 2,
    ),
    "III.14.14": (lambda x: x[0] * (exp(x[1] * x[2] / (x[3] * x[4])) - 1), [(1, 5)] + [(1, 2)] * 4),
}  # fmt: skip

SETS = {"functions": FUNCTIONS, "feynman": FEYNMAN, "feynman2": FEYNMAN_2}


def drawn(problem: Problem, seed: list[int], n: int, noise: float) -> tuple[Array, Array, float]:
    """X (n, d) within the ranges, y with normal noise of `noise` standard deviations of f, and that standard deviation."""
    f, ranges = problem
    rng = np.random.default_rng(seed)
    low, high = np.array(ranges, dtype=float).T
    X = rng.uniform(low, high, (n, len(ranges)))
    y = f(X.T)
    return X, y + noise * y.std() * rng.standard_normal(n), float(y.std())


def fresh(problem: Problem, seed: int, n: int, *, outside: bool = False) -> tuple[Array, Array]:
    """Rows without noise, within the ranges or in the fifth beyond them where f is defined."""
    f, ranges = problem
    rng = np.random.default_rng(seed)
    low, high = np.array(ranges, dtype=float).T
    X = rng.uniform(low, high, (n, len(ranges)))
    if outside:
        margin = 0.2 * (high - low)
        X = rng.uniform(low - margin, high + margin, (4 * n, len(ranges)))
        X = X[((low > X) | (high < X)).any(axis=1)][:n]
    with np.errstate(all="ignore"):
        y = f(X.T)
    return X[np.isfinite(y)], y[np.isfinite(y)]
