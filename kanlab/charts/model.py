"""Charts of a fitted model: its edges, permutation importance, partial dependence, residuals."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.style import ACCENT, MUTED, number, short, titled
from kanlab.explain.effects import Dependence
from kanlab.kan.edges import Edge

BINS = 30
_ROWS_SHARE = 4.5  # the histogram of the training rows takes up 1 / _ROWS_SHARE of the height
_SECOND = "#1971c2"


def edge(curve: Edge, source: str, target: str) -> Any:
    """One edge over the range of its input, with a histogram of the training rows. source: title of x.  target: of y."""
    frame = pd.DataFrame({"x": curve.x, "y": curve.y})
    x = alt.X("x:Q", title=short(source), scale=alt.Scale(nice=False, zero=False), axis=_axis(4))
    y = alt.Y("y:Q", title=target, scale=alt.Scale(zero=False, nice=True), axis=_axis(3))
    tooltip = [number("x", short(source)), number("y", target)]
    line = alt.Chart(frame).mark_line(color=ACCENT, strokeWidth=2).encode(x=x, y=y, tooltip=tooltip)
    title = alt.TitleParams(
        f"{100 * curve.share:.1f}% of the layer's edge scores",
        anchor="start",
        fontSize=12,
        fontWeight="normal",
        color=MUTED,
    )
    return _over_rows(line, curve.rows, x).properties(height=210, width="container", title=title)


def _over_rows(chart: Any, rows: np.ndarray, x: alt.X) -> Any:
    """The chart above a histogram of the training rows."""
    counts, ends = np.histogram(rows[np.isfinite(rows)], bins=BINS)
    bars = pd.DataFrame({"x": ends[:-1], "x2": ends[1:], "rows": counts, "foot": 0})
    top = max(1, int(counts.max())) * _ROWS_SHARE
    below = (
        alt.Chart(bars)
        .mark_rect(color=MUTED, opacity=0.35)
        .encode(
            x=x,
            x2="x2:Q",
            y2="foot:Q",
            y=alt.Y("rows:Q", axis=None, scale=alt.Scale(domain=[0, top])),
            tooltip=[alt.Tooltip("rows:Q", title="training rows")],
        )
    )
    return alt.layer(below, chart).resolve_scale(y="independent")


def importance(table: pd.DataFrame, error: str, unit: str, most: int = 25) -> Any:
    """Increase of an error when a feature is shuffled, with its standard deviation. Columns as in explain.effects."""
    drawn = table.head(most).assign(
        low=lambda f: f["rise"] - f["deviation"],
        high=lambda f: f["rise"] + f["deviation"],
        name=lambda f: f["feature"].map(short),
    )
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=130))
    x = alt.X("rise:Q", title=f"increase in {error} when shuffled ({short(unit, 20)})", axis=_axis(5))
    tooltip = [
        alt.Tooltip("feature:N"),
        number("rise", f"increase in {error}"),
        number("deviation", "standard deviation"),
    ]
    bars = alt.Chart(drawn).mark_bar(color=ACCENT, opacity=0.85).encode(x=x, y=y, tooltip=tooltip)
    rule = alt.Chart(drawn).mark_rule(color=MUTED, strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y)
    subtitle = f"the {most} most important of {len(table)} features" if len(table) > most else ""
    return titled(alt.layer(bars, rule), "Permutation importance", subtitle, 120 + 26 * len(drawn))


def dependence(found: Dependence, target: str) -> Any:
    """Partial dependence, above a histogram of the training rows if the feature is a number."""
    name = found.encoded or found.feature
    y = alt.Y(
        "y:Q", title=f"mean prediction ({short(target, 20)})", scale=alt.Scale(zero=False, nice=True), axis=_axis(5)
    )
    title = f"Partial dependence on {short(name)}"
    if found.training is None:
        frame = pd.DataFrame({"x": [short(str(v)) for v in found.values], "y": found.prediction})
        base = alt.Chart(frame).encode(
            x=alt.X("y:Q", title=f"mean prediction ({short(target, 20)})", scale=alt.Scale(zero=False, padding=16)),
            y=alt.Y("x:N", title=short(name), sort=None, axis=alt.Axis(labelLimit=130)),
            tooltip=[alt.Tooltip("x:N", title=short(name)), number("y", "mean prediction")],
        )
        return titled(base.mark_point(color=ACCENT, filled=True, size=90), title, "", 130 + 28 * len(frame))
    frame = pd.DataFrame({"x": found.values, "y": found.prediction})
    x = alt.X("x:Q", title=short(name), scale=alt.Scale(nice=False, zero=False), axis=_axis(6))
    tooltip = [number("x", short(name)), number("y", "mean prediction")]
    few = len(frame) <= 12
    line = alt.Chart(frame).mark_line(color=ACCENT, strokeWidth=2, point=few).encode(x=x, y=y, tooltip=tooltip)
    return titled(_over_rows(line, found.training, x), title, "bars: distribution of the training rows", 300)


def residuals(table: pd.DataFrame, target: str) -> Any:
    """Residuals against predictions, on training and test rows."""
    unit = short(target, 24)
    x = alt.X("predicted:Q", title=f"predicted {unit}", scale=alt.Scale(zero=False, nice=True), axis=_axis(6))
    y = alt.Y("residual:Q", title="residual (observed − predicted)", scale=alt.Scale(nice=True), axis=_axis(6))
    color = alt.Color(
        "rows:N",
        title="rows",
        scale=alt.Scale(domain=["training", "test"], range=[MUTED, _SECOND]),
        legend=alt.Legend(orient="top", symbolOpacity=1),
    )
    shape = alt.Shape("rows:N", scale=alt.Scale(domain=["training", "test"], range=["circle", "diamond"]))
    tooltip = [alt.Tooltip("rows:N"), number("predicted", "predicted"), number("residual", "residual")]
    points = alt.Chart(table).mark_point(filled=True, size=36, opacity=0.65).encode(x=x, y=y, color=color, shape=shape,
                                                                                  tooltip=tooltip)  # fmt: skip
    zero = alt.Chart(pd.DataFrame({"residual": [0.0]})).mark_rule(color=ACCENT, strokeWidth=1.5).encode(y="residual:Q")
    return titled(alt.layer(zero, points), "Residuals against predictions", f"both in units of {unit}", 380)


def _axis(ticks: int) -> alt.Axis:
    return alt.Axis(format=",.6~g", tickCount=ticks, labelOverlap=True)
