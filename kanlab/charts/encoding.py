"""How a trial is told in any chart: its parameters, its measures, its colour, and an axis of AICc that stays robust.

Values beyond a fence are drawn at its edge, so that a few bad trials do not flatten the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.style import number, span_is_wide
from kanlab.selection.measures import MEASURES, Measure
from kanlab.stats.likelihood import CLASSIFICATION, REGRESSION

NAMES = {"neuron_num": "hidden neurons", "grid": "grid intervals", "k": "spline order k", "depth": "hidden layers"}


def measure_of(table: pd.DataFrame) -> Measure:
    """Of quantities or of classes, whichever a table of trials is about."""
    of_classes = MEASURES[CLASSIFICATION].fit_column in table.columns
    return MEASURES[CLASSIFICATION if of_classes else REGRESSION]


def parameters_of(table: pd.DataFrame) -> dict[str, str]:
    """The parameters of the search that a table has, with what to call them."""
    return {field: name for field, name in NAMES.items() if field in table}


def upper_fence(values: pd.Series) -> float:
    """Where the robust axis of a quantity to be small ends: 1.5 times as far above the median as the least is below."""
    median = values.median()
    return float(min(values.max(), median + 1.5 * (median - values.min())))


def clipped(frame: pd.DataFrame, column: str, floor: float = np.inf) -> tuple[pd.DataFrame, alt.Scale]:
    """The frame with `drawn`, the column held to its upper fence, and `beyond`; and a scale with a little room.

    floor: another value the scale must reach down to.
    """
    values = frame[column]
    high = upper_fence(values) if len(values) else 1.0
    low = min(float(values.min()) if len(values) else 0.0, floor)
    high = max(high, low)
    room = 0.06 * (high - low) or max(1e-9, 0.05 * abs(high)) or 1.0
    out = frame.assign(drawn=values.clip(upper=high + room / 2), beyond=values > high)
    return out, alt.Scale(domain=[low - room, high + room], zero=False, nice=False)


def color_of(k: pd.Series) -> alt.Color:
    """Viridis for K; logarithmic where K spans decades."""
    kind: Any = "log" if span_is_wide(k) else "linear"
    return alt.Color(
        "n_params:Q",
        title="parameters K",
        scale=alt.Scale(scheme="viridis", type=kind, reverse=True),
        legend=alt.Legend(type="gradient", orient="right", gradientLength=160, format="~s", tickCount=4),
    )


def fit_and_error(of: Measure) -> list[alt.Tooltip]:
    """How well something fits, under the pointer."""
    return [
        number(of.fit_column, f"{of.fit}, training rows"),
        number(of.error_column, f"{of.error}, test rows"),
    ]


def tooltip(of: Measure, parameters: Sequence[str]) -> list[alt.Tooltip]:
    """A trial under the pointer. parameters: names as in NAMES."""
    return [
        alt.Tooltip("number:Q", title="trial"),
        *(alt.Tooltip(f"{field}:Q", title=NAMES[field]) for field in parameters),
        alt.Tooltip("n_params:Q", title="parameters K"),
        number("aicc", "AICc", ",.2f"),
        number("delta_aicc", "ΔAICc", ",.2f"),
        *fit_and_error(of),
    ]
