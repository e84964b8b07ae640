"""What would make a refused table usable: changes of what was asked for, tried before they are offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, get_args

import numpy as np
import pandas as pd

from kanlab.data.dataset import Dataset
from kanlab.data.encoders import encode_features, is_date, is_numeric, missing, to_numbers
from kanlab.data.filters import MAX_MAGNITUDE
from kanlab.data.preparation import Preparation
from kanlab.data.target import AUTO, class_levels
from kanlab.errors import DatasetError

MOST_WAYS = 4
_MOST_TRIES = 20  # of one kind
_MOST_CHANGES, _MOST_COMBINATIONS = 3, 40  # together, and tried

Kind = Literal[
    "fill",
    "pool",
    "leave out",
    "all features",
    "plain features",
    "plain target",
    "years",
    "keep copies",
    "random split",
    "no test rows",
    "predict",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Asked:
    """What `Dataset.from_frame` is asked for. features: none are all usable columns."""

    target: str
    features: tuple[str, ...] = ()
    test_fraction: float = 0.2
    seed: int = 0
    preparation: Preparation = Preparation()
    task: str = AUTO
    positive: str | None = None

    def used(self, frame: pd.DataFrame) -> list[str]:
        """The columns to predict from."""
        return list(self.features) or [c for c in frame.columns if c != self.target]


@dataclass(frozen=True)
class Change:
    """One change of what is asked for. columns: those to leave out, or the one to predict."""

    kind: Kind
    columns: tuple[str, ...] = ()


WayOut = tuple[Change, ...]


def ways_out(frame: pd.DataFrame, asked: Asked, most: int = MOST_WAYS) -> tuple[WayOut, ...]:
    """The first single changes under which a refused table is accepted, those that lose least first; often none.

    Where none is accepted but to predict another column, the first combination of two changes, or of three.

    Examples
    --------
    >>> table = pd.DataFrame({"x": range(20), "gaps": [1, None] * 10, "holes": [None, 2] * 10, "y": range(20, 40)})
    >>> [[change.kind for change in way] for way in ways_out(table, Asked("y"))]
    [['fill'], ['leave out']]
    """
    single = [(change,) for change in islice(_accepted(frame, asked), most)]
    if any(way[0].kind != "predict" for way in single):
        return tuple(single)
    return tuple([*_combined(frame, asked), *single][:most])


def _accepted(frame: pd.DataFrame, asked: Asked) -> Iterator[Change]:
    """Of a kind, only the first that is accepted."""
    found: set[Kind] = set()
    for change, changed in _changes(frame, asked):
        if change.kind not in found and _is_accepted(frame, changed):
            found.add(change.kind)
            yield change


def _combined(frame: pd.DataFrame, asked: Asked) -> list[WayOut]:
    """The first combination that is accepted, of as few changes as can be; none where there is none."""
    tries, combined = _MOST_COMBINATIONS, [(WayOut(), asked)]
    for number in range(1, _MOST_CHANGES + 1):
        combined = [
            ((*changes, change), changed)
            for changes, so_far in combined
            for change, changed in _of_each_kind(frame, so_far)
            if not changes or KINDS.index(change.kind) > KINDS.index(changes[-1].kind)
        ]
        for changes, changed in combined if number > 1 else ():
            if not tries:
                return []
            tries -= 1
            if _is_accepted(frame, changed):
                return [changes]
    return []


def _of_each_kind(frame: pd.DataFrame, asked: Asked) -> list[tuple[Change, Asked]]:
    """The changes that lose least, one of each kind, and the one that leaves out most; all but to predict another column."""
    every = [(change, changed) for change, changed in _changes(frame, asked, others=False)]
    first = {change.kind: (change, changed) for change, changed in reversed(every)}
    last = [each for each in every if each[0].kind == "leave out"][-1:]
    return [*first.values(), *(each for each in last if each != first["leave out"])]


def _is_accepted(frame: pd.DataFrame, asked: Asked) -> bool:
    try:
        Dataset.from_frame(
            frame,
            asked.target,
            asked.features or None,
            asked.test_fraction,
            asked.seed,
            preparation=asked.preparation,
            task=asked.task,
            positive=asked.positive,
        )
    except DatasetError:
        return False
    return True


def _changes(frame: pd.DataFrame, asked: Asked, *, others: bool = True) -> Iterator[tuple[Change, Asked]]:
    """Single changes, those that lose least first. others: whether to predict another column is one."""
    wanted, used = asked.preparation, asked.used(frame)

    def prepared(kind: Kind, **changes: object) -> tuple[Change, Asked]:
        return Change(kind), replace(asked, preparation=replace(wanted, **changes))  # type: ignore[arg-type]

    if wanted.asks_for_a_scale:
        yield prepared("plain target", target_scale="none")
    if set(wanted.scales.values()) - {"none"}:
        yield prepared("plain features", scales={})
    gaps = {c: int(missing(frame[c]).sum()) for c in used}
    if any(gaps.values()):
        yield prepared("fill", gaps="fill", gaps_of={})
    if not wanted.pool:
        yield prepared("pool", pool=True)
    if not wanted.date_parts and any(is_date(frame[c]) for c in used):
        yield prepared("years", date_parts=("year",))
    if wanted.copies == "drop":
        yield prepared("keep copies", copies="keep")
    if wanted.split != "random":
        yield prepared("random split", split="random", split_by=None)
    yield from _fewer_features(frame, asked, gaps)
    if asked.features:
        yield Change("all features"), replace(asked, features=())
    if asked.test_fraction:
        yield Change("no test rows"), replace(asked, test_fraction=0.0)
    columns = (c for c in reversed(frame.columns) if others and c != asked.target)
    usable = (c for c in columns if is_numeric(frame[c]) or class_levels(frame[c]))
    for column in islice(usable, _MOST_TRIES):
        yield Change("predict", (column,)), Asked(column, (), asked.test_fraction, asked.seed)


def _fewer_features(frame: pd.DataFrame, asked: Asked, gaps: dict[str, int]) -> Iterator[tuple[Change, Asked]]:
    """Without the columns that cannot be used, then without as few of those with gaps as suffice."""
    used = asked.used(frame)
    columns, _ = encode_features(frame, asked.target, used, asked.preparation, asked=False, named=bool(asked.features))
    encoded = {c.source for c in columns}
    fit = [c for c in used if c in encoded and not _is_too_large(frame[c])]
    emptiest = [c for c in sorted(fit, key=lambda c: -gaps[c]) if gaps[c]]
    for number in range(min(len(emptiest), _MOST_TRIES) + 1):
        kept = [c for c in fit if c not in emptiest[:number]]
        lost = tuple(c for c in used if c not in kept)
        if kept and lost:
            yield Change("leave out", lost), replace(asked, features=tuple(kept))


def _is_too_large(column: pd.Series) -> bool:
    return is_numeric(column) and bool((np.abs(to_numbers(column)) > MAX_MAGNITUDE).any())
