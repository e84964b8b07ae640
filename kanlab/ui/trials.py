"""The Live page: the selected trial, and the table of all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.baselines.registry import Baseline
from kanlab.charts import training
from kanlab.charts.encoding import AxisKind
from kanlab.charts.thinning import MOST_POINTS, TABLE_ROWS
from kanlab.data.writing import to_csv
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.candidates import Candidate, cell_words
from kanlab.selection.measures import four_digits
from kanlab.selection.recommendation import Recommendation
from kanlab.stats.likelihood import COUNTS
from kanlab.stats.metrics import ClassScores
from kanlab.study.data_summary import DataSummary
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.text import counted, short, together
from kanlab.ui import columns, drawing, session, shared, widgets
from kanlab.ui.columns import CHOICE
from kanlab.ui.widgets import (
    AICC_HELP,
    COUNT_DEVIANCE_HELP,
    DASH,
    DEVIANCE_HELP,
    K_HELP,
    LOG_LOSS_HELP,
    MEAN_DEVIANCE_HELP,
    RSS_HELP,
    SPENT_HELP,
    SPENT_RANKS_HELP,
    SUPPORT_HELP,
    TEST_HELP,
    download,
    literal,
)


def shown_trial(records: Sequence[TrialRecord], found: Recommendation) -> TrialRecord | None:
    """The selected trial; before one is selected the recommended one, or where a family is recommended the lowest AICc."""
    picked = session.selected_trial()
    if picked is not None:
        return next((r for r in records if r.number == picked), None)
    return (found.choice and found.choice.trial) or best_trial(records)


def card(record: TrialRecord | None, data: DataSummary, baselines: Sequence[Baseline] = ()) -> None:
    """A trial: its numbers and how its fit went.

    record: None before any is complete.  baselines: the mean among them gives the base rate of classes.
    """
    if record is None:
        st.info(say("The first trial that is complete will be shown here."), icon=":material/touch_app:")
        return
    chosen = session.selected_trial() is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(say("**Trial {number}**: {network}", number=record.number, network=cell_words(record.cell)))
        st.space("stretch")
        st.button(
            say("Back to the best"),
            key="unselect",
            type="tertiary",
            disabled=not chosen,
            help=say("Shows the recommended trial again. Click a point or a row of the table to see another."),
            on_click=session.select_trial,
            args=(None,),
        )
    with st.container(key="figures-trial"):
        columns = st.columns(4)
    columns[0].metric(
        "K", f"{record.n_params:,.0f}" if record.n_params % 1 == 0 else f"{record.n_params:,.1f}", help=say(K_HELP)
    )
    columns[1].metric(say("AICc"), DASH if record.aicc is None else f"{record.aicc:,.1f}", help=say(AICC_HELP))
    if data.levels:
        scores = record.classes
        columns[2].metric(say("Deviance"), _quantity(scores and scores.deviance_train), help=say(DEVIANCE_HELP))
        columns[3].metric(say("Log-loss, test"), _quantity(scores and scores.log_loss_test), help=say(LOG_LOSS_HELP))
        if scores is not None:
            rate = next((b.classes for b in baselines if b.family == "constant" and b.classes is not None), None)
            st.caption(_classified(scores, rate))
    elif data.task == COUNTS:
        found = record.counts
        columns[2].metric(say("Deviance"), _quantity(found and found.deviance_train), help=say(COUNT_DEVIANCE_HELP))
        columns[3].metric(
            say("Mean deviance, test"), _quantity(found and found.mean_deviance_test), help=say(MEAN_DEVIANCE_HELP)
        )
    else:
        help_text = literal(
            say(
                "{rss_help}, in squared units of {fitted_target}.",
                rss_help=say(RSS_HELP),
                fitted_target=short(data.fitted_target, 80),
            )
        )
        columns[2].metric(say("RSS, training"), _quantity(record.rss_train), help=help_text)
        columns[3].metric(say("RSS, test"), _quantity(record.rss_test), help=help_text)
    if record.rmse_train is not None:
        target, train = short(data.target, 80), four_digits(record.rmse_train)
        if record.rmse_test is None:
            sentence = say(
                "RMSE, the typical error, is {train} on the training rows, in units of {target}.",
                train=train,
                target=target,
            )
        else:
            sentence = say(
                "RMSE, the typical error, is {train} on the training rows and {test} on the test rows, in units of {target}.",
                train=train,
                test=four_digits(record.rmse_test),
                target=target,
            )
        st.caption(literal(sentence))
    ended = say(
        "The fit took {iterations} iterations, {seconds:.2f} s. It ended with the status: {status}.",
        iterations=record.iterations,
        seconds=record.seconds,
        status=retold(record.status),
    )
    st.caption(literal(ended if record.state == "complete" else record.status))


def _classified(scores: ClassScores, rate: ClassScores | None) -> str:
    """How many rows are classified correctly, beside the base rate. rate: the scores of the most frequent class."""
    train, test = scores.accuracy_train, scores.accuracy_test
    parts = [
        say("It classifies {train:.1%} of the training rows correctly", train=train)
        if test is None
        else say(
            "It classifies {train:.1%} of the training rows and {test:.1%} of the test rows correctly",
            train=train,
            test=test,
        )
    ]
    if rate is not None:
        parts.append(
            say("always naming the most frequent class, {train:.1%}", train=rate.accuracy_train)
            if test is None or rate.accuracy_test is None
            else say(
                "always naming the most frequent class, {train:.1%} and {test:.1%}",
                train=rate.accuracy_train,
                test=rate.accuracy_test,
            )
        )
    return say("{sentence}.", sentence=say("; ").join(parts))


def loss(record: TrialRecord | None, data: DataSummary) -> None:
    """How the loss of a trial went down."""
    with st.container(key="slot-loss"):
        if record is not None and len(record.loss_curve) > 1:
            curve, words, look = record.loss_curve, loss_words(data), drawing.look()
            rows = pd.DataFrame({"loss": list(curve)})
            drawing.chart_once(lambda: training.loss_curve(curve, *words, look), "loss-curve", rows, words)


def loss_words(data: DataSummary) -> tuple[str, str]:
    """The name of the loss, and its unit."""
    if data.task == COUNTS:
        return marked("deviance"), say("Poisson")
    return (
        ("deviance", "−2 ln L")
        if data.levels
        else ("RSS", say("squared units of {fitted_target}", fitted_target=data.fitted_target))
    )


_AXES: dict[AxisKind, str] = {
    "auto": marked("auto axes"),
    "linear": marked("linear axes"),
    "log": marked("log axes"),
}


def axes_and_area(count: int) -> AxisKind:
    """The kind of the axes, and what can be done with the area that is drawn in a chart. count: complete trials."""
    area = session.area()
    with st.container(horizontal=True, vertical_alignment="center"):
        kinds: list[AxisKind] = ["auto", "linear", "log"]
        kind = st.segmented_control(
            say("Axes"),
            kinds,
            default="auto",
            format_func=lambda name: say(_AXES[name]),
            key="axes",
            label_visibility="collapsed",
            help=say("Of RSS and K. 'auto' is logarithmic where the trials span more than a factor of 10."),
        )
        if area.listed is None and session.is_guided():
            pass
        elif area.listed is None:
            st.caption(say("Click a point to see its trial. Drag over an area to see its trials only."))
        else:
            st.caption(
                say("The table shows {listed:,} of {trials}.", listed=len(area.listed), trials=counted(count, "trial"))
            )
        st.space("stretch")
        st.button(
            say("Zoom in"), icon=":material/zoom_in:", key="zoom", disabled=not area.numbers, on_click=session.zoom
        )
        st.button(
            say("Show all"),
            icon=":material/zoom_out:",
            key="show-all",
            disabled=area.listed is None,
            on_click=session.show_all,
        )
    return kind or "auto"


_FIRST = (
    CHOICE,
    "number",
    "neuron_num",
    "grid",
    "k",
    "depth",
    "multiplication",
    "n_params",
    "aicc",
    "n_params_effective",
    "aicc_effective",
    "rmse_test",
    "log_loss_test",
)
_GROUPS = {
    marked("Support"): ("delta_aicc", "akaike_weight", "on_front"),
    marked("Errors"): (
        "rss_train", "rss_test", "rmse_train", "deviance_train", "log_loss_train", "accuracy_train", "accuracy_test",
        "auc_test",
    ),
    marked("Fit"): ("state", "seconds", "status"),
}  # fmt: skip


def table(
    everything: pd.DataFrame,
    study: Study,
    stamp: shared.Stamp,
    choice: Candidate | None,
    only: tuple[int, ...] | None = None,
) -> None:
    """The trials, lowest AICc first; the recommended one is marked, and a click on a row selects its trial.

    only: the numbers of those to list; the download has all.
    """
    key, whole = "trial-table", True
    found = everything if only is None else everything[everything["number"].isin(only)]
    if len(found) > MOST_POINTS:
        label = say(
            "Show all {count:,} trials in the table, not only the {shown:,} with the lowest AICc",
            count=len(found),
            shown=TABLE_ROWS,
        )
        whole = st.toggle(label, key="all-rows", help=say("The download always has all trials."))
    ranked, sent = shared.ranking((*stamp, only), whole, str(choice.key) if choice else "", found, choice)

    def pick() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        session.select_trial(int(ranked["number"].iloc[rows[0]]) if rows else None)

    failed = ["state"] * bool((ranked["state"] != "complete").any())
    order = columns.shown(key, [*_FIRST, *failed], {say(name): held for name, held in _GROUPS.items()}, ranked)
    widgets.table(
        sent,
        key,
        column_order=list(dict.fromkeys(order)),
        on_select=pick,
        selection_mode="single-row",
        height=320,
        column_config=_column_config(ranked, study.handle.data),
    )
    if choice is not None and not choice.is_network and (ranked["state"] == "complete").any():
        sentence = say(
            "No trial is marked as recommended, because {model} is; it stands in the table of all models on the Choose page.",
            model=retold(choice.name),
        )
        st.caption(literal(sentence))
    whole_table = lambda: to_csv(shared.ranking((*stamp, None), True, "", everything, None)[0].drop(columns=CHOICE))  # noqa: E731
    download(say("Download the trials"), whole_table, f"{study.name}.csv")


def _column_config(ranked: pd.DataFrame, data: DataSummary) -> dict[str, Any]:
    """Titles, formats and help of the columns, as far as the table has them."""
    target, unit = literal(short(data.fitted_target)), literal(short(data.target))
    squared = say("{rss_help}, in squared units of {target}", rss_help=say(RSS_HELP), target=target)
    texts: dict[str, tuple[str, str | None, str]] = {
        "number": (say("trial"), "%d", ""),
        "neuron_num": (say("hidden neurons"), "%d", ""),
        "grid": (say("grid"), "%d", say("Grid intervals of every spline.")),
        "k": ("k", "%d", say("Spline order: 1 is piecewise linear, 2 quadratic, 3 cubic.")),
        "depth": (say("depth"), "%d", say("Hidden layers.")),
        "multiplication": (say("multiplication"), "%d", say("Hidden neurons that multiply two sums of curves.")),
        "n_params": ("K", "%d" if (ranked["n_params"] % 1 == 0).all() else "%.1f", say(K_HELP)),
        "rss_train": (say("RSS train"), None, say("{squared}, on the training rows.", squared=squared)),
        "rss_test": (
            say("RSS test"),
            None,
            say("{title}. {subtitle}", title=squared, subtitle=say(TEST_HELP)),
        ),
        "rmse_train": (say("RMSE train"), None, say("Root mean squared error, in units of {unit}.", unit=unit)),
        "rmse_test": (
            say("RMSE test"),
            None,
            say("Root mean squared error, in units of {unit}. {test_help}", unit=unit, test_help=say(TEST_HELP)),
        ),
        "deviance_train": (say("deviance"), None, say(DEVIANCE_HELP)),
        "log_loss_train": (say("log-loss train"), "%.4f", say(LOG_LOSS_HELP)),
        "log_loss_test": (say("log-loss test"), "%.4f", together([say(LOG_LOSS_HELP), say(TEST_HELP)])),
        "accuracy_train": (say("accuracy train"), "%.3f", say("Share of rows that are classified correctly.")),
        "accuracy_test": (say("accuracy test"), "%.3f", say(TEST_HELP)),
        "auc_test": (say("AUC test"), "%.3f", say("Area under the ROC curve on the test rows.")),
        "aicc": ("AICc", "%.2f", say(AICC_HELP)),
        "n_params_effective": (say("effective K"), "%.1f", say(SPENT_HELP)),
        "aicc_effective": (say("AICc of effective K"), "%.2f", say(SPENT_RANKS_HELP)),
        "delta_aicc": (
            "ΔAICc",
            "%.2f",
            say("AICc minus the lowest AICc of the study. {support_help}", support_help=say(SUPPORT_HELP)),
        ),
        "akaike_weight": (
            say("Akaike weight"),
            "%.3f",
            say("Relative support for the trial among those of this study; sums to 1."),
        ),
        "seconds": (say("seconds"), "%.2f", say("Of the fit.")),
    }
    return columns.numbers(texts, ranked) | {
        CHOICE: columns.choice_column(ranked[CHOICE]),
        "state": say("state"),
        "on_front": st.column_config.CheckboxColumn(
            say("Pareto front"), help=say("No other trial is better in both K and fit.")
        ),
        "status": say("status of the fit"),
    }


def _quantity(value: float | None) -> str:
    """A sum of squares short enough for a narrow column."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:#.3g}".rstrip(".")
