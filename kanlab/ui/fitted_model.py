"""The model a page shows: the box that chooses it, and its fit, made once per session for all pages."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.baselines.registry import label
from kanlab.data.dataset import Dataset
from kanlab.execution.final_check import AVERAGE, final_check_of
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import Predictor
from kanlab.explain.study_predictor import predictor
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.candidates import cell_words, other_families
from kanlab.selection.feature_weights import FeatureWeights, feature_weights
from kanlab.selection.headline import Use
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, completed
from kanlab.ui import session
from kanlab.ui.widgets import sentences

USE = "model-use"  # the switch, in the state of the session
_RECOMMENDED = -1
_LISTED = 40  # trials, lowest AICc first
_BOX_HELP = marked(
    "Trials are sorted by AICc, lowest first, after the one that is selected in a chart "
    "or table; the other families follow. AICc weighs the fit against the number of "
    "parameters; grid is the number of intervals of each spline, k its order."
)


Which = int | str | None  # the number of a trial, the name of another family, or the recommended model to read


def model_box(handle: StudyHandle, records: Sequence[TrialRecord], key: str, use: Use | None = None) -> Which:
    """A select box of the recommended models, the other families, and the trials; returns which is chosen.

    use: which of the recommended ones stands first; by default the one chosen on the Choose page, or that the evidence is for.
    """
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    picked = [r for r in ranked if r.number == session.selected_trial()]
    asked = _asked_for_in_the_address(f"{key}-model")
    listed = {r.number: r for r in (*picked, *ranked[:_LISTED], *(r for r in ranked if r.number == asked))}
    validation = read_validation(handle.optuna.user_attrs)
    families = {b.family: b for b in other_families(handle, validation)}
    found = recommend(handle, records, validation)

    def words(which: int | str) -> str:
        if which == _RECOMMENDED:
            return say("the recommended model") if found.average is None else say("the recommended model to read")
        if which == AVERAGE and found.average is not None:
            return say("to predict: {model}", model=retold(found.average.label))
        if isinstance(which, str):
            family, aicc = say(label(which, handle.data.task)), families[which].aicc
            if aicc is None:
                return say("{family} model", family=family)
            return say("{family} model, AICc {aicc:,.1f}", family=family, aicc=aicc)
        trial = say(
            "trial {number}, {network}, AICc {aicc:,.1f}",
            number=which,
            network=cell_words(listed[which].cell),
            aicc=listed[which].aicc,
        )
        return say("selected: {trial}", trial=trial) if picked and which == picked[0].number else trial

    first: list[int | str] = [_RECOMMENDED]
    if found.average is not None:
        first.insert(0 if (use or chosen_use(found)) == "predict" else 1, AVERAGE)
    options: list[int | str] = [*first, *listed, *families]
    if asked in options:
        st.session_state[f"{key}-model"] = asked
    chosen = st.selectbox(
        say("Model"), options, key=f"{key}-model", format_func=words, help=say(_BOX_HELP), persist_state="page"
    )
    if st.query_params.get(session.MODEL, str(chosen)) != str(chosen):  # of another model that was looked at before
        del st.query_params[session.MODEL]
    return None if chosen == _RECOMMENDED else chosen


def _asked_for_in_the_address(key: str) -> int | str | None:
    """Which model the address asks for, where the box of that key has not been drawn yet."""
    text = st.query_params.get(session.MODEL)
    if text is None or key in st.session_state:
        return None
    return int(text) if text.isascii() and text.isdigit() else text


def chosen_use(found: Recommendation) -> Use:
    """What the reader wants a model for, by the switch of the Choose page; else what the evidence speaks for."""
    use: Use = st.session_state.get(USE) or found.use
    return use


def model_key(handle: StudyHandle, records: Sequence[TrialRecord], which: Which) -> tuple[object, ...]:
    """The key of a fitted model. The recommended one may change with every trial, the final check and the validation."""
    if which is not None and which != AVERAGE:
        return handle.uid, which
    newest = max((r.number for r in records if r.state == "complete"), default=0)
    validation = read_validation(handle.optuna.user_attrs)
    return handle.uid, which, newest, final_check_of(handle, records), validation.done if validation else 0


def asked_for(handle: StudyHandle, which: Which) -> Predictor:
    """The model that is chosen, fitted in a worker process where it is a network. Raises KanlabError."""
    if isinstance(which, str):
        return predictor(handle, family=which)
    return predictor(handle, which, use="read")


def fitted(handle: StudyHandle, records: Sequence[TrialRecord], which: Which) -> Predictor:
    """The model, fitted in a worker process unless the session has it already; an error ends the page."""
    with sentences(), st.spinner(say("Fitting the model again, as in the study…")):
        key = model_key(handle, records, which)
        found: Predictor = session.remember("predictor", key, lambda: asked_for(handle, which))
        session.remember("model-data", handle.uid, lambda: load_data(handle))
    return found


def feature_support(handle: StudyHandle, records: Sequence[TrialRecord], data: Dataset) -> FeatureWeights | None:
    """The summed Akaike weights of the features of a study. data: its own."""

    def summed() -> FeatureWeights | None:
        found = recommend(handle, records, read_validation(handle.optuna.user_attrs))
        return feature_weights(found.ranked, data)

    weights: FeatureWeights | None = session.remember("feature-weights", model_key(handle, records, None), summed)
    return weights
