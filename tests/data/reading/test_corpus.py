"""The corpus of nasty files: each is read as meant, or refused in one sentence."""

from __future__ import annotations

import io
import resource
import tracemalloc

import pandas as pd
import pytest

from kanlab.data.reading.table import read_table
from kanlab.errors import DatasetError
from tests.helpers.corpus import CASES, Case
from tests.helpers.sentences import refused


def columns_of(frame: pd.DataFrame) -> dict[str, list[object]]:
    """Cells as plain Python, None where missing."""
    return {c: [None if pd.isna(v) else v for v in frame[c].tolist()] for c in frame.columns}


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_corpus(case: Case) -> None:
    name = f"some{case.suffix}"
    content = case.content()
    if case.columns is None:
        with refused(DatasetError, name, case.sentence):
            read_table(io.BytesIO(content), name=name)
        return
    table = read_table(io.BytesIO(content), name=name)
    found = columns_of(table.frame)
    assert found == case.columns
    for column, cells in case.columns.items():
        kinds = {type(c) for c in found[column] if c is not None}
        if bool in {type(c) for c in cells}:
            assert kinds == {bool}
    assert (table.report.rows, table.report.columns) == table.frame.shape


def test_the_corpus_is_large_and_its_names_differ() -> None:
    assert len(CASES) >= 40
    assert len({c.name for c in CASES}) == len(CASES)
    assert sum(c.columns is None for c in CASES) >= 15


@pytest.mark.parametrize(
    "name",
    [
        "a packed line of 1 GB",
        "a zip bomb of zeros",
        "a zip bomb of rows",
        "a workbook bomb",
        "a bzip2 bomb",
        "an xz bomb",
        "a zstd bomb",
        "an xz file that wants 1.5 GB of memory",
    ],
)
def test_bombs_are_refused_before_they_unpack(name: str) -> None:
    case = next(c for c in CASES if c.name == name)
    content = io.BytesIO(case.content())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError):
            read_table(content, name="bomb")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
