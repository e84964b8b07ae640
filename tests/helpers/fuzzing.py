"""Bytes no one meant, and what must hold of any of them: a table that goes through every step, or one sentence.

The seeds are the small files of the corpus. Hypothesis breaks them in the ways that files break: cut, joined, repeated,
with the signs of other dialects put in, bits flipped, encoded anew, packed.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from kanlab.baselines.protocol import FamilyFit
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import is_numeric
from kanlab.data.mutual_information import relevance
from kanlab.data.preparation import Preparation
from kanlab.data.profile import profile
from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.charset import ENCODINGS
from kanlab.data.reading.column_types import KINDS
from kanlab.data.reading.conventions import Conventions
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import read_table
from kanlab.data.recipe import Recipe
from kanlab.data.writing import to_csv
from kanlab.errors import DatasetError
from kanlab.explain.interval_columns import relative_weights
from kanlab.explain.models import HeldFamily
from kanlab.explain.new_rows import overruled as overruled_recipe
from kanlab.explain.new_rows import read_new_rows
from kanlab.explain.predictor import Predictor
from kanlab.export import predict_template
from tests.helpers.corpus import CASES, zipped, zstd
from tests.helpers.sentences import assert_sentence

LARGEST = 20_000  # bytes of a seed


@cache
def nasty() -> tuple[bytes, ...]:
    """The smaller files of the corpus; some of it takes seconds to make, which every import would spend."""
    return tuple(content for case in CASES if len(content := case.content()) <= LARGEST)


def _grown(delimiter: str, decimal: str, encoding: str, before: str = "") -> bytes:
    """A table of 24 rows with a column of every kind, enough for a fit."""
    rows = [
        [f"{1.5 * i**2 - 7:.2f}", str(i % 5), ["S", "M", "L"][i % 3], f"2024-{1 + i % 12:02}-{1 + i:02}",
         ["yes", "no"][i % 2], f"{1000.5 * (i + 1):,.2f} €", "" if i == 7 else f"word {i % 9}", f"{i / 3:.4f}"]
        for i in range(24)
    ]  # fmt: skip
    rows = [[c.translate(str.maketrans(",.", ".,")) if decimal == "," else c for c in row] for row in rows]
    lines = [["a", "n", "größe", "day", "flag", "price", "b", "y"], *rows]
    quoted = [[f'"{c}"' if delimiter in c else c for c in line] for line in lines]
    return (before + "\n".join(map(delimiter.join, quoted)) + "\n").encode(encoding)


GROWN = (
    _grown(",", ".", "utf-8"),
    _grown(";", ",", "cp1252", "Export of Monday\n\n"),
    _grown("\t", ".", "utf-16"),
    _grown("|", ",", "utf-8-sig", "# a note\n"),
)
TOKENS = tuple(
    token.encode()
    for token in (
        ",", ";", "\t", "|", " ", "^", "~", ":", "\n", "\r\n", "\r", '"', "'", '""', '"\n', "\\", '\\"', "#", "%", "//",
        "sep=;\n", "\0", "\ufeff", "=cmd", "NA", "?", "-", "#N/A", "nan", "inf", "-inf", "1e999", "1e-400", "9" * 400,
        "0x1F", "1_000", "1.234,5", "1,234.5", "1'234", "12%", "$1", "€", "(3)", "+-1", "--1", "true", "no", "是",
        "2024-02-30", "01/02/03", "13.13.2024", "0000-00-00", "9999-12-31", "1677-09-21", "2024-01-01T00:00:00Z",
        "10:30 PM", "Unnamed: 0", "column_1", "row_name", "𝟙", "١٢", "\u202e", "\u2028", "\x85", "\x1c", "ß", "İ",
    )
)  # fmt: skip
_BYTES = tuple(bytes([b]) for b in range(256))
_PACKINGS: tuple[Any, ...] = (
    gzip.compress,
    lzma.compress,
    zstd,
    lambda content: zipped({"a.csv": content}),
)


@st.composite
def broken_files(draw: Any) -> bytes:
    """A file of the corpus or a larger one after up to six accidents, or text and bytes from nowhere."""
    content: bytes = draw(
        st.one_of(
            st.sampled_from(nasty()),
            st.sampled_from(GROWN),
            st.sampled_from(GROWN),
            st.lists(st.sampled_from(TOKENS), max_size=60).map(b"".join),
            st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
            st.binary(max_size=200),
        )
    )
    for _ in range(draw(st.integers(0, 6))):
        content = _accident(draw, content)[: 8 * LARGEST]
    if draw(st.integers(0, 9)) == 0:
        content = draw(st.sampled_from(_PACKINGS))(content)
        if draw(st.booleans()):
            content = _accident(draw, content)
    return content


def _accident(draw: Any, content: bytes) -> bytes:
    at = draw(st.integers(0, len(content)))
    to = draw(st.integers(at, min(len(content), at + draw(st.sampled_from([1, 4, 64, LARGEST])))))
    kind = draw(st.sampled_from(["cut", "repeat", "token", "byte", "bit", "many", "join", "encode", "lines"]))
    if kind == "cut":
        return content[:at] + content[to:]
    if kind == "repeat":
        return content[:to] + content[at:to] * draw(st.integers(1, 40)) + content[to:]
    if kind == "token":
        return content[:at] + draw(st.sampled_from(TOKENS)) + content[to:]
    if kind == "byte":
        return content[:at] + draw(st.sampled_from(_BYTES)) + content[at:]
    if kind == "bit" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    if kind == "many":
        return content.replace(draw(st.sampled_from(TOKENS[:20])), draw(st.sampled_from(TOKENS)))
    if kind == "join":
        return content[:at] + draw(st.sampled_from(nasty() + GROWN))
    if kind == "encode":
        return content.decode("utf-8", "replace").encode(draw(st.sampled_from(ENCODINGS)), "replace")
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:2] + lines[2:] * draw(st.integers(2, 12)))  # enough rows for a fit


OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "encoding": st.sampled_from(ENCODINGS),
    "delimiter": st.sampled_from([",", ";", "\t", "|", " ", ":", "a", "."]),
    "quote": st.sampled_from(['"', "'", ""]),
    "decimal": st.sampled_from([".", ","]),
    "thousands": st.sampled_from([",", ".", " ", "'", ""]),
    "comment": st.sampled_from(["#", "%", "//", ""]),
    "skip_lines": st.integers(0, 40),
    "header": st.booleans(),
    "index": st.booleans(),
    "missing": st.lists(st.sampled_from(["NA", "-", "x", "1", "-999"]), max_size=3).map(tuple),
    "day_first": st.booleans(),
    "kinds": st.dictionaries(st.sampled_from(["a", "b", "c", "day", "price", "column_1"]), st.sampled_from(KINDS)),
    "least_columns": st.sampled_from([1, 2]),
}


@st.composite
def overruled(draw: Any) -> dict[str, Any]:
    """What somebody may say about a file, mostly nothing."""
    if draw(st.integers(0, 2)):
        return {}
    names = draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=4, unique=True))
    return {name: draw(OPTIONS[name]) for name in names}


@st.composite
def preparations(draw: Any) -> dict[str, Any]:
    """How somebody may prepare a table."""
    return {
        "gaps": draw(st.sampled_from(["drop", "fill"])),
        "pool": draw(st.booleans()),
        "max_levels": draw(st.sampled_from([2, 3, 12, 50])),
        "date_parts": tuple(draw(st.lists(st.sampled_from(["year", "month", "weekday", "hour"]), unique=True))),
        "scale": draw(st.sampled_from(["none", "log", "rank"])),
        "target_scale": draw(st.sampled_from(["none", "log", "rank"])),
        "screen": draw(st.sampled_from([None, 1, 2])),
        "split": draw(st.sampled_from(["random", "stratified", "time", "group"])),
    }


def check(content: bytes, options: dict[str, Any], prepared: dict[str, Any]) -> str:
    """Read bytes and go on as the Data page does; what became of them: "refused", "table" or "data set".

    Raises AssertionError, or whatever escaped, where a promise is broken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return _check(content, options, prepared)


def _check(content: bytes, options: dict[str, Any], prepared: dict[str, Any]) -> str:
    try:
        asked = ReadOptions(**options)
        table = read_table(io.BytesIO(content), name="some.csv", options=asked)
    except DatasetError as error:
        _sentence(error)
        return "refused"
    frame, report = table.frame, table.report
    assert frame.columns.is_unique
    assert all(isinstance(c, str) and c for c in frame.columns)
    assert frame.shape[1] >= options.get("least_columns", 2)
    assert (report.rows, report.columns) == frame.shape
    assert [r.name for r in report.readings] == list(frame.columns)
    assert str(report)
    described = profile(frame, next((c for c in frame.columns if is_numeric(frame[c])), None))
    for finding in described.warnings:
        assert finding.sentence.endswith(".")
    for row in csv.reader(io.StringIO(to_csv(frame), newline="")):
        assert not any(cell.startswith(("=", "@")) for cell in row)
    numeric = [c for c in frame.columns if is_numeric(frame[c])]
    if not numeric or frame.shape[1] < 2:
        return "table"
    target = numeric[-1]
    assert set(relevance(frame, target)) == set(frame.columns) - {target}
    try:
        data = Dataset.from_frame(frame, target, preparation=_preparation(frame, target, prepared))
    except DatasetError as error:
        _sentence(error)
        return "table"
    assert np.isfinite(data.X_train).all()
    assert np.isfinite(data.y_train).all()
    assert np.isfinite(data.X_test).all()
    recipe = Recipe.from_json(data.recipe.to_json())
    assert recipe == data.recipe
    inputs = recipe.apply(frame.drop(columns=target))
    assert inputs.X.shape == (len(frame), data.d)
    assert inputs.complete.sum() >= data.n
    back = recipe.to_units(data.y_train)
    assert np.isfinite(back).all()
    return "data set"


# ---- new rows


def _sold(rows: list[list[str]]) -> bytes:
    names = ["amount", "count", "size", "day", "flag", "price", "share", "start", "y"]
    return ("\n".join(";".join(line) for line in [names[: len(rows[0])], *rows]) + "\n").encode()


def _row(i: int) -> list[str]:
    amount = f"{1234.5 * i:,.2f}".translate(str.maketrans(",.", ".,"))
    share = f"{i},5%" if i % 2 else f"0,{i:02}"
    day, size, flag = f"{1 + i:02}/{1 + i % 12:02}/2024", ["S", "M", "L"][i % 3], ["Yes", "No"][i % 2]
    y = f"{i / 3:.4f}".replace(".", ",")
    return [amount, str(i % 5), size, day, flag, f"{10 * i},25 €", share, f"{i % 24:02}:{2 * i:02}", y]


_ROWS = [_row(i) for i in range(1, 29)]
_ODD = ["1.500", "2", "XXL", "02/11/2024", "maybe", "$3", "9.5%", "25:00"]
NEW = (
    _sold([row[:-1] for row in _ROWS[:4]]),
    _sold([_ODD, ["-999", "", "NA", "11/25/2024", "YES", "3", "", "4:44"]]),
)


@cache
def trained(pooled: bool) -> Recipe:
    """The recipe of a table of every kind of column whose conventions leave nothing to guess. pooled: and no gap unfilled."""
    words, kinds = (*MISSING, "-999"), {"share": "fraction", "start": "time"}
    table = read_table(io.BytesIO(_sold(_ROWS)), name="sold.csv", missing=words, kinds=kinds)
    wanted = Preparation(gaps="fill", pool=True, max_levels=2) if pooled else Preparation()
    return Dataset.from_frame(table.frame, "y", preparation=wanted, test_fraction=0).recipe


@st.composite
def broken_new_rows(draw: Any) -> bytes:
    """Rows to predict after up to five accidents, or a file of any kind."""
    content: bytes = draw(st.one_of(st.sampled_from(NEW), st.sampled_from(NEW), st.sampled_from(nasty() + GROWN)))
    for _ in range(draw(st.integers(0, 5))):
        content = _accident(draw, content)[: 8 * LARGEST]
    return content


def check_new_rows(content: bytes, recipe: Recipe, options: dict[str, Any]) -> str:
    """Read bytes as rows to predict; what became of them: "refused" or "rows".

    Every row comes back, what it means does not follow from the others, what cannot be read is told, and predict.py makes the
    same inputs and flags of the same cells.
    """
    try:
        asked = ReadOptions(**options)
        table = read_new_rows(io.BytesIO(content), recipe, name="new.csv", options=asked)
        said = overruled_recipe(recipe, asked)
        inputs = said.apply(table.frame)
    except DatasetError as error:
        _sentence(error)
        return "refused"
    frame = table.frame
    assert inputs.X.shape == (len(frame), len(recipe.columns))
    assert not np.isinf(inputs.X).any()
    for note in inputs.notes:
        assert_sentence(note)
    for place in {0, len(frame) // 2, len(frame) - 1}:
        alone = said.apply(frame.iloc[[place]])
        np.testing.assert_array_equal(alone.X[0], inputs.X[place])
    if not asked.kinds:  # which predict.py is not asked for
        cells = {c: frame[c].fillna("").astype(str).tolist() for c in frame.columns}
        program = predict_template.Encoder(said.to_dict(), cells, len(frame), Conventions.of(frame).decimal or ".")
        np.testing.assert_allclose(program.inputs(), inputs.X, rtol=1e-12, atol=1e-9)
        np.testing.assert_array_equal(
            program.unknown, np.zeros(len(frame), bool) if inputs.unknown is None else inputs.unknown
        )
        for note in program.notes:
            assert_sentence(note)
    model = HeldFamily(
        FamilyFit(lambda X: X.sum(axis=1), 1.0), np.zeros(len(recipe.columns)), np.ones(len(recipe.columns))
    )
    weight = {"column": frame.columns[0], "unit": 2.0}  # any column may hold the weights of the rows
    found = Predictor("a sum", said, model, interval=_SCORES | {"weight": weight}).predict(frame)
    pd.testing.assert_frame_equal(found.frame[list(frame.columns)], frame)
    assert (found.frame[found.predicted].notna() == inputs.complete).all()
    lower, upper = (found.frame[bound].astype(float) for bound in found.bounds)
    assert (lower.notna() == inputs.complete).all()
    if not asked.kinds:
        sign = said.conventions.decimal or Conventions.of(frame).decimal or "."
        w = relative_weights({"weight": weight}, program.columns[weight["column"]], sign)
        assert w is not None
        assert sign == program.decimal
        # too far from 0 the ends of an interval are one number
        near = (
            inputs.complete
            & (found.frame[found.predicted].astype(float).abs() < 1e3)
            & (np.nan_to_num(w, nan=1.0) < 1e3)
        )
        half = (1.0 / np.sqrt(np.where(np.isfinite(w), w, 1.0)))[near]
        np.testing.assert_allclose((upper - lower)[near] / 2.0, half, rtol=1e-6)
    for note in found.notes:
        assert_sentence(note)
    return "rows"


_SCORES = {
    "task": "regression",
    "rows": 9,
    "scores": [0.5] * 8 + [1.0],
    "tails": 1,
    "scale": None,
    "held": [],
    "held_rows": 0,
}


def _preparation(frame: pd.DataFrame, target: str, wanted: dict[str, Any]) -> Preparation:
    wanted = dict(wanted)
    scale, others = wanted.pop("scale"), [c for c in frame.columns if c != target]
    by = others[0] if wanted["split"] in ("time", "group") else None
    scales = {c: scale for c in others if is_numeric(frame[c])} if scale != "none" else {}
    return Preparation(**wanted, scales=scales, split_by=by)


def _sentence(error: DatasetError) -> None:
    """As long names are cut short, and file content in a message stays one line."""
    assert_sentence(str(error))
