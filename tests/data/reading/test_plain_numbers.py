"""Columns of cells are read at once where they are plain numbers, to the same numbers as cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kanlab.data.reading.cells import cells_as, guessed_reader, missing_words
from kanlab.data.reading.conventions import ColumnConvention, Conventions, plain_numbers

DIGITS = st.from_regex(r"[+-]?(\d{1,20}[.,]?\d{0,20}|[.,]\d{1,9})([eE][+-]?\d{1,3})?", fullmatch=True)
ODD = st.sampled_from(
    ["", "NA", "-999", "-999,0", "-9,5", "1.500", "1,500", "1 500", "1'234.5", "9.5%", "$3", "3 €", "(4)", "−5", "+6", "7 kg",
     "<0.5", "yes", "No", "true", "many", "1e400", "0x1F", "1_000", "١٢", "１", "nan", "inf", "1.2.3", "1,2,3", "-", "\x1f"]
)  # fmt: skip
CELLS = st.lists(st.one_of(DIGITS, ODD, st.none(), st.text(max_size=4)), max_size=12)
HOW = st.builds(
    ColumnConvention,
    st.sampled_from(["number", "fraction", "limit", "time"]),
    st.sampled_from(["", ".", ","]),
    st.sampled_from(["", "kg", "€", "%"]),
)
WORDS = st.sampled_from([("", "NA"), ("", "NA", "-999"), ("", "-9,5", "1.5", "many")])


def cell_by_cell(cells: list[str | None], known: Conventions, name: str) -> tuple[Any, set[str]]:
    """As the rule of single cells has it, which predict.py goes by."""
    missing = missing_words(known.missing)
    texts = ["" if c is None else c.strip() for c in cells]
    how = known.columns.get(name, ColumnConvention("number"))
    reader = known.number_reader(how)
    if name not in known.columns:
        reader = guessed_reader([c for c in dict.fromkeys(texts) if not missing(c)], known.decimal or ".") or reader
    values, bad = cells_as(texts, missing, reader, np.nan)
    return np.array(values, dtype=float), set(bad)


@given(CELLS, HOW, WORDS, st.sampled_from(["", ".", ","]), st.sampled_from(["known", "another"]))
@example(
    ["-9,5", "-9.5", "2,5"], ColumnConvention("number", ","), ("", "-9,5"), ",", "known"
)  # a word that looks as a number
@example(
    ["1.500", "2.250", "1,5", "2,25", "3,5"], ColumnConvention(), ("",), ".", "another"
)  # the other sign reads more
def test_all_at_once_is_cell_by_cell(
    cells: list[str | None], how: ColumnConvention, words: tuple[str, ...], sign: Any, name: str
) -> None:
    known = Conventions(sign, words, {"known": how})
    column = pd.Series(cells, name=name, dtype="object", index=pd.Index(range(7, 7 + len(cells))))
    values, bad = known.read(column, "number")
    expected, odd = cell_by_cell(cells, known, name)
    np.testing.assert_array_equal(values.to_numpy(), expected)
    assert set(bad) == odd
    assert values.index.equals(column.index)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_digit_counts(values: list[float]) -> None:
    text = pd.Series([repr(v) for v in values])
    found = plain_numbers(text, ".")
    short = np.abs(np.array(values)) < 1e100
    read = ~np.isnan(found)
    np.testing.assert_array_equal(found[read], np.array(values)[read])
    assert read[short & (np.abs(np.array(values)) > 1e-9)].all()


@pytest.mark.parametrize("name", ["known", "another"])
def test_of_a_large_table_only_the_odd_cells_are_read_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def spy(cells: Any, *rest: Any) -> Any:
        looked.extend(cells)
        return cells_as(cells, *rest)

    monkeypatch.setattr("kanlab.data.reading.conventions.cells_as", spy)
    column = pd.Series([repr(i / 7) for i in range(50_000)] + ["$3", "many", "NA"], name=name, dtype="str")
    known = Conventions(columns={"known": ColumnConvention("number", ".")})
    values, bad = known.read(column, "number")
    assert values.iloc[:-3].tolist() == [i / 7 for i in range(50_000)]
    assert values.iloc[-3] == 3
    assert bad == ["many"]
    assert sorted(looked) == ["$3", "many"] or sorted(looked) == ["$3", "NA", "many"]
