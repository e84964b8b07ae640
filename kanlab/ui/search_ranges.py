"""The Search page: the ranges of the hyperparameters, and how parameters are counted."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from kanlab.charts.encoding import NAMES
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import LIMITS, Cell, SearchSpace
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle
from kanlab.study.spec import COUNTS, Count
from kanlab.ui import session
from kanlab.ui.widgets import literal

RULE_HELP = (
    marked(
        "K, the number of parameters, is what AICc weighs against the fit. An edge is one "
        "curve of the network, with G grid intervals and spline order k."
    ),
    marked(
        "Effective (default): networks are ranked by what each fit has spent, the effective "
        "degrees of freedom of the penalised fit and a charge for the search. All else goes "
        "by the identifiable count, which is known before any fit."
    ),
    marked("Identifiable: the rank of the Jacobian, which is what the data can determine."),
    marked("Trainable: every number the optimiser changes, G + k + 2 per edge."),
    marked("Coefficients: the spline coefficients only, G + k per edge."),
    marked("Article: 4 per edge, whatever G and k. It undercounts fine grids, and so favours overfitting."),
)
_RULES = {
    "effective": marked("Effective"),
    "identifiable": marked("Identifiable"),
    "trainable": marked("Trainable"),
    "coefficients": marked("Coefficients"),
    "article": marked("Article"),
}

_SLIDERS = ("neuron_num", "grid", "k", "depth")
_WIDENED = "widened"  # the study whose ranges were widened, and the wider ones


def preset(space: SearchSpace) -> SearchSpace:
    """Set the controls to a space as well as they can; what they show then."""
    low, high = (max(2, end) for end in space.grid)
    may_multiply = LIMITS["multiplication"] if any(space.multiplication) else (0, 0)
    shown = replace(space, grid=(low, high), multiplication=may_multiply)
    for name in _SLIDERS:
        st.session_state[name] = getattr(shown, name)
    st.session_state["multiplication"] = any(shown.multiplication)
    if any(shown.multiplication):
        st.session_state["engine"] = "lm"  # the one that has such nodes
    return shown


def with_products_words() -> tuple[str, str]:
    """The label and the help of a button that opens a search in which a node may multiply."""
    return say("Let a node multiply"), say(
        "Open Search on the same rows and ranges, with 'A node may multiply' ticked."
    )


def widen(handle: StudyHandle, wider: SearchSpace) -> None:
    """Set the ranges to these, which are wider than those of a study, or let a node multiply."""
    st.session_state[_WIDENED] = handle.name, handle.spec.space, preset(wider)


def widened(space: SearchSpace) -> None:
    """Say where the ranges come from, as long as they are those of `widen`."""
    name, before, wider = st.session_state.get(_WIDENED, ("", space, None))
    if space != wider:
        return
    if space.multiplication != before.multiplication:
        words = say("The ranges of the study '{name}', and besides networks one of whose nodes multiplies.", name=name)
        st.info(literal(words), icon=":material/open_in_full:")
        return
    changed = [
        say("{range} {low} to {high}", range=say(NAMES[field]), low=low, high=high)
        for field in Cell._fields
        for low, high in [getattr(space, field)]
        if (low, high) != tuple(getattr(before, field))
    ]
    words = say(
        "The ranges of the study '{name}', wider where its best network lies at the edge: {changed}.",
        name=name,
        changed=say(", ").join(changed),
    )
    st.info(literal(words), icon=":material/open_in_full:")


def ranges() -> SearchSpace:
    """The sliders of the space."""
    places = st.columns(4, gap="medium")
    with places[0]:
        neuron_num = st.slider(
            say("Hidden neurons (neuron_num)"),
            1,
            session.upper_end("neuron_num", 10),
            (1, 10),
            key="neuron_num",
            persist_state="session",
            help=say("Nodes of each hidden layer. A node adds up one curve for each of its inputs."),
        )
    with places[1]:
        grid = st.slider(
            say("Grid intervals (grid)"),
            2,
            session.upper_end("grid", 10),
            (2, 10),
            key="grid",
            persist_state="session",
            help=say("Intervals of the grid of every spline. With more of them a curve can bend more finely."),
        )
    with places[2]:
        k = st.slider(
            say("Spline order (k)"),
            1,
            3,
            (1, 3),
            key="k",
            persist_state="session",
            help=say("Degree of the splines: 1 is piecewise linear, 2 quadratic, 3 cubic."),
        )
    with places[3]:
        depth = st.slider(
            say("Hidden layers (depth)"),
            1,
            3,
            (1, 1),
            key="depth",
            persist_state="session",
            help=say(
                "Hidden layers in sequence, all with the same number of neurons. One is enough for "
                "most tables. Two or three can follow nested functions, such as a product or a "
                "distance, with fewer parameters, but take several times as long to fit."
            ),
        )
    return SearchSpace(neuron_num, grid, k, depth, multiplication())


def multiplication() -> tuple[int, int]:
    """The range of nodes that multiply, as `multiplication_control` has set it; none of an engine that has none."""
    wanted = st.session_state.get("multiplication", False) and st.session_state.get("engine", "lm") == "lm"
    return LIMITS["multiplication"] if wanted else (0, 0)


def multiplication_control(engine: str) -> None:
    """Whether a node may multiply."""
    st.checkbox(
        say("A node may multiply"),
        key="multiplication",
        persist_state="session",
        disabled=engine != "lm",
        help=say(
            "Compares plain networks with those one of whose hidden neurons multiplies two sums of curves in place of adding "
            "curves up. They follow products of features with fewer parameters, and cost time. They have k of 2 or 3 and one "
            "hidden layer."
        ),
    )


def counting(data: Dataset) -> tuple[Count, bool]:
    """The counting rule, and whether the noise variance is a parameter."""
    places = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with places[0]:
        count = st.selectbox(
            say("Counting rule for the parameters (K)"),
            COUNTS,
            key="count",
            format_func=lambda rule: say(_RULES[rule]),
            persist_state="session",
            help="  \n".join(map(say, RULE_HELP)),
        )
    with places[1]:
        count_sigma2 = data.likelihood.counts_variance and st.checkbox(
            say("Count the noise variance as a parameter"),
            True,
            key="sigma2",
            persist_state="session",
            help=say("As AIC in R does. It shifts all models alike and matters only if there are few rows."),
        )
    return count, bool(count_sigma2)
