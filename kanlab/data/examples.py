"""Data sets to try kanlab on: three real ones that come with it, and two functions of the KAN paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kanlab.data.reading.table import Table, TableReport, read_table
from kanlab.language import marked, say

_FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class Example:
    """A data set, what it is, and under which terms it comes."""

    key: str
    title: str
    description: str
    target: str
    licence: str
    load: Callable[[], Table]


def _csv(name: str) -> Callable[[], Table]:
    return lambda: read_table(_FOLDER / name)


def _synthetic(
    name: str, d: int, function: Callable[[np.ndarray], np.ndarray], rows: int = 1000
) -> Callable[[], Table]:
    """Uniform inputs on [-1, 1]^d, as in the paper, and the function of them without noise."""

    def load() -> Table:
        X = np.random.default_rng(0).uniform(-1, 1, (rows, d))
        frame = pd.DataFrame(X, columns=[f"x{i + 1}" for i in range(d)]).assign(y=function(X))
        return Table(frame, TableReport(name, "made here", ",", ".", rows, d + 1))

    return load


def _noisy(
    name: str, d: int, function: Callable[[np.ndarray], np.ndarray], rows: int, noise: float
) -> Callable[[], Table]:
    """The same with independent normal noise of this standard deviation."""

    def load() -> Table:
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, (rows, d))
        y = function(X) + noise * rng.normal(size=rows)
        frame = pd.DataFrame(X, columns=[f"x{i + 1}" for i in range(d)]).assign(y=y)
        return Table(frame, TableReport(name, "made here", ",", ".", rows, d + 1))

    return load


def _exp_sin(X: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def _four_variables(X: np.ndarray) -> np.ndarray:
    first = np.sin(np.pi * (X[:, 0] ** 2 + X[:, 1] ** 2))
    return np.exp((first + np.sin(np.pi * (X[:, 2] ** 2 + X[:, 3] ** 2))) / 2)


EXAMPLES = {
    e.key: e
    for e in (
        Example(
            "hidden-formula",
            marked("A formula hidden in noise"),
            marked(
                "400 rows of exp(sin πx₁ + x₂²) with noise of standard deviation 0.1. The function "
                "is from the KAN paper (Liu et al. 2024); see whether the search finds it."
            ),
            "y",
            marked("made from its formula"),
            _noisy("hidden-formula", 2, _exp_sin, 400, 0.1),
        ),
        Example(
            "diabetes",
            marked("Diabetes progression"),
            marked(
                "442 patients: age, sex, body mass, blood pressure and six blood values against "
                "disease progression after a year (Efron et al. 2004). Noisy: hard to beat a "
                "straight line."
            ),
            "target",
            marked("from scikit-learn, BSD 3-Clause"),
            _csv("diabetes.csv"),
        ),
        Example(
            "engel",
            marked("Engel's food expenditure"),
            marked(
                "235 Belgian households of 1857: income against spending on food, the data behind "
                "Engel's law. One feature."
            ),
            "foodexp",
            marked("public domain, from statsmodels"),
            _csv("engel.csv"),
        ),
        Example(
            "statecrime",
            marked("Crime in the US states, 2009"),
            marked(
                "51 rows only: murder rate against five social measures and the rate of violent "
                "crime. Small data, where most networks are inadmissible."
            ),
            "murder",
            marked("public domain, from statsmodels"),
            _csv("statecrime.csv"),
        ),
        Example(
            "exp-sin",
            "exp(sin πx₁ + x₂²)",
            marked(
                "The first example of the KAN paper (Liu et al. 2024): 1,000 rows, two features, no "
                "noise. A [2, 1, 1] network can represent it."
            ),
            "y",
            marked("made from its formula"),
            _synthetic("exp-sin", 2, _exp_sin),
        ),
        Example(
            "four-variables",
            marked("exp(½(sin π(x₁²+x₂²) + sin π(x₃²+x₄²)))"),
            marked(
                "The four-dimensional example of the KAN paper: 1,000 rows, no noise. Deeper "
                "networks do best here; see how far two layers go."
            ),
            "y",
            marked("made from its formula"),
            _synthetic("four-variables", 4, _four_variables),
        ),
    )
}


def told_name(name: str) -> str:
    """A name of a study or of its data: of an example in the language of the reader, any other as it is.

    >>> from kanlab.language import use
    >>> with use("zh"):
    ...     told_name("A formula hidden in noise-1"), told_name("A formula")
    ('藏在噪声中的公式-1', 'A formula')
    """
    for example in EXAMPLES.values():
        if re.fullmatch(re.escape(example.title) + r"(-\d+)?(\..+)?", name):
            return say(example.title) + name.removeprefix(example.title)
    return name
