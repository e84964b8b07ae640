r"""The training rows nearest to a row, and whether any is near.

Every feature counts alike: its squared difference is 2 in the mean of two training rows drawn at random. Of numbers that is
the squared difference over the variance, on the scale the model takes them on; of a category it is 0 where two rows have the
same level and 2 / (1 - sum_l share_l^2) where not; of a date, and of a number with a mark where it is missing, the mean over
the inputs it is made of. Both are squared distances of points, so that rows become points once.

A row is far from all training rows where its distance to the nearest is larger than that of all but 1 in 100 training rows to
their own nearest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index, Mask
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import ANY_OTHER, MISSING, ORDER, OTHER, EncodedColumn
from kanlab.data.recipe import Recipe
from kanlab.data.writing import free_name
from kanlab.explain.shapley import groups_of
from kanlab.language import say
from kanlab.text import listing, together

MOST_LOOKED_AT = 500  # training rows whose own nearest neighbour is looked for
FAR = 0.99  # quantile of their distances
SHOWN = 5  # nearest rows
TRUTHS = ("false", "true")
_BLOCK = 2**22  # distances at once: 32 MB


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training rows of m rows, nearest first.

    rows: (m, k), numbers of training rows.  distances: (m, k).  typical: the distance that all but 1 in 100 training rows
    are from their own nearest.  outside: of each row the features beyond the range they had in the training rows.
    """

    rows: Index
    distances: Array
    typical: float
    outside: tuple[tuple[str, ...], ...]

    @property
    def far(self) -> Mask:
        """(m,), where no training row is near."""
        return np.asarray(self.distances[:, 0] > self.typical * (1.0 + 1e-9))

    def sentence(self, row: int) -> str:
        """What there is to say of how well training rows stand behind a row."""
        said = []
        if self.outside[row]:
            said.append(
                say("{outside} lies outside the range of the training rows.", outside=listing(self.outside[row], 4))
            )
        if self.far[row]:
            said.append(
                say(
                    "No training row is near this combination: the nearest is {distances:.3g} away, and "
                    "99 of 100 training rows have another within {typical:.3g}.",
                    distances=self.distances[row, 0],
                    typical=self.typical,
                )
            )
        return together(said) or say("There are training rows near this one.")


class Neighbourhood:
    """The training rows of a study as points. used: the features to go by, by default all."""

    def __init__(self, data: Dataset, used: Sequence[str] | None = None) -> None:
        self.data = data
        groups = groups_of(data.recipe.to_dict())
        self._groups = {name: columns for name, columns in groups.items() if used is None or name in used} or groups
        self._parts = [_part(data, columns) for columns in self._groups.values()]
        self._points = self._embedded(data.X_train)
        self._squares = (self._points**2).sum(axis=1)
        self._low, self._high = data.X_train.min(axis=0), data.X_train.max(axis=0)
        some = np.linspace(0, data.n - 1, min(data.n, MOST_LOOKED_AT)).round().astype(int)
        own = self._distances(self._points[some])
        own[np.arange(len(some)), some] = np.inf
        self.typical = float(np.quantile(own.min(axis=1), FAR)) if data.n > 1 else 0.0

    def nearest(self, X: Array, most: int = SHOWN) -> Nearest:
        """The nearest training rows of rows X (m, d), all of whose inputs are known."""
        k, size = min(most, self.data.n), max(1, _BLOCK // self.data.n)
        rows, distances = np.zeros((len(X), k), dtype=np.intp), np.zeros((len(X), k))
        for begin in range(0, len(X), size):
            found = self._distances(self._embedded(X[begin : begin + size]))
            first = np.argpartition(found, k - 1, axis=1)[:, :k]
            order = np.lexsort((first, np.take_along_axis(found, first, axis=1)), axis=1)
            rows[begin : begin + size] = np.take_along_axis(first, order, axis=1)
            distances[begin : begin + size] = np.take_along_axis(found, rows[begin : begin + size], axis=1)
        return Nearest(rows, distances, self.typical, tuple(map(self._outside, X)))

    def table(self, found: Nearest, row: int) -> pd.DataFrame:
        """The nearest training rows of one row: distance, target and features, in units of the data."""
        which = found.rows[row]
        target = self.data.recipe.to_units(self.data.y_train[which])
        observed = [self.data.levels[int(v)] for v in target] if self.data.levels else target
        features = decoded(self.data.recipe, self.data.X_train[which])
        taken = {*features.columns, self.data.target}
        first = pd.DataFrame({free_name("distance", taken): found.distances[row]})
        return pd.concat([first.assign(**{self.data.target: observed}), features], axis=1)

    def _embedded(self, X: Array) -> Array:
        """Points (m, q) whose squared distances add up over the features."""
        return np.column_stack(
            [part(X[:, columns]) for part, columns in zip(self._parts, self._groups.values(), strict=True)]
        )

    def _distances(self, points: Array) -> Array:
        """(m, n) from points (m, q) to the training rows."""
        squared = (points**2).sum(axis=1)[:, None] + self._squares - 2.0 * points @ self._points.T
        # what cancels leaves rounding errors behind, and rows that are the same have a distance of 0
        squared[squared < 1e-12 * (1.0 + self._squares)] = 0.0
        return np.asarray(np.sqrt(squared))

    def _outside(self, x: Array) -> tuple[str, ...]:
        slack = 1e-9 * np.maximum(self._high - self._low, 1.0)
        beyond = (x < self._low - slack) | (x > self._high + slack)
        return tuple(name for name, columns in self._groups.items() if beyond[columns].any())


@dataclass(frozen=True, eq=False)
class _Numbers:
    """A feature of numbers as a point: each over its standard deviation, and over the root of how many there are."""

    scale: Array

    def __call__(self, values: Array) -> Array:
        return values / self.scale


@dataclass(frozen=True, eq=False)
class _Levels:
    """A category as a point: a corner for each level, the reference level's and a gap among them, all equally far apart.

    gap: the input that marks where it is missing.
    """

    size: float
    gap: int | None

    def __call__(self, values: Array) -> Array:
        return self.corners(values, self.gap) * self.size

    @staticmethod
    def corners(values: Array, gap: int | None) -> Array:
        """(m, levels), 1 for the level that a row has."""
        if gap is not None:  # a level stands where one is missing, so that the row can be predicted
            lost = values[:, [gap]] > 0.5
            values = np.where(lost, np.arange(values.shape[1]) == gap, values)
        return np.column_stack([1.0 - values.sum(axis=1), values])


def _part(data: Dataset, columns: Index) -> _Numbers | _Levels:
    """A feature as points. columns: its inputs."""
    values, kinds = data.X_train[:, columns], [data.recipe.columns[i] for i in columns]
    if any(kind.level is not None or kind.part == OTHER for kind in kinds):
        gap = next((i for i, kind in enumerate(kinds) if kind.part == MISSING), None)
        spread = 1.0 - float((_Levels.corners(values, gap).mean(axis=0) ** 2).sum())
        return _Levels(float(np.sqrt(1.0 / spread)) if spread > 0 else 0.0, gap)
    deviation = values.std(axis=0) * np.sqrt(len(columns))
    return _Numbers(np.where(deviation > 0, deviation, np.inf))


def decoded(recipe: Recipe, X: Array) -> pd.DataFrame:
    """Inputs X (m, d) as columns of a table again: numbers in units of the data, levels by name, booleans as false and true,
    dates by their parts.
    """
    found: dict[str, list[object] | Array] = {}
    for source, columns in groups_of(recipe.to_dict()).items():
        kinds = [recipe.columns[i] for i in columns]
        if any(kind.level is not None or kind.part in (OTHER, ORDER) for kind in kinds):
            found[source] = [_level(kinds, x) for x in X[:, columns]]
            continue
        gone = [i for i, kind in zip(columns, kinds, strict=True) if kind.part == MISSING]
        lost = X[:, gone[0]] > 0.5 if gone else np.zeros(len(X), dtype=bool)
        if kinds[0].shares:  # of false and true, which have no names
            found[source] = [TRUTHS[int(x > 0.5)] for x in X[:, columns[0]]]
            continue
        for i, kind in zip(columns, kinds, strict=True):
            if kind.part != MISSING:
                name = source if kind.is_number else f"{source} ({kind.part})"
                found[name] = np.where(lost, np.nan, kind.transform.inverse(X[:, i]))
    return pd.DataFrame(found)


def _level(kinds: Sequence[EncodedColumn], x: Array) -> str | None:
    """The level of a category that its inputs x say; None where it is missing."""
    levels = next((kind.levels for kind in kinds if kind.levels), ())
    for kind, value in zip(kinds, x, strict=True):
        if kind.part == MISSING and value > 0.5:
            return None
        if kind.part == ORDER:
            place = float(kind.transform.inverse(np.array([value]))[0])
            return levels[int(np.clip(round(place), 0, len(levels) - 1))]
    for kind, value in zip(kinds, x, strict=True):
        if value > 0.5 and kind.part != MISSING:
            return ANY_OTHER if kind.part == OTHER else kind.level
    own = {kind.level for kind in kinds}
    return next((level for level in levels if level not in own), None)
