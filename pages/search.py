"""Search: set the ranges and the budget of a study, and start it."""

import streamlit as st

from kanlab.kan.search_space import Cell
from kanlab.study.spec import StudySpec
from kanlab.text import short
from kanlab.ui import cluster, reload, search_budget, search_plan, search_ranges, session
from kanlab.ui.navigation import DATA
from kanlab.ui.start import start_study
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

heading(
    "Search",
    "Set the range of networks to try and the budget to spend on them, then start. A configuration is one choice of hidden "
    "neurons, grid intervals and spline order; a trial fits one configuration.",
)
reload.restore_data()
data = session.dataset()
if data is None:
    go_first_to(DATA, "There is no data yet. Choose a table and a target first.", "Go to Data")

st.caption(
    f"{literal(short(data.name))}: predict **{literal(short(data.target))}** from {data.d} features with "
    f"{data.n:,} training rows."
)

with sentences():
    space = search_ranges.ranges()
count, count_sigma2 = search_ranges.counting(data)
with sentences():
    wanted = StudySpec(space, count=count, count_sigma2=count_sigma2).of(data)
    networks = wanted.screened_where_needed(data.n, data.d)
admissible = networks.admissible(data.n, data.d)


def n_params(cell: Cell) -> int:
    return networks.n_params(cell, data.d)


def start(spec: StudySpec, name: str = "") -> None:
    """Make the study, start it, and show it."""
    with sentences():
        settled = search_plan.settled(data, spec)
    start_study(data, settled, name)


place_of_map = st.container()  # filled below, because the seconds of a fit depend on the engine

if few := networks.few_rows_words(data.n, data.d):
    st.info(few, icon=":material/info:")
if not admissible:
    with place_of_map:
        search_plan.preflight(space, admissible, data, n_params)
    if st.button("Compare the other models", type="primary", icon=":material/play_arrow:", key="start"):
        start(networks)
    st.stop()

st.header("Budget and engine", anchor=False)
chosen = search_budget.budget(len(admissible))
settings = search_budget.more_settings(chosen)
cluster.choice()
with sentences():
    spec = search_budget.specification(networks, chosen, settings)
with place_of_map:
    search_plan.preflight(space, admissible, data, n_params, search_plan.fit_seconds(data, spec))
st.markdown(search_budget.planned(spec, len(admissible)))
reload.keep_data()
if st.button("Start", type="primary", icon=":material/play_arrow:", key="start"):
    start(spec, settings.name)

search_plan.predicted_time(data, spec)
