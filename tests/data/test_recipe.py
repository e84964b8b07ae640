"""The recipe: decided once on the training rows, the same as JSON, run again on rows of another day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import Recipe
from kanlab.errors import DatasetError
from tests.helpers.sentences import assert_sentence, refused

EVERYTHING = Preparation(
    gaps="fill",
    pool=True,
    max_levels=4,
    ordered={"size": ("S", "M", "L")},
    date_parts=("year", "month", "weekday"),
    scales={"income": "log", "age": "rank"},
    target_scale="log",
    split="stratified",
)


@pytest.fixture
def people() -> pd.DataFrame:
    """200 rows with a column of every kind, gaps in most."""
    rng = np.random.default_rng(11)
    n = 200
    frame = pd.DataFrame(
        {
            "income": rng.lognormal(8, 1, n).round(2),
            "age": rng.integers(18, 90, n).astype(float),
            "size": rng.choice(["S", "M", "L"], n),
            "town": rng.choice(["Oslo", "Rome", "Bern"] * 5 + [f"village {i}" for i in range(10)], n),
            "joined": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n), "D"),
            "member": rng.random(n) < 0.5,
            "price": rng.lognormal(3, 0.5, n),
        }
    )  # fmt: skip
    for column, rows in {"income": [3, 17], "age": [5], "size": [8], "town": [9, 10], "joined": [12]}.items():
        frame.loc[rows, column] = None
    return frame


@pytest.fixture
def data(people: pd.DataFrame) -> Dataset:
    return Dataset.from_frame(people, "price", preparation=EVERYTHING)


def test_everything_at_once(people: pd.DataFrame, data: Dataset) -> None:
    assert data.n + len(data.y_test) == 200
    assert np.isfinite(data.X_train).all()
    assert np.isfinite(data.X_test).all()
    assert "log(income)" in data.features
    assert "rank(age)" in data.features
    assert {"size", "town (other)", "joined (month)", "income (missing)"} <= set(data.features)
    np.testing.assert_allclose(np.sort(np.exp(np.concatenate([data.y_train, data.y_test]))), np.sort(people["price"]))
    for note in data.notes:
        assert_sentence(note)


def test_predictions_come_back_in_units_of_the_target(people: pd.DataFrame, data: Dataset) -> None:
    assert data.target_label == "log(price)"
    np.testing.assert_allclose(data.recipe.to_units(np.log([3.0, 4.0])), [3, 4])


def test_fills_are_those_of_the_training_rows(people: pd.DataFrame) -> None:
    data = Dataset.from_frame(people[["age", "price"]], "price", preparation=Preparation(gaps="fill"), seed=4)
    fill = data.columns[0].fill
    train = data.X_train[data.X_train[:, -1] == 0, 0] if data.d == 2 else data.X_train[:, 0]
    assert fill == np.median(train)


def test_the_most_frequent_level_fills_a_category() -> None:
    frame = pd.DataFrame({"kind": list("aabbbb") * 5 + [None] * 6, "x": range(36), "y": np.arange(36.0) ** 2})
    data = Dataset.from_frame(frame, "y", test_fraction=0, preparation=Preparation(gaps="fill"))
    assert data.features == ("kind=b", "x", "kind (missing)")
    gaps = data.X_train[:, 2] == 1
    assert gaps.sum() == 6
    assert (data.X_train[gaps, 0] == 1).all()


def test_it_survives_json(data: Dataset, people: pd.DataFrame) -> None:
    text = data.recipe.to_json()
    again = Recipe.from_json(text)
    assert again == data.recipe
    assert again.to_json() == text
    np.testing.assert_array_equal(again.apply(people).X, data.recipe.apply(people).X)
    with refused(DatasetError, "format 99"):
        Recipe.from_dict(json.loads(text) | {"format": 99})


def test_it_is_stored_with_the_data(data: Dataset, people: pd.DataFrame, tmp_path: Path) -> None:
    data.save(tmp_path / "data.parquet")
    again = Dataset.load(tmp_path / "data.parquet")
    assert again.recipe == data.recipe
    assert (again.sha256, again.test_sha256) == (data.sha256, data.test_sha256)


def test_it_runs_again_on_the_same_rows(data: Dataset, people: pd.DataFrame) -> None:
    X = data.recipe.apply(people.drop(columns="price")).X
    pooled = np.vstack([data.X_train, data.X_test])
    np.testing.assert_array_equal(X[np.lexsort(X.T)], pooled[np.lexsort(pooled.T)])


def test_new_rows_with_unknown_levels_gaps_and_an_absent_column(data: Dataset, people: pd.DataFrame) -> None:
    new = people.drop(columns=["price", "income"]).head(4).assign(town="Nowhere", size=["S", "XXL", None, "L"])
    inputs = data.recipe.apply(new)
    assert inputs.complete.all()
    words = " ".join(inputs.notes)
    assert "no column 'income'" in words
    assert "'size' holds levels that were not in the training rows: 'XXL'" in words
    for note in inputs.notes:
        assert_sentence(note)
    features = dict(zip(data.features, inputs.X.T, strict=True))
    assert features["town (other)"].tolist() == [1, 1, 1, 1]
    assert features["income (missing)"].tolist() == [1, 1, 1, 1]
    assert features["size"][1] == features["size"][2]


def test_without_fills_the_row_cannot_be_predicted_and_an_absent_column_is_refused(frame: pd.DataFrame) -> None:
    recipe = Dataset.from_frame(frame, "y", ["a", "kind"]).recipe
    inputs = recipe.apply(pd.DataFrame({"a": [1.0, np.nan, 2.0, 3.0], "kind": ["red", "red", "violet", None]}))
    assert inputs.complete.tolist() == [True, False, True, False]
    assert "2 of 4 rows" in inputs.notes[-1]
    with refused(DatasetError, "no column 'kind'"):
        recipe.apply(frame[["a", "b"]])
    assert recipe.apply(frame.head(0)).X.shape == (0, 3)


def test_gaps_can_be_treated_column_by_column(frame: pd.DataFrame) -> None:
    frame.loc[5, "a"] = np.nan
    wanted = Preparation(gaps_of={"gaps": "fill"})
    data = Dataset.from_frame(frame, "y", test_fraction=0, preparation=wanted)
    assert data.n == 59
    assert any("'gaps' is missing in 3 training rows" in note for note in data.notes)


def test_the_screen_keeps_the_features_of_highest_mutual_information() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 8)), columns=list("abcdefgh")).assign(
        y=lambda f: f["c"] ** 2 + f["f"] + 0.1 * rng.normal(size=300)
    )
    data = Dataset.from_frame(frame, "y", preparation=Preparation(screen=2))
    assert data.features == ("c", "f")
    assert any("Of 8 features, the 2" in note for note in data.notes)


def test_copies_can_be_left_out(people: pd.DataFrame) -> None:
    twice = pd.concat([people, people.head(30)], ignore_index=True)
    kept = Dataset.from_frame(twice, "price", ["age"])
    left = Dataset.from_frame(twice, "price", ["age"], preparation=Preparation(copies="drop"))
    once = Dataset.from_frame(people, "price", ["age"], preparation=Preparation(copies="drop"))
    assert kept.n + len(kept.y_test) == 228
    assert (left.n, left.test_sha256) == (once.n, once.test_sha256)
    assert any("29 rows that repeat others are left out" in note for note in left.notes)
    assert Recipe.from_json(left.recipe.to_json()) == left.recipe


def test_a_recipe_of_before_copies_could_be_left_out(data: Dataset) -> None:
    content = json.loads(data.recipe.to_json())
    del content["preparation"]["copies"]
    assert Recipe.from_dict(content) == data.recipe


def test_time_and_group_splits(people: pd.DataFrame) -> None:
    late = Dataset.from_frame(people, "price", ["joined"], preparation=Preparation(split="time", split_by="joined"))
    assert late.X_test.min() > late.X_train.max() - 1e-9
    by_town = Dataset.from_frame(people, "price", ["age"], preparation=Preparation(split="group", split_by="town"))
    assert len(by_town.y_test) > 0
    with refused(DatasetError, "no column 'nope' to split by"):
        Dataset.from_frame(people, "price", preparation=Preparation(split="time", split_by="nope"))


def test_the_test_rows_are_locked(data: Dataset, people: pd.DataFrame, tmp_path: Path) -> None:
    again = Dataset.from_frame(people, "price", preparation=EVERYTHING)
    other = Dataset.from_frame(people, "price", preparation=EVERYTHING, seed=1)
    assert again.test_sha256 == data.test_sha256 != other.test_sha256
    path = tmp_path / "data.parquet"
    data.save(path)
    table = pd.read_parquet(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = pq.read_schema(path).metadata
    table.iloc[-1, -1] += 1
    pq.write_table(pa.Table.from_pandas(table).replace_schema_metadata(metadata), path)
    with refused(DatasetError, "not those that were held out"):
        Dataset.load(path)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"gaps": "guess"}, "guess"),
        ({"copies": "some"}, "some"),
        ({"scales": {"a": "root"}}, "root"),
        ({"date_parts": ("century",)}, "century"),
        ({"ordered": {"a": ("x",)}}, "two or more"),
        ({"max_levels": 1}, "2 to 50"),
        ({"screen": 0}, "at least one"),
        ({"split": "time"}, "split_by"),
        ({"split": "odd"}, "no split 'odd'"),
    ],
)
def test_each_bad_preparation_is_one_sentence(options: dict[str, Any], part: str) -> None:
    with refused(DatasetError, part):
        Preparation(**options)
