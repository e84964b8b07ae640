"""The Choose page: whether the probabilities of the recommended model are what they say."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from kanlab.charts import evidence
from kanlab.errors import KanlabError
from kanlab.execution.manage import load_data
from kanlab.explain.predictor import HeldOut, held_out, predictor
from kanlab.stats.metrics import accuracy, area_under_roc, brier, calibration, confusion, log_loss
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord
from kanlab.ui import session
from kanlab.ui.widgets import LOG_LOSS_HELP, literal, short


def calibration_tab(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """Calibration and confusion of the recommended model on the test rows, once somebody asks for them."""
    best = max((r.number for r in records if r.state == "complete"), default=0)
    key = (handle.uid, None, best)
    shown = st.session_state.get("calibration-of") == key
    if not shown and not st.button("Show", key="show-calibration", icon=":material/percent:"):
        st.caption(
            "Fits the recommended model once more, as the study did, and holds its probabilities against the test rows."
        )
        return
    st.session_state["calibration-of"] = key
    try:
        with st.spinner("Fitting the recommended model…"):
            model = session.remember("predictor", key, lambda: predictor(handle))
            found: HeldOut = session.remember("held-out", key, lambda: held_out(model, load_data(handle)))
    except KanlabError as error:
        st.error(literal(error), icon=":material/error:")
        return
    zero, one = (short(level, 30) for level in handle.data.levels)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.altair_chart(evidence.calibration(calibration(found.p, found.y), one), key="calibration")
    with right:
        st.markdown(f"**{literal(model.label)}** on the {len(found.y):,} {found.rows} rows")
        auc = area_under_roc(found.p, found.y)
        columns = st.columns(2)
        columns[0].metric("Log-loss", f"{log_loss(found.p, found.y):.4g}", help=LOG_LOSS_HELP)
        columns[1].metric("Accuracy", f"{100 * accuracy(found.p, found.y):.1f}%")
        columns[0].metric(
            "Brier score", f"{brier(found.p, found.y):.4g}", help="Mean squared difference of p and outcome."
        )
        columns[1].metric("AUC", "none" if auc is None else f"{auc:.3f}", help="Area under the ROC curve.")
        table = confusion(found.p, found.y)
        rows = [
            {"truly": level, f"predicted {zero}": int(counts[0]), f"predicted {one}": int(counts[1])}
            for level, counts in zip((zero, one), table, strict=True)
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="confusion")
        st.caption("Rows by their class and the likelier one, the probability cut at 0.5.")
