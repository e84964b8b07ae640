"""The table of the Data page as columns: what each holds, and what is worth a warning."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from kanlab.profile import Finding, Profile
from kanlab.ui.widgets import literal

_SHOWN = 3
_USELESS = ("tells the target", "identifier", "repeated")


def columns_table(described: Profile, told: dict[str, float], target: str) -> None:
    """One row a column; those that tell most about the target stand out."""
    rows = [
        {
            "column": c.name,
            "kind": c.kind,
            "missing": c.missing / described.rows if described.rows else 0.0,
            "different": c.unique,
            "least": c.least,
            "median or mode": c.median,
            "most": c.most,
            "rows": [n / max(c.histogram) for n in c.histogram],
            "tells": told.get(c.name),
            "notice": ", ".join(("target", *c.warnings) if c.name == target else c.warnings),
        }
        for c in described.columns
    ]
    config = st.column_config
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(38 + 35 * len(rows), 400),
        key="columns",
        column_config={
            "column": config.TextColumn("column", width="medium", pinned=True),
            "least": config.TextColumn("least", width=95),
            "missing": config.NumberColumn("missing", format="percent", width="small"),
            "different": config.NumberColumn("different", format="localized", width="small", help="Different values."),
            "rows": config.BarChartColumn(
                "distribution",
                width="small",
                y_min=0.0,
                y_max=1.0,
                help="Rows in equal intervals from least to most; of text, in its most frequent values.",
            ),
            "tells": config.ProgressColumn(
                "tells of the target",
                format="%.2f",
                min_value=0.0,
                max_value=max([*told.values(), 0.1]),
                help="Mutual information with the target in nats: 0 where the column alone tells nothing about it.",
            ),
        },
    )


def warning_list(warnings: tuple[Finding, ...], leave_out: Callable[[list[str]], None]) -> None:
    """The gravest few in view, the others behind a click, and one click that takes useless columns out of the features."""
    if not warnings:
        return
    lines = [f":material/error_outline: {literal(w.sentence)}" for w in warnings]
    st.markdown("  \n".join(lines[:_SHOWN]))
    if len(lines) > _SHOWN:
        with st.expander(f"{len(lines) - _SHOWN} more to notice"):
            st.markdown("  \n".join(lines[_SHOWN:]))
    useless = list(dict.fromkeys(c for w in warnings if w.kind in _USELESS for c in w.columns))
    if useless:
        names = ", ".join(c if len(c) < 40 else c[:40] + "…" for c in useless[:3]) + (" …" if len(useless) > 3 else "")
        st.button(f"Take {literal(names)} out of the features", key="leave-out", on_click=leave_out, args=(useless,))
