"""How every chart shows a trial: its hyperparameters, measures, colour and tooltip, and a robust axis of AICc.

Values above an upper fence are drawn at the fence, so that a few bad trials do not flatten the chart.
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
    """The measures of a table of trials: of a quantity or of classes."""
    of_classes = MEASURES[CLASSIFICATION].fit_column in table.columns
    return MEASURES[CLASSIFICATION if of_classes else REGRESSION]


def parameters_of(table: pd.DataFrame) -> dict[str, str]:
    """The hyperparameters among the columns of a table, with their titles."""
    return {field: name for field, name in NAMES.items() if field in table}


def upper_fence(values: pd.Series) -> float:
    """The end of the robust axis: 1.5 times as far above the median as the minimum is below it.

    >>> upper_fence(pd.Series([-30.0, -20.0, -10.0, 500.0, 900.0]))
    20.0
    """
    median = values.median()
    return float(min(values.max(), median + 1.5 * (median - values.min())))


def clipped(frame: pd.DataFrame, column: str, floor: float = np.inf) -> tuple[pd.DataFrame, alt.Scale]:
    """The frame with `drawn`, the column clipped at its upper fence, and `beyond`; and a scale with a margin.

    floor: a further value that the scale must include.
    """
    values = frame[column]
    high = upper_fence(values) if len(values) else 1.0
    low = min(float(values.min()) if len(values) else 0.0, floor)
    high = max(high, low)
    room = 0.06 * (high - low) or max(1e-9, 0.05 * abs(high)) or 1.0
    out = frame.assign(drawn=values.clip(upper=high + room / 2), beyond=values > high)
    return out, alt.Scale(domain=[low - room, high + room], zero=False, nice=False)


def color_of(k: pd.Series) -> alt.Color:
    """Viridis for K, on a logarithmic scale if K spans decades."""
    kind: Any = "log" if span_is_wide(k) else "linear"
    return alt.Color(
        "n_params:Q",
        title="parameters K",
        scale=alt.Scale(scheme="viridis", type=kind, reverse=True),
        legend=alt.Legend(type="gradient", orient="right", gradientLength=160, format="~s", tickCount=4),
    )


def fit_and_error(of: Measure) -> list[alt.Tooltip]:
    """The lines of a tooltip about the fit and the test error."""
    return [
        number(of.fit_column, f"{of.fit}, training rows"),
        number(of.error_column, f"{of.error}, test rows"),
    ]


def tooltip(of: Measure, parameters: Sequence[str]) -> list[alt.Tooltip]:
    """The tooltip of a trial. parameters: names as in NAMES."""
    return [
        alt.Tooltip("number:Q", title="trial"),
        *(alt.Tooltip(f"{field}:Q", title=NAMES[field]) for field in parameters),
        alt.Tooltip("n_params:Q", title="number of parameters K"),
        number("aicc", "AICc", ",.2f"),
        number("delta_aicc", "ΔAICc", ",.2f"),
        *fit_and_error(of),
    ]
