"""Charts of the training: the loss of one trial, of many laid over one another, and when each trial was fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.encoding import NAMES, RobustAxis, robust_axis
from kanlab.charts.layered import Layered, layer, layered, nominal
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import (
    HEIGHT,
    PADDING,
    axis_below,
    axis_left,
    axis_title,
    chosen,
    heading,
    label_format,
    number,
    scale_of,
    short,
    titled,
)
from kanlab.charts.trial_plot import selections
from kanlab.language import marked, say
from kanlab.study.fit_times import FitTime
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.text import beginning, counted

MOST_FITS, MOST_CURVES = 1500, 120
_STATES = (marked("complete"), marked("inadmissible"), marked("failed"), marked("running"))
_UNITS = ((marked("s"), 1.0), (marked("min"), 60.0), (marked("h"), 3600.0))
_SHORTEST = 0.002  # of the width, so that a fit of a moment is seen


def loss_curve(curve: Sequence[float], name: str = "RSS", unit: str = "", look: Palette = LIGHT) -> Any:
    """The loss over the steps of one training. name: of the loss.  unit: of the loss.

    >>> loss_curve([4.0, 2.0, 1.0]).to_dict()["mark"]["type"]
    'line'
    """
    frame = pd.DataFrame({"step": np.linspace(0, 100, len(curve)), "rss": list(curve)})
    title = axis_title(_with_unit(name, unit))
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", title=say("training progress (%)"), axis=axis_below(5)),
        y=alt.Y(
            "rss:Q",
            title=title,
            scale=scale_of(frame["rss"]),
            axis=axis_left(4, title, format=label_format(frame["rss"])),
        ),
        tooltip=[number("step", say("training progress (%)"), ".0f"), number("rss", say(name))],
    )
    chart = base.mark_line(color=look.accent, point={"opacity": 0, "size": 90})
    return titled(chart, say("{loss} while this trial was trained", loss=beginning(say(name))), "", 230, look)


def _with_unit(name: str, unit: str) -> str:
    return say("{loss} ({unit})", loss=say(name), unit=short(unit, 100)) if unit else say(name)


def loss_curves(
    records: Sequence[TrialRecord],
    selected: int | None = None,
    name: str = "RSS",
    unit: str = "",
    look: Palette = LIGHT,
) -> Layered:
    """The loss of many trials over one another: the trial of lowest AICc and the selected one in colour, the rest in grey.

    Of more than MOST_CURVES trials an even sample of the others is drawn. The rest as of `loss_curve`.
    """
    trained = [r for r in records if len(r.loss_curve) > 1]
    best = best_trial(trained)
    of_best = None if best is None else best.number
    drawn_out = {selected: say("selected"), of_best: say("lowest AICc")}
    kinds = {
        r.number: say("{what} (trial {number})", what=drawn_out[r.number], number=r.number)
        for r in trained
        if r.number in drawn_out
    }
    rest = say("other trials")
    others = [r for r in trained if r.number not in kinds]
    drawn = _sample(others, MOST_CURVES) + [r for r in trained if r.number in kinds]
    rows = [
        {"number": r.number, "step": step, "loss": loss, "kind": kinds.get(r.number, rest)}
        for r in drawn
        for step, loss in zip(np.linspace(0, 100, len(r.loss_curve)), r.loss_curve, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["number", "step", "loss", "kind"]).astype({"loss": float, "step": float})
    up = robust_axis(frame["loss"], "auto", kept=frame.loc[frame["kind"] != rest, "loss"])
    frame = frame.assign(drawn=up.drawn(frame["loss"]))
    x = alt.X("step:Q", title=say("training progress (%)"), axis=axis_below(5))
    title = axis_title(_with_unit(name, unit))
    y = alt.Y(
        "drawn:Q",
        title=title,
        scale=up.scale(),
        axis=axis_left(5, title, format=label_format(up.ends)),
    )
    colours = {
        label: look.accent if best is not None and label == kinds.get(best.number) else look.second
        for label in sorted(kinds.values())
    } | {rest: look.faint}  # fmt: skip
    color = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(orient="bottom", direction="vertical", symbolType="stroke", symbolOpacity=1),
    )
    about = [alt.Tooltip("number:Q", title=say("trial"))]
    each: dict[str, Any] = {"x": x, "y": y, "color": color, "detail": nominal("number"), "tooltip": about}
    behind = {"strokeWidth": 1.5, "opacity": 0.75 if len(drawn) <= 30 else 0.4}
    layers = [
        layer("trials", "line", behind, **each) | {"name": "trials"},
        layer("marked", "line", {"strokeWidth": 2.5}, **each),
    ]
    beyond = frame.loc[up.beyond(frame["loss"]) > 0, "number"].nunique()
    shown = counted(len(trained), "trial")
    subtitle = (
        say("{drawn:,} of {trials}, evenly sampled", drawn=len(drawn), trials=shown)
        if len(drawn) < len(trained)
        else shown
    )
    subtitle += say("; {beyond:,} beyond the axis, drawn at its edge", beyond=beyond) if beyond else ""
    words = (
        ""
        if best is None
        else say(
            " Trial {number}, of the lowest AICc, ends at {loss:.4g}.",
            number=best.number,
            loss=best.loss_curve[-1],
        )
    )
    return layered(
        layers,
        {"trials": frame, "marked": frame[frame["kind"] != rest]},
        **_whole(say("{loss} of all trials in training", loss=beginning(say(name))), subtitle, words, look),
    )


def timeline(fits: Sequence[FitTime], selected: int | None = None, pauses: int = 0, look: Palette = LIGHT) -> Layered:
    """When each trial was fitted: a bar from its start to its end, in the colour of its state.

    fits, pauses: of kanlab.study.fit_times.  Of more than MOST_FITS an even sample is drawn.
    """
    drawn = _sample(fits, MOST_FITS, lambda fit: fit.record.number == selected)
    last = max((fit.end for fit in fits), default=0.0)
    unit, size = next((u for u in reversed(_UNITS) if last >= 3 * u[1]), _UNITS[0])
    rows = [
        {
            "number": fit.record.number, "state": fit.state, "told": say(fit.state), "start": fit.start / size,
            "end": max(fit.end, fit.start + _SHORTEST * last) / size, "took": fit.end - fit.start,
            "n_params": fit.record.n_params,
        }
        | {name: getattr(fit.record.cell, name) for name in fit.record.parameters}
        for fit in drawn
    ]  # fmt: skip
    parameters = drawn[0].record.parameters if drawn else ()
    columns = ["number", "state", "told", "start", "end", "took", "n_params", *parameters]
    frame = pd.DataFrame(rows, columns=columns)
    numbers = frame["number"].astype(float)
    up = RobustAxis(float(numbers.min()), float(numbers.max())) if len(frame) else RobustAxis(0.0, 1.0)
    room = up.margin if up.high > up.low else (up.low - 1.0, up.high + 1.0)
    x = alt.X(
        "start:Q",
        title=say("time since the first fit began ({unit})", unit=say(unit)),
        axis=axis_below(5),
        scale=alt.Scale(nice=False),
    )
    y = alt.Y(
        "number:Q",
        title=say("trial"),
        scale=alt.Scale(domain=list(room), nice=False, zero=False),
        axis=axis_left(6, format="d", tickMinStep=1),
    )
    inks = dict(zip(_STATES, (look.second, look.muted, look.accent, look.faint), strict=True))
    known = {fit.state for fit in fits} | {"complete"}
    shown = [state for state in _STATES if state in known]
    color = alt.Color(
        "state:N",
        title=None,
        scale=alt.Scale(domain=shown, range=[inks[state] for state in shown]),
        legend=alt.Legend(
            orient="bottom",
            symbolType="stroke",
            symbolStrokeWidth=8,
            symbolOpacity=1,
            labelExpr=chosen(
                "datum.label", {state: say(state) for state in shown} | {"running": say("running or waiting")}
            ),
        ),
    )
    about = [
        alt.Tooltip("number:Q", title=say("trial")),
        alt.Tooltip("told:N", title=say("state")),
        number("start", say("began at ({unit})", unit=say(unit))),
        number("took", say("took (s)")),
        *(alt.Tooltip(f"{field}:Q", title=say(NAMES[field])) for field in parameters),
        alt.Tooltip("n_params:Q", title=say("number of parameters K")),
    ]
    width = float(np.clip(260 / max(1, len(frame)), 2, 12))
    bars = layer("trials", "rule", {"strokeWidth": width}, x=x, x2={"field": "end"}, y=y, color=color, tooltip=about)
    ring = {"size": 90, "stroke": look.text, "strokeWidth": 2, "filled": False}
    picked = layer("trials", "point", ring, x=x, y=y)
    picked["transform"] = [{"filter": f"datum.number === {-1 if selected is None else int(selected)}"}]
    counts = Counter[str](fit.state for fit in fits)
    parts = (
        [say("{drawn:,} of {trials}, evenly sampled", drawn=len(frame), trials=counted(len(fits), "fit"))]
        if len(frame) < len(fits)
        else []
    )
    parts += [say("{pauses} of more than a minute left out", pauses=counted(pauses, "pause"))] if pauses else []
    by_state = [say("{count:,} {state}", count=counts[state], state=say(state)) for state in _STATES if counts[state]]
    words = say(" {states}.", states=say(", ").join(by_state)) if by_state else ""
    if fits:
        longest = max(fits, key=lambda fit: fit.end - fit.start)
        words += say(
            " Trial {number} took longest, {seconds:.3g} s.",
            number=longest.record.number,
            seconds=longest.end - longest.start,
        )
    subtitle = say("; ").join(parts) or counted(len(fits), "fit")
    return layered(
        [bars | {"name": "trials"}, picked],
        {"trials": frame},
        **_whole(say("Timeline of the fits"), subtitle, words, look),
    )


def _sample(items: Sequence[Any], most: int, kept: Any = lambda item: False) -> list[Any]:
    """At most so many of the items, evenly, and those to be kept, in their order."""
    if len(items) <= most:
        return list(items)
    chosen = {int(i) for i in np.linspace(0, len(items) - 1, most).round()}
    return [item for i, item in enumerate(items) if i in chosen or kept(item)]


def _whole(title: str, subtitle: str, words: str, look: Palette) -> dict[str, Any]:
    """The properties of a chart in which a click selects a trial. words: of the alternative text, after the heading."""
    return {
        "params": selections()[:1],
        "title": heading(title, subtitle, look),
        "height": HEIGHT,
        "width": "container",
        "padding": PADDING,
        "config": look.config,
        "description": say("{title}: {subtitle}.{words}", title=title, subtitle=subtitle, words=words),
    }
