"""A table made ready for fitting: encoded, split into training and test rows, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kanlab.encoding import EncodedColumn, encode_features, listing, missing, target_numbers
from kanlab.errors import DatasetError
from kanlab.preparation import Preparation
from kanlab.reading import Table, TableReport, read_table
from kanlab.recipe import Recipe, fitted
from kanlab.screening import mutual_information
from kanlab.splits import split_rows
from kanlab.transforms import Transform

__all__ = ["MIN_ROWS", "Dataset", "Table", "TableReport", "read_table"]

MIN_ROWS = 10
MAX_MAGNITUDE = 1e100  # of a value; the squares of larger ones overflow
_METADATA_KEY = b"kanlab"


class Errors(NamedTuple):
    """Of a model on the training and the test rows (None where there are none).

    rss: sum of squared residuals on the scale of the fit.  rmse: root mean square of the residuals in units of the data.
    """

    rss_train: float
    rss_test: float | None
    rmse_train: float | None
    rmse_test: float | None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows as float64, in units of the data or the scale asked for; a fit scales inside itself.

    X_train (n, d), y_train (n,), X_test (n_test, d), y_test (n_test,).  The recipe runs again on new rows.
    """

    name: str
    target: str
    columns: tuple[EncodedColumn, ...]
    X_train: NDArray[np.float64]
    y_train: NDArray[np.float64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.float64]
    rows: int
    notes: tuple[str, ...] = field(default=())
    target_transform: Transform = Transform()
    preparation: Preparation = Preparation()

    @property
    def recipe(self) -> Recipe:
        """What makes inputs of new rows, and predictions in units of the target of the network's outputs."""
        return Recipe(self.target, self.columns, self.target_transform, self.preparation)

    @property
    def target_label(self) -> str:
        """The target with its scale."""
        return self.target_transform.label(self.target)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the encoded columns, the d inputs of the network."""
        return tuple(c.name for c in self.columns)

    @property
    def n(self) -> int:
        return len(self.y_train)

    @property
    def d(self) -> int:
        return len(self.columns)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything a fit, its judgement and its predictions depend on: values, split, recipe."""
        return _digest([self.recipe.to_json(), self.n], (self.X_train, self.y_train, self.X_test, self.y_test))

    @cached_property
    def test_sha256(self) -> str:
        """Hash of the test rows alone: what stands beside it was never trained on while it stays the same."""
        return _digest([self.target_label, self.features], (self.X_test, self.y_test))

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        target: str,
        features: Sequence[str] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
        *,
        name: str = "data",
        preparation: Preparation | None = None,
    ) -> Dataset:
        """Prepare and split a data frame.

        target: numeric column to predict.  features: columns to predict it from, by default all others.
        test_fraction: share of the usable rows held out, drawn with `seed`; the same split in the app, the command line
        and here.  preparation: what to do about gaps, categories, dates and scales, and how to split; by default rows with
        a missing target or feature are dropped.  Columns constant in the training rows are left out; `notes` says so.
        Fills and scales are decided on the training rows.  Raises DatasetError, with one sentence, where nothing can be
        fitted.
        """
        wanted = preparation or Preparation()
        if not 0 <= test_fraction < 1:
            raise DatasetError(f"The test fraction must be at least 0 and below 1, not {test_fraction}.")
        if seed < 0:
            raise DatasetError(f"The seed must be at least 0, not {seed}.")
        frame, target = frame.rename(columns=str), str(target)
        features = None if features is None else [str(name) for name in features]
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()].unique()
            raise DatasetError(f"The column name {listing(twice)} stands more than once; make the names differ.")
        y = target_numbers(frame, target)
        columns, notes = encode_features(frame, target, features, wanted)
        if not columns:
            raise DatasetError(
                f"There is no usable feature beside '{target}'; a fit needs at least one numeric column."
            )

        rows, y = _usable_rows(frame, y, columns, wanted, notes)
        by = None if wanted.split_by is None else rows[wanted.split_by]
        train, test = split_rows(wanted.split, y, test_fraction, seed, by)
        if len(train) < 2:
            raise DatasetError(f"A test fraction of {test_fraction:g} leaves no rows to train on; hold out fewer.")
        scale = Transform.fit(y[train], wanted.target_scale, target)
        y = scale(y)
        columns, filled = fitted(columns, rows.iloc[train], wanted)
        X = np.column_stack([c.encode(rows) for c in columns])
        _check_size([(target, y), *((c.name, x) for c, x in zip(columns, X.T, strict=True))])
        columns, X = _varying(columns, X, train, notes)
        if np.ptp(y[train]) == 0 or y[train].std() == 0:
            raise DatasetError(
                f"The target '{target}' holds a single value ({y[train][0]:g}); there is nothing to learn."
            )
        if wanted.screen is not None:
            columns, X = _screened(columns, X, y, train, wanted.screen, notes)
        parts = (X[train], y[train], X[test], y[test])
        return cls(name, target, tuple(columns), *parts, len(frame), (*notes, *filled), scale, wanted)

    def errors(self, predict: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Errors:
        """How far off a model is. predict: X (rows, d) to (rows,) on the scale of the fit."""
        train = predict(self.X_train)
        rss_train, rmse_train = _rss(train, self.y_train), self.rmse(train, self.y_train)
        if not len(self.y_test):
            return Errors(rss_train, None, rmse_train, None)
        test = predict(self.X_test)
        return Errors(rss_train, _rss(test, self.y_test), rmse_train, self.rmse(test, self.y_test))

    def rmse(self, predicted: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
        """Root mean square error in units of the data, of values on the scale of the fit; None where it is not finite."""
        value = float(np.sqrt(self.squared_error(predicted, y) / len(y)))
        return value if np.isfinite(value) else None

    def squared_error(self, predicted: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        """Sum of squared residuals in squared units of the data, of values on the scale of the fit."""
        back = self.target_transform.inverse
        return _rss(back(predicted), back(y))

    def encode(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """New rows as inputs of the network, shape (rows, d); nan where a cell is missing."""
        return self.recipe.apply(frame).X

    def save(self, path: Path) -> None:
        """Write a Parquet file: the training rows, then the test rows, with the recipe in its metadata."""
        X, y = np.vstack([self.X_train, self.X_test]), np.concatenate([self.y_train, self.y_test])
        metadata = {
            "name": self.name,
            "recipe": self.recipe.to_dict(),
            "n_train": self.n,
            "rows": self.rows,
            "notes": self.notes,
            "test_sha256": self.test_sha256,
        }
        names = [*self.features, self.target]
        table = pa.Table.from_arrays([pa.array(v) for v in (*X.T, y)], names=names)
        pq.write_table(table.replace_schema_metadata({_METADATA_KEY: json.dumps(metadata).encode()}), path)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what `save` wrote. Raises DatasetError where its test rows are not those that were locked."""
        table = pq.read_table(path)
        metadata = json.loads(table.schema.metadata[_METADATA_KEY])
        arrays = [column.to_numpy() for column in table.columns]
        X, y, n = np.column_stack(arrays[:-1]), arrays[-1], metadata["n_train"]
        recipe, notes = Recipe.from_dict(metadata["recipe"]), tuple(metadata["notes"])
        parts = (X[:n], y[:n], X[n:], y[n:])
        more = (metadata["rows"], notes, recipe.target_transform, recipe.preparation)
        data = cls(metadata["name"], recipe.target, recipe.columns, *parts, *more)
        if data.test_sha256 != metadata["test_sha256"]:
            raise DatasetError(
                f"The test rows in {path.name} are not those that were held out; start from the table again."
            )
        return data


def _rss(predicted: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum((predicted - y) ** 2))


def _digest(words: list[Any], arrays: Iterable[NDArray[np.float64]]) -> str:
    digest = hashlib.sha256(json.dumps(words).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


# ---- the steps of from_frame; `notes` collects what they did


def _usable_rows(
    frame: pd.DataFrame, y: NDArray[np.float64], columns: list[EncodedColumn], wanted: Preparation, notes: list[str]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """The rows that have a target and no gap that is not filled, and their targets."""
    if wanted.split_by is not None and wanted.split_by not in frame.columns:
        raise DatasetError(
            f"There is no column '{wanted.split_by}' to split by; the table has {listing(frame.columns)}."
        )
    needed = {c.source for c in columns if wanted.gaps_in(c.source) == "drop"}
    if wanted.split_by is not None:
        needed.add(wanted.split_by)
    complete = np.isfinite(y)
    for column in needed:
        complete &= ~missing(frame[column]).to_numpy(dtype=bool)
    dropped = len(y) - int(complete.sum())
    if wanted.copies == "drop":
        first = ~frame.duplicated().to_numpy()
        if copies := int((complete & ~first).sum()):
            words = "row that repeats another is" if copies == 1 else "rows that repeat others are"
            notes.append(f"{copies:,} {words} left out.")
        complete &= first
    if dropped:
        notes.append(f"{dropped:,} of {len(y):,} rows have a missing value and are left out.")
    if complete.sum() < MIN_ROWS:
        raise DatasetError(
            f"Only {int(complete.sum())} complete rows are left of {len(frame)}; a fit needs at least {MIN_ROWS}."
        )
    return frame[complete], y[complete]


def _check_size(columns: list[tuple[str, NDArray[np.float64]]]) -> None:
    for column, values in columns:
        if np.abs(values).max() > MAX_MAGNITUDE:
            raise DatasetError(f"The column '{column}' holds numbers beyond {MAX_MAGNITUDE:g}; use larger units.")


def _varying(
    columns: list[EncodedColumn], X: NDArray[np.float64], train: NDArray[np.intp], notes: list[str]
) -> tuple[list[EncodedColumn], NDArray[np.float64]]:
    """The columns that hold more than one value in the training rows."""
    varies = (np.ptp(X[train], axis=0) > 0) & (X[train].std(axis=0) > 0)  # the squares of tiny numbers vanish
    if not varies.any():
        raise DatasetError("Every feature holds a single value in the training rows; there is nothing to learn from.")
    constant = [c.name for c, keep in zip(columns, varies, strict=True) if not keep]
    notes += [f"'{c}' holds a single value in the training rows and is left out." for c in constant]
    return [c for c, keep in zip(columns, varies, strict=True) if keep], X[:, varies]


def _screened(
    columns: list[EncodedColumn],
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    train: NDArray[np.intp],
    most: int,
    notes: list[str],
) -> tuple[list[EncodedColumn], NDArray[np.float64]]:
    """The columns of the features that tell most about the target in the training rows."""
    told: dict[str, float] = {}
    for column, score in zip(columns, mutual_information(X[train], y[train]), strict=True):
        told[column.source] = max(told.get(column.source, 0.0), float(score))
    ranked = sorted(told, key=lambda source: -told[source])
    if len(ranked) <= most:
        return columns, X
    keep = np.array([c.source in ranked[:most] for c in columns])
    notes.append(f"Of {len(ranked)} features the {most} with the most mutual information with the target are kept.")
    return [c for c, kept in zip(columns, keep, strict=True) if kept], X[:, keep]
