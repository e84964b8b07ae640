"""Charts of the training: the loss of one trial, of many laid over one another, and when each trial was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import axis_below, axis_left, label_format, number, scale_of, short, titled


def loss_curve(curve: Sequence[float], name: str = "RSS", unit: str = "", look: Palette = LIGHT) -> Any:
    """The loss over the steps of one training. name: of the loss.  unit: of the loss.

    >>> loss_curve([4.0, 2.0, 1.0]).to_dict()["mark"]["type"]
    'line'
    """
    frame = pd.DataFrame({"step": np.linspace(0, 100, len(curve)), "rss": list(curve)})
    what = f"{name} ({short(unit)})" if unit else name
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", title="training progress (%)", axis=axis_below(5)),
        y=alt.Y(
            "rss:Q", title=what, scale=scale_of(frame["rss"]), axis=axis_left(4, format=label_format(frame["rss"]))
        ),
        tooltip=[number("step", "training progress (%)", ".0f"), number("rss", name)],
    )
    chart = base.mark_line(color=look.accent, point={"opacity": 0, "size": 90})
    return titled(chart, f"{name} while this trial was trained", "", 230, look)
