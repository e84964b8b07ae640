"""SQL: one query of a table, of standard functions alone (SQL:2016), as DuckDB, SQLite and PostgreSQL run it.

Each group of steps is a common table expression. ROW_NUMBER() in it keeps SQLite from writing one into the next, which would
make the query longer than it can read. A query cannot ask whether its table has a column: one that may be missing is
NULL until somebody writes its name there.
"""

from __future__ import annotations

from kanlab.errors import StudyError
from kanlab.export.code_program import Choice, Column, Name, Program, Value
from kanlab.export.code_writer import Writer, heading
from kanlab.language import say

MOST_STEPS = 1600  # of which each is a column
_GREATEST = 1.7976931348623157e308


class _Sql(Writer):
    nothing = "NULL"

    def __init__(self, program: Program) -> None:
        optional = [column for column in program.columns if column.optional]
        self.optional = {column: f"kanlab_given_{i}" for i, column in enumerate(optional, 1)}

    def number(self, value: float) -> str:
        text = repr(float(value))
        return text if "e" in text else f"{text}e0"  # without an exponent it would be a DECIMAL

    def name(self, step: str) -> str:
        return f"kanlab_{step}"

    def column(self, column: Column) -> str:
        name = self.optional.get(column) or identifier(column.name)
        if column.kind == "text":
            return name
        read = f"CAST({name} AS DOUBLE PRECISION)"
        return f"CASE WHEN ABS({read}) <= {self.number(_GREATEST)} THEN {read} END"

    def text(self, text: str) -> str:
        return sql_text(text)

    def power(self, base: str, exponent: str) -> str:
        return f"POWER({base}, {exponent})"

    def call(self, function: str, argument: str) -> str:
        return f"{function.upper()}({argument})"

    def choice(self, choice: Choice) -> str:
        parts = [f"WHEN {self.condition(when)} THEN {self.value(then)}" for when, then in choice.branches]
        return " ".join(["CASE", *parts, "ELSE", self.value(choice.otherwise), "END"])

    def missing(self, of: Column | Name) -> str:
        return f"{self.name(of.step) if isinstance(of, Name) else identifier(of.name)} IS NULL"

    def one_of(self, column: Column, texts: tuple[str, ...]) -> str:
        return f"{identifier(column.name)} IN ({', '.join(map(sql_text, texts))})"


def sql_code(program: Program, table: str = "rows") -> str:
    """A query that gives the columns of the program and beside them its outputs. table: where the rows are."""
    writer = _Sql(program)
    source, queries = identifier(table), []
    if writer.optional:
        given = ",\n".join(f"    NULL AS {name}" for name in writer.optional.values())
        queries.append(f"kanlab_0 AS (\n  SELECT *,\n{given}\n  FROM {source})")
        source = "kanlab_0"
    for number, group in enumerate(program.levels(), 1):
        steps = [f"    {writer.value(program.steps[name])} AS {writer.name(name)}" for name in group]
        counter = f"    ROW_NUMBER() OVER () AS kanlab_row_{number}"
        queries.append(
            "\n".join([f"kanlab_{number} AS (", "  SELECT *,", ",\n".join([*steps, counter]), f"  FROM {source})"])
        )
        source = f"kanlab_{number}"
    how = [
        f"Reads the table {identifier(table)}; a missing value is NULL. The last SELECT says which columns come back:",
        "add those that you want beside the predictions, such as a key.",
    ]
    for column, name in writer.optional.items():
        how.append(f"Where the table has the column {identifier(column.name)}, write that for the NULL of {name}.")
    if len(program.steps) > MOST_STEPS:
        many = (
            f"It takes {len(program.steps):,} columns, more than SQLite (2,000) and PostgreSQL (1,664) let a query have"
        )
        how.append(f"{many}; DuckDB runs it.")
    shown = [identifier(c.name) for c in program.columns if not c.optional]
    outputs = [f"{_shown(writer, o.step)} AS {identifier(o.name)}" for o in program.outputs]
    lines = [
        *heading(program, _comment, how),
        "WITH",
        ",\n".join(queries),
        "SELECT",
        ",\n".join(f"  {each}" for each in [*shown, *outputs]),
        f"FROM {source};",
        "",
    ]
    return "\n".join(lines)


def _shown(writer: _Sql, value: Value) -> str:
    return writer.value(value)


def identifier(name: str) -> str:
    """A delimited identifier.

    >>> print(identifier('the "best"'))
    "the ""best\"""
    """
    if "\x00" in name or not name:
        raise StudyError(say("SQL has no column of the name {name!r}; rename it.", name=name[:60]))
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A character string literal.

    >>> print(sql_text("it's"))
    'it''s'
    """
    return "'" + text.replace("\x00", "").replace("'", "''") + "'"


def _comment(text: str) -> str:
    return "-- " + "".join(c if c.isprintable() else " " for c in text)
