"""What users of scikit-learn pass to an estimator, checked in its words: features, target, weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from kanlab.arrays import Array
from kanlab.data.frames import as_frame
from kanlab.errors import KanlabError
from kanlab.language import say

MOST_ROWS = 10_000_000  # that weights may make of a table


@contextlib.contextmanager
def value_errors() -> Iterator[None]:
    """What a user can cause is a ValueError to scikit-learn."""
    try:
        yield
    except KanlabError as error:
        raise ValueError(str(error)) from error


def frame_of(estimator: BaseEstimator, X: Any, *, reset: bool) -> tuple[pd.DataFrame, frozenset[str]]:
    """The features as a data frame of unique names, and those whose type says that they are categories. reset: in a fit."""
    if not (hasattr(X, "columns") or hasattr(X, "__dataframe__") or hasattr(X, "__arrow_c_stream__")):
        values = validate_data(estimator, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        frame, given = pd.DataFrame(values, columns=names_of(values.shape[1])), frozenset[str]()
    else:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        kinds = X.dtypes if isinstance(X, pd.DataFrame) else ()
        frame = as_frame(X)
        if not (hasattr(estimator, "feature_names_in_") and frame.columns.is_unique):
            frame = frame.set_axis(names_of(frame.shape[1]), axis="columns")
        given = frozenset(c for c, k in zip(frame, kinds, strict=False) if isinstance(k, pd.CategoricalDtype))
        if not len(frame):
            raise ValueError(
                say(
                    "Found array with 0 sample(s) (shape={shape}) while a minimum of 1 is required.",
                    shape=frame.shape,
                )
            )
        numbers = frame.select_dtypes("number")
        if np.isinf(numbers.to_numpy(dtype=float, na_value=np.nan)).any():
            raise ValueError(say("Input X contains infinity or a value too large for dtype('float64')."))
    return frame, given


def categories_of(wanted: Any, names: list[str], given: frozenset[str]) -> list[str]:
    """The columns of numbers that are categories. given: those whose type says so."""
    if wanted is None:
        return []
    if isinstance(wanted, str):
        if wanted != "from_dtype":
            raise ValueError(
                say(
                    'categorical_features must be "from_dtype", None or a list of columns, not {wanted!r}.',
                    wanted=wanted,
                )
            )
        return [name for name in names if name in given]
    chosen = np.asarray(wanted)
    if chosen.dtype == bool:
        if chosen.shape != (len(names),):
            raise ValueError(
                say(
                    "The mask categorical_features must have {count} values, not {size}.",
                    count=len(names),
                    size=chosen.size,
                )
            )
        return [name for name, of in zip(names, chosen, strict=True) if of]
    found = [
        names[int(c)] if str(c).lstrip("-").isdigit() and -len(names) <= int(c) < len(names) else str(c) for c in chosen
    ]
    if unknown := [name for name in found if name not in names]:
        raise ValueError(
            say("categorical_features names {unknown!r}, and there is no such feature.", unknown=unknown[0])
        )
    return found


def target_of(estimator: BaseEstimator, y: Any, n: int) -> NDArray[Any]:
    """The target of so many rows, as it was given."""
    if y is None:
        raise ValueError(
            say(
                "This {name} estimator requires y to be passed, but the target y is None.",
                name=type(estimator).__name__,
            )
        )
    target = column_or_1d(y, warn=True)
    if len(target) != n:
        raise ValueError(
            say(
                "Found input variables with inconsistent numbers of samples: [{n}, {target}]",
                n=n,
                target=len(target),
            )
        )
    return target


def weighed(
    estimator: BaseEstimator, sample_weight: ArrayLike | None, frame: pd.DataFrame
) -> tuple[NDArray[np.intp], Array | None]:
    """The rows, each as often as its weight says; or those above 0, and their weights, where these are not whole."""
    every = np.arange(len(frame))
    if sample_weight is None:
        return every, None
    weights = _check_sample_weight(sample_weight, frame, dtype=np.float64, ensure_non_negative=True)
    if (weights % 1 != 0).any():
        if is_classifier(estimator):
            raise ValueError(
                say("Sample weights of classes say how often a row counts and must be whole numbers; round them first.")
            )
        return np.flatnonzero(weights), weights[weights > 0]
    if weights.sum() > MOST_ROWS:
        raise ValueError(
            say(
                "Sample weights add up to more than {most_rows:,} rows; divide them by a constant first.",
                most_rows=MOST_ROWS,
            )
        )
    return np.repeat(every, weights.astype(int)), None


def names_of(count: int) -> tuple[str, ...]:
    """Names of columns that have none."""
    return tuple(f"x{i}" for i in range(count))
