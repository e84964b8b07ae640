"""Where the table of the Data page comes from: an upload, read and described, or an example."""

from __future__ import annotations

import streamlit as st

from kanlab.data.examples import EXAMPLES
from kanlab.data.reading.table import Table
from kanlab.errors import DatasetError
from kanlab.ui import reading, session, upload
from kanlab.ui.widgets import literal, notes, sentences

_STEPS = {
    "1. Data": "Upload a CSV, or try an example, and choose the target. You see at once how many networks its rows can "
    "support: with few rows and many features only small ones.",
    "2. Search": "Set the ranges of hidden neurons, grid intervals and spline order. Every configuration in these ranges is a "
    "Kolmogorov-Arnold network, which sums learned curves instead of weighted inputs.",
    "3. Live": "Watch the networks arrive as points: the fit (RSS), the size (parameters K), and AICc, which weighs "
    "one against the other. The mean and the straight line stand beside them.",
}


def choose_table() -> None:
    """The upload and the examples."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.file_uploader(
            "Upload a table",
            key="upload",
            on_change=_take_upload,
            help="CSV in any dialect and encoding, also packed with gzip, bzip2, xz, zstd or zip, Parquet, or Excel. It stays "
            "on the machine that runs this app.",
        )
        st.caption(
            f"A larger file than {st.get_option('server.maxUploadSize')} MB: pack it with gzip or save it as Parquet, or "
            "leave it where it is and run `kanlab tune BIG.csv --target COLUMN`; the study appears here."
        )
    with right:
        st.selectbox(
            "or try an example",
            list(EXAMPLES),
            index=None,
            key="example",
            format_func=lambda key: EXAMPLES[key].title,
            placeholder="Choose an example",
            on_change=_take_example,
            persist_state="session",
        )
        if st.session_state.get("example"):
            example = EXAMPLES[st.session_state["example"]]
            st.caption(f"{example.description} Licence: {example.licence}.")


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
    key = st.session_state["example"]
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
            with st.spinner("Reading the table…"):
                place = st.empty()
                read = upload.once(*asked, lambda: upload.read(source, source.name, options, of=asked, place=place))
        except DatasetError as problem:
            session.set_table(None)
            st.error(literal(problem), icon=":material/error:")
            reading.panel(None, sorted(options.kinds))
            st.stop()
        if read is not session.table():
            session.set_table(read)
    table = session.table()
    if table is None:
        _first_steps()
        st.stop()
    return table


def _first_steps() -> None:
    st.info(
        "Nothing is chosen yet. A good table has one row for each observation, a column to predict (a number, or one of two "
        "classes), and at least a few dozen rows.",
        icon=":material/table_chart:",
    )
    for column, (step, words) in zip(st.columns(3, gap="medium"), _STEPS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{step}**")
            st.markdown(words)


def describe(table: Table) -> None:
    """What was read, and for an upload the widgets that overrule it."""
    report = table.report
    st.subheader(literal(report.source), anchor=False)
    st.caption(literal(report))
    notes(report.notes)
    if session.source() is not None:
        left_out = [c for c, kind in reading.options().kinds.items() if kind == "leave out"]
        reading.panel(report, [*(r.name for r in report.readings), *left_out])
