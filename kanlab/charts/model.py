"""Charts of a fitted model: its edges, permutation importance, partial dependence, residuals."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import (
    PADDING,
    above,
    axis_below,
    axis_left,
    axis_title,
    chosen,
    number,
    short,
    titled,
    tooltip_format,
    wrapped,
)
from kanlab.explain.effects import Dependence
from kanlab.kan.edges import Edge
from kanlab.language import marked, say

BINS = 30
_TRAINING, _TEST = marked("training"), marked("test")
_MEASURED = marked("predicted"), marked("observed"), marked("residual")
_NAME_WIDTH = 25  # characters of a line of a name
_NAME_LINES, _NAME_LINE = 6, 12  # most lines of a name, and px of one
_BESIDE_NAMES = 34  # characters of a title that a phone has room for beside names
_ROWS_SHARE = 4.5  # the histogram of the training rows takes up 1 / _ROWS_SHARE of the height
_MOST_BAND = 0.6  # of a curve's range: so far its band is drawn beyond it
_HOVER = {"opacity": 0, "size": 90}  # invisible points, so that a line has tooltips between its vertices as well


def edge(curve: Edge, source: str, target: str, look: Palette = LIGHT, band: tuple[Array, Array] | None = None) -> Any:
    """One edge over the range of its input, with a histogram of the training rows. source: title of x.  target: of y.

    band: its lower and upper ends; what reaches far beyond the curve is cut off.
    """
    frame = pd.DataFrame({"x": curve.x, "y": curve.y})
    x = alt.X("x:Q", title=axis_title(short(source)), scale=alt.Scale(nice=False, zero=False), axis=axis_below(4))
    scale = alt.Scale(zero=False, nice=True) if band is None else _with_band(curve.y, *band, _MOST_BAND)
    y = _left("y:Q", target, scale, 3)
    tooltip = [_number("x", short(source), frame["x"]), _number("y", target, frame["y"])]
    if band is not None:
        frame = frame.assign(lower=band[0], upper=band[1])
        tooltip += _ends(frame)
    line = alt.Chart(frame).mark_line(color=look.accent, strokeWidth=2, point=_HOVER).encode(x=x, y=y, tooltip=tooltip)
    title = alt.TitleParams(
        say("{share:.1%} of the layer's edge scores", share=curve.share),
        anchor="start",
        fontSize=12,
        fontWeight="normal",
        color=look.muted,
        offset=8,
    )
    words = say(
        "The curve of the edge from {source}: what it {target}, {share:.1%} of the edge scores.",
        source=short(source),
        target=target,
        share=curve.share,
    )
    drawn = line if band is None else alt.layer(_area(frame, x, _left("lower:Q", target, scale, 3), look), line)
    whole = _over_rows(drawn, curve.rows, x, look)
    return whole.properties(height=230, width="container", padding=PADDING, title=title, description=words).configure(
        **look.config
    )


def _area(frame: pd.DataFrame, x: alt.X, low: alt.Y, look: Palette) -> Any:
    """A light band between the columns lower and upper. low: the channel of lower, its title and axis those of the curve."""
    return alt.Chart(frame).mark_area(color=look.accent, opacity=0.18, clip=True).encode(x=x, y=low, y2="upper:Q")


def _with_band(values: Array, lower: Array, upper: Array, most: float) -> alt.Scale:
    """A scale of values and their band, of which so many of the values' ranges beyond them are shown at most."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = most * max(high - low, 1e-9 * max(abs(low), abs(high)))
    ends = [max(low - room, min(low, float(np.nanmin(lower)))), min(high + room, max(high, float(np.nanmax(upper))))]
    return alt.Scale(zero=False, nice=True) if ends[0] == ends[1] else alt.Scale(domain=ends, zero=False, nice=True)


def _ends(frame: pd.DataFrame) -> list[alt.Tooltip]:
    """The ends of a band in a tooltip."""
    titles = {"lower": say("95% band, lower end"), "upper": say("95% band, upper end")}
    return [_number(name, title, frame[["lower", "upper"]]) for name, title in titles.items()]


def _over_rows(chart: Any, rows: np.ndarray, x: alt.X, look: Palette) -> Any:
    """The chart above a histogram of the training rows."""
    counts, ends = np.histogram(rows[np.isfinite(rows)], bins=BINS)
    bars = pd.DataFrame({"x": ends[:-1], "x2": ends[1:], "rows": counts, "foot": 0})
    top = max(1, int(counts.max())) * _ROWS_SHARE
    below = (
        alt.Chart(bars)
        .mark_rect(color=look.faint, opacity=0.35)
        .encode(
            x=x,
            x2="x2:Q",
            y2="foot:Q",
            y=alt.Y("rows:Q", axis=None, scale=alt.Scale(domain=[0, top])),
            tooltip=[alt.Tooltip("rows:Q", title=say("training rows"))],
        )
    )
    return alt.layer(below, chart).resolve_scale(y="independent")


def importance(table: pd.DataFrame, error: str, unit: str, most: int = 25, look: Palette = LIGHT) -> Any:
    """Increase of an error when a feature is shuffled, with its standard deviation. Columns as in explain.effects."""
    used = table[(table["rise"] != 0) | (table["deviation"] != 0)]
    unused, used = len(table) - len(used), used if len(used) else table
    names = used["feature"].astype(str)
    cut = pd.Series(["\n".join(wrapped(name, _NAME_WIDTH, _NAME_LINES)) for name in names], index=names.index)
    drawn = used.assign(name=cut.where(~cut.duplicated(keep=False), names)).head(most)  # names stay apart
    drawn = drawn.assign(low=drawn["rise"] - drawn["deviation"], high=drawn["rise"] + drawn["deviation"])
    y = alt.Y("name:N", title=None, sort=None, axis=_names())
    x = alt.X(
        "rise:Q",
        title=axis_title(
            say("increase in {error} when shuffled ({unit})", error=say(error), unit=short(unit)), _BESIDE_NAMES
        ),
        axis=axis_below(5),
    )
    tooltip = [
        alt.Tooltip("feature:N", title=say("feature")),
        _number("rise", say("increase in {error}", error=say(error)), drawn["rise"]),
        _number("deviation", say("standard deviation"), drawn["rise"]),
    ]
    bars = alt.Chart(drawn).mark_bar(color=look.accent, opacity=0.85).encode(x=x, y=y, tooltip=tooltip)
    rule = alt.Chart(drawn).mark_rule(color=look.text, strokeWidth=1.5).encode(x="low:Q", x2="high:Q", y=y)
    subtitle = (
        say("the {most} most important of {count} features", most=most, count=len(table)) if len(used) > most else ""
    )
    if unused and len(used) <= most and len(used) < len(table):
        subtitle = say("the model makes no use of {unused} of the {count} features", unused=unused, count=len(table))
    first = say("The most important feature is {feature}.", feature=short(names.iloc[0])) if len(table) else ""
    words = say("Permutation importance of {count} features. {first}", count=len(table), first=first).strip()
    title = say("Permutation importance")
    return titled(alt.layer(bars, rule), title, subtitle, 120 + _row(drawn["name"]) * len(drawn), look, words)


def dependence(
    found: Dependence, target: str, look: Palette = LIGHT, predictions: tuple[float, float] | None = None
) -> Any:
    """Partial dependence, above a histogram of the training rows if the feature is a number.

    predictions: the minimum and the maximum of the predictions of the training rows, which the axis then shows as well, so
    that an effect looks as large as it is.
    """
    name = found.encoded or found.feature
    heights = np.array([*found.prediction, *(predictions or ())], dtype=float)
    heights = heights[np.isfinite(heights)]
    heights = heights if len(heights) else np.array([0.0, 1.0])
    banded = found.lower is not None and found.upper is not None
    lower, upper = (found.lower, found.upper) if banded else (heights, heights)
    scale = _with_band(heights, np.asarray(lower), np.asarray(upper), _MOST_BAND)
    mean, title = (
        say("mean prediction ({scale})", scale=short(target)),
        say("Partial dependence on {name}", name=short(name)),
    )
    whole = say("axis: the range of all predictions") if predictions else ""
    rise = say(
        "The mean prediction goes from {low:.4g} to {high:.4g}.",
        low=np.nanmin(found.prediction),
        high=np.nanmax(found.prediction),
    )
    words = say("{title}. {subtitle}", title=title, subtitle=rise)
    if found.training is None:
        labels = ["\n".join(wrapped(str(v), _NAME_WIDTH, _NAME_LINES)) for v in found.values]
        frame = pd.DataFrame({"x": labels, "y": found.prediction, "level": [str(v) for v in found.values]})
        frame = frame.assign(lower=lower, upper=upper) if banded else frame
        level = axis_title(short(name))
        y = alt.Y("x:N", title=level, sort=None, axis=_names(**above(level)))
        base = alt.Chart(frame).encode(
            x=alt.X("y:Q", title=axis_title(mean, _BESIDE_NAMES), scale=scale, axis=axis_below(5)),
            y=y,
            tooltip=[alt.Tooltip("level:N", title=short(name)), _number("y", say("mean prediction"), heights)]
            + (_ends(frame) if banded else []),
        )
        points = base.mark_point(color=look.accent, filled=True, size=90, opacity=1)
        if banded:
            rule = alt.Chart(frame).mark_rule(color=look.accent, opacity=0.45, strokeWidth=6, clip=True)
            low = alt.X("lower:Q", title=axis_title(mean, _BESIDE_NAMES), scale=scale, axis=axis_below(5))
            points = alt.layer(rule.encode(x=low, x2="upper:Q", y=y), points)
        return titled(points, title, whole, 150 + _row(frame["x"]) * len(frame), look, words)
    frame = pd.DataFrame({"x": found.values, "y": found.prediction})
    frame = frame.assign(lower=lower, upper=upper) if banded else frame
    x = alt.X("x:Q", title=axis_title(short(name)), scale=alt.Scale(nice=False, zero=False), axis=axis_below())
    y = _left("y:Q", mean, scale, 5)
    tooltip = [_number("x", short(name), frame["x"]), _number("y", say("mean prediction"), heights)]
    tooltip += _ends(frame) if banded else []
    few = {"size": 60, "filled": True, "opacity": 1, "color": look.accent} if len(frame) <= 12 else _HOVER
    line = alt.Chart(frame).mark_line(color=look.accent, strokeWidth=2, point=few).encode(x=x, y=y, tooltip=tooltip)
    subtitle = say("; ").join(filter(None, [say("bars: distribution of the training rows"), whole]))
    drawn = alt.layer(_area(frame, x, _left("lower:Q", mean, scale, 5), look), line) if banded else line
    return titled(_over_rows(drawn, found.training, x, look), title, subtitle, 320, look, words)


def residuals(table: pd.DataFrame, target: str, look: Palette = LIGHT) -> Any:
    """Residuals against predictions, on training and test rows."""
    unit = short(target)
    points = _rows_of(table, look).encode(
        x=alt.X(
            "predicted:Q",
            title=axis_title(say("predicted {target}", target=unit)),
            scale=alt.Scale(zero=False, nice=True),
            axis=axis_below(),
        ),
        y=alt.Y(
            "residual:Q", title=say("residual (observed − predicted)"), scale=alt.Scale(nice=True), axis=axis_left()
        ),
    )
    zero = (
        alt.Chart(pd.DataFrame({"residual": [0.0]}))
        .mark_rule(color=look.accent, strokeWidth=1.5)
        .encode(y="residual:Q")
    )
    low, high = table["residual"].min(), table["residual"].max()
    spread = say(
        "The residuals of {rows:,} rows lie between {low:.4g} and {high:.4g}.", rows=len(table), low=low, high=high
    )
    title = say("Residuals against predictions")
    words = say("{title}. {subtitle}", title=title, subtitle=spread)
    return titled(
        alt.layer(zero, points),
        title,
        say("both in units of {unit}", unit=unit),
        400,
        look,
        words,
    )


def predicted_observed(table: pd.DataFrame, target: str, look: Palette = LIGHT) -> Any:
    """Observed values against predictions, with the line of equality. Columns as of `residuals`.

    >>> table = pd.DataFrame({"predicted": [1.0, 2.0], "residual": [0.5, 0.0], "rows": ["training", "test"]})
    >>> predicted_observed(table, "y").to_dict()["title"]["text"]
    ['Predicted vs observed']
    """
    unit, whole = short(target), table.assign(observed=table["predicted"] + table["residual"])
    both = np.concatenate([whole["predicted"].to_numpy(float), whole["observed"].to_numpy(float)])
    both = both[np.isfinite(both)] if np.isfinite(both).any() else np.array([0.0, 1.0])
    ends = [float(both.min()), float(both.max())]
    scale = alt.Scale(zero=False, nice=True) if ends[0] == ends[1] else alt.Scale(domain=ends, nice=True, zero=False)
    points = _rows_of(whole, look).encode(
        x=alt.X(
            "predicted:Q", title=axis_title(say("predicted {target}", target=unit)), scale=scale, axis=axis_below()
        ),
        y=_left("observed:Q", say("observed {target}", target=unit), scale),
    )
    line = alt.Chart(pd.DataFrame({"predicted": ends, "observed": ends})).mark_line(color=look.accent, strokeWidth=1.5)
    title = say("Predicted vs observed")
    words = say(
        "{title}: {rows:,} rows; on the line the prediction is the observed value.", title=title, rows=len(table)
    )
    layered = alt.layer(line.encode(x="predicted:Q", y="observed:Q"), points)
    return titled(layered, title, say("orange line: equality"), 400, look, words)


def _rows_of(table: pd.DataFrame, look: Palette) -> Any:
    """Training rows as grey circles and test rows as blue diamonds."""
    kinds = {"training": say(_TRAINING), "test": say(_TEST)}
    color = alt.Color(
        "rows:N",
        title=say("rows"),
        scale=alt.Scale(domain=[*kinds], range=[look.faint, look.second]),
        legend=alt.Legend(orient="bottom", titleOrient="left", symbolOpacity=1, labelExpr=chosen("datum.label", kinds)),
    )
    shape = alt.Shape("rows:N", scale=alt.Scale(domain=[*kinds], range=["circle", "diamond"]))
    order = alt.Order("late:Q")  # test rows lie above the many training rows
    measured = [_number(name, say(name), table[name]) for name in _MEASURED if name in table.columns]
    late = table.assign(late=(table["rows"] == "test").astype(int), told=table["rows"].map(kinds))
    late = late.sort_values("late", kind="stable")
    marks = alt.Chart(late).mark_point(filled=True, size=40, opacity=0.8)
    return marks.encode(
        color=color, shape=shape, order=order, tooltip=[alt.Tooltip("told:N", title=say("rows")), *measured]
    )


def _left(field: str, title: str, scale: alt.Scale, ticks: int = 6) -> alt.Y:
    """A y channel with its title above its axis."""
    lines = axis_title(title)
    return alt.Y(field, title=lines, scale=scale, axis=axis_left(ticks, lines))


def _names(**more: Any) -> alt.Axis:
    """A y axis of names, on as many lines as they need, and as wide as a third of a phone at most."""
    lines = "split(datum.label, '\\n')"
    return alt.Axis(labelLimit=150, labelOverlap=False, labelExpr=lines, labelLineHeight=_NAME_LINE, **more)


def _row(names: pd.Series) -> int:
    """px of a row, of a chart with a row a name, in which the name of most lines has room."""
    return max(32, 14 + _NAME_LINE * max((str(name).count("\n") + 1 for name in names), default=1))


def _number(field: str, title: str, values: Any) -> alt.Tooltip:
    return number(field, title, tooltip_format(values))
