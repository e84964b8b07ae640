"""Maps of the configurations of a search: which are admissible, and AICc over their hyperparameters."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from kanlab.charts.encoding import beyond_words, color_of, measure_of, parameters_of, robust_axis, tooltip, upper_fence
from kanlab.charts.layered import Layered, layer, vega_lite
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import NUMBERS, PADDING, chosen, heading, number, quoted
from kanlab.language import marked, say

_WIDE, _NARROW = (31, 22), (15, 15)  # px of a cell, with K written into it and without
_MOST_ROWS, _MOST_COLUMNS, _MOST_WRITTEN = 16, 16, 900
_TITLE_WIDTH = 96  # px of "hidden neurons"
ADMISSIBLE, FEW, NEVER = marked("admissible"), marked("few rows"), marked("inadmissible")
_RECOMMENDED, _BEST, _SELECTED = marked("recommended"), marked("lowest AICc"), marked("selected")

_LEVELS = {"depth": marked("depth"), "multiplication": marked("multiplication")}


def admissible_map(cells: pd.DataFrame, n: int, look: Palette = LIGHT) -> Layered:
    """neuron_num against grid for each k and depth, before any training: coloured by K, tinted for few rows, or grey.

    cells: columns neuron_num, grid, k, depth if it varies, n_params, rows (training rows per parameter), status
    ("admissible", "few rows" or "inadmissible") and, if known, seconds (predicted).  n: training rows.  K is written into
    every cell, unless there are too many.
    """
    top = max(n // 3, 2)
    share = ((cells["n_params"] - 1) / (top - 1)).clip(0, 1)
    inks = [
        look.on_ramp(s) if state == ADMISSIBLE else look.text for s, state in zip(share, cells["status"], strict=True)
    ]
    columns, rows = cells["neuron_num"].nunique(), cells["grid"].nunique()
    written = columns <= _MOST_COLUMNS and rows <= _MOST_ROWS and len(cells) <= _MOST_WRITTEN
    width, height = _WIDE if written else _NARROW
    channels: dict[str, Any] = {
        "x": alt.X("neuron_num:O", title=say("hidden neurons"), axis=_discrete()),
        "y": alt.Y("grid:O", title=say("grid intervals"), sort="descending", axis=_discrete()),
        "tooltip": [
            *(alt.Tooltip(f"{field}:O", title=name) for field, name in parameters_of(cells).items()),
            alt.Tooltip("n_params:Q", title=say("number of parameters K")),
            number("rows", say("training rows per parameter n/K"), ".1f"),
            *([number("seconds", say("predicted seconds"), ".2~f")] if "seconds" in cells else []),
            alt.Tooltip("told:N", title=say("status")),
        ],
    }
    edge: dict[str, Any] = {"stroke": look.background, "strokeWidth": 1}
    # above the maps, because a phone has no room for two legends beside each other
    legend = alt.Legend(orient="top", gradientLength=200, gradientThickness=12, tickCount=4, direction="horizontal")
    scale = alt.Scale(scheme=look.scheme, reverse=True, domain=[1, top])
    color = alt.Color("n_params:Q", title=say("number of parameters K"), scale=scale, legend=legend)
    coloured = layer("cells", "rect", edge, **channels, color=color) | _only(f"datum.status === '{ADMISSIBLE}'")
    # the kinds without a colour of the scale have a legend of their own
    tint = alt.Fill(
        "status:N",
        title=say("not coloured by K"),
        scale=alt.Scale(domain=[FEW, NEVER], range=[f"{look.accent}55", f"{look.faint}33"]),
        legend=alt.Legend(
            orient="bottom",
            direction="vertical",
            symbolType="square",
            symbolSize=220,
            symbolStrokeWidth=0,
            labelExpr=chosen(
                "datum.value",
                {FEW: say("fewer than 3 training rows per parameter"), NEVER: say("inadmissible, never trained")},
            ),
        ),
    )
    others = layer("cells", "rect", edge, **channels, fill=tint) | _only(f"datum.status !== '{ADMISSIBLE}'")
    kinds = {*cells["status"]}
    layers = [*[others] * bool(kinds & {FEW, NEVER}), *[coloured] * bool(kinds - {FEW, NEVER})]  # no empty legend
    if written:
        text = alt.Text("n_params:Q", format=".3~s" if cells["n_params"].max() >= 1e4 else "d")
        style = {
            "fontSize": 11,
            "color": {"expr": "datum.ink"},
        }  # a channel without a scale breaks a facet in the browser
        layers.append(layer("cells", "text", style, **channels, text=text))
    fitted = int((cells["status"] != NEVER).sum())
    sentence = say(
        "Map of {cells:,} configurations, hidden neurons against grid intervals for each k: "
        "{fitted:,} are admissible with {n:,} training rows, with K from {min:,} to {max:,}.",
        cells=len(cells),
        fitted=fitted,
        n=n,
        min=cells["n_params"].min(),
        max=cells["n_params"].max(),
    )
    facet, transform = _facet(cells)
    spec: dict[str, Any] = {
        "data": {"name": "cells"},
        "facet": {name: vega_lite(channel) for name, channel in facet.items()},
        "spec": {
            "layer": [{k: v for k, v in each.items() if k != "data"} for each in layers],
            "width": _across(cells, width),
            "height": {"step": height},
        },
        "description": sentence,
        "padding": PADDING,
        "config": look.config,
    }
    if transform:
        spec["transform"] = [{"calculate": how, "as": name} for name, how in transform.items()]
    return Layered(spec, {"cells": cells.assign(ink=inks, told=cells["status"].map(say))})


def aicc_map(
    table: pd.DataFrame, selected: int | None = None, look: Palette = LIGHT, recommended: int | str | None = None
) -> Any:
    """AICc over hidden neurons and grid intervals for each k and depth; the colour scale ends at the upper fence.

    Frames mark the lowest AICc, the recommended trial (the family of another model has no place here) and the selected one.
    """
    done = table[table["state"] == "complete"]
    domain = [float(done["aicc"].min()), upper_fence(done["aicc"])] if len(done) else [0.0, 1.0]
    color = alt.Color(
        "aicc:Q",
        title=say("AICc"),
        scale=alt.Scale(scheme=look.scheme, reverse=True, domain=domain, clamp=True),
        # above the maps, as that of the frames is below: a phone has no room for two beside each other
        legend=alt.Legend(
            type="gradient", orient="top", direction="horizontal", gradientLength=200, format=",~f", tickCount=4
        ),
    )
    frames_of = {
        _RECOMMENDED: done["number"] == recommended, _BEST: done["delta_aicc"] == 0, _SELECTED: done["number"] == selected,
    }  # fmt: skip
    framed = [", ".join(words for words, is_so in frames_of.items() if is_so[i]) for i in done.index]
    across, up = (alt.Scale(domain=_listed(done[name])) for name in ("neuron_num", "grid"))
    up.domain.reverse()  # the first one is at the top
    base = alt.Chart(done.assign(framed=framed)).encode(
        x=alt.X("neuron_num:O", title=say("hidden neurons"), scale=across, axis=_discrete()),
        y=alt.Y("grid:O", title=say("grid intervals"), scale=up, axis=_discrete()),
        tooltip=tooltip(measure_of(done), tuple(parameters_of(done))),
    )
    cells = base.mark_rect(stroke=look.background, strokeWidth=1).encode(color=color)
    kinds = sorted(set(framed) - {""})
    legend = alt.Legend(
        orient="bottom",
        direction="vertical",
        symbolType="square",
        symbolSize=150,
        symbolStrokeWidth=3,
        symbolFillColor="transparent",
        labelExpr=chosen("datum.value", {kind: say(", ").join(map(say, kind.split(", "))) for kind in kinds}),
    )
    inks = [look.accent if _BEST in kind else look.text for kind in kinds]
    dashes = [[4, 3] if kind == _SELECTED else [1, 0] for kind in kinds]
    stroke = alt.Stroke("framed:N", title=None, scale=alt.Scale(domain=kinds, range=inks), legend=legend)
    dash = alt.StrokeDash("framed:N", scale=alt.Scale(domain=kinds, range=dashes), legend=None)
    frames = base.transform_filter("datum.framed !== ''").mark_rect(filled=False, strokeWidth=3)
    frames = frames.encode(stroke=stroke, strokeDash=dash)
    wide = done["neuron_num"].nunique() <= _MOST_COLUMNS and done["grid"].nunique() <= _MOST_ROWS
    size = 24 if wide else _NARROW[0]
    chart = alt.layer(cells, *[frames] * bool(kinds)).properties(width=_across(done, size), height={"step": size})
    words = say("AICc of {done:,} configurations, hidden neurons against grid intervals.", done=len(done))
    return _facets(chart, done, look, words, heading(say("AICc by configuration"), "", look))


def slices(table: pd.DataFrame, look: Palette = LIGHT) -> Any:
    """AICc against each hyperparameter of the search, one point per trial; triangles at the edge lie beyond the axis."""
    done = table[table["state"] == "complete"]
    axis = robust_axis(done["aicc"])
    names = parameters_of(done)
    frame = done.assign(drawn=axis.drawn(done["aicc"]), beyond=axis.beyond(done["aicc"]) > 0)
    kept = ["number", "drawn", "aicc", "n_params", "beyond"]
    long = frame.melt(id_vars=kept, value_vars=list(names), var_name="parameter")
    shape: Any = {"expr": "datum.beyond ? 'triangle-up' : 'circle'"}
    base = alt.Chart(long.assign(parameter=long["parameter"].map(names))).mark_point(
        size=40, opacity=0.7, filled=True, shape=shape
    )
    chart = base.encode(
        x=alt.X("value:O", title=None, axis=_discrete()),
        y=alt.Y("drawn:Q", title=say("AICc"), scale=axis.scale(), axis=alt.Axis(tickCount=6, labelExpr=NUMBERS)),
        color=color_of(done["n_params"], look),
        tooltip=[
            alt.Tooltip("number:Q", title=say("trial")),
            alt.Tooltip("value:O", title=say("value")),
            number("aicc", say("AICc"), ",.2f"),
            alt.Tooltip("n_params:Q", title=say("number of parameters K")),
        ],
    ).properties(width=230, height=220)
    header = alt.Header(labelFontSize=13, labelAnchor="start")
    faceted = chart.facet(column=alt.Column("parameter:N", title=None, header=header)).resolve_scale(x="independent")
    described = faceted.properties(
        title=heading(say("AICc by hyperparameter"), beyond_words(int(frame["beyond"].sum())), look),
        padding=PADDING,
        description=say("AICc against {values}, one point per trial.", values=say(", ").join(names.values())),
    )
    return described.configure(**look.config)


def _discrete() -> alt.Axis:
    return alt.Axis(labelAngle=0, labelOverlap=True)


def _listed(values: pd.Series) -> list[int]:
    """The values along an axis: each whole number of a short range, so that what was not tried leaves a gap."""
    known = sorted({int(v) for v in values})
    every = list(range(known[0], known[-1] + 1)) if known else []
    return every if len(every) <= _MOST_COLUMNS else known


def _across(table: pd.DataFrame, step: int) -> int:
    """The width of one map, px, at least that of the title of its axis."""
    return max(step * len(_listed(table["neuron_num"])), _TITLE_WIDTH)


def _only(condition: str) -> dict[str, Any]:
    """What a layer draws of its table."""
    return {"transform": [{"filter": condition}]}


def _facets(chart: Any, table: pd.DataFrame, look: Palette, description: str, title: Any = None) -> Any:
    """One map for each k, side by side, and one row of maps for each depth and number of nodes that multiply."""
    facet, transform = _facet(table)
    if transform:
        chart = chart.transform_calculate(**transform)
    named = {} if title is None else {"title": title}
    return chart.facet(**facet).properties(description=description, padding=PADDING, **named).configure(**look.config)


def _facet(table: pd.DataFrame) -> tuple[dict[str, Any], dict[str, str]]:
    """The columns and rows of such maps, and what is calculated for them by its name."""

    def header(name: str, **at: Any) -> alt.Header:
        words = f"{quoted(name)} + ' = ' + datum.value"
        return alt.Header(labelExpr=words, labelFontSize=13, labelAnchor="start", **at)

    facet: dict[str, Any] = {"column": alt.Column("k:O", title=None, header=header("k"))}
    varying = [name for name in _LEVELS if name in table]
    if not varying:
        return facet, {}
    field, transform = varying[0], {}
    if len(varying) > 1:  # networks of more layers have no node that multiplies
        several = quoted(", " + say(_LEVELS["multiplication"]) + " = ")
        field = "level"
        transform = {field: f"datum.depth + (datum.multiplication ? {several} + datum.multiplication : '')"}
    # above its maps: beside maps of two or three grids it is longer than they are high
    above = {"labelOrient": "top", "labelAngle": 0, "labelPadding": 4}
    facet["row"] = alt.Row(f"{field}:O", title=None, header=header(say(_LEVELS[varying[0]]), **above))
    return facet, transform
