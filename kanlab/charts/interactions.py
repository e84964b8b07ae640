"""The partial dependence on two features as a heat map."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import above, axis_below, axis_left, axis_title, number, short, titled, tooltip_format, wrapped
from kanlab.explain.interactions import Surface
from kanlab.language import say

_NAME_WIDTH = 25  # characters of a line of a level
_TITLE_WIDTH = 46  # of a line of the title of the legend


def heat_map(found: Surface, look: Palette = LIGHT) -> Any:
    """The mean prediction for each combination of the values of two features; bright is low."""
    frame, (across, up) = found.frame.copy(), found.numeric
    x = _side(frame, "first", across)
    y = _side(frame, "second", up)
    first, second = axis_title(short(found.first)), axis_title(short(found.second))
    encoded: dict[str, Any] = {}
    if across:
        encoded |= {"x": alt.X(f"{x[0]}:Q", title=first, scale=_tight(), axis=axis_below(5)), "x2": f"{x[1]}:Q"}
    else:
        encoded["x"] = alt.X(f"{x[0]}:N", title=first, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=90))
    if up:
        encoded |= {"y": alt.Y(f"{y[0]}:Q", title=second, scale=_tight(), axis=axis_left(5, second)), "y2": f"{y[1]}:Q"}
    else:
        encoded["y"] = alt.Y(
            f"{y[0]}:N", title=second, sort=None, axis=alt.Axis(labelLimit=110, labelOverlap=False, **above(second))
        )
    legend = alt.Legend(orient="bottom", direction="horizontal", gradientLength=200, tickCount=4, titleLimit=330)
    color = alt.Color(
        "value:Q",
        title=axis_title(say("mean prediction ({scale})", scale=short(found.scale, 80)), _TITLE_WIDTH),
        scale=alt.Scale(scheme=look.scheme, reverse=True),
        legend=legend,
    )
    sides = (("first", short(found.first), across), ("second", short(found.second), up))
    tooltip = [
        *(
            number(name, title, tooltip_format(frame[name])) if numeric else alt.Tooltip(f"{name}:N", title=title)
            for name, title, numeric in sides
        ),
        number("value", say("mean prediction"), tooltip_format(frame["value"])),
    ]
    seams = alt.Stroke("value:Q", scale=color["scale"], legend=None)  # which the background would show through
    cells = alt.Chart(frame).mark_rect(strokeWidth=1).encode(color=color, stroke=seams, tooltip=tooltip, **encoded)
    title = say("{first} and {second}", first=short(found.first, 40), second=short(found.second, 40))
    words = say(
        "Partial dependence on {features}: the mean prediction goes from {low:.4g} to {high:.4g}, as {scale}.",
        features=title,
        low=frame["value"].min(),
        high=frame["value"].max(),
        scale=found.scale,
    )
    return titled(cells, title, say("partial dependence: mean prediction with both set"), 380, look, words)


def _tight() -> alt.Scale:
    return alt.Scale(nice=False, zero=False)


def _side(frame: pd.DataFrame, name: str, numeric: bool) -> tuple[str, str]:
    """The columns of a side: the ends of the cell of a number, or the level on as many lines as it takes."""
    if not numeric:
        frame[f"{name} shown"] = ["\n".join(wrapped(str(v), _NAME_WIDTH, 2)) for v in frame[name]]
        return f"{name} shown", ""
    values = np.unique(frame[name].to_numpy(dtype=float))
    between = (values[1:] + values[:-1]) / 2
    ends = (
        np.concatenate([[values[0]], between, [values[-1]]])
        if len(values) > 1
        else np.array([values[0], values[0] + 1])
    )
    at = np.searchsorted(values, frame[name].to_numpy(dtype=float))
    frame[f"{name} from"], frame[f"{name} to"] = ends[at], ends[at + 1]
    return f"{name} from", f"{name} to"
