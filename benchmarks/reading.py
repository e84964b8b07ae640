"""Tables read by kanlab, pandas, polars and DuckDB in one run: how many of the nasty files each reads right, and how fast.

    python benchmarks/reading.py [ROWS]

Every reader is given the file alone and infers the rest: pandas with sep=None (its sniffer), polars' read_csv, DuckDB's
sniffer. A table is right where its columns, numbers and gaps are those of the corpus (dates may be text: only kanlab and
DuckDB turn them); a file that is no table is right where the reader refuses it with an error of its own. Each read runs in
a process of its own with 3 GB of memory and 20 s, so that a bomb ends its reader and not the benchmark. polars and duckdb
are needed beside the requirements: pip install polars duckdb.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.corpus import CASES, Case

MEMORY = 3 * 2**30
SECONDS = 20
COLUMNS = 20


def by_kanlab(path: Path) -> pd.DataFrame:
    from kanlab.data.reading.table import read_table

    return read_table(path).frame


def by_pandas(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".xlsx":
        return pd.read_excel(path)
    return pd.read_csv(path, sep=None, engine="python")


def by_polars(path: Path) -> pd.DataFrame:
    import polars

    if path.suffix == ".parquet":
        return polars.read_parquet(path).to_pandas()
    return polars.read_csv(path, try_parse_dates=True).to_pandas()


def by_duckdb(path: Path) -> pd.DataFrame:
    import duckdb

    function = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    return duckdb.sql(f"select * from {function}('{path}')").df()


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "kanlab": by_kanlab,
    "pandas": by_pandas,
    "polars": by_polars,
    "DuckDB": by_duckdb,
}


def equal(found: pd.DataFrame, wanted: dict[str, list[Any]]) -> bool:
    """The same names and cells, dates compared as days, text without its type."""
    if [str(c) for c in found.columns] != list(wanted) or len(found) != len(next(iter(wanted.values()))):
        return False

    def plain(value: Any) -> Any:
        if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
            return None
        if hasattr(value, "isoformat"):
            return value.isoformat()[:10]
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        return float(value) if isinstance(value, (int, float, np.number)) else str(value)

    def same(a: Any, b: Any) -> bool:
        a, b = plain(a), plain(b)
        return a == b or (isinstance(a, str) and isinstance(b, str) and a[:10] == b and len(b) == 10 and b[4] == "-")

    return all(same(a, b) for c, cells in wanted.items() for a, b in zip(found[c].tolist(), cells, strict=True))


def judge(reader: str, path: Path, case: Case, pipe: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        found = READERS[reader](path)
        pipe.send(case.columns is not None and equal(found, case.columns))
    except Exception:  # whatever the reader raises is its refusal
        pipe.send(case.columns is None)


def corpus(reader: str, folder: Path) -> tuple[int, int]:
    """How many tables are read right, and how many files that are none are refused."""
    right = {True: 0, False: 0}
    for number, case in enumerate(CASES):
        path = folder / f"{number}{case.suffix}"
        if not path.exists():
            path.write_bytes(case.content())
        mine, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=judge, args=(reader, path, case, theirs))
        process.start()
        theirs.close()
        with contextlib.suppress(EOFError):  # the process was ended by its memory limit
            right[case.columns is not None] += bool(mine.poll(SECONDS) and mine.recv())
        process.kill()
        process.join()
    return right[True], right[False]


def timed(reader: str, path: Path, pipe: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    # pandas' sniffer needs its slow parser; for the large file it is given the delimiter
    shape = (pd.read_csv(path) if reader == "pandas" else READERS[reader](path)).shape
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipe.send((shape, seconds, before / 2**20, after / 2**20))


def speed(reader: str, path: Path) -> tuple[float, float]:
    """Seconds and peak GB, in a fresh process."""
    mine, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=timed, args=(reader, path, theirs))
    process.start()
    shape, seconds, _, peak = mine.recv()
    process.join()
    assert shape[1] == COLUMNS
    return seconds, peak


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    tables = sum(c.columns is not None for c in CASES)
    others = len(CASES) - tables
    print(f"| reader | tables right, of {tables} | others refused, of {others} | {rows:,} x {COLUMNS}, s | peak GB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        large = folder / "large.csv"
        rng = np.random.default_rng(0)
        names = [f"c{i}" for i in range(COLUMNS)]
        for start in range(0, rows, 100_000):
            block = rng.normal(size=(min(100_000, rows - start), COLUMNS)).round(6)
            pd.DataFrame(block, columns=names).to_csv(large, mode="a", header=start == 0, index=False)
        for reader in READERS:
            right, refused = corpus(reader, folder)
            seconds, peak = speed(reader, large)
            print(f"| {reader} | {right} | {refused} | {seconds:.1f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
