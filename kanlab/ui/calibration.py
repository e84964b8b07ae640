"""The Choose page: whether the probabilities of the recommended model are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from kanlab.charts import evidence
from kanlab.errors import KanlabError
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import HeldOut, held_out
from kanlab.explain.study_predictor import predictor
from kanlab.language import percent, say
from kanlab.retelling import retold
from kanlab.stats.metrics import accuracy, area_under_roc, brier, calibration, confusion, log_loss
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord
from kanlab.text import beginning, short
from kanlab.ui import drawing, session, widgets
from kanlab.ui.widgets import DASH, LOG_LOSS_HELP, literal


def calibration_tab(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """Calibration chart and confusion matrix of the recommended model on the test rows, on demand."""
    best = max((r.number for r in records if r.state == "complete"), default=0)
    key = (handle.uid, None, best)
    shown = st.session_state.get("calibration-of") == key
    if not shown and not st.button(say("Show the calibration"), key="show-calibration", icon=":material/percent:"):
        st.caption(
            say(
                "This fits the recommended model again, as in the study, and compares its "
                "probabilities with the test rows."
            )
        )
        return
    st.session_state["calibration-of"] = key
    try:
        with st.spinner(say("Fitting the recommended model…")):
            model = session.remember("predictor", key, lambda: predictor(handle))
            found: HeldOut = session.remember("held-out", key, lambda: held_out(model, load_data(handle)))
    except KanlabError as error:
        st.error(literal(error), icon=":material/error:")
        return
    probabilities(found, handle.data.levels, model.name)


def probabilities(found: HeldOut, levels: Sequence[str], label: str) -> None:
    """Calibration, of many classes of one at a time, the scores, and the confusion matrix. label: what the model is called."""
    names, many = [short(level, 30) for level in levels], len(levels) > 2
    left, right = st.columns([3, 2], gap="large")
    with left:
        p, y, shown = found.p, found.y, 1
        if many:
            shown = st.selectbox(
                say("Calibration of"),
                range(len(levels)),
                format_func=lambda i: names[i],
                key="calibration-class",
                persist_state="page",
            )
            p, y = found.p[:, shown], np.asarray(found.y == shown, dtype=float)
        drawing.chart(evidence.calibration(calibration(p, y), names[shown], drawing.look()), "calibration")
    with right:
        st.markdown(
            say(
                "**{model}** on the {count:,} {rows} rows",
                model=literal(beginning(retold(label))),
                count=len(found.y),
                rows=say(found.rows),
            )
        )
        auc, table = area_under_roc(found.p, found.y), confusion(found.p, found.y)
        with st.container(key="figures-calibration"):
            columns = st.columns(2)
        columns[0].metric(say("Log-loss"), f"{log_loss(found.p, found.y):.4g}", help=say(LOG_LOSS_HELP))
        rate = table.sum(axis=1).max() / len(found.y)
        help_text = say("Always naming the most frequent class of these rows, it would be {rate:.1%}.", rate=rate)
        columns[1].metric(say("Accuracy"), percent(accuracy(found.p, found.y), 1), help=help_text)
        columns[1].caption(say("base rate {rate:.1%}", rate=rate))
        columns[0].metric(
            say("Brier score"),
            f"{brier(found.p, found.y):.4g}",
            help=say(
                "Mean squared difference between the predicted probability and the outcome (0 or 1), summed over the classes."
            )
            if many
            else say("Mean squared difference between the predicted probability and the outcome (0 or 1)."),
        )
        columns[1].metric(
            say("AUC"),
            DASH if auc is None else f"{auc:.3f}",
            help=say("Area under the ROC curve: 1 is a perfect ranking, 0.5 is random.")
            + say(" The mean over the classes, each against the rest.") * many,
        )
        if not many:
            _confusion(table, names)
    if many:
        _confusion(table, names)


def _confusion(table: NDArray[np.intp], names: Sequence[str]) -> None:
    rows = [
        {say("true class"): level}
        | {say("predicted {level}", level=name): int(count) for name, count in zip(names, counts, strict=True)}
        for level, counts in zip(names, table, strict=True)
    ]
    widgets.table(pd.DataFrame(rows), "confusion")
    st.caption(say("Number of rows by true and predicted class. The predicted class is the most probable one."))
