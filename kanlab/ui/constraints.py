"""The Search page: what is known of the effects of the features."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.kan.constraints import Constraints, can_have
from kanlab.language import marked, say
from kanlab.stats.likelihood import MULTICLASS

MOST_GROUPS = 5
_KEY, _GROUP = "constraint-", "constraint-apart-"
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
    data, found = datasets[0], {}
    sources = list(data.recipe.sources)
    with st.expander(say("What is known of the effects")):
        st.caption(
            say(
                "Knowledge that every network of the study keeps, between the training rows and "
                "beyond them. Models of other families that break it are not recommended."
            )
        )
        places = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]  # a row each, for narrow screens
        for number, (kind, (label, text)) in enumerate(_DEMANDS.items()):
            possible = [name for name in sources if can_have(kind, name, data)]
            with places[number]:
                found[kind] = _chosen(say(label), _KEY + kind, possible, say(text))
        groups: list[tuple[str, ...]] = []
        for number in range(1, MOST_GROUPS + 1):
            label = (
                say("Do not interact with each other")
                if number == 1
                else say("Nor do these (group {number})", number=number)
            )
            text = say("None of these features changes the effect of another; choose two or more.")
            group = _chosen(label, f"{_GROUP}{number}", sources if data.task != MULTICLASS else [], text)
            if not group:
                break
            groups.append(group)
    known = Constraints(**found, no_interaction=tuple(groups))
    for each in datasets:
        known.check(each)
    return known


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
