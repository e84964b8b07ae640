"""Predictions for new rows: a model behind the recipe of its data, and the way back to units of the target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Mask
from kanlab.data.dataset import Dataset
from kanlab.data.frames import as_frame
from kanlab.data.reading.conventions import Conventions
from kanlab.data.recipe import Recipe
from kanlab.data.writing import free_name, probability_names
from kanlab.execution.intervals import (
    IntervalRecord,
    checked_level,
)
from kanlab.explain.interval_columns import LEVEL, interval_cells, interval_names, interval_note, relative_weights
from kanlab.explain.models import EXTENDED, HELD, Model, extends
from kanlab.language import say
from kanlab.retelling import retold
from kanlab.selection.candidates import names_words
from kanlab.study.model_key import ModelKey
from kanlab.text import series


@dataclass(frozen=True, eq=False)
class Predictions:
    """The new rows with two or more columns more, and what was done, in sentences.

    frame[predicted]: in units of the target, or the likeliest class; missing where the row cannot be predicted.
    frame[probability]: of two classes, that of the one that counts as 1, which the notes name; "" where there are none.
    probabilities: of more classes, the names of the columns that hold the probability of each.
    bounds: the names of the columns of the lower and the upper bound of each prediction, or of the set of classes that one
    stands for, which should hold the share `interval` of rows like those of the training; () where there are none.
    frame[extrapolates]: whether the row lies outside the training rows, or holds a word or a level they had not; missing where
    the row cannot be predicted for another reason.
    """

    frame: pd.DataFrame
    predicted: str
    extrapolates: str
    notes: tuple[str, ...] = ()
    probability: str = ""
    probabilities: tuple[str, ...] = ()
    interval: float | None = None
    bounds: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns that were added, in their order."""
        named = (self.predicted, *self.bounds, self.probability, *self.probabilities, self.extrapolates)
        return [c for c in named if c]


def _average_told(label: str) -> str:
    """What an average is called (`AveragedNetworks.label`), to the reader."""
    networks, *families = re.split(", (?=the )| and (?=the )", label)
    if not families:
        return retold(label)
    if found := re.fullmatch(r"(.+) \(<?([\d.]+)%\)", networks):
        networks = say("{networks} ({share:.0%})", networks=retold(found[1]), share=float(found[2]) / 100)
    *others, last = map(retold, families)
    return say("{names} and {last}", names=series([networks, *others]), last=last)


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted model behind the recipe of its data.

    fitted: its outputs are on the scale of the fit, of classes they are probabilities.  trial: its number, None for a model of
    another family.  without: features the network does without.  key: which model of its study it is; None in a bundle.
    smearing: of a target fitted by its logarithm, how many times as large as its predictions, medians, the means are.
    interval: what its intervals are made of (kanlab.stats.interval_bounds); None where it has none.
    reference: what its predictions are explained against (kanlab.explain.shapley.reference_for), where a bundle holds it.
    """

    label: str  # as it is stored: in English
    recipe: Recipe
    fitted: Model = field(repr=False)
    notes: tuple[str, ...] = ()
    trial: int | None = None
    without: tuple[str, ...] = ()
    key: ModelKey | None = None
    smearing: float | None = None
    interval: IntervalRecord | None = field(default=None, repr=False)
    reference: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What it is called, to the reader."""
        if found := re.fullmatch(r"trial (\d+): (.+)", self.label):
            return say("trial {number}: {cell}", number=found[1], cell=retold(found[2]))
        if self.without and (found := re.fullmatch(r"trial (\d+) without .+: (.+)", self.label)):
            features, cell = names_words(self.without), retold(found[2])
            return say("trial {number} without {features}: {cell}", number=found[1], features=features, cell=cell)
        if found := re.fullmatch("the (average.+)", self.label):
            return say("the {label}", label=_average_told(found[1]))
        if found := re.fullmatch("the (.+) model", self.label):
            return say("the {label} model", label=retold(found[1]))
        return retold(self.label)

    def predict(self, frame: Any, interval: float | None = LEVEL) -> Predictions:
        """Predict rows, in whatever holds a table (kanlab.data.frames.as_frame); of an array the columns are the features.

        interval: the share of rows like those of the training that intervals should hold, or sets of classes; None for
        predictions alone.
        Raises DatasetError where a column the model needs is not there, or the share is none.
        """
        level = checked_level(interval)
        known = as_frame(frame, self.recipe.sources)
        inputs = self.recipe.apply(known)
        frame = frame if isinstance(frame, pd.DataFrame) else known  # the cells given, whatever was made of them
        levels = self.recipe.levels
        values = np.full((len(frame), len(levels)) if len(levels) > 2 else len(frame), np.nan)
        outside = pd.array([pd.NA] * len(frame), dtype="boolean")
        ready, notes, cells = inputs.complete, list(inputs.notes), list[Sequence[Any]]()
        weights = self._weights(known)
        if ready.any():
            outputs, held = inputs.predicted(self.fitted.predict_flagged)
            values[ready] = self.recipe.to_units(outputs)
            outside[ready] = held
            if level is not None and self.interval is not None:
                X = inputs.X[ready]
                cells = interval_cells(
                    self.interval,
                    levels,
                    outputs,
                    X,
                    level,
                    self.recipe.to_units,
                    None if weights is None else weights[ready],
                )
            if held.any():
                notes.append(
                    say(
                        "{outside:,} of {rows:,} rows lie outside the range of the training rows. {how}",
                        outside=int(held.sum()),
                        rows=len(frame),
                        how=say(EXTENDED) if extends(self.fitted) else say(HELD),
                    )
                )
        if inputs.unknown is not None:
            outside[inputs.unknown] = True  # whether it could be predicted or not
        target, taken = self.recipe.target, set(map(str, frame.columns))
        predicted, probability, extrapolates = (
            free_name(f"{target}_{word}", taken) for word in ("predicted", "probability", "extrapolates")
        )
        within: dict[str, Any] = {}
        if level is not None and self.interval is not None:
            within = _in_rows(interval_names(target, levels, taken), cells, ready, words=bool(levels))
            any_outside = bool(outside.any())
            notes.append(interval_note(self.interval, list(within), level, outside=any_outside, weights=weights))
        done = frame.rename(columns=str)
        more: dict[str, Any] = {"interval": level if within else None, "bounds": tuple(within)}
        if len(levels) > 2:
            names = probability_names(target, levels, taken)
            notes.append(
                say(
                    "The columns {first!r} to {last!r} hold the probability of each class.",
                    first=names[0],
                    last=names[-1],
                )
            )
            columns = {predicted: self.recipe.to_levels(values)} | within | dict(zip(names, values.T, strict=True))
            done = done.assign(**columns, **{extrapolates: outside})
            return Predictions(done, predicted, extrapolates, tuple(notes), probabilities=names, **more)
        if self.smearing is not None:
            notes.append(
                say(
                    "'{predicted}' is a median, for the model was fitted to a logarithm; the mean is "
                    "about {smearing:.4g} times as large (Duan's smearing estimate).",
                    predicted=predicted,
                    smearing=self.smearing,
                )
            )
        if self.recipe.distribution == "poisson":
            notes.append(
                say("'{predicted}' is the mean of a count, and so seldom a whole number.", predicted=predicted)
            )
        if not levels:
            done = done.assign(**{predicted: values}, **within, **{extrapolates: outside})
            return Predictions(done, predicted, extrapolates, tuple(notes), **more)
        zero, one = levels
        notes.append(
            say(
                "'{probability}' is the probability of '{one}' rather than '{zero}'. From 0.5 on, "
                "'{one}' is predicted.",
                probability=probability,
                one=one[:60],
                zero=zero[:60],
            )
        )
        columns = {predicted: self.recipe.to_levels(values)} | within | {probability: values, extrapolates: outside}
        return Predictions(done.assign(**columns), predicted, extrapolates, tuple(notes), probability, **more)

    def _weights(self, frame: pd.DataFrame) -> Array | None:
        """How precise the rows are, as of `relative_weights`."""
        name = ((self.interval or {}).get("weight") or {}).get("column")
        if self.interval is None or name not in frame.columns:
            return None
        decimal = self.recipe.conventions.decimal or Conventions.of(frame).decimal or "."
        return relative_weights(self.interval, frame[name].tolist(), decimal)


def _in_rows(names: Sequence[str], cells: Sequence[Sequence[Any]], ready: Mask, *, words: bool) -> dict[str, Any]:
    """Columns of all rows from the cells of those that can be predicted."""
    columns: dict[str, Any] = {}
    for i, name in enumerate(names):
        column = np.full(len(ready), None if words else np.nan, dtype=object if words else float)
        if cells:
            column[ready] = cells[i]
        columns[name] = column
    return columns


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Probabilities p (n,), of more than two classes (n, classes), and outcomes y (n,) of rows, and which they are: test, or
    training where none are held out.
    """

    p: Array
    y: Array
    rows: str


def held_out(predictor: Predictor, data: Dataset) -> HeldOut:
    """A model of classes on the test rows."""
    if len(data.y_test):
        return HeldOut(predictor.fitted.predict_flagged(data.X_test)[0], data.y_test, "test")
    return HeldOut(predictor.fitted.predict_flagged(data.X_train)[0], data.y_train, "training")
