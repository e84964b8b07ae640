"""No cell of a CSV that leaves is a formula, and no number suffers."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.writing import defused, to_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "=cmd|' /C calc'!A0", "+A1", "-A1", "@SUM(A1)", "\t=1", " =1", "＝1", "-2+3", "|x", "%0"]
)
def test_formulas_are_defused(text: str) -> None:
    assert defused(text) == "'" + text


@pytest.mark.parametrize(
    "text",
    ["", "a", "1", "-1.5", "+2e-3", "-.5", "a=b", "1-2", "-12%", "'=1", "x@y", "-", "-1.500,00 €", "+49 170", "-5 kg"],
)
def test_other_text_stays(text: str) -> None:
    assert defused(text) == text


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5, unique=True))
def test_no_cell_and_no_name_begins_a_formula(cells: list[str]) -> None:
    frame = pd.DataFrame([cells], columns=cells)
    for row in csv.reader(io.StringIO(to_csv(frame), newline="")):
        for cell in row:
            assert not cell.startswith(("=", "@")), cell


def test_numbers_dates_and_gaps_are_written_as_ever() -> None:
    frame = pd.DataFrame(
        {"x": [-1.5, None], "n": [-1, 2], "d": pd.to_datetime(["2024-01-01", None]), "t": ["=1", None]}
    )
    assert to_csv(frame) == "x,n,d,t\n-1.5,-1,2024-01-01,'=1\n,2,,\n"
    assert frame["t"][0] == "=1"
