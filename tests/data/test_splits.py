"""Held-out rows: at random, alike in the target, the latest, whole groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.splits import SPLITS, Split, split_rows
from kanlab.errors import DatasetError
from tests.helpers.sentences import refused


@given(st.sampled_from(SPLITS), st.integers(10, 150), st.floats(0, 0.7), st.integers(0, 99))
def test_a_partition_and_the_same_again(how: Split, n: int, fraction: float, seed: int) -> None:
    y = np.random.default_rng(n).normal(size=n).round(1)
    by = pd.Series(np.arange(n) % 7, name="by")
    train, test = split_rows(how, y, fraction, seed, by)
    assert sorted([*train, *test]) == list(range(n))
    if how != "group":
        assert len(test) == round(n * fraction)
    again = split_rows(how, y, fraction, seed, by)
    np.testing.assert_array_equal(test, again[1])


def test_strata_are_alike_in_the_target() -> None:
    y = np.random.default_rng(0).lognormal(sigma=2, size=1000)
    _, test = split_rows("stratified", y, 0.2, 1)
    at = np.searchsorted(np.sort(y), np.sort(y[test])) / len(y)
    assert np.abs(at - (np.arange(200) + 0.5) / 200).max() < 0.006
    assert set(test) != set(split_rows("stratified", y, 0.2, 2)[1])


def test_time_holds_out_the_latest() -> None:
    days = pd.Series(pd.to_datetime("2024-01-01") + pd.to_timedelta(np.random.default_rng(0).permutation(50), "D"))
    train, test = split_rows("time", np.zeros(50), 0.2, 0, days)
    assert days[test].min() > days[train].max()
    assert len(test) == 10


def test_groups_stay_whole() -> None:
    groups = pd.Series(np.random.default_rng(0).choice(list("abcdefghij"), 200), name="who")
    train, test = split_rows("group", np.zeros(200), 0.25, 3, groups)
    assert not set(groups[test]) & set(groups[train])
    assert 0.1 < len(test) / 200 < 0.4


@pytest.mark.parametrize(
    ("how", "by", "part"),
    [("time", None, "needs a column"), ("time", pd.Series(list("abcdefghij"), name="t"), "no order"),
     ("group", pd.Series(["a"] * 10, name="g"), "single group")],
)  # fmt: skip
def test_refusals(how: Split, by: pd.Series | None, part: str) -> None:
    with refused(DatasetError, part):
        split_rows(how, np.arange(10.0), 0.2, 0, by)
