"""Tables in, Altair charts out. Only what drawing needs is computed here: domains, labels, the curves of equal K.

Every chart that shows trials has a selection parameter PICKED on the field `number`. The AICc axis is robust: values
beyond a fence are drawn at its edge as triangles, so that a few bad trials do not flatten the picture.

The charts that a running study draws again and again are put together by kanlab.layered.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.families import Baseline, label
from kanlab.layered import Layered, layer, layered, nominal, vega_lite
from kanlab.likelihood import CLASSIFICATION, REGRESSION
from kanlab.measures import MEASURES, Measure
from kanlab.scores import CalibrationBin

alt.data_transformers.disable_max_rows()

PICKED = "picked"
ACCENT = "#d9480f"
MUTED = "#868e96"
HEIGHT = 380
DRAWN = ("constant", "linear")  # the other linear models lie on top of these

_POINT: dict[str, Any] = {"size": 64, "opacity": 0.9, "stroke": "white", "strokeWidth": 0.5}
_NAMES = {"neuron_num": "hidden neurons", "grid": "grid intervals", "k": "spline order k", "depth": "hidden layers"}


def _measure(table: pd.DataFrame) -> Measure:
    """Of quantities or of classes, whichever a table of trials is about."""
    of_classes = MEASURES[CLASSIFICATION].fit_column in table.columns
    return MEASURES[CLASSIFICATION if of_classes else REGRESSION]


def _span_is_wide(values: pd.Series) -> bool:
    """Whether positive values span more than a decade."""
    positive = values[values > 0]
    return len(positive) > 1 and bool(positive.max() / positive.min() > 10)


def _scale(values: pd.Series, *, log: bool | None = None) -> alt.Scale:
    """Logarithmic where the values span decades, never from zero."""
    wide = _span_is_wide(values) if log is None else log
    if not wide:
        return alt.Scale(zero=False, nice=True, padding=12)
    return alt.Scale(type="log", nice=False, padding=16)


def _format(values: pd.Series) -> str:
    """Axis labels that stay short: 2M, 0.5, 1e-6."""
    finite = values[np.isfinite(values) & (values != 0)].abs()
    if finite.empty:
        return "~g"
    return "~s" if finite.max() >= 1e3 else ("~e" if finite.max() < 1e-2 or finite.min() < 1e-4 else "~f")


def _upper_fence(values: pd.Series) -> float:
    """Where the robust axis of a quantity to be small ends: 1.5 times as far above the median as the least is below."""
    median = values.median()
    return float(min(values.max(), median + 1.5 * (median - values.min())))


def _clipped(frame: pd.DataFrame, column: str, floor: float = np.inf) -> tuple[pd.DataFrame, alt.Scale]:
    """The frame with `drawn`, the column held to its upper fence, and `beyond`; and a scale with a little room.

    floor: another value the scale must reach down to.
    """
    values = frame[column]
    high = _upper_fence(values) if len(values) else 1.0
    low = min(float(values.min()) if len(values) else 0.0, floor)
    high = max(high, low)
    room = 0.06 * (high - low) or max(1e-9, 0.05 * abs(high)) or 1.0
    out = frame.assign(drawn=values.clip(upper=high + room / 2), beyond=values > high)
    return out, alt.Scale(domain=[low - room, high + room], zero=False, nice=False)


def _number(field: str, title: str, fmt: str = ",.5~g") -> alt.Tooltip:
    return alt.Tooltip(field, type="quantitative", title=title, format=fmt)


def _parameters(table: pd.DataFrame) -> dict[str, str]:
    """The parameters of the search that a table has, with what to call them."""
    return {field: name for field, name in _NAMES.items() if field in table}


def _trial_columns(table: pd.DataFrame) -> list[str]:
    """What a chart of trials draws, or says of a point."""
    of = _measure(table)
    return ["number", *_parameters(table), "n_params", of.fit_column, of.error_column, "aicc", "delta_aicc"]


def _facets(chart: Any, table: pd.DataFrame) -> Any:
    """A map for each k side by side, and for each depth below one another, where that is a parameter of the search."""

    def header(name: str) -> alt.Header:
        return alt.Header(labelExpr=f"'{name} = ' + datum.value", labelFontSize=13)

    rows = {"row": alt.Row("depth:O", title=None, header=header("depth"))} if "depth" in table else {}
    return chart.facet(column=alt.Column("k:O", title=None, header=header("k")), **rows)


def _fit_and_error(of: Measure) -> list[alt.Tooltip]:
    return [
        _number(of.fit_column, f"{of.fit}, training rows"),
        _number(of.error_column, f"{of.error}, test rows"),
    ]


def _tooltip(of: Measure, parameters: Sequence[str]) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("number:Q", title="trial"),
        *(alt.Tooltip(f"{field}:Q", title=_NAMES[field]) for field in parameters),
        alt.Tooltip("n_params:Q", title="parameters K"),
        _number("aicc", "AICc", ",.2f"),
        _number("delta_aicc", "ΔAICc", ",.2f"),
        *_fit_and_error(of),
    ]


def _color(k: pd.Series) -> alt.Color:
    """Viridis for K; logarithmic where K spans decades."""
    kind: Any = "log" if _span_is_wide(k) else "linear"
    return alt.Color(
        "n_params:Q",
        title="parameters K",
        scale=alt.Scale(scheme="viridis", type=kind, reverse=True),
        legend=alt.Legend(type="gradient", orient="right", gradientLength=160, format="~s", tickCount=4),
    )


def _picked() -> alt.Parameter:
    return alt.selection_point(name=PICKED, fields=["number"], on="click", clear="dblclick", empty=False)


@cache
def _tooltips(what: str, of: Measure, parameters: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What is said of a trial, or of a baseline, under the pointer."""
    baseline = [
        alt.Tooltip("family:N", title="model"),
        _number("n_params", "parameters K"),
        _number("aicc", "AICc", ",.2f"),
        *_fit_and_error(of),
    ]
    return vega_lite(baseline if what == "baselines" else _tooltip(of, parameters))  # type: ignore[no-any-return]


def _baseline_frame(baselines: Sequence[Baseline], of: Measure) -> pd.DataFrame:
    rows = [
        b.to_dict() | {"label": label(b.family, of.task)} for b in baselines if b.aicc is not None and b.family in DRAWN
    ]
    numbers = ["n_params", of.fit_column, of.error_column, "aicc"]
    return pd.DataFrame(rows, columns=["family", *numbers, "label"]).astype(dict.fromkeys(numbers, float))


def _about_trials(table: pd.DataFrame) -> list[dict[str, Any]]:
    return _tooltips("trials", _measure(table), tuple(_parameters(table)))


def _point_layers(x: Any, y: Any, color: Any, selected: int | None, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Trials as circles (triangles beyond the fence); the selected one ringed. On top: they take the clicks."""
    beyond = {"condition": {"test": "datum.beyond", "value": "triangle-up"}, "value": "circle"}
    filled = {"filled": True, **_POINT}
    points = layer("trials", "point", filled, x=x, y=y, color=color, shape=beyond, tooltip=_about_trials(table))
    points["name"] = "trials"
    if selected is None:
        return [points]
    style = {"size": 260, "stroke": ACCENT, "strokeWidth": 2.5, "filled": False}
    ring = layer("trials", "point", style, x=x, y=y)
    ring["transform"] = [{"filter": f"datum.number === {int(selected)}"}]
    return [ring, points]


def _short(name: str) -> str:
    return name if len(name) <= 30 else f"{name[:29]}…"


def _baseline_layers(x: Any, y: Any, of: Measure) -> list[dict[str, Any]]:
    cross = {"shape": "cross", "filled": True, "size": 90, "color": MUTED}
    text = {"align": "left", "dx": 9, "dy": 1, "color": MUTED, "fontSize": 12}
    return [
        layer("baselines", "point", cross, x=x, y=y, tooltip=_tooltips("baselines", of)),
        layer("baselines", "text", text, x=x, y=y, text=nominal("label")),
    ]


def _best_layers(x: Any, y: Any, table: pd.DataFrame) -> list[dict[str, Any]]:
    """The trial of least AICc, marked and named."""
    diamond = {"shape": "diamond", "size": 240, "stroke": ACCENT, "strokeWidth": 2.5, "filled": False}
    text = {"align": "left", "dx": 13, "dy": -11, "color": ACCENT, "fontSize": 12, "fontWeight": "bold"}
    return [
        layer("best", "point", diamond, x=x, y=y, tooltip=_about_trials(table)),
        layer("best", "text", text | {"text": "least AICc"}, x=x, y=y),
    ]


def _whole(layers: list[dict[str, Any]], tables: dict[str, pd.DataFrame], title: str, subtitle: str) -> Layered:
    """The chart of some layers, of which "trials" takes the clicks."""
    picked = vega_lite(_picked().param) | {"views": ["trials"]}
    heading = _heading(title, subtitle)
    return layered(layers, tables, params=[picked], title=heading, height=HEIGHT, width="container")


def _equal_k(done: pd.DataFrame, fits: pd.Series, n: int, low: float, high: float, of: Measure) -> pd.DataFrame:
    """AICc as a function of the fit for a handful of the K in the table, within the drawn ranges of both."""
    counts = np.unique(done["n_params"])
    chosen = np.unique(counts[np.linspace(0, len(counts) - 1, min(6, len(counts))).round().astype(int)])
    least, most = fits[fits > 0].min(), fits.max()
    rows = []
    for n_params in chosen:
        ends = [max(least, of.fit_at(low, n, int(n_params))), min(most, of.fit_at(high, n, int(n_params)))]
        if not ends[0] < ends[1]:
            continue
        rows += [
            {"n_params": int(n_params), of.fit_column: at, "drawn": of.aicc(at, n, int(n_params))}
            for at in np.geomspace(ends[0], ends[1], 24)
        ]
    return pd.DataFrame(rows, columns=["n_params", of.fit_column, "drawn"])


def aicc_against_rss(
    table: pd.DataFrame,
    n: int,
    baselines: Sequence[Baseline] = (),
    selected: int | None = None,
    target: str = "the target",
) -> Layered:
    """Every complete trial as a point, coloured by K, over the curves along which K is equal.

    table: selection.trial_table.  n: training rows.  selected: number of the trial to ring.  target: what RSS is of.
    Of classes the deviance stands in the place of RSS.
    """
    of = _measure(table)
    done = table[table["state"] == "complete"]
    plain = _baseline_frame(baselines, of)
    frame, y_scale = _clipped(done, "aicc", floor=float(plain["aicc"].min()) if len(plain) else np.inf)
    low, high = y_scale.domain
    visible = plain[plain["aicc"].between(low, high)].assign(drawn=lambda f: f["aicc"])
    fits = pd.concat([done[of.fit_column], visible[of.fit_column]])
    x = alt.X(
        f"{of.fit_column}:Q",
        title=of.axis.format(_short(target)),
        scale=_scale(fits),
        axis=alt.Axis(format=_format(fits), tickCount=6, labelOverlap=True),
    )
    y = alt.Y("drawn:Q", title="AICc", scale=y_scale, axis=alt.Axis(format=",~f", tickCount=6))
    x, y = vega_lite([x, y])
    tables = {"trials": frame[[*_trial_columns(done), "drawn", "beyond"]]}
    layers: list[dict[str, Any]] = []
    curves = _equal_k(done, fits, n, low, high, of) if len(done) > 1 else pd.DataFrame()
    if len(curves):
        ends = curves.loc[curves.groupby("n_params")[of.fit_column].idxmax()]
        tables |= {"curves": curves, "ends": ends.assign(label="K " + ends["n_params"].astype(str))}
        line = {"strokeWidth": 1, "opacity": 0.45, "color": MUTED, "clip": True}
        text = {"align": "right", "dx": -4, "dy": -7, "fontSize": 10, "color": MUTED, "clip": True}
        layers.append(layer("curves", "line", line, x=x, y=y, detail=nominal("n_params")))
        layers.append(layer("ends", "text", text, x=x, y=y, text=nominal("label")))
    if len(visible):
        tables["baselines"] = visible
        layers += _baseline_layers(x, y, of)
    if len(frame):
        tables["best"] = tables["trials"].nsmallest(1, "aicc")
        layers += _best_layers(x, y, tables["trials"])
    layers += _point_layers(x, y, _color(done["n_params"]), selected, done)
    return _whole(layers, tables, f"AICc against {of.fit}", _note(frame))


def front(
    table: pd.DataFrame, baselines: Sequence[Baseline] = (), selected: int | None = None, target: str = "the target"
) -> Layered:
    """RSS (the deviance of classes) against K: every trial, the front no other betters in both, and the least AICc."""
    of = _measure(table)
    done = table[table["state"] == "complete"].assign(beyond=False)
    plain = _baseline_frame(baselines, of)
    fits = pd.concat([done[of.fit_column], plain[of.fit_column]])
    counts = pd.concat([done["n_params"], plain["n_params"]])
    x = alt.X(
        "n_params:Q",
        title="parameters K",
        scale=_scale(counts),
        axis=alt.Axis(format="~s", tickCount=6, labelOverlap=True),
    )
    y = alt.Y(
        f"{of.fit_column}:Q",
        title=of.axis.format(_short(target)),
        scale=_scale(fits),
        axis=alt.Axis(format=_format(fits), tickCount=6, titleLimit=HEIGHT - 60),  # a longer one would squash the plot
    )
    tables = {"trials": done[[*_trial_columns(done), "on_front", "beyond"]]}
    tables["front"] = done.loc[done["on_front"], ["n_params", of.fit_column]].sort_values("n_params")
    step = {"interpolate": "step-after", "color": ACCENT, "strokeWidth": 1.5, "opacity": 0.8}
    layers = [layer("front", "line", step, x=x, y=y)]
    if len(plain):
        tables["baselines"] = plain
        layers += _baseline_layers(x, y, of)
    if len(done):
        tables["best"] = tables["trials"].nsmallest(1, "aicc")
        layers += _best_layers(x, y, tables["trials"])
    color = {"condition": {"test": "datum.on_front", "value": ACCENT}, "value": "#adb5bd"}
    layers += _point_layers(x, y, color, selected, done)
    words = f"{len(tables['front']):,} of {len(done):,} points on the front"
    return _whole(layers, tables, "Pareto front: fit against complexity", words)


def history(table: pd.DataFrame, selected: int | None = None) -> Layered:
    """AICc of every trial in the order of the trials, and the least so far."""
    done = table[table["state"] == "complete"].sort_values("number")
    frame, y_scale = _clipped(done.assign(best=done["aicc"].cummin()), "aicc")
    frame["best"] = frame["best"].clip(upper=y_scale.domain[1])
    x = alt.X(
        "number:Q",
        title="trial",
        scale=alt.Scale(zero=False, nice=False, padding=12),
        axis=alt.Axis(format="d", tickMinStep=1),
    )
    y = alt.Y("drawn:Q", title="AICc", scale=y_scale, axis=alt.Axis(format=",~f", tickCount=6))
    step = {"interpolate": "step-after", "color": ACCENT, "strokeWidth": 2}
    best = vega_lite(y) | {"field": "best"}
    layers = [layer("trials", "line", step, x=x, y=best)]
    layers += _point_layers(x, y, _color(done["n_params"]), selected, done)
    tables = {"trials": frame[[*_trial_columns(done), "drawn", "beyond", "best"]]}
    return _whole(layers, tables, "AICc by trial, and the least so far", _note(frame))


def loss_curve(curve: Sequence[float], name: str = "RSS") -> Any:
    """RSS, or what else `name` says, over the steps of one training."""
    frame = pd.DataFrame({"step": np.linspace(0, 100, len(curve)), "rss": list(curve)})
    x = alt.X("step:Q", title="training done (%)")
    y = alt.Y("rss:Q", title=name, scale=_scale(frame["rss"]), axis=alt.Axis(format=_format(frame["rss"]), tickCount=4))
    return _finish(alt.Chart(frame).mark_line(color=ACCENT).encode(x=x, y=y), "", "", height=200)


def admissible_map(cells: pd.DataFrame, n: int) -> Any:
    """neuron_num against grid for each k and depth, before any training: K, few rows a parameter tinted, inadmissible hatched.

    cells: columns neuron_num, grid, k, depth where that varies, n_params, rows (training rows a parameter), verdict
    ("judged", "few rows" or "inadmissible") and, where known, seconds (predicted).  n: training rows.
    """
    base = alt.Chart(cells).encode(
        x=alt.X("neuron_num:O", title="hidden neurons", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("grid:O", title="grid intervals", sort="descending"),
        tooltip=[
            *(alt.Tooltip(f"{field}:O", title=name) for field, name in _parameters(cells).items()),
            alt.Tooltip("n_params:Q", title="parameters K"),
            _number("rows", "n/K", ".1f"),
            *([_number("seconds", "predicted seconds", ".2~f")] if "seconds" in cells else []),
            alt.Tooltip("verdict:N", title="AICc"),
        ],
    )
    scale = alt.Scale(scheme="viridis", reverse=True, domain=[1, max(n // 3, 2)])
    legend = alt.Legend(orient="bottom", gradientLength=200, tickCount=4)
    color = alt.Color("n_params:Q", title="parameters K", scale=scale, legend=legend)
    edge: dict[str, Any] = {"stroke": "white", "strokeWidth": 1}
    judged = base.transform_filter("datum.verdict === 'judged'").mark_rect(**edge).encode(color=color)
    tint = base.transform_filter("datum.verdict === 'few rows'").mark_rect(fill=ACCENT, fillOpacity=0.3, **edge)
    others = base.transform_filter("datum.verdict === 'inadmissible'")
    grey = others.mark_rect(fill=MUTED, fillOpacity=0.13, **edge)
    hatch = others.mark_text(text="\u2571", color=MUTED, opacity=0.6, fontSize=13)
    return _facets(alt.layer(grey, hatch, judged, tint).properties(width=168, height=170), cells)


def aicc_map(table: pd.DataFrame, selected: int | None = None) -> Any:
    """AICc over hidden neurons and grid intervals for each k and depth; the colours end at the robust fence."""
    done = table[table["state"] == "complete"]
    domain = [float(done["aicc"].min()), _upper_fence(done["aicc"])] if len(done) else [0.0, 1.0]
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
        tooltip=_tooltip(_measure(done), tuple(_parameters(done))),
    )
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(color=color)
    ring = base.transform_filter("datum.ringed").mark_rect(filled=False, stroke=ACCENT, strokeWidth=3)
    return _facets(alt.layer(cells, ring).properties(width=230, height=220), done)


def slices(table: pd.DataFrame) -> Any:
    """AICc against each parameter of the search, one trial a tick."""
    done = table[table["state"] == "complete"]
    frame, scale = _clipped(done, "aicc")
    names = _parameters(frame)
    long = frame.melt(id_vars=["number", "drawn", "n_params"], value_vars=list(names), var_name="parameter")
    base = alt.Chart(long.assign(parameter=long["parameter"].map(names))).mark_circle(size=40, opacity=0.6)
    chart = base.encode(
        x=alt.X("value:O", title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("drawn:Q", title="AICc", scale=scale),
        color=_color(done["n_params"]),
        tooltip=[alt.Tooltip("number:Q", title="trial"), alt.Tooltip("value:O"), _number("drawn", "AICc", ",.2f")],
    ).properties(width=230, height=220)
    return chart.facet(column=alt.Column("parameter:N", title=None, header=alt.Header(labelFontSize=13))).resolve_scale(
        x="independent"
    )


def importance(shares: pd.DataFrame) -> Any:
    """How much of the variation of AICc each parameter accounts for. Columns parameter, share."""
    x = alt.X(
        "share:Q", title="share of the variation of AICc", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])
    )
    y = alt.Y("parameter:N", title=None, sort="-x", axis=alt.Axis(labelOverlap=False))
    chart = alt.Chart(shares).mark_bar(color=ACCENT).encode(x=x, y=y)
    return _finish(chart, "Importance of the parameters", "", height=200)


def null_gains(gain: float, permuted: Sequence[float]) -> Any:
    """The AICc gain over the mean of this target against that of shuffled targets."""
    x = alt.X("gain:Q", title="AICc gained over the mean", scale=alt.Scale(zero=False, padding=16))
    ticks = alt.Chart(pd.DataFrame({"gain": list(permuted)})).mark_tick(color=MUTED, thickness=2, size=28).encode(x=x)
    own = alt.Chart(pd.DataFrame({"gain": [gain]})).mark_tick(color=ACCENT, thickness=4, size=44).encode(x=x)
    return _finish(ticks + own, "This target (orange) against shuffled ones (grey)", "", height=110)


def calibration(bins: Sequence[CalibrationBin], of: str) -> Any:
    """What happened against what was predicted, bin by bin, with the number of rows. of: the class whose share it is."""
    frame = pd.DataFrame(bins, columns=CalibrationBin._fields)
    unit = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("predicted:Q", title=f"predicted probability of {_short(of)}", scale=unit, axis=alt.Axis(format="%"))
    y = alt.Y("observed:Q", title="share of the rows", scale=unit, axis=alt.Axis(format="%"))
    tooltip = [
        alt.Tooltip("rows:Q", title="rows"),
        _number("predicted", "mean probability", ".1%"),
        _number("observed", "share that was", ".1%"),
        _number("low", "95% from", ".1%"),
        _number("high", "to", ".1%"),
    ]
    line = pd.DataFrame({"predicted": [0.0, 1.0], "observed": [0.0, 1.0]})
    perfect = alt.Chart(line).mark_line(color=MUTED, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y)
    base = alt.Chart(frame)
    interval = base.mark_rule(color=ACCENT, opacity=0.5).encode(x=x, y="low:Q", y2="high:Q")
    points = base.mark_circle(color=ACCENT, size=90).encode(x=x, y=y, tooltip=tooltip)
    counts = base.mark_text(dx=9, dy=-9, align="left", color=MUTED, fontSize=11).encode(x=x, y=y, text="rows:Q")
    title = "Calibration: what happened against what was predicted"
    subtitle = (
        "numbers of rows; bars are 95% intervals of the share (Wilson); on the dashed line probabilities are right"
    )
    return _finish(alt.layer(perfect, interval, points, counts), title, subtitle)


def _note(frame: pd.DataFrame) -> str:
    beyond = int(frame["beyond"].sum()) if len(frame) else 0
    return f"{beyond} beyond the axis, drawn as triangles at its edge" if beyond else ""


def _heading(title: str, subtitle: str) -> alt.TitleParams:
    return alt.TitleParams(
        title, subtitle=subtitle or " ", anchor="start", fontSize=15, subtitleFontSize=12, subtitleColor=MUTED, offset=6
    )


def _finish(chart: Any, title: str, subtitle: str, height: int = HEIGHT) -> Any:
    chart = chart.properties(height=height, width="container")
    return chart.properties(title=_heading(title, subtitle)) if title else chart
