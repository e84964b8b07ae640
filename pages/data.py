"""Data: choose a table and what to predict."""

import streamlit as st

from kanlab.baselines.registry import baselines
from kanlab.data.checks import TableWarning
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import is_numeric
from kanlab.data.examples import EXAMPLES
from kanlab.data.mutual_information import relevance
from kanlab.data.profile import profile
from kanlab.data.reading.reader_process import keep_ready
from kanlab.data.target import CLASSIFICATION, REGRESSION, coded, default_task, two_levels
from kanlab.errors import DatasetError
from kanlab.kan.search_space import SearchSpace
from kanlab.text import short
from kanlab.ui import reading, remedies, session, upload
from kanlab.ui.navigation import SEARCH
from kanlab.ui.preparation import preparation
from kanlab.ui.profile import columns_table, warning_list
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
    """A new file is read with nothing overruled."""
    file = st.session_state["upload"]
    if file is None:
        if session.table() is None:  # taken away before it was a table
            session.set_source(None)
        return
    st.session_state["example"] = None
    reading.forget()
    session.set_source(file)


def take_example() -> None:
    key = st.session_state["example"]
    session.set_source(None)
    session.set_table(EXAMPLES[key].load() if key else None)


heading("Data", "Bring a table, say which column to predict, and see at once whether it can carry a network.")

keep_ready()
left, right = st.columns([3, 2], gap="large")
with left:
    st.file_uploader(
        "Upload a table",
        key="upload",
        on_change=take_upload,
        help="CSV in any dialect and encoding, also in gzip, bzip2, xz, zstd or zip, Parquet, or Excel. It stays on the "
        "machine that runs this app.",
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
        on_change=take_example,
        persist_state="session",
    )
    if st.session_state.get("example"):
        example = EXAMPLES[st.session_state["example"]]
        st.caption(f"{example.description} Licence: {example.licence}.")

source = session.source()
if source is not None:
    problem = None
    with sentences():
        options = reading.options()
    reading_of = "table", options
    try:
        with st.spinner("Reading the table…"):
            place = st.empty()
            read = upload.once(*reading_of, lambda: upload.read(source, source.name, options, reading_of, place))
        if read is not session.table():
            session.set_table(read)
    except DatasetError as error:
        problem = error
        session.set_table(None)
    if problem:
        st.error(literal(problem), icon=":material/error:")
        reading.panel(None, sorted(options.kinds))
        st.stop()

table = session.table()
if table is None:
    st.info(
        "Nothing is chosen yet. A good table has one row an observation, a column to predict (a number, or one of two "
        "classes), and at least some dozens of rows.",
        icon=":material/table_chart:",
    )
    for column, (step, words) in zip(st.columns(3, gap="medium"), STEPS.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{step}**")
            st.markdown(words)
    st.stop()

frame, report = table.frame, table.report
st.subheader(literal(report.source), anchor=False)
st.caption(literal(report))
notes(report.notes)
if source is not None:
    reading.panel(
        report, [*(r.name for r in report.readings), *(c for c, k in options.kinds.items() if k == "leave out")]
    )

numeric = [c for c in frame.columns if is_numeric(frame[c])]
# most tables end with what is to be predicted
last = next((c for c in reversed(frame.columns) if c in numeric or two_levels(frame[c])), None)
if last is None:
    st.error(
        "No column of this table holds numbers or two classes, so there is nothing to predict; check the decimal sign and the "
        "delimiter.",
        icon=":material/error:",
    )
    st.stop()

overview = st.container()
name, key = report.source, f"{report.source}-{hash(tuple(frame.columns))}"
example_key = st.session_state.get("example")
suggested = EXAMPLES[example_key].target if example_key else last
first, second, third, fourth = st.columns([4, 5, 3, 2], gap="medium")
with first:
    target = st.selectbox(
        "Target",
        list(frame.columns),
        index=list(frame.columns).index(suggested),
        key=f"target-{key}",
        help="The column to predict: numeric, or of two classes.",
        persist_state="session",
    )
others = [c for c in frame.columns if c != target]
with second:
    features = st.multiselect(
        "Features",
        others,
        default=[],
        key=f"features-{key}-{target}",
        placeholder="All usable columns",
        help="The columns to predict it from. Numbers stay as they are, a date becomes its year; text of at most 12 levels "
        "becomes one column a level.",
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
with fourth:
    seed = st.number_input(
        "Seed",
        0,
        2**31 - 1,
        0,
        key="seed",
        persist_state="session",
        help="Draws the test rows and the initial weights. The same seed gives the same numbers.",
    )


described = session.remember("profile", (id(table), target), lambda: profile(frame, target))
task, positive = REGRESSION, None
levels = session.remember("levels", (id(table), target), lambda: two_levels(frame[target]))
if levels:
    first, second, _ = st.columns([4, 5, 5], gap="medium")
    tasks = [CLASSIFICATION, REGRESSION] if target in numeric else [CLASSIFICATION]
    with first:
        task = st.selectbox(
            "Predict it as",
            tasks,
            index=tasks.index(default_task(frame[target])),
            key=f"task-{key}-{target}",
            format_func=lambda t: "One of two classes" if t == CLASSIFICATION else "A number",
            persist_state="session",
        )
    if task == CLASSIFICATION:
        with second:
            positive = st.selectbox(
                "Counts as 1",
                levels,
                index=1,
                key=f"positive-{key}-{target}",
                help="The class whose probability is predicted.",
                persist_state="session",
            )
told = {}
if target in numeric or levels:
    told = session.remember(
        "relevance",
        (id(table), target),
        lambda: relevance(frame.assign(**{target: coded(frame[target], levels)}) if levels else frame, target),
    )
with overview:
    first, second = st.tabs(["Columns", "Rows"])
    with first:
        columns_table(described, told, target)
    with second:
        st.dataframe(frame.head(PREVIEW_ROWS), height=300, hide_index=True, key="preview")
        if len(frame) > PREVIEW_ROWS:
            st.caption(f"The first {PREVIEW_ROWS} of {len(frame):,} rows.")

classes = task == CLASSIFICATION
wanted = preparation(frame, target, features, described, f"{key}-{target}", classes=classes)


def remedied(warning: TableWarning) -> None:
    """Do as a warning advises."""
    remedies.apply(warning, f"{key}-{target}", target, f"features-{key}-{target}", features or others)


with overview:
    seen = {target, *(features or others)}
    open_ones = [
        w
        for w in described.warnings
        if (not w.columns or seen & set(w.columns)) and not remedies.answered(w, wanted, target, features or others)
    ]
    warning_list(open_ones, remedied, reread=source is not None)

asked = (id(table), target, tuple(features), test_fraction, seed, repr(wanted), task, positive)
with sentences():
    data = session.remember(
        "dataset",
        asked,
        lambda: Dataset.from_frame(
            frame,
            target,
            features or None,
            test_fraction / 100,
            int(seed),
            name=name,
            preparation=wanted,
            task=task,
            positive=positive,
        ),
    )
session.set_dataset(data, test_fraction / 100, int(seed))

admissible = SearchSpace().admissible(data.n, data.d)
cells = len(SearchSpace().cells)
columns = st.columns(4)
columns[0].metric("Training rows n", f"{data.n:,}", border=True, help="AICc and RSS are computed on these.")
columns[1].metric(
    "Test rows",
    f"{len(data.y_test):,}",
    border=True,
    help=f"Locked: the same rows as long as this code stays the same: {data.test_sha256[:8]}.",
)
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
        "Choose fewer features, keep only the best ones (under Prepare), or bring more rows.",
        icon=":material/error:",
    )
    st.stop()
constant, linear = session.remember("line", asked, lambda: baselines(data, families=("constant", "linear")))
if constant.classes and linear.classes:
    right, larger = linear.classes.accuracy_train, constant.classes.accuracy_train
    st.markdown(
        f"Logistic regression already tells **{100 * right:.1f}%** of the training rows right, and the larger class alone "
        f"{100 * larger:.1f}%; their log-losses are {linear.classes.log_loss_train:.3f} and "
        f"{constant.classes.log_loss_train:.3f}. A network has to be worth its parameters beyond that."
    )
elif linear.rss_train < constant.rss_train:
    share = 100 * (1 - linear.rss_train / constant.rss_train)
    st.markdown(
        f"A straight line already explains **{share:.{int(share > 99)}f}%** of the variance of "
        f"{literal(short(data.target_label))} in the training rows. A network has to be worth its parameters beyond that."
    )
if st.button("Go to the search", type="primary", icon=":material/arrow_forward:"):
    st.switch_page(SEARCH)
