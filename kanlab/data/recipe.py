"""The recipe of a data set: how a table becomes the inputs of a network, and its outputs predictions again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kanlab.arrays import Array, Mask
from kanlab.data.encoders import MISSING, ORDER, OTHER, EncodedColumn, as_text, is_boolean, missing
from kanlab.data.new_cells import AVERAGE, MISSING_CELL, POOLED, Column, read_column
from kanlab.data.preparation import DATE_PARTS, Preparation
from kanlab.data.reading.conventions import ColumnConvention, ColumnKind, Conventions
from kanlab.data.transforms import Transform
from kanlab.data.unknown_levels import UnknownLevel, predict_averaged, put_means
from kanlab.errors import DatasetError
from kanlab.language import marked, say, use
from kanlab.stats.likelihood import Distribution
from kanlab.stats.metrics import likeliest
from kanlab.text import agreeing, counted, listing, quoted

_GROUPS: dict[ColumnKind, str] = {"date": marked("a date"), "text": marked("text")}
_NUMBER = marked("a number")  # all others

FORMAT = 1


@dataclass(frozen=True)
class Inputs:
    """New rows made ready: X (rows, d), nan in rows that cannot be predicted, and what was done, in sentences.

    unknown: (rows,), True where a row holds a level or a word that training had not; None where no row does.  levels: over
    which the predictions of such rows are averaged; their inputs are the means.
    """

    X: Array
    notes: tuple[str, ...] = ()
    unknown: Mask | None = None
    levels: tuple[UnknownLevel, ...] = ()

    @property
    def complete(self) -> Mask:
        """Which rows can be predicted."""
        return np.asarray(np.isfinite(self.X).all(axis=1))

    def predicted(self, predict: Callable[[Array], tuple[Array, Mask]]) -> tuple[Array, Mask]:
        """What a model gives for the rows that can be predicted: outputs, and whether a row was held."""
        ready = self.complete
        levels = [level._replace(rows=level.rows[ready]) for level in self.levels]
        return predict_averaged(predict, self.X[ready], levels)


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
        Of a target of classes, those that count as 0, 1 and so on.
    distribution : str
        "poisson" of a count, whose mean is predicted.
    conventions : Conventions
        How the cells of the training table were written: cells of text are read so in every later table.

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
    conventions: Conventions = Conventions()
    distribution: Distribution = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table it needs, in their order."""
        return tuple(dict.fromkeys(c.source for c in self.columns))

    @use("en")
    def apply(self, frame: pd.DataFrame) -> Inputs:
        """New rows as inputs of the network. The target may be absent. What is said of them is English.

        A gap or an absent column is filled where the recipe fills gaps; otherwise the row has nan, and an absent column is
        refused with a DatasetError. A category that training had not counts as one of those pooled there, as missing where the
        training rows had gaps that were filled, or else as the average of the training rows.
        """
        frame = frame.rename(columns=str)
        absent = [c for c in self.sources if c not in frame.columns]
        unfilled = [
            c for c in absent if any(e.source == c and e.fill is None and e.part != MISSING for e in self.columns)
        ]
        if unfilled:
            raise DatasetError(
                say(
                    "The rows have no column {column}, which the model needs; they have {columns}.",
                    column=listing(unfilled),
                    columns=listing(frame.columns),
                )
            )
        notes = [say("There is no column {column}; its typical value is used.", column=quoted(c)) for c in absent]
        known, found = {}, Conventions.of(frame)
        for source in self.sources:
            if source in frame.columns:
                known[source] = self._read(frame[source], found)
        unknown = {source: column.unreadable | self._unknown(source, column.values) for source, column in known.items()}
        for source, column in known.items():
            notes += [*column.notes, *self._notes_on(source, column.values, unknown[source])]
        read = pd.DataFrame({c: column.values for c, column in known.items()}, index=frame.index)
        X = np.column_stack([c.encode(read) for c in self.columns]) if len(frame) else np.empty((0, len(self.columns)))
        levels = self._averaged(unknown)
        put_means(X, levels)
        lost = int((~np.isfinite(X).all(axis=1)).sum())
        if lost:
            notes.append(
                say(
                    "{lost:,} of {rows:,} rows {have} a missing value and cannot be predicted.",
                    lost=lost,
                    rows=len(frame),
                    have=agreeing(lost, "has", "have"),
                )
            )
        any_unknown = np.logical_or.reduce([np.zeros(len(frame), dtype=bool), *unknown.values()])
        return Inputs(X, tuple(notes), any_unknown if any_unknown.any() else None, levels)

    def overruled(self, **said: Any) -> Recipe:
        """The same but for what is said of a table: keywords of `Conventions.overruled`.

        Raises DatasetError where a column is said to be what no input can be made of, such as text where training had dates.
        """
        known = self.conventions
        for source, kind in (said.get("kinds") or {}).items():
            if source not in self.sources or kind == "leave out":
                continue
            written = self.conventions.columns.get(source)
            before = written.kind if written else self._kind(source)
            was, now = (say(_GROUPS.get(k, _NUMBER)) for k in (before, kind))
            if was != now:
                raise DatasetError(
                    say(
                        "{source} was read as {was} in training and cannot be {now} here; leave out what is "
                        "said of its kind, or train again.",
                        source=quoted(source),
                        was=was,
                        now=now,
                    )
                )
        if said.get("day_first") is not None:  # also of dates that were typed in training
            dates = {c.source: ColumnConvention("date") for c in self.columns if c.part in DATE_PARTS}
            known = replace(known, columns={**dates, **known.columns})
        return replace(self, conventions=known.overruled(**said))

    def _kind(self, source: str) -> ColumnKind:
        """What a column is an input as: a number, a date or text."""
        encoded = next(c for c in self.columns if c.source == source)
        if encoded.part == MISSING:
            how = self.conventions.columns.get(source)
            return how.kind if how else "text"
        return "number" if encoded.is_number else "date" if encoded.part in DATE_PARTS else "text"

    def _read(self, column: pd.Series, found: Conventions) -> Column:
        """A column as numbers, dates or text, whichever it is an input as. found: the conventions it was read by."""
        kind = self._kind(str(column.name))
        levels = next((c.levels for c in self.columns if c.source == column.name and c.levels), ())
        return read_column(column, kind, self.conventions, found, levels, self._unknown_counts_as(str(column.name)))

    def _unknown_counts_as(self, source: str) -> str:
        """What a level or word counts as that is none of those in training."""
        encoded = [c for c in self.columns if c.source == source]
        if any(c.shares for c in encoded):
            return AVERAGE
        return POOLED if any(c.part == OTHER for c in encoded) else MISSING_CELL

    def _averaged(self, unknown: Mapping[str, Mask]) -> tuple[UnknownLevel, ...]:
        """The categories over whose levels predictions are averaged. unknown: by source the rows that hold none of these."""
        found = []
        for source, rows in unknown.items():
            columns = [i for i, c in enumerate(self.columns) if c.source == source and c.shares]
            if columns and rows.any():
                first = self.columns[columns[0]]
                levels = pd.Series(first.levels, dtype="str") if first.levels else pd.Series([0.0, 1.0])
                settings = np.column_stack([self.columns[i].encode(pd.DataFrame({source: levels})) for i in columns])
                found.append(UnknownLevel(rows, np.array(columns), settings, np.array(first.shares)))
        return tuple(found)

    def _known_levels(self, source: str) -> tuple[str, ...]:
        """The levels of a category that the model tells apart; empty where it is none."""
        encoded = [c for c in self.columns if c.source == source]
        return next((c.levels for c in encoded if c.levels and (c.level is not None or c.part in (ORDER, OTHER))), ())

    def _unknown(self, source: str, column: pd.Series) -> Mask:
        """Where a category holds a level that is none of those in training, pooled ones among them."""
        levels = self._known_levels(source)
        if not levels:
            return np.zeros(len(column), dtype=bool)
        text = as_text(column)
        pooled = next((c.pooled for c in self.columns if c.source == source and c.part == OTHER), None)
        if pooled == ():
            return np.zeros(len(column), dtype=bool)  # of an earlier version, which did not keep them
        return (text.notna() & ~text.isin([*levels, *(pooled or ())])).to_numpy(dtype=bool)

    def _notes_on(self, source: str, column: pd.Series, unknown: Mask) -> list[str]:
        encoded = [c for c in self.columns if c.source == source]
        notes = []
        levels = as_text(column)[self._unknown(source, column)].unique().tolist()
        if levels:
            counts, words = self._unknown_counts_as(source), listing(levels, 4)
            notes.append(
                say(
                    "{source} holds levels that were not in the training rows: {levels}; they count as {counts}.",
                    source=quoted(source),
                    levels=words,
                    counts=say(counts),
                )
            )
        averaged = self._unknown_counts_as(source) == AVERAGE
        gone = missing(column) & ~unknown if averaged else missing(column)
        filled = int(gone.sum()) if encoded[0].fill is not None else 0
        if filled:
            notes.append(
                say(
                    "{source} is missing in {rows}, where its typical value is used.",
                    source=quoted(source),
                    rows=counted(filled, "row"),
                )
            )
        return notes

    def to_units(self, predictions: ArrayLike) -> Array:
        """Outputs of the network in units of the target; from a log or rank scale they are medians, not means."""
        return self.target_transform.inverse(predictions)

    def to_levels(self, probabilities: ArrayLike) -> NDArray[np.object_]:
        """The likeliest class by name, of probabilities of the second of two or of all (rows, classes); None where missing."""
        p = np.asarray(probabilities, dtype=float)
        names = np.array([*self.levels, None], dtype=object)
        lost = np.isnan(p if p.ndim == 1 else p[:, 0])
        named: NDArray[np.object_] = names[np.where(lost, len(self.levels), likeliest(p))]
        return named

    def to_dict(self) -> dict[str, Any]:
        # what the recipes of earlier versions have not stands there only where it is needed, so that theirs stay the same
        more: dict[str, Any] = {"levels": list(self.levels)} if self.levels else {}
        if self.distribution:
            more["distribution"] = self.distribution
        if self.conventions != Conventions():
            more["conventions"] = msgspec.to_builtins(self.conventions)
        return more | {
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
                say(
                    "The recipe has format {found}, this version reads {known}; update kanlab.",
                    found=content.get("format"),
                    known=FORMAT,
                )
            )
        if (distribution := content.get("distribution", "")) not in get_args(Distribution):
            raise DatasetError(
                say(
                    "The recipe has a distribution '{distribution}' that this version does not know.",
                    distribution=distribution,
                )
            )
        columns = tuple(EncodedColumn.from_dict(c) for c in content["columns"])
        scale = Transform.from_dict(content["target_transform"])
        levels = tuple(content.get("levels", ()))
        try:
            conventions = msgspec.convert(content.get("conventions", {}), Conventions)
        except (ValueError, TypeError) as error:
            raise DatasetError(say("The conventions of the recipe are damaged; make it again.")) from error
        wanted = Preparation.from_dict(content["preparation"])
        return cls(content["target"], columns, scale, wanted, levels, conventions, distribution)

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
            levels = next((c.levels for c in result if c.source == source and c.level is not None), ())
            if any(c.source == source and c.part == OTHER for c in result):
                levels = ()  # an unknown level is one of the others there
            result.append(EncodedColumn(source, part=MISSING, levels=levels, fill=1.0))
            shown = {"source": quoted(source), "training_rows": counted(count, "training row")}
            notes.append(
                say(
                    "{source} is missing in {training_rows}: the median is used there, and a column marks them.",
                    **shown,
                )
                if next(c for c in result if c.source == source).is_number
                else say(
                    "{source} is missing in {training_rows}: the most frequent value is used there, and a column marks "
                    "them.",
                    **shown,
                )
            )
    return [_with_shares(column, result, rows) for column in result], notes


def _with_shares(column: EncodedColumn, columns: list[EncodedColumn], rows: pd.DataFrame) -> EncodedColumn:
    """A column of a category or a boolean with the shares of its levels, by which predictions of unknown ones are averaged.

    Where levels are pooled an unknown one is among these, and where a column marks gaps it counts as one.
    """
    values = rows[column.source]
    is_category = column.level is not None or column.part == ORDER
    if not (is_category or is_boolean(values)) or any(
        c.source == column.source and c.part in (OTHER, MISSING) for c in columns
    ):
        return column
    found = as_text(values) if is_category else values.map({False: "0", True: "1"})
    counts = found.value_counts().reindex(column.levels if is_category else ["0", "1"], fill_value=0)
    return replace(column, shares=tuple(float(share) for share in counts / counts.sum())) if counts.sum() else column


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
