"""A table encoded and split into training and test rows: what a `Dataset` is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index, Mask
from kanlab.data.encoders import EncodedColumn, encode_features
from kanlab.data.filters import check_size, screened_columns, usable_rows, varying_columns, worth_their_gaps
from kanlab.data.frames import as_frame
from kanlab.data.preparation import Preparation
from kanlab.data.reading.conventions import Conventions
from kanlab.data.recipe import fitted
from kanlab.data.row_weights import in_units, precisions, written_out
from kanlab.data.scale_choice import settled
from kanlab.data.splits import split_rows
from kanlab.data.target import AUTO, Target, in_words, read_target, refuse_odd_target
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.stats.likelihood import (
    REGRESSION,
    Distribution,
)
from kanlab.text import agreeing, listing, quoted, short


@dataclass(frozen=True, eq=False)
class Assembled:
    """The fields of a `Dataset` but its name."""

    target: str
    columns: tuple[EncodedColumn, ...]
    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    rows: int
    notes: tuple[str, ...]
    target_transform: Transform
    preparation: Preparation
    levels: tuple[str, ...]
    conventions: Conventions
    distribution: Distribution
    w_train: Array | None
    w_test: Array | None
    w_unit: float


def assemble(
    frame: Any,
    target: str,
    features: Sequence[str] | None,
    wanted: Preparation,
    test_fraction: float,
    seed: int,
    task: str,
    positive: str | None,
) -> Assembled:
    """What `Dataset.from_frame` makes of a table; arguments and errors as there."""
    _check_fraction_and_seed(test_fraction, seed)
    frame, target = _with_unique_names(as_frame(frame)), str(target)
    features = None if features is None else [str(name) for name in features]
    notes: list[str] = []
    precision: Array | None = None
    refuse_odd_target(frame, target, task)
    if wanted.is_weighed:
        frame, precision, notes = precisions(frame, wanted.weights, target, features)
        # they say how far the target itself may be off, which another scale would change
        wanted = replace(wanted, target_scale="none") if wanted.target_scale == AUTO else wanted
    elif wanted.weights:
        frame, said = written_out(frame, wanted.weights, target, features)
        notes.append(said)
    found = read_target(frame if task == REGRESSION else in_words(frame, target), target, task, positive)
    if found.distribution and task == AUTO and (wanted.asks_for_a_scale or precision is not None):
        found = read_target(frame, target, REGRESSION)
    levels = found.levels
    _refuse_what_contradicts(wanted, target, found, weighed=precision is not None)
    likely, left_out = encode_features(frame, target, features, wanted, asked=False)  # whose gaps cost rows
    known, said_of_others = worth_their_gaps(frame, target, features, likely, wanted)
    rows, y = usable_rows(frame, target, found.y, known, wanted, notes)
    train, test = _split(rows, y, wanted, test_fraction, seed, classes=bool(levels))

    # from here on, whatever is learned of the data is learned on the training rows
    if features is None:
        names = list(dict.fromkeys(c.source for c in known))
        columns, said_of_columns = encode_features(rows.iloc[train], target, names, wanted, asked=False, named=False)
    else:
        columns, said_of_columns = encode_features(rows.iloc[train], target, features, wanted)
    notes = [*said_of_others, *said_of_columns, *([found.note] if found.note else []), *notes]
    if not columns:
        raise DatasetError(_no_feature(target, left_out))
    quantity = not levels and not found.distribution
    wanted, said_of_scale = settled(wanted, target, columns, rows.iloc[train], y[train], quantity=quantity)
    notes += [said_of_scale] if said_of_scale else []
    scale = Transform.fit(y[train], wanted.target_scale, target)
    y = scale.of_target(y)
    columns, filled = fitted(columns, rows.iloc[train], wanted)
    X = np.column_stack([c.encode(rows) for c in columns])
    train, test = _known(X, train, test, notes)
    check_size([(target, y), *((c.name, x) for c, x in zip(columns, X.T, strict=True))])
    columns, X = varying_columns(columns, X, train, notes)
    _check_that_it_varies(target, y[train], levels)
    if wanted.screen is not None:
        columns, X = screened_columns(columns, X, y, train, wanted.screen, notes)
    w_train, w_test, w_unit = None, None, 1.0
    if precision is not None:
        of_rows = precision[rows.index]
        w_train, w_test, w_unit = in_units(of_rows[train], of_rows[test])
    conventions = Conventions.of(frame).only([target, *(c.source for c in columns)])
    notes += filled
    return Assembled(
        target,
        tuple(columns),
        X[train],
        y[train],
        X[test],
        y[test],
        len(frame),
        tuple(notes),
        scale,
        wanted,
        levels,
        conventions,
        found.distribution,
        w_train,
        w_test,
        w_unit,
    )


def _refuse_what_contradicts(wanted: Preparation, target: str, found: Target, *, weighed: bool) -> None:
    """Raises DatasetError where a class or a count is to have a scale, or weights that say how precise it is."""
    levels = found.levels
    if weighed and (levels or found.distribution):
        raise DatasetError(
            say(
                "Weights cannot say how precise a class such as {level} is: whatever a row weighs, how often its class "
                "differs follows from the probability. Where they count how often each row was seen, say so "
                "(frequency), with a row for each class.",
                level=quoted(levels[1]),
            )
            if levels
            else say(
                "Weights cannot say how precise a count such as {target} is: whatever a row weighs, how far counts "
                "scatter follows from their mean. Where they say for how long or among how many was counted, predict "
                "the rate, {target} divided by them, as a quantity with the same weights; where they count how often "
                "each row was seen, say so (frequency).",
                target=quoted(target),
            )
        )
    if found.distribution and wanted.asks_for_a_scale:
        raise DatasetError(
            say(
                "A count such as {target} is fitted by the logarithm of its mean and has no other "
                "scale; leave the scale of the target as it is, or choose regression.",
                target=quoted(target),
            )
        )
    if levels and wanted.asks_for_a_scale:
        raise DatasetError(
            say(
                "A class such as {level} has no {scale}; leave the scale of the target as it is.",
                level=quoted(levels[1]),
                scale=wanted.target_scale,
            )
        )


def _no_feature(target: str, left_out: Sequence[str]) -> str:
    """What to say where nothing is left to predict from. left_out: why columns are."""
    if reason := next((note for note in left_out if "left out" in note), ""):
        return say("There is no usable feature beside {target}: {reason}", target=quoted(target, 30), reason=reason)
    return say(
        "There is no usable feature beside {target}; a fit needs at least one numeric column.", target=quoted(target)
    )


def _known(X: Array, train: Index, test: Index, notes: list[str]) -> tuple[Index, Index]:
    """The rows all of whose inputs are known: a level that no training row has makes a test row one that is not."""
    known: Mask = np.asarray(np.isfinite(X).all(axis=1))
    if lost := int((~known[test]).sum()):
        notes.append(
            say(
                "{lost:,} {test_rows_hold} a level that no training row has, and {are} left out of the test.",
                lost=lost,
                test_rows_hold=agreeing(lost, "test row holds", "test rows hold"),
                are=agreeing(lost, "is", "are"),
            )
        )
    return train[known[train]], test[known[test]]


def _check_fraction_and_seed(test_fraction: float, seed: int) -> None:
    if not 0 <= test_fraction < 1:
        raise DatasetError(
            say("The test fraction must be at least 0 and below 1, not {test_fraction}.", test_fraction=test_fraction)
        )
    if seed < 0:
        raise DatasetError(say("The seed must be at least 0, not {seed}.", seed=seed))


def _with_unique_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its names as text."""
    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise DatasetError(
            say("The column name {name} is used more than once; make the names unique.", name=listing(twice))
        )
    return frame


def _split(
    rows: pd.DataFrame, y: Array, wanted: Preparation, test_fraction: float, seed: int, *, classes: bool
) -> tuple[Index, Index]:
    """Positions of the training and the test rows; a random split of classes draws from each alike."""
    by = None if wanted.split_by is None else rows[wanted.split_by]
    how = "stratified" if classes and wanted.split == "random" else wanted.split
    train, test = split_rows(how, y, test_fraction, seed, by)
    if len(train) < 2:
        raise DatasetError(
            say(
                "A test fraction of {test_fraction:g} leaves no rows to train on; hold out fewer.",
                test_fraction=test_fraction,
            )
        )
    return train, test


def _check_that_it_varies(target: str, y: Array, levels: tuple[str, ...]) -> None:
    if np.ptp(y) == 0 or y.std() == 0:  # the squares of tiny numbers vanish
        value = short(levels[int(y[0])]) if levels else f"{y[0]:g}"
        raise DatasetError(
            say(
                "The target {target} holds a single value ({value}); there is nothing to learn.",
                target=quoted(target),
                value=value,
            )
        )
