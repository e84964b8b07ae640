"""C: a struct of columns, a struct of outputs, and one function, C99 and its mathematical library alone."""

from __future__ import annotations

from kanlab.export.code_program import Choice, Column, Name, Program, Value
from kanlab.export.code_writer import Writer, heading, ternaries

_FUNCTIONS = {"ln": "log", "abs": "fabs"}


class _C(Writer):
    nothing = "NAN"

    def __init__(self, program: Program) -> None:
        self.fields = {column: f"x{i}" for i, column in enumerate(program.columns, 1)}

    def name(self, step: str) -> str:
        return f"v_{step}"

    def column(self, column: Column) -> str:
        field = f"row->{self.fields[column]}"
        return f"(isfinite({field}) ? {field} : NAN)" if column.kind == "number" else field

    def text(self, text: str) -> str:
        return c_text(text)

    def power(self, base: str, exponent: str) -> str:
        return f"pow({base}, {exponent})"

    def call(self, function: str, argument: str) -> str:
        return f"{_FUNCTIONS.get(function, function)}({argument})"

    def choice(self, choice: Choice) -> str:
        return ternaries(self, choice)

    def missing(self, of: Column | Name) -> str:
        if isinstance(of, Name):
            return f"isnan({self.name(of.step)})"
        field = f"row->{self.fields[of]}"
        return f"({field} == NULL || {field}[0] == 0)" if of.kind == "text" else f"!isfinite({field})"

    def one_of(self, column: Column, texts: tuple[str, ...]) -> str:
        field = f"row->{self.fields[column]}"
        return "(" + " || ".join(f"strcmp({field}, {c_text(text)}) == 0" for text in texts) + ")"


class _CText(_C):
    """Steps whose values are texts."""

    nothing = "NULL"


def c_code(program: Program) -> str:
    """A source file that defines `predict`. A number that is missing is NAN, a text NULL or ""."""
    writer, texts = _C(program), _CText(program)
    kinds = {"number": "double ", "text": "const char *"}

    def line(name: str, value: Value) -> str:
        kind = program.kinds[name]
        by = texts if kind == "text" else writer
        return f"    const {kinds[kind]}{'const ' * (kind == 'text')}{writer.name(name)} = {by.value(value)};".replace(
            "const const char *const", "const char *const"
        )

    outputs = [f"    {kinds[o.kind]}y{i}; /* {_comment(o.name)} */" for i, o in enumerate(program.outputs, 1)]
    how = ["A number that is missing is NAN, a text NULL or empty; compile with -lm. Texts are UTF-8."]
    given = ", ".join(writer.name(o.step.step) for o in program.outputs)
    return "\n".join(
        [
            *heading(program, lambda text: f"/* {_comment(text, quoted=False)} */", how),
            "#include <math.h>",
            "#include <string.h>",
            "",
            "struct row {",
            *(f"    {kinds[c.kind]}{writer.fields[c]}; /* {_comment(c.name)} */" for c in program.columns),
            *(["    int unused; /* no column is needed */"] if not program.columns else []),
            "};",
            "",
            "struct prediction {",
            *outputs,
            "};",
            "",
            "struct prediction predict(const struct row *row)",
            "{",
            *(line(name, value) for name, value in program.steps.items()),
            "    (void)row;",
            f"    const struct prediction found = {{{given}}};",
            "    return found;",
            "}",
            "",
        ]
    )


def c_text(text: str) -> str:
    """A string literal of the bytes of UTF-8.

    >>> print(c_text('a"b?\\n'))
    "a\\042b\\077\\012"
    """
    plain = (
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8", "replace")
    )
    return '"' + "".join(plain) + '"'


def _comment(text: str, quoted: bool = True) -> str:
    """Text that cannot end the comment it stands in."""
    safe = "".join(c if c.isprintable() else " " for c in text).replace("*/", "* /").replace("/*", "/ *")
    safe = safe.replace("??/", "?? /").rstrip("\\")
    return f'"{safe}"' if quoted else safe
