"""What the Data page predicts, and from what: target, features, test rows, and whether the target is a class or a count."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from kanlab.data.dataset import Dataset
from kanlab.data.encoders import is_numeric
from kanlab.data.mutual_information import relevance
from kanlab.data.preparation import Preparation
from kanlab.data.reading.table import Table
from kanlab.data.target import (
    CLASSIFICATION,
    COUNTS,
    REGRESSION,
    can_be_counts,
    class_levels,
    coded,
    count_reason,
    default_task,
    in_words,
)
from kanlab.errors import DatasetError
from kanlab.language import marked, say
from kanlab.study.several_targets import MOST_TARGETS
from kanlab.ui import session
from kanlab.ui.widgets import literal

_GUESSED = marked(":material/help: **Guessed, change me.** Tables often end with the column to predict.")


@dataclass(frozen=True)
class Choice:
    """What is asked for. features: none are all usable columns.  key: differs between tables and targets, table_key between
    tables alone.  more: further columns to predict.
    """

    target: str
    features: tuple[str, ...]
    test_fraction: float
    seed: int
    key: str
    features_key: str
    table_key: str
    task: str = REGRESSION
    positive: str | None = None
    more: tuple[str, ...] = ()

    def used(self, frame: pd.DataFrame) -> list[str]:
        """The columns to predict from."""
        return list(self.features) or [c for c in frame.columns if c not in self.targets]

    @property
    def targets(self) -> tuple[str, ...]:
        """All columns to predict, each by a study of its own."""
        return self.target, *self.more

    @property
    def scaled(self) -> bool:
        """Whether it is a quantity, which may be fitted on another scale."""
        return self.task == REGRESSION


def choose_target(table: Table, suggested: str | None) -> Choice:
    """Draw the widgets, and return what they say. Raises DatasetError where there is nothing to predict.

    suggested: the target to begin with; by default the last column that can be one, as most tables end with it.
    """
    frame = table.frame
    usable = (c for c in reversed(frame.columns) if is_numeric(frame[c]) or class_levels(frame[c]))
    last = next(usable, None)
    if last is None:
        raise DatasetError(
            say(
                "No column of this table holds numbers or classes, so there is nothing to predict; "
                "check the decimal sign and the delimiter."
            )
        )
    key = f"{table.report.source}-{_digest(frame)}"
    first, second, third, fourth = st.columns([4, 5, 3, 2], gap="medium")
    with first:
        target = st.selectbox(
            say("Target"),
            list(frame.columns),
            index=list(frame.columns).index(suggested or last),
            key=f"target-{key}",
            help=say("The column to predict: numeric, or of at most 50 classes."),
            persist_state="session",
            on_change=_confirm,
            args=(key,),
        )
        if suggested is None and not st.session_state.get(_chosen(key)):
            st.caption(say(_GUESSED))
    with second:
        features_key, more_key = f"features-{key}-{target}", f"target-more-{key}-{target}"
        others = [c for c in frame.columns if c not in (target, *st.session_state.get(more_key, ()))]
        st.session_state[features_key] = [c for c in st.session_state.get(features_key, ()) if c in others]
        features = st.multiselect(
            say("Features"),
            others,
            key=features_key,
            placeholder=say("All usable columns"),
            help=say(
                "The columns to predict it from. Numbers stay as they are, a date becomes its year; "
                "text with at most 12 levels becomes one column for each level."
            ),
            persist_state="session",
        )
    with third:
        percent = st.slider(
            say("Test rows (%)"),
            0,
            50,
            20,
            5,
            key="test-percent",
            persist_state="session",
            help=say("Held out: never used to train or to choose, only to show an error beside the others."),
        )
    with fourth:
        seed = st.number_input(
            say("Seed"),
            0,
            2**31 - 1,
            0,
            key="seed",
            persist_state="session",
            help=say("Draws the test rows and the initial weights. The same seed gives the same numbers."),
        )
    place, *others = st.columns([4, 5, 3, 2], gap="medium", vertical_alignment="bottom")
    with place:
        more = st.multiselect(
            say("More targets"),
            [c for c in frame.columns if c != target],
            key=more_key,
            max_selections=MOST_TARGETS - 1,
            placeholder=say("No other target"),
            help=say(
                "Each is predicted by a study of its own, from the same features; no target is a feature of another."
            ),
            persist_state="session",
        )
    chosen = Choice(target, tuple(features), percent / 100, int(seed), f"{key}-{target}", features_key, key)
    return _with_task(replace(chosen, more=tuple(more)), table, others[:2])


def other_datasets(table: Table, chosen: Choice, wanted: Preparation) -> tuple[Dataset, ...]:
    """The data sets of the further targets: prepared alike, but for the scale of the target. Raises DatasetError."""
    if not chosen.more:
        return ()
    alike = replace(wanted, target_scale="none")
    frames = {t: table.frame.drop(columns=[o for o in chosen.targets if o != t]) for t in chosen.more}
    return tuple(
        Dataset.from_frame(
            frame,
            target,
            chosen.features or None,
            chosen.test_fraction,
            chosen.seed,
            name=table.report.source,
            preparation=alike,
        )
        for target, frame in frames.items()
    )


def _chosen(key: str) -> str:
    return f"target-chosen-{key}"


def _confirm(key: str) -> None:
    """The target is chosen, no longer guessed."""
    st.session_state[_chosen(key)] = True


def predict(chosen: Choice, column: str) -> None:
    """Choose another target of the same table before the widgets are drawn."""
    st.session_state[f"target-{chosen.table_key}"] = column
    _confirm(chosen.table_key)


def _digest(frame: pd.DataFrame) -> str:
    """Of the names of the columns; the same in every process, as kept choices are found by it."""
    return hashlib.sha256("\n".join(map(str, frame.columns)).encode()).hexdigest()[:12]


def levels_of(table: Table, target: str) -> tuple[str, ...]:
    """The classes of a column; empty where it has none."""
    return session.remember("levels", (id(table), target), lambda: class_levels(in_words(table.frame, target)[target]))


def _with_task(chosen: Choice, table: Table, places: Sequence[DeltaGenerator]) -> Choice:
    """Of a column that may be classes or a count, whether it is, and which of two classes counts as 1.

    places: of the two widgets.
    """
    column, levels = table.frame[chosen.target], levels_of(table, chosen.target)
    default, why, possible = session.remember(
        "tasks",
        (id(table), chosen.target),
        lambda: (default_task(column), count_reason(column), can_be_counts(column)),
    )
    tasks = [CLASSIFICATION] * bool(levels) + [COUNTS] * possible + [REGRESSION] * is_numeric(column)
    if len(tasks) < 1 + is_numeric(column):
        return chosen
    names = {
        CLASSIFICATION: (
            say("One of two classes") if len(levels) == 2 else say("One of {number} classes", number=len(levels))
        ),
        COUNTS: say("A count"),
        REGRESSION: say("A number"),
    }
    key = _task_key(chosen.key)
    first, second = places
    with first:
        task = st.selectbox(
            say("Predict it as"),
            tasks,
            index=tasks.index(default),
            key=key,
            format_func=lambda t: names[t],
            help=say(
                "A count, such as a number of events, is predicted by its mean, which is never below "
                "0 (Poisson likelihood)."
            ),
            persist_state="session",
        )
    if task == COUNTS and why:
        with second:
            st.button(
                say("Predict it as a number instead"), key=f"no-count-{chosen.key}", on_click=_as_number, args=(key,)
            )
        st.caption(literal(say("It {why}: so it is predicted as a count.", why=why)))
    if task != CLASSIFICATION:
        return replace(chosen, task=task)
    if len(levels) > 2:
        return replace(chosen, task=task)
    with second:
        positive = st.selectbox(
            say("Counts as 1"),
            levels,
            index=1,
            key=f"positive-{chosen.key}",
            help=say("The class whose probability is predicted."),
            persist_state="session",
        )
    return replace(chosen, task=task, positive=positive)


def as_classes(key: str) -> None:
    """Predict the target as classes. key: of a `Choice`."""
    st.session_state[_task_key(key)] = CLASSIFICATION


def _task_key(key: str) -> str:
    return f"task-{key}"


def _as_number(key: str) -> None:
    """The suggestion to take a target for a count is refused."""
    st.session_state[key] = REGRESSION


def information(table: Table, target: str) -> dict[str, float]:
    """Mutual information of the other columns with the target, in nats; empty where it is neither a number nor classes."""
    frame, levels = table.frame, levels_of(table, target)
    if not levels and not is_numeric(frame[target]):
        return {}
    return session.remember(
        "relevance",
        (id(table), target),
        lambda: relevance(_coded(frame, target, levels) if levels else frame, target),
    )


def _coded(frame: pd.DataFrame, target: str, levels: tuple[str, ...]) -> pd.DataFrame:
    return frame.assign(**{target: coded(in_words(frame, target)[target], levels)})
