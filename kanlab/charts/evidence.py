"""The evidence for a choice: importance of the hyperparameters, permutation test, calibration of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from kanlab.charts.style import ACCENT, MUTED, number, short, titled
from kanlab.stats.metrics import CalibrationBin


def importance(shares: pd.DataFrame) -> Any:
    """The share of the variation of AICc that each hyperparameter accounts for. Columns parameter, share."""
    x = alt.X(
        "share:Q", title="share of the variation of AICc", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])
    )
    y = alt.Y("parameter:N", title=None, sort="-x", axis=alt.Axis(labelOverlap=False))
    chart = alt.Chart(shares).mark_bar(color=ACCENT).encode(x=x, y=y)
    return titled(chart, "Importance of the hyperparameters", height=200)


def permutation_gains(gain: float, permuted: Sequence[float]) -> Any:
    """The AICc gain over the mean with this target, and with shuffled targets.

    >>> permutation_gains(80.0, [3.0, 5.0, 2.0]).to_dict()["layer"][0]["mark"]["type"]
    'tick'
    """
    x = alt.X("gain:Q", title="AICc gain over the mean", scale=alt.Scale(zero=False, padding=16))
    ticks = alt.Chart(pd.DataFrame({"gain": list(permuted)})).mark_tick(color=MUTED, thickness=2, size=28).encode(x=x)
    own = alt.Chart(pd.DataFrame({"gain": [gain]})).mark_tick(color=ACCENT, thickness=4, size=44).encode(x=x)
    return titled(ticks + own, "This target (orange) and shuffled targets (grey)", height=150)


def calibration(bins: Sequence[CalibrationBin], of: str) -> Any:
    """Observed share against predicted probability, bin by bin, with the number of rows. of: the class."""
    frame = pd.DataFrame(bins, columns=CalibrationBin._fields)
    unit = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("predicted:Q", title=f"predicted probability of {short(of)}", scale=unit, axis=alt.Axis(format="%"))
    y = alt.Y("observed:Q", title="observed share of rows", scale=unit, axis=alt.Axis(format="%"))
    tooltip = [
        alt.Tooltip("rows:Q", title="rows"),
        number("predicted", "mean probability", ".1%"),
        number("observed", "observed share", ".1%"),
        number("low", "95% interval from", ".1%"),
        number("high", "to", ".1%"),
    ]
    line = pd.DataFrame({"predicted": [0.0, 1.0], "observed": [0.0, 1.0]})
    perfect = alt.Chart(line).mark_line(color=MUTED, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y)
    base = alt.Chart(frame)
    interval = base.mark_rule(color=ACCENT, opacity=0.5).encode(x=x, y="low:Q", y2="high:Q")
    points = base.mark_circle(color=ACCENT, size=90).encode(x=x, y=y, tooltip=tooltip)
    counts = base.mark_text(dx=9, dy=-9, align="left", color=MUTED, fontSize=11).encode(x=x, y=y, text="rows:Q")
    title = "Calibration: observed against predicted"
    subtitle = "numbers: rows per bin; bars: 95% intervals (Wilson); dashed line: perfect calibration"
    return titled(alt.layer(perfect, interval, points, counts), title, subtitle)
