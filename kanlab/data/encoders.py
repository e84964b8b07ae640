"""How the columns of a table become numbers: decided once, run again on new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.odd_cells import odd_cells
from kanlab.data.preparation import DATE_PARTS, Preparation
from kanlab.data.reading.conventions import Conventions
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.language import marked, say
from kanlab.text import counted, listing, quoted

OTHER, ORDER, MISSING = "other", "order", "missing"
ANY_OTHER = marked("any other")  # in place of a level that has no column of its own
FEWEST_NAMES = 5  # texts, one a row, that are the rows' names rather than a category
LEAST_ROWS = 3  # of a level that has a column of its own beside pooled ones
LARGEST_WHOLE = 2.0**63  # that an integer holds
MOST_POOLED = 1000  # names of pooled levels that a recipe keeps


@dataclass(frozen=True)
class EncodedColumn:
    """One number a row, of one column of the table.

    level: 1.0 where a category equals it.  part: "other", 1.0 where a category equals none of `levels`; "order", the place
    in `levels`; "missing", 1.0 where the cell is; a part of a date; or nothing, the number itself.  levels: those known,
    others are unknown.  pooled: of "other", the levels it stands for in training.  fill: stands where the cell is missing
    (None: nan).  transform: applied last.  shares: of the levels, or of false and true, in the training rows, by which
    predictions are averaged where a cell is none of these; empty where it counts as missing.
    """

    source: str
    level: str | None = None
    part: str = ""
    levels: tuple[str, ...] = ()
    fill: float | None = None
    transform: Transform = Transform()
    pooled: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        if self.level is not None:
            return f"{self.source}={self.level}"
        plain = self.part in ("", ORDER)
        return self.transform.label(self.source if plain else f"{self.source} ({self.part})")

    @property
    def is_number(self) -> bool:
        """Whether it is a number of the table itself, in its units or on another scale."""
        return self.level is None and not self.part

    def encode(self, frame: pd.DataFrame) -> Array:
        """The column's numbers, shape (rows,); nan where the cell is missing and nothing fills it."""
        if self.source not in frame.columns:
            if self.fill is None:
                raise DatasetError(
                    say(
                        "There is no column {column}; the table has {columns}.",
                        column=listing([self.source]),
                        columns=listing(frame.columns),
                    )
                )
            values = np.full(len(frame), 1.0 if self.part == MISSING else np.nan)
        else:
            values = self._values(frame[self.source])
        if self.fill is not None:
            values = np.where(np.isnan(values), self.fill, values)
        return self.transform(values)

    def _values(self, column: pd.Series) -> Array:
        if self.part == MISSING:
            gone = missing(column)
            return (gone | ~as_text(column).isin(self.levels) if self.levels else gone).to_numpy(dtype=float)
        if self.part in DATE_PARTS:
            return _date_part(column, self.part)
        if self.level is None and not self.part:
            return to_numbers(column)
        text = as_text(column)
        if self.part == ORDER:
            return text.map({level: float(i) for i, level in enumerate(self.levels)}).to_numpy(dtype=float)
        values = ~text.isin(self.levels) if self.part == OTHER else text == self.level
        known = text.notna() & (text.isin(self.levels) if self.levels and self.part != OTHER else True)
        return np.where(known, values.fillna(False).to_numpy(dtype=float), np.nan)

    def to_dict(self) -> dict[str, Any]:
        content = asdict(self)
        for later in ("pooled", "shares"):
            if not content[later]:
                del content[later]  # as columns had none before
        return content

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> EncodedColumn:
        known = dict(content)
        known |= {name: tuple(known.get(name, ())) for name in ("levels", "pooled", "shares")}
        known["transform"] = Transform.from_dict(known["transform"]) if "transform" in known else Transform()
        return cls(**known)


# ---- columns


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers or booleans."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def is_boolean(column: pd.Series) -> bool:
    """Whether a column holds booleans."""
    return pd.api.types.is_bool_dtype(column)


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates."""
    return pd.api.types.is_datetime64_any_dtype(column)


def missing(column: pd.Series) -> pd.Series:
    """Where a column has no value; infinities count."""
    return pd.Series(np.isnan(to_numbers(column)), column.index) if is_numeric(column) else column.isna()


def as_text(column: pd.Series) -> pd.Series:
    """Cells as text; whole numbers without a decimal point, whatever gaps made of their type.

    >>> as_text(pd.Series([2.0, None, 1e30])).tolist()
    ['2', <NA>, '1e+30']
    """
    if not pd.api.types.is_float_dtype(column) or not bool((column.dropna() % 1 == 0).all()):
        return column.astype("string")
    large = (column.abs() >= LARGEST_WHOLE).fillna(False).to_numpy(dtype=bool)
    text = column.where(~large).astype("Int64").astype("string")
    return text.mask(large, column.astype("string")) if large.any() else text


def to_numbers(column: pd.Series) -> Array:
    """A column as float64, infinities counted as missing; text is read as numbers where it can be, cell by cell."""
    if not is_numeric(column):
        column = _numbers_in_text(column)
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _numbers_in_text(column: pd.Series) -> pd.Series:
    if column.dropna().empty:
        return pd.Series(np.nan, column.index)
    values, bad = (column, [column.name]) if is_date(column) else Conventions().read(column, "number")
    if is_date(column) or (bad and values.isna().all()):
        raise DatasetError(
            say("The column {name} holds {example}, not numbers.", name=quoted(column.name), example=_example(column))
        )
    return values


def _date_part(column: pd.Series, part: str) -> Array:
    """year: with its fraction; month 1 to 12; weekday 0 (Monday) to 6; hour with its fraction."""
    if not is_date(column):
        values, bad = Conventions().read(column, "date")
        if bad and values.isna().all():
            raise DatasetError(
                say("The column {name} holds {example}, not dates.", name=quoted(column.name), example=_example(column))
            )
        column = values
    when = column.dt
    if part == "year":
        values = when.year + (when.day_of_year - 1 + when.hour / 24 + when.minute / 1440) / (365 + when.is_leap_year)
    elif part == "hour":
        values = when.hour + when.minute / 60 + when.second / 3600
    else:
        values = when.month if part == "month" else when.day_of_week
    return values.to_numpy(dtype=float, na_value=np.nan)


def check_target(frame: pd.DataFrame, target: str) -> None:
    """Raises DatasetError where the table has no such column."""
    if target not in frame.columns:
        raise DatasetError(
            say(
                "There is no column {target} to predict; the table has {columns}.",
                target=quoted(target),
                columns=listing(frame.columns),
            )
        )


def target_numbers(frame: pd.DataFrame, target: str) -> Array:
    """The target as numbers, checked. Raises DatasetError where it is missing or holds text."""
    check_target(frame, target)
    if not is_numeric(frame[target]):
        raise DatasetError(
            say(
                "The target {target} holds {example}, not numbers; choose a numeric column to predict.",
                target=quoted(target),
                example=_example(frame[target]),
            )
        )
    return to_numbers(frame[target])


def _example(column: pd.Series) -> str:
    values = column.dropna()
    if values.empty:
        return say("nothing")
    return say("values such as {example}", example=quoted(values.iloc[0], 40))


# ---- which columns, and how


def chosen_features(frame: pd.DataFrame, target: str, features: Sequence[str] | None) -> list[str]:
    """The columns to predict from, checked; by default all but the target."""
    chosen = [c for c in frame.columns if c != target] if features is None else list(features)
    if target in chosen:
        raise DatasetError(
            say(
                "The target {target} cannot be a feature as well; take it out of the features.",
                target=listing([target]),
            )
        )
    unknown = [c for c in chosen if c not in frame.columns]
    if unknown:
        raise DatasetError(
            say(
                "There is no column {column}; the table has {columns}.",
                column=listing(unknown),
                columns=listing(frame.columns),
            )
        )
    if len(set(chosen)) < len(chosen):
        raise DatasetError(say("A feature is named twice in {features}; name each once.", features=listing(chosen)))
    return chosen


def encode_features(
    frame: pd.DataFrame,
    target: str,
    features: Sequence[str] | None,
    preparation: Preparation | None = None,
    *,
    asked: bool | None = None,
    named: bool | None = None,
) -> tuple[list[EncodedColumn], list[str]]:
    """Decide by some rows how each feature is encoded; fills and scales are decided later.

    named: whether the features were chosen by name, by default where they are given; names of rows are left out else.  asked:
    whether a column that cannot be encoded is refused, by default where the features are given.

    Numbers stay as they are, dates become their parts, text of at most max_levels levels becomes one column for each
    level (the first is the reference). Columns that can be neither are left out with a note, or refused where they were asked
    for by name.
    """
    wanted = preparation or Preparation()
    columns: list[EncodedColumn] = []
    notes: list[str] = []
    for name in chosen_features(frame, target, features):
        column = frame[name]
        if name in wanted.ordered:
            columns.append(_ordered(column, wanted.ordered[name]))
        elif is_numeric(column):
            columns.append(EncodedColumn(name))
        elif is_date(column):
            columns += [EncodedColumn(name, part=part) for part in wanted.date_parts]
            notes.append(
                say(
                    "{name} is a date; parts used: {parts}.",
                    name=quoted(name),
                    parts=", ".join(map(say, wanted.date_parts)) or say("none"),
                )
            )
        else:
            given = features is not None
            odd = odd_cells(column)
            try:
                found, sentence = _category(
                    column, wanted, given if asked is None else asked, given if named is None else named
                )
            except DatasetError as error:
                if odd is None:
                    raise
                raise DatasetError(f"{odd.sentence} {odd.advice(name)}".rstrip()) from error
            columns += found
            if odd is not None and not found:
                sentence = f"{odd.sentence} {say('It is left out.')} {odd.advice(name)}".rstrip()
            elif odd is not None:
                notes.append(f"{odd.sentence} {odd.advice(name)}".rstrip())
            notes += [sentence] if sentence else []
    return columns, notes


def _ordered(column: pd.Series, levels: tuple[str, ...]) -> EncodedColumn:
    unknown = sorted(set(as_text(column).dropna().unique()) - set(levels))
    if unknown:
        raise DatasetError(
            say(
                "The order of {name} lacks {levels}; name every level, from low to high.",
                name=quoted(column.name),
                levels=listing(unknown),
            )
        )
    return EncodedColumn(str(column.name), part=ORDER, levels=tuple(levels))


def _category(column: pd.Series, wanted: Preparation, asked: bool, named: bool) -> tuple[list[EncodedColumn], str]:
    """One column a level but the first; the rare ones beyond max_levels pooled unless that is not wanted.

    asked: whether a column that cannot be encoded is refused.  named: whether it was chosen by name;
    one that names the rows is left out else.
    """
    name, most = str(column.name), wanted.max_levels
    counts = as_text(column).value_counts()
    levels = sorted(counts.index)
    names_rows = len(levels) == counts.sum() >= FEWEST_NAMES
    if len(levels) <= most and (named or not names_rows):
        columns = [EncodedColumn(name, level, levels=tuple(levels)) for level in levels[1:]]
        note = (
            say(
                "{name} is a category: one column for each level, {level} is the reference.",
                name=quoted(name),
                level=quoted(levels[0]),
            )
            if columns
            else ""
        )
        return columns, note
    problem = say(
        "{name} holds text with {values:,} unique values ({example})",
        name=quoted(name),
        values=len(levels),
        example=_example(column),
    )
    if names_rows:
        problem = say(
            "{name} looks like an identifier: every row has its own value ({example})",
            name=quoted(name),
            example=_example(column),
        )
    frequent = counts.iloc[: most - 1]
    frequent = frequent[frequent >= LEAST_ROWS]
    if frequent.sum() > 0.05 * counts.sum() and wanted.pool:
        kept = sorted(frequent.index)
        columns = [EncodedColumn(name, level) for level in kept[1:]]  # an unknown level is one of the others
        pooled = tuple(sorted(set(levels) - set(kept)))
        columns.append(EncodedColumn(name, part=OTHER, levels=tuple(kept), pooled=pooled[:MOST_POOLED]))
        rare = int(counts.sum() - frequent.sum())
        return (
            columns,
            say(
                "{name} is a category of {levels:,} levels: the {rarest:,} rarest levels ({rows}) are pooled as other.",
                name=quoted(name),
                levels=len(levels),
                rarest=len(levels) - len(kept),
                rows=counted(rare, "row"),
            ),
        )
    if asked:
        raise DatasetError(
            say(
                "{problem}; at most {most} can be encoded, so leave it out of the features.", problem=problem, most=most
            )
        )
    if len(levels) <= most:
        return [], say("{problem} and is left out; name it among the features to use it.", problem=problem)
    return [], say("{problem} and is left out; at most {most} can be encoded.", problem=problem, most=most)
