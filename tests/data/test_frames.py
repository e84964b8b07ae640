"""Every kind of table, at every door: the same data set, the same predictions, or one sentence."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kanlab.api import fit
from kanlab.data.dataset import Dataset
from kanlab.data.frames import as_frame
from kanlab.errors import DatasetError, FitError
from tests.helpers.sentences import refused

N = 40


def plain() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=N).round(3),
            "n": rng.integers(0, 9, N),
            "flag": rng.random(N) < 0.5,
            "kind": rng.choice(["red", "blue"], N),
            "day": pd.date_range("2024-01-01", periods=N),
            "y": rng.normal(size=N),
        }
    )


def objects() -> pd.DataFrame:
    frame = plain().astype(object)
    return frame.assign(
        a=[Decimal(str(v)) for v in frame["a"]], day=[d.date() for d in plain()["day"]], n=[int(v) for v in frame["n"]]
    )


WAYS: dict[str, Any] = {
    "pandas": plain,
    "objects": objects,
    "nullable": lambda: plain().convert_dtypes(),
    "arrow types": lambda: plain().convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda: plain().astype({"kind": "category", "n": "category"}),
    "zones and periods": lambda: plain().assign(day=plain()["day"].dt.tz_localize("UTC")),
    "an Arrow table": lambda: pa.table(plain()),
    "Arrow decimals": lambda: pa.table(plain()).set_column(
        0, "a", pa.array([Decimal(str(v)) for v in plain()["a"]], pa.decimal128(10, 3))
    ),
    "polars": lambda: pl.from_pandas(plain()),
    "lazy polars": lambda: pl.from_pandas(plain()).lazy(),
    "a mapping": lambda: plain().to_dict("list"),
    "named fields": lambda: plain().to_records(index=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_data_set_and_the_same_inputs(way: str) -> None:
    expected = Dataset.from_frame(plain(), "y")
    data = Dataset.from_frame(WAYS[way](), "y")
    np.testing.assert_array_equal(data.X_train, expected.X_train)
    assert data.features == expected.features
    np.testing.assert_array_equal(expected.recipe.apply(as_frame(WAYS[way]())).X, expected.recipe.apply(plain()).X)


def test_gaps_cost_no_digits() -> None:
    table = pa.table({"key": pa.array([9007199254740993, None]), "day": pa.array([datetime.date(2024, 1, 2), None])})
    frame = as_frame(table)
    assert frame["key"][0] == 9007199254740993
    assert pd.isna(frame["key"][1])
    assert frame["day"][0] == pd.Timestamp("2024-01-02")


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (3, "not int"),
        (np.ones(3), "two dimensions"),
        (np.ones((2, 3)), "give 'a', 'b' in this order"),
        (pd.DataFrame({"a": [[1], [2]]}), "'a' holds list"),
        (pd.DataFrame({"a": [1j, 2j]}), "'a' holds complex"),
        ({"a": [1], "b": [1, 2]}, "no table"),
    ],
)
def test_anything_else_is_one_sentence(rows: Any, part: str) -> None:
    with refused(DatasetError, part):
        as_frame(rows, ("a", "b"))


def test_a_network_takes_columns_by_name() -> None:
    data = Dataset.from_frame(plain(), "y", ["a", "n"])
    network = fit(data, 1, 2, 1)
    X = plain()[["a", "n"]]
    expected = network.predict(X.to_numpy(dtype=float))
    for rows in (X, X[["n", "a"]], plain()[["y", "n", "kind", "a"]], pa.table(X[["n", "a"]]), pl.from_pandas(X[["n", "a"]]),
                 X.convert_dtypes()):  # fmt: skip
        np.testing.assert_array_equal(network.predict(rows), expected)
    with refused(FitError, "X has no column 'n'"):
        network.predict(X[["a"]])
    with refused(FitError, "'a' of X holds no numbers"):
        network.predict(X.assign(a="many"))
    again = type(network).from_arrays(network.arrays())
    np.testing.assert_array_equal(again.predict(X[["n", "a"]]), expected)


def test_levels_are_those_of_the_training_rows() -> None:
    """One that test rows alone have is unknown there, and never the reference level."""
    frame = plain().assign(kind=["red", "blue"] * (N // 2))
    rare = int(np.flatnonzero(Dataset.from_frame(frame, "y", ["a", "kind"]).X_test[:, 0][:1])[0])
    tested = Dataset.from_frame(frame, "y", ["a", "kind"]).X_test[rare, 0]
    frame.loc[frame["a"] == tested, "kind"] = "aaa"  # first in the alphabet
    data = Dataset.from_frame(frame, "y", ["a", "kind"])
    assert data.features == ("a", "kind=red")
    assert len(data.y_test) == 7
    assert any("1 test row holds a level that no training row has" in note for note in data.notes)
    inputs = data.recipe.apply(pd.DataFrame({"a": 0.0, "kind": ["blue", "aaa", "never"]}))
    assert inputs.X[0].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(inputs.X[1:, 1], data.X_train[:, 1].mean())  # the average of the training rows
    assert inputs.unknown is not None
    assert inputs.unknown.tolist() == [False, True, True]
