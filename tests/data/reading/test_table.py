"""Reading tables: what is inferred, and what each thing that is no table is told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets

from kanlab.data.reading.table import Table, read_table
from kanlab.errors import DatasetError
from tests.helpers.sentences import refused


def read(content: str | bytes, encoding: str = "utf-8") -> Table:
    raw = content if isinstance(content, bytes) else content.encode(encoding)
    return read_table(io.BytesIO(raw), name="some.csv")


def read_or_problem(content: str | bytes) -> tuple[Table | None, str]:
    try:
        return read(content), ""
    except DatasetError as error:
        return None, str(error)


# ---- delimiters and decimal signs


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_delimiters(delimiter: str) -> None:
    table = read("\n".join(delimiter.join(row) for row in (["a", "b", "c"], ["1", "2.5", "x"], ["3", "-4.5", "y"])))
    assert table.report.delimiter == delimiter
    assert table.report.decimal == "."
    assert table.frame.to_dict("list") == {"a": [1, 3], "b": [2.5, -4.5], "c": ["x", "y"]}


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_comma(delimiter: str) -> None:
    table = read(f"a{delimiter}b\n1,5{delimiter}-2,25\n+3,0{delimiter}7\n")
    assert (table.report.delimiter, table.report.decimal) == (delimiter, ",")
    assert table.frame.to_dict("list") == {"a": [1.5, 3.0], "b": [-2.25, 7.0]}
    assert "decimal comma" in str(table.report)


def test_commas_in_quotes_are_decimals_only_where_they_can_be_nothing_else() -> None:
    """In a comma-separated file "1,500" alone is fifteen hundred; beside "0,500" or "1234567,250" it is one and a half."""
    grouped = read_table(io.BytesIO(b'a,b\n"1,500",3\n"2,250",4\n'), name="some.csv")
    assert grouped.frame["a"].tolist() == [1500, 2250]
    for other in ("0,500", "1234567,250", "12,5"):
        text = f'a,b\n"1,500","{other}"\n"-2,250","1,000"\n'.encode()
        assert read_table(io.BytesIO(text), name="some.csv").frame["a"].tolist() == [1.5, -2.25], other


def test_text_with_commas_does_not_make_a_decimal_comma() -> None:
    table = read("name;x\nSmith, John;1.5\nDoe, Jane;2.5\n")
    assert table.report.decimal == "."
    assert table.frame["x"].tolist() == [1.5, 2.5]


def test_commas_in_quotes_do_not_delimit() -> None:
    table = read('name,x\n"Smith, John",1.5\n"Doe, Jane",2.5\n')
    assert table.frame["name"].tolist() == ["Smith, John", "Doe, Jane"]


def test_columns_aligned_by_spaces() -> None:
    table = read("x     y\n1.0   2\n10.0  3\n")
    assert table.frame.to_dict("list") == {"x": [1.0, 10.0], "y": [2, 3]}


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.integers(2, 6),
    st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 4)), min_size=12, max_size=60),
)
def test_numbers_survive(delimiter: str, columns: int, values: list[float]) -> None:
    rows = len(values) // columns
    wanted = pd.DataFrame(
        np.reshape(values[: rows * columns], (rows, columns)), columns=[f"c{i}" for i in range(columns)]
    )
    decimals = [".", ","] if delimiter != "," else ["."]
    for decimal in decimals:
        table = read(wanted.to_csv(sep=delimiter, decimal=decimal, index=False))
        pd.testing.assert_frame_equal(table.frame, wanted, check_dtype=False)


# ---- encodings


@pytest.mark.parametrize(
    ("encoding", "reported"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("latin-1", "latin-1"), ("utf-16", "utf-16")],
)
def test_encodings(encoding: str, reported: str) -> None:
    table = read("größe,x\nä,1\nö,2\n", encoding)
    assert table.report.encoding == reported
    assert list(table.frame) == ["größe", "x"]
    assert table.frame["größe"].tolist() == ["ä", "ö"]


def test_utf_16_of_the_other_byte_order() -> None:
    assert read(b"\xfe\xff" + "a,b\n1,2\n".encode("utf-16-be")).frame.to_dict("list") == {"a": [1], "b": [2]}


def test_utf_8_beyond_latin() -> None:
    assert list(read("温度,压力\n1,2\n").frame) == ["温度", "压力"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(newline: str) -> None:
    assert read(newline.join(["a,b", "1,2", "3,4", ""])).frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


# ---- what is left out, and said


def test_missing_values() -> None:
    table = read("a,b\n1,?\n-,2\nNA,3\n,4\n")
    assert table.frame["a"].isna().tolist() == [False, True, True, True]
    assert table.frame["b"].isna().tolist() == [True, False, False, False]


def test_empty_rows_and_columns_are_left_out() -> None:
    table = read("a,b,c\n1,,2\n,,\n3,,4\n")
    assert table.frame.to_dict("list") == {"a": [1, 3], "c": [2, 4]}
    assert (table.report.rows, table.report.columns) == (2, 2)


def test_the_index_that_pandas_wrote_is_left_out_and_said() -> None:
    table = read(pd.DataFrame({"a": [5, 6, 9], "b": [1.0, 2.0, 4.0]}).to_csv())
    assert list(table.frame) == ["a", "b"]
    assert any("numbers the rows" in note for note in table.report.notes)


@pytest.mark.parametrize(
    ("numbers", "kept"), [([1, 2, 3], False), ([2, 3, 9], False), ([2, 1, 3], True), (["a", "b", "c"], True)]
)
def test_row_names_that_r_wrote_are_left_out_where_they_are_numbers(numbers: list[object], kept: bool) -> None:
    table = read(pd.DataFrame({"rownames": numbers, "x": [5, 7, 6], "y": [1, 4, 2]}).to_csv(index=False))
    assert ("rownames" in table.frame) == kept
    assert any("numbers the rows" in note for note in table.report.notes) != kept


def test_lists_of_numbers_beside_decimal_points_stay_text() -> None:
    rows = [f'{i}.5,"{i},{i + 1}",{i}' for i in range(3)] + [f"{i}.25,{i},{i}" for i in range(3, 9)]
    frame = read("\n".join(["x,source,y", *rows]) + "\n").frame
    assert frame["source"].tolist() == ["0,1", "1,2", "2,3", "3", "4", "5", "6", "7", "8"]
    amounts = read("\n".join(["x,price", *(f'{i}.5,"{i},{i}"' for i in range(9))]) + "\n").frame
    assert amounts["price"].tolist() == pytest.approx([1.1 * i for i in range(9)])


def test_a_first_column_without_a_name_that_is_no_index_stays() -> None:
    assert list(read(",b\n5,1\n9,2\n7,3\n").frame) == ["column_1", "b"]


def test_names_are_made_distinct() -> None:
    names = list(read("a,a, a ,,b\n1,2,3,4,5\n5,6,7,8,9\n").frame)
    assert len(set(names)) == 5
    assert all(names)
    assert (names[0], names[3], names[4]) == ("a", "column_4", "b")


def test_one_field_more_than_the_header_is_said() -> None:
    table = read("a,b\nx,1,2\ny,3,4\n")
    assert table.frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert "one field more" in table.report.notes[0]


def test_the_report_counts() -> None:
    assert str(read("a,b\n" + "1,2\n" * 1234).report) == "1,234 rows, 2 columns (comma-separated, utf-8)"


# ---- what is no table


@pytest.mark.parametrize("content", [b"", b" \n \n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf \n", b"\xc2\xa0\n"])
def test_an_empty_file(content: bytes) -> None:
    with refused(DatasetError, "some.csv", "empty"):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4,
        b"PK\x03\x04" + bytes(range(256)) * 8,
        bytes(range(1, 9)) * 40,
        b"\xff\xfe\x00\xd8\x00\xd8",
    ],
)
def test_a_binary_file(content: bytes) -> None:
    with refused(DatasetError, "some.csv", "binary"):
        read(content)


def test_a_header_alone() -> None:
    with refused(DatasetError, "some.csv", "header but no rows"):
        read("a,b,c\n")


@pytest.mark.parametrize("content", ["value\n1\n2\n3\n", "<!DOCTYPE html>\n<html>\n<p>no</p>\n</html>\n"])
def test_a_single_column(content: str) -> None:
    with refused(DatasetError, "some.csv", "at least one feature"):
        read(content)


def test_cells_that_are_all_empty() -> None:
    with refused(DatasetError, "some.csv", "no rows"):
        read(",,,\n,,,\n")


def test_more_lines_skipped_than_there_are() -> None:
    with refused(DatasetError, "some.csv has no rows; add a header row"):
        read_table(io.BytesIO(b"a,b\n1,2\n"), name="some.csv", skip_lines=5)


@pytest.mark.parametrize("content", ["a,b\n1,2\n1,2,3\n", 'a,b\n"1,2\n3,4\n'])
def test_ragged_rows_and_open_quotes(content: str) -> None:
    with refused(DatasetError, "some.csv", "not a table", "save it as CSV"):
        read(content)


def test_a_path_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    with refused(DatasetError, "nowhere.csv", "cannot be read", "No such file"):
        read_table(tmp_path / "nowhere.csv")
    with refused(DatasetError, "is a folder"):
        read_table(tmp_path)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_table_or_a_sentence(content: bytes) -> None:
    table, problem = read_or_problem(content)
    if table is None:
        assert problem.endswith(".")
        assert "\n" not in problem
    else:
        assert table.frame.shape[1] >= 2
        assert table.frame.columns.is_unique


@given(st.text(alphabet='ab1.5,;\t"\n -', max_size=120))
def test_any_text_gives_a_table_or_a_sentence(content: str) -> None:
    table, problem = read_or_problem(content)
    if table is None:
        assert problem.endswith(".")
        assert "\n" not in problem
    else:
        assert table.frame.shape[1] >= 2
        assert (table.report.rows, table.report.columns) == table.frame.shape


# ---- real data


def real_frames() -> dict[str, pd.DataFrame]:
    return {
        "diabetes": datasets.load_diabetes(as_frame=True).frame,
        "longley": sm.datasets.longley.load_pandas().data,
        "fair": sm.datasets.fair.load_pandas().data,
    }


@pytest.mark.parametrize("name", ["diabetes", "longley", "fair"])
@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_real_data_round_trip(name: str, delimiter: str, decimal: str, tmp_path: Path) -> None:
    frame, path = real_frames()[name], tmp_path / f"{name}.csv"
    frame.to_csv(path, sep=delimiter, decimal=decimal, index=False)
    table = read_table(path)
    pd.testing.assert_frame_equal(table.frame, frame, check_dtype=False)
    assert table.report.source == f"{name}.csv"


def test_a_buffer_has_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with path.open("rb") as buffer:
        assert read_table(buffer).report.source == "mine.csv"
