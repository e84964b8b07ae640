"""The widgets of the Data page that say how a table is made ready: one function a panel, closed until somebody wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.data.encoders import as_text, is_date, is_numeric, missing
from kanlab.data.preparation import AUTO, DATE_PARTS, MAX_LEVELS, Gaps, Preparation, WeightsAre
from kanlab.data.profile import Profile
from kanlab.data.row_weights import could_be_weights
from kanlab.data.splits import Split
from kanlab.data.target import can_be_counts
from kanlab.language import marked, say
from kanlab.text import counted, short
from kanlab.ui import session
from kanlab.ui.widgets import literal, sentences

_GAPS: dict[Gaps, str] = {"drop": marked("Leave out"), "fill": marked("Fill")}
_SCALES = {"none": marked("As it is"), "log": marked("Logarithm"), "rank": marked("Rank")}
_DATE_PARTS = {p: p for p in (marked("year"), marked("month"), marked("weekday"), marked("hour"))}
_SPLITS: dict[Split, str] = {
    "random": marked("Random"),
    "stratified": marked("Stratified by the target"),
    "time": marked("The latest rows"),
    "group": marked("Whole groups"),
}
_WEIGHTS_ARE: dict[WeightsAre, str] = {
    "frequency": marked("How often it was seen"),
    "precision": marked("How precise its target is"),
}
_MOST_ORDERED = 30

Fields = dict[str, Any]  # of Preparation


@dataclass(frozen=True, eq=False)
class _Table:
    """What the widgets are about. columns: the features in use.  key: differs between tables."""

    frame: pd.DataFrame
    columns: list[str]
    described: Profile
    key: str

    @cached_property
    def numbers(self) -> list[str]:
        return [c for c in self.columns if is_numeric(self.frame[c])]

    def is_date(self, column: str) -> bool:
        return is_date(self.frame[column])


def _key(key: str, name: str) -> str:
    return f"prepare-{name}-{key}"


def choose(key: str, name: str, value: object) -> None:
    """Set a widget before it is drawn."""
    st.session_state[_key(key, name)] = value


def refuse_suggestion(key: str) -> None:
    """A button that fits the target as it is, where its rows suggest the logarithm. key: of the preparing widgets."""
    st.button(
        say("Fit the target as it is"), key=f"plain-target-{key}", on_click=choose, args=(key, "target-scale", "none")
    )


def add(key: str, name: str, columns: Sequence[str]) -> None:
    """Add to the columns a widget names."""
    choose(key, name, list(dict.fromkeys([*st.session_state.get(_key(key, name), ()), *columns])))


def preparation(
    frame: pd.DataFrame, target: str, features: list[str], described: Profile, key: str, *, scaled: bool = True
) -> Preparation:
    """Draw the widgets, and return what they say. key: differs between tables.

    scaled: whether the target is a quantity; a count or one of some classes has no other scale.
    """
    table = _Table(frame, features or [c for c in frame.columns if c != target], described, key)
    title = say("Prepare: missing values, categories, dates, scales, split")
    with st.expander(title):
        first, second, third, fourth = st.columns(4, gap="medium")
        with first:
            fields = _missing_values(table)
        with second:
            fields |= _rare_levels(table)
        with third:
            fields |= _ordered_categories(table)
        with fourth:
            fields |= _date_parts(table)
        first, second, third, fourth = st.columns(4, gap="medium")
        with first:
            fields |= _target_scale(table, scaled)
        with second:
            logs = _logarithms(table)
        with third:
            fields |= {"scales": dict.fromkeys(logs, "log") | dict.fromkeys(_ranks(table, logs), "rank")}
        with fourth:
            fields |= _screen(table)
        first, second, third, fourth = st.columns(4, gap="medium", vertical_alignment="bottom")
        with first:
            split = _split(table)
        with second:
            fields |= {"split": split, "split_by": _split_by(table, split) if split in ("time", "group") else None}
        with third:
            fields |= _copies(table)
        with fourth:
            fields |= _weights(table, target)
    with sentences():
        return Preparation(**fields)


def _missing_values(table: _Table) -> Fields:
    incomplete = [c for c in table.columns if table.described[c].missing]
    cells = sum(table.described[c].missing for c in incomplete)
    touched = {"drop": counted(_incomplete_rows(table.frame, incomplete), "row"), "fill": counted(cells, "cell")}
    gaps: Gaps = st.selectbox(
        say("Rows with missing values"),
        list(_GAPS),
        key=_key(table.key, "gaps"),
        format_func=lambda g: (
            say("{choice} ({touched})", choice=say(_GAPS[g]), touched=touched[g]) if cells else say(_GAPS[g])
        ),
        help=say(
            "Filled with the median, or the most frequent level, of the training rows; one more column says where."
        ),
        persist_state="session",
    )
    other: Gaps = "fill" if gaps == "drop" else "drop"
    exceptions = st.multiselect(
        say("Fill only") if gaps == "drop" else say("Leave out only"),
        incomplete,
        key=_key(table.key, f"gaps-of-{gaps}"),
        placeholder=say("No column"),
        help=say("Rows with missing values in these columns are treated the other way."),
        disabled=not incomplete,
        persist_state="session",
    )
    words = ", ".join(f"{c} {table.described[c].missing:,}" for c in incomplete[:6])
    words += " …" * (len(incomplete) > 6)
    st.caption(literal(say("Missing: {counts}", counts=words) if words else say("Nothing is missing.")))
    return {"gaps": gaps, "gaps_of": dict.fromkeys(exceptions, other)}


def _incomplete_rows(frame: pd.DataFrame, columns: list[str]) -> int:
    gaps = np.zeros(len(frame), dtype=bool)
    for column in columns:
        gaps |= missing(frame[column]).to_numpy(dtype=bool)
    return int(gaps.sum())


def _rare_levels(table: _Table) -> Fields:
    pool = st.checkbox(
        say("Pool rare levels"),
        True,
        key=_key(table.key, "pool"),
        help=say(
            "Text with many unique values becomes one column for each of the most frequent "
            "levels and one for all others; otherwise it is left out."
        ),
        persist_state="session",
    )
    most = st.number_input(
        say("Maximum columns per category"), 2, 50, MAX_LEVELS, key=_key(table.key, "levels"), persist_state="session"
    )
    st.caption(literal(_pooled(table.columns, table.described, int(most))))
    return {"pool": pool, "max_levels": int(most)}


def _pooled(columns: list[str], described: Profile, most: int) -> str:
    """Which columns pooling concerns, and how many levels and rows it would touch."""
    words = []
    for c in (described[name] for name in columns):
        if c.kind not in ("category", "text") or c.unique <= most:
            continue
        rows = described.rows - c.missing - sum(c.histogram[: most - 1])
        name, levels = short(c.name, 30), counted(c.unique - most + 1, "level")
        if most - 1 <= len(c.histogram):
            words.append(say("{column} {levels}, {rows}", column=name, levels=levels, rows=counted(rows, "row")))
        else:
            words.append(say("{column} {levels}", column=name, levels=levels))
    if not words:
        return say("No column has more.")
    listed = say("; ").join(words[:3])
    return say("To pool: {columns} …", columns=listed) if len(words) > 3 else say("To pool: {columns}.", columns=listed)


def _ordered_categories(table: _Table) -> Fields:
    categories = [
        c
        for c in table.columns
        if c not in table.numbers and not table.is_date(c) and table.described[c].unique <= _MOST_ORDERED
    ]
    ordered = st.multiselect(
        say("Ordered categories"),
        categories,
        key=_key(table.key, "ordered"),
        placeholder=say("No part"),
        help=say("One column of 0, 1, 2, … instead of one column for each level."),
        persist_state="session",
    )
    return {"ordered": {c: _order(table.frame[c], table.key) for c in ordered}}


def _order(column: pd.Series, key: str) -> tuple[str, ...]:
    levels = sorted(as_text(column).dropna().unique().tolist())
    chosen = st.multiselect(
        say("{column}, from low to high", column=literal(column.name)),
        levels,
        default=levels,
        key=_key(key, f"order-{column.name}"),
        help=say("Remove levels and add them again in their order."),
        persist_state="session",
    )
    return tuple(chosen)


def _date_parts(table: _Table) -> Fields:
    parts = st.multiselect(
        say("Parts of dates"),
        DATE_PARTS,
        default=["year"],
        format_func=lambda part: say(_DATE_PARTS[part]),
        key=_key(table.key, "parts"),
        placeholder=say("No part"),
        help=say("The year includes its fraction, so it is the time itself."),
        disabled=not any(map(table.is_date, table.columns)),
        persist_state="session",
    )
    return {"date_parts": tuple(parts)}


def _target_scale(table: _Table, scaled: bool) -> Fields:
    scale = st.selectbox(
        say("Predict the target"),
        [AUTO, *_SCALES],
        key=_key(table.key, "target-scale"),
        format_func=lambda s: say("As its rows suggest") if s == AUTO else say(_SCALES[s]),
        help=say(
            "Predictions come back in units of the target. RSS and AICc are then computed on the "
            "other scale. The rows suggest the logarithm where the target spans decades and its "
            "logarithm fits far better."
        ),
        disabled=not scaled,
        persist_state="session",
    )
    return {"target_scale": scale if scaled else "none"}


def _logarithms(table: _Table) -> list[str]:
    return st.multiselect(
        say("Logarithm of"),
        table.numbers,
        key=_key(table.key, "log"),
        placeholder=say("No feature"),
        help=say("For features with a heavy tail; values must not be negative."),
        persist_state="session",
    )


def _ranks(table: _Table, logs: list[str]) -> list[str]:
    return st.multiselect(
        say("Rank of"),
        [c for c in table.numbers if c not in logs],
        key=_key(table.key, "rank"),
        placeholder=say("No feature"),
        help=say("The share of training rows at or below the value, so that outliers lose their influence."),
        persist_state="session",
    )


def _screen(table: _Table) -> Fields:
    most = st.number_input(
        say("Keep the best features"),
        0,
        len(table.columns),
        0,
        key=_key(table.key, "screen"),
        help=say("This many, by their mutual information with the target in the training rows. 0 keeps all."),
        persist_state="session",
    )
    return {"screen": int(most) or None}


def _weights(table: _Table, target: str) -> Fields:
    """The column of weights, "" for none, and what they say."""
    frame = table.frame
    able: list[str] = session.remember(
        "weighable", (table.key, *frame.columns), lambda: [c for c in frame.columns if could_be_weights(frame[c])]
    )
    numbers = [c for c in able if c != target]
    column = st.selectbox(
        say("Weights of the rows"),
        ["", *numbers],
        key=_key(table.key, "weights"),
        format_func=lambda c: c or say("Each row counts once"),
        help=say("A column of numbers that says how much each row counts: in the fit, in AICc and in every error."),
        persist_state="session",
    )
    if not column:
        return {"weights": ""}
    likelier = list(_WEIGHTS_ARE) if can_be_counts(frame[column]) else [*reversed(_WEIGHTS_ARE)]
    meaning = st.selectbox(
        say("What {column} says", column=short(column)),
        likelier,
        key=_key(table.key, f"weights-are-{column}"),
        format_func=lambda m: say(_WEIGHTS_ARE[m]),
        help=say(
            "How often each row was seen (frequency weights): a row of weight 3 counts as three "
            "rows. How precise its target is (precision weights): 4 where its error has half the "
            "standard deviation of one of weight 1, as of a mean of four measurements; only "
            "ratios matter."
        ),
        persist_state="session",
    )
    return {"weights": column, "weights_are": meaning}


def _split(table: _Table) -> Split:
    return st.selectbox(
        say("Test rows"),
        list(_SPLITS),
        key=_key(table.key, "split"),
        format_func=lambda s: say(_SPLITS[s]),
        help=say(
            "Random: with classes, the same share of each. Stratified: as many low and high "
            "values of the target as among the training rows. The latest rows: to predict the "
            "future. Whole groups: to predict new ones, such as new patients."
        ),
        persist_state="session",
    )


def _split_by(table: _Table, split: Split) -> str | None:
    """The column a split goes by; by time, dates stand first."""
    names = list(table.frame.columns)
    fit = [c for c in names if split == "group" or table.is_date(c) or is_numeric(table.frame[c])]
    fit.sort(key=lambda c: (split == "time" and not table.is_date(c), names.index(c)))
    return st.selectbox(say("by"), fit, key=_key(table.key, f"split-by-{split}"), persist_state="session")


def _copies(table: _Table) -> Fields:
    copies = table.described.copies
    drop = st.checkbox(
        say("Leave out repeated rows ({copies:,})", copies=copies) if copies else say("No row is repeated"),
        key=_key(table.key, "copies"),
        disabled=not copies,
        help=say(
            "Rows that repeat others in every column. A copy of a training row among the test "
            "rows makes the test too easy."
        ),
        persist_state="session",
    )
    return {"copies": "drop" if drop and copies else "keep"}
