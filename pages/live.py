"""Live: watch a study, look at its trials, pause, stop or resume it."""

import streamlit as st

from kanlab.api import Study
from kanlab.charts import trials as trial_charts
from kanlab.data.examples import told_name
from kanlab.execution.manager import manager
from kanlab.language import say
from kanlab.ui import (
    columns,
    drawing,
    fits,
    identity,
    live,
    manage,
    replay,
    session,
    shared,
    steps,
    study_header,
    trials,
    watching,
)
from kanlab.ui.navigation import LIVE, SEARCH
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

name = session.study_name()
if name is None:
    heading(say("Live"), say("Watch a study as its trials arrive."))
    go_first_to(SEARCH, say("No study is open. Start one, or choose one under Studies."), say("Go to Search"))

heading(
    literal(told_name(name)),
    say(
        "Each point is a trial: one network, fitted to the training rows. RSS (of classes the "
        "deviance) says how far it misses them, K how many parameters it has. AICc weighs one "
        "against the other: **lower is better**."
    ),
)
with sentences():
    study = Study(study_header.opened(name))
    opened = watching.read(study.handle, fresh=True)
    every = watching.interval(len(opened.records))
manage.note_and_menu(study.handle, opened.attributes)
identity.key_of(study.handle, opened.attributes)  # takes it from the address
session.link_study(name)
with sentences():
    study_header.targets(study.handle, opened.attributes)


@st.fragment(run_every=every if opened.is_awaited else None)
@sentences()
def watch() -> None:
    reading = watching.read(study.handle)
    current, records = reading.state, reading.records
    if opened.is_awaited != reading.is_awaited or (reading.is_awaited and watching.is_off(every, len(records))):
        st.rerun()  # the whole page, because polling starts or ends there
    live.status_bar(study, reading, manager())
    stamp = shared.stamp_of(study, records, live=current.is_live)
    table = shared.table(stamp, records, study.handle.data.task)
    if not current.is_live and not (table["state"] == "complete").any():
        if study.handle.has_model(records):
            live.recommendation(
                shared.recommendation(study.handle, records, reading.attributes), current, study.spec.engine
            )
        else:
            live.no_trial_yet(current, study.spec.engine)
        return
    found = (
        shared.recommendation_so_far(stamp, study, records)
        if current.is_live
        else shared.recommendation(study.handle, records, reading.attributes)
    )
    picked, area, look, data = session.selected_trial(), session.area(), drawing.look(), study.handle.data
    kind = trials.axes_and_area(int((table["state"] == "complete").sum()))
    drawn, fewer = shared.points(stamp, picked, current.is_live, table)
    if area.zoom is not None:
        drawn = drawn[drawn["number"].isin(area.zoom)]
    if current.is_live:
        drawn = drawn.assign(fresh=drawn["number"].isin(shared.arrived(stamp[:2], table)))
    if fewer:
        st.caption(fewer)
    compared = not current.is_live or bool((table["state"] == "complete").any())
    mark = columns.recommended(found.choice) if compared else None
    seen = (stamp[:2], current.is_live, picked, kind, area.zoom, mark)  # running trials are not drawn
    n, baselines, target = data.n_train, study.baselines, data.fitted_target
    left, right = st.columns(2, gap="medium")
    with left:
        drawing.drawn_once(
            lambda: trial_charts.aicc_against_rss(drawn, n, baselines, picked, target, look, kind, mark),
            "aicc-rss",
            seen,
        )
    with right:
        drawing.drawn_once(
            lambda: trial_charts.pareto_front(drawn, baselines, picked, target, look, kind, mark), "front", seen
        )
    shown = trials.shown_trial(records, found)
    with st.container(key="slot-card"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            trials.card(shown, data, study.baselines)
        with right:
            live.recommendation(found, current, study.spec.engine)
    left, right = st.columns(2, gap="medium")
    with left:
        drawing.drawn_once(lambda: trial_charts.history(drawn, picked, look), "history", seen)
    with right:
        trials.loss(shown, data)
    trials.table(table, study, stamp, found.choice, area.listed)
    if not current.is_live:
        replay.trial_by_trial(study, records, stamp)
    fits.timeline_and_losses(study, stamp, records, live=current.is_live)


watch()
steps.next_step(LIVE)
live.dashboard_link(study)
