"""What a prediction server says: the schema of its models, and predictions for rows that come as JSON. It knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd

from kanlab.data.encoders import MISSING
from kanlab.data.preparation import DATE_PARTS
from kanlab.errors import KanlabError
from kanlab.explain.predictor import Predictor
from kanlab.explain.several_targets import predict_together
from kanlab.export.code_inputs import is_text, levels_of
from kanlab.export.code_lowering import middle
from kanlab.export.document import model_document
from kanlab.language import say
from kanlab.text import listing, quoted

MOST_ROWS = 10_000  # of one request
MOST_BYTES = 4 * 2**20

Cell = str | float | bool | None
Kind = Literal["number", "category", "boolean", "date"]


class Rows(msgspec.Struct, forbid_unknown_fields=True):
    """A request: rows by the names of their columns."""

    rows: list[dict[str, Cell]]


class RefusedError(KanlabError):
    """A request that cannot be answered, with the status of HTTP for it."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(" ".join(text.split()))  # names of columns may hold line breaks
        self.status = status


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of the table. needed: whether a row without it has no prediction.  low, high: about where training rows lie."""

    name: str
    kind: Kind
    needed: bool
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


class ServedModel:
    """The models of a bundle, one a target."""

    def __init__(self, models: Sequence[Predictor]) -> None:
        self.models = list(models)
        self.columns: dict[str, Column] = {}
        for model in self.models:
            for column in _columns(model):
                self.columns.setdefault(column.name, column)

    @property
    def targets(self) -> list[str]:
        return [model.recipe.target for model in self.models]

    def schema(self) -> dict[str, Any]:
        """Columns, targets and limits."""
        targets = [
            {"name": m.recipe.target, "model": m.label, "classes": list(m.recipe.levels)}
            | ({"mean_of_a_count": True} if m.recipe.distribution else {})
            for m in self.models
        ]
        return {
            "targets": targets,
            "columns": msgspec.to_builtins(list(self.columns.values())),
            "limits": {"rows": MOST_ROWS, "bytes": MOST_BYTES},
        }

    def answer(self, body: bytes) -> dict[str, Any]:
        """Predictions for the JSON of a request. Raises RefusedError, one sentence, where it is none that can be answered."""
        try:
            rows = msgspec.json.decode(body, type=Rows).rows
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise RefusedError(
                say(
                    'The body must be JSON such as {{"rows": [{{"column": 1.5}}]}}, a row an object '
                    "of numbers, texts, true, false and null: {error}.",
                    error=str(error)[:200],
                )
            ) from error
        if not rows:
            raise RefusedError(say("There are no rows; send at least one."))
        if len(rows) > MOST_ROWS:
            raise RefusedError(
                say(
                    "{rows:,} rows are too many at once; send at most {most_rows:,}.",
                    rows=len(rows),
                    most_rows=MOST_ROWS,
                ),
                413,
            )
        named = dict.fromkeys(name for row in rows for name in row)
        if strangers := [name for name in named if name not in self.columns]:
            raise RefusedError(
                say(
                    "The model has no column {strangers}; it has {columns}.",
                    strangers=listing(strangers, 4),
                    columns=listing(self.columns, 12),
                )
            )
        frame = pd.DataFrame({name: _series(self.columns[name], rows) for name in named}, index=range(len(rows)))
        try:
            found = predict_together(self.models, frame)
        except RefusedError:
            raise
        except KanlabError as error:
            raise RefusedError(str(error)) from error
        shown = found.frame[found.columns].astype(object)
        predictions = [
            {name: _plain(value) for name, value in zip(shown.columns, row, strict=True)}
            for row in shown.itertuples(index=False)
        ]
        return {"predictions": predictions, "notes": list(found.notes)}


def _plain(value: Any) -> Cell:
    """A cell as JSON has it."""
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _columns(model: Predictor) -> list[Column]:
    """The columns that a model reads, and the one that says how precise a row is, where its intervals know of one."""
    recipe, ranges = model.recipe, _ranges(model)
    found = []
    for source in recipe.sources:
        parts = [c for c in recipe.columns if c.source == source]
        how = recipe.conventions.columns.get(source)
        needed = not all(c.fill is not None or c.part == MISSING for c in parts)
        low, high, levels = None, None, tuple[str, ...]()
        kind: Kind = "number"
        if any(c.part in DATE_PARTS for c in parts):
            kind = "date"
        elif is_text(recipe, source):
            kind, levels = "category", levels_of(recipe, source)
        elif how is not None and how.kind == "boolean":
            kind = "boolean"
        else:
            low, high = ranges.get(source, (None, None))
        found.append(Column(source, kind, needed, levels, low, high))
    weight = (model.interval or {}).get("weight")
    if weight and weight["column"] not in recipe.sources:
        found.append(Column(weight["column"], "number", needed=False))
    return found


def _ranges(model: Predictor) -> dict[str, tuple[float, float]]:
    """About where the training rows lie in each number, in its units."""
    content = model_document(model.fitted)
    while content["kind"] == "average":
        content = content["members"][0]
    if content["kind"] == "kan":
        centre = np.array(middle(content))
        ends = np.array(content["layers"][0]["range"])
        half = (ends[:, 1] - ends[:, 0]) / 2 * np.array(content["x_scale"])
        low, high = centre - half, centre + half
    else:
        low, high = np.array(content["low"]), np.array(content["high"])
    return {
        c.source: (float(c.transform.inverse(a)), float(c.transform.inverse(b)))
        for c, a, b in zip(model.recipe.columns, low, high, strict=True)
        if c.is_number
    }


def _series(column: Column, rows: Sequence[Mapping[str, Cell]]) -> pd.Series:
    """A column of the rows, typed as the training table's was. Raises RefusedError where a cell cannot be."""
    cells = [row.get(column.name) for row in rows]
    if column.kind == "category":
        return pd.Series([_text(c) for c in cells], dtype="string")
    if column.kind == "date":
        return pd.Series([_date(c, column, i) for i, c in enumerate(cells, 1)], dtype="datetime64[us]")
    return pd.Series([_number(c, column, i) for i, c in enumerate(cells, 1)], dtype=float)


def _text(cell: Cell) -> str | None:
    if cell is None or cell == "":
        return None
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _number(cell: Cell, column: Column, row: int) -> float:
    if cell is None or cell == "":
        return np.nan
    try:
        return float(cell)
    except ValueError:
        raise RefusedError(
            say(
                "Row {row}: {name} must be a number, not {cell}; send it without quotes.",
                row=row,
                name=quoted(column.name),
                cell=quoted(cell),
            )
        ) from None


def _date(cell: Cell, column: Column, row: int) -> datetime | None:
    if cell is None or cell == "":
        return None
    try:
        return datetime.fromisoformat(str(cell)).replace(tzinfo=None)
    except ValueError:
        raise RefusedError(
            say(
                "Row {row}: {name} must be a date such as 2024-11-27T15:30, not {cell}.",
                row=row,
                name=quoted(column.name),
                cell=quoted(cell),
            )
        ) from None
