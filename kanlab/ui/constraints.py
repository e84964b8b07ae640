"""The Search page: what is known of the effects of the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.kan.constraints import Constraints, constrainable
from kanlab.language import marked, say
from kanlab.stats.likelihood import MULTICLASS
from kanlab.ui import session

MOST_GROUPS = 5
_KEY, _GROUP, _CLASS = "constraint-", "constraint-apart-", "constraint-of-class"
_DEMANDS = {
    "up": (marked("Monotone up"), marked("The prediction never falls as the feature rises, whatever the others are.")),
    "down": (
        marked("Monotone down"),
        marked("The prediction never rises as the feature rises, whatever the others are."),
    ),
    "convex": (marked("Convex"), marked("The effect bends upwards: each further step adds more, or takes away less.")),
    "concave": (
        marked("Concave"),
        marked("The effect bends downwards: each further step adds less, or takes away more."),
    ),
    "linear": (marked("Linear"), marked("The effect is a straight line, added to the rest.")),
    "no_effect": (marked("No effect"), marked("No model sees the feature.")),
}


def constraints(datasets: Sequence[Dataset]) -> Constraints:
    """The widgets, and what they demand. datasets: of the targets of the study.

    Raises StudyError where the demands contradict each other, or cannot be kept.
    """
    data = datasets[0]
    found: dict[str, Any] = {}
    sources = list(data.recipe.sources)
    with st.expander(say("What is known of the effects")):
        st.caption(
            say(
                "Knowledge that every network of the study keeps, between the training rows and "
                "beyond them. Models of other families that break it are not recommended."
            )
        )
        of_class = _class(data)
        places = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]  # a row each, for narrow screens
        possible: dict[str, list[str]] = session.remember(
            "constrainable",
            (data.sha256, data.task),
            lambda: {kind: constrainable(kind, data) for kind in _DEMANDS},
        )
        for number, (kind, (label, text)) in enumerate(_DEMANDS.items()):
            with places[number]:
                found[kind] = _chosen(say(label), _KEY + kind, possible[kind], say(text))
        groups: list[tuple[str, ...]] = []
        for number in range(1, MOST_GROUPS + 1):
            label = (
                say("Do not interact with each other")
                if number == 1
                else say("Nor do these (group {number})", number=number)
            )
            text = say("None of these features changes the effect of another; choose two or more.")
            group = _chosen(label, f"{_GROUP}{number}", sources, text)
            if not group:
                break
            groups.append(group)
    known = Constraints(**found, no_interaction=tuple(groups))
    if known.demands_a_class:
        known = replace(known, of_class=of_class)
    for each in datasets:
        known.check(each)
    return known


def _class(data: Dataset) -> str:
    """The class that monotone, convex and concave are of; "" where there are not three or more."""
    if data.task != MULTICLASS:
        return ""
    if st.session_state.get(_CLASS) not in data.levels:
        st.session_state.pop(_CLASS, None)
    chosen = st.selectbox(
        say("Of the class"),
        data.levels,
        key=_CLASS,
        persist_state="session",
        help=say(
            "Monotone, convex and concave are of the log-odds of this class against each other class: its probability "
            "never falls with a feature that is monotone up. The other demands are of all classes."
        ),
    )
    return str(chosen)


def _chosen(label: str, key: str, possible: Sequence[str], text: str) -> tuple[str, ...]:
    if key in st.session_state:  # of another table, or another choice of features
        st.session_state[key] = [name for name in st.session_state[key] if name in possible]
    chosen = st.multiselect(
        label, possible, key=key, persist_state="session", help=text, placeholder=say("none"), disabled=not possible
    )
    return tuple(chosen)


def preset(known: Constraints) -> None:
    """Fill the widgets with the demands of a study."""
    for kind in _DEMANDS:
        st.session_state[_KEY + kind] = list(getattr(known, kind))
    for number in range(1, MOST_GROUPS + 1):
        group = known.no_interaction[number - 1] if number <= len(known.no_interaction) else ()
        st.session_state[f"{_GROUP}{number}"] = list(group)
    if known.of_class:
        st.session_state[_CLASS] = known.of_class
