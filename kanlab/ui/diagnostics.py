"""The Diagnostics tab of the Model page: what the rows say against the model, each chart with what it finds and its remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from pandas.api.types import is_numeric_dtype

from kanlab.charts import diagnostics as charts
from kanlab.charts import model as model_charts
from kanlab.explain import curves
from kanlab.explain.diagnostics import Diagnostics, diagnostics_of, normal_quantiles
from kanlab.explain.predictor import HeldOut
from kanlab.explain.residual_checks import Check, binned
from kanlab.language import marked, say
from kanlab.selection.measures import fixed
from kanlab.stats.likelihood import COUNTS
from kanlab.stats.metrics import area_under_roc
from kanlab.study.handle import StudyHandle
from kanlab.text import agreeing, short
from kanlab.ui import drawing, residual_remedies, widgets
from kanlab.ui.calibration import probabilities
from kanlab.ui.widgets import literal

if TYPE_CHECKING:
    from kanlab.ui.model import ModelView

MOST_POINTS = 1500  # of a chart
MOST_EXTREME = 60  # of them those that stand out, which none may lose
_ROWS_HELP = marked("Number of the training row, in the order of the table; the test rows are not counted.")


def diagnostics(view: ModelView, handle: StudyHandle) -> None:
    """Every chart of the task in two columns, each with one sentence, and a button where a click may mend what it shows."""
    with st.spinner(say("Checking the residuals…")):
        found: Diagnostics = view.once("diagnostics", lambda: diagnostics_of(view.model.fitted, view.data, view.bands))
    panel = _Panel(found, view, handle)
    _summary(found)
    if view.data.levels:
        _of_classes(panel)
    else:
        _of_residuals(panel)
    _influence(panel)


class _Panel:
    """What the charts are about."""

    def __init__(self, found: Diagnostics, view: ModelView, handle: StudyHandle) -> None:
        self.found, self.view, self.handle, self.look = found, view, handle, drawing.look()
        self.shown = shown_rows(found)

    def checked(self, name: str) -> None:
        """The sentence of a check, and its button."""
        check = self.found.check(name)
        _sentence(check)
        residual_remedies.button(check, self.view.data, self.handle)

    def pair(self, *draw: Callable[[], None]) -> None:
        """Two charts side by side."""
        for place, one in zip(st.columns(2, gap="medium"), draw, strict=True):
            with place:
                one()


def _summary(found: Diagnostics) -> None:
    amiss = found.departures
    looked = len([c for c in found.checks if c.departs is not None])
    if not amiss:
        st.success(
            say("Nothing speaks against this model in {looked} checks of its rows.", looked=looked),
            icon=":material/check_circle:",
        )
        return
    names = say(", ").join(say(_TITLES[c.name]) for c in amiss)
    st.warning(
        say(
            "{amiss} of {looked} checks {finds} something: {names}.",
            amiss=len(amiss),
            looked=looked,
            finds=agreeing(len(amiss), "finds", "find"),
            names=names,
        ),
        icon=":material/warning:",
    )


_TITLES = {
    "bend": marked("a bend"),
    "features": marked("a pattern along a feature"),
    "order": marked("rows that depend on each other"),
    "normality": marked("the shape of the residuals"),
    "spread": marked("unequal spread"),
    "dispersion": marked("dispersion"),
    "zeros": marked("zeros"),
    "influence": marked("rows that decide the fit"),
    "calibration": marked("probabilities that are not right"),
    "ranking": marked("a ranking no better than chance"),
    "confusion": marked("names no better than the most frequent class"),
}


def _sentence(check: Check) -> None:
    if check.departs:
        st.markdown(f":material/warning: {literal(check.sentence)}")
    else:
        st.caption(f"{':material/check:' if check.departs is False else ':material/help:'} {literal(check.sentence)}")


def _of_residuals(panel: _Panel) -> None:
    table, label, look = panel.view.residuals, panel.view.data.prediction_label, panel.look

    def fitted() -> None:
        drawing.chart(model_charts.predicted_observed(table, label, look), "predicted-observed")
        panel.checked("bend")

    def residuals() -> None:
        drawing.chart(model_charts.residuals(table, label, look), "residuals")
        if panel.view.data.task == COUNTS:
            st.caption(
                say("Counts vary more where their mean is larger, by its square root where they vary by chance alone.")
            )
            panel.checked("dispersion")
        else:
            panel.checked("spread")

    panel.pair(fitted, residuals)
    panel.pair(lambda: _along_feature(panel), lambda: _in_order(panel))
    if panel.view.data.task == COUNTS:
        panel.pair(lambda: _rootogram(panel), lambda: _scale_location(panel))
    else:
        panel.pair(lambda: _quantiles(panel), lambda: _scale_location(panel))


def _along_feature(panel: _Panel) -> None:
    found, data = panel.found, panel.view.data
    ranked = found.by_feature
    names = ranked["feature"].tolist()
    feature = st.selectbox(
        say("Residuals along"), names, key="residuals-along", format_func=short, persist_state="page"
    )
    x, at = data.X_train[:, data.features.index(feature)], panel.shown
    means = binned(x, found.standardised)
    drawn = charts.along(x[at], found.standardised[at], at + 1, means, feature, panel.look)
    drawing.chart(drawn, "residuals-feature")
    panel.checked("features")


def _in_order(panel: _Panel) -> None:
    found, at = panel.found, panel.shown
    row = np.arange(1.0, panel.view.data.n + 1.0)
    means = binned(row, found.standardised, 12)
    name, title = say("number of the row, in table order"), say("Residuals in the order of the rows")
    drawing.chart(
        charts.along(row[at], found.standardised[at], at + 1, means, name, panel.look, title=title), "residuals-order"
    )
    panel.checked("order")


def _quantiles(panel: _Panel) -> None:
    table = normal_quantiles(panel.found.standardised)
    drawing.chart(charts.quantiles(table[table["row"].isin(panel.shown)], panel.look), "residual-quantiles")
    panel.checked("normality")


def _scale_location(panel: _Panel) -> None:
    found, at, data = panel.found, panel.shown, panel.view.data
    r = found.standardised
    means = binned(found.linear, np.sqrt(np.abs(r)))
    drawn = charts.scale_location(found.linear[at], r[at], at + 1, means, data.output_label, panel.look)
    drawing.chart(drawn, "scale-location")
    if data.task == COUNTS:
        st.caption(say("The size of the residuals in units of what Poisson counts vary by; level where that is right."))


def _rootogram(panel: _Panel) -> None:
    table = curves.rootogram(panel.found.predicted_train, panel.view.data.y_train)
    drawing.chart(charts.rootogram(table, panel.view.data.target, panel.look), "rootogram")
    panel.checked("zeros")


def _of_classes(panel: _Panel) -> None:
    found, data = panel.found, panel.view.data
    p, y, rows = found.held_out
    probabilities(HeldOut(p, y, rows), data.levels, panel.view.model.name)
    panel.pair(lambda: panel.checked("calibration"), lambda: panel.checked("confusion"))
    shown = 1
    if data.outputs > 1:  # the class whose calibration is looked at
        shown = int(st.session_state.get("calibration-class", 1))
        p, y = p[:, shown], np.asarray(y == shown, dtype=float)
    of, rate = data.levels[shown], float(np.mean(y))
    if 0.0 < rate < 1.0:
        area = area_under_roc(p, y) or 0.5
        by_recall, average = curves.thinned(curves.precision_recall(p, y)), curves.average_precision(p, y)
        roc = charts.roc(curves.thinned(curves.roc(p, y)), area, of, panel.look)
        recall = charts.precision_recall(by_recall, average, rate, of, panel.look)
        gains = charts.gains(curves.thinned(curves.gains(p, y)), rate, of, panel.look)

        def ranked() -> None:
            drawing.chart(roc, "roc")
            panel.checked("ranking")

        panel.pair(ranked, lambda: drawing.chart(recall, "precision-recall"))
        if data.outputs == 1:
            panel.pair(lambda: drawing.chart(gains, "gains"), lambda: _along_feature(panel))
        else:
            panel.pair(lambda: drawing.chart(gains, "gains"), lambda: None)
    else:
        panel.checked("ranking")


def _influence(panel: _Panel) -> None:
    of, at = panel.found.influence, panel.shown
    if of is None:
        panel.checked("influence")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        drawn = charts.influence(of.leverage[at], of.standardised[at], of.cook[at], at + 1, panel.look)
        picked = drawing.picking_chart(drawn, "influence", charts.SELECTED_ROW)
        clicked = [int(point["row"]) - 1 for point in picked if point.get("row")]
        panel.checked("influence")
    with right:
        st.markdown(say("**The most influential rows**"))
        table = panel.found.influential(clicked)
        columns: dict[str, Any] = {
            "row": st.column_config.NumberColumn(say("row"), help=say(_ROWS_HELP), format="%d"),
            "cook": st.column_config.NumberColumn(
                say("Cook's distance"),
                format="%.3f",
                help=say("How far the fit moves without the row; above 1 the row decides it."),
            ),
            "leverage": st.column_config.NumberColumn(
                say("leverage"), format="%.3f", help=say("What share of its own prediction the row decides.")
            ),
        }
        columns |= {name: say(name) for name in ("observed", "predicted")}
        if is_numeric_dtype(table["predicted"]):  # of many classes it is the name of one
            columns["predicted"] = st.column_config.NumberColumn(say("predicted"), format=fixed(table["predicted"]))
        key = "-".join(["influential-rows", *(str(row) for row in clicked)])
        start = {"selection": {"rows": list(range(len(clicked))), "columns": [], "cells": []}}
        selected = widgets.table(
            table, key, column_config=columns, on_select="rerun", selection_mode="multi-row", height=360,
            selection_default=start,
        )  # fmt: skip
        rows = [int(table["row"].iloc[i]) - 1 for i in selected.selection.rows]
        residual_remedies.fit_without(rows, panel.view.data, panel.handle)
        st.caption(
            say(
                "Select rows, here or by a click in the chart, to fit without them. Cook's distance "
                "tells how far the whole fit moves when a row is left out, leverage what share of "
                "its own prediction a row decides; both from the linearised fit, without refits. "
                "Features are as the model has them: levels as 0 and 1, dates as years."
            )
        )


def shown_rows(found: Diagnostics) -> Any:
    """The training rows (from 0) that charts draw: all, or so many, evenly chosen, and those that stand out."""
    n = found.data.n
    if n <= MOST_POINTS:
        return np.arange(n)
    some = [np.linspace(0, n - 1, MOST_POINTS).round().astype(int)]
    if found.data.outputs == 1:
        some.append(np.argsort(-np.abs(found.standardised))[:MOST_EXTREME])
    if found.influence is not None:
        some.append(np.argsort(-found.influence.cook)[:MOST_EXTREME])
    return np.unique(np.concatenate(some))
