"""Choose: which model to take, why, and how far to trust it."""

import streamlit as st

from kanlab.judging import read_judgement
from kanlab.selection import trial_table
from kanlab.study import load_study
from kanlab.thinning import thinned
from kanlab.tuning import Study
from kanlab.ui import auditing, choose, evidence, leaderboard, owner, predicting, state
from kanlab.ui.navigation import STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, sentences
from kanlab.verdict import verdict

POLL_SECONDS = 1.0

name = state.study_name()
heading(
    "Choose" if name is None else f"Choose: {literal(name)}",
    "Which model to take, for what reasons, and how far to trust the choice.",
)
if name is None:
    go_first_to(STUDIES, "No study is open: choose one under Studies.", "Go to Studies")
with sentences():
    handle = load_study(name)
with sentences():
    state.link_study(name, owner.link_key(handle))
study_live = Study(handle).state.is_live
first = read_judgement(handle.optuna.user_attrs)
was_live = first is not None and first.is_live


@st.fragment(run_every=POLL_SECONDS if was_live else None)
def page() -> None:
    judgement = read_judgement(handle.optuna.user_attrs)
    if was_live != (judgement is not None and judgement.is_live):
        st.rerun()
    records = handle.records()
    table = trial_table(records)
    found = verdict(handle, records, judgement)
    choose.recommendation(found, judgement)
    choose.judge_bar(handle, judgement, study_live)
    choose.alarms(found, handle)
    board, new, rules, cells, audit, parameters, chance, others = st.tabs(
        [
            "Leaderboard",
            "Predict new rows",
            "Other rules",
            "Map and front",
            "Audit",
            "Parameters",
            "Chance",
            "Other studies",
        ]
    )
    with board:
        leaderboard.leaderboard(found, handle, judgement)
    with new:
        predicting.new_rows(handle, records)
    with rules:
        leaderboard.other_rules(found, records)
    points, fewer = thinned(table, state.selected_trial())
    with cells:
        evidence.map_and_front(table, points, handle)
        st.caption(fewer)
    with audit:
        auditing.audit(handle, records)
    with parameters:
        evidence.parameters(handle, points)
        st.caption(fewer)
    with chance:
        if judgement is None or not judgement.null:
            st.info("Judge the finalists to see how far chance alone gets.", icon=":material/balance:")
        else:
            evidence.null_run(judgement)
    with others:
        evidence.compare(handle)


page()
