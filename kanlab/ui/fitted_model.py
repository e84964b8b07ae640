"""Which model a page is about, and that model fitted: once a session for all pages that show it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.execution.final_check import appraised
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import Predictor, predictor
from kanlab.selection.candidates import cell_words
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, completed
from kanlab.ui import session
from kanlab.ui.widgets import sentences

_RECOMMENDED = -1
_LISTED = 40  # trials, least AICc first


def model_box(handle: StudyHandle, records: Sequence[TrialRecord], key: str) -> int | None:
    """A select box of the recommended model and the trials; returns a trial's number, None for the recommended one."""
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    picked = [r for r in ranked if r.number == session.selected_trial()]
    listed = {r.number: r for r in (*picked, *ranked[:_LISTED])}

    def words(number: int) -> str:
        if number == _RECOMMENDED:
            return "the recommended model"
        mark = "picked: " if picked and number == picked[0].number else ""
        return f"{mark}trial {number}, {cell_words(listed[number].cell)}, AICc {listed[number].aicc:,.1f}"

    chosen = st.selectbox(
        "Model",
        [_RECOMMENDED, *listed],
        key=f"{key}-model",
        format_func=words,
        help="Trials stand by AICc, least first. One that is picked in a chart or table of another page stands first.",
    )
    return None if chosen == _RECOMMENDED else int(chosen)


def model_key(handle: StudyHandle, records: Sequence[TrialRecord], trial: int | None) -> tuple[object, ...]:
    """What a model stays the same for: the recommended one may change with every trial, the last look and a validation."""
    if trial is not None:
        return handle.uid, trial
    newest = max((r.number for r in records if r.state == "complete"), default=0)
    validation = read_validation(handle.optuna.user_attrs)
    return handle.uid, newest, appraised(handle, records), validation.done if validation else 0


def fitted(handle: StudyHandle, records: Sequence[TrialRecord], trial: int | None) -> Predictor:
    """The model, fitted in a worker process unless it is the one of the last run; what goes wrong ends the page."""
    with sentences(), st.spinner("Fitting the model as the study did…"):
        key = model_key(handle, records, trial)
        found: Predictor = session.remember("predictor", key, lambda: predictor(handle, trial))
        session.remember("model-data", handle.uid, lambda: load_data(handle))
    return found
