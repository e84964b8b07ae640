"""Predictions for new rows: the recipe of a study's data, one of its models, and the way back to units of the target.

A study keeps the numbers of its networks, not the networks: the one that predicts is fitted once more, as the study fitted
it, and its RSS is held against the one that was recorded.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanlab.appraisal import ReducedTrial, lower_rungs
from kanlab.artifacts import local_data
from kanlab.candidates import cell_words, reduced_words
from kanlab.dataset import Dataset
from kanlab.dialect import ReadOptions
from kanlab.encoding import is_date, is_numeric
from kanlab.errors import FitError, StudyError
from kanlab.families import LABELS, Baseline, fit_named
from kanlab.judging import read_judgement
from kanlab.kan import RANGE_TOLERANCE, FittedKan
from kanlab.reading import Table, read_table
from kanlab.recipe import Recipe
from kanlab.study import StudyHandle, TrialRecord, versions_changed
from kanlab.taskpool import Failure, Task, run_tasks
from kanlab.verdict import verdict

Array = NDArray[np.float64]
Model = Callable[[Array], tuple[Array, NDArray[np.bool_]]]

SAME_RSS = 1e-4  # relative: what another machine's rounding may change


@dataclass(frozen=True, eq=False)
class Predictions:
    """The new rows with two columns more, and what was done, in sentences.

    frame[predicted]: in units of the target, nan where the row cannot be predicted.
    frame[extrapolates]: whether the row lies outside the training rows, so that the model was held at their edge.
    """

    frame: pd.DataFrame
    predicted: str
    extrapolates: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Predictor:
    """A fitted model behind the recipe of its data. model: inputs (rows, d) to outputs on the scale of the fit and a mask."""

    label: str
    recipe: Recipe
    model: Model = field(repr=False)
    notes: tuple[str, ...] = ()

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict rows. Raises DatasetError where a column the model needs is not there."""
        inputs = self.recipe.apply(frame)
        values = np.full(len(frame), np.nan)
        outside = pd.array([pd.NA] * len(frame), dtype="boolean")
        ready, notes = inputs.complete, list(inputs.notes)
        if ready.any():
            outputs, held = self.model(inputs.X[ready])
            values[ready] = self.recipe.to_units(outputs)
            outside[ready] = held
            if held.any():
                notes.append(
                    f"{int(held.sum()):,} of {len(frame):,} rows lie outside the training rows; the model is held at their "
                    "edge there, so trust these predictions less."
                )
        target, taken = self.recipe.target, set(map(str, frame.columns))
        predicted, extrapolates = (_free(f"{target}_{word}", taken) for word in ("predicted", "extrapolates"))
        done = frame.rename(columns=str).assign(**{predicted: values, extrapolates: outside})
        return Predictions(done, predicted, extrapolates, tuple(notes))


def _free(name: str, taken: set[str]) -> str:
    """A column's name that the rows do not have yet."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def read_new_rows(
    source: str | PathLike[str] | BinaryIO,
    recipe: Recipe,
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
) -> Table:
    """Read rows to predict: any table, of a single column too, with categories as the text they were in training."""
    asked = replace(options or ReadOptions(), header=True, least_columns=1)
    if not isinstance(source, (str, PathLike)):
        source.seek(0)
        name = name or Path(getattr(source, "name", "the table")).name
        source = io.BytesIO(source.read())
    table = read_table(source, name=name, options=asked)
    categories = {c.source for c in recipe.columns if c.levels}
    changed = [
        c for c in table.frame.columns if c in categories and (is_numeric(table.frame[c]) or is_date(table.frame[c]))
    ]
    if not changed:
        return table
    if not isinstance(source, (str, PathLike)):
        source.seek(0)
    return read_table(source, name=name, options=replace(asked, kinds=dict.fromkeys(changed, "text")))


def predictor(handle: StudyHandle, trial: int | None = None) -> Predictor:
    """The recommended model of a study, or the network of a trial, fitted once more as the study did.

    Raises StudyError where there is none, FitError where it cannot be fitted.
    """
    records = handle.records()
    chosen: TrialRecord | ReducedTrial | Baseline | None
    if trial is None:
        choice = verdict(handle, records, read_judgement(handle.optuna.user_attrs)).choice
        chosen = choice.model if choice else None
        if chosen is None:
            raise StudyError(f"The study '{handle.name}' has no finished model yet; let it run first.")
    else:
        chosen = next((r for r in records if r.number == trial and r.state == "complete"), None)
        if chosen is None:
            raise StudyError(f"The study '{handle.name}' has no complete trial {trial}; 'kanlab show' lists them.")
    data = Dataset.load(local_data(handle.optuna, handle.data.sha256))
    if isinstance(chosen, Baseline):
        label = f"the {LABELS.get(chosen.family, chosen.family)} model"
        return Predictor(label, data.recipe, _family_model(chosen.family, data, handle.spec.seed))
    network, notes = fitted_network(handle, chosen, records)
    words = (
        reduced_words(chosen)
        if isinstance(chosen, ReducedTrial)
        else f"trial {chosen.number}: {cell_words(chosen.cell)}"
    )
    return Predictor(words, data.recipe, network.predict_flagged, tuple(notes))


def _family_model(family: str, data: Dataset, seed: int) -> Model:
    fitted = fit_named(family, data.X_train, data.y_train, seed)
    low, high = data.X_train.min(axis=0), data.X_train.max(axis=0)
    slack = RANGE_TOLERANCE * np.maximum(high - low, 1.0)

    def model(X: Array) -> tuple[Array, NDArray[np.bool_]]:
        outside = ((low - slack > X) | (high + slack < X)).any(axis=1)
        return fitted.predict(np.clip(X, low, high)), outside

    return model


def fitted_network(
    handle: StudyHandle, record: TrialRecord | ReducedTrial, records: list[TrialRecord]
) -> tuple[FittedKan, list[str]]:
    """The network of a trial on all features, and a warning where it is not the one of the study.

    Of features it does without the edges are 0.
    """
    if isinstance(record, ReducedTrial):
        ways = [record.below]
    else:
        below = lower_rungs(handle, record.cell, records)
        ways = [below, ()] if below else [()]
    network = None
    for below in ways:
        network = _fitted(handle, record, below)
        if np.isclose(network.rss_train, record.rss_train or 0.0, rtol=SAME_RSS):
            return network, []
    assert network is not None
    changed = "; ".join(versions_changed(handle)) or "a time limit, or another processor, can do that"
    return network, [
        f"Fitted again, trial {record.number} has an RSS of {network.rss_train:.6g} where the study had "
        f"{record.rss_train:.6g} ({changed})."
    ]


def _fitted(handle: StudyHandle, record: TrialRecord | ReducedTrial, below: tuple[int, ...]) -> FittedKan:
    """Fitted in a process of its own, which may load what the engine needs."""
    spec = handle.spec
    arguments = {
        "cell": list(record.cell),
        "engine": spec.engine,
        "options": asdict(spec.options),
        "seed": spec.seed,
        "below": list(below),
        "columns": list(record.columns) if isinstance(record, ReducedTrial) else None,
    }
    path = local_data(handle.optuna, handle.data.sha256)
    pykan = spec.engine.startswith("pykan")
    (answer,) = run_tasks([Task("model", arguments)], path, workers=1, preload_pykan=pykan)
    if isinstance(answer, Failure):
        raise FitError(answer.reason)
    return FittedKan.from_arrays({name: np.array(values, dtype=kind) for name, (kind, values) in answer.items()})
