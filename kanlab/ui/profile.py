"""The table of the Data page as columns: what each holds, and what is worth a warning."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from kanlab.data.checks import Finding
from kanlab.data.profile import Profile
from kanlab.ui import remedies
from kanlab.ui.widgets import literal

_SHOWN = 3


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
            "kind": config.TextColumn("kind", width=95),
            "least": config.TextColumn("least", width=85),
            "median or mode": config.TextColumn("median or mode", width=110),
            "most": config.TextColumn("most", width=85),
            "notice": config.TextColumn("notice", width="medium"),
            "missing": config.NumberColumn("missing", format="percent", width=70),
            "different": config.NumberColumn("different", format="localized", width=70, help="Different values."),
            "rows": config.BarChartColumn(
                "distribution",
                width=85,
                y_min=0.0,
                y_max=1.0,
                help="Rows in equal intervals from least to most; of text, in its most frequent values.",
            ),
            "tells": config.ProgressColumn(
                "tells of the target",
                format="%.2f",
                width=120,
                min_value=0.0,
                max_value=max([*told.values(), 0.1]),
                help="Mutual information with the target in nats: 0 where the column alone tells nothing about it.",
            ),
        },
    )


def warning_list(warnings: Sequence[Finding], remedied: Callable[[Finding], None], reread: bool) -> None:
    """The gravest few in view, the others behind a click, each beside the click that answers it.

    remedied: sets the widgets as a warning advises.  reread: whether the table can be read again in another way.
    """
    if not warnings:
        return
    for number, warning in enumerate(warnings[:_SHOWN]):
        _warning(warning, number, remedied, reread)
    if len(warnings) > _SHOWN:
        with st.expander(f"{len(warnings) - _SHOWN} more to notice"):
            for number, warning in enumerate(warnings[_SHOWN:], _SHOWN):
                _warning(warning, number, remedied, reread)


def _warning(finding: Finding, number: int, remedied: Callable[[Finding], None], reread: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/error_outline: {literal(finding.sentence)}")
        if finding.remedy and (reread or finding.remedy != "read as missing"):
            st.button(
                remedies.label(finding),
                key=f"remedy-{number}",
                on_click=remedied,
                args=(finding,),
                width="content",
            )
