"""The forms of a model or a formula by the ending of a file: what `kanlab export NAME --to FILE` writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kanlab.errors import StudyError
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.named_formula import NamedFormula
from kanlab.explain.predictor import Predictor
from kanlab.export.code_intervals import NO_SETS
from kanlab.export.code_lowering import of_formula, of_model
from kanlab.export.code_program import Program
from kanlab.language import marked, say


@dataclass(frozen=True)
class Form:
    """A form: what it is called, the ending of its files, their media type, an icon, who reads it, and what writes it."""

    name: str
    ending: str
    mime: str
    icon: str
    readers: str
    writer: Callable[[Predictor | NamedFormula, float | None], bytes]

    def write(self, what: Predictor | NamedFormula, interval: float | None = LEVEL) -> bytes:
        """A file of it. interval: the share of rows that the intervals of a model should hold, None for predictions alone."""
        return self.writer(what, interval)


def lacks_intervals(what: Predictor | NamedFormula) -> str:
    """Why a file of it gives predictions alone, in a sentence; "" where it gives intervals."""
    if not isinstance(what, Predictor):
        return say("A formula has no intervals; export the model to have them.")
    if what.interval is None:
        return say("This model has no intervals.")
    return say(NO_SETS) if len(what.recipe.levels) > 2 else ""


def _program(what: Predictor | NamedFormula, interval: float | None) -> Program:
    return of_model(what, interval) if isinstance(what, Predictor) else of_formula(what)


def _c(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.code_c import c_code

    return c_code(_program(what, interval)).encode("utf-8", "replace")


def _javascript(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.code_javascript import javascript_code

    return javascript_code(_program(what, interval)).encode("utf-8", "replace")


def _numpy(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.code_numpy import numpy_code

    return numpy_code(_program(what, interval)).encode("utf-8", "replace")


def _sql(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.code_sql import sql_code

    return sql_code(_program(what, interval)).encode("utf-8", "replace")


def _excel(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.code_excel import workbook

    return workbook(_program(what, interval))


def _onnx(what: Predictor | NamedFormula, interval: float | None) -> bytes:
    from kanlab.export.onnx_graph import onnx_model

    if not isinstance(what, Predictor):
        raise StudyError(say("ONNX takes the model; the formula goes into SQL, Excel, JavaScript or C."))
    return onnx_model(what, level=interval)


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS = (
    Form("ONNX", ".onnx", "application/octet-stream", ":material/hub:", "onnxruntime", _onnx),
    Form("SQL", ".sql", "application/sql", ":material/database:", "DuckDB, SQLite, PostgreSQL", _sql),
    Form("Excel", ".xlsx", _XLSX, ":material/table:", "Excel, LibreOffice", _excel),
    Form("NumPy", ".py", "text/x-python", ":material/code:", marked("Python with NumPy alone"), _numpy),
    Form("JavaScript", ".js", "text/javascript", ":material/javascript:", marked("a web page, Node"), _javascript),
    Form("C", ".c", "text/x-c", ":material/memory:", marked("any C99 compiler"), _c),
)
ENDINGS = tuple(form.ending for form in FORMS)


def forms_of(formula: bool) -> tuple[Form, ...]:
    """Those of a formula, or of a model."""
    return FORMS[1:] if formula else FORMS


def form_of(ending: str) -> Form:
    """The form of an ending. Raises StudyError where there is none."""
    found = next((form for form in FORMS if form.ending == ending.lower()), None)
    if found is None:
        raise StudyError(
            say(
                "Nothing is written as {ending}; the endings are .zip for a bundle, {endings}.",
                ending=ending or say("a file without an ending"),
                endings=", ".join(ENDINGS),
            )
        )
    return found
