"""Data sets: encoded, split, frozen and hashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets

from kanlab.data.dataset import Dataset
from kanlab.data.filters import MAX_MAGNITUDE, MIN_ROWS
from kanlab.data.preparation import Preparation
from kanlab.errors import DatasetError
from tests.helpers.sentences import assert_sentence, refused


def numbered(rows: int, noise_seed: int = 0) -> pd.DataFrame:
    """Rows told apart by their `id`."""
    rng = np.random.default_rng(noise_seed)
    return pd.DataFrame({"id": np.arange(rows, dtype=float), "x": rng.normal(size=rows), "y": rng.normal(size=rows)})


# ---- splitting


@given(st.integers(MIN_ROWS, 200), st.floats(0, 0.8), st.integers(0, 2**31 - 1))
def test_split_is_a_partition_of_the_asked_size(rows: int, fraction: float, seed: int) -> None:
    frame = numbered(rows)
    data = Dataset.from_frame(frame, "y", test_fraction=fraction, seed=seed)
    train, test = data.X_train[:, 0].tolist(), data.X_test[:, 0].tolist()
    assert sorted(train + test) == frame["id"].tolist()
    assert len(test) == len(data.y_test) == round(rows * fraction)
    assert data.n == len(train)
    np.testing.assert_array_equal(data.y_train, frame["y"].to_numpy()[np.array(train, dtype=int)])
    np.testing.assert_array_equal(data.y_test, frame["y"].to_numpy()[np.array(test, dtype=int)])


def test_equal_seeds_give_equal_splits_and_others_do_not() -> None:
    first, again, other = (Dataset.from_frame(numbered(80), "y", seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.X_test, again.X_test)
    assert first.sha256 == again.sha256
    assert set(first.X_test[:, 0]) != set(other.X_test[:, 0])
    assert first.sha256 != other.sha256


def test_the_split_does_not_depend_on_the_features() -> None:
    frame = numbered(80)
    a, b = (Dataset.from_frame(frame, "y", features, seed=3) for features in (["id"], ["x", "id"]))
    np.testing.assert_array_equal(a.X_train[:, 0], b.X_train[:, 1])


def test_without_test_rows() -> None:
    data = Dataset.from_frame(numbered(30), "y", test_fraction=0)
    assert (data.n, data.X_test.shape, data.y_test.shape) == (30, (0, 2), (0,))


# ---- what is left out, and said


def test_rows_with_gaps_are_left_out(frame: pd.DataFrame) -> None:
    data = Dataset.from_frame(frame, "y", test_fraction=0)
    assert (data.rows, data.n) == (60, 57)
    assert data.features == ("a", "b", "kind=green", "kind=red", "gaps")
    assert any("3 of 60 rows" in note for note in data.notes)
    for note in data.notes:
        assert_sentence(note)
    kept = frame.dropna()
    np.testing.assert_array_equal(data.X_train[:, 2], (kept["kind"] == "green").astype(float))
    np.testing.assert_array_equal(data.y_train, kept["y"])


@pytest.mark.parametrize("value", [0.1, 3.0, 1e-200, 1e15])
def test_constant_columns_are_left_out(value: float) -> None:
    data = Dataset.from_frame(numbered(50).assign(same=value), "y")
    assert data.features == ("id", "x")
    assert any("'same' holds a single value" in note for note in data.notes)


def test_a_column_whose_squares_vanish_counts_as_constant() -> None:
    frame = numbered(50)
    assert Dataset.from_frame(frame.assign(x=frame["x"] * 1e-250), "y").features == ("id",)


def test_columns_named_by_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)))
    data = Dataset.from_frame(frame, 2)  # type: ignore[arg-type]
    assert (data.features, data.target) == (("0", "1"), "2")
    data.save(tmp_path / "data.parquet")
    assert Dataset.load(tmp_path / "data.parquet").sha256 == data.sha256
    np.testing.assert_array_equal(data.encode(frame), frame[[0, 1]])


# ---- refusals


@pytest.mark.parametrize(
    ("change", "arguments", "parts"),
    [
        (lambda f: f, {"target": "z"}, ["no column 'z'"]),
        (lambda f: f.assign(y="text"), {}, ["'y'", "not numbers"]),
        (lambda f: f.assign(y=4.0), {}, ["'y'", "single value (4)"]),
        (lambda f: f.assign(y=0.1), {}, ["'y'", "single value (0.1)"]),
        (lambda f: f, {"features": ["q"]}, ["no column 'q'"]),
        (lambda f: f, {"features": []}, ["no usable feature"]),
        (lambda f: f[["y"]], {}, ["no usable feature"]),
        (lambda f: f.assign(id=1.0, x=2.0), {}, ["Every feature holds a single value"]),
        (lambda f: f.head(MIN_ROWS - 1), {}, [f"Only {MIN_ROWS - 1} complete rows", f"at least {MIN_ROWS}"]),
        (
            lambda f: f.assign(x=np.nan),
            {"features": ["x"]},
            ["Only 0 complete rows are left of 40", "'x'", "fill the gaps"],
        ),
        (lambda f: f, {"test_fraction": 1.0}, ["test fraction", "below 1"]),
        (lambda f: f, {"test_fraction": -0.1}, ["test fraction"]),
        (lambda f: f, {"test_fraction": float("nan")}, ["test fraction"]),
        (lambda f: f, {"test_fraction": 0.999}, ["no rows to train on"]),
        (lambda f: f, {"seed": -1}, ["seed"]),
        (lambda f: f.assign(x=f["x"] * 1e200), {}, ["'x'", f"{MAX_MAGNITUDE:g}"]),
        (lambda f: f.assign(y=f["y"] * 1e200), {}, ["'y'", f"{MAX_MAGNITUDE:g}"]),
        (lambda f: f.set_axis(["x", "x", "y"], axis=1), {}, ["'x'", "more than once"]),
    ],
)
def test_each_refusal_is_one_sentence(
    change: Callable[[pd.DataFrame], pd.DataFrame], arguments: dict[str, object], parts: list[str]
) -> None:
    with refused(DatasetError, *parts):
        Dataset.from_frame(change(numbered(40)), **{"target": "y"} | arguments)  # type: ignore[arg-type]


# ---- the hash


def test_sha256_changes_with_the_content(small: Dataset) -> None:
    def bumped(array: np.ndarray) -> np.ndarray:
        changed = array.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.inf)
        return changed

    others = [
        replace(small, **{name: bumped(getattr(small, name))}) for name in ("X_train", "y_train", "X_test", "y_test")
    ]
    others.append(replace(small, target="z"))
    others.append(replace(small, columns=(small.columns[1], small.columns[0])))
    others.append(replace(small, X_train=small.X_train[::-1].copy(), y_train=small.y_train[::-1].copy()))
    others.append(  # the same numbers in a row, split elsewhere
        replace(
            small,
            X_train=small.X_train[:-1],
            y_train=small.y_train[:-1],
            X_test=np.vstack([small.X_train[-1:], small.X_test]),
            y_test=np.append(small.y_train[-1], small.y_test),
        )
    )
    assert len({d.sha256 for d in [small, *others]}) == 1 + len(others)


def test_sha256_is_blind_to_what_does_not_matter(small: Dataset) -> None:
    same = replace(small, name="copy.csv", rows=99, notes=("other",), X_train=np.asfortranarray(small.X_train))
    assert same.sha256 == small.sha256
    assert len(small.sha256) == 64


def test_frozen(small: Dataset) -> None:
    with pytest.raises(FrozenInstanceError):
        small.target = "z"  # type: ignore[misc]


# ---- files


def assert_same(a: Dataset, b: Dataset) -> None:
    for name in ("X_train", "y_train", "X_test", "y_test"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(b, name).dtype == np.float64
    for name in ("name", "target", "columns", "rows", "notes", "features", "sha256"):
        assert getattr(a, name) == getattr(b, name)


@pytest.mark.parametrize("fraction", [0.0, 0.25])
def test_save_and_load(frame: pd.DataFrame, tmp_path: Path, fraction: float) -> None:
    data = Dataset.from_frame(frame, "y", test_fraction=fraction, name="größe.csv")
    data.save(tmp_path / "data.parquet")
    assert_same(data, Dataset.load(tmp_path / "data.parquet"))


def test_new_rows_are_encoded_alike(frame: pd.DataFrame) -> None:
    data = Dataset.from_frame(frame, "y", test_fraction=0)
    encoded = data.encode(frame.drop(columns="y"))
    complete = np.isfinite(encoded).all(axis=1)
    np.testing.assert_array_equal(encoded[complete], data.X_train)
    assert (~complete).sum() == 3


@pytest.mark.parametrize(
    ("frame", "target", "d"),
    [
        (datasets.load_diabetes(as_frame=True).frame, "target", 10),
        (datasets.load_iris(as_frame=True).frame, "petal width (cm)", 4),
        (sm.datasets.longley.load_pandas().data, "TOTEMP", 6),
        (sm.datasets.star98.load_pandas().data, "NABOVE", 21),
    ],
)
def test_real_data(frame: pd.DataFrame, target: str, d: int, tmp_path: Path) -> None:
    as_it_is = Preparation(target_scale="none")
    data = Dataset.from_frame(frame, target, test_fraction=0.2, seed=1, preparation=as_it_is)
    assert data.d == d
    assert data.n + len(data.y_test) == data.rows == len(frame)
    pooled = np.sort(np.concatenate([data.y_train, data.y_test]))
    np.testing.assert_array_equal(pooled, np.sort(frame[target].to_numpy(dtype=float)))
    data.save(tmp_path / "data.parquet")
    assert_same(data, Dataset.load(tmp_path / "data.parquet"))


LONG, OTHER = "n" * 10_000, "m" * 10_000


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda f: f[[LONG]], {}),
        (lambda f: f.assign(**{LONG: 1.0}), {}),
        (lambda f: f.assign(**{LONG: f[LONG] * 1e200}), {}),
        (lambda f: f.assign(**{LONG: "text"}), {}),
        (lambda f: f, {"features": [LONG]}),
        (lambda f: f, {"features": ["k" * 10_000]}),
        (lambda f: f.assign(**{OTHER: 1.0}), {}),
        (lambda f: f.assign(**{OTHER: "one"}), {"preparation": Preparation(split="time", split_by=OTHER)}),
        (lambda f: f.assign(**{OTHER: "one"}), {"preparation": Preparation(split="group", split_by=OTHER)}),
        (lambda f: f, {"preparation": Preparation(split="time", split_by="k" * 10_000)}),
        (lambda f: f, {"preparation": Preparation(scales={OTHER: "log"})}),
    ],
)
def test_long_names_are_cut_short_in_every_sentence(change: Any, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    frame = change(pd.DataFrame({LONG: rng.normal(size=40), OTHER: rng.normal(size=40), "z": rng.normal(size=40)}))
    try:
        notes = Dataset.from_frame(frame, LONG, **options).notes
    except DatasetError as error:
        notes = (str(error),)
    assert notes
    for note in notes:
        assert_sentence(note)


def test_columns_that_are_mostly_empty_do_not_cost_the_rows() -> None:
    """Unless they are asked for, or filled."""
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2, "note": None, "size": np.nan})
    frame.loc[:11, "size"] = np.arange(12.0)
    frame.loc[:3, "note"] = list("abab")
    data = Dataset.from_frame(frame, "y")
    assert (data.features, data.n + len(data.y_test)) == (("x",), 40)
    assert any("'note', 'size' lack more than half" in note for note in data.notes)
    asked = Dataset.from_frame(frame, "y", ["x", "size"])
    assert asked.n + len(asked.y_test) == 12
    filled = Dataset.from_frame(frame, "y", preparation=Preparation(gaps="fill"))
    assert "size" in filled.features


def test_text_that_few_complete_rows_hold_costs_no_training_row() -> None:
    """Too many levels for a column in the whole table, few in its complete rows: its gaps were nan in the inputs."""
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2, "z": np.arange(40.0) % 7})
    frame["remark"] = [f"remark {i}" if i < 15 else None for i in range(40)]
    frame.loc[:9, "z"] = np.nan
    data = Dataset.from_frame(frame, "y")
    assert data.n + len(data.y_test) == 30
    assert any("'remark'" in note for note in data.notes)


def test_a_column_is_no_weight_and_one_of_several_targets() -> None:
    frame = pd.DataFrame({"x": np.arange(20.0), "a": np.arange(20.0) ** 2, "w": np.arange(20) + 1})
    with refused(DatasetError, "'w'", "the weights and the target at once"):
        Dataset.for_targets(frame, ["a", "w"], preparation=Preparation(weights="w"))
    with refused(DatasetError, "no column 'v' of weights"):
        Dataset.for_targets(frame, ["a", "w"], preparation=Preparation(weights="v"))
