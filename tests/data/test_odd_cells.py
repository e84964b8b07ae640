"""Text that nearly is a quantity, and numbers that are none: named with their cells, and read by one option or click."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from kanlab.data.checks import text_cells
from kanlab.data.dataset import Dataset
from kanlab.data.odd_cells import odd_cells
from kanlab.data.preparation import Preparation
from kanlab.data.profile import profile
from kanlab.data.reading.table import Table, read_table
from kanlab.errors import DatasetError
from tests.helpers.sentences import assert_sentence, refused

ROWS = 40
RNG = np.random.default_rng(2)


def read(cells: list[str], **options: Any) -> Table:
    """A table of these cells, again and again, another feature and a target."""
    rows = [f"{cells[i % len(cells)]};{RNG.normal():.3f};{i * i + 0.5}" for i in range(ROWS)]
    return read_table(io.BytesIO("\n".join(["odd;x;y", *rows]).encode()), name="odd.csv", **options)


HOURS = [f"{i % 24:02}:{7 * i % 60:02}" for i in range(ROWS)]
# cells, what they are, the kind that reads them, what a cell is then, and words of the sentence
ODD = {
    "clock times": (HOURS, "time", "time", 7 / 60 + 1, "'00:00', '01:07'"),
    "units": ([f"{40 + i}.5 kg" for i in range(ROWS)], "unit", "number", 41.5, "'40.5 kg'"),
    "units glued": ([f"{i}mg" for i in range(1, ROWS)], "unit", "number", 2.0, "in mg"),
    "limits": (["<0.5", *(f"{i}.25" for i in range(1, ROWS))], "limit", "limit", 1.25, "'<0.5' in 1 cells"),
    "percents beside fractions": ([f"0.{10 + i}" if i % 2 else f"{i}.5%" for i in range(ROWS)], "percent", "fraction", 0.11,
                                  "'0.5%', '2.5%' beside '0.11', '0.13'"),
    "dates but for one": (["2024/12/01", "2024/12/03", *[f"2024/11/{i:02}" for i in range(1, 29)], "1"],
                          "almost dates", "date", pd.Timestamp("2024-12-03"), "but for '1'"),
    "dates in both orders": ([f"{i:02}/01/2022" for i in range(13, 31)] + [f"01/{i:02}/2022" for i in range(13, 30)],
                             "mixed dates", "date", pd.Timestamp("2022-01-14"), "'13/01/2022'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_it_is_named_with_its_cells_and_read_as_asked(name: str) -> None:
    cells, kind, read_as, second, words = ODD[name]
    table = read(cells)
    odd = odd_cells(table.frame["odd"])
    assert odd is not None
    assert (odd.kind, odd.read_as) == (kind, read_as)
    assert words in odd.sentence
    assert_sentence(odd.sentence)
    found = next(w for w in profile(table.frame, "y").warnings if w.columns == ("odd",))
    assert (found.kind, found.remedy, found.details) == (kind, "read as", (read_as,))
    assert "pool" not in " ".join(w.sentence for w in profile(table.frame, "y").warnings)
    data = Dataset.from_frame(table.frame, "y")
    assert data.features == ("x",)
    note = next(n for n in data.notes if n.startswith("'odd'"))
    assert f"--read odd={read_as}" in note
    assert_sentence(note)
    again = read(cells, kinds={"odd": read_as}).frame["odd"]
    assert again[1] == (pytest.approx(second) if isinstance(second, float) else second)


@pytest.mark.parametrize("name", ODD)
def test_new_rows_are_read_alike(name: str) -> None:
    """As numbers or dates by the conventions of training, cell by cell."""
    cells, _, read_as, _, _ = ODD[name]
    table = read(cells, kinds={"odd": read_as})
    recipe = Dataset.from_frame(table.frame, "y", test_fraction=0).recipe
    some = [c for c, value in zip(cells, table.frame["odd"], strict=False) if not pd.isna(value)][:3]
    X = recipe.apply(pd.DataFrame({"odd": some, "x": 0.0})).X
    expected = recipe.apply(pd.DataFrame({"odd": table.frame["odd"].dropna().iloc[:3], "x": 0.0})).X
    np.testing.assert_allclose(X, expected)


def test_one_sentence_where_it_is_all_there_is() -> None:
    table = read(HOURS)
    with refused(DatasetError, "no usable feature beside 'y'", "'odd' holds clock times", "--read odd=time"):
        Dataset.from_frame(table.frame[["odd", "y"]], "y")
    limits = read(ODD["limits"][0])
    with refused(DatasetError, "'odd' holds limits such as '<0.5'", "--read odd=limit"):
        Dataset.from_frame(limits.frame, "odd")
    several = read(["3 kg", "4 lb", "5 kg"])
    found = odd_cells(several.frame["odd"])
    assert found is not None
    assert (found.kind, found.read_as) == ("units", "")


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b", "3 b"],
        ["small", "large"],
        ["1st floor", "2nd floor"],
        ["x12", "x13"],
        ["1st", "2nd", "3rd"],
        ["4th", "5th"],
    ],
)
def test_plain_text_is_not_odd(cells: list[str]) -> None:
    assert odd_cells(pd.Series(cells * 5)) is None


# ---- codes, identifiers, compact dates


def test_codes_keep_their_zeros() -> None:
    codes = ["08371", "20095", "01067", "80331"]
    table = read(codes)
    assert table.frame["odd"].tolist()[:4] == codes
    data = Dataset.from_frame(table.frame, "y")
    assert data.features == ("odd=08371", "odd=20095", "odd=80331", "x")
    assert any("codes with leading zeros such as '08371', '01067'" in note for note in data.notes)
    assert read(codes, kinds={"odd": "number"}).frame["odd"].tolist()[:2] == [8371, 20095]
    assert read(["0", "10", "200"]).frame["odd"].tolist()[:3] == [0, 10, 200]
    assert read(["0", "0.5", "-0.25"]).frame["odd"].dtype == float


def test_long_identifiers_with_a_gap_keep_their_digits() -> None:
    keys = [str(9007199254776902 + 37 * i) for i in range(ROWS)]
    table = read([*keys[:3], "", *keys[4:]])
    assert table.frame["odd"].dropna().tolist() == keys[:3] + keys[4:]
    warnings = {w.kind: w for w in profile(table.frame, "y").warnings}
    assert (warnings["identifier"].columns, warnings["identifier"].remedy) == (("odd",), "leave out")
    assert Dataset.from_frame(table.frame, "y").features == ("x",)


def test_compact_dates() -> None:
    cells = [f"202401{i:02}" for i in range(1, 32)]
    table = read(cells)
    assert table.frame["odd"][1] == pd.Timestamp("2024-01-02")
    assert any("compact dates such as 20240131" in note for note in table.report.notes)
    recipe = Dataset.from_frame(table.frame, "y").recipe
    for new in (["20240301"], [20240301], ["2024-03-01"], [pd.Timestamp("2024-03-01")]):
        assert recipe.apply(pd.DataFrame({"odd": new, "x": 0.0})).X[0, 0] == pytest.approx(2024 + 60 / 366)
    assert read(cells, kinds={"odd": "number"}).frame["odd"][1] == 20240102
    assert read(["20241301", "20240102", "20240103"]).frame["odd"].tolist()[:1] == [20241301]  # there is no month 13


# ---- workbooks


def workbook() -> io.BytesIO:
    """Groups in merged cells, doses and codes that are text."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["plot", "dose", "code", "yield"])
    for i in range(24):
        sheet.append([f"P{i // 4}" if i % 4 == 0 else None, str(10 * (i % 3)), f"{i % 5:03}", i + 0.5])
    for i in range(0, 24, 4):
        sheet.merge_cells(start_row=i + 2, end_row=i + 5, start_column=1, end_column=1)
    content = io.BytesIO()
    book.save(content)
    content.seek(0)
    return content


def test_merged_cells_are_filled_down_and_text_in_a_workbook_is_named() -> None:
    table = read_table(workbook(), name="plots.xlsx")
    assert table.frame["plot"].tolist() == [f"P{i // 4}" for i in range(24)]
    assert table.frame["dose"].tolist()[:3] == [0, 10, 20]
    assert any("'dose' holds numbers that are text in the workbook" in note for note in table.report.notes)
    assert table.frame["code"].tolist()[:2] == ["000", "001"]
    assert table.report.text_cells == ("dose",)
    [warning] = text_cells(table.frame, table.report.text_cells)
    assert "'dose' holds numbers that are text in the workbook, such as '0', '10'" in warning.sentence
    assert_sentence(warning.sentence)
    assert (warning.remedy, warning.details) == ("read as", ("text",))
    as_text = read_table(workbook(), name="plots.xlsx", kinds={"dose": "text"})
    assert as_text.frame["dose"].tolist()[:3] == ["0", "10", "20"]
    assert as_text.report.text_cells == ()
    assert not any("text in the workbook" in note for note in as_text.report.notes)


# ---- numbers but for a word


def almost(word: str, column: str) -> pd.DataFrame:
    """Three columns of 60 numbers, of which one holds a word in its 51st row."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({name: rng.normal(size=60).round(3) for name in ("a", "when", "y")})
    frame[column] = frame[column].astype("str").where(frame.index != 50, word)
    return read_table(io.BytesIO(frame.to_csv(index=False).encode()), name="almost.csv").frame


def test_the_word_is_named_with_its_row_wherever_numbers_are_needed() -> None:
    words = ("holds numbers except for 'broken'", "--read")
    with refused(DatasetError, *words, "'broken' in row 51 below the header"):
        Dataset.from_frame(almost("broken", "y"), "y")
    with refused(DatasetError, *words, "'broken' in row 51 below the header", "no order in time"):
        Dataset.from_frame(almost("broken", "when"), "y", preparation=Preparation(split="time", split_by="when"))
    with refused(DatasetError, *words):
        Dataset.from_frame(almost("broken", "a"), "y", ["a"])
    data = Dataset.from_frame(almost("broken", "a"), "y")
    assert data.features == ("when",)
    assert any("except for 'broken'" in note and "--read a=number" in note for note in data.notes)


def test_a_word_far_down_in_a_long_column_is_found() -> None:
    column = pd.Series(np.arange(15_000) / 7, name="long").astype("str")
    column[14_000] = "broken"
    found = odd_cells(column)
    assert found is not None
    assert (found.kind, found.read_as, found.bad) == ("almost numbers", "number", ("broken",))


def test_a_count_below_zero_is_named_with_its_row() -> None:
    frame = almost("0.5", "a").assign(y=[*range(30), -2, *range(29)])
    with refused(DatasetError, "such as -2 in row 31 below the header"):
        Dataset.from_frame(frame, "y", task="counts")


def test_an_infinity_is_no_gap() -> None:
    data = Dataset.from_frame(almost("inf", "a"), "y")
    assert "1 of 60 rows has a missing value, or an infinite one in 'a', and is left out." in data.notes
    assert "1 of 60 rows has a missing value and is left out." in Dataset.from_frame(almost("", "a"), "y").notes
