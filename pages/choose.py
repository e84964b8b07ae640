"""Choose: which model to take, why, and how far to trust it."""

import streamlit as st

from kanlab.api import Study
from kanlab.language import say
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
    steps,
    study_header,
)
from kanlab.ui.navigation import CHOOSE
from kanlab.ui.widgets import sentences

POLL_SECONDS = 1.0

handle = study_header.study(
    say("Choose"),
    say(
        "Which model to take, why, and how far to trust the choice. AICc weighs the fit of a "
        "model against its number of parameters K: lower is better. The leave-one-out (LOO) "
        "error says how far it misses a row that it was not fitted to; a difference of more "
        "than two standard errors is hardly chance."
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
    found = recommend(handle, records, validation)
    choose.recommendation(found, handle)
    choose.validation_bar(handle, validation, study_live)
    choose.warnings(found, handle)
    choose.hold(handle)
    of_networks = {
        say("Map and Pareto front"): lambda: evidence.map_and_pareto_front(records, handle, found.choice),
        say("Sensitivity"): lambda: sensitivity.sensitivity(handle, records, found.choice),
        say("Hyperparameters"): lambda: evidence.hyperparameters(records, handle),
        say("Permutation test"): lambda: evidence.permutation_test(validation),
    }
    if not completed(records):
        of_networks = dict.fromkeys(of_networks, evidence.no_network)
    labels = {
        say("Leaderboard"): lambda: model_table.leaderboard(found, handle),
        (new := say("Predict new rows")): lambda: prediction.new_rows(handle, records),
        say("Other rules"): lambda: model_table.other_rules(found, records),
        **of_networks,
        say("Other studies"): lambda: evidence.compare(handle),
    }
    if handle.data.levels:
        labels[say("Calibration")] = lambda: calibration.calibration_tab(handle, records)
    for tab, label in zip(st.tabs(list(labels), key="choose-tab", on_change="rerun"), labels, strict=True):
        if tab.open or (label == new and prediction.is_uploaded()):  # a file that is not drawn is lost
            with tab:
                labels[label]()


page()
steps.next_step(CHOOSE)
