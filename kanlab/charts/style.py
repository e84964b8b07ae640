"""How all charts look: headings that wrap, axes and their titles, numbers, tooltips."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab import text
from kanlab.charts.palette import LIGHT, Palette
from kanlab.language import say

HEIGHT = 400
_LINE = 15  # px of a line of an axis title
PADDING = {"left": 2, "right": 8, "top": 7, "bottom": 10}  # around a chart: letters are higher than their size says

# d3 groups the digits of 1,976 as well, which nobody writes of a year
NUMBERS = "abs(datum.value) < 1e4 ? format(datum.value, '.6~g') : format(datum.value, ',.6~g')"
_TITLE_WIDTH, _SUBTITLE_WIDTH, _AXIS_WIDTH = 40, 62, 54  # characters that fit a phone


ALIKE = 1e-6  # of their size: values nearer to each other look the same


def span_is_wide(values: pd.Series) -> bool:
    """Whether positive values span more than a decade.

    >>> span_is_wide(pd.Series([0.0, 1.0, 9.0])), span_is_wide(pd.Series([1.0, 11.0]))
    (False, True)
    """
    positive = values[values > 0]
    return len(positive) > 1 and bool(positive.max() / positive.min() > 10)


def room_around(low: float, high: float) -> float:
    """How far an axis goes on beyond values that agree but for rounding, where ticks have digits that say nothing; 0 where
    they differ.

    >>> room_around(2e9, 2e9), room_around(2.0, 3.0), room_around(0.0, 0.0)
    (100000000.0, 0.0, 1.0)
    """
    largest = max(abs(low), abs(high))
    return (0.05 * largest or 1.0) if high - low <= ALIKE * largest else 0.0


def scale_of(values: pd.Series) -> alt.Scale:
    """A logarithmic scale if the values span decades; no scale is forced to start at zero."""
    finite = values[np.isfinite(values)]
    if len(finite) > 1 and (room := room_around(finite.min(), finite.max())):
        return alt.Scale(zero=False, nice=False, domain=[finite.min() - room, finite.max() + room])
    if not span_is_wide(values):
        return alt.Scale(zero=False, nice=True, padding=12)
    return alt.Scale(type="log", nice=False, padding=16)


def label_format(values: pd.Series) -> str:
    """A d3 format that keeps axis labels short: 2M, 0.5, 1e-6.

    >>> label_format(pd.Series([2e6])), label_format(pd.Series([0.5])), label_format(pd.Series([1e-6]))
    ('~s', '~f', '~e')
    """
    finite = values[np.isfinite(values) & (values != 0)].abs()
    if finite.empty:
        return "~g"
    return "~s" if finite.max() >= 1e4 else ("~e" if finite.max() < 1e-2 or finite.min() < 1e-4 else "~f")


def tooltip_format(values: Any) -> str:
    """A d3 format for numbers of a column: digits are grouped where some number has more than four before its point.

    >>> tooltip_format([1970.0, 1982.0]), tooltip_format([3.5, 12000.0])
    ('.5~g', ',.5~g')
    """
    numbers = np.abs(np.asarray(values, dtype=float))
    finite = numbers[np.isfinite(numbers)]
    return ",.5~g" if len(finite) and finite.max() >= 1e4 else ".5~g"


def number(field: str, title: str, fmt: str = ",.5~g") -> alt.Tooltip:
    """A number in a tooltip."""
    return alt.Tooltip(field, type="quantitative", title=title, format=fmt)


def quoted(words: str) -> str:
    """A text as a string of a Vega expression.

    >>> print(quoted("Cook's distance"))
    "Cook's distance"
    """
    return json.dumps(words, ensure_ascii=False)


def chosen(value: str, words: Mapping[str, str]) -> str:
    """A Vega expression: the words for a value, which stands for itself where there are none.

    >>> chosen("datum.label", {"running": "running or waiting"})
    '{"running": "running or waiting"}[datum.label] || datum.label'
    """
    return f"{json.dumps(words, ensure_ascii=False)}[{value}] || {value}"


def axis_below(ticks: int = 6, **more: Any) -> alt.Axis:
    """An x axis whose title is at most as wide as the plot."""
    more = more if "format" in more else {"labelExpr": NUMBERS} | more
    return alt.Axis(tickCount=ticks, labelOverlap=True, titleLimit=alt.ExprRef("width"), **more)


def axis_left(ticks: int = 6, title: str | list[str] = "", **more: Any) -> alt.Axis:
    """A y axis with its title above it, read from left to right."""
    more = more if "format" in more else {"labelExpr": NUMBERS} | more
    return alt.Axis(tickCount=ticks, labelOverlap=True, **above(title), **more)


def above(title: str | list[str]) -> dict[str, Any]:
    """Where the title of a y axis is: an upright one would be as long as the plot is high."""
    lines = len(title) if isinstance(title, list) else 1
    return {
        "titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": 0, "titleY": -9 - _LINE * (lines - 1),
        "titleBaseline": "bottom", "titleLimit": alt.ExprRef("width"), "titleLineHeight": _LINE,
    }  # fmt: skip


def axis_title(words: str, width: int = _AXIS_WIDTH) -> str | list[str]:
    """The title of an axis, on as many lines as a phone needs. width: characters of a line.

    >>> axis_title("AICc"), axis_title("RSS on the training rows (squared units of the price)", width=46)
    ('AICc', ['RSS on the training rows (squared units of the', 'price)'])
    """
    lines = wrapped(words, width)
    return lines if len(lines) > 1 else words


def short(name: str, most: int = 110) -> str:
    """A name short enough for an axis title.

    >>> short("progression of the disease after one year", most=12)
    'progression…'
    """
    return text.short(name, most)


def wrapped(words: str, width: int, most: int = 3) -> list[str]:
    """Lines of at most so many characters.

    >>> wrapped("as many lines as it takes", 10)
    ['as many', 'lines as', 'it takes']
    """
    if text.columns_of(words) == len(words):
        return textwrap.wrap(words, width, max_lines=most, placeholder="…") or [" "]
    lines = []
    for line in text.wrapped(words, width):  # Chinese, which has no blanks
        lines += textwrap.wrap(line, width) if len(line) > width else [line]  # a name that is too long
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][:-1]}…"]


def heading(title: str, subtitle: str, look: Palette = LIGHT) -> alt.TitleParams:
    """A title with a subtitle, whose line stays when it is empty. Both wrap, so that a phone shows them whole; a new line in
    the subtitle stays one.
    """
    return alt.TitleParams(
        wrapped(title, _TITLE_WIDTH, 4),
        subtitle=[line for part in subtitle.split("\n") for line in wrapped(part, _SUBTITLE_WIDTH)],
        anchor="start",
        fontSize=15,
        subtitleFontSize=12,
        color=look.text,
        subtitleColor=look.muted,
        subtitlePadding=4,
        offset=10,
        limit=0,
    )


def titled(
    chart: Any, title: str, subtitle: str = "", height: int = HEIGHT, look: Palette = LIGHT, description: str = ""
) -> Any:
    """A chart as wide as its container, with a heading. description: its alternative text; without one, its heading."""
    alternative = description or (
        say("{title}. {subtitle}", title=title, subtitle=subtitle) if subtitle else f"{title}."
    )
    whole = chart.properties(
        height=height, width="container", padding=PADDING, title=heading(title, subtitle, look), description=alternative
    )
    return whole.configure(**look.config)
