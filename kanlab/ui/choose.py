"""The Choose page: the recommendation, the validation, the warnings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import streamlit as st

from kanlab.baselines.registry import COMPARISON_FAMILIES, OPTIONAL_FAMILIES, missing_extra
from kanlab.baselines.registry import label as family_label
from kanlab.execution.manage import load_data
from kanlab.kan.search_space import SearchSpace
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.candidates import model_name
from kanlab.selection.decision import criterion_of
from kanlab.selection.headline import USES, Use
from kanlab.selection.recommendation import Recommendation
from kanlab.selection.validation import Validation
from kanlab.selection.validation_run import start_validation, stop_validation
from kanlab.study.handle import StudyHandle
from kanlab.ui import cluster, fitted_model, identity, residual_remedies, search_ranges, session, sharing
from kanlab.ui.navigation import SEARCH
from kanlab.ui.widgets import literal, sentences

VALIDATE_HELP = marked(
    "Refits the five best configurations from five other seeds, cross-validates the "
    "eight best and the other families, fits the model families chosen beside this "
    "button, estimates the degrees of freedom of the three best, and runs a permutation "
    "test with twenty shuffled targets."
)
_OTHERS = marked(
    "This study was started in another browser. Only its owner can validate the finalists and widen the ranges."
)


_CHARTS = ("aicc-map", "choose-front", "importance", "slices", "null", "calibration")
_HELD = ("leaderboard", *(f"behind-{chart}" for chart in _CHARTS))  # Streamlit cannot persist these itself


def hold(handle: StudyHandle) -> None:
    """Keep the selected row, and the tables behind charts open, while another tab is shown; before the tabs are drawn."""
    session.hold_widgets(f"choose-{handle.uid}", _HELD)


def recommendation(found: Recommendation, handle: StudyHandle) -> None:
    """The recommended model, the reasons for it, and the models that are about as good."""
    choice = found.choice
    data = handle.data
    possible = handle.spec.admissible(data.n_train, data.d)
    if choice is None or (possible and not any(c.is_network for c in found.candidates)):
        st.info(say("No trial is complete yet, so there is nothing to choose from."), icon=":material/hourglass_top:")
        st.stop()
    with st.container(border=True, key="taken"):
        average = found.average if _use(found) == "predict" else None
        if average is not None:
            st.header(say("Take {model}", model=literal(average.name)), anchor=False)
            st.markdown(f"- {literal(found.average_reason)}\n- {literal(say(_AVERAGED))}")
        else:
            taken = literal(choice.name)
            title = (
                say("Take the network of {trial}", trial=taken)
                if choice.is_network
                else say("Take {model}", model=taken)
            )
            st.header(title, anchor=False)
            reasons = [*([found.use_reason] if found.average is not None else []), *found.reasons]
            _reasons(reasons)
        if average is None and found.ties and criterion_of(choice) - criterion_of(found.ranked[0]) <= _WITH_SUPPORT:
            with st.expander(say("Models with a similar AICc")):
                st.markdown(_support(found))
        if found.validation is None and not session.is_guided():
            st.caption(
                say("This rests on one fit per configuration. Validate the finalists to see how far you can trust it.")
            )


def _reasons(reasons: Sequence[str]) -> None:
    """Why it is taken; on the tour behind a click."""
    with st.expander(say("Why this one")) if session.is_guided() else nullcontext():
        st.markdown("\n".join(f"- {literal(reason)}" for reason in reasons))


_USES: dict[Use, str] = {"read": marked("To read"), "predict": marked("To predict")}
_AVERAGED = marked(
    "It predicts by the weighted mean of these models. It has no single formula, diagram "
    "or curve; what it makes of each feature is on the Model page."
)


def _use(found: Recommendation) -> Use:
    """The switch between a model to read and one to predict with, where there are two."""
    if found.average is None:
        return "read"
    use = st.segmented_control(
        say("What the model is for"),
        USES,
        default=found.use if fitted_model.USE not in st.session_state else None,
        format_func=lambda known: say(_USES[known]),
        key=fitted_model.USE,
        persist_state="session",
        label_visibility="collapsed",
        help=say(
            "One network has curves and a formula to read. The average of several often predicts with less error."
        ),
    )
    return use or found.use


_BANDS = (  # Burnham & Anderson 2002, section 2.6, who leave 2 to 4 and 7 to 10 without a word of their own
    (2.0, marked("substantial support (up to 2 above the lowest AICc)")),
    (4.0, marked("2 to 4 above")),
    (7.0, marked("considerably less support (4 to 7 above)")),
    (np.inf, marked("little support (more than 7 above)")),
)
_PER_BAND = 4
_WITH_SUPPORT = 10.0  # units above the lowest AICc, beyond which a model has essentially none


def _support(found: Recommendation) -> str:
    """The models near the recommended one by their support, in Markdown."""
    lowest, rest, parts = criterion_of(found.ranked[0]), list(found.ties), []
    for end, words in _BANDS:
        within = [c for c in rest if criterion_of(c) - lowest <= end]
        rest = [c for c in rest if c not in within]
        if within:
            names, more = say(", ").join(retold(model_name(c)) for c in within[:_PER_BAND]), len(within) - _PER_BAND
            if more > 0:
                names = say("{names} and {more} more", names=names, more=more)
            parts.append(literal(say("{band}: {models}", band=say(words), models=names)))
    opening = say(
        "They are within 10 units of its AICc, listed by their support (Burnham & Anderson 2002). A model more than "
        "10 above the lowest has essentially none. A refit from another seed can change AICc by several units."
    )
    return "\n".join([f"{literal(opening)}\n", *(f"- {part}" for part in parts)])


def validation_bar(handle: StudyHandle, validation: Validation | None, study_live: bool) -> None:
    """Start and stop a validation, for the owner; watch it, for everybody. Beside it the button that presents the study."""
    controls = identity.controls(handle)
    if validation is not None and validation.is_live:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(say("Validation: {done} of {total} steps", done=validation.done, total=validation.total))
            st.space("stretch")
            if controls:
                label, icon = say("Stop the validation"), ":material/stop:"
                st.button(label, icon=icon, key="stop-validation", on_click=stop_validation, args=(handle,))
            else:
                st.caption(say(_OTHERS))
        st.progress(validation.done / max(1, validation.total))
        sharing.present_button(handle)
        return
    if not controls:
        st.caption(say(_OTHERS))
        sharing.present_button(handle)
        return
    label = say("Validate the finalists") if validation is None else say("Validate again")
    kind: Any = "primary" if validation is None else "secondary"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            label,
            icon=":material/balance:",
            key="validate",
            type=kind,
            disabled=study_live,
            on_click=_validate,
            args=(handle,),
            help=say(VALIDATE_HELP),
        )
        _families(handle)
        sharing.present_button(handle)
        if study_live:
            st.caption(say("The study is still running. Validate it when it is done."))
        elif validation is not None and validation.detail:
            st.caption(literal(validation.detail))


def _families(handle: StudyHandle) -> None:
    """Which other model families a validation compares with."""
    installed = [name for name in OPTIONAL_FAMILIES if not missing_extra(name)]
    with st.popover(
        say("Compare with"), help=say("Model families that are fitted and cross-validated beside the networks.")
    ):
        st.multiselect(
            say("Model families"),
            [*COMPARISON_FAMILIES, *installed],
            default=list(COMPARISON_FAMILIES),
            format_func=lambda name: say(family_label(name, handle.data.task)),
            key="families",
        )


def _validate(handle: StudyHandle) -> None:
    start_validation(handle, cluster.place(), st.session_state.get("families"))


def warnings(found: Recommendation, handle: StudyHandle) -> None:
    """The warnings, one sentence each. A button opens the search that answers one, wider or with products."""
    controls = identity.controls(handle)
    for number, warning in enumerate(found.warnings):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(literal(warning.sentence), icon=":material/warning:")
            if controls and warning.log:
                residual_remedies.log_button(handle, f"log-{number}")
            if not controls or warning.widen is None:
                continue
            label, more = say("Widen"), say("Open Search with wider ranges.")
            if warning.widen.multiplication != handle.spec.space.multiplication:
                label, more = search_ranges.with_products_words()
            if st.button(label, key=f"widen-{number}", help=more):
                open_search(handle, warning.widen)


def open_search(handle: StudyHandle, space: SearchSpace) -> None:
    """Open Search on the rows of a study and other ranges."""
    with sentences():
        data = load_data(handle)
    session.set_dataset(data, handle.spec.test_fraction, handle.spec.seed)
    search_ranges.widen(handle, space)
    st.switch_page(SEARCH)
