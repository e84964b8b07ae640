"""The recipe of a table as steps of a program: from its columns to the inputs of a model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kanlab.data.encoders import MISSING, ORDER, OTHER, EncodedColumn
from kanlab.data.preparation import DATE_PARTS
from kanlab.data.recipe import Recipe
from kanlab.data.transforms import Transform
from kanlab.export.code_arithmetic import at_least, curve, either, logarithm
from kanlab.export.code_program import Choice, Column, Missing, Name, Number, OneOf, Program, Sum, Value

DATES = (
    "A part of a date is a column of its own: the year with its fraction, the month, the weekday (Monday 0), the hour."
)
LEVELS = "A category that no training row had has no prediction here; kanlab averages over the ones it knows."
_NONE_OF_THEM = "\x00"  # a text that no level is


def add_inputs(
    program: Program, recipe: Recipe, wanted: list[int] | None = None
) -> tuple[dict[int, Name], Name | None]:
    """The inputs of a model by number, and a step that is 1 where a category holds none of those in training.

    wanted: the inputs to compute; by default all.
    """
    chosen = list(range(len(recipe.columns))) if wanted is None else wanted
    read: dict[str, Name | Column] = {}
    found: dict[int, Name] = {}
    unknown: list[Value] = []
    for i in chosen:
        encoded = recipe.columns[i]
        if encoded.part in DATE_PARTS:
            read[encoded.name] = column = _number(program, f"{encoded.source} ({encoded.part})")
            value: Value = _transformed(program, encoded.transform, _filled(encoded, column))
            if DATES not in program.notes:
                program.notes.append(DATES)
        elif is_text(recipe, encoded.source):
            if encoded.source not in read:
                text = read[encoded.source] = Column(encoded.source, "text")
                program.columns.append(text)
                if known := known_levels(recipe, encoded.source):
                    unknown.append(either(text, known))
            column_of_text = read[encoded.source]
            assert isinstance(column_of_text, Column)
            value = _looked_up(recipe, encoded, column_of_text)
            if encoded.shares and LEVELS not in program.notes:
                program.notes.append(LEVELS)
        else:
            if encoded.source not in read:
                read[encoded.source] = _number(program, encoded.source)
            of = read[encoded.source]
            assert isinstance(of, Name)
            is_gap = encoded.part == MISSING
            value = Choice(((Missing(of), Number(1.0)),), Number(0.0)) if is_gap else _filled(encoded, of)
            value = _transformed(program, encoded.transform, value)
        found[i] = program.let(f"x{i + 1}", value)
    return found, program.let("unknown", Sum(tuple(unknown))) if unknown else None


def is_text(recipe: Recipe, source: str) -> bool:
    """Whether a column holds categories rather than numbers or dates."""
    parts = [c for c in recipe.columns if c.source == source]
    if all(c.part == MISSING for c in parts):
        how = recipe.conventions.columns.get(source)
        return any(c.levels for c in parts) or how is None or how.kind == "text"
    return any(c.level is not None or c.part in (ORDER, OTHER) for c in parts)


def table_of_texts(encoded: EncodedColumn, levels: tuple[str, ...]) -> tuple[dict[str, float], float, float]:
    """What an input is for each level of its category, where the cell is missing, and for any other text; nan for nothing."""
    cells = pd.DataFrame({encoded.source: pd.array([*levels, None, _NONE_OF_THEM], dtype="string")})
    *values, gap, other = encoded.encode(cells).tolist()
    return dict(zip(levels, values, strict=True)), gap, other


def levels_of(recipe: Recipe, source: str) -> tuple[str, ...]:
    """The levels that the inputs of a category tell apart, each once."""
    parts = [c for c in recipe.columns if c.source == source]
    named = (level for c in parts for level in (*c.levels, *([c.level] if c.level is not None else [])))
    return tuple(dict.fromkeys(named))


def known_levels(recipe: Recipe, source: str) -> tuple[str, ...]:
    """The levels the training rows had; () where that is not known."""
    parts = [c for c in recipe.columns if c.source == source]
    known = next((c.levels for c in parts if c.levels and (c.level is not None or c.part in (ORDER, OTHER))), ())
    pooled = next((c.pooled for c in parts if c.part == OTHER), None)
    return () if pooled == () else (*known, *(pooled or ()))


def _number(program: Program, name: str) -> Name:
    """A step that reads a column of numbers."""
    column = Column(name)
    program.columns.append(column)
    return program.let(f"c{len(program.columns)}", column)


def _filled(encoded: EncodedColumn, value: Name) -> Value:
    return value if encoded.fill is None else Choice(((Missing(value), Number(encoded.fill)),), value)


def _looked_up(recipe: Recipe, encoded: EncodedColumn, column: Column) -> Value:
    """What the levels of a category come to: equal values together, the transform of a category is none."""
    levels, gap, other = table_of_texts(encoded, levels_of(recipe, encoded.source))
    together: dict[float, list[str]] = {}
    for level, value in levels.items():
        if not np.isnan(value):
            together.setdefault(value, []).append(level)
    branches = [(OneOf(column, tuple(texts)), Number(value)) for value, texts in together.items()]
    return Choice(((Missing(column), _or_none(gap)), *branches), _or_none(other))


def _or_none(value: float) -> Number | None:
    return None if np.isnan(value) else Number(value)


def _transformed(program: Program, transform: Transform, value: Value) -> Value:
    """As `kanlab.data.transforms.transformed`."""
    if transform.scale == "none":
        return value
    at = program.let("raw", value)
    if transform.scale == "log":
        return logarithm(program, Sum((program.let("raw", at_least(at, transform.low)), Number(transform.shift))))
    ranks = np.linspace(0.0, 1.0, len(transform.points)) if len(transform.points) > 1 else np.zeros(1)
    return curve(at, transform.points, ranks.tolist())
