"""The data set that the Data page has made: its size, the networks it can support, and what the simplest models explain."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
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
    columns[0].metric("Training rows n", f"{data.n:,}", border=True, help="AICc and RSS are computed on these.")
    columns[1].metric(
        "Test rows",
        f"{len(data.y_test):,}",
        border=True,
        help=f"Locked: the same rows as long as this code stays the same: {data.test_sha256[:8]}.",
    )
    columns[2].metric("Features", data.d, border=True, help="Inputs of the network, after categories became columns.")
    columns[3].metric(
        "Configurations",
        f"{len(admissible)} of {len(spec.space)}",
        border=True,
        help="Those of the default search that are admissible: with fewer parameters than n - 1, as AICc needs.",
    )
    notes(data.notes)
    if few := spec.few_rows_words(data.n, data.d):
        st.info(few, icon=":material/info:")


def other_targets(more: Sequence[Dataset]) -> None:
    """The data sets of further targets, a line each."""
    for data in more:
        rows = f"{counted(data.n, 'training row')}, {counted(len(data.y_test), 'test row')}"
        kind = f"one of {len(data.levels)} classes" if data.levels else "a number"
        st.caption(f"**{literal(short(data.target))}** is predicted too, as {kind}, by a study of its own: {rows}.")


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
            f"{model} regression already classifies **{100 * right:.1f}%** of the {rows} rows correctly; always naming the "
            f"{size} frequent class, {100 * larger:.1f}%. Their log-losses there are {losses[0]:.3f} and {losses[1]:.3f} nats "
            "per row. A network has to be worth its parameters beyond that."
        )
    elif linear.counts and constant.counts:
        share = 100 * (1 - linear.counts.deviance_train / constant.counts.deviance_train)
        st.markdown(
            f"Poisson regression already explains **{share:.1f}%** of the deviance of {literal(short(data.target))} in the "
            "training rows (D²). A network has to be worth its parameters beyond that."
        )
    elif linear.rss_train < constant.rss_train:
        share = 100 * (1 - linear.rss_train / constant.rss_train)
        st.markdown(
            f"A straight line already explains **{share:.{int(share > 99)}f}%** of the variance of "
            f"{literal(short(data.target_label))} in the training rows. A network has to be worth its parameters beyond that."
        )
