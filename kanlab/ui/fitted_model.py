"""The model a page shows: the box that chooses it, and its fit, made once per session for all pages."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.baselines.registry import label
from kanlab.execution.final_check import final_check_of
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import Predictor, predictor
from kanlab.selection.candidates import cell_words, other_families
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, completed
from kanlab.ui import session
from kanlab.ui.widgets import sentences

_RECOMMENDED = -1
_LISTED = 40  # trials, lowest AICc first
_BOX_HELP = (
    "Trials are sorted by AICc, lowest first, after the one that is selected in a chart or table; the other families follow. "
    "AICc weighs the fit against the number of parameters; grid is the number of intervals of each spline, k its order."
)


Which = int | str | None  # the number of a trial, the name of another family, or the recommended model


def model_box(handle: StudyHandle, records: Sequence[TrialRecord], key: str) -> Which:
    """A select box of the recommended model, the other families, and the trials; returns which is chosen."""
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    picked = [r for r in ranked if r.number == session.selected_trial()]
    listed = {r.number: r for r in (*picked, *ranked[:_LISTED])}
    families = {b.family: b for b in other_families(handle, read_validation(handle.optuna.user_attrs))}

    def words(which: int | str) -> str:
        if which == _RECOMMENDED:
            return "the recommended model"
        if isinstance(which, str):
            known = f", AICc {families[which].aicc:,.1f}" if families[which].aicc is not None else ""
            return f"{label(which, handle.data.task)} model{known}"
        mark = "selected: " if picked and which == picked[0].number else ""
        return f"{mark}trial {which}, {cell_words(listed[which].cell)}, AICc {listed[which].aicc:,.1f}"

    options: list[int | str] = [_RECOMMENDED, *listed, *families]
    chosen = st.selectbox("Model", options, key=f"{key}-model", format_func=words, help=_BOX_HELP)
    return None if chosen == _RECOMMENDED else chosen


def model_key(handle: StudyHandle, records: Sequence[TrialRecord], which: Which) -> tuple[object, ...]:
    """The key of a fitted model. The recommended one may change with every trial, the final check and the validation."""
    if which is not None:
        return handle.uid, which
    newest = max((r.number for r in records if r.state == "complete"), default=0)
    validation = read_validation(handle.optuna.user_attrs)
    return handle.uid, newest, final_check_of(handle, records), validation.done if validation else 0


def asked_for(handle: StudyHandle, which: Which) -> Predictor:
    """The model that is chosen, fitted in a worker process where it is a network. Raises KanlabError."""
    if isinstance(which, str):
        return predictor(handle, family=which)
    return predictor(handle, which)


def fitted(handle: StudyHandle, records: Sequence[TrialRecord], which: Which) -> Predictor:
    """The model, fitted in a worker process unless the session has it already; an error ends the page."""
    with sentences(), st.spinner("Fitting the model again, as in the study…"):
        key = model_key(handle, records, which)
        found: Predictor = session.remember("predictor", key, lambda: asked_for(handle, which))
        session.remember("model-data", handle.uid, lambda: load_data(handle))
    return found
