"""Wide tables: the columns that answer the question at once, the others by groups on demand, one precision a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.candidates import Candidate
from kanlab.selection.measures import fixed
from kanlab.text import columns_of, counted

CHOICE = marked("choice")  # the column that marks the recommended model
RECOMMENDED, TO_READ, TO_PREDICT = (
    marked("recommended"),
    marked("recommended to read"),
    marked("recommended to predict"),
)  # the last two together
CHOICE_HELP = marked("The model that kanlab recommends; the reasons stand on the Choose page.")


def shown(key: str, first: Sequence[str], groups: Mapping[str, Sequence[str]], known: pd.DataFrame) -> list[str]:
    """The columns to show, in their order. A column without a single value or word is left out.

    first: always.  groups: by what they are called, each shown when its button is pressed.  known: the table.
    """
    full = {str(name) for name in known.columns if not (known[name].isna() | (known[name] == "")).all()}
    offered = {label: [name for name in columns if name in full] for label, columns in groups.items()}
    labels = [label for label, columns in offered.items() if columns]
    asked = (
        st.pills(
            say("More columns"),
            labels,
            selection_mode="multi",
            key=f"{key}-columns",
            format_func=say,
            persist_state="page",
        )
        if labels
        else []
    )
    more = [name for label in asked or [] for name in offered[label]]
    return [name for name in (*first, *more) if name in full]


def number(title: str, values: Any, help_text: str = "", *, fmt: str | None = None) -> Any:
    """A column of numbers. fmt: by default one precision for all of them, by `fixed`."""
    return st.column_config.NumberColumn(title, format=fmt or fixed(values), help=help_text or None)


def numbers(texts: Mapping[str, tuple[str, str | None, str]], known: pd.DataFrame) -> dict[str, Any]:
    """Columns of numbers, as far as the table has them. texts: title, format and help of each, by its name; said here."""
    return {
        name: number(say(title), known[name], say(help_text) if help_text else "", fmt=fmt)
        for name, (title, fmt, help_text) in texts.items()
        if name in known
    }


def choice_column(marks: pd.Series, help_text: str = CHOICE_HELP) -> Any:
    """The column that marks the recommended model, wide enough for its marks."""
    longest = max(columns_of(retold(str(mark))) for mark in (say(CHOICE), *marks))
    return st.column_config.TextColumn(say(CHOICE), width=min(210, 26 + 8 * longest), help=say(help_text) or None)


def recommended(choice: Candidate | None) -> int | str | None:
    """What charts mark: the number of the recommended trial, or the family of another model."""
    if choice is None:
        return None
    network = choice.trial or choice.reduced
    return network.number if network else choice.family


def marks(numbers: Sequence[int], choice: Candidate | None) -> list[str]:
    """For each trial whether it is the recommended one, or the same network before it lost some features."""
    if choice is None or not choice.is_network:
        return [""] * len(numbers)
    words, reduced = say(RECOMMENDED), choice.reduced
    if reduced is not None:
        edges = reduced.of_edges
        lost = counted(edges[1] - edges[0], "edge") if edges else counted(len(reduced.without), "feature")
        words = say("{recommended}, without {lost}", recommended=words, lost=lost)
    network = choice.trial or reduced
    return [words if network and n == network.number else "" for n in numbers]
