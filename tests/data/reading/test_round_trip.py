"""A frame written in any dialect is read back equal: hypothesis chooses the frame and the dialect."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.data.reading.table import read_table
from tests.data.reading.test_corpus import columns_of

WORDS = st.text(alphabet="abcdefgh XYZ'-,;|\"\n", min_size=1, max_size=12).map(lambda s: f"w{s}z")
ASIAN = st.text(alphabet="温度压力城市价格北京上海广州型号", min_size=1, max_size=6)
NUMBERS = st.floats(-1e7, 1e7).map(lambda v: round(v, 3))
DAYS = st.dates(min_value=pd.Timestamp("1950-01-01").date(), max_value=pd.Timestamp("2050-01-01").date())


@dataclass(frozen=True)
class Dialect:
    """How a frame is written; the combinations below are those that lose nothing."""

    delimiter: str
    decimal: str = "."
    thousands: str = ""
    quote: str = '"'
    line_end: str = "\n"
    encoding: str = "utf-8"
    before: str = ""
    money: str = ""
    missing: str = ""
    after: str = ""
    date: str = "%Y-%m-%d"
    packed: bool = False


DELIMITERS = st.sampled_from([",", ";", "\t", "|"])


@st.composite
def dialects(draw: Any) -> Dialect:
    delimiter = draw(DELIMITERS)
    decimal = draw(st.sampled_from([".", ","]))
    signs = {".": ["", ",", "'", " "], ",": ["", ".", "'", " "]}[decimal]
    return Dialect(
        delimiter,
        decimal,
        draw(st.sampled_from(signs)),
        draw(st.sampled_from(['"', "'"])),
        draw(st.sampled_from(["\n", "\r\n"])),
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])),
        draw(
            st.sampled_from(
                [
                    "",
                    "A report\n\n",
                    "# a note\n# another\n",
                    f"sep={delimiter}\n",
                    f"A report{delimiter * 5}\n{delimiter * 5}\n",
                ]
            )
        ),
        draw(st.sampled_from(["", "$", "€", "%"])),
        draw(st.sampled_from(["", "NA", "?", "-", "NULL"])),
        draw(st.sampled_from(["", "\nSource: nobody\n", f"Total{delimiter * 5}\n"])),
        draw(st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%Y年%m月%d日"])),
        draw(st.booleans()),
    )


@st.composite
def frames(draw: Any) -> dict[str, list[Any]]:
    """Four to twelve rows of numbers, amounts, whole numbers, words and days, the last two with gaps."""
    rows = draw(st.integers(6, 12))

    def column(values: Any) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    amounts = column(NUMBERS.map(abs))
    amounts[0], amounts[1] = 1234567.25, 0.5  # what the signs mean can be seen
    words, days = column(st.one_of(WORDS, ASIAN)), column(DAYS)
    words[1], days[1] = "a sentence, with a comma; and more", pd.Timestamp("2024-03-31").date()
    days[2] = None
    return {
        "数字": [1.5, -2.25, *column(NUMBERS)[2:]],
        "amount": amounts,
        "n": column(st.integers(-(10**6), 10**6)),
        "word": words,
        "day": days,
        "flag": [True, False, *column(st.booleans())[2:]],
    }


def written(frame: dict[str, list[Any]], how: Dialect) -> bytes:
    def number(value: float) -> str:
        text = f"{value:,.3f}" if how.thousands else f"{value:.3f}"
        return text.translate(str.maketrans({",": how.thousands, ".": how.decimal}))

    def amount(value: float) -> str:
        return f"{number(value)} {how.money}".strip() if how.money != "$" else f"${number(value)}"

    write: dict[str, Any] = {
        "数字": lambda v: f"{v:.3f}".replace(".", how.decimal),
        "amount": amount,
        "n": str,
        "word": str,
        "day": lambda v: v.strftime(how.date),
        "flag": lambda v: "yes" if v else "no",
    }
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=how.delimiter, quotechar=how.quote, lineterminator=how.line_end)
    writer.writerow(frame)
    for row in zip(*frame.values(), strict=True):
        writer.writerow([how.missing if v is None else write[c](v) for c, v in zip(frame, row, strict=True)])
    text = how.before.replace("\n", how.line_end) + buffer.getvalue() + how.after.replace("\n", how.line_end)
    content = text.encode(how.encoding)
    return gzip.compress(content, mtime=0) if how.packed else content


@settings(max_examples=60)
@given(frames(), dialects())
def test_a_frame_comes_back(frame: dict[str, list[Any]], how: Dialect) -> None:
    found = columns_of(read_table(io.BytesIO(written(frame, how)), name="some.csv").frame)
    assert list(found) == list(frame)
    for name, cells in frame.items():
        wanted = [None if v is None else pd.Timestamp(v) for v in cells] if name == "day" else cells
        if name in ("数字", "amount"):
            np.testing.assert_allclose(np.array(found[name], dtype=float), wanted, rtol=1e-12, atol=0)
        elif name == "word":
            assert [str(v).replace("\r\n", "\n") for v in found[name]] == [v.strip() for v in cells]
        else:
            assert found[name] == wanted


@given(st.sampled_from(["parquet", "xlsx"]), st.lists(st.tuples(NUMBERS, ASIAN), min_size=3, max_size=8))
@settings(max_examples=15)
def test_parquet_and_excel(kind: str, rows: list[tuple[float, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["x", "名"])
    buffer = io.BytesIO()
    frame.to_parquet(buffer) if kind == "parquet" else frame.to_excel(buffer, index=False)
    buffer.seek(0)
    table = read_table(buffer, name=f"some.{kind}")
    assert columns_of(table.frame) == {"x": frame["x"].tolist(), "名": frame["名"].tolist()}


# ---- everything inferred can be overruled


@pytest.mark.parametrize(
    ("content", "overruled", "columns"),
    [
        ("a;b,c\n1;2,5\n3;4,5\n", {"delimiter": ","}, {"a;b": ["1;2", "3;4"], "c": [5, 5]}),
        ("a;b\n1,5;2\n3,5;4\n", {"decimal": ".", "thousands": ""}, {"a": ["1,5", "3,5"], "b": [2, 4]}),
        ("a;b\n1,500;2\n3,250;4\n", {"thousands": ","}, {"a": [1500, 3250], "b": [2, 4]}),
        ("a,b\n1,2\n3,4\n", {"header": False}, {"column_1": ["a", "1", "3"], "column_2": ["b", "2", "4"]}),
        ("1,2\n3,4\n5,6\n", {"header": True}, {"1": [3, 5], "2": [4, 6]}),
        ("x,y\na,b\n1,2\n3,4\n", {"skip_lines": 1}, {"a": [1, 3], "b": [2, 4]}),
        ("a,b\nx,y\n" + "1,2\n" * 5, {"header": 1}, {"a": ["x", *["1"] * 5], "b": ["y", *["2"] * 5]}),
        ("a,b\nc,d\n1,2\n3,4\n", {"header": 2}, {"a c": [1, 3], "b d": [2, 4]}),
        ("a,b\n" + "1,2\n" * 5 + "Total,9\n", {"skip_last": 0}, {"a": [*["1"] * 5, "Total"], "b": [*[2] * 5, 9]}),
        ("a,b\n1,2\n3,4\n5,6\n", {"skip_last": 1}, {"a": [1, 3], "b": [2, 4]}),
        ("a,b,c\n7,1,2\n7,3,4\n", {"index": True}, {"b": [1, 3], "c": [2, 4]}),
        (",b,c\n0,1,2\n1,3,4\n", {"index": False}, {"column_1": [0, 1], "b": [1, 3], "c": [2, 4]}),
        ("a,b\nNA,1\nx,2\n", {"missing": ("x",)}, {"a": ["NA", None], "b": [1, 2]}),
        ("a,b\n007,1\n010,2\n", {"kinds": {"a": "text"}}, {"a": ["007", "010"], "b": [1, 2]}),
        ("a,b\n1,1\nx,2\n3,5\n", {"kinds": {"a": "number"}}, {"a": [1.0, None, 3.0], "b": [1, 2, 5]}),
        ("a,b,c\n1,1,3\nx,2,4\n", {"kinds": {"a": "leave out"}}, {"b": [1, 2], "c": [3, 4]}),
        ("d,b\n01/02/2024,1\n03/02/2024,2\n", {"day_first": True},
         {"d": [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-02-03")], "b": [1, 2]}),
        ("a,b\n'x,1\n'y,2\n", {"quote": ""}, {"a": ["'x", "'y"], "b": [1, 2]}),
        ("a,b\n#1,1\n# 2,2\n3,3\n", {"comment": ""}, {"a": ["#1", "# 2", "3"], "b": [1, 2, 3]}),
        ("größe,b\n1,2\n3,4\n", {"encoding": "latin-1"}, {"grÃ¶Ã\x9fe": [1, 3], "b": [2, 4]}),
    ],
)  # fmt: skip
def test_overruled(content: str, overruled: dict[str, Any], columns: dict[str, list[Any]]) -> None:
    table = read_table(io.BytesIO(content.encode()), name="some.csv", **overruled)
    assert columns_of(table.frame) == columns
