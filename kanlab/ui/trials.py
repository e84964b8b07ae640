"""The Live page: the selected trial, and the table of all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.charts import training
from kanlab.charts.thinning import MOST_POINTS, TABLE_ROWS
from kanlab.data.writing import to_csv
from kanlab.selection.candidates import cell_words
from kanlab.study.data_summary import DataSummary
from kanlab.study.trials import TrialRecord
from kanlab.text import short
from kanlab.ui import drawing, session, shared, widgets
from kanlab.ui.widgets import (
    AICC_HELP,
    DEVIANCE_HELP,
    K_HELP,
    LOG_LOSS_HELP,
    RSS_HELP,
    TEST_HELP,
    download,
    literal,
)


def card(records: Sequence[TrialRecord], number: int | None, data: DataSummary) -> None:
    """The selected trial: its numbers and its training."""
    record = next((r for r in records if r.number == number), None)
    if record is None:
        st.info("Click a point or a row of the table to see that trial here.", icon=":material/touch_app:")
        return
    st.markdown(f"**Trial {record.number}**: {cell_words(record.cell)}")
    columns = st.columns(4)
    columns[0].metric("K", f"{record.n_params:,}", help=K_HELP)
    columns[1].metric("AICc", "–" if record.aicc is None else f"{record.aicc:,.1f}", help=AICC_HELP)
    if data.levels:
        scores = record.classes
        columns[2].metric("Deviance", _quantity(scores and scores.deviance_train), help=DEVIANCE_HELP)
        columns[3].metric("Log-loss, test", _quantity(scores and scores.log_loss_test), help=LOG_LOSS_HELP)
        if scores is not None:
            test = "" if scores.accuracy_test is None else f" and {100 * scores.accuracy_test:.1f}% of the test rows"
            st.caption(f"It classifies {100 * scores.accuracy_train:.1f}% of the training rows{test} correctly.")
    else:
        help_text = literal(f"{RSS_HELP}, in squared units of {short(data.fitted_target)}.")
        columns[2].metric("RSS, training", _quantity(record.rss_train), help=help_text)
        columns[3].metric("RSS, test", _quantity(record.rss_test), help=help_text)
    if record.rmse_train is not None:
        test = "" if record.rmse_test is None else f" and {record.rmse_test:.4g} on the test rows"
        sentence = f"RMSE, the typical error, is {record.rmse_train:.4g} on the training rows{test}"
        st.caption(literal(f"{sentence}, in units of {short(data.target)}."))
    ended = f"The fit took {record.iterations} iterations, {record.seconds:.2f} s. It ended with the status: {record.status}."
    st.caption(literal(ended if record.state == "complete" else record.status))
    if len(record.loss_curve) > 1:
        name, unit = ("deviance", "−2 ln L") if data.levels else ("RSS", f"squared units of {data.fitted_target}")
        drawing.chart(training.loss_curve(record.loss_curve, name, unit, drawing.look()), "loss-curve")


def table(found: pd.DataFrame, study: Study, stamp: shared.Stamp) -> None:
    """The trials, lowest AICc first; a click on a row selects its trial."""
    key, whole = "trial-table", True
    if len(found) > MOST_POINTS:
        label = f"Show all {len(found):,} trials in the table, not only the {TABLE_ROWS:,} with the lowest AICc"
        whole = st.toggle(label, key="all-rows", help="The download always has all trials.")
    ranked, sent = shared.ranking(stamp, whole, found)
    data = study.handle.data
    target, unit = literal(short(data.fitted_target)), literal(short(data.target))

    def pick() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        session.select_trial(int(ranked["number"].iloc[rows[0]]) if rows else None)

    def number(title: str, fmt: str, text: str = "") -> Any:
        return st.column_config.NumberColumn(title, format=fmt, help=text or None)

    order = None
    if data.levels:
        order = [c for c in ranked.columns if not c.startswith(("rss_", "brier_")) and c != "auc_train"]
    widgets.table(
        sent,
        key,
        column_order=order,
        on_select=pick,
        selection_mode="single-row",
        height=320,
        column_config={
            "number": number("trial", "%d"),
            "state": "state",
            "neuron_num": number("hidden neurons", "%d"),
            "grid": number("grid", "%d", "Grid intervals of every spline."),
            "k": number("k", "%d", "Spline order."),
            "depth": number("depth", "%d", "Hidden layers."),
            "n_params": number("K", "%d", K_HELP),
            "rss_train": number("RSS train", "%.5g", f"{RSS_HELP} on the training rows, for {target}."),
            "rss_test": number("RSS test", "%.5g", TEST_HELP),
            "rmse_train": number("RMSE train", "%.4g", f"Root mean squared error, in units of {unit}."),
            "rmse_test": number("RMSE test", "%.4g", f"Root mean squared error, in units of {unit}. {TEST_HELP}"),
            "deviance_train": number("deviance", "%.5g", DEVIANCE_HELP),
            "log_loss_train": number("log-loss train", "%.4g", LOG_LOSS_HELP),
            "log_loss_test": number("log-loss test", "%.4g", TEST_HELP),
            "accuracy_train": number("accuracy train", "%.3f", "Share of rows that are classified correctly."),
            "accuracy_test": number("accuracy test", "%.3f", TEST_HELP),
            "auc_test": number("AUC test", "%.3f", "Area under the ROC curve on the test rows."),
            "aicc": number("AICc", "%.2f", AICC_HELP),
            "delta_aicc": number("ΔAICc", "%.2f", "AICc minus the lowest AICc of the study."),
            "akaike_weight": number(
                "Akaike weight", "%.3f", "Relative support for the trial among the trials of this study; sums to 1."
            ),
            "on_front": st.column_config.CheckboxColumn(
                "Pareto front", help="No other trial is better in both K and fit."
            ),
            "seconds": number("seconds", "%.2f"),
            "status": "status of the fit",
        },
    )
    download("Download the trials", lambda: to_csv(shared.ranking(stamp, True, found)[0]), f"{study.name}.csv")


def _quantity(value: float | None) -> str:
    """A sum of squares short enough for a narrow column."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"
