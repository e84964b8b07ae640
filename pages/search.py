"""Search: set the ranges and the budget of a study, and start it."""

import streamlit as st

from kanlab.engines.catalogue import ENGINES, trouble
from kanlab.engines.registry import FitOptions
from kanlab.execution.manager import manager
from kanlab.execution.starts_budget import MOST_STARTS
from kanlab.kan.parameter_count import RULES
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.spec import StudySpec
from kanlab.text import short
from kanlab.ui import cluster, reload, search_plan, session
from kanlab.ui.navigation import DATA
from kanlab.ui.start import start_study
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

SAMPLERS = {
    "auto": "Automatic",
    "exhaustive": "Exhaustive",
    "tpe": "TPE",
    "random": "Random",
    "nsga2": "NSGA-II",
}
RULE_HELP = "  \n".join(
    (
        "K, the number of parameters, is what AICc weighs against the fit. An edge is one curve of the network, with G grid "
        "intervals and spline order k.",
        "Identifiable (default): the rank of the Jacobian, which is what the data can determine.",
        "Trainable: every number the optimiser changes, G + k + 2 per edge.",
        "Coefficients: the spline coefficients only, G + k per edge.",
        "Article: 4 per edge, whatever G and k. It undercounts fine grids, and so favours overfitting.",
    )
)
SAMPLER_HELP = (
    "Automatic: every admissible configuration, fewest parameters first, if the budget covers them all; otherwise TPE, which "
    "learns from the finished trials where to look next. No configuration is tried twice."
)

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

ranges = st.columns(4, gap="medium")
with ranges[0]:
    neuron_num = st.slider(
        "Hidden neurons (neuron_num)",
        1,
        session.upper_end("neuron_num", 10),
        (1, 10),
        key="neuron_num",
        persist_state="session",
        help="Nodes of each hidden layer. A node adds up one curve for each of its inputs.",
    )
with ranges[1]:
    grid = st.slider(
        "Grid intervals (grid)",
        2,
        session.upper_end("grid", 10),
        (2, 10),
        key="grid",
        persist_state="session",
        help="Intervals of the grid of every spline. With more of them a curve can bend more finely.",
    )
with ranges[2]:
    k = st.slider(
        "Spline order (k)",
        1,
        3,
        (1, 3),
        key="k",
        persist_state="session",
        help="Degree of the splines: 1 is piecewise linear, 2 quadratic, 3 cubic.",
    )
with ranges[3]:
    depth = st.slider(
        "Hidden layers (depth)",
        1,
        3,
        (1, 1),
        key="depth",
        persist_state="session",
        help="Hidden layers in sequence, all with the same number of neurons. One is enough for most tables. Two or three can "
        "follow nested functions, such as a product or a distance, with fewer parameters, but take several times as long to "
        "fit.",
    )
counting = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
with counting[0]:
    count = st.selectbox(
        "Counting rule for the parameters (K)",
        RULES,
        key="count",
        format_func=str.capitalize,
        persist_state="session",
        help=RULE_HELP,
    )
with counting[1]:
    count_sigma2 = data.likelihood.counts_variance and st.checkbox(
        "Count the noise variance as a parameter",
        True,
        key="sigma2",
        persist_state="session",
        help="As AIC in R does. It shifts all models alike and matters only if there are few rows.",
    )

with sentences():
    space = SearchSpace(neuron_num, grid, k, depth)
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
first, second, third, fourth = st.columns(4, gap="medium")
most = len(admissible)
with first:
    everything = st.toggle(
        "Fit every admissible configuration",
        True,
        key="everything",
        persist_state="session",
        help="Exhaustive search: nothing depends on luck, and in the end the whole map is known.",
    )
    trials = most
    if not everything:
        trials = st.number_input(
            "Trials",
            1,
            10_000,
            60,
            key="trials",
            persist_state="session",
            help=f"Largest number of configurations to fit; {most:,} are admissible.",
        )
with second:
    minutes = st.number_input(
        "Maximum minutes",
        0.0,
        10_000.0,
        0.0,
        1.0,
        key="minutes",
        format="%g",
        persist_state="session",
        help="0: no limit.",
    )
    wanted = st.toggle(
        "Use all minutes for more starts",
        key="fill",
        persist_state="session",
        disabled=minutes == 0,
        help="A configuration is fitted from several initial networks (starts), and its best fit counts; more starts find "
        "better fits. Their number follows from the minutes and from the speed of this machine. It is fixed before the study "
        "starts, so that the study can be repeated.",
    )
    fill = wanted and minutes > 0
with third:
    engine = st.selectbox(
        "Engine",
        list(ENGINES),
        key="engine",
        format_func=lambda e: ENGINES[e].label,
        persist_state="session",
        help="  \n".join(f"{e.label}: {e.help}" for e in ENGINES.values()),
    )
    if without_pykan := trouble(engine):
        st.warning(without_pykan)
with fourth:
    sampler = st.selectbox(
        "Sampler", list(SAMPLERS), key="sampler", format_func=SAMPLERS.get, persist_state="session", help=SAMPLER_HELP
    )

with st.expander("More settings"):
    a, b, c, d = st.columns(4, gap="medium")
    starts = a.number_input(
        "Starts per configuration",
        0,
        MOST_STARTS,
        0,
        key="starts",
        persist_state="session",
        disabled=fill,
        help="Initial networks per configuration, of which the best fit counts. 0: the engine decides.",
    )
    time_limit = b.number_input(
        "Maximum seconds per fit",
        0.0,
        3600.0,
        120.0,
        10.0,
        key="time-limit",
        format="%g",
        persist_state="session",
        help="A fit that takes longer counts as a failed trial. 0: no limit.",
    )
    patience = c.number_input(
        "Patience (trials)",
        0,
        1000,
        0,
        key="patience",
        persist_state="session",
        help="End the study after this many trials without a lower AICc. 0: never.",
    )
    with d:
        cluster.address_input()
    workers = d.number_input(
        "Worker processes",
        1,
        64,
        manager().slots,
        key="workers",
        persist_state="session",
        disabled=cluster.place() is not None,
        help="Each worker fits one network at a time, on one core. On a cluster: as many as it has.",
    )
    name = a.text_input("Name of the study", key="study-name", placeholder="named after the file", max_chars=80)
    smoothing = b.number_input(
        "Smoothing",
        0.0,
        1e6,
        1000.0,
        key="smoothing",
        format="%g",
        persist_state="session",
        disabled=engine != "lm",
        help="Roughness penalty of kanlab's own engine, in proportion to the RSS (residual sum of squares). It keeps noise "
        "from being fitted and hardly changes the fit to data without noise. 0: no penalty.",
    )
    early = c.checkbox(
        "Stop training early",
        True,
        key="early",
        persist_state="session",
        help="End a training of stock pykan that has stalled or diverged.",
    )

cluster.choice()
test_fraction, seed = session.split()
with sentences():
    spec = StudySpec(
        space=space,
        engine=engine,
        sampler=sampler,
        count=count,
        count_sigma2=count_sigma2,
        trials=int(trials),
        minutes=minutes or None,
        patience=int(patience) or None,
        seed=seed,
        test_fraction=test_fraction,
        workers=None if cluster.place() else int(workers),
        options=FitOptions(
            None if fill else int(starts) or None,
            time_limit or None,
            early_stopping=early,
            smoothing=smoothing,
            features=networks.options.features,
        ),
        starts_fill=fill,
    )
with place_of_map:
    search_plan.preflight(space, admissible, data, n_params, search_plan.fit_seconds(data, spec))
planned = min(int(trials), most)
ways = {
    "exhaustive": "those with the fewest parameters",
    "tpe": "chosen by TPE",
    "random": "drawn at random",
    "nsga2": "chosen by NSGA-II",
}
way = ways[spec.resolved_sampler(most)]
some = f"**{planned:,}** of the {most:,} admissible configurations, {way}"
st.markdown(f"This study will fit {some if planned < most else f'all **{most:,}** admissible configurations'}.")
reload.keep_data()
if st.button("Start", type="primary", icon=":material/play_arrow:", key="start"):
    start(spec, name)

search_plan.predicted_time(data, spec)
