"""Which rows and columns of a table a fit can use. Each step adds to `notes` what it left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index
from kanlab.data.encoders import EncodedColumn, missing
from kanlab.data.mutual_information import mutual_information
from kanlab.data.preparation import Preparation
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import agreeing, counted, listing

MIN_ROWS = 10
MAX_MAGNITUDE = 1e100  # of a value; the squares of larger ones overflow


def usable_rows(
    frame: pd.DataFrame, y: Array, columns: list[EncodedColumn], wanted: Preparation, notes: list[str]
) -> tuple[pd.DataFrame, Array]:
    """The rows that have a target and no gap that is not filled, and their targets."""
    if wanted.split_by is not None and wanted.split_by not in frame.columns:
        raise DatasetError(
            say(
                "There is no column {column} to split by; the table has {columns}.",
                column=listing([wanted.split_by]),
                columns=listing(frame.columns),
            )
        )
    needed = {c.source for c in columns if wanted.gaps_in(c.source) == "drop"}
    if wanted.split_by is not None:
        needed.add(wanted.split_by)
    complete = np.isfinite(y)
    for column in needed:
        complete &= ~missing(frame[column]).to_numpy(dtype=bool)
    dropped = len(y) - int(complete.sum())
    if wanted.copies == "drop":
        first = ~frame.duplicated().to_numpy()
        if copies := int((complete & ~first).sum()):
            notes.append(
                say("1 row that repeats another is left out.")
                if copies == 1
                else say("{copies:,} rows that repeat others are left out.", copies=copies)
            )
        complete &= first
    if dropped:
        notes.append(
            say(
                "{dropped:,} of {rows:,} rows {have} a missing value and {are} left out.",
                dropped=dropped,
                rows=len(y),
                have=agreeing(dropped, "has", "have"),
                are=agreeing(dropped, "is", "are"),
            )
        )
    if (left := int(complete.sum())) < MIN_ROWS:
        raise DatasetError(
            say(
                "Only {rows} {are} left of {all_rows}; a fit needs at least {min_rows}.",
                rows=counted(left, "complete row"),
                are=agreeing(left, "is", "are"),
                all_rows=len(frame),
                min_rows=MIN_ROWS,
            )
        )
    return frame[complete], y[complete]


def check_size(columns: list[tuple[str, Array]]) -> None:
    """Raises DatasetError where a column, by name, holds a value too large to be squared."""
    for column, values in columns:
        if np.abs(values).max() > MAX_MAGNITUDE:
            raise DatasetError(
                say(
                    "The column {column} holds numbers beyond {max_magnitude:g}; use larger units.",
                    column=listing([column]),
                    max_magnitude=MAX_MAGNITUDE,
                )
            )


def varying_columns(
    columns: list[EncodedColumn], X: Array, train: Index, notes: list[str]
) -> tuple[list[EncodedColumn], Array]:
    """The columns that hold more than one value in the training rows."""
    varies = (np.ptp(X[train], axis=0) > 0) & (X[train].std(axis=0) > 0)  # the squares of tiny numbers vanish
    if not varies.any():
        raise DatasetError(
            say("Every feature holds a single value in the training rows; there is nothing to learn from.")
        )
    constant = [c.name for c, keep in zip(columns, varies, strict=True) if not keep]
    notes += [
        say("{column} holds a single value in the training rows and is left out.", column=listing([c]))
        for c in constant
    ]
    return [c for c, keep in zip(columns, varies, strict=True) if keep], X[:, varies]


def screened_columns(
    columns: list[EncodedColumn],
    X: Array,
    y: Array,
    train: Index,
    most: int,
    notes: list[str],
) -> tuple[list[EncodedColumn], Array]:
    """The columns of the features with the highest mutual information with the target in the training rows."""
    information: dict[str, float] = {}
    for column, score in zip(columns, mutual_information(X[train], y[train]), strict=True):
        information[column.source] = max(information.get(column.source, 0.0), float(score))
    ranked = sorted(information, key=lambda source: -information[source])
    if len(ranked) <= most:
        return columns, X
    keep = np.array([c.source in ranked[:most] for c in columns])
    notes.append(
        say(
            "Of {features} features, the one with the highest mutual information with the target is kept.",
            features=len(ranked),
        )
        if most == 1
        else say(
            "Of {features} features, the {most} with the highest mutual information with the target are kept.",
            features=len(ranked),
            most=most,
        )
    )
    return [c for c, kept in zip(columns, keep, strict=True) if kept], X[:, keep]
