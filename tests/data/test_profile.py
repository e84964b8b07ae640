"""The profile: columns in numbers, and each warning on data made for it and not on clean data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kanlab.data.examples import EXAMPLES
from kanlab.data.profile import profile
from tests.helpers.sentences import assert_sentence


@pytest.fixture
def clean() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(size=(400, 4)), columns=["a", "b", "c", "y"])


def kinds(frame: pd.DataFrame, target: str = "y") -> set[str]:
    found = profile(frame, target).warnings
    for warning in found:
        assert_sentence(warning.sentence)
    return {w.kind for w in found}


def test_a_clean_table_has_no_warning(clean: pd.DataFrame) -> None:
    assert kinds(clean) == set()


def test_columns_in_numbers() -> None:
    frame = pd.DataFrame(
        {
            "x": [1.5, 2.5, np.nan, 10.0],
            "n": [1, 2, 3, 4000],
            "flag": [True, False, True, True],
            "kind": ["a", "b", "a", None],
            "day": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-02", "2024-01-03"]),
            "same": [7, 7, 7, 7],
        }
    )
    found = profile(frame)
    assert [c.kind for c in found.columns] == ["number", "whole number", "boolean", "category", "date", "constant"]
    assert [c.missing for c in found.columns] == [1, 0, 0, 1, 0, 0]
    assert [c.unique for c in found.columns] == [3, 4, 2, 2, 3, 1]
    x, n, day = found["x"], found["n"], found["day"]
    assert (x.minimum, x.median, x.maximum) == ("1.5", "2.5", "10")
    assert (n.minimum, n.maximum) == ("1", "4000")
    assert (day.minimum, day.maximum) == ("2024-01-01", "2024-01-03")
    assert sum(x.histogram) == 3
    assert (x.histogram[0], x.histogram[1], x.histogram[-1]) == (1, 1, 1)
    assert found["flag"].histogram == (1, 3)
    assert found["kind"].histogram == (2, 1)
    assert found["kind"].median == "a"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("equals the target", lambda f: f.assign(copy=3 * f["y"] + 2)),
        ("nearly the target", lambda f: f.assign(copy=f["y"] + 0.05 * f["y"].std() * np.cos(1e5 * f["y"]))),
        ("few values", lambda f: f.assign(y=f["y"].rank(pct=True).mul(3).astype(int))),
        ("heavy tail", lambda f: f.assign(y=np.exp(2 * f["y"]))),
        ("heavy tail", lambda f: f.assign(a=np.exp(2 * f["a"]))),
        ("missing", lambda f: f.assign(y=f["y"].where(f.index > 5))),
        ("missing", lambda f: f.assign(b=f["b"].where(f.index > 5))),
        ("identifier", lambda f: f.assign(id=range(400))),
        ("identifier", lambda f: f.assign(n=np.random.default_rng(0).permutation(500)[:400])),
        ("identifier", lambda f: f.assign(PassengerId=1000 + np.random.default_rng(0).permutation(9000)[:400])),
        ("identifier", lambda f: f.assign(name=[f"person {i}" for i in range(400)])),
        ("repeated", lambda f: f.assign(again=f["a"])),
        ("constant", lambda f: f.assign(same=3)),
        ("outliers", lambda f: f.assign(a=f["a"].where(f.index != 7, 10))),
        ("many levels", lambda f: f.assign(town=[f"town {i % 30}" for i in range(400)])),
        ("almost numbers", lambda f: f.assign(a=f["a"].astype(str).where(f.index > 3, "broken"))),
        ("few rows", lambda f: f.head(60)),
        ("repeated rows", lambda f: pd.concat([f, f.head(20)])),
        ("in time order", lambda f: f.assign(day=pd.date_range("2024-01-01", periods=400))),
    ],
)
def test_each_warning(clean: pd.DataFrame, kind: str, change) -> None:  # type: ignore[no-untyped-def]
    assert kinds(change(clean)) == {kind}


@pytest.mark.parametrize("spread", [np.arange(0, 2000, 5), np.random.default_rng(0).permutation(40_000)[:400]])
def test_different_whole_numbers_are_a_quantity_unless_they_count_rows(clean: pd.DataFrame, spread: np.ndarray) -> None:
    assert kinds(clean.assign(hours=spread)) == set()


def test_a_warning_stands_at_its_column(clean: pd.DataFrame) -> None:
    found = profile(clean.assign(id=range(400)), "y")
    assert found["id"].warnings == ("identifier",)
    assert found["a"].warnings == ()


@pytest.mark.parametrize(
    "values",
    [[np.inf, 1.0, 2.0], [1e308, -1e308, 1.0], [np.nan] * 3, [5e-324, 0.0, 1.0], [2**63 - 1, 1, 2]],
)
def test_extreme_numbers(values: list[float]) -> None:
    frame = pd.DataFrame({"x": values * 10, "y": range(30)})
    assert profile(frame, "y").rows == 30


def test_odd_types() -> None:
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "c": pd.Categorical(["u", "v", "u"]),
            "y": [1.0, 2.0, 3.0],
        }
    )
    assert [c.kind for c in profile(frame, "y").columns] == ["whole number", "boolean", "category", "whole number"]
    assert profile(frame.head(0), "y").rows == 0


def test_copies_do_not_hide_an_identifier_and_years_are_a_time(clean: pd.DataFrame) -> None:
    frame = clean.assign(id=range(400), year=np.repeat(np.arange(1920, 2020), 4))
    frame = frame.iloc[[*range(400), 399, 399]]
    assert kinds(frame) == {"identifier", "repeated rows", "in time order"}
    found = profile(frame, "y")
    assert found.copies == 2
    assert (found["year"].minimum, found["year"].maximum) == ("1920", "2019")
    assert {w.kind: w.remedy for w in found.warnings} == {
        "identifier": "leave out",
        "repeated rows": "drop copies",
        "in time order": "split by time",
    }


def test_a_heavy_tail_below_zero_is_offered_the_rank(clean: pd.DataFrame) -> None:
    found = profile(clean.assign(a=np.exp(2 * clean["a"]), b=-np.exp(2 * clean["b"])), "y").warnings
    assert [(w.columns, w.remedy) for w in found] == [(("a",), "log"), (("b",), "rank")]


@pytest.mark.parametrize("key", list(EXAMPLES))
def test_examples(key: str) -> None:
    example = EXAMPLES[key]
    assert len(profile(example.load().frame, example.target).warnings) <= 3


def test_names_are_cut_short_in_sentences(clean: pd.DataFrame) -> None:
    kinds(clean.rename(columns={"a": "n" * 10_000}).assign(again=clean["a"], **{"m" * 10_000: range(400)}))


def test_few_values_may_be_classes_of_any_number(frame: pd.DataFrame) -> None:
    (sentence,) = [
        w.sentence for w in profile(frame.assign(y=np.arange(len(frame)) % 4), "y").warnings if w.kind == "few values"
    ]
    assert "has only 4 unique values" in sentence
    assert "as classes, the probability of each" in sentence
