"""The parts of the Live page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from kanlab import selection, trial_charts
from kanlab.candidates import cell_words
from kanlab.dashboard import DashboardServer
from kanlab.data_summary import DataSummary
from kanlab.engines import ENGINES
from kanlab.families import Baseline, label
from kanlab.jobs import JobManager
from kanlab.layered import Layered
from kanlab.lifecycle import STALE_SECONDS, StudyState
from kanlab.selection import trial_table as table_of
from kanlab.thinning import MOST_POINTS, REDRAW_TRIALS, TABLE_ROWS, thinned
from kanlab.trials import TrialRecord
from kanlab.tuning import Study
from kanlab.ui import state
from kanlab.ui.manage import steering_buttons
from kanlab.ui.widgets import AICC_HELP, DEVIANCE_HELP, LOG_LOSS_HELP, literal, short
from kanlab.writing import to_csv

__all__ = [
    "dashboard_link",
    "no_trial_yet",
    "poll_seconds",
    "recommendation",
    "selecting_chart",
    "shared_chart",
    "shared_points",
    "shared_table",
    "stamp_of",
    "status_bar",
    "trial_card",
    "trial_table",
]

_BADGES = {
    "queued": ("Queued", "gray"),
    "running": ("Running", "blue"),
    "pausing": ("Pausing", "orange"),
    "paused": ("Paused", "orange"),
    "stopping": ("Stopping", "orange"),
    "stopped": ("Stopped", "orange"),
    "finished": ("Finished", "green"),
    "failed": ("Failed", "red"),
    "interrupted": ("Interrupted", "red"),
}
_ADVICE = {
    "interrupted": "Finished trials are kept; Resume goes on with the rest.",
    "failed": "Finished trials are kept; Resume tries the rest again.",
    "queued": "",
}


def quantity(value: float | None) -> str:
    """A sum of squares that fits into a narrow column."""
    if value is None:
        return "none"
    return f"{value:,.0f}" if 1e3 <= value < 1e7 else f"{value:.3g}"


def clock(seconds: float) -> str:
    """1:05 or 2:03:04."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _since(heartbeat: float) -> float:
    """Seconds since a heartbeat, within reason where a clock has jumped."""
    return min(STALE_SECONDS, max(0.0, time.time() - heartbeat))


def status_bar(study: Study, current: StudyState, records: Sequence[TrialRecord], jobs: JobManager) -> None:
    """State, counts, time left and progress, and the button that stops or resumes."""
    spec, data = study.spec, study.handle.data
    admissible = len(spec.admissible(data.n_train, data.d))
    total = min(spec.trials or admissible, admissible)
    states = Counter(r.state for r in records)
    failed, running = states["failed"], states["running"]
    done = len(records) - running
    counts = current.is_live and current.name != "queued" and current.pid  # in the queue its time stands still
    elapsed = current.elapsed + (_since(current.heartbeat) if counts else 0.0)

    label, color = _BADGES[current.name]
    parts = [f"{done:,} of {total:,} trials"]
    if failed:
        parts.append(f"{failed} failed")
    if running and current.is_live:
        parts.append(f"{running} in hand")
    parts.append(f"{clock(elapsed)} elapsed")
    if current.is_live and current.name != "queued" and done >= 2:
        parts.append(f"about {clock(elapsed / done * (total - done))} left")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(label, color=color)  # type: ignore[arg-type]
        st.markdown(" · ".join(parts))
        st.space("stretch")
        steering_buttons(study.handle, current, jobs)
    st.progress(min(1.0, done / total) if total else 0.0)
    cells = len(spec.space)
    words = [
        f"Target {short(data.fitted_target)}",
        f"{data.n_train:,} training rows",
        ENGINES[spec.engine].label,
        f"K counted as {spec.count}",
    ]
    if admissible < cells:
        words.append(f"{cells - admissible} of {cells} cells inadmissible, never trained")
    st.caption(literal(" · ".join(words)))
    if trouble := jobs.trouble(study.handle):
        st.warning(literal(trouble), icon=":material/database_off:")
    elif current.name in ("interrupted", "failed", "queued") and current.detail:
        icon = ":material/hourglass_top:" if current.name == "queued" else ":material/warning:"
        (st.info if current.name == "queued" else st.warning)(
            literal(f"{current.detail} {_ADVICE[current.name]}"), icon=icon
        )
    elif current.detail:
        st.caption(literal(current.detail))


def no_trial_yet(current: StudyState, engine: str) -> None:
    """The empty state of the charts."""
    if current.name == "queued":
        if not current.detail:  # which says how many are before it
            st.info("The study is about to start.", icon=":material/hourglass_top:")
    elif current.is_live:
        loading = "loading PyTorch and " if engine.startswith("pykan") else ""
        st.info(
            f"The first points appear in a few seconds: the workers are {loading}fitting the first networks.",
            icon=":material/hourglass_top:",
        )
    else:
        st.info("No trial of this study was completed.", icon=":material/info:")


Stamp = tuple[str, int, tuple[int, ...]]


def poll_seconds(trials: int) -> float:
    """How long a page waits before it looks again: longer where so many trials are drawn anew but seldom."""
    return 1.0 if trials <= MOST_POINTS else 3.0


def stamp_of(study: Study, records: Sequence[TrialRecord], *, live: bool) -> Stamp:
    """Changes with the trials of a study: what is drawn is made once for all who look at the same moment.

    While a large study runs it changes every REDRAW_TRIALS trials only, those in hand left aside.
    """
    running = tuple(r.number for r in records if r.state == "running")
    done = len(records) - len(running)
    if live and done > MOST_POINTS:
        return study.handle.uid, done - done % REDRAW_TRIALS, ()
    return study.handle.uid, done, running


@st.cache_resource(max_entries=16, show_spinner=False)
def shared_table(stamp: Stamp, _records: Sequence[TrialRecord]) -> pd.DataFrame:
    """selection.trial_table, made once a stamp."""
    return table_of(_records)


@st.cache_resource(max_entries=16, show_spinner=False)
def shared_points(stamp: Stamp, picked: int | None, live: bool, _table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """thinning.thinned, made once a stamp and trial picked."""
    return thinned(_table, picked, live=live)


@st.cache_resource(max_entries=16, show_spinner=False)
def _ranked(stamp: Stamp, whole: bool, _table: pd.DataFrame) -> tuple[pd.DataFrame, pa.Table]:
    """The trials, least AICc first, all of them or the first TABLE_ROWS; and the same as Streamlit sends it."""
    ranked = _table.sort_values("aicc", na_position="last", kind="stable").reset_index(drop=True)
    ranked = ranked if whole else ranked.head(TABLE_ROWS)
    return ranked, pa.Table.from_pandas(ranked, preserve_index=False)


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn_once(stamp: tuple[Any, ...], key: str, _make: Callable[[], Layered]) -> dict[str, Any]:
    return _ready(_make())


def _ready(chart: Layered) -> dict[str, Any]:
    """A chart as Streamlit sends it."""
    tables = {name: pa.Table.from_pandas(table, preserve_index=False) for name, table in chart.tables.items()}
    return chart.spec | {"datasets": tables}


def shared_chart(make: Callable[[], Layered], key: str, stamp: tuple[Any, ...]) -> None:
    """`selecting_chart` of what `make` draws, once for all sessions that show the same `stamp`."""
    _show(_drawn_once(stamp, key, make), key)


def selecting_chart(chart: Layered, key: str) -> None:
    """A chart whose click selects the trial for the whole page."""
    _show(_ready(chart), key)


def _show(spec: dict[str, Any], key: str) -> None:
    st.vega_lite_chart(
        spec=spec, key=key, on_select=_picker(key), selection_mode=[trial_charts.PICKED], width="stretch"
    )


def _picker(key: str) -> Callable[[], None]:
    def pick() -> None:
        points = st.session_state[key]["selection"].get(trial_charts.PICKED, [])
        state.select_trial(int(points[0]["number"]) if points else None)

    return pick


def recommendation(study: Study, records: Sequence[TrialRecord]) -> None:
    """What AICc prefers so far, in one sentence."""
    best = selection.best_trial(records)
    if best is None:
        return
    chosen = selection.least_aicc([best], study.baselines)
    linear = next((b for b in study.baselines if b.family == "linear" and b.aicc is not None), None)
    network = f"trial {best.number} with {cell_words(best.cell)} (K {best.n_params}, AICc {best.aicc:,.1f})"
    if isinstance(chosen, Baseline):
        name = label(chosen.family, study.handle.data.task)
        gap = (best.aicc or 0.0) - (chosen.aicc or 0.0)
        st.warning(
            f"So far no network beats the {name} model (AICc {chosen.aicc:,.1f}): "
            f"the best is {network}, {gap:,.1f} above it.",
            icon=":material/balance:",
        )
        return
    beyond = f", {linear.aicc - best.aicc:,.1f} below the linear model" if linear and linear.aicc and best.aicc else ""
    st.success(f"Least AICc so far: {network}{beyond}.", icon=":material/flag:")


def trial_card(records: Sequence[TrialRecord], number: int | None, data: DataSummary) -> None:
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
        columns[2].metric("Deviance", quantity(scores and scores.deviance_train), help=DEVIANCE_HELP)
        columns[3].metric("Log-loss, test", quantity(scores and scores.log_loss_test), help=LOG_LOSS_HELP)
        if scores is not None:
            held = "" if scores.accuracy_test is None else f", {100 * scores.accuracy_test:.1f}% on the test rows"
            st.caption(f"{100 * scores.accuracy_train:.1f}% of the training rows told right{held}.")
    else:
        scale = literal(f"In squared units of {short(data.fitted_target)}.")
        columns[2].metric("RSS, training", quantity(record.rss_train), help=scale)
        columns[3].metric("RSS, test", quantity(record.rss_test), help=scale)
    if record.rmse_train is not None:
        held = "" if record.rmse_test is None else f", {record.rmse_test:.4g} on the test rows"
        st.caption(
            literal(f"RMSE {record.rmse_train:.4g} on the training rows{held}, in units of {short(data.target)}.")
        )
    steps = f"{record.iterations} steps in {record.seconds:.2f} s; ended by: {record.status}."
    st.caption(literal(steps if record.state == "complete" else record.status))
    if len(record.loss_curve) > 1:
        name = "deviance" if data.levels else "RSS"
        st.altair_chart(trial_charts.loss_curve(record.loss_curve, name), key="loss-curve")


def trial_table(table: pd.DataFrame, study: Study, stamp: Stamp) -> None:
    """The trials, least AICc first; a click on a row selects the trial."""
    key, whole = "trial-table", True
    if len(table) > MOST_POINTS:
        words = f"Show all {len(table):,} trials in the table, not the {TABLE_ROWS:,} of least AICc alone"
        whole = st.toggle(words, key="all-rows", help="The download has all either way.")
    ranked, sent = _ranked(stamp, whole, table)
    data = study.handle.data
    target, unit = literal(short(data.fitted_target)), literal(short(data.target))

    def pick() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        state.select_trial(int(ranked["number"].iloc[rows[0]]) if rows else None)

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
        lambda: to_csv(_ranked(stamp, True, table)[0]),
        f"{study.name}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


@st.cache_resource
def _dashboard(url: str | None) -> DashboardServer:
    return DashboardServer(url)


def dashboard_link(study: Study) -> None:
    """A link to this study in optuna-dashboard, once its server answers."""
    server = _dashboard(study.handle.storage_url)

    @st.fragment(run_every=None if server.url() else 1.0)
    def link() -> None:
        url = server.url()
        if url:
            st.link_button(
                "Open in optuna-dashboard",
                f"{url}/dashboard/studies/{study.handle.optuna._study_id}",
                icon=":material/open_in_new:",
                help="Read-only, on this machine only.",
            )
        elif server.failed():
            st.caption("optuna-dashboard did not start; 'kanlab dashboard' on the command line says why.")
        else:
            st.caption("optuna-dashboard is starting…")

    link()
