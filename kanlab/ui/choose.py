"""The parts of the Choose page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kanlab import charts, selection
from kanlab.audit import CRITERIA, ranked_again, terms
from kanlab.complexity import RULES
from kanlab.criteria import akaike_weights, evidence_ratio
from kanlab.importance import importances
from kanlab.judging import Judgement, confidence_set, start_judge, stop_judge
from kanlab.storage import get_storage, load_dataset
from kanlab.study import StudyHandle, TrialRecord, load_study, study_names
from kanlab.ui import state
from kanlab.ui.live import selecting_chart
from kanlab.ui.navigation import SEARCH
from kanlab.ui.widgets import AICC_HELP, literal
from kanlab.verdict import Alarm, Candidate, Verdict, cell_words, chance

JUDGE_HELP = (
    "Refits the five best cells from five other seeds, cross-validates the eight best and the linear models, fits four "
    "other families, draws degrees of freedom for the three best, and shuffles the target twenty times to see what chance "
    "alone gets."
)


def recommendation(verdict: Verdict, judgement: Judgement | None) -> None:
    """The choice in one sentence, with its reasons and its rivals."""
    choice = verdict.choice
    if choice is None or all(c.trial is None for c in verdict.candidates):
        st.info("No trial is complete yet, so there is nothing to choose from.", icon=":material/hourglass_top:")
        st.stop()
    with st.container(border=True):
        what = f"the network of {choice.label}" if choice.trial else f"the {choice.label} model"
        st.markdown(f"#### Take {literal(what)}")
        st.markdown("  \n".join(f"• {literal(reason)}" for reason in verdict.reasons))
        if verdict.ties:
            names = ", ".join(literal(c.label) for c in verdict.ties[:4])
            more = f" and {len(verdict.ties) - 4} more" if len(verdict.ties) > 4 else ""
            st.caption(
                f"Within 10 units of AICc, and so as good as equal: {names}{more}. By the usual reading up to 2 units is "
                "substantial support, 4 to 7 considerably less, above 10 essentially none; the noise of the optimiser is of "
                "that size too."
            )
        if judgement is None:
            st.caption("So far this rests on one fit a cell. Judge the finalists to see how far it can be trusted.")


def judge_bar(handle: StudyHandle, judgement: Judgement | None, study_live: bool) -> None:
    """Start, watch and stop a judgement."""
    if judgement is not None and judgement.is_live:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Judging: {judgement.done} of {judgement.total} steps")
            st.space("stretch")
            st.button("Stop judging", icon=":material/stop:", key="stop-judge", on_click=stop_judge, args=(handle,))
        st.progress(judgement.done / max(1, judgement.total))
        return
    label = "Judge the finalists" if judgement is None else "Judge again"
    kind: Any = "primary" if judgement is None else "secondary"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            label,
            icon=":material/balance:",
            key="judge",
            type=kind,
            disabled=study_live,
            on_click=_judge,
            args=(handle,),
            help=JUDGE_HELP,
        )
        if study_live:
            st.caption("The study still runs; judge it when it is done.")
        elif judgement is not None and judgement.detail:
            st.caption(literal(judgement.detail))


def _judge(handle: StudyHandle) -> None:
    start_judge(handle)


def alarms(verdict: Verdict, handle: StudyHandle) -> None:
    """What to worry about, one sentence each; a range that is too narrow is widened with one click."""
    for number, alarm in enumerate(verdict.alarms):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(literal(alarm.sentence), icon=":material/warning:")
            if alarm.widen is not None and st.button(
                "Widen", key=f"widen-{number}", help="Opens Search with wider ranges."
            ):
                _open_search(handle, alarm)


def _open_search(handle: StudyHandle, alarm: Alarm) -> None:
    assert alarm.widen is not None
    state.set_dataset(load_dataset(handle.data.sha256), handle.spec.test_fraction, handle.spec.seed)
    for name in ("neuron_num", "grid", "k"):
        st.session_state[name] = getattr(alarm.widen, name)
    st.switch_page(SEARCH)


def leaderboard_frame(verdict: Verdict, handle: StudyHandle) -> pd.DataFrame:
    """One row a candidate; errors in units of the target."""
    listed, data = verdict.candidates, handle.data
    values = np.array([np.nan if c.aicc is None else c.aicc for c in listed], dtype=float)
    weights, ratios = akaike_weights(values), evidence_ratio(values)
    total = data.n_train * data.y_std**2

    def row(c: Candidate, weight: float, ratio: float) -> dict[str, object]:
        return {
            "model": c.label,
            "AICc": c.aicc,
            "delta": None if c.aicc is None else c.aicc - np.nanmin(values),
            "weight": weight if c.aicc is not None else None,
            "evidence": ratio if c.aicc is not None and ratio < 1e6 else None,
            "K": c.n_params,
            "rows": data.n_train / c.n_params if c.n_params else None,
            "rmse": np.sqrt(c.rss_train / data.n_train),
            "rmse_test": np.sqrt(c.rss_test / data.n_test) if c.rss_test is not None and data.n_test else None,
            "r2": 1 - c.rss_train / total if total else None,
            "wins": c.wins,
            "spread": c.spread,
            "cv": c.cv_rmse,
            "cv_se": c.cv_se,
            "dof": c.dof,
            "dof_se": c.dof_se,
            "edf": c.edf,
        }

    return pd.DataFrame([row(c, w, r) for c, w, r in zip(listed, weights, ratios, strict=True)])


def leaderboard(verdict: Verdict, handle: StudyHandle, judgement: Judgement | None) -> None:
    """All models, least AICc first."""
    frame = leaderboard_frame(verdict, handle)
    known = judgement is not None
    hidden = () if known else ("wins", "spread", "cv", "cv_se", "dof", "dof_se", "edf")
    number = st.column_config.NumberColumn

    def pick() -> None:
        rows = st.session_state["leaderboard"]["selection"]["rows"]
        trial = verdict.candidates[rows[0]].trial if rows else None
        state.select_trial(trial.number if trial else None)

    st.dataframe(
        frame.drop(columns=list(hidden)),
        key="leaderboard",
        on_select=pick,
        selection_mode="single-row",
        hide_index=True,
        height=420,
        column_config={
            "model": st.column_config.TextColumn("model", width="medium"),
            "AICc": number(format="%.2f", help=AICC_HELP),
            "delta": number("ΔAICc", format="%.2f", help="AICc above the least."),
            "weight": number(format="%.3f", help="Akaike weight: the support for this model among those of the table."),
            "evidence": number(
                "evidence ratio", format="%.3g", help="How many times better supported the best model is."
            ),
            "K": number(format="%.4g", help="Counted parameters; effective degrees of freedom for penalised families."),
            "rows": number("n/K", format="%.1f", help="Training rows a parameter."),
            "rmse": number("RMSE train", format="%.4g", help="In units of the target."),
            "rmse_test": number("RMSE test", format="%.4g", help="On rows never trained on nor chosen by."),
            "r2": number("R²", format="%.3f", help="On the training rows."),
            "wins": number(
                "seeds won", format="%d", help="Of 5 refits from other seeds, how often it is the best finalist."
            ),
            "spread": number("spread", format="%.1f", help="Standard deviation of its AICc over those seeds."),
            "cv": number("CV RMSE", format="%.4g", help="5-fold cross-validation on the training rows."),
            "cv_se": number("± SE", format="%.2g", help="Standard error over the folds."),
            "dof": number(
                "GDF", format="%.1f", help="Generalised degrees of freedom (Ye 1998), by perturbing the target."
            ),
            "dof_se": number("± SE GDF", format="%.1f"),
            "edf": number("edf", format="%.1f", help="Effective degrees of freedom: trace of the linearised smoother."),
        },
    )
    _confidence(handle, judgement)


def _confidence(handle: StudyHandle, judgement: Judgement | None) -> None:
    kept = confidence_set(handle.records())
    if not kept:
        return
    words = f"95% of the Akaike weight of the networks lies on {len(kept)} of them."
    if judgement and judgement.average:
        train = np.sqrt(judgement.average["rss_train"] / handle.data.n_train)
        words += f" Their averaged prediction has an RMSE of {train:.4g} on the training rows"
        if judgement.average["rss_test"] is not None and handle.data.n_test:
            words += f" and {np.sqrt(judgement.average['rss_test'] / handle.data.n_test):.4g} on the test rows"
        words += "."
    st.caption(words)


def other_rules(verdict: Verdict, records: Sequence[TrialRecord]) -> None:
    """What other rules of selection would pick from the same fits."""
    best = selection.best_trial(records)
    rows: list[tuple[str, str]] = []
    if verdict.choice is not None:
        rows.append(("kanlab: least AICc, smaller within the noise", verdict.choice.label))
    if best is not None:
        rows.append(("least AICc among the networks", f"trial {best.number}: {cell_words(best.cell)}"))
    names = {"best": "PySR best", "accuracy": "PySR accuracy (least RSS)", "score": "PySR score"}
    rows += [
        (names[rule], f"trial {r.number}: {cell_words(r.cell)}") for rule, r in selection.pysr_picks(records).items()
    ]
    knee = selection.knee_trial(records)
    if knee is not None:
        rows.append(("knee of the front", f"trial {knee.number}: {cell_words(knee.cell)}"))
    verified = [c for c in verdict.candidates if c.cv_rmse is not None]
    if verified:
        least = min(verified, key=lambda c: c.cv_rmse or np.inf)
        rows.append(("least cross-validated error", least.label))
        limit = (least.cv_rmse or 0.0) + (least.cv_se or 0.0)
        simple = min((c for c in verified if (c.cv_rmse or np.inf) <= limit), key=lambda c: c.n_params or 0)
        rows.append(("simplest within one standard error of it", simple.label))
    st.dataframe(pd.DataFrame(rows, columns=["rule", "would take"]), hide_index=True, key="other-rules")


def audit(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """One AICc opened into its terms, and the study ranked again by another count or criterion."""
    done = sorted(selection.completed(records), key=lambda r: (r.aicc or 0.0, r.n_params))
    names: dict[int, str] = {r.number: f"trial {r.number}: {cell_words(r.cell)}" for r in done}
    picked = state.selected_trial()
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**The terms of one AICc**")
        index = list(names).index(picked) if picked in names else 0
        number = st.selectbox("Trial", list(names), index=index, format_func=lambda n: names[n])
        record = next(r for r in done if r.number == number)
        n, count, rss = handle.data.n_train, record.n_params, record.rss_train or np.nan
        opened = terms(rss, n, count)
        st.latex(
            rf"\underbrace{{{n}\ln({rss:.5g}/{n})}}_{{{opened.fit:,.2f}}} + "
            rf"\underbrace{{2\cdot {count}}}_{{{opened.charge:,.0f}}} + "
            rf"\underbrace{{\tfrac{{2\cdot {count}\cdot {count + 1}}}{{{n}-{count}-1}}}}_{{{opened.correction:,.2f}}} = "
            rf"{opened.total:,.2f}"
        )
        d, sigma2 = handle.data.d, handle.spec.count_sigma2
        st.caption(
            f"{count} parameters, counted as {handle.spec.count}: edges {d} × {record.cell.neuron_num} and "
            f"{record.cell.neuron_num} × 1, {record.cell.grid} + {record.cell.k} splines and one silu each"
            f"{', and the noise variance' if sigma2 else ''}."
        )
    with right:
        st.markdown("**Another count, another criterion**")
        a, b, c = st.columns(3, vertical_alignment="bottom")
        rule = a.selectbox(
            "Count", RULES, index=RULES.index(handle.spec.count), format_func=str.capitalize, key="audit-count"
        )
        criterion: Any = b.selectbox("Criterion", list(CRITERIA), key="audit-criterion")
        sigma2 = c.checkbox("Noise variance", handle.spec.count_sigma2, key="audit-sigma2")
        again = ranked_again(
            records, handle.data.n_train, handle.data.d, rule=rule, count_sigma2=sigma2, criterion=criterion
        )
        lost = int(again["rank"].isna().sum())
        st.dataframe(
            again,
            hide_index=True,
            height=300,
            key="audit-table",
            column_order=["rank", "rank_before", "number", "neuron_num", "grid", "k", "n_params", "value"],
            column_config={
                "rank": "rank now",
                "rank_before": "rank in the study",
                "number": "trial",
                "neuron_num": "hidden neurons",
                "n_params": "K",
                "value": st.column_config.NumberColumn(criterion, format="%.2f"),
            },
        )
        if lost:
            st.caption(f"{lost} trials are inadmissible under this count and have no rank.")


def parameters(handle: StudyHandle, table: pd.DataFrame) -> None:
    """Which parameters matter, and how AICc moves along each."""
    shares = importances(handle)
    if not shares:
        st.caption(
            "The importance of the parameters cannot be told: too few trials are complete, or they do not differ."
        )
    else:
        frame = pd.DataFrame({"parameter": list(shares), "share": list(shares.values())})
        st.altair_chart(charts.importance(frame), key="importance")
        st.caption("PED-ANOVA (Watanabe et al. 2023): what tells the good trials from the rest.")
    st.altair_chart(charts.slices(table), key="slices", width="content")


def compare(handle: StudyHandle) -> None:
    """Other studies of the same rows and target."""
    rows = []
    for name in study_names(get_storage(handle.storage_url)):
        other = load_study(name, storage_url=handle.storage_url)
        if other.data.sha256 != handle.data.sha256:
            continue
        best = selection.best_trial(other.records())
        rows.append(
            {
                "study": name,
                "engine": other.spec.engine,
                "count": other.spec.count,
                "noise variance": other.spec.count_sigma2,
                "least AICc": best.aicc if best else None,
                "network": cell_words(best.cell) if best else "none",
                "RMSE test": np.sqrt((best.rss_test or np.nan) / other.data.n_test)
                if best and other.data.n_test
                else None,
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="compare",
        column_config={
            "least AICc": st.column_config.NumberColumn(format="%.2f"),
            "RMSE test": st.column_config.NumberColumn(format="%.4g"),
        },
    )
    st.caption(
        "Studies of the same rows and target. Compare AICc only where the count is the same; the test error always."
    )


def null_run(judgement: Judgement) -> None:
    """This target against shuffled ones."""
    permuted = judgement.null.get("permuted", [])
    if not permuted:
        return
    st.altair_chart(charts.null_gains(judgement.null["gain"], permuted), key="null")
    st.caption(
        f"The best six cells fitted to this target and to {len(permuted)} shuffled ones: chance gets as far in "
        f"{100 * chance(judgement):.0f}% of the draws."
    )


def map_and_front(table: pd.DataFrame, handle: StudyHandle) -> None:
    """AICc over the cells, and the front with its knee."""
    st.altair_chart(charts.aicc_map(table, state.selected_trial()), key="aicc-map", width="content")
    st.caption("Orange frames: the least AICc, and the trial picked. Cells without colour were not fitted or failed.")
    selecting_chart(charts.front(table, handle.baselines, state.selected_trial()), "choose-front")
