"""The Choose page: the map of AICc, the front, the parameters, chance, and other studies of the same data."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from kanlab.charts import cells, evidence, trials
from kanlab.selection.candidates import cell_words
from kanlab.selection.diagnostics import p_value
from kanlab.selection.parameter_importance import importances
from kanlab.selection.validation import Validation
from kanlab.study.handle import StudyHandle, load_study, study_names
from kanlab.study.storage import get_storage
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.ui import session
from kanlab.ui.shared import selecting_chart


def parameters(handle: StudyHandle, table: pd.DataFrame) -> None:
    """Which parameters matter, and how AICc moves along each."""
    shares = importances(handle)
    if not shares:
        st.caption(
            "The importance of the parameters cannot be told: too few trials are complete, or they do not differ."
        )
    else:
        frame = pd.DataFrame({"parameter": list(shares), "share": list(shares.values())})
        st.altair_chart(evidence.importance(frame), key="importance")
        st.caption("PED-ANOVA (Watanabe et al. 2023): what tells the good trials from the rest.")
    st.altair_chart(cells.slices(table), key="slices", width="content")


def compare(handle: StudyHandle) -> None:
    """Other studies of the same rows and target, on whatever scale the target was fitted."""
    rows, scales = [], set()
    error = "log-loss test" if handle.data.levels else "RMSE test"
    for name in study_names(get_storage(handle.storage_url)):
        other = load_study(name, storage_url=handle.storage_url)
        if not _same_rows(other, handle):
            continue
        best = best_trial(other.records())
        scales.add(other.data.fitted_target)
        offset = other.data.aicc_offset
        rows.append(
            {
                "study": name,
                "target": other.data.fitted_target,
                "engine": other.spec.engine,
                "count": other.spec.count,
                "noise variance": other.spec.count_sigma2,
                "least AICc": best.aicc if best else None,
                "AICc of the target": None
                if best is None or best.aicc is None or offset is None
                else best.aicc + offset,
                "network": cell_words(best.cell) if best else "none",
                error: _error_test(best),
            }
        )
    frame = pd.DataFrame(rows)
    st.dataframe(
        frame if len(scales) > 1 else frame.drop(columns=["target", "AICc of the target"]),
        hide_index=True,
        key="compare",
        column_config={
            "least AICc": st.column_config.NumberColumn(format="%.2f"),
            "AICc of the target": st.column_config.NumberColumn(
                format="%.2f",
                help="A logarithm changes the density of the target; this is what AICc is of the target itself. A rank has "
                "no such density.",
            ),
            error: st.column_config.NumberColumn(
                format="%.4g", help=None if handle.data.levels else "In units of the target, whatever its scale."
            ),
        },
    )
    words = "Studies of the same rows and target. Compare AICc only where the count is the same; the test error always."
    if len(scales) > 1:
        words += " AICc on one scale says nothing of AICc on another: compare the column 'AICc of the target' instead."
    st.caption(words)


def _error_test(best: TrialRecord | None) -> float | None:
    if best is None or best.classes is None:
        return best.rmse_test if best else None
    return best.classes.log_loss_test


def _same_rows(other: StudyHandle, handle: StudyHandle) -> bool:
    """Whether two studies are of the same data, the scale of the target aside."""

    def kept(study: StudyHandle) -> tuple[object, ...]:
        data, spec = study.data, study.spec
        return data.name, data.target, data.rows, data.n_train, data.n_test, spec.seed, spec.test_fraction

    if other.data.sha256 == handle.data.sha256:
        return True
    return other.data.fitted_target != handle.data.fitted_target and kept(other) == kept(handle)


def null_run(validation: Validation) -> None:
    """This target against shuffled ones."""
    permuted = validation.null.get("permuted", [])
    if not permuted:
        return
    st.altair_chart(evidence.permutation_gains(validation.null["gain"], permuted), key="null")
    st.caption(
        f"The best six cells fitted to this target and to {len(permuted)} shuffled ones: chance gets as far in "
        f"{100 * p_value(validation):.0f}% of the draws."
    )


def map_and_front(table: pd.DataFrame, points: pd.DataFrame, handle: StudyHandle) -> None:
    """AICc over the cells of the whole table, and the front with its knee over the points to draw of it."""
    st.altair_chart(cells.aicc_map(table, session.selected_trial()), key="aicc-map", width="content")
    st.caption("Orange frames: the least AICc, and the trial picked. Cells without colour were not fitted or failed.")
    selecting_chart(
        trials.pareto_front(points, handle.baselines, session.selected_trial(), handle.data.fitted_target),
        "choose-front",
    )
