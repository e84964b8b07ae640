"""The recipe of a data set: how a table becomes the inputs of a network, and its outputs predictions again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kanlab.arrays import Array, Mask
from kanlab.data.encoders import MISSING, ORDER, OTHER, EncodedColumn, as_text, missing
from kanlab.data.preparation import Preparation
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.text import agreeing, counted, listing, quoted

FORMAT = 1


@dataclass(frozen=True)
class Inputs:
    """New rows made ready: X (rows, d), nan in rows that cannot be predicted, and what was done, in sentences."""

    X: Array
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> Mask:
        """Which rows can be predicted."""
        return np.asarray(np.isfinite(self.X).all(axis=1))


@dataclass(frozen=True)
class Recipe:
    """Everything that was decided about a table, and nothing of its rows: frozen, and the same as JSON.

    Parameters
    ----------
    target : str
        The column to predict.
    columns : tuple of EncodedColumn
        How each input of the network is made of a column of the table.
    target_transform : Transform
        From units of the target to the scale of the fit and back.
    preparation : Preparation
        What was asked for.
    levels : tuple of str
        Of a target of two classes, the one that counts as 0 and the one that counts as 1.

    Examples
    --------
    >>> recipe = Recipe("y", (EncodedColumn("x"), EncodedColumn("kind", level="b", levels=("a", "b"))))
    >>> recipe.apply(pd.DataFrame({"x": [1.5], "kind": ["b"]})).X.tolist()
    [[1.5, 1.0]]
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    target: str
    columns: tuple[EncodedColumn, ...]
    target_transform: Transform = Transform()
    preparation: Preparation = Preparation()
    levels: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table it needs, in their order."""
        return tuple(dict.fromkeys(c.source for c in self.columns))

    def apply(self, frame: pd.DataFrame) -> Inputs:
        """New rows as inputs of the network. The target may be absent.

        A gap, an unknown category or an absent column is filled where the recipe fills gaps; otherwise the row has nan, and
        an absent column is refused with a DatasetError.
        """
        frame = frame.rename(columns=str)
        absent = [c for c in self.sources if c not in frame.columns]
        unfilled = [
            c for c in absent if any(e.source == c and e.fill is None and e.part != MISSING for e in self.columns)
        ]
        if unfilled:
            raise DatasetError(
                f"The rows have no column {listing(unfilled)}, which the model needs; they have {listing(frame.columns)}."
            )
        notes = [f"There is no column {quoted(c)}; its typical value is used." for c in absent]
        for source in self.sources:
            notes += self._notes_on(source, frame[source]) if source in frame.columns else []
        X = np.column_stack([c.encode(frame) for c in self.columns]) if len(frame) else np.empty((0, len(self.columns)))
        lost = int((~np.isfinite(X).all(axis=1)).sum())
        if lost:
            have = agreeing(lost, "has", "have")
            notes.append(f"{lost:,} of {len(frame):,} rows {have} a missing value and cannot be predicted.")
        return Inputs(X, tuple(notes))

    def _notes_on(self, source: str, column: pd.Series) -> list[str]:
        encoded = [c for c in self.columns if c.source == source]
        notes = []
        known = next((c.levels for c in encoded if c.levels and (c.level is not None or c.part == ORDER)), None)
        if known:
            new = as_text(column).dropna()
            unknown = new[~new.isin(known)].unique().tolist()
            if unknown:
                notes.append(
                    f"{quoted(source)} holds levels that were not in the training rows: {listing(unknown, 4)}; they count as "
                    "missing."
                )
        filled = int(missing(column).sum()) if encoded[0].fill is not None else 0
        if filled:
            notes.append(f"{quoted(source)} is missing in {counted(filled, 'row')}, where its typical value is used.")
        return notes

    def to_units(self, predictions: ArrayLike) -> Array:
        """Outputs of the network in units of the target; from a log or rank scale they are medians, not means."""
        return self.target_transform.inverse(predictions)

    def to_levels(self, probabilities: ArrayLike) -> NDArray[np.object_]:
        """The likelier class by name; None where a probability is missing."""
        p = np.asarray(probabilities, dtype=float)
        names = np.array([*self.levels, None], dtype=object)
        named: NDArray[np.object_] = names[np.where(np.isnan(p), 2, p >= 0.5).astype(int)]
        return named

    def to_dict(self) -> dict[str, Any]:
        levels = {"levels": list(self.levels)} if self.levels else {}
        return levels | {
            "format": FORMAT,
            "target": self.target,
            "target_transform": vars(self.target_transform),
            "columns": [c.to_dict() for c in self.columns],
            "preparation": self.preparation.to_dict(),
        }

    def to_json(self) -> str:
        """The recipe as JSON; equal recipes give equal text."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Recipe:
        if content.get("format") != FORMAT:
            raise DatasetError(
                f"The recipe has format {content.get('format')}, this version reads {FORMAT}; update kanlab."
            )
        columns = tuple(EncodedColumn.from_dict(c) for c in content["columns"])
        scale = Transform.from_dict(content["target_transform"])
        levels = tuple(content.get("levels", ()))
        return cls(content["target"], columns, scale, Preparation.from_dict(content["preparation"]), levels)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        return cls.from_dict(json.loads(text))


def fitted(
    columns: Iterable[EncodedColumn], rows: pd.DataFrame, preparation: Preparation
) -> tuple[list[EncodedColumn], list[str]]:
    """Columns with their fills, indicators and scales decided on the training rows, and notes on what was filled."""
    result: list[EncodedColumn] = []
    notes: list[str] = []
    gaps: dict[str, int] = {}
    for column in columns:
        source = column.source
        if source not in gaps:
            gaps[source] = int(missing(rows[source]).sum())
        if preparation.gaps_in(source) == "fill":
            values = column.encode(rows)
            column = replace(column, fill=_typical(column, values, rows))
        if (
            column.part in ("", ORDER)
            and column.level is None
            and (scale := preparation.scales.get(source, "none")) != "none"
        ):
            column = replace(column, transform=Transform.fit(column.encode(rows), scale, source))
        result.append(column)
    for source, count in gaps.items():
        if count and preparation.gaps_in(source) == "fill":
            result.append(EncodedColumn(source, part=MISSING, fill=1.0))
            kind = (
                "the median" if next(c for c in result if c.source == source).is_number else "the most frequent value"
            )
            notes.append(
                f"{quoted(source)} is missing in {counted(count, 'training row')}: {kind} is used there, and a column marks "
                "them."
            )
    return result, notes


def _typical(column: EncodedColumn, values: Array, rows: pd.DataFrame) -> float:
    """The median of numbers; of a category, what its most frequent level is encoded as."""
    present = values[np.isfinite(values)]
    if not len(present):
        return 0.0
    if column.level is None and not column.part:
        return float(np.median(present))
    if column.level is not None or column.part in (OTHER, ORDER):
        mode = as_text(rows[column.source]).mode().iloc[:1]
        return float(column.encode(pd.DataFrame({column.source: mode}))[0])
    return float(np.median(present))
