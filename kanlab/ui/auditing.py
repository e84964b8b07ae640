"""The Choose page: one AICc opened into its terms, and the study ranked again by another count or criterion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from kanlab import selection
from kanlab.audit import CRITERIA, ranked_again, terms
from kanlab.candidates import cell_words
from kanlab.complexity import RULES
from kanlab.study import StudyHandle, TrialRecord
from kanlab.ui import state


def audit(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    """One AICc opened into its terms, and the study ranked again by another count or criterion."""
    done = sorted(selection.completed(records), key=lambda r: (r.aicc or 0.0, r.n_params))
    names: dict[int, str] = {r.number: f"trial {r.number}: {cell_words(r.cell)}" for r in done}
    picked = state.selected_trial()
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**The terms of one AICc**")
        index = list(names).index(picked) if picked in names else 0
        number = st.selectbox("Trial", list(names), index=index, format_func=lambda n: names[n])
        record = next(r for r in done if r.number == number)
        n, count, rss = handle.data.n_train, record.n_params, record.rss_train or np.nan
        opened = terms(rss, n, count)
        st.latex(
            rf"\underbrace{{{n}\ln({rss:.5g}/{n})}}_{{{opened.fit:,.2f}}} + "
            rf"\underbrace{{2\cdot {count}}}_{{{opened.charge:,.0f}}} + "
            rf"\underbrace{{\tfrac{{2\cdot {count}\cdot {count + 1}}}{{{n}-{count}-1}}}}_{{{opened.correction:,.2f}}} = "
            rf"{opened.total:,.2f}"
        )
        sigma2 = handle.spec.count_sigma2
        *most, last = (f"{n_in} × {n_out}" for n_in, n_out in pairwise(record.cell.layer_widths(handle.data.d)))
        edges = f"{', '.join(most)} and {last}"
        st.caption(
            f"{count} parameters, counted as {handle.spec.count}: edges {edges}, {record.cell.grid} + {record.cell.k} splines "
            f"and one silu each"
            f"{', and the noise variance' if sigma2 else ''}."
        )
    with right:
        st.markdown("**Another count, another criterion**")
        a, b, c = st.columns(3, vertical_alignment="bottom")
        rule = a.selectbox(
            "Count", RULES, index=RULES.index(handle.spec.count), format_func=str.capitalize, key="audit-count"
        )
        criterion: Any = b.selectbox("Criterion", list(CRITERIA), key="audit-criterion")
        sigma2 = c.checkbox("Noise variance", handle.spec.count_sigma2, key="audit-sigma2")
        again = ranked_again(
            records, handle.data.n_train, handle.data.d, rule=rule, count_sigma2=sigma2, criterion=criterion
        )
        lost = int(again["rank"].isna().sum())
        st.dataframe(
            again,
            hide_index=True,
            height=300,
            key="audit-table",
            column_order=["rank", "rank_before", "number", *handle.spec.space.parameters, "n_params", "value"],
            column_config={
                "rank": "rank now",
                "rank_before": "rank in the study",
                "number": "trial",
                "neuron_num": "hidden neurons",
                "n_params": "K",
                "value": st.column_config.NumberColumn(criterion, format="%.2f"),
            },
        )
        if lost:
            st.caption(f"{lost} trials are inadmissible under this count and have no rank.")
