"""Python: one function of columns, all rows at once, of NumPy alone."""

from __future__ import annotations

from kanlab.export.code_program import Choice, Column, Name, Program
from kanlab.export.code_writer import Writer, heading

_FUNCTIONS = {"ln": "log", "asin": "arcsin", "atan": "arctan"}
_HELPERS = '''

def _number(cell):
    """A finite number, nan for anything else."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return np.nan
    return value if np.isfinite(value) else np.nan


def _text(cell):
    """A text, "" where there is none."""
    return str(cell) if isinstance(cell, (str, bool, int, np.bool_, np.integer)) else ""

'''


class _Numpy(Writer):
    nothing = "np.nan"

    def __init__(self, program: Program) -> None:
        self.fields = {column: f"c_{i}" for i, column in enumerate(program.columns, 1)}

    def name(self, step: str) -> str:
        return f"v_{step}"

    def column(self, column: Column) -> str:
        return self.fields[column]

    def text(self, text: str) -> str:
        return ascii(text)

    def power(self, base: str, exponent: str) -> str:
        return f"np.power({base}, {exponent})"

    def call(self, function: str, argument: str) -> str:
        return f"np.{_FUNCTIONS.get(function, function)}({argument})"

    def choice(self, choice: Choice) -> str:
        when = [self.condition(condition) for condition, _ in choice.branches]
        then = [self.value(value) for _, value in choice.branches]
        if len(when) == 1:
            return f"np.where({when[0]}, {then[0]}, {self.value(choice.otherwise)})"
        return f"np.select([{', '.join(when)}], [{', '.join(then)}], {self.value(choice.otherwise)})"

    def missing(self, of: Column | Name) -> str:
        return f"np.isnan({self.name(of.step)})" if isinstance(of, Name) else f'({self.column(of)} == "")'

    def one_of(self, column: Column, texts: tuple[str, ...]) -> str:
        return f"np.isin({self.column(column)}, [{', '.join(map(ascii, texts))}])"


class _Texts(_Numpy):
    """Steps whose values are texts."""

    nothing = '""'


def numpy_code(program: Program) -> str:
    """A module that defines `predict(rows)`. A number that is missing is nan or None, a text None or ""."""
    writer, texts = _Numpy(program), _Texts(program)
    how = [
        "predict(rows): rows is a data frame or a mapping of columns, each a sequence with a value a row; None and nan are",
        "missing. It gives a mapping of arrays. Needs NumPy alone.",
    ]
    read = [
        f"    {writer.fields[c]} = np.array([_{c.kind}(v) for v in rows[{c.name!a}]], dtype={kind})"
        + f" if {c.name!a} in rows else np.nan" * c.optional
        for c in program.columns
        for kind in ["float" if c.kind == "number" else "str"]
    ]
    needed = [c for c in program.columns if not c.optional]
    count = f"len({writer.fields[needed[0]]})" if needed else "len(next(iter(dict(rows).values()), ()))"
    steps = [
        f"        v_{name} = {(texts if program.kinds[name] == 'text' else writer).value(value)}"
        for name, value in program.steps.items()
    ]
    lines = [
        *heading(program, _comment, how),
        "import numpy as np",
        *_HELPERS.splitlines(),
        "",
        "def predict(rows):",
        *read,
        '    with np.errstate(all="ignore"):',
        *(steps or ["        pass"]),
        f"    many = {count}",
        "    return {",
        *(f"        {o.name!a}: np.broadcast_to({writer.name(o.step.step)}, many)," for o in program.outputs),
        "    }",
        "",
    ]
    return "\n".join(lines)


def _comment(text: str) -> str:
    return "# " + "".join(c if c.isprintable() else " " for c in text)
