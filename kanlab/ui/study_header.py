"""The top of a page about one study: title, study and trials. If one of them is missing, the page ends with a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from kanlab.data.examples import told_name
from kanlab.errors import StudyError
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle, check_it_is_there, load_study, study_names
from kanlab.study.several_targets import Group, together
from kanlab.study.storage import get_storage
from kanlab.study.trials import TrialRecord
from kanlab.text import short
from kanlab.ui import identity, session, watching
from kanlab.ui.navigation import LIVE, STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

_NO_MODEL = {
    "show": marked("No trial of this study is complete yet, so there is no model to show."),
    "export": marked("No trial of this study is complete yet, so there is no model to export."),
}


def study(title: str, purpose: str) -> StudyHandle:
    """The study of the address or of this session, below the heading of the page."""
    name = session.study_name()
    heading(title if name is None else say("{page}: {study}", page=title, study=literal(told_name(name))), purpose)
    if name is None:
        go_first_to(STUDIES, say("No study is open. Choose one under Studies."), say("Go to Studies"))
    with sentences():
        handle = opened(name)
        reading = watching.read(handle, fresh=True)
        identity.key_of(handle, reading.attributes)  # takes it from the address
        session.link_study(name)
        targets(handle, reading.attributes)
        _watched(handle, reading)
    return handle


def _watched(handle: StudyHandle, opened: watching.Reading) -> None:
    """Of a study that has not ended: say so, and draw the page anew once it has, for the recommendation changes with it."""

    @st.fragment(run_every=watching.interval(len(opened.records)))
    @sentences()
    def note() -> None:
        if not watching.read(handle).state.is_live:
            st.rerun()
        st.caption(
            say(
                "The study is still running. This page shows what is known so far, and is drawn anew "
                "when the study ends."
            )
        )

    with st.container():  # always one element, so that the tabs below keep their state
        if opened.state.is_live:
            note()


def targets(handle: StudyHandle, attributes: Mapping[str, Any]) -> None:
    """Of a study of several targets: a button for each, which opens the study of that one on the same page."""
    group = Group.of(attributes)
    if group is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="targets"):
        st.markdown(say("Targets of **{study}**:", study=literal(told_name(group.name))))
        for number, other in enumerate(together(handle)):
            st.button(
                literal(short(other.data.target)),
                key=f"target-of-{number}",
                type="primary" if other.name == handle.name else "secondary",
                on_click=_open,
                args=(other.name,),
            )


def _open(name: str) -> None:
    session.set_study_name(name)
    session.link_study(name)


def opened(name: str) -> StudyHandle:
    """The study of a name. One that is gone ends the page with a link to the others. Raises StudyError as `load_study`."""
    try:
        return load_study(name)
    except StudyError as error:
        if name in study_names(get_storage()):
            raise
        gone = say("The study '{name}' is no longer there: it was deleted or renamed elsewhere.", name=name)
        st.error(literal(gone if session.was_open(name) else error), icon=":material/error:")
        st.page_link(STUDIES, label=say("Go to Studies"))
        st.stop()


def trials(handle: StudyHandle, wish: str) -> list[TrialRecord]:
    """Its trials, one of them complete unless the rows carry no network. wish: what is done, "show" or "export"."""
    with sentences():
        check_it_is_there(handle)
        records = handle.records()
    if not handle.has_model(records):
        go_first_to(
            LIVE,
            say(_NO_MODEL[wish]),
            say("Go to Live"),
        )
    return records
