"""A column of new rows in the type it had in training, by the conventions of the training table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanlab.arrays import Mask
from kanlab.data.encoders import as_text, is_boolean, is_date, is_numeric, to_numbers
from kanlab.data.reading.cells import date_of, missing_words, order_of
from kanlab.data.reading.conventions import ColumnConvention, ColumnKind, Conventions
from kanlab.errors import DatasetError
from kanlab.language import marked, say
from kanlab.text import quoted

MISSING_CELL, AVERAGE = marked("missing"), marked("the average of the training rows")
POOLED = marked("one of the pooled ones")


@dataclass(frozen=True, eq=False)
class Column:
    """Values (rows,), where a cell is none of the kind and counts as missing, and what to say of that."""

    values: pd.Series
    unreadable: Mask
    notes: tuple[str, ...] = ()


def read_column(
    column: pd.Series,
    kind: ColumnKind,
    known: Conventions,
    found: Conventions,
    levels: Sequence[str] = (),
    counts: str = MISSING_CELL,
) -> Column:
    """A column of a table to predict.

    kind: "number", "date" or "text", as the model takes it.  known: of the training table.  found: of the table the column
    comes from; where its cells are still as they were written it says what they are where training does not know.
    levels: of a category, which are no words for missing.  counts: what a cell of none of the kind counts as.

    Raises DatasetError where the column was read otherwise than in training and its cells are no longer known.
    """
    how = known.columns.get(str(column.name))
    written = not (is_numeric(column) or is_date(column))
    if kind == "text":
        return _words(column, known if known.columns else found, levels, whether=written and (found.cells or bool(how)))
    if written:
        return _cells(column, kind, known, found, counts)
    values = column
    if is_date(column) and how is not None and how.kind == "date":
        values = _in_order(column, how, found.columns.get(str(column.name)))
    elif is_numeric(column) and kind == "date":
        text = as_text(column)
        return _cells(text.astype("str").where(text.notna()), kind, known, found, counts)
    elif is_numeric(column):
        _check_sign(column, how, found.columns.get(str(column.name)))
        numbers = known.missing_numbers
        if numbers and not is_boolean(column):  # True is no 1, whatever that means elsewhere
            values = column.where(~column.isin(numbers))
    return Column(values, np.zeros(len(column), dtype=bool))


def _words(column: pd.Series, known: Conventions, levels: Sequence[str], *, whether: bool) -> Column:
    """Text; the words for missing are it where the table holds its cells as they were written."""
    nothing = np.zeros(len(column), dtype=bool)
    if not whether:
        return Column(column, nothing)
    text, missing = column.astype("str").str.strip().fillna(""), missing_words(known.missing)
    gone = column.isna() | text.map(lambda cell: missing(cell) and cell not in levels).astype(bool)
    return Column(text.where(~gone), nothing)


def _cells(column: pd.Series, kind: ColumnKind, known: Conventions, found: Conventions, counts: str) -> Column:
    """Cells of text by the conventions of training, or where it had none as this table is written."""
    name, text = str(column.name), column.astype("str").where(column.notna())
    trained = name in known.columns
    decimal = known.decimal or found.decimal
    words = known.missing if known.columns or not found.cells else found.missing
    known = Conventions(decimal, words, known.columns)
    values, bad = known.read(text, kind)
    if not trained and bad and values.isna().all() and counts == MISSING_CELL:
        shown = {"name": quoted(name), "bad": quoted(bad[0], 40)}
        raise DatasetError(
            say("The column {name} holds values such as {bad}, not dates.", **shown)
            if kind == "date"
            else say("The column {name} holds values such as {bad}, not numbers.", **shown)
        )
    notes = (known.complaint(name, bad, kind, counts),) if bad else ()
    lost = text.str.strip().isin(bad).to_numpy(dtype=bool) if bad else np.zeros(len(text), dtype=bool)
    return Column(values, lost, notes)


def _in_order(column: pd.Series, how: ColumnConvention, found: ColumnConvention | None) -> pd.Series:
    """Dates with day and month as training has them, where the table they come from took them the other way round."""
    if (
        found is None
        or found.kind != "date"
        or order_of(found.date) in ("", order_of(how.date))
        or not order_of(how.date)
    ):
        return column
    again = {when: date_of(when.strftime(found.date), how.date) for when in column.dropna().unique()}
    return pd.to_datetime(column.map(again))


def _check_sign(column: pd.Series, how: ColumnConvention | None, found: ColumnConvention | None) -> None:
    """Refuse numbers that may have lost their thousands: 1.500 read with a point where training has a comma."""
    if how is None or found is None or not found.decimal or not how.decimal or how.decimal == found.decimal:
        return
    broken = pd.Series(to_numbers(column)).dropna()
    broken = broken[broken % 1 != 0].abs()
    thousands = (broken * 1000).round(6)
    if len(broken) and bool(((broken >= 1) & (broken < 1000) & (thousands % 1 == 0)).all()):
        signs = {".": say("point"), ",": say("comma")}
        raise DatasetError(
            say(
                "{name} was read with a decimal {sign}, and the training table has a decimal "
                "{other}: give the file itself to predict, or read it with decimal='{decimal}'.",
                name=quoted(column.name),
                sign=signs[found.decimal],
                other=signs[how.decimal],
                decimal=how.decimal,
            )
        )
