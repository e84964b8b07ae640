"""The Choose page: predict new rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

import pandas as pd
import streamlit as st

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.reader_process import keep_ready
from kanlab.data.reading.typed import Table
from kanlab.data.writing import to_csv
from kanlab.errors import KanlabError
from kanlab.execution.final_check import AVERAGE
from kanlab.execution.manage import load_data
from kanlab.explain.contributions import RowExplainer, with_contributions
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.predictor import Predictor
from kanlab.explain.several_targets import JointPredictions, predict_together, read_rows_of
from kanlab.explain.study_predictor import predictor
from kanlab.language import say
from kanlab.retelling import retold
from kanlab.study.handle import StudyHandle
from kanlab.study.several_targets import together
from kanlab.study.trials import TrialRecord
from kanlab.text import quoted, short
from kanlab.ui import columns, fitted_model, session
from kanlab.ui.upload import once, read
from kanlab.ui.widgets import download, literal, notes, table

PREVIEW_ROWS = 200
_UPLOAD = "new-rows"
PROBABILITY = "%.4f"
INTERVALS = (0.5, 0.8, 0.9, 0.95, 0.99)


def is_uploaded() -> bool:
    """Whether a table to predict has been uploaded."""
    return st.session_state.get(_UPLOAD) is not None


def new_rows(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """Upload a table, download its predictions."""
    keep_ready()
    left, right = st.columns([3, 2], gap="large")
    with left:
        upload = st.file_uploader(
            say("Rows to predict"),
            key=_UPLOAD,
            help=say("A table with the features of the study. It need not have the target."),
        )
    with right:
        which = fitted_model.model_box(handle, records, "predict")
        level = interval_box("new-rows-interval")
        explain = st.checkbox(
            say("Explain: a column for what each feature contributes"), key="new-rows-explain", persist_state="page"
        )
    if upload is None:
        where = say("whether the row lies outside the range of the training rows")
        sentence = say("You get your rows back with {added}, and {where}. ", added=_added(handle, level), where=where)
        if more := say(", ").join(quoted(other.data.target) for other in _other_targets(handle)):
            sentence += say("The recommended models of {more} add their columns too. ", more=more)
        st.caption(literal(sentence + say("The model is first fitted again, as in the study.")))
        return
    try:
        options = _written()
        with st.spinner(say("Predicting…")):
            key = fitted_model.model_key(handle, records, which)
            model = session.remember("predictor", key, lambda: fitted_model.asked_for(handle, which))
            others = _other_targets(handle) if which in (None, AVERAGE) else []
            key = (*key, *(fitted_model.model_key(other, other.records(), None) for other in others))
            models = session.remember("predictors", key, lambda: [model, *map(predictor, others)])
            found: JointPredictions
            asked, place = ("predictions", (upload.file_id, key, options, level, explain)), st.empty()
            reader = partial(read, of=asked, place=place)
            handles = [handle, *others] if explain else []
            label, lines, found = once(*asked, lambda: _predicted(upload, models, handles, options, level, reader))
    except KanlabError as error:
        st.error(literal(error), icon=":material/error:")
        return
    st.caption(literal(say("Predicted by {model}.", model=retold(label))))
    notes(lines)
    download(say("Download the predictions"), lambda: to_csv(found.frame), "predictions.csv", type="primary")
    order = found.columns + [c for c in found.frame.columns if c not in found.columns]
    table(found.frame[order].head(PREVIEW_ROWS), "predictions", height=300, column_config=_formats(found))
    if len(found.frame) > PREVIEW_ROWS:
        st.caption(say("The first {shown} of {count:,} rows.", shown=PREVIEW_ROWS, count=len(found.frame)))


def _formats(found: JointPredictions) -> dict[str, Any]:
    """One number of decimals for all columns of a kind, those in units of a target and its probabilities.

    The cells given stay as they are.
    """
    formats: dict[str, Any] = {}
    for one in found.targets.values():
        units = [c for c in (one.predicted, *one.bounds) if pd.api.types.is_float_dtype(found.frame[c])]
        shares = [c for c in (one.probability, *one.probabilities) if c]
        formats |= {c: columns.number(c, found.frame[units]) for c in units}
        formats |= {c: columns.number(c, found.frame[c], fmt=PROBABILITY) for c in shares}
    return formats


def _added(handle: StudyHandle, level: float | None) -> str:
    """The columns that a prediction adds, but for the last."""
    target, levels = short(handle.data.target), handle.data.levels
    if not levels:
        parts = [
            say("the prediction of {target}, in its own units", target=target),
            *[say("the two ends of its interval")] * bool(level),
        ]
        listed = say(", ").join(parts)
        return (
            say("four more columns: {columns}", columns=listed)
            if level
            else say("two more columns: {columns}", columns=listed)
        )
    of_set = [say("the set of classes that may be the true one")] * bool(level)
    if len(levels) == 2:
        parts = [
            say("the predicted class of {target}", target=target),
            *of_set,
            say("the probability of '{level}'", level=short(levels[1])),
        ]
        listed = say(", ").join(parts)
        if level:
            return say("four more columns: {columns}", columns=listed)
        return say("three more columns: {columns}", columns=listed)
    parts = [say("the predicted class of {target}", target=target), *of_set, say("the probability of each class")]
    count = len(levels) + 2 + bool(level)
    return say("{count:,} more columns: {columns}", count=count, columns=say(", ").join(parts))


def interval_box(key: str) -> float | None:
    """A select box of the level of intervals; None for none."""
    chosen: float = st.selectbox(
        say("Interval"),
        [*INTERVALS, 0.0],
        index=INTERVALS.index(LEVEL),
        key=key,
        persist_state="page",
        format_func=lambda level: f"{100 * level:.4g}%" if level else say("None"),
        help=say(
            "The share of rows like those of the training that the interval of each prediction "
            "should hold, or the set of classes. It comes of what the model predicts of training "
            "rows it was not fitted to; how many of the test rows it holds stands beside the "
            "predictions."
        ),
    )
    return chosen or None


def _written() -> ReadOptions:
    """How the new rows are written, where that is not as in training."""
    with st.expander(say("Reading: as the training table, unless you say otherwise")):
        first, second, third = st.columns(3, gap="medium")
        as_before = say("As in training")
        with first:
            signs = {say("Point, 3.14"): ".", say("Comma, 3,14"): ","}
            sign = st.selectbox(say("Decimal sign"), [as_before, *signs], key="new-rows-decimal")
        with second:
            orders = {say("Day first"): True, say("Month first"): False}
            order = st.selectbox(say("Dates such as 3/4/2024"), [as_before, *orders], key="new-rows-days")
        with third:
            words = st.multiselect(
                say("More words for a missing cell"),
                [],
                key="new-rows-missing",
                accept_new_options=True,
                placeholder=say("For example -999"),
            )
    missing = tuple(words) or None
    return ReadOptions(decimal=signs.get(sign), day_first=orders.get(order), missing=missing)


def _other_targets(handle: StudyHandle) -> list[StudyHandle]:
    """The studies of further targets of the same table that have a model to predict with."""
    return [other for other in together(handle) if other.name != handle.name and other.has_model(other.records())]


def _predicted(
    upload: BinaryIO,
    models: Sequence[Predictor],
    handles: Sequence[StudyHandle],
    options: ReadOptions,
    level: float | None,
    reader: Callable[..., Table],
) -> tuple[str, tuple[str, ...], JointPredictions]:
    """handles: the studies of the models, where their predictions are explained as well."""
    rows = read_rows_of(upload, models, options=options, reader=reader)
    found = predict_together(models, rows, options, level)
    if handles:
        explainers = [RowExplainer(m, load_data(h)) for m, h in zip(models, handles, strict=True)]
        found = with_contributions(found, explainers, rows, options)
    labels = [f"{model.name} ({model.recipe.target})" if len(models) > 1 else model.name for model in models]
    notes = dict.fromkeys(note for model in models for note in model.notes)
    return ", ".join(labels), (str(rows.report), *rows.report.notes, *notes, *found.notes), found
