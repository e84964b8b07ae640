"""Broken files: a short run of what `python benchmarks/fuzz.py 600` does for ten minutes, and what that has found."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.profile import profile
from kanlab.data.reading.table import read_table
from tests.helpers.broken_parts import broken_binaries, hostile_contents, read_in_a_fork
from tests.helpers.fuzzing import (
    GROWN,
    NEW,
    broken_files,
    broken_new_rows,
    check,
    check_new_rows,
    overruled,
    preparations,
    trained,
)

DEFAULT = {
    "gaps": "drop", "pool": True, "max_levels": 12, "date_parts": ("year",), "scale": "none", "target_scale": "none",
    "screen": None, "split": "random",
}  # fmt: skip


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(broken_files(), overruled(), preparations())
def test_a_broken_file_is_a_table_or_a_sentence(
    content: bytes, options: dict[str, Any], prepared: dict[str, Any]
) -> None:
    check(content, options, prepared)


@settings(max_examples=120, suppress_health_check=list(HealthCheck), deadline=None)
@given(broken_new_rows(), st.booleans(), overruled())
@example(NEW[0], False, {})
@example(NEW[1], True, {"day_first": False})
def test_broken_rows_to_predict_are_rows_or_a_sentence(content: bytes, pooled: bool, options: dict[str, Any]) -> None:
    check_new_rows(content, trained(pooled), options)


@pytest.mark.parametrize("content", NEW)
def test_the_seeds_of_rows_to_predict_are_predicted(content: bytes) -> None:
    assert check_new_rows(content, trained(True), {}) == "rows"


@pytest.mark.parametrize("content", GROWN)
def test_the_seeds_themselves_can_be_fitted(content: bytes) -> None:
    assert check(content, {}, DEFAULT) == "data set"


def test_a_broken_promise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.helpers.fuzzing.to_csv", lambda frame: "=1")
    with pytest.raises(AssertionError):
        check(GROWN[0], {}, DEFAULT)


# ---- found by it


def test_values_that_differ_by_less_than_a_twelfth_of_their_spacing() -> None:
    """np.histogram refused them."""
    values = [1e16, 1e16 + 2, 1e16 + 2]
    column = profile(pd.DataFrame({"x": values, "y": [1, 2, 3]}))["x"]
    assert column.histogram[0] == 1
    assert column.histogram[-1] == 2
    assert sum(column.histogram) == 3
    assert profile(pd.DataFrame({"x": [0.0, np.nextafter(0, 1)], "y": [1, 2]}))["x"].unique == 2


def test_it_was_found_in_a_file_that_lost_a_sign() -> None:
    lines = ["a,b", *(f"{10**16 + 2 * (i % 2)},{i}" for i in range(20))]
    table = read_table(io.BytesIO("\n".join(lines).encode()), name="some.csv")
    assert profile(table.frame, "b")["a"].unique == 2


def test_the_only_row_of_the_usual_width_is_no_title() -> None:
    again = b"NA1" + b"0:30 PMnan-NA1" * 9
    assert check(b"10:30 sep=--1\n30 XMcolumn_1\r\n" + again + b"0:30 PMnan-", {}, DEFAULT) == "refused"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken_binaries())
def test_a_workbook_or_parquet_file_of_broken_parts_is_a_table_or_a_sentence_and_costs_little(content: bytes) -> None:
    read_in_a_fork(content)


def test_what_costs_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.helpers.broken_parts.CPU_SECONDS", -1)
    with pytest.raises(AssertionError, match=r" s$"):
        read_in_a_fork(hostile_contents()[0])


def test_whole_numbers_that_no_integer_holds_are_levels_of_their_own() -> None:
    """Cast to an integer they were one large negative number."""
    rows = ["a,b", *["123456789012345678901234567890,1", "2,"] * 20, "2,2"]
    assert check("\n".join(rows).encode(), {}, DEFAULT | {"max_levels": 50, "pool": False}) == "data set"


def test_a_gap_among_words_beside_a_number_that_means_missing() -> None:
    """It went to the rule for words as a float, where prediction ended."""
    rows = ["x,word,y", *(f"{i},{'' if i % 3 == 0 else 'ab'[i % 2]},{i % 5}.5" for i in range(40))]
    table = read_table(io.BytesIO("\n".join(rows).encode()), name="some.csv", missing=("NA", "-999", ""))
    data = Dataset.from_frame(table.frame, "y", preparation=Preparation(gaps="fill"))
    new = table.frame.drop(columns="y")
    inputs = data.recipe.apply(new)
    marks = [inputs.X[:, i] for i, name in enumerate(data.features) if name == "word (missing)"]
    np.testing.assert_array_equal(marks, [new["word"].isna().to_numpy(dtype=float)])
    assert check(b"a,b,c\n1,x,1\n" + b"?,NA,2\n-,n/a,3\nNULL,,4\n#N/A,y,5\n" * 8, {"missing": ("1", "-999", "NA")},
                 DEFAULT | {"gaps": "fill", "max_levels": 2}) == "data set"  # fmt: skip


def test_true_is_not_the_1_that_means_missing() -> None:
    """Rows of yes could not be predicted where 1 was a word for missing."""
    rows = ["x,flag,y", *(f"{i + 2},{'yes' if i % 2 else 'no'},{i % 5}.5" for i in range(40))]
    table = read_table(io.BytesIO("\n".join(rows).encode()), name="some.csv", missing=("1", "0"))
    data = Dataset.from_frame(table.frame, "y")
    inputs = data.recipe.apply(table.frame.drop(columns="y"))
    assert inputs.complete.all()
    np.testing.assert_array_equal(inputs.X[:, data.features.index("flag")], np.arange(40) % 2)
