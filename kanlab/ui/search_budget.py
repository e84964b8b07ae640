"""The Search page: how much is fitted, by which engine, and the settings that few need."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from kanlab.engines.catalogue import ENGINES, trouble
from kanlab.engines.registry import FitOptions
from kanlab.execution.manager import manager
from kanlab.execution.starts_budget import MOST_STARTS
from kanlab.language import marked, say
from kanlab.study.spec import StudySpec
from kanlab.ui import cluster, search_ranges, session

SAMPLERS = {
    "auto": marked("Automatic"),
    "exhaustive": marked("Exhaustive"),
    "gp": marked("Gaussian process"),
    "tpe": "TPE",
    "random": marked("Random"),
    "nsga2": "NSGA-II",
}
SAMPLER_HELP = marked(
    "Automatic: every admissible configuration, fewest parameters first, if the budget "
    "covers them all; otherwise a Gaussian process, which learns from the finished "
    "trials where to look next. No configuration is tried twice."
)
_WAYS = {
    "exhaustive": marked("those with the fewest parameters"),
    "gp": marked("chosen by a Gaussian process"),
    "tpe": marked("chosen by TPE"),
    "random": marked("drawn at random"),
    "nsga2": marked("chosen by NSGA-II"),
}


@dataclass(frozen=True)
class Budget:
    """How many configurations to fit, within which time, and how. fill: whether all minutes are used for more starts."""

    trials: int
    minutes: float
    fill: bool
    engine: str
    sampler: str


@dataclass(frozen=True)
class Settings:
    """What stands under More settings. name: of the study."""

    starts: int
    time_limit: float
    patience: int
    workers: int
    name: str
    smoothing: float
    early: bool


def budget(most: int) -> Budget:
    """The widgets of the budget. most: admissible configurations."""
    first, second, third, fourth = st.columns(4, gap="medium")
    with first:
        everything = st.toggle(
            say("Fit every admissible configuration"),
            True,
            key="everything",
            persist_state="session",
            help=say("Exhaustive search: nothing depends on luck, and in the end the whole map is known."),
        )
        trials = most
        if not everything:
            trials = st.number_input(
                say("Trials"),
                1,
                10_000,
                60,
                key="trials",
                persist_state="session",
                help=say("Largest number of configurations to fit; {most:,} are admissible.", most=most),
            )
    with second:
        minutes = st.number_input(
            say("Maximum minutes (0: no limit)"),
            0.0,
            10_000.0,
            0.0,
            1.0,
            key="minutes",
            format="%g",
            persist_state="session",
            help=say("The search ends after this time with the trials that are done."),
        )
        wanted = st.toggle(
            say("Use all minutes for more starts"),
            key="fill",
            persist_state="session",
            disabled=minutes == 0,
            help=say(
                "A configuration is fitted from several initial networks (starts), and its best fit "
                "counts; more starts find better fits. Their number follows from the minutes and "
                "from the speed of this machine. It is fixed before the study starts, so that the "
                "study can be repeated."
            ),
        )
        fill = wanted and minutes > 0
    with third:
        engine = st.selectbox(
            say("Engine"),
            list(ENGINES),
            key="engine",
            format_func=lambda e: say(ENGINES[e].label),
            persist_state="session",
            help="  \n".join(
                say("{engine}: {words}", engine=say(e.label), words=say(e.help)) for e in ENGINES.values()
            ),
        )
        if without_pykan := trouble(engine):
            st.warning(without_pykan)
    with fourth:
        sampler = st.selectbox(
            say("Sampler"),
            list(SAMPLERS),
            key="sampler",
            format_func=lambda s: say(SAMPLERS[s]),
            persist_state="session",
            help=say(SAMPLER_HELP),
        )
    return Budget(int(trials), minutes, fill, engine, sampler)


def more_settings(chosen: Budget) -> Settings:
    """The expander with the settings that few need."""
    with st.expander(say("More settings")):
        a, b, c, d = st.columns(4, gap="medium")
        starts = a.number_input(
            say("Starts per configuration (0: auto)"),
            0,
            MOST_STARTS,
            0,
            key="starts",
            persist_state="session",
            disabled=chosen.fill,
            help=say("Initial networks per configuration, of which the best fit counts. 0: the engine decides."),
        )
        time_limit = b.number_input(
            say("Maximum seconds per fit (0: no limit)"),
            0.0,
            3600.0,
            120.0,
            10.0,
            key="time-limit",
            format="%g",
            persist_state="session",
            help=say("A fit that takes longer counts as a failed trial. 0: no limit."),
        )
        patience = c.number_input(
            say("Patience (trials; 0: off)"),
            0,
            1000,
            0,
            key="patience",
            persist_state="session",
            help=say("End the study after this many trials without a lower AICc. 0: never."),
        )
        with d:
            cluster.address_input()
        workers = d.number_input(
            say("Worker processes"),
            1,
            64,
            manager().slots,
            key="workers",
            persist_state="session",
            disabled=cluster.place() is not None,
            help=say("Each worker fits one network at a time, on one core. On a cluster: as many as it has."),
        )
        name = a.text_input(
            say("Name of the study"), key="study-name", placeholder=say("named after the file"), max_chars=80
        )
        smoothing = b.number_input(
            say("Smoothing (0: none)"),
            0.0,
            1e6,
            1000.0,
            key="smoothing",
            format="%g",
            persist_state="session",
            disabled=chosen.engine != "lm",
            help=say(
                "Roughness penalty of kanlab's own engine, in proportion to the RSS (residual sum of "
                "squares). It keeps noise from being fitted and hardly changes the fit to data "
                "without noise. 0: no penalty."
            ),
        )
        early = c.checkbox(
            say("Stop training early"),
            True,
            key="early",
            persist_state="session",
            help=say("End a training of stock pykan that has stalled or diverged."),
        )
        with c:
            search_ranges.multiplication_control(chosen.engine)
    return Settings(int(starts), time_limit, int(patience), int(workers), name, smoothing, early)


def specification(networks: StudySpec, chosen: Budget, settings: Settings) -> StudySpec:
    """What the study is asked for. networks: the space, the counting rule and the constraints, with the
    features that networks take.

    Raises StudyError for what no study can do.
    """
    test_fraction, seed = session.split()
    return StudySpec(
        space=networks.space,
        engine=chosen.engine,
        sampler=chosen.sampler,
        count=networks.count,
        count_sigma2=networks.count_sigma2,
        trials=chosen.trials,
        minutes=chosen.minutes or None,
        patience=settings.patience or None,
        seed=seed,
        test_fraction=test_fraction,
        workers=None if cluster.place() else settings.workers,
        options=FitOptions(
            None if chosen.fill else settings.starts or None,
            settings.time_limit or None,
            early_stopping=settings.early,
            smoothing=settings.smoothing,
            features=networks.options.features,
        ),
        starts_fill=chosen.fill,
        constraints=networks.constraints,
    )


def planned(spec: StudySpec, most: int) -> str:
    """What the study will fit, in a sentence of Markdown. most: admissible configurations."""
    trials = min(spec.trials or most, most)
    if trials == most:
        return say("This study will fit all **{most:,}** admissible configurations.", most=most)
    way = say(_WAYS[spec.resolved_sampler(most)])
    return say(
        "This study will fit **{trials:,}** of the {most:,} admissible configurations, {way}.",
        trials=trials,
        most=most,
        way=way,
    )
