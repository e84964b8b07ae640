"""The Choose page: new rows in, predictions out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import streamlit as st

from kanlab.data.writing import to_csv
from kanlab.errors import KanlabError
from kanlab.explain.predictor import Predictions, Predictor, predictor, read_new_rows
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord
from kanlab.ui import fitted_model, session
from kanlab.ui.widgets import literal, notes, short

PREVIEW_ROWS = 200


def new_rows(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """Upload a table, take the predictions away."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        upload = st.file_uploader(
            "Rows to predict", key="new-rows", help="A table with the columns of the study; the target may be absent."
        )
    with right:
        trial = fitted_model.model_box(handle, records, "predict")
    if upload is None:
        target, levels = short(handle.data.target), handle.data.levels
        what = f"two columns more: {target} as predicted, in its own units,"
        if levels:
            what = f"three columns more: the likelier class of {target}, the probability of '{short(levels[1])}',"
        words = f"You get your rows back with {what} and whether the row lies outside the training rows. "
        st.caption(literal(words + "The network is fitted once more, as the study did."))
        return
    try:
        with st.spinner("Predicting…"):
            key = fitted_model.model_key(handle, records, trial)
            model = session.remember("predictor", key, lambda: predictor(handle, trial))
            found: Predictions
            label, lines, found = session.remember(
                "predictions", (upload.file_id, key), lambda: _predicted(upload, model)
            )
    except KanlabError as error:
        st.error(literal(error), icon=":material/error:")
        return
    st.caption(literal(f"Predicted by {label}."))
    notes(lines)
    st.download_button(
        "Download the predictions",
        lambda: to_csv(found.frame),
        "predictions.csv",
        "text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    order = found.columns + [c for c in found.frame.columns if c not in found.columns]
    st.dataframe(found.frame[order].head(PREVIEW_ROWS), hide_index=True, height=300, key="predictions")
    if len(found.frame) > PREVIEW_ROWS:
        st.caption(f"The first {PREVIEW_ROWS} of {len(found.frame):,} rows.")


def _predicted(upload: BinaryIO, model: Predictor) -> tuple[str, tuple[str, ...], Predictions]:
    table = read_new_rows(upload, model.recipe)
    found = model.predict(table.frame)
    return model.label, (str(table.report), *table.report.notes, *model.notes, *found.notes), found
