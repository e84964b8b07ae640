"""Where the table of the Data page comes from: an upload, read and described, or an example."""

from __future__ import annotations

import streamlit as st

from kanlab.data.examples import EXAMPLES
from kanlab.data.reading.table import Table
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.study.kept_tables import KEPT_DAYS
from kanlab.ui import first_screen, reading, refusal, reload, session, upload
from kanlab.ui.widgets import literal, notes, sentences


def choose_table() -> None:
    """The upload and the examples."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.file_uploader(
            say("Upload a table"),
            key="upload",
            on_change=_take_upload,
            help=say(
                "CSV in any dialect and encoding, also packed with gzip, bzip2, xz, zstd or zip, "
                "Parquet, or Excel. It stays on the machine that runs this app, until it has not "
                "been used for {kept_days} days, so that a reload finds it.",
                kept_days=KEPT_DAYS,
            ),
        )
    with right:
        st.selectbox(
            say("or try an example"),
            list(EXAMPLES),
            index=None,
            key="example",
            format_func=lambda key: say(EXAMPLES[key].title),
            placeholder=say("Choose an example"),
            on_change=_take_example,
            persist_state="session",
        )
        if st.session_state.get("example"):
            example = EXAMPLES[st.session_state["example"]]
            st.caption(
                say(
                    "{description} Licence: {licence}.",
                    description=say(example.description),
                    licence=say(example.licence),
                )
            )


def _take_upload() -> None:
    """A new file is read with nothing overruled."""
    file = st.session_state["upload"]
    if file is None:
        if session.table() is None:  # taken away before it was a table
            session.set_source(None)
        return
    st.session_state["example"] = None
    reading.forget()
    session.set_source(file)


def _take_example() -> None:
    take_example(st.session_state["example"])


def take_example(key: str | None) -> None:
    """Take the table of an example, or none."""
    st.session_state["example"] = key
    session.set_source(None)
    session.set_table(EXAMPLES[key].load() if key else None)


def suggested_target() -> str | None:
    """The target of the example in use."""
    key = st.session_state.get("example")
    return EXAMPLES[key].target if key else None


def chosen_table() -> Table:
    """The table, an upload read as the widgets of reading say. Without one, the page ends here and says why."""
    source = session.source()
    if source is not None:
        with sentences():
            options = reading.options()
        asked = "table", options
        try:
            with st.spinner(say("Reading the table…")):
                place = st.empty()
                read = upload.once(*asked, lambda: upload.read(source, source.name, options, of=asked, place=place))
        except DatasetError as problem:
            session.set_table(None)
            refusal.show(problem, [(say("Read it as recognised"), reading.forget)] if reading.is_overruled() else [])
            reading.panel(None, sorted(options.kinds))
            st.stop()
        if read is not session.table():
            session.set_table(read)
    table = session.table()
    if table is None:
        first_screen.show()
        st.stop()
    return table


def describe(table: Table) -> None:
    """What was read."""
    report = table.report
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(literal(report.source), anchor=False, width="content")
        st.caption(literal(report), width="content")
        if session.source() is not None:
            help_text = say("Remove this table from the machine that runs the app. Studies made of it stay.")
            st.button(
                say("Remove"),
                icon=":material/close:",
                type="tertiary",
                on_click=reload.forget_table,
                help=help_text,
                key="remove",
            )
    notes(report.notes)


def overrule(table: Table) -> None:
    """For an upload, the widgets that overrule how it was read."""
    report = table.report
    if session.source() is not None:
        left_out = [c for c, kind in reading.options().kinds.items() if kind == "leave out"]
        reading.panel(report, [*(r.name for r in report.readings), *left_out])
