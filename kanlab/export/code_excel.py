"""Excel: a workbook with a sheet of rows to fill in, beside which the predictions are computed, and a sheet of the steps.

openpyxl writes it (`pip install 'kanlab[excel]'`).
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

from kanlab.errors import StudyError
from kanlab.export.code_program import Choice, Column, Name, Program
from kanlab.export.code_writer import Writer
from kanlab.language import marked, say

ROWS = 100  # that a workbook of few steps is made for
_MOST_CELLS, _MOST_TEXT, _MOST_TEXT_A_ROW = 20_000, 10_000_000, 1_000_000  # of all rows; characters of formulas
_MOST_CHARACTERS, _MOST_COLUMNS = 8192, 16_000  # of a formula, of a sheet
_MOST_BRANCHES = 16  # of a choice in one cell; a formula may nest 64
_LITERAL = 250  # characters of a text within a formula
_FUNCTIONS = {"floor": "INT"}
NOT_HERE = marked("Workbooks need openpyxl: pip install 'kanlab[excel]'.")


class _Excel(Writer):
    """Formulas for one row."""

    nothing = "NA()"

    def __init__(self, columns: dict[Column, str], steps: dict[str, str], row: int) -> None:
        self.columns, self.steps, self.row = columns, steps, row

    def number(self, value: float) -> str:
        return repr(float(value)).upper()

    def name(self, step: str) -> str:
        return f"{self.steps[step]}{self.row}"

    def column(self, column: Column) -> str:
        cell = f"Predict!{self.columns[column]}{self.row}"
        return cell if column.kind == "text" else f"IF(OR(ISNUMBER({cell}),ISLOGICAL({cell})),N({cell}),NA())"

    def text(self, text: str) -> str:
        parts = [text[i : i + _LITERAL] for i in range(0, len(text), _LITERAL)] or [""]
        return "&".join('"' + _printable(part).replace('"', '""') + '"' for part in parts)

    def power(self, base: str, exponent: str) -> str:
        return f"POWER({base},{exponent})"

    def call(self, function: str, argument: str) -> str:
        return f"{_FUNCTIONS.get(function, function.upper())}({argument})"

    def choice(self, choice: Choice) -> str:
        parts = [f"IF({self.condition(when)},{self.value(then)}," for when, then in choice.branches]
        return "".join(parts) + self.value(choice.otherwise) + ")" * len(parts)

    def missing(self, of: Column | Name) -> str:
        return f"ISERROR({self.name(of.step)})" if isinstance(of, Name) else f'{self.column(of)}=""'

    def one_of(self, column: Column, texts: tuple[str, ...]) -> str:
        # "=" takes capitals and small letters for the same
        same = ",".join(f"EXACT({self.column(column)},{self.text(text)})" for text in texts)
        return f"OR({same})"


_TOO_LONG = marked(
    "The model has too many intervals or categories for a cell of a workbook; choose a smaller one or another form."
)


def workbook(program: Program, rows: int | None = None) -> bytes:
    """The bytes of an .xlsx. rows: how many it is made for; by default 100, fewer of a large model.

    Raises StudyError where a formula would be longer than Excel allows, all of them would be very long, or openpyxl is not
    installed.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.utils import get_column_letter
    except ImportError as error:
        raise StudyError(say(NOT_HERE)) from error
    program = _in_short_steps(program)
    if len(program.steps) > _MOST_COLUMNS:
        raise StudyError(say(_TOO_LONG))
    columns = {column: get_column_letter(i) for i, column in enumerate(program.columns, 1)}
    steps = {name: get_column_letter(i) for i, name in enumerate(program.steps, 1)}
    first = _Excel(columns, steps, 2)
    size = sum(len(first.value(value)) for value in program.steps.values())
    if size > _MOST_TEXT_A_ROW:
        raise StudyError(
            say(
                "The model takes {size:.1f} million characters of formulas a row, and a workbook of more than "
                "{most:.0f} million is slow to open; choose a smaller one or another form.",
                size=size / 1e6,
                most=_MOST_TEXT_A_ROW / 1e6,
            )
        )
    many = rows or max(10, min(ROWS, _MOST_CELLS // max(1, len(steps)), _MOST_TEXT // max(1, size)))
    book = Workbook()
    shown, hidden, about = book.active, book.create_sheet("Steps"), book.create_sheet("About")
    shown.title = "Predict"
    for i, name in enumerate([*(c.name for c in program.columns), *(o.name for o in program.outputs)], 1):
        _put_text(shown.cell(1, i), name)
    for column, letter in columns.items():
        given, cell = program.example.get(column.name), shown[f"{letter}2"]
        if isinstance(given, str):
            _put_text(cell, given)
        else:
            cell.value = given
    for i, name in enumerate(program.steps, 1):
        _put_text(hidden.cell(1, i), name)
    for row in range(2, many + 2):
        writer = _Excel(columns, steps, row)
        for i, value in enumerate(program.steps.values(), 1):
            formula = writer.value(value)
            if len(formula) >= _MOST_CHARACTERS:
                raise StudyError(say(_TOO_LONG))
            hidden.cell(row, i).value = f"={formula}"
        for i, output in enumerate(program.outputs, len(columns) + 1):
            cell = f"Steps!{writer.name(output.step.step)}"
            value_shown = f"{cell}=1" if output is program.outputs[-1] else cell
            shown.cell(row, i).value = f'=IF(ISERROR({cell}),"",{value_shown})'
    _dress(shown, len(columns))
    how = (
        f"Fill in rows of the sheet Predict, up to row {many + 1}; for more, copy the last row of Predict and of Steps "
        "downwards. A row with an empty cell that the model needs has no prediction."
    )
    lines = [program.title, *program.notes, how]
    for i, line in enumerate(lines, 1):
        _put_text(about.cell(i, 1), line)
    about.column_dimensions["A"].width = 120
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _in_short_steps(program: Program) -> Program:
    """The same, long choices in several steps: each takes its last value from the one before."""
    short = replace(program, steps={}, kinds={})
    for name, value in program.steps.items():
        kind = program.kinds[name]
        if isinstance(value, Choice) and len(value.branches) > _MOST_BRANCHES:
            *firsts, last = (
                value.branches[i : i + _MOST_BRANCHES] for i in range(0, len(value.branches), _MOST_BRANCHES)
            )
            otherwise = value.otherwise
            for branches in (last, *reversed(firsts[1:])):
                otherwise = short.let(f"{name}_rest", Choice(branches, otherwise), kind)
            value = Choice(firsts[0], otherwise)
        short.steps[name], short.kinds[name] = value, kind
    return short


def _put_text(cell: Any, text: str) -> None:
    """A text as such, also where it begins like a formula."""
    cell.value = _printable(text)[:32_000]
    cell.data_type = "s"
    cell.quotePrefix = True


_NOT_IN_A_CELL = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_IN_A_CELL.sub(" ", text)


def _dress(sheet: Any, inputs: int) -> None:
    """Headings in bold that stay, the predictions in a colour of their own."""
    from openpyxl.styles import Font, PatternFill

    for i, cell in enumerate(sheet[1], 1):
        cell.font = Font(bold=True)
        if i > inputs:
            cell.fill = PatternFill("solid", start_color="E5E7FB")
        sheet.column_dimensions[cell.column_letter].width = max(12, min(40, len(str(cell.value)) + 3))
    sheet.freeze_panes = "A2"
