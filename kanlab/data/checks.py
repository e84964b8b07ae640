"""Warnings about a table in plain words: what is noticed, and what to do about it. One function a check; CHECKS lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.column_checks import (
    MOST_ROWS,
    correlation,
    is_identifier,
    is_ordered,
    is_time,
    outlier_count,
    repeated_columns,
    skewness,
)
from kanlab.data.column_profile import ColumnProfile
from kanlab.data.encoders import is_numeric, to_numbers
from kanlab.data.odd_cells import OddCells, odd_columns
from kanlab.data.preparation import MAX_LEVELS
from kanlab.data.target import class_levels
from kanlab.language import marked, percent, say
from kanlab.text import agreeing, counted, listing, quoted

HEAVY_TAIL = 3.0  # skewness: a lognormal of sigma 0.7
LEAK_CORRELATION = 0.9999
NEAR_LEAK_CORRELATION = 0.995
FEW_TARGET_VALUES = 10
ROWS_A_PARAMETER = 10
_NAMED = 5  # columns a sentence names before it says "and more"

Remedy = Literal[
    "",
    "leave out",
    "log",
    "rank",
    "fill",
    "pool",
    "read as",
    "drop copies",
    "split by time",
    "screen",
    "classes",
]


@dataclass(frozen=True)
class TableWarning:
    """What is noticed, what to do, and the columns it is about.

    remedy: what answers it at once, where there is such a thing.  details: what it needs beside the columns: the kind of
    "read as", the number of features of "screen".
    """

    kind: str
    sentence: str
    columns: tuple[str, ...] = ()
    remedy: Remedy = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class CheckedTable:
    """A table as the checks look at it; what several of them need is measured once. copies: its repeated rows."""

    frame: pd.DataFrame
    columns: Sequence[ColumnProfile]
    target: str | None
    copies: int

    @cached_property
    def numbers(self) -> dict[str, Array]:
        """Columns of numbers, their first rows."""
        return {c: to_numbers(self.frame[c].iloc[:MOST_ROWS]) for c in self.frame.columns if is_numeric(self.frame[c])}

    @cached_property
    def numeric_target(self) -> ColumnProfile | None:
        return next((c for c in self.columns if c.name == self.target and c.name in self.numbers), None)

    @cached_property
    def others(self) -> list[ColumnProfile]:
        """All columns but the target."""
        return [c for c in self.columns if c.name != self.target]

    @cached_property
    def varying(self) -> list[ColumnProfile]:
        """Those of them that hold more than one value."""
        return [c for c in self.others if c.kind != "constant"]

    @cached_property
    def identifiers(self) -> list[str]:
        rows = len(self.frame) - self.copies
        nearly = {name for name, odd in self.odd.items() if odd.kind not in ("code", "long number")}
        known = (c for c in self.varying if c.name not in nearly)
        return [c.name for c in known if is_identifier(c, self.frame[c.name], rows)]

    @cached_property
    def heavy_tails(self) -> list[str]:
        numeric = [c.name for c in self.others if c.name in self.numbers and c.name not in self.identifiers]
        return [name for name in numeric if skewness(self.numbers[name]) > HEAVY_TAIL]

    @cached_property
    def odd(self) -> dict[str, OddCells]:
        """Columns of text that nearly are something else."""
        return dict(odd_columns(self.frame))

    def scale_for(self, column: str) -> Remedy:
        """The scale for a heavy tail: the logarithm, or the rank where values lie below 0."""
        return "log" if float(np.nanmin(self.numbers[column])) >= 0 else "rank"


def table_warnings(
    frame: pd.DataFrame, columns: Sequence[ColumnProfile], target: str | None, copies: int
) -> tuple[TableWarning, ...]:
    """All warnings about a table, the gravest first. copies: its repeated rows."""
    table = CheckedTable(frame, columns, target, copies)
    return tuple(warning for check in CHECKS for warning in check(table))


# ---- of the target


def target_leaks(table: CheckedTable) -> Iterator[TableWarning]:
    """Features that are the target up to a factor, or nearly."""
    if table.numeric_target is None:
        return
    y = table.numbers[table.numeric_target.name]
    yield from leaks_among({c: x for c, x in table.numbers.items() if c != table.target}, y)


def leaks_among(columns: Mapping[str, Array], y: Array) -> Iterator[TableWarning]:
    """The columns (n,) of numbers that are y (n,) up to a factor, or nearly."""
    found = {name: correlation(x, y) for name, x in columns.items()}
    leaks = [name for name, r in found.items() if r > LEAK_CORRELATION]
    for name, r in found.items():
        if NEAR_LEAK_CORRELATION < r <= LEAK_CORRELATION:
            yield TableWarning(
                marked("nearly the target"),
                say(
                    "{name} alone explains {share:.1%} of the variance of the target: remove it if it "
                    "measures the same thing or is known only after the target, or every score is too "
                    "good.",
                    name=quoted(name),
                    share=r**2,
                ),
                (name,),
                "leave out",
            )
    if leaks:
        yield TableWarning(
            marked("equals the target"),
            say(
                "{leaks} and the target are the same up to a factor: remove from the features what "
                "is not known before the target, or every score is too good.",
                leaks=listing(leaks),
            ),
            tuple(leaks),
            "leave out",
        )


def target_with_few_values(table: CheckedTable) -> Iterator[TableWarning]:
    """Whole numbers that may be names of classes."""
    target = table.numeric_target
    if target is not None and target.kind == "whole number" and 2 < target.unique <= FEW_TARGET_VALUES:
        yield TableWarning(
            marked("few values"),
            say(
                "The target {name} has only {unique} unique values: it may be a class rather than a "
                "quantity. As a number its mean is predicted; as classes, the probability of each.",
                name=quoted(target.name),
                unique=target.unique,
            ),
            (target.name,),
            "classes" if class_levels(table.frame[target.name]) else "",
        )


def target_with_a_heavy_tail(table: CheckedTable) -> Iterator[TableWarning]:
    """Few rows would decide the fit."""
    target = table.numeric_target
    if target is not None and skewness(table.numbers[target.name]) > HEAVY_TAIL:
        scale = table.scale_for(target.name)
        yield TableWarning(
            marked("heavy tail"),
            say(
                "The target {name} has a heavy tail, so a few rows dominate the fit: predict its "
                "{scale} instead (under Prepare).",
                name=quoted(target.name),
                scale=say(_SCALE_NAMES[scale]),
            ),
            (target.name,),
            scale,
        )


def target_with_missing_values(table: CheckedTable) -> Iterator[TableWarning]:
    """Rows that cannot be used."""
    target = table.numeric_target
    if target is not None and target.missing:
        rows = counted(target.missing, "row")
        yield TableWarning(
            marked("missing"),
            say(
                "The target {name} is missing in {rows}, which {is_or_are} left out.",
                name=quoted(target.name),
                rows=rows,
                is_or_are=agreeing(target.missing, "is", "are"),
            ),
            (target.name,),
        )


# ---- of the other columns


def identifiers(table: CheckedTable) -> Iterator[TableWarning]:
    """Numbers and names of the rows."""
    if ids := table.identifiers:
        yield TableWarning(
            marked("identifier"),
            say(
                "{ids} {looks} like a row number or name, which says nothing about new rows: remove "
                "{it} from the features.",
                ids=listing(ids),
                looks=agreeing(len(ids), "looks", "look"),
                it=agreeing(len(ids), "it", "them"),
            ),
            tuple(ids),
            "leave out",
        )


def columns_that_repeat_others(table: CheckedTable) -> Iterator[TableWarning]:
    """Columns equal to another one in every row."""
    if pairs := repeated_columns(table.frame, [c.name for c in table.varying]):
        repeats = ", ".join(
            say("{column} repeats {other}", column=quoted(b), other=quoted(a)) for a, b in pairs[:_NAMED]
        )
        yield TableWarning(
            marked("repeated"),
            say("{repeats}: one of the two is enough.", repeats=repeats),
            tuple(b for _, b in pairs),
            "leave out",
        )


def constant_columns(table: CheckedTable) -> Iterator[TableWarning]:
    """Columns that say nothing."""
    if constant := [c.name for c in table.others if c.kind == "constant"]:
        sentence = (
            say("{column} holds a single value and is left out.", column=listing(constant))
            if len(constant) == 1
            else say("{columns} hold a single value each and are left out.", columns=listing(constant))
        )
        yield TableWarning(marked("constant"), sentence, tuple(constant))


def missing_values(table: CheckedTable) -> Iterator[TableWarning]:
    """Features with gaps, those with most of them first."""
    if gaps := sorted((c for c in table.others if c.missing), key=lambda c: -c.missing):
        words = [f"{quoted(c.name)} {percent(c.missing / len(table.frame))}" for c in gaps]
        emptier = say(" A column that lacks more than half of its values is left out itself.")
        yield TableWarning(
            marked("missing"),
            say(
                "Values are missing in {columns}: their rows are left out unless you fill the gaps (under Prepare).",
                columns=_first(words),
            )
            + emptier * (2 * gaps[0].missing > len(table.frame)),
            tuple(c.name for c in gaps),
            "fill",
        )


def heavy_tails(table: CheckedTable) -> Iterator[TableWarning]:
    """Features most of whose rows would share a few intervals of the grid."""
    for scale, name in _SCALE_NAMES.items():
        if columns := [c for c in table.heavy_tails if table.scale_for(c) == scale]:
            yield TableWarning(
                marked("heavy tail"),
                say(
                    "{columns} {has} a heavy tail, so most rows share a few intervals of the grid: use "
                    "the {scale} (under Prepare).",
                    columns=listing(columns),
                    has=agreeing(len(columns), "has", "have"),
                    scale=say(name),
                ),
                tuple(columns),
                scale,
            )


def outliers(table: CheckedTable) -> Iterator[TableWarning]:
    """Single values far from all others."""
    numeric = (c.name for c in table.others if c.name in table.numbers and c.name not in table.heavy_tails)
    counts = {name: count for name in numeric if (count := outlier_count(table.numbers[name]))}
    if counts:
        words = [f"{quoted(name)} ({count:,})" for name, count in counts.items()]
        yield TableWarning(
            marked("outliers"),
            say(
                "Outliers lie far from all other values in {columns}: check whether they are real, or "
                "use the rank (under Prepare).",
                columns=_first(words),
            ),
            tuple(counts),
            "rank",
        )


def texts_of_many_levels(table: CheckedTable) -> Iterator[TableWarning]:
    """Text that cannot become one column for each level."""
    known = {*table.identifiers, *table.odd}
    if names := [c.name for c in table.others if c.kind == "text" and c.name not in known]:
        yield TableWarning(
            marked("many levels"),
            say(
                "{names} {holds} text with more than {max_levels} unique values: the rare ones are "
                "pooled, or the column is left out (under Prepare).",
                names=listing(names),
                holds=agreeing(len(names), "holds", "hold"),
                max_levels=MAX_LEVELS,
            ),
            tuple(names),
            "pool",
        )


def odd_texts(table: CheckedTable) -> Iterator[TableWarning]:
    """Text that nearly is a quantity or a date, and codes that are none."""
    for name, odd in table.odd.items():
        if name not in table.identifiers:
            yield TableWarning(
                odd.kind, odd.sentence, (name,), "read as" if odd.read_as else "leave out", (odd.read_as,)
            )


def text_cells(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[TableWarning]:
    """Numbers that are text in a workbook, as codes are. columns: those that reading found."""
    for name in columns:
        if name in frame.columns and is_numeric(frame[name]):
            some = listing([f"{value:g}" for value in frame[name].dropna().unique()[:2]])
            yield TableWarning(
                marked("text cells"),
                say(
                    "{name} holds numbers that are text in the workbook, such as {some}, and is taken "
                    "for a quantity: where they are codes, read the column as text.",
                    name=quoted(name),
                    some=some,
                ),
                (name,),
                "read as",
                ("text",),
            )


# ---- of the rows


def few_rows(table: CheckedTable) -> Iterator[TableWarning]:
    """More features than the rows can support."""
    rows = len(table.frame)
    features = sum(1 for c in table.others if c.kind not in ("constant", "text"))
    if 0 < rows < ROWS_A_PARAMETER * 5 * features:
        supported = max(1, rows // ROWS_A_PARAMETER)
        support = {
            "rows": counted(rows, "row"),
            "parameters": counted(supported, "parameter"),
            "rows_each": ROWS_A_PARAMETER,
        }
        yield TableWarning(
            marked("few rows"),
            say(
                "{rows} can support about {parameters} ({rows_each} rows each), and the smallest network needs "
                "about 4 for each of the {features:,} features: fewer features may predict better.",
                features=features,
                **support,
            )
            if features > 1
            else say(
                "{rows} can support about {parameters} ({rows_each} rows each), and the smallest network needs "
                "more: bring more rows if you can.",
                **support,
            ),
            (),
            "screen" if features > 1 else "",
            (str(max(1, min(features - 1, supported // 5))),),
        )


def repeated_rows(table: CheckedTable) -> Iterator[TableWarning]:
    """Rows that equal others in every column."""
    if table.copies:
        yield TableWarning(
            marked("repeated rows"),
            say(
                "{rows} {repeat} in every column: leave the copies out (under Prepare), because a "
                "copy of a training row among the test rows makes the test too easy.",
                rows=counted(table.copies, "row"),
                repeat=agreeing(table.copies, "repeats another", "repeat others"),
            ),
            (),
            "drop copies",
        )


def rows_in_time_order(table: CheckedTable) -> Iterator[TableWarning]:
    """Rows that follow a date or a year."""
    frame = table.frame
    times = (c.name for c in table.columns if is_time(c, frame[c.name]) and is_ordered(frame[c.name]))
    if (first := next(times, None)) is not None:
        yield TableWarning(
            marked("in time order"),
            say(
                "The rows follow {column} in time: to predict the future, hold out the latest rows "
                "(split by time, under Prepare).",
                column=quoted(first),
            ),
            (first,),
            "split by time",
        )


# the gravest first
CHECKS: tuple[Callable[[CheckedTable], Iterator[TableWarning]], ...] = (
    target_leaks,
    target_with_few_values,
    target_with_a_heavy_tail,
    target_with_missing_values,
    odd_texts,
    identifiers,
    columns_that_repeat_others,
    constant_columns,
    missing_values,
    heavy_tails,
    outliers,
    texts_of_many_levels,
    few_rows,
    repeated_rows,
    rows_in_time_order,
)

_SCALE_NAMES: dict[Remedy, str] = {"log": marked("logarithm"), "rank": marked("rank")}


def _first(words: Sequence[str]) -> str:
    first = ", ".join(words[:_NAMED])
    return say("{columns} and more", columns=first) if len(words) > _NAMED else first
