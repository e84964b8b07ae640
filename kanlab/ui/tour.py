"""The first-run tour: an example from its table to a formula and a what-if, a few sentences at the top of four pages.

It is offered once to each browser (`kanlab.study.seen`), can be left at any step, and shows the app's own pages.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from kanlab.errors import KanlabError
from kanlab.language import marked, say
from kanlab.study import seen
from kanlab.study.handle import load_study
from kanlab.study.state import read_state
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.ui import identity, session
from kanlab.ui.navigation import CHOOSE, DATA, LIVE, MODEL

_TOUR, _STEP, _GO = "first-run tour", "kanlab_tour", "kanlab_tour_go"
_TAB = "model-tab"
STARTS = "kanlab_try"  # in the state of a session whose example is about to start


class _Step(NamedTuple):
    """One stop. page: where it is.  words: what is seen there.  on: the button that goes on.  tab: of the Model page."""

    page: Path
    words: str
    on: str
    tab: str = ""


_STEPS = (
    _Step(
        LIVE,
        marked("**Done.** The lowest points on the left are worth their size."),
        marked("See which one to take"),
    ),
    _Step(
        CHOOSE,
        marked("kanlab has compared them all and names **one to take**. You need not decide anything."),
        marked("See what it has learned"),
    ),
    _Step(
        MODEL,
        marked(
            "This is the network **as a formula**. The rows were made with "
            "$y = \\exp(\\sin(\\pi x_1) + x_2^2)$ and noise, which kanlab was not told: compare."
        ),
        marked("Try it out"),
        marked("Formula"),
    ),
    _Step(
        MODEL,
        marked(
            "**Move a slider:** the prediction follows, with the range that holds 9 of 10 such rows. "
            "Your own table goes the same way."
        ),
        marked("Use my own table"),
        marked("What if"),
    ),
)
_WAIT = marked(
    "kanlab is fitting 63 small networks to 400 noisy rows, which takes some seconds. Each becomes a point below. "
    "The largest ones only copy the noise, so AICc charges for size: **the lowest points on the left will be worth theirs.**"
)
_GONE = marked("The study of the tour is not open.")


def offer(start: Callable[[], None]) -> None:
    """Offer the tour to whoever has not seen it. start: opens the example, as a callback."""
    if seen.has_seen(identity.owner(), _TOUR):
        return

    def begin() -> None:
        _decided()
        st.session_state[_STEP] = 0
        start()

    with st.container(border=True, key="tour-offer", horizontal=True, vertical_alignment="center"):
        st.markdown(say("**New here?** See a formula found in noisy numbers, in two minutes."), width="stretch")
        st.button(say("Take the tour"), icon=":material/explore:", key="tour-start", on_click=begin)
        st.button(say("No, thanks"), key="tour-skip", type="tertiary", on_click=_decided)


def banner(drawn: Path) -> None:
    """The step of the tour that is under way, at the top of a page. drawn: the script of the page."""
    at = st.session_state.get(_STEP)
    session.set_guided(False)
    if at is None:
        return
    if st.session_state.pop(_GO, False):
        _go(at, session.study_name())
    step, name = _STEPS[at], session.study_name()
    here = drawn == step.page
    session.set_guided(here)
    waiting = STARTS in st.session_state or (here and step.page == LIVE and _is_live(name))
    with st.container(border=True, key="tour"):
        words = _WAIT if waiting else step.words if name else _GONE
        st.markdown(say("**Tour, {number} of {steps}.** {words}", number=at + 1, steps=len(_STEPS), words=say(words)))
        with st.container(horizontal=True, vertical_alignment="center"):
            if name and not waiting:
                label = say(step.on) if here else say("Back to the tour")
                icon = ":material/arrow_forward:"
                st.button(label, type="primary", icon=icon, key="tour-on", on_click=_go_on, args=(at + here,))
            st.button(say("End the tour"), type="tertiary", key="tour-end", on_click=_end)


def _decided() -> None:
    seen.remember(identity.owner(), _TOUR)


def _end() -> None:
    st.session_state.pop(_STEP, None)


def _go_on(to: int) -> None:
    """Ask for a step; a callback cannot change the page, so the run after it does."""
    st.session_state[_STEP], st.session_state[_GO] = to, True


def _go(to: int, name: str | None) -> None:
    """Open the page of a step; after the last one, that of a new table."""
    if to == len(_STEPS):
        _end()
        session.set_table(None)
        st.session_state["example"] = None
        st.switch_page(DATA)
    if _STEPS[to].tab:
        st.session_state[_TAB] = say(_STEPS[to].tab)  # tabs are known by what they are called
    st.switch_page(_STEPS[to].page, query_params={"study": name or ""})


def _is_live(name: str | None) -> bool:
    try:
        return name is not None and read_state(load_study(name).attributes).is_live
    except (KanlabError, *STORAGE_ERRORS):
        return False  # the page says what is wrong
