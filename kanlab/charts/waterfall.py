"""From the mean prediction to that of a row: a bar for what each feature contributes."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import axis_below, axis_title, number, short, titled, tooltip_format, wrapped
from kanlab.explain.contributions import Explanation
from kanlab.language import marked, say

MOST_BARS = 10
_NAME_WIDTH, _NAME_LINES, _NAME_LINE = 24, 6, 12  # characters of a line of a name, most lines, px of one
_BESIDE_NAMES = 34  # characters of a title that a phone has room for beside names
_ROOM = 0.16  # of the range, on either side, for the numbers at the ends of the bars
_MEAN, _PREDICTION = marked("mean prediction"), marked("this prediction")


def waterfall(
    found: Explanation, row: int = 0, class_: str | None = None, look: Palette = LIGHT, most: int = MOST_BARS
) -> Any:
    """The features of one row by the size of their contributions, each bar from where the one above ends.

    class_: of more than two classes, by default the predicted one.  most: bars; the smaller contributions are one of them.
    """
    output = found.output_of(row, class_)
    steps = _steps(found, row, class_, most)
    mean, total, scale = float(found.mean[output]), float(found.totals[row, output]), found.scale.words[output]
    low, high = float(steps[["low", "high"]].min().min()), float(steps[["low", "high"]].max().max())
    room = _ROOM * ((high - low) or abs(mean) or 1.0)
    x = alt.X(
        "low:Q",
        title=axis_title(short(scale), _BESIDE_NAMES),
        scale=alt.Scale(domain=[low - 1.4 * room, high + room], nice=False, zero=False),
        axis=axis_below(4),
    )
    names = alt.Axis(
        labelLimit=170, labelOverlap=False, labelExpr="split(datum.label, '\\n')", labelLineHeight=_NAME_LINE
    )
    y = alt.Y("name:N", title=None, sort=steps["name"].tolist(), axis=names)
    tooltip = [
        alt.Tooltip("full:N", title=say("feature")),
        alt.Tooltip("value:N", title=say("value")),
        number("contribution", say("contribution"), tooltip_format(steps["contribution"])),
        *([number("error", say("standard error"), ".2g")] if steps["error"].any() else []),
        *([number("times", say("times {what}", what=say(found.scale.times)), ".3g")] if found.scale.times else []),
    ]
    kinds = ["raises", "lowers", "whole"]
    color = alt.Color(
        "kind:N", legend=None, scale=alt.Scale(domain=kinds, range=[look.accent, look.second, look.faint])
    )
    base = alt.Chart(steps)
    bars = (
        base.transform_filter("datum.kind != 'whole'")
        .mark_bar(opacity=0.9, minBandSize=2)
        .encode(x=x, x2="high:Q", y=y, color=color, tooltip=tooltip)
    )
    ends = (
        base.transform_filter("datum.kind == 'whole'")
        .mark_tick(thickness=3, size=22, color=look.text)
        .encode(x=x, y=y, tooltip=[alt.Tooltip("full:N", title=" "), number("high", short(scale))])
    )
    beside: dict[str, Any] = {
        "align": alt.ExprRef("datum.contribution < 0 ? 'right' : 'left'"),
        "dx": alt.ExprRef("datum.contribution < 0 ? -5 : 5"),
        "fontSize": 12,
        "color": look.text,
    }
    words = base.mark_text(**beside).encode(x=alt.X("end:Q", scale=x["scale"]), y=y, text="label:N")
    largest = steps[steps["kind"] != "whole"].iloc[0] if len(steps) > 2 else None
    told = (
        ""
        if largest is None
        else say(
            " The largest contribution is that of {feature}, {size}.",
            feature=largest["full"],
            size=largest["label"],
        )
    )
    title = say("From the mean prediction to this one")
    description = say(
        "{title}: {mean:.4g} in the mean, {total:.4g} here, as {scale}.{told}",
        title=title,
        mean=mean,
        total=total,
        scale=scale,
        told=told,
    )
    lines = 1 + max(int(name.count("\n")) for name in steps["name"])
    height = 90 + max(30, 10 + _NAME_LINE * lines) * len(steps)
    return titled(
        alt.layer(bars, ends, words), title, say("orange raises it, blue lowers it"), height, look, description
    )


def _steps(found: Explanation, row: int, class_: str | None, most: int) -> pd.DataFrame:
    """One row a bar, between the mean and the prediction."""
    output, table = found.output_of(row, class_), found.table(row, class_)
    table = table[table["contribution"] != 0.0]
    shown, others = (table, table.iloc[:0]) if len(table) <= most else (table.iloc[: most - 1], table.iloc[most - 1 :])
    at, total = float(found.mean[output]), float(found.totals[row, output])
    rows = [_bar(say(_MEAN), "", "", 0.0, at, at, "whole", f"{at:.4g}")]
    for step in shown.to_dict("records"):
        size, value = float(step["contribution"]), _cell(step["value"])
        name = f"{short(step['feature'])}" + (f" = {value}" if value else "")
        rows.append(_bar(name, step["feature"], value, size, at, at + size, "", f"{size:+.3g}", step["standard_error"]))
        at += size
    if len(others):
        size, error = float(others["contribution"].sum()), float(np.sqrt((others["standard_error"] ** 2).sum()))
        name = say("{count:,} other features", count=len(others))
        rows.append(_bar(name, name, "", size, at, total, "", f"{size:+.3g}", error))
    rows.append(_bar(say(_PREDICTION), "", "", 0.0, total, total, "whole", f"{total:.4g}"))
    frame = pd.DataFrame(rows)
    again = frame.groupby("name").cumcount()  # names cut alike stay apart by what has no width
    return frame.assign(name=[name + "\u200b" * int(n) for name, n in zip(frame["name"], again, strict=True)])


def _bar(
    name: str,
    full: str,
    value: str,
    size: float,
    begin: float,
    end: float,
    kind: str,
    label: str,
    error: float = 0.0,
) -> dict[str, Any]:
    return {
        "name": "\n".join(wrapped(name, _NAME_WIDTH, _NAME_LINES)),
        "full": full or name,
        "value": value,
        "contribution": size,
        "times": float(np.exp(np.clip(size, -700.0, 700.0))),
        "error": error,
        "low": min(begin, end),
        "high": max(begin, end),
        "end": end,
        "kind": kind or ("raises" if size > 0 else "lowers"),
        "label": label.replace("-", "−"),
    }


def _cell(value: Any) -> str:
    """A cell as the name of a bar has it."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return say("missing")
    if isinstance(value, float | np.floating):
        value = float(value)
        return (f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.6g}").replace("-", "−")
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return short(str(value), 30)
