"""Data: choose a table and what to predict."""

import streamlit as st

from kanlab.data.checks import TableWarning, text_cells
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import AUTO, Preparation
from kanlab.data.profile import profile
from kanlab.data.reading.reader_process import keep_ready
from kanlab.errors import DatasetError
from kanlab.language import say, use
from kanlab.ui import dataset_summary, refusal, reload, remedies, session, steps, table_source
from kanlab.ui.navigation import DATA
from kanlab.ui.preparation import preparation, refuse_suggestion
from kanlab.ui.profile import columns_table, preview, warning_list
from kanlab.ui.target_choice import choose_target, information, other_datasets
from kanlab.ui.widgets import heading

heading(
    say("Data"),
    say(
        "Bring a table and name the column to predict. kanlab finds the network of curves that the "
        "table can support, and gives you its formula and a program that predicts."
    ),
)
keep_ready()
reload.restore_table()
table_source.choose_table()
table = table_source.chosen_table()
table_source.describe(table)

frame = table.frame
place_of_target = st.container()
table_source.overrule(table)  # first, because a table without a target can be read in another way
reread = session.source() is not None
with place_of_target:
    try:
        chosen = choose_target(table, table_source.suggested_target())
    except DatasetError as problem:
        refusal.show(problem, refusal.read_otherwise(profile(frame, None).warnings) if reread else [])
        st.stop()
    place_of_refusal = st.container()
overview = st.container()
frame = frame.drop(columns=list(chosen.more))  # as none of them is a feature of another
used = chosen.used(frame)
described = session.remember("profile", (id(table), chosen.targets), lambda: profile(frame, chosen.target))
with overview:
    first, second = st.tabs([say("Columns"), say("Rows")])
    with first:
        columns_table(described, information(table, chosen.target), chosen.target)
    with second:
        preview(frame)
wanted = preparation(frame, chosen.target, list(chosen.features), described, chosen.key, scaled=chosen.scaled)
reload.keep_table()


def remedied(warning: TableWarning) -> None:
    """Do as a warning advises."""
    remedies.apply(warning, chosen.key, chosen.target, chosen.features_key, used)


def warn(prepared: Preparation) -> None:
    """The warnings that a preparation does not answer."""
    noticed = [*text_cells(frame, table.report.text_cells), *described.warnings]
    left = remedies.unanswered(noticed, prepared, chosen.target, used, scaled=chosen.scaled)
    with overview:
        warning_list(left, remedied, reread=reread)


asked = (id(table), chosen, repr(wanted))
try:
    with use("en"):  # in which a study keeps what is noted of its data
        data = session.remember(
            "dataset",
            asked,
            lambda: Dataset.from_frame(
                frame,
                chosen.target,
                chosen.features or None,
                chosen.test_fraction,
                chosen.seed,
                name=table.report.source,
                preparation=wanted,
                task=chosen.task,
                positive=chosen.positive,
            ),
        )
        more = session.remember("more datasets", asked, lambda: other_datasets(table, chosen, wanted))
except DatasetError as problem:
    warn(wanted)
    with place_of_refusal:
        of_target = refusal.read_otherwise(described.warnings, [chosen.target]) if reread else []
        refusal.show(problem, [*of_target, *refusal.ways(frame, chosen, wanted, asked)])
    st.stop()
warn(data.preparation)
session.set_dataset(data, chosen.test_fraction, chosen.seed, more)
dataset_summary.sizes(data)
if wanted.target_scale == AUTO and data.preparation.asks_for_a_scale:
    refuse_suggestion(chosen.key)
dataset_summary.other_targets(more)
dataset_summary.simplest_models(data, asked)
steps.next_step(DATA)
