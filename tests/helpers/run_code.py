"""Programs run by what a user would run them with: Python, a C compiler, Node, DuckDB, SQLite, LibreOffice.

Each takes the code and a table with the columns it reads, and gives the outputs, a row each: numbers, texts, None.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.export.code_c import c_code, c_text
from kanlab.export.code_javascript import javascript_code
from kanlab.export.code_numpy import numpy_code
from kanlab.export.code_program import Program
from kanlab.export.code_sql import identifier, sql_code

Rows = list[list[Any]]


def cells(program: Program, table: pd.DataFrame) -> Rows:
    """The columns of a program, None where a cell is missing, or a column that need not be there."""
    wanted = table.reindex(columns=[c.name for c in program.columns]).astype(object)
    return [[None if pd.isna(v) else v for v in row] for row in wanted.itertuples(index=False)]


def by_compiler(program: Program, table: pd.DataFrame, folder: Path) -> Rows:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")

    def literal(value: Any, kind: str) -> str:
        if kind == "text":
            return "NULL" if value is None else c_text(str(value))
        return "NAN" if value is None else repr(float(value))

    rows = ",\n".join(
        "{" + (", ".join(literal(v, c.kind) for v, c in zip(row, program.columns, strict=True)) or "0") + "}"
        for row in cells(program, table)
    )
    shown = "\n".join(
        f'printf("%s\\n", found.y{i} ? found.y{i} : "");' if o.kind == "text" else f'printf("%.17g\\n", found.y{i});'
        for i, o in enumerate(program.outputs, 1)
    )
    main = f"""#include <stdio.h>
#include "model.c"
static const struct row rows[] = {{{rows}}};
int main(void) {{
  for (int i = 0; i < {len(table)}; i++) {{ struct prediction found = predict(rows + i); {shown} }}
  return 0;
}}
"""
    (folder / "model.c").write_text(c_code(program), encoding="utf-8")
    (folder / "main.c").write_text(main, encoding="utf-8")
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic-errors"]
    command = [compiler, *strict, "main.c", "-o", "main", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    lines = subprocess.run([folder / "main"], capture_output=True, check=True).stdout.decode().split("\n")[:-1]
    many = len(program.outputs)
    return [
        [_c_value(text, o.kind) for text, o in zip(lines[i : i + many], program.outputs, strict=True)]
        for i in range(0, len(lines), many)
    ]


def _c_value(text: str, kind: str) -> Any:
    if kind == "text":
        return text or None
    return None if np.isnan(float(text)) else float(text)


def by_node(program: Program, table: pd.DataFrame, folder: Path) -> Rows:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node")
    names = [c.name for c in program.columns]
    rows = [dict(zip(names, row, strict=True)) for row in cells(program, table)]
    (folder / "model.js").write_text(javascript_code(program), encoding="utf-8")
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "main.js").write_text(
        'const { predict } = require("./model.js");\n'
        'const rows = JSON.parse(require("fs").readFileSync("rows.json", "utf8"));\n'
        f"const names = {json.dumps([o.name for o in program.outputs])};\n"
        "console.log(JSON.stringify(rows.map((row) => { const found = predict(row); return names.map((n) => found[n]); })));\n"
    )
    done = subprocess.run([node, "main.js"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _filled(program: Program, table: pd.DataFrame, connection: Any, kinds: dict[str, str]) -> Rows:
    """Run the query on a table that has a column more, with the columns that need not be there as far as they are, and take
    the outputs.
    """
    name, query = 'my "rows"', sql_code(program, 'my "rows"')
    there = [c for c in program.columns if c.name in table]
    for i, column in enumerate((c for c in program.columns if c.optional), 1):
        if column in there:
            query = query.replace(f"    NULL AS kanlab_given_{i}", f"    {identifier(column.name)} AS kanlab_given_{i}")
    columns = ", ".join(f"{identifier(c.name)} {kinds[c.kind]}" for c in there)
    connection.execute(f"CREATE TABLE {identifier(name)} (id INTEGER{', ' * bool(columns)}{columns})")
    marks = ", ".join("?" * (len(there) + 1))
    for i, row in enumerate(cells(replace(program, columns=there), table)):
        connection.execute(f"INSERT INTO {identifier(name)} VALUES ({marks})", [i, *row])
    found = connection.execute(query).fetchall()
    return [list(row[-len(program.outputs) :]) for row in found]


def by_duckdb(program: Program, table: pd.DataFrame, folder: Path) -> Rows:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(config={"threads": 1}) as connection:
        return _filled(program, table, connection, {"number": "DOUBLE", "text": "VARCHAR"})


def by_sqlite(program: Program, table: pd.DataFrame, folder: Path) -> Rows:
    connection = sqlite3.connect(":memory:")
    return _filled(program, table, connection, {"number": "REAL", "text": "TEXT"})


def by_numpy(program: Program, table: pd.DataFrame, folder: Path) -> Rows:
    module: dict[str, Any] = {}
    exec(compile(numpy_code(program), "model.py", "exec"), module)
    there = [c for c in program.columns if c.name in table]
    columns = zip(*cells(replace(program, columns=there), table), strict=True)
    rows: dict[str, Any] = dict(zip([c.name for c in there], columns, strict=True))
    rows = rows or {"id": range(len(table))}
    found = module["predict"](rows)
    assert list(found) == [o.name for o in program.outputs]
    values = [found[o.name].tolist() for o in program.outputs]
    return [[None if v == "" or v != v else v for v in row] for row in zip(*values, strict=True)]


RUNS = {"NumPy": by_numpy, "C": by_compiler, "JavaScript": by_node, "DuckDB": by_duckdb, "SQLite": by_sqlite}


def by_office(books: Sequence[Path], folder: Path) -> list[pd.DataFrame]:
    """The first sheets of workbooks as LibreOffice computes them."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        if os.environ.get("KANLAB_REQUIRE_LIBREOFFICE"):
            pytest.fail("LibreOffice is missing, and KANLAB_REQUIRE_LIBREOFFICE asks for it")
        pytest.skip("there is no LibreOffice")
    made = folder / "computed"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [office, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(made), *map(str, books)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr[:2000]
    return [pd.read_excel(made / book.name, engine="openpyxl") for book in books]
