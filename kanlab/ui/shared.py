"""Tables of the trials of a study, made once for all sessions that show the same state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from kanlab.api import Study
from kanlab.charts.thinning import MOST_POINTS, REDRAW_TRIALS, TABLE_ROWS, thinned
from kanlab.language import active, marked
from kanlab.retelling import retold
from kanlab.selection.candidates import Candidate
from kanlab.selection.measures import MEASURES
from kanlab.selection.ranking import by_rank, trial_table
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.selection.validation import read_validation
from kanlab.stats.likelihood import TaskName
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord
from kanlab.ui import columns

RULES = {  # by which parameters are counted
    "effective": marked("effective"),
    "identifiable": marked("identifiable"),
    "trainable": marked("trainable"),
    "coefficients": marked("coefficients"),
    "article": marked("article"),
}
Stamp = tuple[str, int, tuple[int, ...], str]


def poll_seconds(trials: int) -> float:
    """How often a page polls: less often for a large study, which is redrawn only every REDRAW_TRIALS trials."""
    return 1.0 if trials <= MOST_POINTS else 3.0


def stamp_of(study: Study, records: Sequence[TrialRecord], *, live: bool) -> Stamp:
    """A key that changes with the trials of a study, so that every chart is made once per state of the study and language.

    While a large study runs, it changes only every REDRAW_TRIALS trials and ignores the running ones.
    """
    running = tuple(r.number for r in records if r.state == "running")
    done = len(records) - len(running)
    if live and done > MOST_POINTS:
        return study.handle.uid, done - done % REDRAW_TRIALS, (), active()
    return study.handle.uid, done, running, active()


@st.cache_resource(max_entries=16, show_spinner=False)
def table(stamp: Stamp, _records: Sequence[TrialRecord], _task: TaskName) -> pd.DataFrame:
    """selection.trial_table, made once per stamp; with the measures of the task before the first trial as well."""
    found, of = trial_table(_records), MEASURES[_task]
    return found.assign(**{name: np.nan for name in (of.fit_column, of.error_column) if name not in found})


_drawn: dict[str, frozenset[int]] = {}  # complete trials of each study when it was looked at last


@st.cache_resource(max_entries=16, show_spinner=False)
def arrived(stamp: tuple[str, int], _table: pd.DataFrame) -> frozenset[int]:
    """Trials that are complete since the study was last looked at, by any session; none at the first look."""
    complete = frozenset(_table.loc[_table["state"] == "complete", "number"].astype(int))
    before = _drawn.get(stamp[0], complete)
    _drawn[stamp[0]] = complete
    return complete - before


@st.cache_resource(max_entries=16, show_spinner=False)
def recommendation_so_far(stamp: Stamp, _study: Study, _records: Sequence[TrialRecord]) -> Recommendation:
    """selection.recommend of a live study, made once per stamp."""
    return recommend(_study.handle, _records, _study.validation)


def recommendation(
    handle: StudyHandle, records: Sequence[TrialRecord], attributes: Mapping[str, Any]
) -> Recommendation:
    """selection.recommend of a study that has ended, made once for what its storage says of it."""
    said = json.dumps(dict(attributes), default=repr, sort_keys=True)
    return _recommendation((handle.uid, len(records), said, active()), handle, records, attributes)


@st.cache_resource(max_entries=16, show_spinner=False)
def _recommendation(
    stamp: tuple[Any, ...], _handle: StudyHandle, _records: Sequence[TrialRecord], _attributes: Mapping[str, Any]
) -> Recommendation:
    return recommend(_handle, _records, read_validation(_attributes))


@st.cache_resource(max_entries=16, show_spinner=False)
def points(stamp: Stamp, picked: int | None, live: bool, _table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """thinning.thinned, made once per stamp and selected trial."""
    return thinned(_table, picked, live=live)


@st.cache_resource(max_entries=16, show_spinner=False)
def ranking(
    stamp: tuple[Any, ...], whole: bool, chosen: str, _table: pd.DataFrame, _choice: Candidate | None
) -> tuple[pd.DataFrame, pa.Table]:
    """The trials by rank, all or the first TABLE_ROWS; and the same table as Streamlit sends it.

    chosen: the key of the recommended model, _choice, which a column marks.
    """
    ranked = by_rank(_table).reset_index(drop=True)
    ranked = ranked if whole else ranked.head(TABLE_ROWS)
    ranked.insert(0, columns.CHOICE, [retold(mark) for mark in columns.marks(ranked["number"].tolist(), _choice)])
    told = {
        name: ranked[name].map(lambda words: words and retold(words)) for name in ("state", "status") if name in ranked
    }
    sent = ranked.assign(**told).replace(np.inf, np.nan)
    return ranked, pa.Table.from_pandas(sent, preserve_index=False)
