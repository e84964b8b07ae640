"""The evidence for a choice: importance of the hyperparameters, permutation test, calibration of probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import axis_below, axis_left, number, short, titled
from kanlab.language import percent, say
from kanlab.stats.metrics import CalibrationBin


def importance(shares: pd.DataFrame, look: Palette = LIGHT) -> Any:
    """The share of the variation of AICc that each hyperparameter accounts for. Columns parameter, share."""
    x = alt.X(
        "share:Q",
        title=say("share of the variation of AICc"),
        axis=axis_below(5, format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    y = alt.Y("parameter:N", title=None, sort="-x", axis=alt.Axis(labelOverlap=False, labelLimit=140))
    tooltip = [
        alt.Tooltip("parameter:N", title=say("hyperparameter")),
        number("share", say("share of the variation"), ".1%"),
    ]
    chart = alt.Chart(shares).mark_bar(color=look.accent).encode(x=x, y=y, tooltip=tooltip)
    words = say(", ").join(f"{row.parameter} {percent(row.share)}" for row in shares.itertuples())
    title = say("Importance of the hyperparameters")
    described = say("{title}: {words}.", title=title, words=words)
    return titled(
        chart,
        title,
        height=110 + 30 * len(shares),
        look=look,
        description=described,
    )


def permutation_gains(gain: float, permuted: Sequence[float], look: Palette = LIGHT) -> Any:
    """The AICc gain over the mean with this target, and with shuffled targets.

    >>> permutation_gains(80.0, [3.0, 5.0, 2.0]).to_dict()["layer"][0]["mark"]["type"]
    'tick'
    """
    x = alt.X(
        "gain:Q", title=say("AICc gain over the mean"), scale=alt.Scale(zero=False, padding=16), axis=axis_below()
    )
    kind = alt.Tooltip("target:N", title=say("target"))
    shuffled = pd.DataFrame({"gain": list(permuted), "target": say("shuffled")})
    tooltip = [kind, number("gain", say("AICc gain over the mean"), ",.2f")]
    ticks = alt.Chart(shuffled).mark_tick(color=look.faint, thickness=2, size=28).encode(x=x, tooltip=tooltip)
    this = alt.Chart(pd.DataFrame({"gain": [gain], "target": say("this target")}))
    own = this.mark_tick(color=look.accent, thickness=4, size=44).encode(x=x, tooltip=tooltip)
    title = say("Observed target (orange), shuffled (grey)")
    most = max(permuted, default=0.0)
    words = say(
        "AICc gain over the mean: {gain:,.1f} with this target, at most {most:,.1f} with shuffled targets.",
        gain=gain,
        most=most,
    )
    return titled(ticks + own, title, height=190, look=look, description=words)


def calibration(bins: Sequence[CalibrationBin], of: str, look: Palette = LIGHT) -> Any:
    """Observed share against predicted probability, bin by bin, with the number of rows. of: the class."""
    frame = pd.DataFrame(bins, columns=CalibrationBin._fields)
    unit = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X(
        "predicted:Q",
        title=say("predicted probability of {of}", of=short(of)),
        scale=unit,
        axis=axis_below(5, format="%"),
    )
    y = alt.Y("observed:Q", title=say("observed share of rows"), scale=unit, axis=axis_left(5, format="%"))
    tooltip = [
        alt.Tooltip("rows:Q", title=say("rows")),
        number("predicted", say("mean probability"), ".1%"),
        number("observed", say("observed share"), ".1%"),
        number("low", say("95% interval from"), ".1%"),
        number("high", say("to"), ".1%"),
    ]
    line = pd.DataFrame({"predicted": [0.0, 1.0], "observed": [0.0, 1.0]})
    perfect = alt.Chart(line).mark_line(color=look.faint, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y)
    base = alt.Chart(frame)
    interval = base.mark_rule(color=look.accent, opacity=0.6).encode(x=x, y="low:Q", y2="high:Q")
    points = base.mark_circle(color=look.accent, size=90, opacity=1).encode(x=x, y=y, tooltip=tooltip)
    # a number is to the left of its point near the right edge, and below it near the top
    place: dict[str, Any] = {
        "dx": alt.ExprRef("datum.predicted > 0.85 ? -9 : 9"),
        "dy": alt.ExprRef("datum.observed > 0.9 ? 11 : -10"),
        "align": alt.ExprRef("datum.predicted > 0.85 ? 'right' : 'left'"),
        "fontSize": 11,
    }
    halo = base.mark_text(**place, color=look.background, stroke=look.background, strokeWidth=4, strokeJoin="round")
    counts = alt.layer(halo, base.mark_text(**place, color=look.muted)).encode(x=x, y=y, text="rows:Q")
    title = say("Calibration: observed against predicted")
    subtitle = say("numbers: rows per bin; bars: 95% intervals (Wilson); dashed line: perfect calibration")
    words = say(
        "{title}, the probability of {of} in {bins} bins of {rows:,} rows.",
        title=title,
        of=short(of),
        bins=len(bins),
        rows=sum(b.rows for b in bins),
    )
    return titled(alt.layer(perfect, interval, points, counts), title, subtitle, look=look, description=words)
