"""Predictions for new rows: the recipe of a study's data, one of its models, and the way back to units of the target.

A study keeps the numbers of its networks, not the networks: the one that predicts is fitted once more, as the study fitted
it, and its RSS is held against the one that was recorded. A process does so once for several tables.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Mask
from kanlab.baselines.protocol import FamilyFit
from kanlab.baselines.registry import Baseline, fit_to, label
from kanlab.data.dataset import Dataset
from kanlab.data.frames import as_frame
from kanlab.data.reading.conventions import Conventions
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import Table, read_table
from kanlab.data.recipe import Recipe
from kanlab.data.writing import free_name, probability_names
from kanlab.errors import DatasetError, StudyError
from kanlab.execution.final_check import AVERAGE, AveragedNetworks, ReducedTrial, nested_below
from kanlab.execution.intervals import (
    IntervalRecord,
    average_left_out,
    checked_level,
    of_average,
    of_family,
    of_network,
)
from kanlab.execution.messages import NetworksTask, NetworkTask
from kanlab.execution.run_tasks import fit_all_in_worker, fit_in_worker
from kanlab.explain.average import AveragedModel
from kanlab.explain.interval_columns import LEVEL, interval_cells, interval_names, interval_note, relative_weights
from kanlab.kan.network import RANGE_TOLERANCE, FittedKan
from kanlab.kan.shapes import Shape
from kanlab.language import marked, say, use
from kanlab.retelling import retold
from kanlab.selection.candidates import names_words, other_families, trial_words
from kanlab.selection.headline import USES, Use
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.stats.likelihood import REGRESSION, TaskName
from kanlab.stats.metrics import squared_difference
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle, versions_changed
from kanlab.study.model_key import ModelKey
from kanlab.study.spec import StudySpec
from kanlab.study.trials import CompletedTrial
from kanlab.text import series

SAME_RSS = 1e-4  # relative: what another machine's rounding may change
HELD = marked(
    "The model goes on from the edge of that range with what it has learnt there, so trust these predictions less."
)
EXTENDED = marked("The straight line goes on there, so trust these predictions less.")


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


class Model(Protocol):
    """What predicts: inputs (rows, d) to outputs (rows,) on the scale of the fit, of more than two classes to probabilities
    (rows, classes), and True where a row had to be held.
    """

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]: ...


@dataclass(frozen=True, eq=False)
class HeldFamily:
    """A model of another family and the range (d,) its inputs had in the training rows.

    A linear model goes on beyond it as it does within; of any other family inputs are held to the range.
    """

    fitted: FamilyFit
    low: Array
    high: Array
    task: TaskName = REGRESSION

    @property
    def extends(self) -> bool:
        """Whether it is linear in its inputs, and is not held to the range of the training rows."""
        return self.fitted.extends

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]:
        slack = RANGE_TOLERANCE * np.maximum(self.high - self.low, 1.0)
        outside = np.asarray(((self.low - slack > X) | (self.high + slack < X)).any(axis=1))
        return self.fitted.predict(X if self.extends else np.clip(X, self.low, self.high)), outside


def held_family(data: Dataset, family: str, seed: int, shape: Shape = Shape()) -> HeldFamily:
    """A model of another family fitted to the training rows, within what is demanded of the effects where it can be."""
    fitted = fit_to(family, data, seed, shape)
    fitted = replace(fitted, left_out=None)  # which holds the training rows
    return HeldFamily(fitted, data.X_train.min(axis=0), data.X_train.max(axis=0), data.task)


def _average_told(label: str) -> str:
    """What an average is called (`AveragedNetworks.label`), to the reader."""
    networks, *families = re.split(", (?=the )| and (?=the )", label)
    if not families:
        return retold(label)
    if found := re.fullmatch(r"(.+) \((\d+)%\)", networks):
        networks = say("{networks} ({share:.0f}%)", networks=retold(found[1]), share=int(found[2]))
    *others, last = map(retold, families)
    return say("{names} and {last}", names=series([networks, *others]), last=last)


def extends(model: Model) -> bool:
    """Whether a model goes on beyond the training rows rather than being held at their edge."""
    return bool(getattr(model, "extends", False))


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


@use("en")  # what is kept with the model, and written into its bundle
def predictor(
    handle: StudyHandle, trial: int | None = None, family: str | None = None, use: Use | None = None
) -> Predictor:
    """The recommended model of a study, the network of a trial, or the model of another family, fitted as the study did.

    family: its name in `kanlab.baselines.registry`, such as "gam", or "average" for the mean of several networks.
    use: whether the recommended model is one to read or one to predict with; by default whichever the evidence speaks for.
    Of a given trial nothing is ranked: it is read alone, with the trials that failed before it.
    Raises StudyError where there is none, FitError where it cannot be fitted.
    """
    model, name, key = _chosen(handle, trial, family, use)
    data = Dataset.load(local_data(handle.optuna, handle.data.sha256))
    found: Model
    if isinstance(model, Baseline):
        found = held_family(data, model.family, handle.spec.seed, handle.spec.options.shape)
        notes = list[str]()
        interval = of_family(data, found, model.family, handle.spec.seed, handle.spec.options.shape)
    elif isinstance(model, AveragedNetworks):
        found, notes, interval = _averaged(handle, model, data)
    else:
        network, left_out, notes = _fitted_with_rows(handle, model, left_out=True)
        found = replace(network, features=data.features)
        used = len(model.columns) if isinstance(model, ReducedTrial) else handle.spec.options.inputs(data.d)
        interval = of_network(data, network, left_out, used)
    trial = model.number if isinstance(model, CompletedTrial) else None
    without = model.without if isinstance(model, ReducedTrial) else ()
    return Predictor(name, data.recipe, found, tuple(notes), trial, without, key, smearing(found, data), interval)


def smearing(model: Model, data: Dataset) -> float | None:
    """How many times as large as a model's predictions the means are, where it is fitted to the logarithm of a target.

    exp of a mean logarithm is a median; the mean of exp(residual) over the training rows makes a mean of it whatever the
    distribution of the residuals (Duan, JASA 78, 1983). None on other scales.
    """
    if data.target_transform.scale != "log":
        return None
    residual = data.y_train - model.predict_flagged(data.X_train)[0]
    if data.w_train is not None:
        residual = np.sqrt(data.w_train) * residual  # as of rows of weight 1
    with np.errstate(over="ignore"):
        value = float(np.mean(np.exp(residual)))
    return value if np.isfinite(value) else None


def _averaged(
    handle: StudyHandle, model: AveragedNetworks, data: Dataset
) -> tuple[AveragedModel, list[str], IntervalRecord | None]:
    """Its networks, fitted in a process of their own, and its other models; a warning where they differ from the study's;
    and what its intervals are made of.
    """
    spec, failed = handle.spec, handle.failed()
    cells = tuple((cell, nested_below(handle, cell, failed)) for cell in model.cells)
    kept = model.left_out(data.n)  # by the final check, which looked at the rows left out of each of them
    task = NetworksTask(cells=cells, engine=spec.engine, options=spec.options, seed=spec.seed, left_out=kept is None)
    networks = _all_refitted(task, local_data(handle.optuna, data.sha256))
    members: list[Model] = [replace(network, features=data.features, reach=model.reach) for network, _ in networks]
    weights = [model.share / len(members)] * len(members)
    members += [held_family(data, name, 0) for name, _ in model.families]
    weights += [share for _, share in model.families]
    averaged = AveragedModel(members, weights)
    if kept is None:
        kept = average_left_out(data, [rows for _, rows in networks], model.share, model.families)
    features = spec.options.inputs(data.d)
    interval = of_average(data, averaged, [network for network, _ in networks], model.share, kept, features)
    rss = squared_difference(averaged.predict_flagged(data.X_train)[0], data.y_train, data.w_train)
    if data.levels or np.isclose(rss, model.rss_train or 0.0, rtol=SAME_RSS):
        return averaged, [], interval
    another = say(
        "The refit of the average has an RSS (residual sum of squares) of {rss:.6g}; in the study it was {before:.6g} "
        "({changed}).",
        rss=rss,
        before=model.rss_train or 0.0,
        changed=_changed(handle),
    )
    return averaged, [another], interval


_REMEMBERED = 16  # fits: one table after another, and what explains them, are of few models


@lru_cache(_REMEMBERED)
def _refitted(task: NetworkTask, dataset: Path) -> tuple[FittedKan, Array | None]:
    """`fit_in_worker`, remembered: the file is named by the hash of the data, and the fit follows from them and the task."""
    return fit_in_worker(task, dataset)


@lru_cache(_REMEMBERED)
def _all_refitted(task: NetworksTask, dataset: Path) -> list[tuple[FittedKan, Array | None]]:
    """`fit_all_in_worker`, remembered likewise."""
    return fit_all_in_worker(task, dataset)


def _changed(handle: StudyHandle) -> str:
    """Why a refit may differ."""
    return "; ".join(versions_changed(handle)) or say("a time limit or another processor can cause this")


def _chosen(
    handle: StudyHandle, trial: int | None, family: str | None, use: Use | None
) -> tuple[CompletedTrial | Baseline | AveragedNetworks, str, ModelKey]:
    """The model that is asked for, what it is called, and its key; arguments and errors as of `predictor`."""
    if trial is not None:
        found = handle.record(trial)
        if not isinstance(found, CompletedTrial):
            raise StudyError(
                say(
                    "The study '{name}' has no complete trial {trial}; 'kanlab show' lists them.",
                    name=handle.name,
                    trial=trial,
                )
            )
        return found, trial_words(found), found.key
    validation = read_validation(handle.optuna.user_attrs)
    if use is not None and use not in USES:
        raise StudyError(say("A model is there to {uses}, not to {use!r}.", uses=" or to ".join(USES), use=use))
    if family == AVERAGE:
        average = recommend(handle, handle.records(), validation).average
        if average is None or average.model is None:
            raise StudyError(
                say(
                    "The study '{name}' has no average of several networks: it is made when a study has "
                    "ended, where it says more than a linear model.",
                    name=handle.name,
                )
            )
        return average.model, average.name, average.key
    if family is not None:
        known = {b.family: b for b in other_families(handle, validation)}
        if family not in known:
            raise StudyError(
                say(
                    "The study '{name}' has no model of the family '{family}' but {known}; 'kanlab "
                    "validate' fits the others.",
                    name=handle.name,
                    family=family,
                    known=", ".join(known),
                )
            )
        named = say("the {label} model", label=label(family, handle.data.task))
        return known[family], named, ModelKey(family)
    choice = recommend(handle, handle.records(), validation).chosen_for(use)
    if choice is None or choice.model is None:
        raise StudyError(say("The study '{name}' has no complete trial yet; run it first.", name=handle.name))
    return choice.model, choice.name, choice.key


def fitted_network(handle: StudyHandle, record: CompletedTrial) -> tuple[FittedKan, list[str]]:
    """The network of a trial on all features, and a warning where it is not the one of the study.

    Of features it does without the edges are 0.
    """
    network, _, notes = _fitted_with_rows(handle, record, left_out=False)
    return network, notes


def _fitted_with_rows(
    handle: StudyHandle, record: CompletedTrial, *, left_out: bool
) -> tuple[FittedKan, Array | None, list[str]]:
    """The same, and between them what it predicts of rows left out, where that is asked for."""
    if isinstance(record, ReducedTrial):
        ways = [record.below]
    else:
        below = nested_below(handle, record.cell, handle.failed())
        ways = [below, ()] if below else [()]
    network = None
    for below in ways:
        task = network_task(handle.spec, record, below, left_out=left_out)
        network, rows = _refitted(task, local_data(handle.optuna, handle.data.sha256))
        if np.isclose(network.rss_train, record.rss_train, rtol=SAME_RSS):
            return network, rows, []
    assert network is not None
    another = say(
        "The refit of trial {number} has an RSS (residual sum of squares) of {rss:.6g}; in the study it was "
        "{before:.6g} ({changed}).",
        number=record.number,
        rss=network.rss_train,
        before=record.rss_train,
        changed=_changed(handle),
    )
    return network, rows, [another]


def network_task(
    spec: StudySpec, record: CompletedTrial, below: tuple[int, ...], *, left_out: bool = False
) -> NetworkTask:
    """What fits the network of a trial as its study did. below, left_out: as of NetworkTask."""
    return NetworkTask(
        cell=record.cell,
        engine=spec.engine,
        options=spec.options,
        seed=spec.seed,
        below=below,
        columns=record.key.columns,
        gone=record.key.gone,
        left_out=left_out,
    )
