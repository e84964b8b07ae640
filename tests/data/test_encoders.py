"""Columns to numbers, and the sentence for each column that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kanlab.data.encoders import EncodedColumn, encode_features, target_numbers
from kanlab.data.preparation import MAX_LEVELS, Preparation
from kanlab.errors import DatasetError
from kanlab.text import listing
from tests.helpers.sentences import assert_sentence, refused


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [1.0, 2.0, np.inf, np.nan],
            "n": [1, 2, 3, 4],
            "yes": [True, False, True, True],
            "kind": ["b", "a", None, "c"],
            "y": [0.0, 1.0, 2.0, 3.0],
        }
    )


def test_numbers_stay_and_infinities_are_missing(table: pd.DataFrame) -> None:
    np.testing.assert_array_equal(EncodedColumn("x").encode(table), [1, 2, np.nan, np.nan])
    np.testing.assert_array_equal(EncodedColumn("n").encode(table), [1, 2, 3, 4])
    np.testing.assert_array_equal(EncodedColumn("yes").encode(table), [1, 0, 1, 1])


def test_a_category_is_one_column_a_level_but_the_first(table: pd.DataFrame) -> None:
    columns, notes = encode_features(table, "y", ["kind"])
    assert columns == [EncodedColumn("kind", level, levels=("a", "b", "c")) for level in ("b", "c")]
    assert [c.name for c in columns] == ["kind=b", "kind=c"]
    np.testing.assert_array_equal(columns[0].encode(table), [1, 0, np.nan, 0])
    np.testing.assert_array_equal(columns[1].encode(table), [0, 0, np.nan, 1])
    assert len(notes) == 1
    assert "'a' is the reference" in notes[0]


def test_dummies_are_those_of_pandas() -> None:
    frame = pd.DataFrame({"kind": list("badcabdc"), "y": range(8)})
    columns, _ = encode_features(frame, "y", None)
    ours = np.column_stack([c.encode(frame) for c in columns])
    np.testing.assert_array_equal(ours, pd.get_dummies(frame["kind"], drop_first=True, dtype=float))


def test_nullable_columns() -> None:
    frame = pd.DataFrame(
        {"i": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False], dtype="boolean")}
    )
    np.testing.assert_array_equal(EncodedColumn("i").encode(frame), [1, np.nan, 3])
    np.testing.assert_array_equal(EncodedColumn("b").encode(frame), [1, np.nan, 0])


@pytest.mark.parametrize(("levels", "kept"), [(MAX_LEVELS, True), (MAX_LEVELS + 1, False)])
def test_text_of_many_levels_is_left_out_or_refused(levels: int, kept: bool) -> None:
    frame = pd.DataFrame({"id": [f"level {i:02}" for i in range(levels)] * 2, "y": range(2 * levels)})
    columns, notes = encode_features(frame, "y", None)
    assert len(columns) == (levels - 1 if kept else 0)
    assert_sentence(notes[0])
    if kept:
        return
    assert f"{levels} unique values" in notes[0]
    with refused(DatasetError, "'id'", "level 00", "leave it out"):
        encode_features(frame, "y", ["id"])


def test_names_of_few_rows_are_left_out_unless_asked_for() -> None:
    frame = pd.DataFrame({"name": list("abcdefgh"), "y": range(8)})
    columns, notes = encode_features(frame, "y", None)
    assert not columns
    assert "every row has its own value" in notes[0]
    assert len(encode_features(frame, "y", ["name"])[0]) == 7
    assert len(encode_features(frame.replace("h", "a"), "y", None)[0]) == 6


def test_dates_become_their_year_or_the_parts_asked_for() -> None:
    day = pd.to_datetime(["2020-01-01 06:30", "2020-07-01 00:00", None])
    frame = pd.DataFrame({"day": day, "x": range(3), "y": range(3)})
    columns, notes = encode_features(frame, "y", None)
    assert [c.name for c in columns] == ["day (year)", "x"]
    assert "'day'" in notes[0]
    np.testing.assert_allclose(columns[0].encode(frame), [2020 + 6.5 / 24 / 366, 2020 + 182 / 366, np.nan])
    columns, _ = encode_features(frame, "y", ["day"], Preparation(date_parts=("month", "weekday", "hour")))
    parts = np.column_stack([c.encode(frame) for c in columns])
    np.testing.assert_array_equal(parts, [[1, 2, 6.5], [7, 2, 0], [np.nan] * 3])


def test_rare_levels_are_pooled() -> None:
    kinds = list("aaaabbbbccccd") + [f"rare {i}" for i in range(9)]
    frame = pd.DataFrame({"kind": kinds, "y": range(len(kinds))})
    columns, notes = encode_features(frame, "y", None, Preparation(max_levels=4, pool=True))
    assert [c.name for c in columns] == ["kind=b", "kind=c", "kind (other)"]
    assert "10 rarest levels (10 rows)" in notes[0]
    new = pd.DataFrame({"kind": ["a", "b", "d", "never seen", None]})
    encoded = np.column_stack([c.encode(new) for c in columns])
    np.testing.assert_array_equal(encoded, [[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1], [np.nan] * 3])


def test_many_levels_are_pooled_by_default_and_names_are_not() -> None:
    """A level needs three rows for a column of its own: names, one a row or nearly so, are left out."""
    towns = [f"town {i % 20}" for i in range(60)] + ["town 0"] * 9
    names = [f"name {i // 2}" for i in range(69)]
    frame = pd.DataFrame({"town": towns, "name": names, "y": range(69)})
    columns, notes = encode_features(frame, "y", None)
    assert len(columns) == 11  # 10 of 11 levels, and the others
    assert {c.source for c in columns} == {"town"}
    assert "'town' is a category of 20 levels: the 9 rarest levels (27 rows) are pooled" in notes[0]
    assert "'name' holds text with 35 unique values" in notes[1]
    assert encode_features(frame, "y", None, Preparation(pool=False))[0] == []


def test_ordered_levels_are_one_column() -> None:
    frame = pd.DataFrame({"size": ["low", "high", "mid", None], "y": range(4)})
    columns, _ = encode_features(frame, "y", None, Preparation(ordered={"size": ("low", "mid", "high")}))
    assert [c.name for c in columns] == ["size"]
    np.testing.assert_array_equal(columns[0].encode(frame), [0, 2, 1, np.nan])
    with refused(DatasetError, "'size'", "lacks 'mid'"):
        encode_features(frame, "y", None, Preparation(ordered={"size": ("low", "high")}))


def test_an_unknown_level_is_missing() -> None:
    columns, _ = encode_features(pd.DataFrame({"kind": list("aab"), "y": range(3)}), "y", None)
    np.testing.assert_array_equal(columns[0].encode(pd.DataFrame({"kind": ["a", "b", "z"]})), [0, 1, np.nan])


def test_whole_numbers_as_levels_survive_a_gap() -> None:
    columns, _ = encode_features(pd.DataFrame({"kind": ["1", "2", "2"], "y": range(3)}), "y", None)
    np.testing.assert_array_equal(columns[0].encode(pd.DataFrame({"kind": [1.0, 2.0, np.nan]})), [0, 1, np.nan])


def test_numbers_written_as_text_are_read() -> None:
    number = EncodedColumn("x").encode(pd.DataFrame({"x": ["1.5", "2,000.5", "oops", None]}))
    np.testing.assert_array_equal(number, [1.5, 2000.5, np.nan, np.nan])
    np.testing.assert_array_equal(EncodedColumn("x").encode(pd.DataFrame({"x": ["yes", "Yes"]})), [1, 1])
    dates = EncodedColumn("x", part="year").encode(pd.DataFrame({"x": ["2024-01-01", None]}))
    np.testing.assert_array_equal(dates, [2024, np.nan])


def test_default_features_are_all_others_in_order(table: pd.DataFrame) -> None:
    columns, _ = encode_features(table, "y", None)
    assert [c.source for c in columns] == ["x", "n", "yes", "kind", "kind"]


def test_target_among_the_features(table: pd.DataFrame) -> None:
    with refused(DatasetError, "'y'", "cannot be a feature"):
        encode_features(table, "y", ["x", "y"])


def test_unknown_feature(table: pd.DataFrame) -> None:
    with refused(DatasetError, "no column 'z', 'w'", "'x'", "'kind'"):
        encode_features(table, "y", ["x", "z", "w"])


def test_feature_named_twice(table: pd.DataFrame) -> None:
    with refused(DatasetError, "twice"):
        encode_features(table, "y", ["x", "x"])


def test_missing_target(table: pd.DataFrame) -> None:
    with refused(DatasetError, "no column 'z' to predict", "'kind'"):
        target_numbers(table, "z")


def test_text_target(table: pd.DataFrame) -> None:
    with refused(DatasetError, "'kind'", "values such as 'b'", "numeric column"):
        target_numbers(table, "kind")


def test_new_rows(table: pd.DataFrame) -> None:
    with refused(DatasetError, "no column 'kind'", "'x'"):
        EncodedColumn("kind", "a").encode(table[["x", "y"]])
    with refused(DatasetError, "'x'", "values such as 'much'"):
        EncodedColumn("x").encode(pd.DataFrame({"x": ["much"]}))


def test_listing() -> None:
    assert listing(["a", "b"]) == "'a', 'b'"
    assert listing(list("abcdefghijk")) == "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 3 more"
