"""How all charts look: colours, headings, axes and tooltips."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab import text

ACCENT = "#d9480f"
MUTED = "#868e96"
HEIGHT = 380


def span_is_wide(values: pd.Series) -> bool:
    """Whether positive values span more than a decade.

    >>> span_is_wide(pd.Series([0.0, 1.0, 9.0])), span_is_wide(pd.Series([1.0, 11.0]))
    (False, True)
    """
    positive = values[values > 0]
    return len(positive) > 1 and bool(positive.max() / positive.min() > 10)


def scale_of(values: pd.Series) -> alt.Scale:
    """A logarithmic scale if the values span decades; no scale is forced to start at zero."""
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
    return "~s" if finite.max() >= 1e3 else ("~e" if finite.max() < 1e-2 or finite.min() < 1e-4 else "~f")


def number(field: str, title: str, fmt: str = ",.5~g") -> alt.Tooltip:
    """A number in a tooltip."""
    return alt.Tooltip(field, type="quantitative", title=title, format=fmt)


def short(name: str, most: int = 30) -> str:
    """A name short enough for an axis title.

    >>> short("progression of the disease after one year", most=12)
    'progression…'
    """
    return text.short(name, most)


def heading(title: str, subtitle: str) -> alt.TitleParams:
    """A title with a subtitle, whose line stays when it is empty."""
    return alt.TitleParams(
        title, subtitle=subtitle or " ", anchor="start", fontSize=15, subtitleFontSize=12, subtitleColor=MUTED, offset=6
    )


def titled(chart: Any, title: str, subtitle: str = "", height: int = HEIGHT) -> Any:
    """A chart as wide as its container, with a heading."""
    return chart.properties(height=height, width="container", title=heading(title, subtitle))
