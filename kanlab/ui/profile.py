"""The columns of the table on the Data page: what each holds, and the warnings about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from kanlab.data.checks import TableWarning
from kanlab.data.column_profile import Kind
from kanlab.data.profile import Profile
from kanlab.language import marked, say
from kanlab.text import columns_of, counted, series, short, short_apart
from kanlab.ui import remedies
from kanlab.ui.widgets import literal, table

_SHOWN = 3
_CHARACTER = 7  # px of a table, generously
_NAME_WIDTH, _WARNINGS_WIDTH, _MODE_WIDTH = (120, 260), (130, 420), 110  # px
_PREVIEW_ROWS = 200
_KINDS: dict[Kind, str] = {
    "number": marked("number"),
    "whole number": marked("whole number"),
    "boolean": marked("boolean"),
    "date": marked("date"),
    "category": marked("category"),
    "text": marked("text"),
    "constant": marked("constant"),
}


def columns_table(described: Profile, information: dict[str, float], target: str) -> None:
    """One row for each column. information: mutual information of a column with the target, in nats."""
    warnings = [
        series([*map(say, ("target", *c.warnings) if c.name == target else c.warnings)]) for c in described.columns
    ]
    names = [*map(str, (c.name for c in described.columns))]
    begins = short_apart(
        names, _NAME_WIDTH[1] // _CHARACTER
    )  # only where they differ, of names that would be cut alike
    names = [cut if cut.startswith("…") else name for name, cut in zip(names, begins, strict=True)]
    rows = [
        {
            "column": name,
            "kind": say(_KINDS[c.kind]),
            "warnings": words,
            "missing": c.missing / described.rows if described.rows else 0.0,
            "unique": c.unique,
            "minimum": c.minimum,
            "median or mode": short(c.median, _MODE_WIDTH // _CHARACTER),
            "maximum": c.maximum,
            "rows": [n / max(c.histogram) for n in c.histogram],
            "information": information.get(c.name),
        }
        for c, name, words in zip(described.columns, names, warnings, strict=True)
    ]
    config = st.column_config
    table(
        pd.DataFrame(rows),
        "columns",
        height=400,
        column_config={
            "column": config.TextColumn(say("column"), width=_room(names, _NAME_WIDTH)),
            "kind": config.TextColumn(say("kind"), width=95),
            "minimum": config.TextColumn(say("minimum"), width=85, alignment="right"),
            "median or mode": config.TextColumn(say("median or mode"), width=_MODE_WIDTH, alignment="right"),
            "maximum": config.TextColumn(say("maximum"), width=85, alignment="right"),
            "warnings": config.TextColumn(say("warnings"), width=_room(warnings, _WARNINGS_WIDTH)),
            "missing": config.NumberColumn(say("missing"), format="percent", width=70),
            "unique": config.NumberColumn(
                say("unique"), format="localized", width=70, help=say("Number of unique values.")
            ),
            "rows": config.BarChartColumn(
                say("distribution"),
                width=85,
                y_min=0.0,
                y_max=1.0,
                help=say("Rows in equal intervals from minimum to maximum; for text, in the most frequent values."),
            ),
            "information": config.ProgressColumn(
                say("mutual information"),
                format="%.2f",
                width=120,
                min_value=0.0,
                max_value=max([*information.values(), 0.1]),
                help=say("With the target, in nats. 0 means that the column alone says nothing about the target."),
            ),
        },
    )


def _room(texts: Sequence[str], limits: tuple[int, int]) -> int:
    """Room for the longest of these texts, in px, within limits."""
    return min(max(_CHARACTER * max(map(columns_of, texts), default=0), limits[0]), limits[1])


def preview(frame: pd.DataFrame) -> None:
    """The first rows as they were read."""
    table(frame.head(_PREVIEW_ROWS), "preview", height=300)
    if len(frame) > _PREVIEW_ROWS:
        st.caption(say("The first {shown} of {rows:,} rows.", shown=_PREVIEW_ROWS, rows=len(frame)))


def warning_list(warnings: Sequence[TableWarning], remedied: Callable[[TableWarning], None], reread: bool) -> None:
    """The gravest warnings in view, the others behind a click, each beside the button that answers it.

    remedied: sets the widgets as a warning advises.  reread: whether the table can be read again in another way.
    """
    if not warnings:
        return
    for number, warning in enumerate(warnings[:_SHOWN]):
        _warning(warning, number, remedied, reread)
    if len(warnings) > _SHOWN:
        with st.expander(counted(len(warnings) - _SHOWN, "more warning")):
            for number, warning in enumerate(warnings[_SHOWN:], _SHOWN):
                _warning(warning, number, remedied, reread)


def _warning(warning: TableWarning, number: int, remedied: Callable[[TableWarning], None], reread: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/error_outline: {literal(warning.sentence)}")
        if warning.remedy and (reread or not warning.remedy.startswith("read as")):
            st.button(
                remedies.label(warning),
                key=f"remedy-{number}",
                on_click=remedied,
                args=(warning,),
                width="content",
            )
