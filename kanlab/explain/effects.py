"""What a fitted model makes of its features: permutation importance, partial dependence, residuals; in units of the target.

Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019, arXiv 1801.01489): by how much the RMSE, of classes the
log-loss, on the training rows rises when the values of one feature are shuffled among them. The columns of one feature (the
levels of a category, the parts of a date, the one that says where a value is missing) are shuffled together.

Partial dependence (Friedman 2001, section 8.2): the mean prediction over the training rows with one feature set to a value in
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import ANY_OTHER, MISSING, ORDER, OTHER
from kanlab.data.recipe import Recipe

Predict = Callable[[Array], Array]  # X (rows, d) to (rows,) on the scale of the fit, of many classes to (rows, classes)

MOST_ROWS = 1000  # of the training rows, evenly chosen
REPEATS = 8
POINTS = 41


def _some(X: Array, most: int = MOST_ROWS) -> Index:
    return np.linspace(0, len(X) - 1, min(len(X), most)).round().astype(int)


def sources_of(recipe: Recipe) -> dict[str, list[int]]:
    """The encoded columns of every feature."""
    found: dict[str, list[int]] = {}
    for i, column in enumerate(recipe.columns):
        found.setdefault(column.source, []).append(i)
    return found


def permutation_importance(predict: Predict, data: Dataset, seed: int = 0) -> pd.DataFrame:
    """One row a feature, the most important first.

    rise: mean rise over REPEATS shuffles of the RMSE, units of the target, or of the log-loss.  deviation: its standard
    deviation.
    """
    chosen = _some(data.X_train)
    X, y, w = data.X_train[chosen], data.y_train[chosen], None if data.w_train is None else data.w_train[chosen]
    rng = np.random.default_rng(seed)
    base = data.error(predict(X), y, w) or 0.0
    rows = []
    for source, columns in sources_of(data.recipe).items():
        rises = []
        for _ in range(REPEATS):
            shuffled = X.copy()
            shuffled[:, columns] = X[rng.permutation(len(X))][:, columns]
            rises.append((data.error(predict(shuffled), y, w) or np.nan) - base)
        rows.append({"feature": source, "rise": float(np.mean(rises)), "deviation": float(np.std(rises, ddof=1))})
    return pd.DataFrame(rows).sort_values("rise", ascending=False, kind="stable").reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Dependence:
    """Partial dependence on one feature.

    values: numbers in units of the data, or levels.  prediction: the mean prediction there, units of the target.
    training: (n,) the feature's values in the training rows where it is a number.  encoded: the name of the column that was
    varied where it is not the feature itself (a part of a date).  lower, upper: a pointwise band, where it is known
    (kanlab.explain.bands).
    """

    feature: str
    values: list[float] | list[str]
    prediction: Array
    training: Array | None
    encoded: str = ""
    lower: Array | None = None
    upper: Array | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.training is not None


@dataclass(frozen=True, eq=False)
class Setting:
    """The values one feature is set to, and how. columns: of X.  settings: (values, columns), as the columns have them."""

    dependence: Dependence
    columns: list[int]
    settings: Array

    def rows(self, X: Array) -> Iterator[Array]:
        """X with the feature set to each value in turn."""
        for setting in self.settings:
            rows = X.copy()
            rows[:, self.columns] = setting
            yield rows


def partial_dependence(predict: Predict, data: Dataset, feature: str) -> Dependence:
    """The mean prediction as one feature changes and the others stay as they are in the training rows.

    predict: to (rows,), so of many classes to the probability of one.
    """
    found, X = setting_of(data, feature), some_rows(data)
    mean = [float(np.mean(data.recipe.to_units(predict(rows)))) for rows in found.rows(X)]
    return replace(found.dependence, prediction=np.array(mean))


def some_rows(data: Dataset) -> Array:
    """The training rows, or MOST_ROWS of them, evenly chosen."""
    return np.asarray(data.X_train[_some(data.X_train)])


def setting_of(data: Dataset, feature: str) -> Setting:
    """Where the dependence on a feature is looked at; its predictions are not known yet."""
    columns, recipe = sources_of(data.recipe)[feature], data.recipe
    first = next((i for i in columns if recipe.columns[i].part != MISSING), columns[0])
    kind = recipe.columns[first]
    training, encoded = None, ""
    values: list[float] | list[str]
    if kind.level is not None or kind.part in (OTHER, ORDER):
        known = dict.fromkeys(level for i in columns for level in recipe.columns[i].levels)
        known |= dict.fromkeys(str(recipe.columns[i].level) for i in columns if recipe.columns[i].level is not None)
        others = any(recipe.columns[i].part == OTHER for i in columns)
        values = [*known, ANY_OTHER] if others else list(known)
        table = pd.DataFrame({feature: pd.Series(values, dtype="str")})
        settings = np.column_stack([recipe.columns[i].encode(table) for i in columns])
    elif kind.part:
        columns, encoded = [first], kind.name
        training = data.X_train[:, first]
        values = _grid(training)
        settings = np.array(values)[:, None]
    else:
        training = kind.transform.inverse(data.X_train[:, first])
        values = _grid(training)
        table = pd.DataFrame({feature: values})
        settings = np.column_stack([recipe.columns[i].encode(table) for i in columns])
    return Setting(Dependence(feature, values, np.full(len(values), np.nan), training, encoded), columns, settings)


def _grid(training: Array) -> list[float]:
    """Where a curve is drawn: the values themselves where they are few."""
    distinct = np.unique(training)
    found = distinct if len(distinct) <= 12 else np.linspace(distinct[0], distinct[-1], POINTS)
    return [float(v) for v in found]


def residual_table(predict: Predict, data: Dataset, most: int = 2 * MOST_ROWS) -> pd.DataFrame:
    """Columns predicted, residual (observed less predicted, both units of the target) and rows ("training" or "test").

    Not of more than two classes, which have no residuals.
    """
    frames = []
    for name, X, y in (("training", data.X_train, data.y_train), ("test", data.X_test, data.y_test)):
        if not len(y):
            continue
        chosen = _some(X, most)
        predicted, observed = (data.target_transform.inverse(v) for v in (predict(X[chosen]), y[chosen]))
        frames.append(pd.DataFrame({"predicted": predicted, "residual": observed - predicted, "rows": name}))
    return pd.concat(frames, ignore_index=True)
