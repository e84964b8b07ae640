"""The Data page before there is a table: what one gets, shown by a real study, and an example to start by one click."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from kanlab.charts import trials as trial_charts
from kanlab.data.examples import told_name
from kanlab.execution.manager import manager
from kanlab.language import marked, say, use
from kanlab.study import kept_tables
from kanlab.study.spec import StudySpec
from kanlab.ui import drawing, identity, reload, session, shown_study, tour
from kanlab.ui.start import start_study
from kanlab.ui.widgets import literal

_RECENT = 3
_SHOWN = marked(
    "**What you get, on 400 noisy rows of y = exp(sin πx₁ + x₂²).** kanlab was given the "
    "rows, not the formula. Each point is a network it fitted: further right it has more "
    "parameters, further down it misses the training rows by less. The line joins those "
    "that no other network beats in both. The recommended one is ringed, and below is "
    "the formula that a search then found."
)
_TRY = marked("Start this example")
_TRY_HELP = marked("Fits 63 small networks in the background and shows them as they arrive; it takes some seconds.")
_NOTHING = marked(
    "Nothing is chosen yet. A good table has one row for each observation, a column to "
    "predict (numbers or classes), and at least a few dozen rows."
)
_STEPS = {
    marked("Data"): marked("A table, and the column to predict."),
    marked("Search"): marked("How large the networks may be, and how long to search."),
    marked("Live"): marked("Networks arrive as points while you watch."),
    marked("Choose"): marked("One recommended model, with the reasons and how sure it is."),
    marked("Model"): marked("Its curves, what each feature does, its formula."),
    marked("Export"): marked("A report, and a program that predicts anywhere."),
}


def show() -> None:
    """All of it, below the upload."""
    tour.offer(_ask)
    _recent()
    found, look = shown_study.read(), drawing.look()
    left, right = st.columns([3, 2], gap="large")
    with left:
        drawing.drawn_once(
            lambda: trial_charts.pareto_front(found.trials, found.baselines, found.recommended, "y", look),
            "shown-front",
            ("shown",),
            selects=False,
        )
    with right:
        st.markdown(say(_SHOWN))
        st.latex(
            found.formula.replace(r"\text{for}", rf"\text{{{say('for')}}}").replace(
                r"\text{and}", rf"\text{{{say('and')}}}"
            )
        )
        st.caption(
            say(
                "On the 80 rows held out, the formula misses y by {formula_error:.3f} and the "
                "network by {error:.3f} (root mean squared error); the noise itself is 0.1.",
                formula_error=found.formula_error,
                error=found.error,
            )
        )
        st.button(
            say(_TRY), type="primary", icon=":material/play_arrow:", key="try", help=say(_TRY_HELP), on_click=_ask
        )
    if st.session_state.pop(tour.STARTS, False):
        _start()
    st.caption(
        say(
            "{nothing} A larger file than {most} MB: pack it with gzip or save it as "
            "Parquet, or leave it where it is and run `kanlab tune BIG.csv --target COLUMN`; the "
            "study appears under Studies.",
            nothing=say(_NOTHING),
            most=st.get_option("server.maxUploadSize"),
        )
    )
    with st.container(horizontal=True, gap="small", key="path"):
        for number, (step, words) in enumerate(_STEPS.items(), 1):
            with st.container(border=True, width=175, height="stretch"):
                st.markdown(f"**{number} {say(step)}**  \n{say(words)}")


def _ask() -> None:
    """A callback can set a widget but not change the page; the run after it does that."""
    st.session_state["example"], st.session_state[tour.STARTS] = shown_study.EXAMPLE.key, True


def _start() -> None:
    """Take the example and start its study."""
    with use("en"):  # in which a study keeps what is noted of its data
        data, seed = shown_study.dataset(), 0
    session.set_table(shown_study.EXAMPLE.load())
    session.set_dataset(data, 0.2, seed)
    start_study(data, StudySpec(space=shown_study.SPACE, seed=seed, test_fraction=0.2, workers=manager().slots))


def _recent() -> None:
    """The tables this browser brought last, to go on with."""
    found = kept_tables.recent(identity.owner())[:_RECENT]
    tables = [t for t in found if not t.key.startswith(reload.PREPARED)]
    if not tables:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(say("Go on with"))
        for kept in tables:
            st.button(
                literal(told_name(kept.name)),
                key=f"recent-{kept.key}",
                icon=":material/history:",
                help=say(
                    "Last used on {day:%Y-%m-%d} at {time:%H:%M}; only this browser finds it.",
                    day=datetime.fromtimestamp(kept.used),
                    time=datetime.fromtimestamp(kept.used),
                ),
                on_click=reload.open_table,
                args=(kept.key,),
            )
