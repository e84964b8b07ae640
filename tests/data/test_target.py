"""What a target is taken for, its two classes as 0 and 1, and what that leaves of a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import Recipe
from kanlab.data.splits import split_rows
from kanlab.data.target import class_levels, default_task, read_target, two_levels
from kanlab.errors import DatasetError
from tests.helpers.sentences import refused

N = 60
PICK = np.random.default_rng(1).integers(0, 2, N)
PICK[0], PICK[1] = 0, 1


def of(zero: object, one: object) -> pd.Series:
    return pd.Series([one if i else zero for i in PICK])


@pytest.mark.parametrize(
    ("column", "levels", "task"),
    [
        (of("b", "a"), ("a", "b"), "classification"),
        (of("ja", "nein"), ("nein", "ja"), "classification"),
        (of("Yes", "No"), ("No", "Yes"), "classification"),
        (of(False, True), ("False", "True"), "classification"),
        (of(False, True).astype("boolean"), ("False", "True"), "classification"),
        (of("u", "v").astype("category"), ("u", "v"), "classification"),
        (of(0, 1), ("0", "1"), "classification"),
        (of(1.0, 0.0), ("0", "1"), "classification"),
        (of(1, 2), ("1", "2"), "regression"),
        (of(10, 9), ("9", "10"), "regression"),
        (of(0.5, -1.5), ("-1.5", "0.5"), "regression"),
        (pd.Series(range(N)), (), "regression"),
        (pd.Series(list("abc") * 20), (), "classification"),
        (pd.Series(["x"] * N), (), "regression"),
        (of(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")), (), "regression"),
    ],
)
def test_what_a_column_is_taken_for(column: pd.Series, levels: tuple[str, ...], task: str) -> None:
    assert two_levels(column) == levels
    assert default_task(column) == task
    if levels:
        found = read_target(pd.DataFrame({"y": column}), "y", "classification")
        words = column.map(lambda v: f"{v:g}" if isinstance(v, (int, float)) and not isinstance(v, bool) else str(v))
        np.testing.assert_array_equal(found.y, (words == levels[1]).astype(float))
        other = read_target(pd.DataFrame({"y": column}), "y", "classification", levels[0])
        assert other.levels == levels[::-1]
        np.testing.assert_array_equal(other.y, 1.0 - found.y)


def test_gaps_stay_gaps() -> None:
    found = read_target(pd.DataFrame({"y": of("no", "yes").where(np.arange(N) > 3)}), "y")
    assert np.isnan(found.y[:4]).all()
    assert np.isfinite(found.y[4:]).all()
    numbers = of(0.0, 1.0)
    numbers[:4] = [np.inf, np.nan, -np.inf, np.nan]
    assert np.isnan(read_target(pd.DataFrame({"y": numbers}), "y").y).sum() == 4


@pytest.mark.parametrize(
    ("column", "arguments", "parts"),
    [
        (pd.Series([f"n{i % 52:02}" for i in range(N)]), {}, ["52 unique texts", "'n00', 'n01', 'n02'", "at most 50 classes"]),
        (pd.Series([f"n{i % 40:02}" for i in range(N)]), {}, ["40 unique texts", "each of several rows"]),
        (pd.Series(list("abc") * 20), {"positive": "a"}, ["3 classes", "none counts as 1"]),
        (pd.Series([0.5, 1.0, 2.0] * 20), {"task": "classification"}, ["3 unique numbers", "whole numbers"]),
        (pd.Series(list("abc") * 20), {"task": "regression"}, ["not numbers"]),
        (of("a", "b"), {"task": "regression"}, ["not numbers"]),
        (pd.Series(np.arange(N)), {"task": "classification"}, ["60 unique numbers", "choose regression"]),
        (of("a", "b"), {"task": "clustering"}, ["no task 'clustering'"]),
        (of("a", "b"), {"positive": "c"}, ["no level 'c'", "'a', 'b'"]),
        (pd.Series(np.arange(N)), {"positive": "1"}, ["is predicted as a number"]),
        (of("a", "b"), {"preparation": Preparation(target_scale="log")}, ["has no log"]),
        (pd.Series(["a"] * N), {}, ["'a'", "not numbers"]),
    ],
)  # fmt: skip
def test_refusals(column: pd.Series, arguments: dict[str, str], parts: list[str]) -> None:
    with refused(DatasetError, *parts):
        Dataset.from_frame(pd.DataFrame({"x": np.arange(N), "y": column}), "y", **arguments)  # type: ignore[arg-type]


def frame(seed: int = 0, n: int = 100, share: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(size=n), "y": np.where(rng.random(n) < share, "ill", "healthy")})


def test_two_numbers_stay_a_quantity_and_a_sentence_offers_classes() -> None:
    table = pd.DataFrame({"x": np.arange(N), "y": of(1, 2)})
    data = Dataset.from_frame(table, "y")
    assert (data.task, data.levels) == ("regression", ())
    assert any("choose classification" in note for note in data.notes)
    classes = Dataset.from_frame(table, "y", task="classification")
    assert (classes.task, classes.levels) == ("classification", ("1", "2"))
    assert classes.sha256 != data.sha256


@pytest.mark.parametrize(
    ("column", "levels", "task"),
    [
        (pd.Series(list("bca") * 20), ("a", "b", "c"), "classification"),
        (pd.Series(list("bca") * 20).astype("category"), ("a", "b", "c"), "classification"),
        (pd.Series([10, 9, 100] * 20), ("9", "10", "100"), "regression"),
        (pd.Series([1.0, 0.0, 2.0] * 20), ("0", "1", "2"), "regression"),
        (pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N) % 3, unit="D")), (), "regression"),
        (pd.Series(np.arange(N)), (), "regression"),
    ],
)
def test_more_than_two_classes(column: pd.Series, levels: tuple[str, ...], task: str) -> None:
    assert class_levels(column) == levels
    assert default_task(column) == task
    if levels:
        found = read_target(pd.DataFrame({"y": column}), "y", "classification")
        assert found.levels == levels
        np.testing.assert_array_equal(found.y, [levels.index(f"{v:g}" if task == "regression" else v) for v in column])
        assert f"has {len(levels)} classes" in found.note


def test_few_whole_numbers_stay_a_quantity_and_a_sentence_offers_classes() -> None:
    found = read_target(pd.DataFrame({"y": [0, 1, 2] * 20}), "y")
    assert found.levels == ()
    assert "3 whole numbers, 0 to 2" in found.note
    assert "choose classification" in found.note
    assert read_target(pd.DataFrame({"y": np.arange(60) % 20}), "y").note == ""


def test_many_classes_in_recipe_and_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=90), "y": list("abc") * 30})
    data = Dataset.from_frame(table, "y")
    assert (data.task, data.levels, data.outputs) == ("multiclass", ("a", "b", "c"), 2)
    assert [int(np.sum(data.y_test == c)) for c in range(3)] == [6, 6, 6]
    data.save(tmp_path / "data.parquet")
    again = Dataset.load(tmp_path / "data.parquet")
    assert (again.sha256, again.levels, again.task) == (data.sha256, data.levels, "multiclass")
    p = [[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [np.nan] * 3]
    np.testing.assert_array_equal(data.recipe.to_levels(p), np.array(["b", "a", None], dtype=object))
    np.testing.assert_array_equal(data.fit_target(np.array([0.0, 2.0])), [[1, 0, 0], [0, 0, 1]])


def test_each_class_is_held_out_in_its_share() -> None:
    for seed in range(5):
        data = Dataset.from_frame(frame(seed, share=0.1), "y", seed=seed)
        ones = data.y_train.sum() + data.y_test.sum()
        assert abs(data.y_test.sum() - ones / 5) <= 1
        assert len(data.y_test) == 20
    y = (frame()["y"] == "ill").to_numpy(dtype=float)
    _, test = split_rows("stratified", y, 0.2, 0)
    np.testing.assert_array_equal(Dataset.from_frame(frame(), "y").y_test, y[test])


def test_the_levels_are_part_of_the_recipe_and_of_the_hash(tmp_path: Path) -> None:
    data, turned = (Dataset.from_frame(frame(), "y", positive=p) for p in ("ill", "healthy"))
    assert data.levels == ("healthy", "ill")
    assert any("'ill' counts as 1" in note for note in data.notes)
    assert data.sha256 != turned.sha256
    assert Recipe.from_json(data.recipe.to_json()) == data.recipe
    data.save(tmp_path / "data.parquet")
    again = Dataset.load(tmp_path / "data.parquet")
    assert (again.sha256, again.levels, again.task) == (data.sha256, data.levels, "classification")
    np.testing.assert_array_equal(
        data.recipe.to_levels([0.2, 0.5, np.nan]), np.array(["healthy", "ill", None], dtype=object)
    )


def test_the_recipe_of_a_quantity_is_what_it_was() -> None:
    numbers = frame().assign(y=np.arange(100.0))
    assert set(json.loads(Dataset.from_frame(numbers, "y").recipe.to_json())) == {
        "format", "target", "target_transform", "columns", "preparation",
    }  # fmt: skip


def test_a_class_that_is_not_among_the_training_rows() -> None:
    table = frame().assign(day=np.arange(100))
    table["y"] = np.where(table["day"] > 90, "ill", "healthy")
    with refused(DatasetError, "single value (healthy)"):
        Dataset.from_frame(table, "y", preparation=Preparation(split="time", split_by="day"))


@pytest.mark.parametrize(
    ("rows", "said"), [((20, 20, 20), "of 20 rows each;"), ((12, 30, 18), "with 12 ('a') to 30 rows;")]
)
def test_the_note_says_how_many_rows_the_classes_have(rows: tuple[int, ...], said: str) -> None:
    words = [word for word, count in zip("abc", rows, strict=True) for _ in range(count)]
    data = Dataset.from_frame(pd.DataFrame({"x": np.arange(60.0), "kind": words}), "kind")
    (note,) = [n for n in data.notes if "classes" in n]
    assert said in note
