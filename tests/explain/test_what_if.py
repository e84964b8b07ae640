"""What can be set of a row stays within the training rows, goes into an address and comes back."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.explain.nearest import decoded
from kanlab.explain.what_if import ANY_OTHER, Control, controls_of, row_of, values_of


def table(n: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "price": np.exp(rng.normal(3, 1, n)),
            "rooms": rng.integers(1, 7, n),
            "year": rng.integers(1950, 2020, n),
            "town": np.where(rng.random(n) < 0.9, rng.choice(["A", "B", "C"], n), np.char.add("t", np.arange(n).astype(str))),
            "grade": rng.choice(["low", "mid", "high"], n),
            "garden": rng.random(n) < 0.3,
            "sold": pd.Timestamp("2019-02-03") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "y": rng.normal(size=n),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Dataset:
    wanted = Preparation(scales={"price": "log"}, ordered={"grade": ("low", "mid", "high")}, max_levels=4, pool=True)
    return Dataset.from_frame(table(), "y", test_fraction=0.0, preparation=wanted)


@pytest.fixture(scope="module")
def controls(data: Dataset) -> list[Control]:
    return controls_of(data, data.recipe.sources)


def test_each_feature_has_what_fits_it(controls: list[Control]) -> None:
    by, frame = {c.feature: c for c in controls}, table()
    assert [c.kind for c in controls] == ["number", "values", "number", "level", "level", "level", "date"]
    assert by["rooms"].options == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert (by["year"].step, by["year"].digits) == (1.0, 0)
    assert (by["year"].low, by["year"].high) == (frame["year"].min(), frame["year"].max())
    assert frame["price"].min() <= by["price"].low < by["price"].high <= frame["price"].max()
    assert by["price"].start == pytest.approx(frame["price"].median(), abs=by["price"].step)
    assert by["town"].options[-1] == ANY_OTHER
    assert by["grade"].options == ("low", "mid", "high")
    assert by["garden"].options == ("false", "true")
    assert by["sold"].low == frame["sold"].min().date()
    assert by["sold"].high == frame["sold"].max().date()


def test_every_setting_can_be_predicted(data: Dataset, controls: list[Control]) -> None:
    """No cell is missing or unknown, and inputs are those of the cells, at both ends of each."""
    for ends in (0, -1):
        values = [(c.options[ends] if c.options else (c.low, c.high)[ends]) for c in controls]
        inputs = data.recipe.apply(row_of(data, controls, values))
        assert inputs.complete.all()
        assert inputs.unknown is None
    chosen = row_of(data, controls[:1], [100.0])
    assert set(chosen) == set(data.recipe.sources)
    assert np.exp(data.encode(chosen)[0, 0]) == pytest.approx(100.0)


def test_where_training_rows_had_gaps_a_value_can_be_missing() -> None:
    frame = table()
    frame.loc[::7, ["price", "rooms", "grade"]] = None
    frame.loc[::9, "sold"] = pd.NaT
    filled = Dataset.from_frame(frame, "y", test_fraction=0.0, preparation=Preparation(gaps="fill"))
    made = controls_of(filled, filled.recipe.sources)
    gone = [c for c in made if c.may_be_missing]
    assert {c.feature for c in gone} >= {"price", "rooms", "sold"}
    for control in gone:
        values = [None if c is control else c.start for c in made]
        assert control.read(control.text(None)) is None
        row = row_of(filled, made, values)
        assert row[control.feature].isna().all()
        inputs = filled.recipe.apply(row)
        assert inputs.complete.all()
        marks = [i for i, c in enumerate(filled.columns) if c.source == control.feature and c.part == "missing"]
        assert inputs.X[0, marks].tolist() == [1.0]
    whole = next(c for c in made if not c.may_be_missing)
    assert whole.read("missing") == whole.start
    first = decoded(filled.recipe, filled.X_train).iloc[0]
    assert filled.recipe.apply(row_of(filled, made, values_of(made, first))).X[0] == pytest.approx(
        filled.X_train[0], abs=0.05
    )


def test_a_training_row_can_be_taken_over(data: Dataset, controls: list[Control]) -> None:
    """Its inputs come back, but for the step of a slider and for rare levels, which are one."""
    rows = decoded(data.recipe, data.X_train)
    for number in (0, 40, 80):
        back = data.encode(row_of(data, controls, values_of(controls, rows.iloc[number])))[0]
        np.testing.assert_allclose(back, data.X_train[number], atol=0.1)


TEXTS = st.one_of(st.none(), st.text(max_size=12), st.floats().map(str), st.dates().map(str))


@given(TEXTS)
def test_an_address_sets_nothing_that_cannot_be(text: str | None) -> None:
    """Whatever it says, a value comes of it that the widget takes, and goes back into the address as it is."""
    day = dt.date(2020, 1, 1)
    for control in (
        Control("x", "number", 1.0, 0.0, 2.0, 0.01),
        Control("x", "values", 1.0, options=(1.0, 2.5)),
        Control("x", "level", "a", options=("a", "b")),
        Control("x", "date", day, day, dt.date(2021, 1, 1)),
    ):
        value = control.read(text)
        assert value in control.options if control.options else control.low <= value <= control.high
        assert (
            control.read(control.text(value)) == pytest.approx(value, abs=0.005) if control.kind == "number" else value
        )
