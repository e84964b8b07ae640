"""A table made ready for fitting: encoded, split into training and test rows, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kanlab.encoding import EncodedColumn, encode_features, listing, target_numbers
from kanlab.errors import DatasetError
from kanlab.reading import Table, TableReport, read_table

__all__ = ["MIN_ROWS", "Dataset", "Table", "TableReport", "read_table"]

MIN_ROWS = 10
MAX_MAGNITUDE = 1e100  # of a value; the squares of larger ones overflow
_METADATA_KEY = b"kanlab"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows as float64, in units of the data; a fit scales inside itself.

    X_train (n, d), y_train (n,), X_test (n_test, d), y_test (n_test,).
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
        """Hash of everything a fit and its judgement depend on: values, split, names."""
        digest = hashlib.sha256(json.dumps([self.target, self.features, self.n]).encode())
        for array in (self.X_train, self.y_train, self.X_test, self.y_test):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()

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
    ) -> Dataset:
        """Encode and split a data frame.

        target: numeric column to predict.  features: columns to predict it from, by default all others.
        test_fraction: share of the usable rows held out, drawn with `seed`; the same split in the app, the command line
        and here.  Rows with a missing target or feature are dropped, columns constant in the training rows as well;
        `notes` says so.  Raises DatasetError, with one sentence, where nothing can be fitted.
        """
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
        columns, notes = encode_features(frame, target, features)
        if not columns:
            raise DatasetError(
                f"There is no usable feature beside '{target}'; a fit needs at least one numeric column."
            )
        X = np.column_stack([c.encode(frame) for c in columns])

        complete = np.isfinite(y) & np.isfinite(X).all(axis=1)
        dropped = len(y) - int(complete.sum())
        if dropped:
            notes.append(f"{dropped:,} of {len(y):,} rows have a missing value and are left out.")
        X, y = X[complete], y[complete]
        if len(y) < MIN_ROWS:
            raise DatasetError(
                f"Only {len(y)} complete rows are left of {len(frame)}; a fit needs at least {MIN_ROWS}."
            )

        order = np.random.default_rng(seed).permutation(len(y))
        n_test = round(len(y) * test_fraction)
        test, train = np.sort(order[:n_test]), np.sort(order[n_test:])
        if len(train) < 2:
            raise DatasetError(f"A test fraction of {test_fraction:g} leaves no rows to train on; hold out fewer.")
        for column, values in ((target, y), *((c.name, x) for c, x in zip(columns, X.T, strict=True))):
            if np.abs(values).max() > MAX_MAGNITUDE:
                raise DatasetError(f"The column '{column}' holds numbers beyond {MAX_MAGNITUDE:g}; use larger units.")
        varies = (np.ptp(X[train], axis=0) > 0) & (X[train].std(axis=0) > 0)  # the squares of tiny numbers vanish
        if not varies.all():
            constant = [c.name for c, keep in zip(columns, varies, strict=True) if not keep]
            notes += [f"'{c}' holds a single value in the training rows and is left out." for c in constant]
            columns = [c for c, keep in zip(columns, varies, strict=True) if keep]
            X = X[:, varies]
        if not columns:
            raise DatasetError(
                "Every feature holds a single value in the training rows; there is nothing to learn from."
            )
        if np.ptp(y[train]) == 0 or y[train].std() == 0:
            raise DatasetError(
                f"The target '{target}' holds a single value ({y[train][0]:g}); there is nothing to learn."
            )
        return cls(name, target, tuple(columns), X[train], y[train], X[test], y[test], len(frame), tuple(notes))

    def encode(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """New rows as inputs of the network, shape (rows, d); nan where a cell is missing."""
        frame = frame.rename(columns=str)
        return np.column_stack([c.encode(frame) for c in self.columns])

    def save(self, path: Path) -> None:
        """Write a Parquet file: the training rows, then the test rows, with the recipe in its metadata."""
        X, y = np.vstack([self.X_train, self.X_test]), np.concatenate([self.y_train, self.y_test])
        metadata = {
            "name": self.name,
            "target": self.target,
            "columns": [c.to_dict() for c in self.columns],
            "n_train": self.n,
            "rows": self.rows,
            "notes": self.notes,
        }
        names = [*self.features, self.target]
        table = pa.Table.from_arrays([pa.array(v) for v in (*X.T, y)], names=names)
        pq.write_table(table.replace_schema_metadata({_METADATA_KEY: json.dumps(metadata).encode()}), path)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what `save` wrote."""
        table = pq.read_table(path)
        metadata = json.loads(table.schema.metadata[_METADATA_KEY])
        arrays = [column.to_numpy() for column in table.columns]
        X, y, n = np.column_stack(arrays[:-1]), arrays[-1], metadata["n_train"]
        columns = tuple(EncodedColumn(**c) for c in metadata["columns"])
        notes = tuple(metadata["notes"])
        parts = (X[:n], y[:n], X[n:], y[n:])
        return cls(metadata["name"], metadata["target"], columns, *parts, metadata["rows"], notes)
