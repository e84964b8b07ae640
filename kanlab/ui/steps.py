"""The way from a table to a model: its steps at the top of every page with their state, and the next one as a button."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from kanlab.errors import KanlabError
from kanlab.language import marked, say
from kanlab.study.handle import load_study
from kanlab.study.state import read_state
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.ui import reader_language, session
from kanlab.ui.navigation import CHOOSE, DATA, EXPORT, LIVE, MODEL, SEARCH, STUDIES

STEPS = (DATA, SEARCH, LIVE, CHOOSE, MODEL, EXPORT)
_OF_A_STUDY = (LIVE, CHOOSE, MODEL, EXPORT)
_SEEN = "kanlab_seen"  # steps that look at a study, by its name

NEXT = {
    DATA: marked("Go to the search"),
    LIVE: marked("Next: choose a model"),
    CHOOSE: marked("Next: look into the model"),
    MODEL: marked("Next: export the model"),
    EXPORT: marked("Start with another table"),
    STUDIES: marked("Start with a new table"),
}
_AFTER = {DATA: SEARCH, LIVE: CHOOSE, CHOOSE: MODEL, MODEL: EXPORT, EXPORT: DATA, STUDIES: DATA}
_WORDS = {
    "done": marked("Done."),
    "running": marked("The study is running."),
    "open": marked("Can be opened now."),
    "no table": marked("Needs a table and a target; choose them under Data."),
    "no study": marked("Needs a study; start one under Search, or open one under Studies."),
    "no trial": marked("Needs a complete trial; they arrive under Live."),
}
_ICONS = {"done": ":material/check_circle:", "running": ":material/progress_activity:"}


class _Known(NamedTuple):
    """What the states of the steps follow from. study: its name, where one is open."""

    has_table: bool
    study: str | None = None
    live: bool = False
    trials: bool = False


def bar(pages: Sequence[StreamlitPage], drawn: Path) -> None:
    """The steps, each a link with its state. pages: of `navigation.pages`.  drawn: the script of the one that is drawn."""
    known = _known()
    if known.study and known.trials and drawn in _OF_A_STUDY:
        st.session_state.setdefault(_SEEN, {}).setdefault(known.study, set()).add(drawn)
    with st.container(horizontal=True, gap=None, key="steps"):
        for number, (path, page) in enumerate(zip(STEPS, pages, strict=False), 1):
            state = _state(path, known)
            label = f"{number} {page.title}"
            st.page_link(
                page,
                label=f":gray[{label}]" if state.startswith("no ") and path != drawn else label,
                icon=_ICONS.get(state),
                help=say(_WORDS[state]),
                width="content",
                query_params=_address(path, known.study),
            )
        st.page_link(pages[-1], width="content")
        reader_language.switch()


def next_step(current: Path, *, primary: bool = True) -> None:
    """The button that ends a page."""
    label, page = NEXT[current], _AFTER[current]
    kind = "primary" if primary else "secondary"
    if st.button(say(label), type=kind, icon=":material/arrow_forward:", key="next-step"):  # type: ignore[arg-type]
        st.switch_page(page, query_params=_address(page, session.study_name()))


def _address(page: Path, study: str | None) -> dict[str, str]:
    """What the address of a step holds."""
    return {"study": study} if study and page in _OF_A_STUDY else {}


def _known() -> _Known:
    has_table = session.table() is not None or session.source() is not None or session.dataset() is not None
    name = session.study_name()
    if name is None:
        return _Known(has_table)
    try:
        handle = load_study(name)
        state = read_state(handle.optuna.user_attrs)
        return _Known(True, name, state.is_live, handle.has_model(handle.records()))
    except (KanlabError, *STORAGE_ERRORS):
        return _Known(has_table)  # the page says what is wrong


def _state(page: Path, known: _Known) -> str:
    """One of _WORDS."""
    if page == DATA:
        return "done" if known.has_table else "open"
    if page == SEARCH:
        return "done" if known.study else "open" if known.has_table else "no table"
    if known.study is None:
        return "no study"
    if page == LIVE:
        return "running" if known.live else "done" if known.trials else "open"
    if not known.trials:
        return "no trial"
    return "done" if page in st.session_state.get(_SEEN, {}).get(known.study, ()) else "open"
