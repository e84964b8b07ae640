"""Data: choose a table and what to predict."""

import streamlit as st

from kanlab.dataset import Dataset
from kanlab.encoding import is_numeric
from kanlab.examples import EXAMPLES
from kanlab.families import baselines
from kanlab.reading import read_table
from kanlab.space import SearchSpace
from kanlab.ui import state
from kanlab.ui.navigation import SEARCH
from kanlab.ui.widgets import heading, literal, notes, sentences

PREVIEW_ROWS = 200
STEPS = {
    "1. Data": "Upload a CSV, or take an example, and choose the target. You see at once how many networks its rows "
    "can carry: with few rows and many features only small ones.",
    "2. Search": "Set the ranges of hidden neurons, grid intervals and spline order. Every cell of these ranges is a "
    "Kolmogorov-Arnold network, which sums learned curves instead of weighted inputs.",
    "3. Live": "Watch the networks arrive as points: the fit (RSS), the size (parameters K), and AICc, which weighs "
    "one against the other. The mean and the straight line stand beside them.",
}


def take_upload() -> None:
    """Read a new file as soon as it is there."""
    upload = st.session_state["upload"]
    if upload is None:
        return
    st.session_state["example"] = None
    state.set_table(None)
    st.session_state["upload_name"] = upload.name


def take_example() -> None:
    key = st.session_state["example"]
    state.set_table(EXAMPLES[key].load() if key else None)


heading("Data", "Bring a table, say which column to predict, and see at once whether it can carry a network.")

left, right = st.columns([3, 2], gap="large")
with left:
    upload = st.file_uploader(
        "Upload a table",
        key="upload",
        on_change=take_upload,
        help="A text file of rows and columns with a header: CSV, TSV or semicolon-separated. Encoding, delimiter and "
        "decimal sign are recognised. It stays on the machine that runs this app.",
    )
with right:
    st.selectbox(
        "or try an example",
        list(EXAMPLES),
        index=None,
        key="example",
        format_func=lambda key: EXAMPLES[key].title,
        placeholder="Choose an example",
        on_change=take_example,
        persist_state="session",
    )
    if st.session_state.get("example"):
        example = EXAMPLES[st.session_state["example"]]
        st.caption(f"{example.description} Licence: {example.licence}.")

if state.table() is None and upload is not None and not st.session_state.get("example"):
    with sentences(), st.spinner("Reading the table…"):
        state.set_table(read_table(upload, name=upload.name))

table = state.table()
if table is None:
    st.info(
        "Nothing is chosen yet. A good table has one row an observation, a numeric column to predict, "
        "and at least some dozens of rows.",
        icon=":material/table_chart:",
    )
    for column, (step, words) in zip(st.columns(3, gap="medium"), STEPS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{step}**")
            st.markdown(words)
    st.stop()

frame = table.frame
st.subheader(literal(table.report.source), anchor=False)
st.caption(literal(table.report))
notes(table.report.notes)
st.dataframe(frame.head(PREVIEW_ROWS), height=230, hide_index=True, key="preview")
if len(frame) > PREVIEW_ROWS:
    st.caption(f"The first {PREVIEW_ROWS} of {len(frame):,} rows.")

numeric = [c for c in frame.columns if is_numeric(frame[c])]
if not numeric:
    st.error(
        "No column of this table holds numbers, so there is nothing to predict; check the decimal sign and the "
        "delimiter.",
        icon=":material/error:",
    )
    st.stop()

source = table.report.source
example_key = st.session_state.get("example")
suggested = EXAMPLES[example_key].target if example_key else numeric[-1]
first, second, third = st.columns([3, 4, 3], gap="medium")
with first:
    target = st.selectbox(
        "Target",
        list(frame.columns),
        index=list(frame.columns).index(suggested),
        key=f"target-{source}",
        help="The numeric column to predict.",
        persist_state="session",
    )
others = [c for c in frame.columns if c != target]
with second:
    features = st.multiselect(
        "Features",
        others,
        default=[],
        key=f"features-{source}-{target}",
        placeholder="All usable columns",
        help="The columns to predict it from. "
        "Numbers stay as they are; text of at most 12 levels becomes one column a level.",
        persist_state="session",
    )
with third:
    test_fraction = st.slider(
        "Test rows (%)",
        0,
        50,
        20,
        5,
        key="test-percent",
        persist_state="session",
        help="Held out, never trained on and never used to choose; only shown beside.",
    )
    seed = st.number_input(
        "Seed",
        0,
        2**31 - 1,
        0,
        key="seed",
        persist_state="session",
        help="Draws the test rows and the initial weights. The same seed gives the same numbers.",
    )

with sentences():
    data = Dataset.from_frame(frame, target, features or None, test_fraction / 100, int(seed), name=source)
state.set_dataset(data, test_fraction / 100, int(seed))

admissible = SearchSpace().admissible(data.n, data.d)
cells = len(SearchSpace().cells)
columns = st.columns(4)
columns[0].metric("Training rows n", f"{data.n:,}", border=True, help="AICc and RSS are computed on these.")
columns[1].metric("Test rows", f"{len(data.y_test):,}", border=True)
columns[2].metric("Features", data.d, border=True, help="Inputs of the network, after categories became columns.")
columns[3].metric(
    "Cells AICc can judge",
    f"{len(admissible)} of {cells}",
    border=True,
    help="Of the default search space. A network needs fewer parameters than n - 1, or AICc is not defined.",
)
notes(data.notes)

if not admissible:
    st.error(
        f"With {data.n} training rows and {data.d} features even the smallest network has too many parameters. "
        "Choose fewer features or bring more rows.",
        icon=":material/error:",
    )
    st.stop()
constant, linear = baselines(data)[:2]
if linear.rss_train < constant.rss_train:
    share = 100 * (1 - linear.rss_train / constant.rss_train)
    st.markdown(
        f"A straight line already explains **{share:.0f}%** of the variance of {literal(target)} in the training rows. "
        "A network has to be worth its parameters beyond that."
    )
if st.button("Go to the search", type="primary", icon=":material/arrow_forward:"):
    st.switch_page(SEARCH)
