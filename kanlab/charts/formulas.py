"""The front of formulas: complexity against the error on rows left out."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from kanlab.charts.encoding import AxisKind, robust_axis
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import (
    HEIGHT,
    axis_below,
    axis_left,
    axis_title,
    chosen,
    number,
    short,
    titled,
    tooltip_format,
)
from kanlab.explain.formula import RECOMMENDED, TIED
from kanlab.formulas.front import EDITED
from kanlab.language import marked, say

_SHOWN = 60  # characters of a formula in a tooltip
_NEITHER = marked("others")
_SHAPES = {RECOMMENDED: "diamond", EDITED: "square", TIED: "circle", _NEITHER: "circle"}
SELECTED = "formula"


def formula_front(table: pd.DataFrame, error: str, unit: str, look: Palette = LIGHT, shown: int | None = None) -> Any:
    """Complexity against held-out error, the recommended and the tied ones marked; a click selects a formula.

    table: as of `kanlab.explain.formula.front_table`.  error: what the error is called.  unit: its own.  shown: place of the
    formula that has a ring.  What is selected has the name SELECTED, and its place in the table the field "place".

    >>> row = {"choice": "recommended", "formula": "2*x", "complexity": 3, "held_out": 0.5, "test": 0.6, "n_params": 2.0}
    >>> chart = formula_front(pd.DataFrame([row]), "RMSE", "y")
    >>> chart.to_dict()["description"]
    'The front of formulas: 1 of complexity 3 to 3; recommended is 2*x of complexity 3.'
    """
    drawn = table.assign(
        mark=table["choice"].replace("", _NEITHER),
        shown=[short(f, _SHOWN) for f in table["formula"]],
        place=range(len(table)),
    )
    drawn = drawn[drawn["held_out"].notna()]
    # an exact formula has an error of 0, which has no place on a logarithmic axis
    kind: AxisKind = "auto" if (drawn["held_out"] > 0).all() else "linear"
    marked = drawn.loc[drawn["mark"] != _NEITHER, "held_out"]
    up = robust_axis(drawn["held_out"], kind, kept=pd.concat([marked, drawn["held_out"].head(1)]))
    drawn = drawn.assign(drawn_y=up.drawn(drawn["held_out"]), beyond=up.beyond(drawn["held_out"]) > 0)
    across = robust_axis(drawn["complexity"], "auto", fence=False)
    x = alt.X("complexity:Q", title=say("complexity"), scale=across.scale(), axis=axis_below(format="d", tickMinStep=1))
    labels = {"values": up.round_values} if up.log else {}
    title = axis_title(say("held-out {error} ({unit})", error=say(error), unit=short(unit)))
    y = alt.Y("drawn_y:Q", title=title, scale=up.scale(), axis=axis_left(5, title, **labels))
    kinds = [kind for kind in _SHAPES if kind in set(drawn["mark"])]
    inks = {RECOMMENDED: look.accent, EDITED: look.text, TIED: look.second, _NEITHER: look.faint}
    color = alt.Color(
        "mark:N",
        title=None,
        scale=alt.Scale(domain=kinds, range=[inks[kind] for kind in kinds]),
        legend=alt.Legend(
            orient="bottom",
            symbolOpacity=1,
            labelExpr=chosen("datum.label", {kind: say(kind) for kind in kinds}),
        ),
    )
    shape = alt.Shape("mark:N", title=None, scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]))
    form = tooltip_format(drawn["held_out"])
    tooltip = [
        alt.Tooltip("shown:N", title=say("formula")),
        alt.Tooltip("complexity:Q", title=say("complexity")),
        number("held_out", say("held-out {error}", error=say(error)), form),
        number("test", say("{error}, test rows", error=say(error)), form),
        alt.Tooltip("n_params:Q", title="K"),
    ]
    base = alt.Chart(drawn)
    lowest = drawn.sort_values("complexity")
    lowest = lowest[lowest["held_out"] <= lowest["held_out"].cummin()]
    line = alt.Chart(lowest).mark_line(color=look.faint, strokeWidth=1, interpolate="step-after").encode(x=x, y=y)
    points = (
        base.mark_point(filled=True, size=130, opacity=1, cursor="pointer")
        .encode(x=x, y=y, color=color, shape=shape, tooltip=tooltip)
        .add_params(alt.selection_point(SELECTED, fields=["place"], toggle=False))
    )
    ring = (
        alt.Chart(drawn[drawn["place"] == shown])
        .mark_point(size=360, color=look.text, strokeWidth=1.5)
        .encode(x=x, y=y)
    )
    best = next(table[table["choice"] == RECOMMENDED].itertuples(), None)
    words = say(
        "The front of formulas: {count} of complexity {least} to {most}.",
        count=len(table),
        least=table["complexity"].min(),
        most=table["complexity"].max(),
    )
    if best is not None:
        words = say(
            "The front of formulas: {count} of complexity {least} to {most}; recommended is {formula} of complexity "
            "{complexity}.",
            count=len(table),
            least=table["complexity"].min(),
            most=table["complexity"].max(),
            formula=short(best.formula, _SHOWN),
            complexity=best.complexity,
        )
    heading, notes = say("Formulas: error against complexity"), []
    if TIED in kinds:
        notes.append(say("tied: within one standard error of the lowest"))
    if far := int(drawn["beyond"].sum()):
        notes.append(say("{far:,} beyond the axis, drawn at its edge", far=far))
    return titled(alt.layer(line, ring, points), heading, "\n".join(notes), HEIGHT, look, words)
