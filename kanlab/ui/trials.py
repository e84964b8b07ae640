"""The trials of a study: the one that is selected, and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.charts import trials
from kanlab.charts.thinning import MOST_POINTS, TABLE_ROWS
from kanlab.data.writing import to_csv
from kanlab.selection.candidates import cell_words
from kanlab.study.data_summary import DataSummary
from kanlab.study.trials import TrialRecord
from kanlab.ui import session, shared
from kanlab.ui.widgets import AICC_HELP, DEVIANCE_HELP, LOG_LOSS_HELP, literal, short


def card(records: Sequence[TrialRecord], number: int | None, data: DataSummary) -> None:
    """The selected trial: its numbers and how its training went."""
    record = next((r for r in records if r.number == number), None)
    if record is None:
        st.info("Click a point, or a row of the table, to see the trial here.", icon=":material/touch_app:")
        return
    st.markdown(f"**Trial {record.number}**: {cell_words(record.cell)}")
    columns = st.columns(4)
    columns[0].metric("K", f"{record.n_params:,}")
    columns[1].metric("AICc", "none" if record.aicc is None else f"{record.aicc:,.1f}", help=AICC_HELP)
    if data.levels:
        scores = record.classes
        columns[2].metric("Deviance", _quantity(scores and scores.deviance_train), help=DEVIANCE_HELP)
        columns[3].metric("Log-loss, test", _quantity(scores and scores.log_loss_test), help=LOG_LOSS_HELP)
        if scores is not None:
            held = "" if scores.accuracy_test is None else f", {100 * scores.accuracy_test:.1f}% on the test rows"
            st.caption(f"{100 * scores.accuracy_train:.1f}% of the training rows told right{held}.")
    else:
        scale = literal(f"In squared units of {short(data.fitted_target)}.")
        columns[2].metric("RSS, training", _quantity(record.rss_train), help=scale)
        columns[3].metric("RSS, test", _quantity(record.rss_test), help=scale)
    if record.rmse_train is not None:
        held = "" if record.rmse_test is None else f", {record.rmse_test:.4g} on the test rows"
        st.caption(
            literal(f"RMSE {record.rmse_train:.4g} on the training rows{held}, in units of {short(data.target)}.")
        )
    steps = f"{record.iterations} steps in {record.seconds:.2f} s; ended by: {record.status}."
    st.caption(literal(steps if record.state == "complete" else record.status))
    if len(record.loss_curve) > 1:
        name = "deviance" if data.levels else "RSS"
        st.altair_chart(trials.loss_curve(record.loss_curve, name), key="loss-curve")


def table(found: pd.DataFrame, study: Study, stamp: shared.Stamp) -> None:
    """The trials, least AICc first; a click on a row selects the trial."""
    key, whole = "trial-table", True
    if len(found) > MOST_POINTS:
        words = f"Show all {len(found):,} trials in the table, not the {TABLE_ROWS:,} of least AICc alone"
        whole = st.toggle(words, key="all-rows", help="The download has all either way.")
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
    st.dataframe(
        sent,
        column_order=order,
        key=key,
        on_select=pick,
        selection_mode="single-row",
        hide_index=True,
        height=320,
        column_config={
            "number": number("trial", "%d"),
            "state": "state",
            "neuron_num": number("hidden neurons", "%d"),
            "grid": number("grid", "%d", "Grid intervals of every spline."),
            "k": number("k", "%d", "Spline order."),
            "depth": number("depth", "%d", "Hidden layers."),
            "n_params": number("K", "%d", "Counted parameters, the noise variance included where it is counted."),
            "rss_train": number("RSS train", "%.5g", f"Sum of squared residuals of {target} on the training rows."),
            "rss_test": number("RSS test", "%.5g", "The same on the test rows; never used to choose."),
            "rmse_train": number("RMSE train", "%.4g", f"In units of {unit}."),
            "rmse_test": number("RMSE test", "%.4g", f"In units of {unit}; never used to choose."),
            "deviance_train": number("deviance", "%.5g", DEVIANCE_HELP),
            "log_loss_train": number("log-loss train", "%.4g", LOG_LOSS_HELP),
            "log_loss_test": number("log-loss test", "%.4g", "On the test rows; never used to choose."),
            "accuracy_train": number("accuracy train", "%.3f", "Share of rows whose likelier class is the true one."),
            "accuracy_test": number("accuracy test", "%.3f", "On the test rows; never used to choose."),
            "auc_test": number("AUC test", "%.3f", "Area under the ROC curve on the test rows."),
            "aicc": number("AICc", "%.2f", AICC_HELP),
            "delta_aicc": number("ΔAICc", "%.2f", "AICc above the least."),
            "akaike_weight": number("weight", "%.3f", "Akaike weight among the trials of this study."),
            "on_front": st.column_config.CheckboxColumn("front", help="No other trial is better in both K and fit."),
            "seconds": number("seconds", "%.2f"),
            "status": "training ended by",
        },
    )
    st.download_button(
        "Download the trials",
        lambda: to_csv(shared.ranking(stamp, True, found)[0]),
        f"{study.name}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _quantity(value: float | None) -> str:
    """A sum of squares that fits into a narrow column."""
    if value is None:
        return "none"
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"
