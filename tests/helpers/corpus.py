"""Nasty files, each with its expected outcome: the columns it holds, or a piece of the sentence that refuses it.

Generated here, so that every byte has a reason. The benchmark of the readers uses the same files.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from openpyxl import Workbook

DAYS = [datetime(2024, 1, 13), datetime(2024, 2, 1), datetime(2024, 3, 31)]


@dataclass(frozen=True)
class Case:
    """A file, and either its columns or a part of the sentence."""

    name: str
    content: Callable[[], bytes]
    columns: dict[str, list[Any]] | None = None
    sentence: str = ""
    suffix: str = ".csv"


CASES: list[Case] = []


def table(name: str, content: str | bytes | Callable[[], bytes], columns: dict[str, list[Any]], **more: Any) -> None:
    CASES.append(Case(name, _bytes(content), columns, **more))


def refusal(name: str, content: str | bytes | Callable[[], bytes], sentence: str, **more: Any) -> None:
    CASES.append(Case(name, _bytes(content), None, sentence, **more))


def _bytes(content: str | bytes | Callable[[], bytes]) -> Callable[[], bytes]:
    if callable(content):
        return content
    return lambda: content.encode() if isinstance(content, str) else content


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    """1 GiB of rows in 1 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        for _ in range(1024):
            member.write(b"1,2\n" * 2**18)
    return content.getvalue()


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def greedy_xz() -> bytes:
    """A small xz file whose header asks for a dictionary of 1.5 GB: the size is one byte, guarded by a checksum."""
    packed = bytearray(lzma.compress(b"a,b\n1,2\n", preset=0))
    block = 12  # after the header of the stream: size, flags, filter id, size of its properties, dictionary
    assert packed[block + 2 : block + 4] == b"\x21\x01"
    packed[block + 4] = 37
    size = 4 * (packed[block] + 1)
    packed[block + size - 4 : block + size] = zlib.crc32(packed[block : block + size - 4]).to_bytes(4, "little")
    return bytes(packed)


def parquet() -> bytes:
    return pd.DataFrame({"a": [1, 2], "when": DAYS[:2], "who": ["x", None]}).to_parquet()


def excel() -> bytes:
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer) as writer:
        pd.DataFrame({"a": [1.5, 2.5], "when": DAYS[:2], "who": ["x, y", None]}).to_excel(
            writer, sheet_name="Data", index=False, startrow=3
        )
        pd.DataFrame({"other": [1], "more": [2]}).to_excel(writer, sheet_name="Second", index=False)
    return buffer.getvalue()


def merged() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Test 7"], [], ["in", None, "out"], ["a", "b", "c"]):
        sheet.append(row)
    for i in range(10):
        sheet.append([i, i + 0.5, -i])
    sheet.append(["Mean", 5, -4.5])
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("A3:B3")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# ---- rows to predict


@dataclass(frozen=True)
class NewRows:
    """A table a model is trained on, its target, rows to predict, and its first input in them, nan where there is none.

    options: how the training table is read.  note: a part of what must be said.  parts: of dates.
    """

    name: str
    training: str
    target: str
    new: str
    expected: list[float]
    note: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def _many(header: str, rows: Callable[[int], str], count: int = 40) -> str:
    return "\n".join([header, *(rows(i) for i in range(count))]) + "\n"


_NAN = float("nan")
_YEAR = 2023.0
NEW_ROWS = [
    NewRows("days first in training, days up to 12 now",
            _many("sold;price", lambda i: f"{1 + i % 28:02}/{1 + i % 12:02}/2023;{i}"), "price",
            "sold;price\n02/11/2023;\n03/12/2023;\n", [_YEAR + 305 / 365, _YEAR + 336 / 365]),
    NewRows("months first in training", _many("sold,price", lambda i: f"{1 + i % 12:02}/{1 + i % 28:02}/2023,{i}"), "price",
            "sold\n02/11/2023\n25/12/2023\n", [_YEAR + 41 / 365, _NAN], "'sold' holds '25/12/2023', and in training it held"),
    NewRows("decimal commas in training, thousands alone now",
            _many("sales;profit", lambda i: f"{1 + i}.548,43;{i},5"), "profit",
            "sales\n1.500\n2.250\n8.125\n", [1500, 2250, 8125]),
    NewRows("decimal points in training, commas now", _many("sales,profit", lambda i: f"{i}.25,{i}"), "profit",
            "sales\n1.5\n\"1,5\"\n\"1,500\"\n", [1.5, _NAN, 1500], "'sales' holds '1,5', and in training it held numbers"),
    NewRows("-999 named as missing", _many("temp,hum", lambda i: f"{-999 if i == 3 else i},{i * i}"), "hum",
            "temp\n20\n-999\n-999.0\n", [20, _NAN, _NAN], "2 of 3 rows have a missing value",
            {"missing": ("NA", "-999")}),
    NewRows("a word that is neither yes nor no", _many("fitted,y", lambda i: f"{['Yes', 'No'][i % 2]},{i}"), "y",
            "fitted\nYES\nmaybe\nno\n1\n", [1, 0.5, 0, 1], "'fitted' holds 'maybe'"),
    NewRows("a level of no training row", _many("kind,y", lambda i: f"{'ab'[i % 2]},{i}"), "y", "kind\nb\nc\na\n",
            [1, 0.5, 0], "levels that were not in the training rows: 'c'; they count as the average of the training rows"),
    NewRows("a word in a file of one row", _many("fitted,y", lambda i: f"{['Yes', 'No'][i % 4 > 0]},{i}"), "y",
            "fitted\nmaybe\n", [0.25], "such cells count as the average of the training rows"),
    NewRows("codes as text", _many("zip,y", lambda i: f"{['07244', '20095'][i % 2]},{i}"), "y", "zip\n20095\n07244\n7244\n",
            [1, 0, 0.5], "'7244'"),
    NewRows("money", _many("amount,y", lambda i: f'"${i},266.00",{i}'), "y", 'amount\n"$1,266.00"\n12\n€12\n',
            [1266, 12, _NAN], "'amount' holds '€12', and in training it held numbers with a decimal point in $"),
    NewRows("percent", _many("growth,y", lambda i: f"{i}%,{i}"), "y", "growth\n9.5%\n9.5\n", [9.5, 9.5]),
    NewRows("a unit", _many("weight,y", lambda i: f"{i}.5 kg,{i}"), "y", "weight\n73.1 kg\n73.1\n73.1 lb\n",
            [73.1, 73.1, _NAN], "'73.1 lb'", {"kinds": {"weight": "number"}}),
    NewRows("clock times", _many("start,y", lambda i: f"{i % 24:02}:30,{i}"), "y", "start\n15:30\n3:30 pm\n25:75\n",
            [15.5, 15.5, _NAN], "'25:75'", {"kinds": {"start": "time"}}),
    NewRows("a column of missing words alone", _many("x,y", lambda i: f"{i},{i}"), "y", "x\nNA\n?\n", [_NAN, _NAN],
            "2 of 2 rows have a missing value"),
]  # fmt: skip

AB = {"a": [1, 3], "b": [2, 4]}
PRICES = {"item": ["x", "y", "z"], "price": [1234.5, 2.0, -3.0]}

# ---- delimiters, quotes, lines
table("commas", "a,b\n1,2\n3,4\n", AB)
table("semicolons and decimal commas", "a;b\n1,5;2\n3,25;4\n", {"a": [1.5, 3.25], "b": [2, 4]})
table("tabs", "a\tb\n1\t2\n3\t4\n", AB)
table("vertical bars", "a|b\n1|2\n3|4\n", AB)
table("aligned by spaces", "a     b\n1.5   2\n10.0  4\n", {"a": [1.5, 10.0], "b": [2, 4]})
table("carriage returns alone", "a,b\r1,2\r3,4\r", AB)
table("no line end at the end", "a,b\r\n1,2\r\n3,4", AB)
table("the sep line of a spreadsheet", "sep=;\na;b\n1;2\n3;4\n", AB)
table("decimal commas without a header", "1,5;2,5\n3,5;4,5\n2,1;3,1\n",
      {"column_1": [1.5, 3.5, 2.1], "column_2": [2.5, 4.5, 3.1]})  # fmt: skip
table("a line break in quotes", 'a,b,c\n1,"x\ny",3\n2,"u, v",4\n', {"a": [1, 2], "b": ["x\ny", "u, v"], "c": [3, 4]})
table("doubled quotes", 'a,b\n1,"say ""hi"", now"\n2,z\n', {"a": [1, 2], "b": ['say "hi", now', "z"]})
table("single quotes", "a,b\n1,'x, y'\n2,'z'\n3,'w, v'\n", {"a": [1, 2, 3], "b": ["x, y", "z", "w, v"]})
table("quotes escaped by backslash", 'a,b\n1,"x \\"q\\", y"\n2,"z"\n', {"a": [1, 2], "b": ['x "q", y', "z"]})
table("blanks after commas", 'a, b\n1, "x, y"\n2, "z"\n', {"a": [1, 2], "b": ["x, y", "z"]})
table("commas in the text of a semicolon file", "name;x\nSmith, John;1.5\nDoe, Jane;2.5\n",
      {"name": ["Smith, John", "Doe, Jane"], "x": [1.5, 2.5]})  # fmt: skip
table("quoted names between spaces", '18.0   8   "chevrolet chevelle"\n15.0   8   "buick skylark"\n',
      {"column_1": [18.0, 15.0], "column_2": [8, 8], "column_3": ["chevrolet chevelle", "buick skylark"]})  # fmt: skip

# ---- what stands before and around the table
table("lines before the table", "Report of 2024\nStation: Berlin, north\n\nday,x,y\n2024-01-13,1.5,0\n2024-02-01,2.5,1\n",
      {"day": DAYS[:2], "x": [1.5, 2.5], "y": [0, 1]})  # fmt: skip
table("comments", "# made by a program, version 2\na,b\n1,2\n# a note\n3,4\n", AB)
table("names in a comment", "# a b\n1 2\n3 4\n", AB)
table("a header that begins with #", "#a,b\n1,2\n3,4\n", {"#a": [1, 3], "b": [2, 4]})
table("colours are no comments", "colour,x\n#ff0000,1\n#00ff00,2\n", {"colour": ["#ff0000", "#00ff00"], "x": [1, 2]})
table("no header", "1,2.5,x\n3,4.5,y\n5,6.5,z\n",
      {"column_1": [1, 3, 5], "column_2": [2.5, 4.5, 6.5], "column_3": ["x", "y", "z"]})  # fmt: skip
table("names that count", "0,1,2\n1.5,2,3\n2.5,3,4\n", {"0": [1.5, 2.5], "1": [2, 3], "2": [3, 4]})
table("years as names", "town,2019,2020,2021\nx,1,2,3\ny,4,5,6\n",
      {"town": ["x", "y"], "2019": [1, 4], "2020": [2, 5], "2021": [3, 6]})  # fmt: skip
table("the index of a data frame", ",a,b\n0,1,2\n1,3,4\n", AB)
table("row names without a header", "a,b\nx,1,2\ny,3,4\n", AB)
table(
    "names twice and empty ones",
    "a,a,,b\n1,2,3,4\n5,6,7,8\n",
    {"a": [1, 5], "a_2": [2, 6], "column_3": [3, 7], "b": [4, 8]},
)
table("a delimiter at the end of the header", "a,b,\n1,2\n3,4\n", AB)
table("a delimiter at the end of each row", "a,b\n1,2,\n3,4,\n", AB)
table("empty columns at the end", "a,b,,,\n1,2,,,\n3,4,,,\n", AB)
table("blank lines between", "a,b\n\n1,2\n\n\n3,4\n\n", AB)
table("short rows", "a,b,c\n1,2,x\n3,4\n5,6,y\n", {"a": [1, 3, 5], "b": [2, 4, 6], "c": ["x", None, "y"]})

TEN = "".join(f"{i},{i}.5,{-i}\n" for i in range(10))
NUMBERED = {"a": list(range(10)), "b": [i + 0.5 for i in range(10)], "c": [-i for i in range(10)]}
table("a title padded to the width of the table", "Report of May;;\nStation 7;;\n;;\nitem;x;y\n" + "u;1;2\nv;3;4\nw;5;6\n" * 2,
      {"item": ["u", "v", "w"] * 2, "x": [1, 3, 5] * 2, "y": [2, 4, 6] * 2})  # fmt: skip
table(
    "units below the names", "a,b,c\ns,°C,-\n" + TEN, {"a s": NUMBERED["a"], "b °C": NUMBERED["b"], "c": NUMBERED["c"]}
)
table("groups above the names", "in,,out\na,b,c\n" + TEN,
      {"in a": NUMBERED["a"], "in b": NUMBERED["b"], "out c": NUMBERED["c"]})  # fmt: skip
table("names and one bad cell below", "a,b,c\n0,bad,0\n" + TEN,
      {"a": [0, *NUMBERED["a"]], "b": ["bad", *(f"{i}.5" for i in range(10))], "c": [0, *NUMBERED["c"]]})  # fmt: skip
table("a total at the end", "a,b,c\n" + TEN + "Total,50,-45\n", NUMBERED)
GERMAN = TEN.replace(",", ";").replace(".", ",")
table("mean and sum at the end, in German", "a;b;c\n" + GERMAN + "Mittelwert;5;-4\nSumme:;50;-45\n", NUMBERED)
table("footnotes", "a,b,c\n" + TEN + "\nSource: a bank\nLast updated: 2024-01-02\n", NUMBERED)
table("a level called total", "kind,x\n" + "total,1\npart,2\n" * 3 + "total,3\n",
      {"kind": ["total", "part"] * 3 + ["total"], "x": [1, 2] * 3 + [3]})  # fmt: skip
table("a last row with gaps", "who,x,y\n" + "u,1,2\nv,3,4\n" * 3 + "w,5,\n",
      {"who": ["u", "v"] * 3 + ["w"], "x": [1, 3] * 3 + [5], "y": [2, 4] * 3 + [None]})  # fmt: skip

# ---- cells
table("missing in every spelling", "a,b,c\n1,x,1\n?,NA,2\n-,n/a,3\nNULL,,4\n#N/A,y,5\n",
      {"a": [1, None, None, None, None], "b": ["x", None, None, None, "y"], "c": [1, 2, 3, 4, 5]})  # fmt: skip
table("dollars and brackets", "item;price\nx;$1,234.50\ny;$2.00\nz;($3.00)\n", PRICES)
table("euros after the number", "item;price\nx;1.234,50 €\ny;2,00 €\nz;-3,00 €\n", PRICES)
table("thousands between spaces", "item;price\nx;1 234,50\ny;2,00\nz;-3,00\n", PRICES)
table("thousands by no-break spaces", "item;price\nx;1\u202f234,50\ny;2,00\nz;−3,00\n", PRICES)
table("thousands by apostrophes", "item;price\nx;1'234.50\ny;2.00\nz;-3.00\n", PRICES)
table("quoted thousands", 'a,b\n"1,234",2\n"2,345,678",4\n', {"a": [1234, 2345678], "b": [2, 4]})
table("percent signs", "a,share\n1,12.5%\n2,5 %\n", {"a": [1, 2], "share": [12.5, 5.0]})
table("dates of the day first", "day;x\n13.01.2024;1\n01.02.2024;2\n", {"day": DAYS[:2], "x": [1, 2]})
table("dates of the month first", "day,x\n01/13/2024,1\n02/01/2024,2\n03/31/2024,3\n", {"day": DAYS, "x": [1, 2, 3]})
table("times with zones", "t,x\n2024-01-13T00:00:00Z,1\n2024-02-01T02:00:00+02:00,2\n", {"t": DAYS[:2], "x": [1, 2]})
table("yes and no", "a,b\nyes,1\nno,2\nYes,3\n", {"a": [True, False, True], "b": [1, 2, 3]})
table("two currencies stay text", "a,b\n$1,1\n€2,2\n", {"a": ["$1", "€2"], "b": [1, 2]})
table(
    "numbers too large for 64 bits",
    "a,b\n123456789012345678901234567890,1\n2,2\n",
    {"a": [1.2345678901234568e29, 2.0], "b": [1, 2]},
)

# ---- encodings
table("UTF-8 with a mark", b"\xef\xbb\xbfa,b\n1,2\n3,4\n", AB)
table("UTF-16", "a,b\n1,ä\n3,ö\n".encode("utf-16"), {"a": [1, 3], "b": ["ä", "ö"]})
table("UTF-16 without a mark", "a,b\n1,x\n3,y\n".encode("utf-16-le"), {"a": [1, 3], "b": ["x", "y"]})
table(
    "GB18030",
    "城市,价格\n北京,1.5\n上海,2.5\n广州,3.5\n".encode("gb18030"),
    {"城市": ["北京", "上海", "广州"], "价格": [1.5, 2.5, 3.5]},
)
table("Latin-1", "größe,x\nä,1\nö,2\n".encode("latin-1"), {"größe": ["ä", "ö"], "x": [1, 2]})
table("Windows-1252", "price €,x\n1,“a”\n2,b\n".encode("cp1252"), {"price €": [1, 2], "x": ["“a”", "b"]})
table("Cyrillic", "город,цена\nМосква,1\nКазань,2\n".encode("cp1251"), {"город": ["Москва", "Казань"], "цена": [1, 2]})

# ---- packed, Parquet, Excel
table("gzip", gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0), AB, suffix=".csv.gz")
table("bzip2", bz2.compress(b"a,b\n1,2\n3,4\n"), AB, suffix=".csv.bz2")
table("xz", lzma.compress(b"a,b\n1,2\n3,4\n"), AB, suffix=".csv.xz")
table("two streams of xz", lzma.compress(b"a,b\n1,2\n") + bytes(4) + lzma.compress(b"3,4\n"), AB, suffix=".csv.xz")
table("zstd", lambda: zstd(b"a,b\n1,2\n3,4\n"), AB, suffix=".csv.zst")
table("zip", lambda: zipped({"__MACOSX/._t.csv": b"\0", "notes/": b"", "t.csv": b"a,b\n1,2\n3,4\n"}), AB, suffix=".zip")
table("Parquet", parquet, {"a": [1, 2], "when": DAYS[:2], "who": ["x", None]}, suffix=".parquet")
table("Excel", excel, {"a": [1.5, 2.5], "when": DAYS[:2], "who": ["x, y", None]}, suffix=".xlsx")
table("a sheet with merged cells above its names and a mean below", merged,
      {"in a": NUMBERED["a"], "in b": NUMBERED["b"], "out c": NUMBERED["c"]}, suffix=".xlsx")  # fmt: skip
table(
    "a packed workbook",
    lambda: zipped({"t.xlsx": excel()}),
    {"a": [1.5, 2.5], "when": DAYS[:2], "who": ["x, y", None]},
    suffix=".zip",
)

# ---- text that looks like code
table("markup and formulas", 'a,"<script>alert(1)</script>"\n=cmd|x,1\n[a](b),2\n',
      {"a": ["=cmd|x", "[a](b)"], "<script>alert(1)</script>": [1, 2]})  # fmt: skip
table("letters from right to left and emoji", "שם,🙂\nאב,1\nגד,2\n", {"שם": ["אב", "גד"], "🙂": [1, 2]})
table("a name of 10,000 characters", "a," + "n" * 10_000 + "\n1,2\n3,4\n", {"a": [1, 3], "n" * 10_000: [2, 4]})

# ---- what is no table
refusal("nothing", b"", "is empty")
refusal("blanks", b" \n\t\n", "is empty")
refusal("a header alone", "a,b,c\n", "header but no rows")
refusal("prose", "This is no table.\nIt has no columns, none at all.\nNot one\n", "single column")
refusal("a picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4, "binary file")
refusal("zero bytes amid text", b"a,b\n1,2\n" + b"3,\x00\x00\n" * 50, "binary file")
refusal("zero bytes far into the file", b"a,b\n" + b"1,2\n" * 100_000 + b"3,\x00\n", "binary file")
refusal("a quote that never closes", 'a,b\n1,2\n3,"4\n5,6\n', "never closed")
refusal("a row too long", "a,b\n1,2\n3,4\n5,6,7\n8,9\n", "line 4 has 3 fields and the others have 2")
refusal(
    "10,000 columns",
    ",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join(["1"] * 10_000) + "\n",
    "10,000 columns",
)
refusal("a line of 3 MB", lambda: b"1," * 1_500_000, "no line end")
refusal("a packed line of 1 GB", lambda: gzip.compress(b"7" * 2**24) * 64, "no line end", suffix=".gz")
refusal("a zip bomb of zeros", lambda: zipped({"a.csv": bytes(2**27)}), "binary file", suffix=".zip")
refusal("a zip bomb of rows", lambda: zipped({"a.csv": b"a,b\n" + b"1,2\n" * 2**25}), "times its size", suffix=".zip")
refusal("a workbook bomb", lambda: zipped({"xl/workbook.xml": bytes(2**27)}), "far more than a table", suffix=".xlsx")
refusal("a bzip2 bomb", lambda: bz2.compress(b"1,2\n" * 2**20) * 32, "times its size", suffix=".bz2")
refusal("an xz bomb", lambda: lzma.compress(b"1,2\n" * 2**25), "times its size", suffix=".xz")
refusal("a zstd bomb", lambda: zstd(b"1,2\n" * 2**25), "times its size", suffix=".zst")
refusal("a damaged xz", lambda: lzma.compress(b"a,b\n" + b"1,2\n" * 1000)[:60], "may be damaged", suffix=".xz")
refusal("an xz file that wants 1.5 GB of memory", lambda: greedy_xz(), "may be damaged", suffix=".xz")
refusal("a damaged zstd", lambda: zstd(b"a,b\n" + b"1,2\n" * 1000)[:-9], "may be damaged", suffix=".zst")
refusal("a damaged gzip", gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:40], "may be damaged", suffix=".gz")
refusal("a damaged zip", b"PK\x03\x04" + bytes(range(256)) * 8, "may be damaged", suffix=".zip")
refusal(
    "an archive in an archive",
    lambda: zipped({"a.zip": zipped({"b.csv": b"a,b\n1,2\n"})}),
    "within the archive",
    suffix=".zip",
)
refusal("an empty archive", lambda: zipped({}), "binary file", suffix=".zip")
refusal(
    "a damaged Parquet file", b"PAR1" + b"\x15" * 100 + b"PAR1", "Parquet file that cannot be read", suffix=".parquet"
)
refusal(
    "a damaged workbook", lambda: zipped({"xl/workbook.xml": b"<a/>"}), "workbook that cannot be read", suffix=".xlsx"
)
refusal("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "(.xls)", suffix=".xls")
refusal("a PDF", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "PDF document", suffix=".pdf")
refusal("a database", b"SQLite format 3\x00" + bytes(100), "SQLite", suffix=".db")

# ---- found by fuzzing
refusal(
    "an archive whose file has no name",
    lambda: zipped({"a.csv": b"a,b\n1,2\n"}).replace(b"a.csv", b"\0.csv"),
    "may be damaged",
    suffix=".zip",
)
