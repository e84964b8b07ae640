"""How every chart shows a trial: its hyperparameters, measures, colour and tooltip, and robust axes.

A robust axis ends at an upper fence of the networks, so that a few bad trials and much worse models do not flatten the chart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import number, room_around, span_is_wide
from kanlab.language import marked, say
from kanlab.selection.measures import MEASURES, Measure
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, REGRESSION
from kanlab.text import counted

AxisKind = Literal["auto", "linear", "log"]

NAMES = {
    "neuron_num": marked("hidden neurons"),
    "grid": marked("grid intervals"),
    "k": marked("spline order k"),
    "depth": marked("hidden layers"),
    "multiplication": marked("nodes that multiply"),
}


def measure_of(table: pd.DataFrame) -> Measure:
    """The measures of a table of trials: of a quantity, of counts or of classes."""
    kinds = (COUNTS, CLASSIFICATION)
    return MEASURES[next((kind for kind in kinds if MEASURES[kind].error_column in table.columns), REGRESSION)]


def parameters_of(table: pd.DataFrame) -> dict[str, str]:
    """The hyperparameters among the columns of a table, with their titles."""
    return {field: say(name) for field, name in NAMES.items() if field in table}


def upper_fence(values: pd.Series) -> float:
    """The end of the robust axis: 1.5 times as far above the median as the minimum is below it.

    >>> upper_fence(pd.Series([-30.0, -20.0, -10.0, 500.0, 900.0]))
    20.0
    """
    median = values.median()
    return float(min(values.max(), median + 1.5 * (median - values.min())))


@dataclass(frozen=True)
class RobustAxis:
    """The part of an axis that the networks need. What lies beyond is drawn at its edge, and said to lie there."""

    low: float
    high: float
    log: bool = False

    @property
    def margin(self) -> tuple[float, float]:
        """The ends of the scale, a little beyond low and high."""
        if self.log:
            room = (self.high / self.low) ** 0.07 if self.high > self.low else 1.5
            return self.low / room, self.high * room
        room = room_around(self.low, self.high) or 0.07 * (self.high - self.low)
        return self.low - room, self.high + room

    @property
    def ends(self) -> pd.Series:
        """low and high."""
        return pd.Series([self.low, self.high])

    @property
    def round_values(self) -> list[float]:
        """Where a logarithmic axis has its labels: 1, 2, 5, 10, and powers of ten alone where that were too many.

        >>> RobustAxis(0.09, 1.3, True).round_values, RobustAxis(2.0, 30000.0, True).round_values
        ([0.1, 0.2, 0.5, 1.0], [10.0, 100.0, 1000.0, 10000.0])
        """
        low, high = self.margin
        steps = (1, 2, 5) if high < 1000 * low else (1,)
        powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        values = [float(f"{step}e{power}") for power in powers for step in steps]
        return [value for value in values if low <= value <= high]

    def scale(self) -> alt.Scale:
        """The Vega-Lite scale."""
        return alt.Scale(
            type="log" if self.log else "linear", domain=list(self.margin), zero=False, nice=False, clamp=True
        )

    def drawn(self, values: pd.Series) -> pd.Series:
        """The values, those beyond moved just outside low or high."""
        (first, last), values = self.margin, values.astype(float)
        if self.log:
            near = ((first * self.low) ** 0.5, (self.high * last) ** 0.5)
        else:
            near = ((first + self.low) / 2, (self.high + last) / 2)
        return values.mask(values < self.low, near[0]).mask(values > self.high, near[1])

    def beyond(self, values: pd.Series) -> pd.Series:
        """-1 for values below the axis, 1 for those above, 0 for the others."""
        return (values > self.high).astype(int) - (values < self.low).astype(int)

    def along(self, values: pd.Series) -> np.ndarray:
        """Where drawn values lie between the ends of the scale, 0 to 1."""
        ends, at = np.array(self.margin), values.to_numpy(dtype=float)
        if self.log:
            ends, at = np.log(ends), np.log(at)
        return np.asarray((at - ends[0]) / (ends[1] - ends[0]))


def robust_axis(
    values: pd.Series, kind: AxisKind = "linear", *, fence: bool = True, kept: pd.Series | None = None
) -> RobustAxis:
    """The axis of these values of networks.

    kind: "auto" is logarithmic if they span more than a decade.  fence: whether it ends at the upper fence (of the logarithms,
    if it is logarithmic), or at the maximum.  kept: values that it shows in any case.

    >>> axis = robust_axis(pd.Series([1.0, 2.0, 3.0, 1000.0]), "log")
    >>> axis.low, round(axis.high, 2)
    (1.0, 9.39)
    """
    finite = values[np.isfinite(values.astype(float))].astype(float)
    log = kind == "log" or (kind == "auto" and span_is_wide(finite))
    if log:
        finite = finite[finite > 0]
    if not len(finite):
        return RobustAxis(1.0, 10.0, True) if log else RobustAxis(0.0, 1.0)
    low = float(finite.min())
    if not fence:
        return RobustAxis(low, float(finite.max()), log)
    high = float(np.exp(upper_fence(np.log(finite)))) if log else upper_fence(finite)
    return RobustAxis(low, max(high, float(kept.max())) if kept is not None and len(kept) else high, log)


def beyond_words(count: int) -> str:
    """How many trials lie beyond a robust axis.

    >>> beyond_words(2), beyond_words(0)
    ('2 trials beyond the axis, drawn as triangles at its edge', '')
    """
    return (
        say("{trials} beyond the axis, drawn as triangles at its edge", trials=counted(count, "trial")) if count else ""
    )


def color_of(k: pd.Series, look: Palette = LIGHT) -> alt.Color:
    """Viridis for K, on a logarithmic scale if K spans decades."""
    kind: Any = "log" if span_is_wide(k) else "linear"
    return alt.Color(
        "n_params:Q",
        title=say("parameters K"),
        scale=alt.Scale(scheme=look.scheme, type=kind, reverse=True),
        legend=alt.Legend(
            type="gradient",
            orient="bottom",
            direction="horizontal",
            titleOrient="left",
            titleAnchor="middle",
            gradientLength=160,
            gradientThickness=10,
            format=".3~s",
            values=_three(k),
            offset=4,
        ),
    )


def _three(k: pd.Series) -> list[int]:
    """The minimum, the middle on the scale, and the maximum."""
    if not len(k):
        return []
    low, high = float(k.min()), float(k.max())
    middle = (low * high) ** 0.5 if span_is_wide(k) else (low + high) / 2
    return sorted({int(v) for v in (low, round(middle), high)})


def fit_and_error(of: Measure) -> list[alt.Tooltip]:
    """The lines of a tooltip about the fit and the test error."""
    return [
        number(of.fit_column, say("{fit}, training rows", fit=say(of.fit))),
        number(of.error_column, say("{error}, test rows", error=say(of.error))),
    ]


def tooltip(of: Measure, parameters: Sequence[str]) -> list[alt.Tooltip]:
    """The tooltip of a trial. parameters: names as in NAMES."""
    return [
        alt.Tooltip("number:Q", title=say("trial")),
        *(alt.Tooltip(f"{field}:Q", title=say(NAMES[field])) for field in parameters),
        alt.Tooltip("n_params:Q", title=say("number of parameters K")),
        number("aicc", say("AICc"), ",.2f"),
        number("delta_aicc", say("ΔAICc"), ",.2f"),
        *fit_and_error(of),
    ]
