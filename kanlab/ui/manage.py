"""The buttons that pause, stop and resume a study, and the menu that renames, extends, duplicates, links and deletes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from kanlab.data.examples import told_name
from kanlab.errors import KanlabError
from kanlab.execution import manage
from kanlab.execution.manager import JobManager
from kanlab.execution.starts_budget import MOST_STARTS
from kanlab.language import marked, say
from kanlab.study.access import is_owned
from kanlab.study.handle import StudyHandle
from kanlab.study.state import RESUMABLE
from kanlab.study.storage import study_trouble
from kanlab.ui import cluster, constraints, identity, search_ranges, session, sharing, watching
from kanlab.ui.browser_cookies import KEY
from kanlab.ui.navigation import LIVE, SEARCH, STUDIES
from kanlab.ui.widgets import literal, sentences


def steering_buttons(handle: StudyHandle, reading: watching.Reading, jobs: JobManager) -> None:
    """Pause and Stop while the study runs, Resume if trials are left, for its owner. Use it in a horizontal container."""
    current = reading.state
    if not identity.controls(handle, reading.attributes):
        st.badge(say("View only"), icon=":material/visibility:", color="gray", help=say(_OTHERS))
        return

    def act(wish: Callable[[StudyHandle], object], message: str) -> None:
        """A callback runs before the page is redrawn, so its message waits for the page."""
        try:
            wish(handle)
            watching.forget(handle)
            session.say_next(message)
        except Exception as error:
            sentence = str(error) if isinstance(error, KanlabError) else study_trouble(error)
            if not sentence:
                raise
            session.say_next(literal(sentence))

    if message := session.said():
        st.toast(message)
    pause = jobs.pause, say("Pausing: the running fits are finished, and no new one starts.")
    stop = jobs.stop, say("Stopping: the running fits are ended.")
    resume = (lambda study: jobs.start(study, cluster.place())), ""
    name = current.name
    if current.is_live:
        if name == "pausing":
            st.button(say("Continue"), icon=":material/play_arrow:", key="resume", on_click=act, args=resume)
        else:
            waiting = name in ("stopping", "queued")
            st.button(
                say("Pause"),
                icon=":material/pause:",
                key="pause",
                disabled=waiting,
                on_click=act,
                args=pause,
                help=say(_PAUSE),
            )
        st.button(
            say("Stop"),
            icon=":material/stop:",
            key="stop",
            disabled=name == "stopping",
            on_click=act,
            args=stop,
            help=say(_STOP),
        )
    elif name in RESUMABLE:
        st.button(say("Resume"), icon=":material/play_arrow:", key="resume", type="primary", on_click=act, args=resume)


_PAUSE = marked("Finish the running fits and start no new ones. Resume continues the study.")
_STOP = marked("End the running fits at once. Resume repeats them.")
_OTHERS = marked(
    "This study was started in another browser. Only its owner, or someone with the "
    "owner's link, can control it. You can duplicate it."
)


def note_and_menu(handle: StudyHandle, attributes: Mapping[str, Any]) -> None:
    """A line with the note of the study and the menu. attributes: of the study."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if said := str(attributes.get(manage.NOTE, "")):
            st.markdown(f":material/sticky_note_2: {literal(said)}")
        st.space("stretch")
        menu(handle, attributes)


def menu(handle: StudyHandle, attributes: Mapping[str, Any]) -> None:
    """The menu: everybody can duplicate a study, only its owner can change it."""
    owned = identity.controls(handle, attributes)
    duplicate = say(":material/content_copy: Duplicate with other ranges")
    dialogs = {say(":material/link: Links"): (say("Links"), _links)}
    of_owner = {
        say(":material/edit: Rename or note"): (say("Rename or note"), _describe),
        say(":material/more_time: Raise the budget"): (say("Raise the budget"), _extend),
    }
    last = {say(":material/delete: Delete"): (say("Delete the study"), _delete)}
    options = [*of_owner, duplicate, *dialogs, *last] if owned else [duplicate, *dialogs]
    chosen = st.menu_button(say("Manage"), options, icon=":material/more_horiz:", key="manage")
    if chosen == duplicate:
        with sentences():
            _duplicate(handle)
        st.switch_page(SEARCH)
    elif chosen is not None:
        session.open_dialog((handle.uid, chosen))
    for option in options:
        if session.dialog() == (handle.uid, option):
            title, draw = (of_owner | dialogs | last)[option]
            st.dialog(title, on_dismiss=session.close_dialog)(draw)(handle)


@sentences()
def _describe(handle: StudyHandle) -> None:
    name = st.text_input(say("Name of the study"), handle.name, max_chars=80)
    text = st.text_area(say("Note"), manage.note(handle), max_chars=manage.MAX_NOTE)
    if st.button(say("Save"), type="primary"):
        with sentences():
            manage.annotate(handle, text)
            if name.strip() != handle.name:
                handle = manage.rename(handle, name)
        _open(handle)


@sentences()
def _extend(handle: StudyHandle) -> None:
    spec, data = handle.spec, handle.data
    changes: dict[str, Any] = {}
    most = len(spec.admissible(data.n_train, data.d))
    limited = spec.trials is not None and spec.trials < most
    if not limited and spec.minutes is None:
        st.markdown(
            say(
                "This study already fits all {most:,} admissible configurations of its ranges. "
                "Duplicate it to widen them.",
                most=most,
            )
        )
        return
    if spec.trials is not None and limited:
        trials = st.number_input(
            say("Trials in total, of {most:,} admissible configurations", most=most), spec.trials, most, spec.trials
        )
        changes |= {"trials": trials} if trials > spec.trials else {}
    if spec.minutes is not None:
        minutes = st.number_input(
            say("Minutes in total"), spec.minutes, 10 * spec.minutes + 60, spec.minutes, format="%g"
        )
        changes |= {"minutes": minutes} if minutes > spec.minutes else {}
    st.caption(
        say("Finished trials and time already spent count towards these totals. Afterwards the study can be resumed.")
    )
    if st.button(say("Raise"), type="primary", disabled=not changes):
        with sentences():
            handle = manage.extend(handle, **changes)
        _open(handle)


@sentences()
def _links(handle: StudyHandle) -> None:
    base = f"{st.context.url.split('?')[0].rsplit('/', 1)[0]}/" if st.context.url else "/"
    page = f"{base}live?"
    st.markdown(say("To view the study:"))
    st.code(page + urlencode({"study": handle.name}), language=None, wrap_lines=True)
    if is_owned(handle.optuna.user_attrs) and (key := identity.key_of(handle)):
        st.markdown(say("To control it as well. Anyone with this link can stop and delete the study:"))
        st.code(page + urlencode({"study": handle.name, KEY: key}), language=None, wrap_lines=True)
    sharing.read_only_link(handle, base)


@sentences()
def _delete(handle: StudyHandle) -> None:
    count = len(handle.records())
    st.markdown(
        say(
            "This deletes **{study}** and its {count:,} trials for good.",
            study=literal(told_name(handle.name)),
            count=count,
        )
    )
    sure = st.checkbox(say("I want to delete it"))
    if st.button(say("Delete"), type="primary", disabled=not sure, icon=":material/delete:"):
        with sentences():
            manage.delete(handle)
        session.close_dialog()
        session.forget_study()
        st.switch_page(STUDIES)


def _duplicate(handle: StudyHandle) -> None:
    """Fill the Search page with the study's data and settings."""
    spec = handle.spec
    session.set_dataset(manage.load_data(handle), spec.test_fraction, spec.seed)
    search_ranges.preset(spec.space)
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
    constraints.preset(spec.constraints)


def _open(handle: StudyHandle) -> None:
    session.close_dialog()
    session.set_study_name(handle.name)
    st.switch_page(LIVE, query_params={"study": handle.name})
