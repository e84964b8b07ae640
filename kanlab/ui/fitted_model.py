"""The model a page shows: the box that chooses it, and its fit, made once per session for all pages."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.execution.final_check import final_check_of
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import Predictor, predictor
from kanlab.selection.candidates import cell_words
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, completed
from kanlab.ui import session
from kanlab.ui.widgets import sentences

_RECOMMENDED = -1
_LISTED = 40  # trials, lowest AICc first


def model_box(handle: StudyHandle, records: Sequence[TrialRecord], key: str) -> int | None:
    """A select box of the recommended model and the trials; returns the number of a trial, or None for the recommended one."""
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    picked = [r for r in ranked if r.number == session.selected_trial()]
    listed = {r.number: r for r in (*picked, *ranked[:_LISTED])}

    def words(number: int) -> str:
        if number == _RECOMMENDED:
            return "the recommended model"
        mark = "selected: " if picked and number == picked[0].number else ""
        return f"{mark}trial {number}, {cell_words(listed[number].cell)}, AICc {listed[number].aicc:,.1f}"

    chosen = st.selectbox(
        "Model",
        [_RECOMMENDED, *listed],
        key=f"{key}-model",
        format_func=words,
        help="Trials are sorted by AICc, lowest first, after the one that is selected in a chart or table. AICc weighs the "
        "fit against the number of parameters; grid is the number of intervals of each spline, k its order.",
    )
    return None if chosen == _RECOMMENDED else int(chosen)


def model_key(handle: StudyHandle, records: Sequence[TrialRecord], trial: int | None) -> tuple[object, ...]:
    """The key of a fitted model. The recommended one may change with every trial, the final check and the validation."""
    if trial is not None:
        return handle.uid, trial
    newest = max((r.number for r in records if r.state == "complete"), default=0)
    validation = read_validation(handle.optuna.user_attrs)
    return handle.uid, newest, final_check_of(handle, records), validation.done if validation else 0


def fitted(handle: StudyHandle, records: Sequence[TrialRecord], trial: int | None) -> Predictor:
    """The model, fitted in a worker process unless the session has it already; an error ends the page."""
    with sentences(), st.spinner("Fitting the model again, as in the study…"):
        key = model_key(handle, records, trial)
        found: Predictor = session.remember("predictor", key, lambda: predictor(handle, trial))
        session.remember("model-data", handle.uid, lambda: load_data(handle))
    return found
