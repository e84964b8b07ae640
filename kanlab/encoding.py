"""How the columns of a table become numbers: a recipe that is decided once and runs again on new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanlab.errors import DatasetError

MAX_LEVELS = 12


@dataclass(frozen=True)
class EncodedColumn:
    """One number a row: a numeric column itself (level None), or 1.0 where a categorical column equals `level`."""

    source: str
    level: str | None = None

    @property
    def name(self) -> str:
        return self.source if self.level is None else f"{self.source}={self.level}"

    def encode(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """The column's numbers, shape (rows,); nan where the cell is missing."""
        if self.source not in frame.columns:
            raise DatasetError(f"There is no column '{self.source}'; the table has {listing(frame.columns)}.")
        column = frame[self.source]
        if self.level is None:
            return to_numbers(column)
        text = column.astype("string")
        return (text == self.level).astype("Float64").to_numpy(dtype=float, na_value=np.nan)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def listing(names: Sequence[Any] | pd.Index, most: int = 8) -> str:
    """Names for a message: 'a', 'b', 'c' and 4 more."""
    shown = ", ".join(f"'{name}'" for name in list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers or booleans."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def to_numbers(column: pd.Series) -> NDArray[np.float64]:
    """A numeric column as float64, infinities counted as missing."""
    if not is_numeric(column):
        raise DatasetError(f"The column '{column.name}' holds {_example(column)}, not numbers.")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def target_numbers(frame: pd.DataFrame, target: str) -> NDArray[np.float64]:
    """The target, checked. Raises DatasetError where it is missing or holds text."""
    if target not in frame.columns:
        raise DatasetError(f"There is no column '{target}' to predict; the table has {listing(frame.columns)}.")
    if not is_numeric(frame[target]):
        raise DatasetError(
            f"The target '{target}' holds {_example(frame[target])}, not numbers; choose a numeric column to predict."
        )
    return to_numbers(frame[target])


def encode_features(
    frame: pd.DataFrame, target: str, features: Sequence[str] | None
) -> tuple[list[EncodedColumn], list[str]]:
    """Decide how each feature is encoded.

    Numbers stay as they are, text of at most 12 levels becomes one column a level (the first level is the reference).
    Columns that can be neither are left out with a note, or refused where they were asked for by name.
    """
    chosen = [c for c in frame.columns if c != target] if features is None else list(features)
    if target in chosen:
        raise DatasetError(f"The target '{target}' cannot be a feature as well; take it out of the features.")
    unknown = [c for c in chosen if c not in frame.columns]
    if unknown:
        raise DatasetError(f"There is no column {listing(unknown)}; the table has {listing(frame.columns)}.")
    if len(set(chosen)) < len(chosen):
        raise DatasetError(f"A feature is named twice in {listing(chosen)}; name each once.")

    columns: list[EncodedColumn] = []
    notes: list[str] = []
    for name in chosen:
        column = frame[name]
        if is_numeric(column):
            columns.append(EncodedColumn(name))
            continue
        levels = sorted(column.dropna().astype("string").unique())
        if len(levels) > MAX_LEVELS or pd.api.types.is_datetime64_any_dtype(column):
            problem = f"'{name}' holds text with {len(levels):,} different values ({_example(column)})"
            if features is not None:
                raise DatasetError(f"{problem}; at most {MAX_LEVELS} can be encoded, so leave it out of the features.")
            notes.append(f"{problem} and is left out; at most {MAX_LEVELS} can be encoded.")
            continue
        columns += [EncodedColumn(name, level) for level in levels[1:]]
        if len(levels) > 1:
            notes.append(f"'{name}' is a category: one column a level, '{levels[0]}' is the reference.")
    return columns, notes


def _example(column: pd.Series) -> str:
    values = column.dropna()
    if values.empty:
        return "nothing"
    text = str(values.iloc[0])
    return f"values such as '{text[:40]}{'…' if len(text) > 40 else ''}'"
