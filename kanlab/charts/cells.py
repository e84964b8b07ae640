"""Maps of the configurations of a search: which are admissible, and AICc over their hyperparameters."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from kanlab.charts.encoding import clipped, color_of, measure_of, parameters_of, tooltip, upper_fence
from kanlab.charts.style import ACCENT, MUTED, number


def admissible_map(cells: pd.DataFrame, n: int) -> Any:
    """neuron_num against grid for each k and depth, before any training: coloured by K, tinted for few rows, or hatched.

    cells: columns neuron_num, grid, k, depth if it varies, n_params, rows (training rows per parameter), status
    ("admissible", "few rows" or "inadmissible") and, if known, seconds (predicted).  n: training rows.
    """
    base = alt.Chart(cells).encode(
        x=alt.X("neuron_num:O", title="hidden neurons", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("grid:O", title="grid intervals", sort="descending"),
        tooltip=[
            *(alt.Tooltip(f"{field}:O", title=name) for field, name in parameters_of(cells).items()),
            alt.Tooltip("n_params:Q", title="number of parameters K"),
            number("rows", "training rows per parameter n/K", ".1f"),
            *([number("seconds", "predicted seconds", ".2~f")] if "seconds" in cells else []),
            alt.Tooltip("status:N", title="status"),
        ],
    )
    scale = alt.Scale(scheme="viridis", reverse=True, domain=[1, max(n // 3, 2)])
    legend = alt.Legend(orient="bottom", gradientLength=200, tickCount=4)
    color = alt.Color("n_params:Q", title="number of parameters K", scale=scale, legend=legend)
    edge: dict[str, Any] = {"stroke": "white", "strokeWidth": 1}
    admissible = base.transform_filter("datum.status === 'admissible'").mark_rect(**edge).encode(color=color)
    tint = base.transform_filter("datum.status === 'few rows'").mark_rect(fill=ACCENT, fillOpacity=0.3, **edge)
    others = base.transform_filter("datum.status === 'inadmissible'")
    grey = others.mark_rect(fill=MUTED, fillOpacity=0.13, **edge)
    hatch = others.mark_text(text="\u2571", color=MUTED, opacity=0.6, fontSize=13)
    return _facets(alt.layer(grey, hatch, admissible, tint).properties(width=168, height=170), cells)


def aicc_map(table: pd.DataFrame, selected: int | None = None) -> Any:
    """AICc over hidden neurons and grid intervals for each k and depth; the colour scale ends at the upper fence."""
    done = table[table["state"] == "complete"]
    domain = [float(done["aicc"].min()), upper_fence(done["aicc"])] if len(done) else [0.0, 1.0]
    color = alt.Color(
        "aicc:Q",
        title="AICc",
        scale=alt.Scale(scheme="viridis", reverse=True, domain=domain, clamp=True),
        legend=alt.Legend(type="gradient", format=",~f", tickCount=4),
    )
    chosen = -1 if selected is None else int(selected)
    base = alt.Chart(done.assign(ringed=(done["delta_aicc"] == 0) | (done["number"] == chosen))).encode(
        x=alt.X("neuron_num:O", title="hidden neurons", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("grid:O", title="grid intervals", sort="descending"),
        tooltip=tooltip(measure_of(done), tuple(parameters_of(done))),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(color=color)
    ring = base.transform_filter("datum.ringed").mark_rect(filled=False, stroke=ACCENT, strokeWidth=3)
    return _facets(alt.layer(cells, ring).properties(width=230, height=220), done)


def slices(table: pd.DataFrame) -> Any:
    """AICc against each hyperparameter of the search, one point per trial."""
    done = table[table["state"] == "complete"]
    frame, scale = clipped(done, "aicc")
    names = parameters_of(frame)
    long = frame.melt(id_vars=["number", "drawn", "n_params"], value_vars=list(names), var_name="parameter")
    base = alt.Chart(long.assign(parameter=long["parameter"].map(names))).mark_circle(size=40, opacity=0.6)
    chart = base.encode(
        x=alt.X("value:O", title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("drawn:Q", title="AICc", scale=scale),
        color=color_of(done["n_params"]),
        tooltip=[alt.Tooltip("number:Q", title="trial"), alt.Tooltip("value:O"), number("drawn", "AICc", ",.2f")],
    ).properties(width=230, height=220)
    return chart.facet(column=alt.Column("parameter:N", title=None, header=alt.Header(labelFontSize=13))).resolve_scale(
        x="independent"
    )


def _facets(chart: Any, table: pd.DataFrame) -> Any:
    """One map for each k, side by side, and one row of maps for each depth if depth varies."""

    def header(name: str) -> alt.Header:
        return alt.Header(labelExpr=f"'{name} = ' + datum.value", labelFontSize=13)

    rows = {"row": alt.Row("depth:O", title=None, header=header("depth"))} if "depth" in table else {}
    return chart.facet(column=alt.Column("k:O", title=None, header=header("k")), **rows)
