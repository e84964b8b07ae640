"""The data set that the Data page has made: its size, the networks it can support, and what the simplest models explain."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
from kanlab.language import say
from kanlab.study.spec import StudySpec
from kanlab.text import counted, short
from kanlab.ui import session
from kanlab.ui.widgets import literal, notes


def sizes(data: Dataset) -> None:
    """Rows, features and admissible configurations."""
    spec = StudySpec().of(data).for_few_rows(data.n, data.d)
    admissible = spec.admissible(data.n, data.d)
    with st.container(key="figures-data"):
        columns = st.columns(4)
    columns[0].metric(
        say("Training rows n"), f"{data.n:,}", border=True, help=say("AICc and RSS are computed on these.")
    )
    columns[1].metric(
        say("Test rows"),
        f"{len(data.y_test):,}",
        border=True,
        help=say(
            "Locked: the same rows as long as this code stays the same: {test_sha256}.",
            test_sha256=data.test_sha256[:8],
        ),
    )
    columns[2].metric(
        say("Features"), data.d, border=True, help=say("Inputs of the network, after categories became columns.")
    )
    columns[3].metric(
        say("Configurations"),
        f"{len(admissible)} of {len(spec.space)}",
        border=True,
        help=say("Those of the default search that are admissible: with fewer parameters than n - 1, as AICc needs."),
    )
    notes(data.notes)
    if few := spec.few_rows_words(data.n, data.d):
        st.info(few, icon=":material/info:")


def other_targets(more: Sequence[Dataset]) -> None:
    """The data sets of further targets, a line each."""
    for data in more:
        rows = f"{counted(data.n, 'training row')}, {counted(len(data.y_test), 'test row')}"
        kind = say("one of {levels} classes", levels=len(data.levels)) if data.levels else "a number"
        st.caption(
            say(
                "**{literal}** is predicted too, as {kind}, by a study of its own: {rows}.",
                literal=literal(short(data.target)),
                kind=kind,
                rows=rows,
            )
        )


def simplest_models(data: Dataset, key: object) -> None:
    """What the mean and the straight line explain. key: of the data set."""
    constant, linear = session.remember("line", key, lambda: baselines(data, families=("constant", "linear")))
    if constant.classes and linear.classes:
        right, larger, rows = linear.classes.accuracy_test, constant.classes.accuracy_test, "test"
        losses = linear.classes.log_loss_test, constant.classes.log_loss_test
        if right is None or larger is None:
            right, larger, rows = linear.classes.accuracy_train, constant.classes.accuracy_train, "training"
            losses = linear.classes.log_loss_train, constant.classes.log_loss_train
        model, size = ("Multinomial logistic", "most") if data.outputs > 1 else ("Logistic", "more")
        st.markdown(
            say(
                "{model} regression already classifies **{value:.1f}%** of the {rows} rows "
                "correctly; always naming the {size} frequent class, {value_2:.1f}%. Their "
                "log-losses there are {losses:.3f} and {losses_2:.3f} nats per row. A network has to "
                "be worth its parameters beyond that.",
                model=model,
                value=100 * right,
                rows=rows,
                size=size,
                value_2=100 * larger,
                losses=losses[0],
                losses_2=losses[1],
            )
        )
    elif linear.counts and constant.counts:
        share = 100 * (1 - linear.counts.deviance_train / constant.counts.deviance_train)
        st.markdown(
            say(
                "Poisson regression already explains **{share:.1f}%** of the deviance of {literal} "
                "in the training rows (D²). A network has to be worth its parameters beyond that.",
                share=share,
                literal=literal(short(data.target)),
            )
        )
    elif linear.rss_train < constant.rss_train:
        share = 100 * (1 - linear.rss_train / constant.rss_train)
        st.markdown(
            say(
                "A straight line already explains **{share}%** of the variance of {literal} in the "
                "training rows. A network has to be worth its parameters beyond that.",
                share=f"{share:.{int(share > 99)}f}",
                literal=literal(short(data.target_label)),
            )
        )
