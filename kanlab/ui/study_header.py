"""The top of a page about one study: title, study and trials. If one of them is missing, the page ends with a link."""

from __future__ import annotations

from kanlab.study.handle import StudyHandle, load_study
from kanlab.study.trials import TrialRecord
from kanlab.ui import identity, session
from kanlab.ui.navigation import LIVE, STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, sentences


def study(title: str, purpose: str) -> StudyHandle:
    """The study of the address or of this session, below the heading of the page."""
    name = session.study_name()
    heading(title if name is None else f"{title}: {literal(name)}", purpose)
    if name is None:
        go_first_to(STUDIES, "No study is open. Choose one under Studies.", "Go to Studies")
    with sentences():
        handle = load_study(name)
        identity.key_of(handle)  # takes it from the address
        session.link_study(name)
    return handle


def trials(handle: StudyHandle, wish: str) -> list[TrialRecord]:
    """Its trials, one of them complete unless the rows carry no network. wish: what is done, such as "export"."""
    with sentences():
        records = handle.records()
    if not handle.has_model(records):
        go_first_to(LIVE, f"No trial of this study is complete yet, so there is no model to {wish}.", "Go to Live")
    return records
