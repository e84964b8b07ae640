"""Search: the ranges, a budget, Start."""

import streamlit as st

from kanlab.engines.registry import ENGINES, FitOptions
from kanlab.execution.manager import manager
from kanlab.execution.starts_budget import MOST_STARTS
from kanlab.kan.parameter_count import RULES
from kanlab.kan.search_space import Cell, SearchSpace, cell_n_params
from kanlab.study.handle import StudySpec, create_study
from kanlab.ui import identity, search_plan, session
from kanlab.ui.navigation import DATA, LIVE
from kanlab.ui.widgets import go_first_to, heading, literal, sentences, short

SAMPLERS = {
    "auto": "Automatic",
    "exhaustive": "Exhaustive",
    "tpe": "TPE",
    "random": "Random",
    "nsga2": "NSGA-II",
}
RULE_HELP = {
    "identifiable": "Identifiable: the rank of the Jacobian, what the data can tell apart. The default.",
    "trainable": "Trainable: everything the optimiser moves, G+k+2 an edge.",
    "coefficients": "Coefficients: the spline coefficients alone, G+k an edge.",
    "article": "As in the article: 4 an edge, whatever G and k. Far too few for fine grids; it favours interpolants.",
}
SAMPLER_HELP = (
    "Automatic: every admissible cell, fewest parameters first, where the budget covers them all; else TPE, which "
    "learns from the trials so far where to look. A cell is never tried twice."
)

heading("Search", "Set the range of networks to try and the budget to spend on them, then start.")
data = session.dataset()
if data is None:
    go_first_to(DATA, "There is no data yet: choose a table and a target first.", "Go to Data")

st.caption(
    f"{literal(short(data.name))}: predict **{literal(short(data.target))}** from {data.d} features, {data.n:,} training rows."
)

left, right = st.columns([2, 3], gap="large")
with left:
    neuron_num = st.slider(
        "Hidden neurons (neuron_num)",
        1,
        10,
        (1, 10),
        key="neuron_num",
        persist_state="session",
        help="Nodes of a hidden layer. Each is a sum of one function a feature.",
    )
    grid = st.slider(
        "Grid intervals (grid)",
        2,
        10,
        (2, 10),
        key="grid",
        persist_state="session",
        help="Intervals of every spline's grid. More bend the functions more finely.",
    )
    k = st.slider(
        "Spline order (k)",
        1,
        3,
        (1, 3),
        key="k",
        persist_state="session",
        help="Degree of the splines: 1 broken lines, 3 cubic.",
    )
    depth = st.slider(
        "Hidden layers (depth)",
        1,
        3,
        (1, 1),
        key="depth",
        persist_state="session",
        help="Layers of hidden neurons one after the other, all of the same number. One serves most tables; two or three can "
        "follow functions of functions, as of a product or a distance, with fewer parameters, and take several times as "
        "long to fit.",
    )
    count = st.selectbox(
        "Count parameters as",
        RULES,
        key="count",
        format_func=str.capitalize,
        persist_state="session",
        help="  \n".join(RULE_HELP.values()),
    )
    count_sigma2 = data.likelihood.counts_variance and st.checkbox(
        "Count the noise variance as one parameter more",
        True,
        key="sigma2",
        persist_state="session",
        help="As R's AIC does. It shifts all models alike and matters for small n only.",
    )

with sentences():
    space = SearchSpace(neuron_num, grid, k, depth)
admissible = space.admissible(data.n, data.d, rule=count, count_sigma2=count_sigma2)


def n_params(cell: Cell) -> int:
    return cell_n_params(cell, data.d, rule=count, count_sigma2=count_sigma2)


with right:
    place_of_map = st.container()  # filled once the engine is known, which decides the seconds of a cell

if not admissible:
    with place_of_map:
        search_plan.preflight(space, admissible, data, n_params)
    st.error(
        f"No cell of this space can be judged with {data.n} training rows; lower the ranges or choose fewer features.",
        icon=":material/error:",
    )
    st.stop()

st.subheader("Budget and engine", anchor=False)
first, second, third, fourth = st.columns(4, gap="medium")
most = len(admissible)
with first:
    everything = st.toggle(
        "Fit every admissible cell",
        True,
        key="everything",
        persist_state="session",
        help="Exhaustive search: no luck involved, and the whole map is known at the end.",
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
            help=f"Cells to fit at most; {most} are admissible.",
        )
with second:
    minutes = st.number_input(
        "Minutes at most",
        0.0,
        10_000.0,
        0.0,
        1.0,
        key="minutes",
        format="%g",
        persist_state="session",
        help="0 is no limit.",
    )
    wanted = st.toggle(
        "Use them for more starts",
        key="fill",
        persist_state="session",
        disabled=minutes == 0,
        help="Of several fits of a cell, from different initial networks, the best counts; more of them find lower minima. "
        "Their number follows from the minutes and from how fast this machine is. It is fixed before the study starts, so "
        "the study can be repeated.",
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
with fourth:
    sampler = st.selectbox(
        "Sampler", list(SAMPLERS), key="sampler", format_func=SAMPLERS.get, persist_state="session", help=SAMPLER_HELP
    )

with st.expander("More settings"):
    a, b, c, d = st.columns(4, gap="medium")
    starts = a.number_input(
        "Starts a cell",
        0,
        MOST_STARTS,
        0,
        key="starts",
        persist_state="session",
        disabled=fill,
        help="Initialisations, of which the best counts. 0 leaves the number to the engine.",
    )
    time_limit = b.number_input(
        "Seconds a fit at most",
        0.0,
        3600.0,
        120.0,
        10.0,
        key="time-limit",
        format="%g",
        persist_state="session",
        help="A fit that takes longer is a failed trial. 0 is no limit.",
    )
    patience = c.number_input(
        "Patience",
        0,
        1000,
        0,
        key="patience",
        persist_state="session",
        help="End the study when the least AICc has not fallen for so many trials. 0 is never.",
    )
    workers = d.number_input(
        "Worker processes", 1, 64, manager().slots, key="workers", persist_state="session", help="One thread each."
    )
    name = a.text_input("Name of the study", key="study-name", placeholder="after the file", max_chars=80)
    smoothing = b.number_input(
        "Smoothing",
        0.0,
        1e6,
        1000.0,
        key="smoothing",
        format="%g",
        persist_state="session",
        disabled=engine != "lm",
        help="Roughness penalty of the engine lm, in proportion to the RSS: it leaves noise-free data alone and keeps "
        "noise from being fitted. 0 is none.",
    )
    early = c.checkbox(
        "Stop training early",
        True,
        key="early",
        persist_state="session",
        help="When a training has stalled or diverged.",
    )

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
        workers=int(workers),
        options=FitOptions(
            None if fill else int(starts) or None, time_limit or None, early_stopping=early, smoothing=smoothing
        ),
        starts_fill=fill,
    )
with place_of_map:
    search_plan.preflight(space, admissible, data, n_params, search_plan.cell_seconds(data, spec))
planned = min(int(trials), most)
ways = {
    "exhaustive": "every one of them" if planned == most else "those with the fewest parameters",
    "tpe": "chosen by TPE",
    "random": "drawn at random",
    "nsga2": "chosen by NSGA-II",
}
way = ways[spec.resolved_sampler(most)]
st.markdown(f"This study will fit **{planned}** of the {most} admissible cells, {way}.")
if st.button("Start", type="primary", icon=":material/play_arrow:", key="start"):
    with sentences():
        handle = create_study(data, search_plan.settled(data, spec), name=name or None)
        identity.take(handle)
        manager().start(handle)
    session.set_study_name(handle.name)
    st.switch_page(LIVE, query_params={"study": handle.name})

search_plan.predicted_time(data, spec)
