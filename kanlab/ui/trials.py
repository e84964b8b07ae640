"""The Live page: the selected trial, and the table of all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.baselines.registry import Baseline
from kanlab.charts import training
from kanlab.charts.thinning import MOST_POINTS, TABLE_ROWS
from kanlab.data.writing import to_csv
from kanlab.selection.candidates import Candidate, cell_words
from kanlab.study.data_summary import DataSummary
from kanlab.study.trials import TrialRecord
from kanlab.text import short
from kanlab.ui import columns, drawing, session, shared, widgets
from kanlab.ui.columns import CHOICE
from kanlab.ui.widgets import (
    AICC_HELP,
    DASH,
    DEVIANCE_HELP,
    K_HELP,
    LOG_LOSS_HELP,
    RSS_HELP,
    SUPPORT_HELP,
    TEST_HELP,
    download,
    literal,
)


def card(
    records: Sequence[TrialRecord], number: int | None, data: DataSummary, baselines: Sequence[Baseline] = ()
) -> None:
    """The selected trial: its numbers and its training. baselines: the mean among them gives the base rate of classes."""
    record = next((r for r in records if r.number == number), None)
    if record is None:
        st.info("Click a point or a row of the table to see that trial here.", icon=":material/touch_app:")
        return
    st.markdown(f"**Trial {record.number}**: {cell_words(record.cell)}")
    columns = st.columns(4)
    columns[0].metric("K", f"{record.n_params:,}", help=K_HELP)
    columns[1].metric("AICc", DASH if record.aicc is None else f"{record.aicc:,.1f}", help=AICC_HELP)
    if data.levels:
        scores = record.classes
        columns[2].metric("Deviance", _quantity(scores and scores.deviance_train), help=DEVIANCE_HELP)
        columns[3].metric("Log-loss, test", _quantity(scores and scores.log_loss_test), help=LOG_LOSS_HELP)
        if scores is not None:
            rate = next((b.classes for b in baselines if b.family == "constant" and b.classes is not None), None)
            test = "" if scores.accuracy_test is None else f" and {100 * scores.accuracy_test:.1f}% of the test rows"
            sentence = f"It classifies {100 * scores.accuracy_train:.1f}% of the training rows{test} correctly"
            if rate is not None:
                base = f" and {100 * rate.accuracy_test:.1f}%" if rate.accuracy_test is not None and test else ""
                sentence += f"; always naming the more frequent class, {100 * rate.accuracy_train:.1f}%{base}"
            st.caption(f"{sentence}.")
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


_FIRST = (CHOICE, "number", "neuron_num", "grid", "k", "depth", "n_params", "aicc", "rmse_test", "log_loss_test")
_GROUPS = {
    "Support": ("delta_aicc", "akaike_weight", "on_front"),
    "Errors": (
        "rss_train", "rss_test", "rmse_train", "deviance_train", "log_loss_train", "accuracy_train", "accuracy_test",
        "auc_test",
    ),
    "Fit": ("state", "seconds", "status"),
}  # fmt: skip


def table(found: pd.DataFrame, study: Study, stamp: shared.Stamp, choice: Candidate | None) -> None:
    """The trials, lowest AICc first; the recommended one is marked, and a click on a row selects its trial."""
    key, whole = "trial-table", True
    if len(found) > MOST_POINTS:
        label = f"Show all {len(found):,} trials in the table, not only the {TABLE_ROWS:,} with the lowest AICc"
        whole = st.toggle(label, key="all-rows", help="The download always has all trials.")
    ranked, sent = shared.ranking(stamp, whole, str(choice.key) if choice else "", found, choice)

    def pick() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        session.select_trial(int(ranked["number"].iloc[rows[0]]) if rows else None)

    failed = ["state"] * bool((ranked["state"] != "complete").any())
    order = columns.shown(key, [*_FIRST, *failed], _GROUPS, ranked)
    widgets.table(
        sent,
        key,
        column_order=list(dict.fromkeys(order)),
        on_select=pick,
        selection_mode="single-row",
        height=320,
        column_config=_column_config(ranked, study.handle.data),
    )
    if choice is not None and not choice.is_network:
        st.caption(literal(_NO_NETWORK.format(model=choice.name)))
    whole_table = lambda: to_csv(shared.ranking(stamp, True, "", found, None)[0].drop(columns=CHOICE))  # noqa: E731
    download("Download the trials", whole_table, f"{study.name}.csv")


_NO_NETWORK = (
    "No trial is marked as recommended, because {model} is; it stands in the table of all models on the Choose page."
)


def _column_config(ranked: pd.DataFrame, data: DataSummary) -> dict[str, Any]:
    """Titles, formats and help of the columns, as far as the table has them."""
    target, unit = literal(short(data.fitted_target)), literal(short(data.target))
    squared = f"{RSS_HELP}, in squared units of {target}"
    texts: dict[str, tuple[str, str | None, str]] = {
        "number": ("trial", "%d", ""),
        "neuron_num": ("hidden neurons", "%d", ""),
        "grid": ("grid", "%d", "Grid intervals of every spline."),
        "k": ("k", "%d", "Spline order: 1 is piecewise linear, 2 quadratic, 3 cubic."),
        "depth": ("depth", "%d", "Hidden layers."),
        "n_params": ("K", "%d", K_HELP),
        "rss_train": ("RSS train", None, f"{squared}, on the training rows."),
        "rss_test": ("RSS test", None, f"{squared}. {TEST_HELP}"),
        "rmse_train": ("RMSE train", None, f"Root mean squared error, in units of {unit}."),
        "rmse_test": ("RMSE test", None, f"Root mean squared error, in units of {unit}. {TEST_HELP}"),
        "deviance_train": ("deviance", None, DEVIANCE_HELP),
        "log_loss_train": ("log-loss train", "%.4f", LOG_LOSS_HELP),
        "log_loss_test": ("log-loss test", "%.4f", f"{LOG_LOSS_HELP} {TEST_HELP}"),
        "accuracy_train": ("accuracy train", "%.3f", "Share of rows that are classified correctly."),
        "accuracy_test": ("accuracy test", "%.3f", TEST_HELP),
        "auc_test": ("AUC test", "%.3f", "Area under the ROC curve on the test rows."),
        "aicc": ("AICc", "%.2f", AICC_HELP),
        "delta_aicc": ("ΔAICc", "%.2f", f"AICc minus the lowest AICc of the study. {SUPPORT_HELP}"),
        "akaike_weight": (
            "Akaike weight",
            "%.3f",
            "Relative support for the trial among those of this study; sums to 1.",
        ),
        "seconds": ("seconds", "%.2f", "Of the fit."),
    }
    known = {
        name: columns.number(title, ranked[name], text, fmt=fmt)
        for name, (title, fmt, text) in texts.items()
        if name in ranked
    }
    return known | {
        CHOICE: columns.choice_column(),
        "state": "state",
        "on_front": st.column_config.CheckboxColumn("Pareto front", help="No other trial is better in both K and fit."),
        "status": "status of the fit",
    }


def _quantity(value: float | None) -> str:
    """A sum of squares short enough for a narrow column."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"
