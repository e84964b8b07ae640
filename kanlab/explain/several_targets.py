"""Predictions of several targets at once: each by its own model, their columns beside one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, BinaryIO

import pandas as pd

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import Table, read_table
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.new_rows import overruled, read_new_rows
from kanlab.explain.predictor import Predictions, Predictor


@dataclass(frozen=True, eq=False)
class JointPredictions:
    """The new rows with the columns that each target adds, and what was done, in sentences.

    targets: by its name, what was added for each; the frame of each holds the columns of those before it as well.
    """

    frame: pd.DataFrame
    targets: dict[str, Predictions]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns that were added, in their order."""
        return [column for found in self.targets.values() for column in found.columns]


def predict_together(
    models: Sequence[Predictor], rows: Any, options: ReadOptions | None = None, interval: float | None = LEVEL
) -> JointPredictions:
    """Predict rows by the models of several targets, in whatever holds a table (kanlab.data.frames.as_frame), or a `Table`.

    options: how they are written, where that is not as in training.  interval: as of `Predictor.predict`.
    Raises DatasetError where a column a model needs is not there.
    """
    frame, found, notes = rows.frame if isinstance(rows, Table) else rows, {}, list[str]()
    for model in models:
        said = replace(model, recipe=overruled(model.recipe, options)) if options else model
        predicted = said.predict(frame, interval)
        frame, found[model.recipe.target] = predicted.frame, predicted
        notes += predicted.notes
    return JointPredictions(frame, found, tuple(dict.fromkeys(notes)))


def read_rows_of(
    source: str | PathLike[str] | BinaryIO,
    models: Sequence[Predictor],
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
    reader: Callable[..., Table] = read_table,
) -> Table:
    """Read rows to predict by several models of one table: arguments as of `kanlab.explain.new_rows.read_new_rows`."""
    widest = max(models, key=lambda model: len(model.recipe.sources))
    return read_new_rows(source, widest.recipe, name=name, options=options, reader=reader)
