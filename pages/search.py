"""Search: set the ranges and the budget of a study, and start it."""

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import say
from kanlab.study.spec import StudySpec
from kanlab.targets import specs_of
from kanlab.text import short
from kanlab.ui import cluster, constraints, reload, search_budget, search_plan, search_ranges, session
from kanlab.ui.navigation import DATA
from kanlab.ui.start import start_studies
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

heading(
    say("Search"),
    say(
        "Which networks to try, and how long. A configuration is one choice of neurons, grid "
        "intervals, spline order and layers; a trial fits one."
    ),
)
reload.restore_data()
data = session.dataset()
if data is None:
    go_first_to(DATA, say("There is no data yet. Choose a table and a target first."), say("Go to Data"))

dataset: Dataset = data  # for the functions below
datasets = [dataset, *session.more_datasets()]
targets = say(" and ").join(f"**{literal(short(each.target))}**" for each in datasets)
st.caption(
    say(
        "{table}: predict {targets} from {features} features with {n:,} training rows.",
        table=literal(short(data.name)),
        targets=targets,
        features=data.d,
        n=data.n,
    )
    + say(" Each target has a study of its own, with these settings; the minutes are for all of them.")
    * (len(datasets) > 1)
)

st.markdown(say("**Nothing needs to be set here:** the button at the end of the page starts the search."))

place_of_ranges = st.container()
count, count_sigma2 = search_ranges.counting(data)
with sentences():
    known = constraints.constraints(datasets)


def networks_of(space: SearchSpace) -> StudySpec:
    return (
        StudySpec(space, count=count, count_sigma2=count_sigma2, constraints=known)
        .of(dataset)
        .for_few_rows(dataset.n, dataset.d)
    )


with sentences(), place_of_ranges:
    networks = search_plan.networks_in_ranges(data, networks_of)
space, admissible = networks.space, networks.admissible(data.n, data.d)
place_of_map = st.container()  # filled below, because the seconds of a fit depend on the engine


def n_params(cell: Cell) -> int:
    return networks.n_params(cell, dataset.d)


def start(spec: StudySpec, name: str = "") -> None:
    """Make the study, start it, and show it."""
    with sentences():
        settled = [search_plan.settled(each, own) for each, own in zip(datasets, specs_of(spec, datasets), strict=True)]
    start_studies(datasets, settled, name)


if few := networks.few_rows_words(data.n, data.d):
    st.info(few, icon=":material/info:")
if not admissible:
    with place_of_map:
        search_plan.admissible_map(space, admissible, data, n_params)
    if st.button(say("Compare the other models"), type="primary", icon=":material/play_arrow:", key="start"):
        start(networks)
    st.stop()

st.header(say("Budget and engine"), anchor=False)
chosen = search_budget.budget(len(admissible))
settings = search_budget.more_settings(chosen)
cluster.choice()
with sentences():
    asked = search_budget.specification(networks, chosen, settings)
    spec = asked.of(dataset).for_few_rows(dataset.n, dataset.d)  # as a study makes it, for the engine that is chosen
with place_of_map:
    seconds = search_plan.fit_seconds(data, spec)
    search_plan.admissible_map(space, admissible, data, n_params, seconds, networks.ranks_by_spent)
st.markdown(search_budget.planned(spec, len(admissible)))
reload.keep_data()
if st.button(say("Start"), type="primary", icon=":material/play_arrow:", key="start"):
    start(spec, settings.name)

search_plan.predicted_time(data, spec)
