"""The features and the target of an estimator as a data set: all rows train, and their order changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import as_text, encode_features
from kanlab.data.filters import check_size, varying_columns
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import fitted
from kanlab.data.row_weights import in_units
from kanlab.errors import DatasetError

PREPARATION = Preparation(gaps="fill", pool=True, target_scale="none")


def estimator_table(
    frame: pd.DataFrame,
    y: Array,
    levels: Sequence[str] = (),
    categorical: Collection[str] = (),
    weights: Array | None = None,
) -> Dataset:
    """Encode features and put them beside a target; nothing is held out.

    Parameters
    ----------
    frame : DataFrame of n rows
        The features: numbers, booleans, dates or text, their names unique. Missing values are filled, with a column that
        marks them.
    y : ndarray of shape (n,)
        Numbers, or classes by number.
    levels : sequence of str
        The classes; none for a quantity.
    categorical : collection of str
        Columns of numbers that are categories.
    weights : ndarray of shape (n,), optional
        How precise the rows of a quantity are, each above 0.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        Where a feature can be no number, such as an identifier.

    Examples
    --------
    >>> data = estimator_table(pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": ["u", "v", "u"]}), np.array([1.0, 2.0, 3.0]))
    >>> data.features, data.y_train.tolist()
    (('a', 'b=v'), [2.0, 3.0, 1.0])
    """
    target = "y"
    while target in frame.columns:
        target += "_"
    frame = as_categories(frame, categorical)
    columns, notes = encode_features(frame, target, list(frame.columns), PREPARATION)
    columns, filled = fitted(columns, frame, PREPARATION)
    X = np.column_stack([column.encode(frame) for column in columns]) if columns else np.empty((len(frame), 0))
    check_size([(target, y), *((c.name, x) for c, x in zip(columns, X.T, strict=True))])
    try:
        columns, X = varying_columns(columns, X, np.arange(len(y)), notes)
    except DatasetError:
        if not columns:
            raise
        columns, X = columns[:1], X[:, :1]  # the mean is the answer, and needs rows to be given to
    order = np.lexsort((y, *X.T[::-1]) if weights is None else (weights, y, *X.T[::-1]))
    w = (None, None, 1.0) if weights is None else in_units(weights[order], np.empty(0))
    none = np.empty((0, X.shape[1])), np.empty(0)
    return Dataset(
        "table", target, tuple(columns), X[order], np.asarray(y, dtype=float)[order], *none, len(y),
        (*notes, *filled), preparation=PREPARATION, levels=tuple(levels), w_train=w[0], w_test=w[1], w_unit=w[2],
    )  # fmt: skip


def as_categories(frame: pd.DataFrame, categorical: Collection[str]) -> pd.DataFrame:
    """The same with some columns as text."""
    return frame.assign(**{name: as_text(frame[name]) for name in categorical}) if categorical else frame
