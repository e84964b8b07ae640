"""A data set with one thing changed that its residuals ask for: the scale of its target, its likelihood, or some rows less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.language import say, use
from kanlab.stats.likelihood import COUNTS, REGRESSION
from kanlab.text import agreeing, counted, quoted

LEAST_ROWS = 10  # that stay


def can_take_logarithm(data: Dataset) -> bool:
    """Whether the target is a quantity, fitted as it is, with no value below 0 and some above."""
    plain = data.task == REGRESSION and data.target_transform.scale == "none"
    return plain and bool(min(data.y_train.min(), data.y_test.min(initial=0.0)) >= 0.0 < data.y_train.max())


def with_log_target(data: Dataset) -> Dataset:
    """The same rows, the target by its logarithm.

    >>> import pandas as pd
    >>> data = Dataset.from_frame(pd.DataFrame({"x": range(20), "y": np.exp(np.arange(20.0))}), "y", preparation=None)
    >>> plain = replace(data, y_train=np.exp(data.y_train)) if data.target_transform.scale == "log" else data
    >>> with_log_target(replace(plain, target_transform=Transform())).target_label
    'log(y)'
    """
    if not can_take_logarithm(data):
        raise DatasetError(
            say(
                "The target {target} has no logarithm to be fitted, or is fitted by it already.",
                target=quoted(data.target),
            )
        )
    scale = Transform.fit(data.y_train, "log", data.target)
    wanted = replace(data.preparation, target_scale="log")
    y_train, y_test = scale.of_target(data.y_train), scale.of_target(data.y_test)
    return replace(data, y_train=y_train, y_test=y_test, target_transform=scale, preparation=wanted)


def as_quantity(data: Dataset) -> Dataset:
    """Counts as a quantity with errors of one variance."""
    if data.task != COUNTS:
        raise DatasetError(say("The target {target} is no count.", target=quoted(data.target)))
    return replace(data, distribution="")


def without_rows(data: Dataset, rows: Sequence[int]) -> Dataset:
    """Without some training rows, by their number from 0; the test rows stay."""
    kept = np.ones(data.n, dtype=bool)
    try:
        kept[list(rows)] = False
    except IndexError:
        raise DatasetError(
            say("There are {n:,} training rows, and a row that is left out must be one of them.", n=data.n)
        ) from None
    y = data.y_train[kept]
    if len(y) < LEAST_ROWS or np.ptp(y) == 0 or (data.levels and len(np.unique(y)) < len(data.levels)):
        raise DatasetError(say("Without these rows too little would be left to fit; leave out fewer."))
    left = int((~kept).sum())
    with use("en"):
        note = say(
            "{training_rows} left out for {its} influence.",
            training_rows=counted(left, "training row"),
            its=agreeing(left, "its", "their"),
        )
    return replace(data.of_rows(kept), notes=(*data.notes, note))
