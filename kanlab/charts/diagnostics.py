"""Charts of a model's diagnostics: residuals along features and rows, quantiles, influence; curves of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import axis_below, axis_left, axis_title, number, short, titled, tooltip_format
from kanlab.language import say

_HEIGHT = 300
_MOST_BARS = 60
SELECTED_ROW = "selected_row"


def along(
    x: Array, residual: Array, row: Array, means: pd.DataFrame, name: str, look: Palette = LIGHT, *, title: str = ""
) -> Any:
    """Standardised residuals against a feature or the order of the rows, with means of groups and two standard errors.

    means: of `kanlab.explain.residual_checks.binned`.
    """
    frame = pd.DataFrame({"x": x, "y": residual, "row": row})
    across = alt.X("x:Q", title=axis_title(short(name)), scale=alt.Scale(zero=False, nice=True), axis=axis_below())
    up = _up("y:Q", say("standardised residual"))
    tooltip = [
        alt.Tooltip("row:Q", title=say("training row")),
        _number("x", short(name), x),
        _number("y", say("residual"), residual),
    ]
    points = alt.Chart(frame).mark_point(filled=True, size=30, opacity=0.55, color=look.faint)
    base = alt.Chart(means)
    bars = base.mark_rule(color=look.accent, strokeWidth=2).encode(x="x:Q", y="low:Q", y2="high:Q")
    dots = base.mark_point(color=look.accent, filled=True, size=60, opacity=1).encode(x="x:Q", y="mean:Q")
    whole = alt.layer(points.encode(x=across, y=up, tooltip=tooltip), _zero(look), bars, dots)
    heading = title or say("Residuals along {feature}", feature=short(name))
    return titled(whole, heading, say("orange: means of groups of rows and two standard errors"), _HEIGHT, look)


def quantiles(table: pd.DataFrame, look: Palette = LIGHT) -> Any:
    """Normal QQ plot. table: of `kanlab.explain.diagnostics.normal_quantiles`."""
    table = table.assign(row=table["row"] + 1)
    x = alt.X("theoretical:Q", title=say("quantile of the normal distribution"), axis=axis_below())
    base = alt.Chart(table)
    low, high = float(table["residual"].min()), float(table["residual"].max())
    scale = alt.Scale(domain=[min(low, -2.5) - 0.3, max(high, 2.5) + 0.3], nice=False)
    words = say("standardised residual")
    up = _up("residual:Q", words, scale)
    fields = [_up(f"{field}:Q", words, scale) for field in ("low", "theoretical")]  # alike, so that they share one axis
    band = base.mark_area(color=look.accent, opacity=0.15, clip=True).encode(x=x, y=fields[0], y2="high:Q")
    line = base.mark_line(color=look.accent, strokeWidth=1.5, clip=True).encode(x=x, y=fields[1])
    tooltip = [
        alt.Tooltip("row:Q", title=say("training row")),
        _number("residual", say("residual"), table["residual"]),
        _number("theoretical", say("of a normal one"), table["theoretical"]),
    ]
    points = base.mark_point(filled=True, size=30, opacity=0.7, color=look.faint).encode(x=x, y=up, tooltip=tooltip)
    title = say("Normal quantiles")
    return titled(
        alt.layer(band, line, points), title, say("line and band: where normal residuals lie, 95%"), _HEIGHT, look
    )


def scale_location(f: Array, r: Array, row: Array, means: pd.DataFrame, name: str, look: Palette = LIGHT) -> Any:
    """Root of the size of standardised residuals against predictions on the scale of the fit, with means of groups."""
    root = np.sqrt(np.abs(r))
    frame = pd.DataFrame({"x": f, "y": root, "row": row})
    x = alt.X(
        "x:Q",
        title=axis_title(say("predicted {target}", target=short(name))),
        scale=alt.Scale(zero=False, nice=True),
        axis=axis_below(),
    )
    tooltip = [
        alt.Tooltip("row:Q", title=say("training row")),
        _number("x", say("predicted"), f),
        _number("y", say("√|residual|"), root),
    ]
    points = alt.Chart(frame).mark_point(filled=True, size=30, opacity=0.55, color=look.faint)
    line = alt.Chart(means).mark_line(color=look.accent, strokeWidth=2, point={"color": look.accent, "size": 50})
    drawn = line.encode(x="x:Q", y="mean:Q")
    whole = alt.layer(points.encode(x=x, y=_up("y:Q", say("√|standardised residual|")), tooltip=tooltip), drawn)
    return titled(
        whole,
        say("Scale-location"),
        say("orange: means of groups of rows; level where errors are alike"),
        _HEIGHT,
        look,
    )


def influence(leverage: Array, standardised: Array, cook: Array, row: Array, look: Palette = LIGHT) -> Any:
    """Standardised residuals against leverage, larger where Cook's distance is; where there is no residual, the distance.

    A click selects a row, as the selection SELECTED_ROW.
    """
    frame = pd.DataFrame({"row": row, "leverage": leverage, "residual": standardised, "cook": cook})
    told = bool(np.isfinite(standardised).any())
    kinds = say("at most 1"), say("above 1")
    frame = frame.assign(decides=np.where(frame["cook"] > 1.0, kinds[1], kinds[0]))
    x = alt.X("leverage:Q", title=say("leverage (share of its own prediction a row decides)"), axis=axis_below())
    up = _up("residual:Q", say("standardised residual")) if told else _up("cook:Q", say("Cook's distance"))
    size = alt.Size("cook:Q", title=say("Cook's distance"), scale=alt.Scale(range=[12, 500]), legend=None)
    color = alt.Color(
        "decides:N",
        title=say("Cook's distance"),
        scale=alt.Scale(domain=kinds, range=[look.faint, look.accent]),
        legend=alt.Legend(orient="bottom", titleOrient="left", symbolOpacity=1),
    )
    tooltip = [
        alt.Tooltip("row:Q", title=say("training row")),
        _number("cook", say("Cook's distance"), cook),
        _number("leverage", say("leverage"), leverage),
        *([_number("residual", say("standardised residual"), standardised)] if told else []),
    ]
    points = alt.Chart(frame).mark_point(filled=True, opacity=0.75)
    click = alt.selection_point(name=SELECTED_ROW, fields=["row"], nearest=True, on="click")
    whole = points.encode(x=x, y=up, size=size, color=color, tooltip=tooltip).add_params(click)
    whole = alt.layer(_zero(look), whole) if told else whole
    words = say(
        "Influence of {rows:,} training rows; the greatest Cook's distance is {greatest:.2g}.",
        rows=len(cook),
        greatest=float(np.max(cook)),
    )
    return titled(whole, say("Influence of the rows"), say("size: Cook's distance"), _HEIGHT, look, words)


def rootogram(table: pd.DataFrame, name: str, look: Palette = LIGHT) -> Any:
    """How often each count occurs, as bars that hang from how often it is expected, both by their root.

    table: of `kanlab.explain.curves.rootogram`.
    """
    top, foot = np.sqrt(table["expected"]), np.sqrt(table["expected"]) - np.sqrt(table["observed"])
    frame = table.assign(top=top, foot=foot)
    x = alt.X(
        "count:Q", title=axis_title(short(name)), scale=alt.Scale(nice=False, padding=8), axis=axis_below(8, format="d")
    )
    tooltip = [
        alt.Tooltip("count:Q", title=say("count")),
        alt.Tooltip("observed:Q", title=say("rows observed")),
        number("expected", say("rows expected"), ",.1f"),
    ]
    wide = max(2.0, min(18.0, 240.0 / max(len(table), 1)))
    bars = alt.Chart(frame).mark_bar(color=look.faint, opacity=0.6, size=wide)
    bars = bars.encode(x=x, y=_up("top:Q", say("√ number of rows")), y2="foot:Q", tooltip=tooltip)
    line = alt.Chart(frame).mark_line(color=look.accent, strokeWidth=2, point={"color": look.accent, "size": 25})
    title = say("Rootogram")
    words = say(
        "{title}: rows by their count, observed and expected, for counts up to {most}.",
        title=title,
        most=int(table["count"].max()),
    )
    whole = alt.layer(bars, line.encode(x=x, y="top:Q"), _zero(look))
    return titled(
        whole, title, say("bars hang from what is expected (orange) and should end at 0"), _HEIGHT, look, words
    )


def roc(curve: pd.DataFrame, area: float, of: str, look: Palette = LIGHT) -> Any:
    """The ROC curve. curve: of `kanlab.explain.curves.roc`."""
    x = _share("false_positive:Q", say("share of the others taken for it"))
    y = _share_up("true_positive:Q", say("share found"))
    tooltip = [
        number("true_positive", say("found"), ".1%"),
        number("false_positive", say("others taken for it"), ".1%"),
        number("threshold", say("from a probability of"), ".3~g"),
    ]
    drawn = _curve(curve, x, y, tooltip, look)
    chance = _line([0.0, 1.0], [0.0, 1.0], "false_positive", "true_positive", look)
    words = say("ROC curve of {of}: area {area:.3f}.", of=short(of), area=area)
    title = say("ROC curve of {of}", of=short(of, 30))
    return titled(
        alt.layer(chance, drawn), title, say("area {area:.3f}; dashed line: chance", area=area), _HEIGHT, look, words
    )


def precision_recall(curve: pd.DataFrame, average: float, rate: float, of: str, look: Palette = LIGHT) -> Any:
    """Precision against recall. curve: of `kanlab.explain.curves.precision_recall`.  rate: what chance has."""
    x, y = (
        _share("recall:Q", say("recall (share found)")),
        _share_up("precision:Q", say("precision (share named rightly)")),
    )
    tooltip = [
        number("recall", say("recall"), ".1%"),
        number("precision", say("precision"), ".1%"),
        number("threshold", say("from a probability of"), ".3~g"),
    ]
    drawn = _curve(curve, x, y, tooltip, look)
    chance = _line([0.0, 1.0], [rate, rate], "recall", "precision", look)
    title = say("Precision and recall of {of}", of=short(of, 30))
    under = say("average precision {average:.3f}; dashed line: chance, {rate:.1%}", average=average, rate=rate)
    return titled(alt.layer(chance, drawn), title, under, _HEIGHT, look)


def gains(curve: pd.DataFrame, rate: float, of: str, look: Palette = LIGHT) -> Any:
    """Cumulative gains: the share found among the rows of highest probability. curve: of `kanlab.explain.curves.gains`."""
    start = pd.DataFrame({"rows": [0.0], "found": [0.0], "lift": [np.nan]})
    x, y = (
        _share("rows:Q", say("share of the rows, highest probability first")),
        _share_up("found:Q", say("share of all {of} found", of=short(of, 30))),
    )
    tooltip = [
        number("rows", say("rows"), ".1%"),
        number("found", say("found"), ".1%"),
        number("lift", say("lift"), ".3~g"),
    ]
    drawn = _curve(pd.concat([start, curve], ignore_index=True), x, y, tooltip, look)
    chance = _line([0.0, 1.0], [0.0, 1.0], "rows", "found", look)
    best = _line([0.0, rate, 1.0], [0.0, 1.0, 1.0], "rows", "found", look)
    title = say("Gains of {of}", of=short(of, 30))
    under = say("lift is their ratio; dashed lines: chance, and a perfect ranking")
    return titled(alt.layer(chance, best, drawn), title, under, _HEIGHT, look)


def _curve(frame: pd.DataFrame, x: alt.X, y: alt.Y, tooltip: Sequence[alt.Tooltip], look: Palette) -> Any:
    hover = {"opacity": 0, "size": 60}
    line = alt.Chart(frame).mark_line(color=look.accent, strokeWidth=2, interpolate="linear", point=hover)
    return line.encode(x=x, y=y, order=alt.Order(x.shorthand), tooltip=list(tooltip))  # type: ignore[attr-defined]


def _line(x: Sequence[float], y: Sequence[float], across: str, up: str, look: Palette) -> Any:
    frame = pd.DataFrame({across: x, up: y})
    dashed = alt.Chart(frame).mark_line(color=look.faint, strokeDash=[4, 4], strokeWidth=1)
    return dashed.encode(x=f"{across}:Q", y=f"{up}:Q")


def _share(field: str, title: str) -> alt.X:
    scale = alt.Scale(domain=[0, 1], nice=False)
    return alt.X(field, title=axis_title(title), scale=scale, axis=axis_below(5, format="%"))


def _share_up(field: str, title: str) -> alt.Y:
    lines = axis_title(title)
    return alt.Y(field, title=lines, scale=alt.Scale(domain=[0, 1], nice=False), axis=axis_left(5, lines, format="%"))


def _up(field: str, title: str, scale: alt.Scale | None = None) -> alt.Y:
    return alt.Y(field, title=title, scale=scale or alt.Scale(nice=True), axis=axis_left(5, title))


def _predicted(name: str) -> str | list[str]:
    return axis_title(say("predicted {target}", target=short(name)))


def _zero(look: Palette) -> Any:
    return alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=look.muted, strokeWidth=1).encode(y="zero:Q")


def _number(field: str, title: str, values: Any) -> alt.Tooltip:
    return number(field, title, tooltip_format(values))
