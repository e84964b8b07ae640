"""The nearest training rows: distances by their definition and by scikit-learn, features decoded, what is far."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.explain.nearest import Neighbourhood, decoded


def mixed(n: int = 120) -> pd.DataFrame:
    """Numbers, one of them on a logarithm and one with gaps, a category, one with an order, a date, rare levels."""
    rng = np.random.default_rng(1)
    gap = rng.normal(size=n)
    gap[::10] = np.nan
    return pd.DataFrame(
        {
            "size": np.exp(rng.normal(size=n)),
            "gap": gap,
            "kind": rng.choice(["r", "g", "w"], n, p=[0.6, 0.3, 0.1]),
            "grade": rng.choice(["low", "mid", "high"], n),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "town": np.where(rng.random(n) < 0.8, rng.choice(["A", "B", "C"], n), np.char.add("t", np.arange(n).astype(str))),
            "y": rng.normal(size=n),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Dataset:
    wanted = Preparation(
        gaps="fill",
        scales={"size": "log"},
        ordered={"grade": ("low", "mid", "high")},
        max_levels=4,
        pool=True,
        date_parts=("year", "month"),
    )
    return Dataset.from_frame(mixed(), "y", test_fraction=0.0, preparation=wanted)


def test_inputs_become_the_columns_they_were_made_of(data: Dataset) -> None:
    """Numbers off their scale, levels by name, a gap as one, rare levels as others."""
    frame, back = mixed(), decoded(data.recipe, data.X_train)
    np.testing.assert_allclose(back["size"], frame["size"])
    np.testing.assert_allclose(back["gap"], frame["gap"])  # nan where a gap was
    assert back["kind"].tolist() == frame["kind"].tolist()
    assert back["grade"].tolist() == frame["grade"].tolist()
    rare = frame["town"].str.startswith("t")
    assert back["town"].tolist() == frame["town"].mask(rare, "any other").tolist()
    np.testing.assert_array_equal(back["when (month)"], frame["when"].dt.month)


def test_every_feature_counts_alike() -> None:
    """The mean squared difference of two training rows is 2 in each, and adds up."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": 50 * rng.normal(size=300), "kind": rng.choice(["r", "g", "w"], 300), "y": range(300)})
    data = Dataset.from_frame(frame, "y", test_fraction=0.0)
    squares = {}
    for used in (["a"], ["kind"], ["a", "kind"]):
        near = Neighbourhood(data, used).nearest(data.X_train, 300)
        squares["+".join(used)] = (near.distances**2).mean()
    assert squares["a"] == pytest.approx(2.0, rel=1e-9)
    assert squares["kind"] == pytest.approx(2.0, rel=1e-9)
    assert squares["a+kind"] == pytest.approx(4.0, rel=1e-9)


def test_distances_are_those_of_the_definition(data: Dataset) -> None:
    """By a loop over features, and of numbers alone by scikit-learn."""
    found, frame = Neighbourhood(data).nearest(data.X_train[:4]), mixed()
    which = found.rows[2, 3]
    total = 0.0
    for name in ("kind", "town", "grade", "size"):
        values = (
            frame[name].mask(frame[name].astype(str).str.startswith("t"), "other") if name == "town" else frame[name]
        )
        if name == "size":
            total += (np.log(values[2] / values[which])) ** 2 / np.log(values).var(ddof=0)
        elif name == "grade":
            places = values.map({"low": 0, "mid": 1, "high": 2})
            total += (places[2] - places[which]) ** 2 / places.var(ddof=0)
        elif values[2] != values[which]:
            total += 2.0 / (1.0 - (values.value_counts(normalize=True) ** 2).sum())
    filled, lost = frame["gap"].fillna(frame["gap"].median()), frame["gap"].isna().astype(float)
    total += np.mean([(v[2] - v[which]) ** 2 / v.var(ddof=0) for v in (filled, lost)])
    parts = [i for i, c in enumerate(data.columns) if c.source == "when"]
    X = data.X_train[:, parts]
    total += np.mean((X[2] - X[which]) ** 2 / X.var(axis=0))
    assert found.distances[2, 3] == pytest.approx(np.sqrt(total))
    assert found.distances[:, 0].tolist() == [0.0] * 4
    numbers = Dataset.from_frame(frame[["size", "y"]].assign(other=frame["when"].dt.month), "y", test_fraction=0.0)
    scaled = numbers.X_train / numbers.X_train.std(axis=0)
    reference = NearestNeighbors(n_neighbors=5).fit(scaled).kneighbors(scaled)[0]
    np.testing.assert_allclose(Neighbourhood(numbers).nearest(numbers.X_train).distances, reference, atol=1e-7)


def test_a_combination_that_no_row_is_near_is_told() -> None:
    """Within the range of each feature, but off the line they lie on; and beyond the range of one."""
    a = np.linspace(0, 1, 200)
    frame = pd.DataFrame({"a": a, "b": a + 0.01 * np.sin(40 * a), "y": a})
    hood = Neighbourhood(Dataset.from_frame(frame, "y", test_fraction=0.0))
    found = hood.nearest(np.array([[0.5, 0.5], [0.2, 0.8], [3.0, 0.5]]))
    assert found.far.tolist() == [False, True, True]
    assert found.outside == ((), (), ("a",))
    assert found.sentence(0) == "There are training rows near this one."
    assert found.sentence(1).startswith("No training row is near this combination")
    assert found.sentence(2).startswith("'a' lies outside the range of the training rows. No training row")
    table = hood.table(found, 0)
    assert table.columns.tolist() == ["distance", "y", "a", "b"]
    assert table["a"].iloc[0] == pytest.approx(0.5, abs=0.01)
