"""Rows to predict: how a file of them is read, and what somebody says of it overrules of the training's way to write."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import Table, read_table
from kanlab.data.recipe import Recipe
from kanlab.errors import DatasetError
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.predictor import Predictions, Predictor


def read_new_rows(
    source: str | PathLike[str] | BinaryIO,
    recipe: Recipe,
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
    reader: Callable[..., Table] = read_table,
) -> Table:
    """Read rows to predict: any table, of a single column too, each row and cell as it is written.

    What the cells mean is for the recipe to say, as it was in training; `overruled` has it say otherwise.  reader:
    `read_table`, or what takes the same arguments.
    """
    asked, needed = replace(options or ReadOptions(), least_columns=1, cells=True, kinds={}), set(recipe.sources)
    asked = replace(asked, header=1 if asked.header is None else asked.header)
    if not asked.decimal and recipe.conventions.decimal and recipe.conventions.decimal != asked.delimiter:
        asked = replace(asked, decimal=recipe.conventions.decimal)  # of the numbers of a workbook
    if not isinstance(source, (str, PathLike)):
        source.seek(0)
        name = name or Path(getattr(source, "name", "the table")).name
        source = io.BytesIO(source.read())

    def read(wanted: ReadOptions) -> Table:
        if not isinstance(source, (str, PathLike)):
            source.seek(0)
        return reader(source, name=name, options=wanted)

    table = read(asked)
    # the names may stand in two rows, as in training, and a column of times or words looks as if its cells were several
    others: list[dict[str, Any]] = [{"header": 2}]
    if asked.delimiter is None and table.report.delimiter:
        others += [{"delimiter": sign} for sign in (",", ";", "\t", "|") if sign != asked.decimal]
    for other in others:
        if needed <= set(table.frame.columns):
            break
        with contextlib.suppress(DatasetError):
            again = read(replace(asked, **other))
            table = again if needed <= set(again.frame.columns) else table
    return table


def overruled(recipe: Recipe, options: ReadOptions) -> Recipe:
    """A recipe that reads as somebody says of a table: its decimal sign, its order of day and month, its words and kinds."""
    known = recipe.conventions.missing
    missing = None if options.missing is None else tuple(dict.fromkeys((*known, *options.missing)))
    return recipe.overruled(decimal=options.decimal, day_first=options.day_first, missing=missing, kinds=options.kinds)


def predict_table(model: Predictor, rows: Any, options: ReadOptions, interval: float | None = LEVEL) -> Predictions:
    """Predict the rows of a file (its path, or a binary stream), of a `Table`, or of a data frame.

    options: how they are written, where that is not as in training.  interval: as of `Predictor.predict`.
    """
    if isinstance(rows, (str, PathLike)) or hasattr(rows, "read"):
        rows = read_new_rows(rows, model.recipe, options=options)
    frame = rows.frame if isinstance(rows, Table) else rows
    return replace(model, recipe=overruled(model.recipe, options)).predict(frame, interval)
