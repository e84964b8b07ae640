"""The columns and the sentence that intervals add to predictions; NumPy alone, as predict.py has it written into it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.data.reading.cells import number_of
from kanlab.data.writing import free_name
from kanlab.language import say
from kanlab.stats.interval_bounds import class_sets, interval_bounds, share_held
from kanlab.text import short

LEVEL = 0.9
BETWEEN = " | "  # the classes of a set


def level_of(text: str) -> float | None:
    """The level of intervals that a command line names: a share such as 0.9, or none.

    >>> level_of("0.95"), level_of("none")
    (0.95, None)
    """
    if text.strip().lower() in ("none", "off"):
        return None
    try:
        level = float(text)
    except ValueError:
        level = 0.0
    if not 0.0 < level < 1.0:
        raise argparse.ArgumentTypeError(
            say("{text!r} is no share above 0 and below 1, such as 0.9, nor none", text=text)
        )
    return level


def interval_names(target: str, levels: Sequence[str], taken: set[str]) -> list[str]:
    """Names of the columns. levels: of a target of classes, which has sets of them.

    >>> interval_names("price", (), {"price_upper"})
    ['price_lower', 'price_upper_2']
    """
    return [free_name(f"{target}_{word}", taken) for word in (["set"] if levels else ["lower", "upper"])]


def interval_cells(
    record: Mapping[str, Any],
    levels: Sequence[str],
    outputs: Array,
    X: Array,
    level: float,
    back: Callable[[Array], Array],
    weights: Array | None = None,
) -> list[Any]:
    """The cells (rows,) of these columns: both bounds in units of the target, or the classes of a set, the likeliest first.

    outputs, X: on the scale of the fit.  back: from there to units of the target.  weights: of `relative_weights`.
    """
    if levels:
        p = np.column_stack([1.0 - outputs, outputs]) if outputs.ndim == 1 else outputs
        order = np.argsort(-p, axis=1, kind="stable")
        if p.shape[1] == 2:  # from 0.5 on the second class is predicted
            order = np.where((p[:, 1] >= 0.5)[:, None], [1, 0], [0, 1])
        sets = class_sets(record, outputs, level)
        return [[BETWEEN.join(levels[c] for c in row if has[c]) for row, has in zip(order, sets, strict=True)]]
    if weights is not None:
        weights = np.where(np.isfinite(weights), weights, 1.0)
    return [back(bound) for bound in interval_bounds(record, outputs, X, level, weights)]


def relative_weights(record: Mapping[str, Any], cells: Sequence[Any] | None, decimal: str) -> Array | None:
    """How precise rows are by the cells of their weight, in units of the record's, nan where a cell is no weight above 0; None
    where there are no cells, or the rows of the training were equally precise.

    >>> relative_weights({"weight": {"column": "w", "unit": 2.0}}, ["8", "", 1.0, "1.500"], ",")
    array([4.0e+00,     nan, 5.0e-01, 7.5e+02])
    """
    if cells is None or not record.get("weight"):
        return None
    numbers = [number_of(cell, decimal) if isinstance(cell, str) else _number(cell) for cell in cells]
    weights = np.array(numbers, dtype=float) / record["weight"]["unit"]
    return np.where(np.isfinite(weights) & (weights > 0.0), weights, np.nan)


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def interval_note(
    record: Mapping[str, Any], names: Sequence[str], level: float, *, outside: bool, weights: Array | None = None
) -> str:
    """What the columns promise, what came of it on the test rows, and where it does not hold. outside: of any row.  weights:
    of `relative_weights`.
    """
    percent = f"{100 * level:.4g}%"
    held = ""
    if (share := share_held(record, level)) is not None:
        held = say(
            "; of the {n:,} test rows, none of which it was made of, {share:.1%} lie within",
            n=record["held_rows"],
            share=share,
        )
    if len(names) == 1:
        words = say(
            "'{name}' is a set of classes that should hold the true one in {percent} of rows like the training rows"
            "{held}.",
            name=names[0],
            percent=percent,
            held=held,
        )
    else:
        words = say(
            "'{lower}' to '{upper}' should hold the target in {percent} of rows like the training rows{held}.",
            lower=names[0],
            upper=names[1],
            percent=percent,
            held=held,
        )
    weight = record.get("weight")
    if weight and weights is not None:
        words += say(
            " Each is as long as the weight '{column}' of its row says, half as long at four times the weight.",
            column=short(weight["column"]),
        )
        if np.isnan(weights).any():
            words += say(" A row without one counts as one of weight {unit:.4g}.", unit=weight["unit"])
    elif weight:
        words += say(
            " They are those of a row whose weight '{column}' is {unit:.4g}; one of four times that weight scatters "
            "half as far around its prediction.",
            column=short(weight["column"]),
            unit=weight["unit"],
        )
    return words + say(" That is no promise for rows outside the range of the training rows.") * outside
