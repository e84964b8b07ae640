"""What a search for formulas is told, on the Model page: the functions allowed, forbidden and required, and repeats."""

from __future__ import annotations

import streamlit as st

from kanlab.formulas.options import NAMES, SECONDS, FormulaOptions, formula_options
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle
from kanlab.ui import session
from kanlab.ui.widgets import literal

MOST_REPEATS = 20
EFFORT = "formula-effort"
_KEYS = (EFFORT, "formula-functions", "formula-forbidden", "formula-required", "formula-repeats")
_HELP = marked(
    "Each repeat is one more search of as many rows drawn with replacement; the table "
    "then says in how many of them a formula of the same structure was the recommended "
    "one."
)


def hold(handle: StudyHandle) -> None:
    """Keep what was chosen while a search runs or another tab is shown; called before the boxes are drawn."""
    inside = [f"formula-inside-{feature}" for feature in handle.data.features]
    session.hold_widgets(f"formula-options-{handle.uid}", [*_KEYS, *inside])


def widgets(handle: StudyHandle) -> None:
    """The boxes, in an expander."""
    with st.expander(say("Functions and repeats")):
        allowed, forbidden = st.columns(2)
        allowed.multiselect(
            say("May hold"), NAMES, key="formula-functions", placeholder=say("all functions of the library")
        )
        forbidden.multiselect(say("May not hold"), NAMES, key="formula-forbidden", placeholder=say("none"))
        features = st.multiselect(
            say("Features that must stand inside a function"),
            handle.data.features,
            key="formula-required",
            placeholder=say("none"),
            help=say(
                "A formula is recommended only if it holds each of these features inside the function chosen for it."
            ),
        )
        for feature in features:
            label = say("Function around {feature}", feature=literal(feature))
            st.selectbox(label, NAMES, key=f"formula-inside-{feature}", width=320)
        st.number_input(say("Repeats"), 0, MOST_REPEATS, key="formula-repeats", help=say(_HELP), width=160)


def chosen(handle: StudyHandle, effort: float) -> FormulaOptions:
    """What the boxes say. effort: a multiple of the default time."""
    hold(handle)
    state = st.session_state
    return formula_options(
        handle.data.features,
        minutes=effort * SECONDS / 60,
        functions=state.get("formula-functions") or None,
        forbidden=state.get("formula-forbidden") or (),
        required={f: state.get(f"formula-inside-{f}", NAMES[0]) for f in state.get("formula-required") or ()},
        repeats=state.get("formula-repeats") or 0,
        seed=handle.spec.seed,
    )
