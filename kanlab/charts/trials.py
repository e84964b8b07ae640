"""The trials of a study, one point each: AICc against RSS, the Pareto front, AICc by trial; and the loss of one training.

Every chart of points has a selection parameter SELECTED on the field `number`. They are redrawn often while a study runs, so
kanlab.charts.layered puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.baselines.registry import Baseline, label
from kanlab.charts.encoding import clipped, color_of, fit_and_error, measure_of, parameters_of, tooltip
from kanlab.charts.layered import Layered, layer, layered, nominal, vega_lite
from kanlab.charts.style import ACCENT, HEIGHT, MUTED, heading, label_format, number, scale_of, short
from kanlab.selection.measures import Measure
from kanlab.text import counted

SELECTED = "selected"
_DRAWN = ("constant", "linear")  # the other linear models would lie on top of these

_POINT: dict[str, Any] = {"size": 64, "opacity": 0.9, "stroke": "white", "strokeWidth": 0.5}


def aicc_against_rss(
    table: pd.DataFrame,
    n: int,
    baselines: Sequence[Baseline] = (),
    selected: int | None = None,
    target: str = "the target",
) -> Layered:
    """Every complete trial as a point, coloured by K, over curves of equal K.

    Parameters
    ----------
    table : DataFrame
        Of `kanlab.selection.ranking.trial_table`, one row a trial; for classes the deviance replaces RSS.
    n : int
        Training rows.
    baselines : sequence of Baseline
        Of which the mean and the linear model are drawn.
    selected : int, optional
        Number of the trial to ring.
    target : str
        Its name, for the title of the axis.

    Returns
    -------
    Layered
        A click on a point sets its parameter SELECTED to the number of the trial.

    Examples
    --------
    >>> trial = {"number": 0, "state": "complete", "neuron_num": 1, "grid": 3, "k": 3, "n_params": 15,
    ...          "rss_train": 0.4, "rss_test": 0.1, "rmse_test": 0.1, "aicc": -80.0, "delta_aicc": 0.0}
    >>> chart = aicc_against_rss(pd.DataFrame([trial]), n=32)
    >>> chart.tables["trials"]["aicc"].tolist(), chart.to_dict()["title"]["text"]
    ([-80.0], 'AICc against RSS')
    """
    of = measure_of(table)
    done = table[table["state"] == "complete"]
    plain = _baseline_frame(baselines, of)
    frame, y_scale = clipped(done, "aicc", floor=float(plain["aicc"].min()) if len(plain) else np.inf)
    low, high = y_scale.domain
    visible = plain[plain["aicc"].between(low, high)].assign(drawn=lambda f: f["aicc"])
    fits = pd.concat([done[of.fit_column], visible[of.fit_column]])
    x = alt.X(
        f"{of.fit_column}:Q",
        title=of.axis.format(short(target)),
        scale=scale_of(fits),
        axis=alt.Axis(format=label_format(fits), tickCount=6, labelOverlap=True),
    )
    y = alt.Y("drawn:Q", title="AICc", scale=y_scale, axis=alt.Axis(format=",~f", tickCount=6))
    x, y = vega_lite([x, y])
    tables = {"trials": frame[[*_trial_columns(done), "drawn", "beyond"]]}
    layers: list[dict[str, Any]] = []
    curves = _equal_k(done, fits, n, low, high, of) if len(done) > 1 else pd.DataFrame()
    if len(curves):
        ends = curves.loc[curves.groupby("n_params")[of.fit_column].idxmax()]
        tables |= {"curves": curves, "ends": ends.assign(label="K = " + ends["n_params"].astype(str))}
        line = {"strokeWidth": 1, "opacity": 0.45, "color": MUTED, "clip": True}
        text = {"align": "right", "dx": -4, "dy": -7, "fontSize": 10, "color": MUTED, "clip": True}
        layers.append(layer("curves", "line", line, x=x, y=y, detail=nominal("n_params")))
        layers.append(layer("ends", "text", text, x=x, y=y, text=nominal("label")))
    layers += _landmark_layers(x, y, of, tables, visible)
    layers += _point_layers(x, y, color_of(done["n_params"]), selected, done)
    return _whole(layers, tables, f"AICc against {of.fit}", _note(frame))


def pareto_front(
    table: pd.DataFrame, baselines: Sequence[Baseline] = (), selected: int | None = None, target: str = "the target"
) -> Layered:
    """RSS (for classes the deviance) against K: every trial, the Pareto front, and the trial of lowest AICc."""
    of = measure_of(table)
    done = table[table["state"] == "complete"].assign(beyond=False)
    plain = _baseline_frame(baselines, of)
    fits = pd.concat([done[of.fit_column], plain[of.fit_column]])
    counts = pd.concat([done["n_params"], plain["n_params"]])
    x = alt.X(
        "n_params:Q",
        title="number of parameters K",
        scale=scale_of(counts),
        axis=alt.Axis(format="~s", tickCount=6, labelOverlap=True),
    )
    y = alt.Y(
        f"{of.fit_column}:Q",
        title=of.axis.format(short(target)),
        scale=scale_of(fits),
        axis=alt.Axis(
            format=label_format(fits), tickCount=6, titleLimit=HEIGHT - 60
        ),  # a longer one would squash the plot
    )
    x, y = vega_lite([x, y])
    tables = {"trials": done[[*_trial_columns(done), "on_front", "beyond"]]}
    tables["front"] = done.loc[done["on_front"], ["n_params", of.fit_column]].sort_values("n_params")
    step = {"interpolate": "step-after", "color": ACCENT, "strokeWidth": 1.5, "opacity": 0.8}
    layers = [layer("front", "line", step, x=x, y=y)]
    layers += _landmark_layers(x, y, of, tables, plain)
    color = {"condition": {"test": "datum.on_front", "value": ACCENT}, "value": "#adb5bd"}
    layers += _point_layers(x, y, color, selected, done)
    subtitle = f"{len(tables['front']):,} of {len(done):,} trials are on the front: no other is better in both"
    return _whole(layers, tables, "Pareto front: fit against complexity", subtitle)


def history(table: pd.DataFrame, selected: int | None = None) -> Layered:
    """AICc of every trial in the order of the trials, and the lowest so far; arguments as of `aicc_against_rss`."""
    done = table[table["state"] == "complete"].sort_values("number")
    frame, y_scale = clipped(done.assign(best=done["aicc"].cummin()), "aicc")
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
    layers += _point_layers(x, y, color_of(done["n_params"]), selected, done)
    tables = {"trials": frame[[*_trial_columns(done), "drawn", "beyond", "best"]]}
    return _whole(layers, tables, "AICc by trial, and the lowest so far", _note(frame))


def loss_curve(curve: Sequence[float], name: str = "RSS") -> Any:
    """The loss over the steps of one training. name: of the loss.

    >>> loss_curve([4.0, 2.0, 1.0]).to_dict()["mark"]["type"]
    'line'
    """
    frame = pd.DataFrame({"step": np.linspace(0, 100, len(curve)), "rss": list(curve)})
    x = alt.X("step:Q", title="training progress (%)")
    y = alt.Y(
        "rss:Q", title=name, scale=scale_of(frame["rss"]), axis=alt.Axis(format=label_format(frame["rss"]), tickCount=4)
    )
    return alt.Chart(frame).mark_line(color=ACCENT).encode(x=x, y=y).properties(height=200, width="container")


def _trial_columns(table: pd.DataFrame) -> list[str]:
    """The columns that a chart of trials draws or names in its tooltip."""
    of = measure_of(table)
    return ["number", *parameters_of(table), "n_params", of.fit_column, of.error_column, "aicc", "delta_aicc"]


def _baseline_frame(baselines: Sequence[Baseline], of: Measure) -> pd.DataFrame:
    rows = [
        b.to_dict() | {"label": label(b.family, of.task)}
        for b in baselines
        if b.aicc is not None and b.family in _DRAWN
    ]
    numbers = ["n_params", of.fit_column, of.error_column, "aicc"]
    return pd.DataFrame(rows, columns=["family", *numbers, "label"]).astype(dict.fromkeys(numbers, float))


def _about_trials(table: pd.DataFrame) -> list[dict[str, Any]]:
    return _trial_tooltip(measure_of(table), tuple(parameters_of(table)))


@cache
def _trial_tooltip(of: Measure, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    return vega_lite(tooltip(of, parameters))  # type: ignore[no-any-return]


@cache
def _baseline_tooltip(of: Measure) -> list[dict[str, Any]]:
    lines = [
        alt.Tooltip("family:N", title="model"),
        number("n_params", "number of parameters K"),
        number("aicc", "AICc", ",.2f"),
        *fit_and_error(of),
    ]
    return vega_lite(lines)  # type: ignore[no-any-return]


def _point_layers(x: Any, y: Any, color: Any, selected: int | None, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Trials as circles (triangles beyond the axis), the selected one ringed. They come last because they take the clicks."""
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


def _landmark_layers(
    x: Any, y: Any, of: Measure, tables: dict[str, pd.DataFrame], baselines: pd.DataFrame
) -> list[dict[str, Any]]:
    """The baselines and the trial of lowest AICc, if there are any; adds their tables to those of the chart."""
    layers: list[dict[str, Any]] = []
    drawn = pd.concat([tables["trials"][x["field"]], baselines[x["field"]]])
    if len(baselines):
        tables["baselines"] = baselines.assign(right=_along(x, baselines[x["field"]], drawn) > 0.7)
        layers += _baseline_layers(x, y, of)
    if len(tables["trials"]):
        tables["best"] = tables["trials"].nsmallest(1, "aicc")
        at = float(_along(x, tables["best"][x["field"]], drawn)[0])
        layers += _best_layers(x, y, tables["trials"], at)
    return layers


def _baseline_layers(x: Any, y: Any, of: Measure) -> list[dict[str, Any]]:
    cross = {"shape": "cross", "filled": True, "size": 90, "color": MUTED}
    layers = [layer("baselines", "point", cross, x=x, y=y, tooltip=_baseline_tooltip(of))]
    # near the right end a label is to the left of its mark, so that it stays clear of the legend
    for test, side in (("!datum.right", {"align": "left", "dx": 9}), ("datum.right", {"align": "right", "dx": -9})):
        style = {"dy": 1, "color": MUTED, "fontSize": 12, **side}
        text = layer("baselines", "text", style, x=x, y=y, text=nominal("label"))
        layers.append(text | {"transform": [{"filter": test}]})
    return layers


def _along(x: Any, values: pd.Series, drawn: pd.Series) -> np.ndarray:
    """Where values lie on the x axis: 0 at the minimum of what is drawn, 1 at the maximum."""
    low, high = float(drawn.min()), float(drawn.max())
    at = np.append(values.to_numpy(dtype=float), [low, high])
    if x["scale"].get("type") == "log":
        at = np.log(np.maximum(at, np.finfo(float).tiny))
    return (at[:-2] - at[-2]) / ((at[-1] - at[-2]) or 1.0)


def _best_layers(x: Any, y: Any, table: pd.DataFrame, at: float) -> list[dict[str, Any]]:
    """The trial of lowest AICc, marked and labelled. at: where it is on the x axis, 0 to 1.

    The label is below the mark and to its left, where no trial can be, unless the left end of the axis is too near.
    """
    diamond = {"shape": "diamond", "size": 240, "stroke": ACCENT, "strokeWidth": 2.5, "filled": False}
    side = {"align": "left", "dx": 8} if at < 0.25 else {"align": "right", "dx": -8}
    text = {"dy": 15, "color": ACCENT, "fontSize": 12, "fontWeight": "bold", **side}
    return [
        layer("best", "point", diamond, x=x, y=y, tooltip=_about_trials(table)),
        layer("best", "text", text | {"text": "lowest AICc"}, x=x, y=y),
    ]


def _whole(layers: list[dict[str, Any]], tables: dict[str, pd.DataFrame], title: str, subtitle: str) -> Layered:
    """One chart of these layers; a click on a point of "trials" selects it."""
    clicks = alt.selection_point(name=SELECTED, fields=["number"], on="click", clear="dblclick", empty=False)
    params = [vega_lite(clicks.param) | {"views": ["trials"]}]
    return layered(layers, tables, params=params, title=heading(title, subtitle), height=HEIGHT, width="container")


def _note(frame: pd.DataFrame) -> str:
    beyond = int(frame["beyond"].sum()) if len(frame) else 0
    return f"{counted(beyond, 'trial')} beyond the axis, drawn as triangles at its edge" if beyond else ""


def _equal_k(done: pd.DataFrame, fits: pd.Series, n: int, low: float, high: float, of: Measure) -> pd.DataFrame:
    """AICc as a function of the fit for up to six values of K, within the drawn ranges of both."""
    counts = np.unique(done["n_params"])
    chosen = np.unique(counts[np.linspace(0, len(counts) - 1, min(6, len(counts))).round().astype(int)])
    lowest, highest = fits[fits > 0].min(), fits.max()
    rows = []
    for n_params in chosen:
        ends = [max(lowest, of.fit_at(low, n, int(n_params))), min(highest, of.fit_at(high, n, int(n_params)))]
        if not ends[0] < ends[1]:
            continue
        rows += [
            {"n_params": int(n_params), of.fit_column: at, "drawn": of.aicc(at, n, int(n_params))}
            for at in np.geomspace(ends[0], ends[1], 24)
        ]
    return pd.DataFrame(rows, columns=["n_params", of.fit_column, "drawn"])
