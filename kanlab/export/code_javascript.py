"""JavaScript: one function of a row, for a page or for Node, without any library."""

from __future__ import annotations

import json

from kanlab.export.code_program import Choice, Column, Name, Program
from kanlab.export.code_writer import Writer, heading, ternaries

_FUNCTIONS = {"ln": "Math.log"}


class _JavaScript(Writer):
    nothing = "NaN"

    def name(self, step: str) -> str:
        return f"v_{step}"

    def column(self, column: Column) -> str:
        return f"{'number' if column.kind == 'number' else 'text'}(row[{js_text(column.name)}])"

    def text(self, text: str) -> str:
        return js_text(text)

    def power(self, base: str, exponent: str) -> str:
        return f"Math.pow({base}, {exponent})"

    def call(self, function: str, argument: str) -> str:
        return f"{_FUNCTIONS.get(function, f'Math.{function}')}({argument})"

    def choice(self, choice: Choice) -> str:
        return ternaries(self, choice)

    def missing(self, of: Column | Name) -> str:
        return f"Number.isNaN({self.name(of.step)})" if isinstance(of, Name) else f'{self.column(of)} === ""'

    def one_of(self, column: Column, texts: tuple[str, ...]) -> str:
        return f"[{', '.join(map(js_text, texts))}].includes({self.column(column)})"


class _Texts(_JavaScript):
    """Steps whose values are texts."""

    nothing = "null"


def javascript_code(program: Program) -> str:
    """A script that defines `predict(row)`, row an object with the columns by name; required by Node it exports it."""
    writer, texts = _JavaScript(), _Texts()
    how = [
        "predict(row): row is an object with a value for each column; null, undefined and '' are missing.",
        f"Columns: {', '.join(json.dumps(c.name) for c in program.columns) or 'none'}.",
    ]
    lines = [
        f"  const {writer.name(name)} = {(texts if program.kinds[name] == 'text' else writer).value(value)};"
        for name, value in program.steps.items()
    ]
    return "\n".join(
        [
            *heading(program, _comment, how),
            '"use strict";',
            "",
            "function predict(row) {",
            "  const number = (v) =>",
            '    v === null || v === undefined || v === "" || !Number.isFinite(Number(v)) ? NaN : Number(v);',
            '  const text = (v) => (v === null || v === undefined ? "" : String(v));',
            "  const shown = (v) => (Number.isNaN(v) ? null : v);",
            *lines,
            "  return {",
            *(f"    [{js_text(o.name)}]: shown({writer.name(o.step.step)})," for o in program.outputs),
            "  };",
            "}",
            "",
            'if (typeof module !== "undefined") module.exports = { predict };',
            "",
        ]
    )


def js_text(text: str) -> str:
    """A string literal, which may also stand within a page.

    >>> print(js_text("</script>"))
    "\\u003c/script>"
    """
    return json.dumps(text).replace("<", "\\u003c")


def _comment(text: str) -> str:
    """A comment of one line, which may also stand within a page: nothing in it begins a tag or an HTML comment."""
    return "// " + "".join(c if c.isprintable() else " " for c in text).replace("<", "< ")
