"""Which rows are held out: at random, stratified by the target, the latest ones, or whole groups."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanlab.arrays import Array, Index
from kanlab.data.odd_cells import odd_cells
from kanlab.data.odd_rows import rows_of
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import quoted

Split = Literal["random", "stratified", "time", "group"]
SPLITS: tuple[Split, ...] = ("random", "stratified", "time", "group")


def split_rows(
    how: Split, target: Array, test_fraction: float, seed: int, by: pd.Series | None = None
) -> tuple[Index, Index]:
    """Positions of the training and of the test rows, each ascending.

    random: drawn with the seed.  stratified: the same, one from each equal stretch of the target's order.  time: the last
    rows in the order of `by`.  group: whole groups of equal `by`, drawn with the seed until the test rows are enough.
    """
    n = len(target)
    n_test = round(n * test_fraction)
    rng = np.random.default_rng(seed)
    if how == "random":
        test = rng.permutation(n)[:n_test]
    elif how == "stratified":
        test = _stratified(target, n_test, rng)
    elif by is None:
        raise DatasetError(say("A split by {how} needs a column to split by; name it as split_by.", how=how))
    elif how == "time":
        order = np.argsort(_order(by), kind="stable")
        test = order[n - n_test :]
    else:
        test = _grouped(by, n_test, rng)
    held = np.zeros(n, dtype=bool)
    held[test] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _stratified(target: Array, n_test: int, rng: np.random.Generator) -> Index:
    """One row of each n_test-th of the target's range of ranks, drawn with the seed."""
    order = np.lexsort((rng.random(len(target)), target))
    if not n_test:
        return order[:0]
    edges = np.linspace(0, len(target), n_test + 1).astype(int)
    return order[rng.integers(edges[:-1], np.maximum(edges[:-1] + 1, edges[1:]))]


def _order(by: pd.Series) -> NDArray[Any]:
    if pd.api.types.is_datetime64_any_dtype(by):
        return by.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    if not pd.api.types.is_numeric_dtype(by):
        odd = odd_cells(by)
        raise DatasetError(
            say("{name} holds text, which has no order in time; split by a date or a number.", name=quoted(by.name))
            if odd is None
            else " ".join(
                filter(
                    None,
                    (
                        say("The rows have no order in time as they are: {sentence}", sentence=odd.sentence),
                        rows_of(by, odd.bad),
                        odd.advice(str(by.name)),
                    ),
                )
            )
        )
    return by.to_numpy(dtype=float)


def _grouped(by: pd.Series, n_test: int, rng: np.random.Generator) -> Index:
    codes, names = pd.factorize(by.astype("str"), sort=True)
    if len(names) < 2:
        raise DatasetError(
            say("{name} holds a single group; a split by group needs at least two.", name=quoted(by.name))
        )
    held: list[int] = []
    total = 0
    for group in rng.permutation(len(names)):
        size = int((codes == group).sum())
        if total and total + size > n_test * 1.1 + 1:
            continue
        if total >= n_test or len(held) == len(names) - 1:
            break
        held.append(int(group))
        total += size
    return np.flatnonzero(np.isin(codes, held if n_test else []))
