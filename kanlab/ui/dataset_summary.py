"""The data set that the Data page has made: its size, the networks it can support, and what the simplest models explain."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
from kanlab.language import marked, say
from kanlab.selection.explanation import NEARLY
from kanlab.stats.likelihood import COUNTS
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
        say("Features"), f"{data.d:,}", border=True, help=say("Inputs of the network, after categories became columns.")
    )
    columns[3].metric(
        say("Configurations"),
        say("{some} of {all}", some=len(admissible), all=len(spec.space)),
        border=True,
        help=say("Those of the default search that are admissible: with fewer parameters than n - 1, as AICc needs."),
    )
    notes(data.notes)
    if few := spec.few_rows_words(data.n, data.d):
        st.info(few, icon=":material/info:")


def other_targets(more: Sequence[Dataset]) -> None:
    """The data sets of further targets, a line each."""
    for data in more:
        kind = say("one of {levels} classes", levels=len(data.levels)) if data.levels else say("a number")
        st.caption(
            say(
                "**{target}** is predicted too, as {kind}, by a study of its own: {training_rows}, {test_rows}.",
                target=literal(short(data.target)),
                kind=kind,
                training_rows=counted(data.n, "training row"),
                test_rows=counted(len(data.y_test), "test row"),
            )
        )


def simplest_models(data: Dataset, key: object) -> None:
    """What the mean and the straight line explain. key: of the data set."""
    constant, linear = session.remember(
        "line", key, lambda: baselines(data, families=("constant", "linear"), left_out=False)
    )
    if constant.classes and linear.classes:
        right, larger, rows = linear.classes.accuracy_test, constant.classes.accuracy_test, say("test rows")
        losses = linear.classes.log_loss_test, constant.classes.log_loss_test
        if right is None or larger is None:
            right, larger, rows = linear.classes.accuracy_train, constant.classes.accuracy_train, say("training rows")
            losses = linear.classes.log_loss_train, constant.classes.log_loss_train
        words = (
            marked(
                "Multinomial logistic regression already classifies **{right:.1%}** of the {rows} "
                "correctly; always naming the most frequent class, {constant:.1%}. Their log-losses "
                "there are {loss:.3f} and {constant_loss:.3f} nats per row. A network has to be worth "
                "its parameters beyond that."
            )
            if data.outputs > 1
            else marked(
                "Logistic regression already classifies **{right:.1%}** of the {rows} correctly; "
                "always naming the more frequent class, {constant:.1%}. Their log-losses there are "
                "{loss:.3f} and {constant_loss:.3f} nats per row. A network has to be worth its "
                "parameters beyond that."
            )
        )
        loss, constant_loss = losses
        st.markdown(say(words, right=right, constant=larger, rows=rows, loss=loss, constant_loss=constant_loss))
    elif data.n <= NEARLY * (linear.n_params or 0.0):
        st.markdown(
            say(
                "{model} with all features has {n_params:,g} parameters for {rows:,} training rows, so it follows them "
                "closely whatever {target} is: what it explains there is no evidence.",
                model=say("Poisson regression") if data.task == COUNTS else say("A linear model"),
                n_params=linear.n_params,
                rows=data.n,
                target=literal(short(data.target_label)),
            )
        )
    elif linear.counts and constant.counts:
        share = 1 - linear.counts.deviance_train / constant.counts.deviance_train
        st.markdown(
            say(
                "Poisson regression already explains **{share:.1%}** of the deviance of {target} "
                "in the training rows (D²). A network has to be worth its parameters beyond that.",
                share=share,
                target=literal(short(data.target)),
            )
        )
    elif linear.rss_train < constant.rss_train:
        share = 1 - linear.rss_train / constant.rss_train
        st.markdown(
            say(
                "A linear model already explains **{share:.0%}** of the variance of {target} in the "
                "training rows. A network has to be worth its parameters beyond that.",
                share=share,
                target=literal(short(data.target_label)),
            )
        )
