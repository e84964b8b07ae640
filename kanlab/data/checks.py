"""Warnings about a table in plain words: what is noticed, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    words_among_numbers,
)
from kanlab.data.column_profile import ColumnProfile
from kanlab.data.encoders import is_numeric, to_numbers
from kanlab.data.preparation import MAX_LEVELS
from kanlab.text import listing, quoted

HEAVY_TAIL = 3.0  # skewness: a lognormal of sigma 0.7
LEAK_CORRELATION = 0.9999
FEW_TARGET_VALUES = 10
ROWS_A_PARAMETER = 10

Numbers = dict[str, Array]
Remedy = Literal[
    "", "leave out", "log", "rank", "fill", "pool", "read as missing", "drop copies", "split by time", "screen"
]


@dataclass(frozen=True)
class Finding:
    """What is noticed, what to do, and the columns it is about.

    remedy: what answers it at once, where there is such a thing.  details: what it needs beside the columns: the words of
    "read as missing", the number of features of "screen".
    """

    kind: str
    sentence: str
    columns: tuple[str, ...] = ()
    remedy: Remedy = ""
    details: tuple[str, ...] = ()


def findings(
    frame: pd.DataFrame, columns: Sequence[ColumnProfile], target: str | None, copies: int
) -> tuple[Finding, ...]:
    """All warnings about a table, the gravest first. copies: its repeated rows."""
    found: list[Finding] = []
    numbers = {c: to_numbers(frame[c].iloc[:MOST_ROWS]) for c in frame.columns if is_numeric(frame[c])}
    if target is not None and target in numbers:
        found += _about_target(columns, numbers, target)
    found += _about_columns(columns, frame, numbers, target, copies)
    return (*found, *_about_rows(frame, columns, target, copies))


def _about_target(columns: Sequence[ColumnProfile], numbers: Numbers, target: str) -> list[Finding]:
    described = next(c for c in columns if c.name == target)
    y = numbers[target]
    found = []
    leaks = [c for c, x in numbers.items() if c != target and correlation(x, y) > LEAK_CORRELATION]
    if leaks:
        found.append(
            Finding(
                "tells the target",
                f"{listing(leaks)} and the target are the same up to a factor: what is not known before the target is must "
                "be taken out of the features, or every score is too good.",
                tuple(leaks),
                "leave out",
            )
        )
    if 2 < described.unique <= FEW_TARGET_VALUES and described.kind == "whole number":
        found.append(
            Finding(
                "few values",
                f"The target {quoted(target)} holds only {described.unique} different values: it may be a class rather than a "
                "quantity; a network here predicts the mean of its numbers, and tells two classes apart at most.",
                (target,),
            )
        )
    if skewness(y) > HEAVY_TAIL:
        scale: Remedy = "log" if float(np.nanmin(y)) >= 0 else "rank"
        found.append(
            Finding(
                "heavy tail",
                f"The target {quoted(target)} has a heavy tail, so few rows decide the fit: predict its "
                f"{'logarithm' if scale == 'log' else 'rank'} instead (under Prepare).",
                (target,),
                scale,
            )
        )
    if described.missing:
        found.append(
            Finding(
                "missing",
                f"The target {quoted(target)} is missing in {described.missing:,} rows; they are left out.",
                (target,),
            )
        )
    return found


def _about_columns(
    columns: Sequence[ColumnProfile], frame: pd.DataFrame, numbers: Numbers, target: str | None, copies: int
) -> list[Finding]:
    others = [c for c in columns if c.name != target]
    constant = [c.name for c in others if c.kind == "constant"]
    same = repeated_columns(frame, [c.name for c in others if c.kind != "constant"])
    ids = [c.name for c in others if c.kind != "constant" and is_identifier(c, frame[c.name], len(frame) - copies)]
    almost = [
        (c.name, words)
        for c in others
        if c.kind in ("text", "category") and (words := words_among_numbers(frame[c.name]))
    ]
    long = [c.name for c in others if c.kind == "text" and c.name not in {*ids, *dict(almost)}]
    tails = [
        c.name for c in others if c.name in numbers and c.name not in ids and skewness(numbers[c.name]) > HEAVY_TAIL
    ]
    above = {c for c in tails if float(np.nanmin(numbers[c])) >= 0}
    outliers = {
        c.name: count
        for c in others
        if c.name in numbers and c.name not in tails and (count := outlier_count(numbers[c.name]))
    }
    gaps = sorted((c for c in others if c.missing), key=lambda c: -c.missing)
    found = []
    if ids:
        found.append(
            Finding(
                "identifier",
                f"{listing(ids)} {'look' if len(ids) > 1 else 'looks'} like a number or name of the rows: it tells "
                "nothing about new ones, so take it out of the features.",
                tuple(ids),
                "leave out",
            )
        )
    if same:
        pairs = ", ".join(f"{quoted(b)} repeats {quoted(a)}" for a, b in same[:4])
        found.append(Finding("repeated", f"{pairs}: one of the two is enough.", tuple(b for _, b in same), "leave out"))
    if constant:
        found.append(
            Finding(
                "constant",
                f"{listing(constant)} {_holds(constant)} a single value and {_are_is(constant)} left out.",
                tuple(constant),
            )
        )
    if gaps:
        worst = ", ".join(f"{quoted(c.name)} {_percent(c.missing / len(frame))}" for c in gaps[:4])
        found.append(
            Finding(
                "missing",
                f"Values are missing: {worst}{' and more' if len(gaps) > 4 else ''}. Their rows "
                "are dropped unless you choose to fill them (under Prepare).",
                tuple(c.name for c in gaps),
                "fill",
            )
        )
    scale: Remedy
    for scale in ("log", "rank"):
        if names := [c for c in tails if (c in above) == (scale == "log")]:
            found.append(
                Finding(
                    "heavy tail",
                    f"{listing(names)} {'have' if len(names) > 1 else 'has'} a heavy tail, so most rows share a few "
                    f"intervals of the grid: use the {'logarithm' if scale == 'log' else 'rank'} (under Prepare).",
                    tuple(names),
                    scale,
                )
            )
    if outliers:
        words = [f"{quoted(name)} ({count:,})" for name, count in outliers.items()]
        found.append(
            Finding(
                "outliers",
                f"Values far from all others stand in {', '.join(words[:5])}{' and more' if len(words) > 5 else ''}: check "
                "whether they are real, or use the rank (under Prepare).",
                tuple(outliers),
                "rank",
            )
        )
    if long:
        found.append(
            Finding(
                "many levels",
                f"{listing(long)} {_holds(long)} text of more than {MAX_LEVELS} values and "
                f"{_are_is(long)} left out unless the rare ones are pooled (under Prepare).",
                tuple(long),
                "pool",
            )
        )
    found += [
        Finding(
            "almost numbers",
            f"{quoted(name)} holds numbers except for {listing(words, 4)}: add the word to those that "
            "mean missing (under Reading), or read the column as a number.",
            (name,),
            "read as missing",
            tuple(words),
        )
        for name, words in almost[:5]
    ]
    return found


def _about_rows(
    frame: pd.DataFrame, columns: Sequence[ColumnProfile], target: str | None, copies: int
) -> list[Finding]:
    found = []
    features = sum(1 for c in columns if c.name != target and c.kind not in ("constant", "text"))
    if 0 < len(frame) < ROWS_A_PARAMETER * 5 * features:
        carries = max(1, len(frame) // ROWS_A_PARAMETER)
        found.append(
            Finding(
                "few rows",
                f"{len(frame):,} rows carry about {carries:,} parameters ({ROWS_A_PARAMETER} rows each), and the smallest "
                f"network spends about 4 on each of the {features:,} features: fewer features may predict better.",
                (),
                "screen" if features > 1 else "",
                (str(max(1, min(features - 1, carries // 5))),),
            )
        )
    if copies:
        found.append(
            Finding(
                "repeated rows",
                f"{copies:,} {'row repeats another' if copies == 1 else 'rows repeat others'} in every column: leave copies "
                "out (under Prepare), for a copy of a training row among the test rows makes the test easy.",
                (),
                "drop copies",
            )
        )
    ordered = [c.name for c in columns if is_time(c, frame[c.name]) and is_ordered(frame[c.name])]
    if ordered:
        found.append(
            Finding(
                "in time order",
                f"The rows follow {quoted(ordered[0])} in time: to predict the future, hold out the latest rows (split "
                "by time, under Prepare).",
                (ordered[0],),
                "split by time",
            )
        )
    return found


def _percent(share: float) -> str:
    return "under 1%" if share < 0.01 else f"{100 * share:.0f}%"


def _holds(names: Sequence[str]) -> str:
    return "hold" if len(names) > 1 else "holds"


def _are_is(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"
