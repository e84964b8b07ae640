"""What would make a refused table usable: single changes of what was asked for, each tried before it is offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

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
class WayOut:
    """One change after which the table is accepted. columns: those to leave out, or the one to predict."""

    kind: Kind
    columns: tuple[str, ...] = ()


def ways_out(frame: pd.DataFrame, asked: Asked, most: int = MOST_WAYS) -> tuple[WayOut, ...]:
    """The first single changes under which a refused table is accepted, those that lose least first; often none.

    Examples
    --------
    >>> table = pd.DataFrame({"x": range(20), "gaps": [1.0] + [None] * 19, "y": range(20, 40)})
    >>> [way.kind for way in ways_out(table, Asked("y"))]
    ['fill', 'leave out']
    """
    return tuple(islice(_accepted(frame, asked), most))


def _accepted(frame: pd.DataFrame, asked: Asked) -> Iterator[WayOut]:
    """Of a kind, only the first that is accepted."""
    found: set[Kind] = set()
    for way, changed in _changes(frame, asked):
        if way.kind not in found and _is_accepted(frame, changed):
            found.add(way.kind)
            yield way


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


def _changes(frame: pd.DataFrame, asked: Asked) -> Iterator[tuple[WayOut, Asked]]:
    wanted, used = asked.preparation, asked.used(frame)

    def prepared(kind: Kind, **changes: object) -> tuple[WayOut, Asked]:
        return WayOut(kind), replace(asked, preparation=replace(wanted, **changes))  # type: ignore[arg-type]

    if wanted.target_scale != "none":
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
        yield WayOut("all features"), replace(asked, features=())
    if asked.test_fraction:
        yield WayOut("no test rows"), replace(asked, test_fraction=0.0)
    others = (c for c in reversed(frame.columns) if c != asked.target)
    usable = (c for c in others if is_numeric(frame[c]) or class_levels(frame[c]))
    for column in islice(usable, _MOST_TRIES):
        yield WayOut("predict", (column,)), Asked(column, (), asked.test_fraction, asked.seed)


def _fewer_features(frame: pd.DataFrame, asked: Asked, gaps: dict[str, int]) -> Iterator[tuple[WayOut, Asked]]:
    """Without the columns that cannot be used, then without as few of those with gaps as suffice."""
    used = asked.used(frame)
    columns, _ = encode_features(frame, asked.target, used, asked.preparation, asked=False)
    encoded = {c.source for c in columns}
    fit = [c for c in used if c in encoded and not _is_too_large(frame[c])]
    emptiest = [c for c in sorted(fit, key=lambda c: -gaps[c]) if gaps[c]]
    for number in range(min(len(emptiest), _MOST_TRIES) + 1):
        kept = [c for c in fit if c not in emptiest[:number]]
        lost = tuple(c for c in used if c not in kept)
        if kept and lost:
            yield WayOut("leave out", lost), replace(asked, features=tuple(kept))


def _is_too_large(column: pd.Series) -> bool:
    return is_numeric(column) and bool((np.abs(to_numbers(column)) > MAX_MAGNITUDE).any())
