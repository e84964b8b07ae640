"""Choose: which model to take, why, and how far to trust it."""

import streamlit as st

from kanlab.api import Study
from kanlab.charts.thinning import thinned
from kanlab.language import say
from kanlab.selection.ranking import trial_table
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.study.handle import check_it_is_there
from kanlab.study.trials import completed
from kanlab.ui import (
    calibration,
    choose,
    evidence,
    model_table,
    prediction,
    sensitivity,
    session,
    sharing,
    steps,
    study_header,
)
from kanlab.ui.navigation import CHOOSE
from kanlab.ui.widgets import sentences

POLL_SECONDS = 1.0

handle = study_header.study(
    say("Choose"),
    say(
        "Which model to take, the reasons for it, and how far to trust the choice. AICc "
        "weighs the fit of a model against its number of parameters K: the lower, the "
        "better. The leave-one-out (LOO) error is that of rows which the fit has not seen; a "
        "difference of more than two standard errors is hardly chance. Grid is the number of "
        "intervals of each spline, k its order."
    ),
)
study_live = Study(handle).state.is_live
first = read_validation(handle.optuna.user_attrs)
was_live = first is not None and first.is_live


@st.fragment(run_every=POLL_SECONDS if was_live else None)
@sentences()
def page() -> None:
    check_it_is_there(handle)
    validation = read_validation(handle.optuna.user_attrs)
    if was_live != (validation is not None and validation.is_live):
        st.rerun()
    records = handle.records()
    table = trial_table(records)
    found = recommend(handle, records, validation)
    choose.recommendation(found, handle)
    sharing.present_button(handle)
    choose.validation_bar(handle, validation, study_live)
    choose.warnings(found, handle)
    more = [say("Calibration")] if handle.data.levels else []
    board, new, rules, cells, criteria, hyperparameters, permutation, others, *classes = st.tabs(
        [
            say("Leaderboard"),
            say("Predict new rows"),
            say("Other rules"),
            say("Map and Pareto front"),
            say("Sensitivity"),
            say("Hyperparameters"),
            say("Permutation test"),
            say("Other studies"),
            *more,
        ]
    )
    with board:
        model_table.leaderboard(found, handle)
    with new:
        prediction.new_rows(handle, records)
    with rules:
        model_table.other_rules(found, records)
    points, fewer = thinned(table, session.selected_trial())
    if not completed(records):
        for tab in (cells, criteria, hyperparameters):
            tab.info(say("There is no network in this study."), icon=":material/info:")
    else:
        with cells:
            evidence.map_and_pareto_front(table, points, handle, found.choice)
            st.caption(fewer)
        with criteria:
            sensitivity.sensitivity(handle, records, found.choice)
        with hyperparameters:
            evidence.hyperparameters(handle, points)
            st.caption(fewer)
    with permutation:
        if not completed(records):
            st.info(say("There is no network in this study."), icon=":material/info:")
        elif validation is None or not validation.null:
            st.info(say("Validate the finalists to run the permutation test."), icon=":material/balance:")
        else:
            evidence.permutation_test(validation)
    with others:
        evidence.compare(handle)
    for tab in classes:
        with tab:
            calibration.calibration_tab(handle, records)


page()
steps.next_step(CHOOSE)
