"""The widgets of the Data page that say how a table is made ready, closed until somebody wants them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.data.encoders import as_text, is_date, is_numeric, missing
from kanlab.data.preparation import DATE_PARTS, MAX_LEVELS, Gaps, Preparation
from kanlab.data.profile import Profile
from kanlab.data.splits import Split
from kanlab.text import short
from kanlab.ui.widgets import literal, sentences

_GAPS: dict[Gaps, str] = {"drop": "Leave out", "fill": "Fill"}
_SCALES = {"none": "As it is", "log": "Logarithm", "rank": "Rank"}
_SPLITS: dict[Split, str] = {
    "random": "At random",
    "stratified": "Alike in the target",
    "time": "The latest rows",
    "group": "Whole groups",
}
_MOST_ORDERED = 30


def _key(key: str, name: str) -> str:
    return f"prepare-{name}-{key}"


def choose(key: str, name: str, value: object) -> None:
    """Set a widget before it is drawn."""
    st.session_state[_key(key, name)] = value


def add(key: str, name: str, columns: Sequence[str]) -> None:
    """Add to the columns a widget names."""
    choose(key, name, list(dict.fromkeys([*st.session_state.get(_key(key, name), ()), *columns])))


def preparation(
    frame: pd.DataFrame, target: str, features: list[str], described: Profile, key: str, *, classes: bool = False
) -> Preparation:
    """Draw the widgets; what they say. key: tells the widgets of one table from those of another.

    classes: whether the target is one of two, which have no other scale.
    """
    columns = features or [c for c in frame.columns if c != target]
    numbers = [c for c in columns if is_numeric(frame[c])]
    categories = [
        c
        for c in columns
        if not is_numeric(frame[c]) and not is_date(frame[c]) and described[c].unique <= _MOST_ORDERED
    ]
    incomplete = [c for c in columns if described[c].missing]
    cells = sum(described[c].missing for c in incomplete)
    touched = {"drop": f"{_rows_with_gaps(frame, incomplete):,} rows", "fill": f"{cells:,} cells"}
    with st.expander("Prepare: gaps, categories, dates, scales, split", icon=":material/construction:"):
        first, second, third, fourth = st.columns(4, gap="medium")
        with first:
            gaps = st.selectbox(
                "Rows with gaps",
                list(_GAPS),
                key=_key(key, "gaps"),
                format_func=lambda g: f"{_GAPS[g]} ({touched[g]})" if cells else _GAPS[g],
                help="Filled with the median, or the most frequent level, of the training rows; a column more says where.",
                persist_state="session",
            )
            other: Gaps = "fill" if gaps == "drop" else "drop"
            exceptions = st.multiselect(
                "Fill only" if gaps == "drop" else "Leave out only",
                incomplete,
                key=_key(key, f"gaps-of-{gaps}"),
                placeholder="No column",
                help="Rows with a gap in these columns are treated the other way.",
                disabled=not incomplete,
                persist_state="session",
            )
            words = ", ".join(f"{c} {described[c].missing:,}" for c in incomplete[:6])
            st.caption(
                literal(f"Missing: {words}{' …' if len(incomplete) > 6 else ''}" if words else "Nothing is missing.")
            )
        with second:
            pool = st.checkbox(
                "Pool rare levels",
                key=_key(key, "pool"),
                help="Text of many values becomes its most frequent levels and one column for all others; otherwise it is "
                "left out.",
                persist_state="session",
            )
            max_levels = st.number_input(
                "Columns a category at most", 2, 50, MAX_LEVELS, key=_key(key, "levels"), persist_state="session"
            )
            st.caption(literal(_rare(columns, described, int(max_levels))))
        with third:
            ordered = st.multiselect(
                "Ordered categories",
                categories,
                key=_key(key, "ordered"),
                placeholder="None",
                help="One column of 0, 1, 2, … instead of one a level.",
                persist_state="session",
            )
            orders = {c: _order(frame[c], key) for c in ordered}
        with fourth:
            parts = st.multiselect(
                "Of dates, use",
                DATE_PARTS,
                default=["year"],
                key=_key(key, "parts"),
                placeholder="Nothing",
                help="The year carries its fraction, so it is the time itself.",
                disabled=not any(is_date(frame[c]) for c in columns),
                persist_state="session",
            )

        first, second, third, fourth = st.columns(4, gap="medium")
        with first:
            target_scale = st.selectbox(
                "Predict the target",
                list(_SCALES),
                key=_key(key, "target-scale"),
                format_func=lambda s: _SCALES[s],
                help="Predictions come back in its own units. RSS and AICc then count in the other scale.",
                disabled=classes,
                persist_state="session",
            )
        with second:
            logs = st.multiselect(
                "Logarithm of", numbers, key=_key(key, "log"), placeholder="No feature", persist_state="session",
                help="For features of a heavy tail; values must not be negative.",
            )  # fmt: skip
        with third:
            ranks = st.multiselect(
                "Rank of", [c for c in numbers if c not in logs], key=_key(key, "rank"), placeholder="No feature",
                persist_state="session", help="The share of training rows at or below the value: outliers lose their pull.",
            )  # fmt: skip
        with fourth:
            screen = st.number_input(
                "Keep the best features",
                0,
                len(columns),
                0,
                key=_key(key, "screen"),
                help="So many, by their mutual information with the target in the training rows. 0 keeps all.",
                persist_state="session",
            )

        first, second, third = st.columns([1, 1, 2], gap="medium", vertical_alignment="bottom")
        with first:
            split = st.selectbox(
                "Test rows",
                list(_SPLITS),
                key=_key(key, "split"),
                format_func=lambda s: _SPLITS[s],
                help="At random: of two classes, from each alike. Alike in the target: as many low and high ones as among the "
                "training rows. The latest: to predict the future. Whole groups: for new ones, such as new patients.",
                persist_state="session",
            )
        with second:
            by = None
            if split in ("time", "group"):
                fit = [c for c in frame.columns if split == "group" or is_date(frame[c]) or is_numeric(frame[c])]
                fit.sort(key=lambda c: (split == "time" and not is_date(frame[c]), list(frame.columns).index(c)))
                by = st.selectbox("by", fit, key=_key(key, f"split-by-{split}"), persist_state="session")
        with third:
            copies = st.checkbox(
                f"Leave out repeated rows ({described.copies:,})" if described.copies else "No row is repeated",
                key=_key(key, "copies"),
                disabled=not described.copies,
                help="In every column of the table. A copy of a training row among the test rows makes the test easy.",
                persist_state="session",
            )
    with sentences():
        return Preparation(
            gaps=gaps,
            gaps_of=dict.fromkeys(exceptions, other),
            max_levels=int(max_levels),
            pool=pool,
            ordered=orders,
            date_parts=tuple(parts),
            scales=dict.fromkeys(logs, "log") | dict.fromkeys([c for c in ranks if c not in logs], "rank"),
            target_scale="none" if classes else target_scale,
            screen=int(screen) or None,
            split=split,
            split_by=by,
            copies="drop" if copies and described.copies else "keep",
        )


def _rows_with_gaps(frame: pd.DataFrame, columns: list[str]) -> int:
    gaps = np.zeros(len(frame), dtype=bool)
    for column in columns:
        gaps |= missing(frame[column]).to_numpy(dtype=bool)
    return int(gaps.sum())


def _rare(columns: list[str], described: Profile, most: int) -> str:
    """Which columns pooling concerns, how many levels and rows it would touch."""
    words = []
    for c in (described[name] for name in columns):
        if c.kind not in ("category", "text") or c.unique <= most:
            continue
        rows = described.rows - c.missing - sum(c.histogram[: most - 1])
        counted = f", {rows:,} rows" if most - 1 <= len(c.histogram) else ""
        words.append(f"{short(c.name, 30)} {c.unique - most + 1:,} levels{counted}")
    if not words:
        return "No column has more."
    return f"To pool: {'; '.join(words[:3])}{' …' if len(words) > 3 else '.'}"


def _order(column: pd.Series, key: str) -> tuple[str, ...]:
    levels = sorted(as_text(column).dropna().unique().tolist())
    chosen = st.multiselect(
        f"{literal(column.name)}, from low to high",
        levels,
        default=levels,
        key=_key(key, f"order-{column.name}"),
        help="Take levels away and add them again in their order.",
        persist_state="session",
    )
    return tuple(chosen)
