"""What an owner does to a study beside running it, in a menu: rename, note, raise the budget, duplicate, link, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from kanlab.errors import KanlabError
from kanlab.execution import manage
from kanlab.execution.manager import JobManager
from kanlab.execution.starts_budget import MOST_STARTS
from kanlab.kan.search_space import Cell
from kanlab.study.access import is_owned
from kanlab.study.handle import StudyHandle
from kanlab.study.state import RESUMABLE, StudyState
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble
from kanlab.ui import identity, session
from kanlab.ui.navigation import LIVE, SEARCH, STUDIES
from kanlab.ui.widgets import literal, sentences


def steering_buttons(handle: StudyHandle, current: StudyState, jobs: JobManager) -> None:
    """Pause and Stop while it runs, Resume where something is left; for its owner. Within a horizontal container."""
    if not identity.steers(handle):
        st.badge("You are looking", icon=":material/visibility:", color="gray", help=_OTHERS)
        return

    def act(wish: Callable[[StudyHandle], object], words: str) -> None:
        """What a button does, before the page is drawn anew; what it says is said there."""
        try:
            wish(handle)
            session.say(words)
        except KanlabError as error:
            session.say(literal(error))
        except STORAGE_ERRORS as error:
            session.say(literal(storage_trouble(error)))

    if words := session.said():
        st.toast(words)
    pause = jobs.pause, "Pausing: the fits in hand are finished, no other begins."
    stop = jobs.stop, "Stopping: the fits in hand are ended."
    resume = jobs.start, ""
    name = current.name
    if current.is_live:
        if name == "pausing":
            st.button("Go on", icon=":material/play_arrow:", key="resume", on_click=act, args=resume)
        else:
            waiting = name in ("stopping", "queued")
            st.button(
                "Pause", icon=":material/pause:", key="pause", disabled=waiting, on_click=act, args=pause, help=_PAUSE
            )
        st.button(
            "Stop", icon=":material/stop:", key="stop", disabled=name == "stopping", on_click=act, args=stop, help=_STOP
        )
    elif name in RESUMABLE:
        st.button("Resume", icon=":material/play_arrow:", key="resume", type="primary", on_click=act, args=resume)


_PAUSE = "Finish the fits in hand and begin no others; Resume goes on."
_STOP = "End the fits in hand at once; their cells are fitted again on Resume."
_OTHERS = "This study was started in another browser. Whoever has its owner's link can steer it; you can duplicate it."


def note_and_menu(handle: StudyHandle) -> None:
    """A line with the note and, at its end, the menu."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if said := manage.note(handle):
            st.markdown(f":material/sticky_note_2: {literal(said)}")
        st.space("stretch")
        menu(handle)


def menu(handle: StudyHandle) -> None:
    """The rest, behind one button: duplicating is for everybody, changing for the owner."""
    dialogs = {":material/edit: Rename or note": _describe, ":material/more_time: Raise the budget": _extend}
    duplicate, links, delete = (
        ":material/content_copy: Duplicate with other ranges",
        ":material/link: Links",
        ":material/delete: Delete",
    )
    owned = identity.steers(handle)
    options = [*(dialogs if owned else []), duplicate, links, *([delete] if owned else [])]
    chosen = st.menu_button("Manage", options, icon=":material/more_horiz:", key="manage")
    if chosen == duplicate:
        with sentences():
            _duplicate(handle)
        st.switch_page(SEARCH)
    elif chosen is not None:
        (dialogs | {links: _links, delete: _delete})[chosen](handle)


@st.dialog("Rename or note")
def _describe(handle: StudyHandle) -> None:
    name = st.text_input("Name of the study", handle.name, max_chars=80)
    text = st.text_area("Note", manage.note(handle), max_chars=manage.MAX_NOTE)
    if st.button("Save", type="primary"):
        with sentences():
            manage.annotate(handle, text)
            if name.strip() != handle.name:
                handle = manage.rename(handle, name)
        _open(handle)


@st.dialog("Raise the budget")
def _extend(handle: StudyHandle) -> None:
    spec, data = handle.spec, handle.data
    changes: dict[str, Any] = {}
    most = len(spec.admissible(data.n_train, data.d))
    limited = spec.trials is not None and spec.trials < most
    if not limited and spec.minutes is None:
        st.markdown(
            f"This study fits every one of the {most:,} admissible cells of its ranges. Duplicate it for wider ones."
        )
        return
    if spec.trials is not None and limited:
        trials = st.number_input(f"Trials in all, of {most:,} admissible cells", spec.trials, most, spec.trials)
        changes |= {"trials": trials} if trials > spec.trials else {}
    if spec.minutes is not None:
        minutes = st.number_input("Minutes in all", spec.minutes, 10 * spec.minutes + 60, spec.minutes, format="%g")
        changes |= {"minutes": minutes} if minutes > spec.minutes else {}
    st.caption("What is done and spent counts; the study can be resumed then.")
    if st.button("Raise", type="primary", disabled=not changes):
        with sentences():
            handle = manage.extend(handle, **changes)
        _open(handle)


@st.dialog("Links")
def _links(handle: StudyHandle) -> None:
    page = f"{st.context.url.split('?')[0].rsplit('/', 1)[0]}/live?" if st.context.url else "/live?"
    st.markdown("To look:")
    st.code(page + urlencode({"study": handle.name}), language=None, wrap_lines=True)
    if is_owned(handle.optuna.user_attrs) and (key := identity.key_of(handle)):
        st.markdown("To steer as well; whoever has it can stop and delete the study:")
        st.code(page + urlencode({"study": handle.name, identity.KEY: key}), language=None, wrap_lines=True)


@st.dialog("Delete the study")
def _delete(handle: StudyHandle) -> None:
    count = len(handle.records())
    st.markdown(f"**{literal(handle.name)}** will be gone for good, with all its trials (there are {count:,}).")
    sure = st.checkbox("I want to delete it")
    if st.button("Delete", type="primary", disabled=not sure, icon=":material/delete:"):
        with sentences():
            manage.delete(handle)
        session.forget_study()
        st.switch_page(STUDIES)


def _duplicate(handle: StudyHandle) -> None:
    """Fill the Search page with the study's data and settings."""
    spec = handle.spec
    session.set_dataset(manage.load_data(handle), spec.test_fraction, spec.seed)
    limits = {"neuron_num": (1, 10), "grid": (2, 10), "k": (1, 3), "depth": (1, 3)}
    for name in Cell._fields:
        low, high = limits[name]
        st.session_state[name] = tuple(min(high, max(low, v)) for v in getattr(spec.space, name))
    settings: dict[str, Any] = {
        "count": spec.count,
        "sigma2": spec.count_sigma2,
        "engine": spec.engine,
        "sampler": spec.sampler,
    }
    settings |= {"smoothing": spec.options.smoothing, "minutes": float(spec.minutes or 0), "fill": spec.starts_fill}
    settings["starts"] = 0 if spec.starts_fill else min(MOST_STARTS, spec.options.starts or 0)
    for name, value in settings.items():
        st.session_state[name] = value


def _open(handle: StudyHandle) -> None:
    session.set_study_name(handle.name)
    st.switch_page(LIVE, query_params={"study": handle.name})
