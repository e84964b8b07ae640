"""Which rows and columns of a table a fit can use. Each step adds to `notes` what it left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index
from kanlab.data.encoders import EncodedColumn, encode_features, missing
from kanlab.data.mutual_information import mutual_information
from kanlab.data.odd_rows import infinite
from kanlab.data.preparation import Preparation
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import agreeing, counted, listing

MIN_ROWS = 10
MAX_MAGNITUDE = 1e100  # of a value; the squares of larger ones overflow


def worth_their_gaps(
    frame: pd.DataFrame, target: str, features: Sequence[str] | None, likely: list[EncodedColumn], wanted: Preparation
) -> tuple[list[EncodedColumn], list[str]]:
    """The columns whose gaps cost rows, and what is said of the others.

    Of features that were not named, those with a gap in more than half of the rows are left out, where others are left.
    likely: the columns as the whole table would encode them.
    """
    sources = dict.fromkeys(c.source for c in likely)
    if features is not None:  # what the whole table has too many levels for, its training rows may not
        return [*likely, *(EncodedColumn(name) for name in features if name not in sources)], []
    others = [str(name) for name in frame.columns if name != target and name not in sources]
    _, said = encode_features(frame, target, others, wanted, asked=False, named=False)
    dropped = [c for c in sources if wanted.gaps_in(c) == "drop"]
    sparse = [c for c in dropped if 2 * int(missing(frame[c]).sum()) > len(frame)]
    if not sparse or len(sparse) == len(sources):
        return likely, said
    note = say(
        "{columns} {lacks} more than half of {its} values and {is_or_are} left out: to use {it}, fill the gaps (under "
        "Prepare; --fill-gaps), or choose {it} as features and lose the rows.",
        columns=listing(sparse),
        lacks=agreeing(len(sparse), "lacks", "lack"),
        its=agreeing(len(sparse), "its", "their"),
        is_or_are=agreeing(len(sparse), "is", "are"),
        it=agreeing(len(sparse), "it", "them"),
    )
    return [c for c in likely if c.source not in sparse], [*said, note]


def usable_rows(
    frame: pd.DataFrame, target: str, y: Array, columns: list[EncodedColumn], wanted: Preparation, notes: list[str]
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
        endless = [c for c in (target, *needed) if (infinite(frame[c]) & ~complete).any()]
        notes.append(
            say(
                "{dropped:,} of {rows:,} rows {have} a missing value, or an infinite one in {columns}, and {are} left out.",
                dropped=dropped,
                rows=len(y),
                have=agreeing(dropped, "has", "have"),
                are=agreeing(dropped, "is", "are"),
                columns=listing(sorted(endless)),
            )
            if endless
            else say(
                "{dropped:,} of {rows:,} rows {have} a missing value and {are} left out.",
                dropped=dropped,
                rows=len(y),
                have=agreeing(dropped, "has", "have"),
                are=agreeing(dropped, "is", "are"),
            )
        )
    if (left := int(complete.sum())) < MIN_ROWS:
        few = say(
            "Only {rows} {are} left of {all_rows}; a fit needs at least {min_rows}.",
            rows=counted(left, "complete row"),
            are=agreeing(left, "is", "are"),
            all_rows=len(frame),
            min_rows=MIN_ROWS,
        )
        gaps = {c: int(missing(frame[c]).sum()) for c in dict.fromkeys(c.source for c in columns) if c in needed}
        emptiest = [c for c in sorted(gaps, key=lambda c: -gaps[c]) if 2 * gaps[c] > len(frame)]
        if emptiest:
            remedy = say(
                "More than half of the cells are missing in {columns}: leave these out, or fill the gaps "
                "(under Prepare; --fill-gaps).",
                columns=listing(emptiest, 6),
            )
            raise DatasetError(f"{few} {remedy}")
        raise DatasetError(few)
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
