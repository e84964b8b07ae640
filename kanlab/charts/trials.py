"""The trials of a study, one point each: AICc against RSS, the Pareto front, and AICc by trial.

Every chart of points has two selection parameters: SELECTED, a click, on the field `number`; and BRUSHED, an area of the plot.
The charts are redrawn often while a study runs, so kanlab.charts.layered puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kanlab.baselines.registry import Baseline
from kanlab.charts.encoding import AxisKind, RobustAxis, color_of, measure_of, robust_axis
from kanlab.charts.layered import Layered, layer, nominal
from kanlab.charts.palette import LIGHT, Palette
from kanlab.charts.style import label_format, short
from kanlab.charts.trial_plot import BRUSHED, SELECTED, Recommended, TrialPlot, baseline_frame
from kanlab.language import say
from kanlab.selection.measures import Measure

_FEWEST = 4  # trials that the axis of trials has room for

__all__ = ["BRUSHED", "SELECTED", "Recommended", "aicc_against_rss", "history", "pareto_front"]


def aicc_against_rss(
    table: pd.DataFrame,
    n: int,
    baselines: Sequence[Baseline] = (),
    selected: int | None = None,
    target: str = "",
    look: Palette = LIGHT,
    kind: AxisKind = "auto",
    recommended: Recommended = None,
) -> Layered:
    """Every complete trial as a point, coloured by K, over curves of equal K.

    Parameters
    ----------
    table : DataFrame
        Of `kanlab.selection.ranking.trial_table`, one row a trial; for classes the deviance replaces RSS.
    n : int
        Training rows.
    baselines : sequence of Baseline
        Of which the mean and the linear model are drawn, at the edge of the plot where they lie beyond it.
    selected : int, optional
        Number of the trial to ring.
    target : str
        Its name, for the title of the axis.
    look : Palette
        The colours of the page's theme.
    kind : {"auto", "linear", "log"}
        Of the axis of RSS; "auto" is logarithmic where the trials span more than a decade.
    recommended : int or str, optional
        Number of the recommended trial, or the family of another model.

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
    ([-80.0], ['AICc against RSS'])
    """
    of, done = measure_of(table), _complete(table)
    plain, fit = baseline_frame(baselines, of, recommended), of.fit_column
    up = robust_axis(done["aicc"])
    across = robust_axis(done[fit], kind, kept=done.loc[done["aicc"] <= up.high, fit])
    plot = TrialPlot(done, across, _with_baselines(up, plain), look)
    plot.draws(fit, _axis_of(of, target), "aicc", say("AICc"), x_format=label_format(plot.across.ends))
    curves = _equal_k(done, plot.across, n, plot.up, of) if len(done) > 1 else pd.DataFrame()
    if len(curves):
        line = {"strokeWidth": 1, "opacity": 0.6, "color": look.faint, "clip": True}
        plot.add_line("curves", curves, line, detail=nominal("n_params"))
    plot.baselines(plain, recommended)
    plot.trials(color_of(done["n_params"], look), selected)
    plot.best(recommended)
    for n_params, curve in curves.groupby("n_params") if len(curves) else ():
        plot.label(f"K = {n_params}", curve.iloc[::-4], look.muted, optional=True)
    what = say("AICc against {fit}, one point per trial, coloured by the number of parameters K", fit=say(of.fit))
    return plot.whole(say("AICc against {fit}", fit=say(of.fit)), plot.note, what)


def pareto_front(
    table: pd.DataFrame,
    baselines: Sequence[Baseline] = (),
    selected: int | None = None,
    target: str = "",
    look: Palette = LIGHT,
    kind: AxisKind = "auto",
    recommended: Recommended = None,
) -> Layered:
    """RSS (for classes the deviance) against K: every trial, the Pareto front, and the trial of lowest AICc.

    The arguments are those of `aicc_against_rss`; kind is of both axes.
    """
    of, done = measure_of(table), _complete(table)
    up = robust_axis(done[of.fit_column], kind, kept=done.loc[done["on_front"].astype(bool), of.fit_column])
    plot = TrialPlot(done, robust_axis(done["n_params"], kind, fence=False), up, look)
    title, fmt = _axis_of(of, target), label_format(plot.up.ends)
    plot.draws("n_params", say("number of parameters K"), of.fit_column, title, x_format="~s", y_format=fmt)
    points = plot.tables["trials"] = plot.tables["trials"].assign(on_front=done["on_front"].astype(bool))
    front = points.loc[points["on_front"], ["drawn_x", "drawn_y"]].sort_values("drawn_x")
    plot.add_line("front", front, {"color": look.accent, "strokeWidth": 1.5, "opacity": 0.8}, step=True)
    plot.baselines(baseline_frame(baselines, of, recommended), recommended)
    plot.trials({"condition": {"test": "datum.on_front", "value": look.accent}, "value": look.faint}, selected)
    plot.best(recommended)
    sentence = say(
        "{front:,} of {done:,} trials are on the front: no other is better in both", front=len(front), done=len(done)
    ) * bool(len(done))
    what = say("; ").join(
        filter(None, [say("{fit} against the number of parameters K, one point per trial", fit=say(of.fit)), sentence])
    )
    return plot.whole(say("Pareto front: fit against complexity"), "\n".join(filter(None, [sentence, plot.note])), what)


def history(table: pd.DataFrame, selected: int | None = None, look: Palette = LIGHT) -> Layered:
    """AICc of every trial in the order of the trials, and its running minimum; arguments as of `aicc_against_rss`."""
    done = _complete(table).sort_values("number")
    across = robust_axis(done["number"], fence=False)
    across = replace(across, high=max(across.high, across.low + _FEWEST))
    plot = TrialPlot(done, across, robust_axis(done["aicc"]), look)
    plot.draws("number", say("trial"), "aicc", say("AICc"), x_format="d", tickMinStep=1)
    plot.tables["trials"] = plot.tables["trials"].assign(best=plot.up.drawn(done["aicc"].cummin()))
    step = {"interpolate": "step-after", "color": look.accent, "strokeWidth": 2}
    plot.layers.append(layer("trials", "line", step, x=plot.x, y=plot.y | {"field": "best"}))
    plot.trials(color_of(done["n_params"], look), selected)
    what = say("AICc of every trial in the order of the trials, and its running minimum")
    return plot.whole(say("AICc by trial, and its running minimum"), plot.note, what)


def _complete(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["state"] == "complete"]


def _axis_of(of: Measure, target: str) -> str:
    return say(of.axis).format(short(target) if target else say("the target"))


def _with_baselines(axis: RobustAxis, baselines: pd.DataFrame) -> RobustAxis:
    """An axis of AICc down to the lowest baseline, unless that would take half of the plot from the networks."""
    if not len(baselines):
        return axis
    return RobustAxis(min(axis.low, max(float(baselines["aicc"].min()), 2 * axis.low - axis.high)), axis.high)


def _equal_k(done: pd.DataFrame, across: RobustAxis, n: int, up: RobustAxis, of: Measure) -> pd.DataFrame:
    """AICc as a function of the fit for up to six values of K, within the drawn ranges of both."""
    counts = np.unique(done["n_params"])
    chosen = np.unique(counts[np.linspace(0, len(counts) - 1, min(6, len(counts))).round().astype(int)])
    positive = done[of.fit_column][done[of.fit_column] > 0]
    lowest, highest = max(across.low, float(positive.min()) if len(positive) else np.inf), across.high
    rows = []
    for n_params in chosen:
        ends = [max(lowest, of.fit_at(up.low, n, int(n_params))), min(highest, of.fit_at(up.high, n, int(n_params)))]
        if not ends[0] < ends[1]:
            continue
        rows += [
            {"n_params": int(n_params), "drawn_x": at, "drawn_y": of.aicc(at, n, int(n_params))}
            for at in np.geomspace(ends[0], ends[1], 24)
        ]
    return pd.DataFrame(rows, columns=["n_params", "drawn_x", "drawn_y"])
