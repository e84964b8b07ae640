"""A table that is refused: the sentence that says why, and beside it what would make it usable, each by one click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from kanlab.data.checks import TableWarning
from kanlab.data.preparation import Preparation
from kanlab.data.ways_out import Asked, Change, WayOut, ways_out
from kanlab.language import marked, say
from kanlab.text import counted, short
from kanlab.ui import preparation, remedies, session, target_choice
from kanlab.ui.widgets import literal

_LABELS = {
    "fill": marked("Fill missing values"),
    "pool": marked("Pool rare levels"),
    "all features": marked("Use all usable features"),
    "plain features": marked("Use the features as they are"),
    "plain target": marked("Predict the target as it is"),
    "years": marked("Use the year of dates"),
    "keep copies": marked("Keep repeated rows"),
    "random split": marked("Draw the test rows at random"),
    "no test rows": marked("Hold out no test rows"),
}
_NAME = 40  # characters of a column on a button


def show(sentence: object, buttons: Sequence[tuple[str, Callable[[], None]]]) -> None:
    """The sentence, and a button for each way out."""
    st.error(literal(sentence), icon=":material/error:")
    if buttons:
        with st.container(horizontal=True, gap="small"):
            for number, (label, act) in enumerate(buttons):
                st.button(literal(label), key=f"way-out-{number}", on_click=act, width="content")


def ways(
    frame: pd.DataFrame, chosen: target_choice.Choice, wanted: Preparation, key: object
) -> list[tuple[str, Callable[[], None]]]:
    """The changes that make a refused table usable. key: differs between tables and what is asked of them."""
    asked = Asked(
        chosen.target,
        chosen.features,
        chosen.test_fraction,
        chosen.seed,
        wanted,
        chosen.task,
        chosen.positive,
    )
    found = session.remember("ways out", key, lambda: ways_out(frame, asked))
    return [(_label(way), lambda way=way: _take(way, frame, chosen)) for way in found]  # type: ignore[misc]


def read_otherwise(
    warnings: Sequence[TableWarning], columns: Sequence[str] | None = None
) -> list[tuple[str, Callable[[], None]]]:
    """Of an upload, the columns that would be quantities if they were read in another way. columns: by default all."""
    about = [
        w for w in warnings if w.remedy.startswith("read as") and (columns is None or set(columns) & set(w.columns))
    ]
    return [
        (
            say("{remedy}: {column}", remedy=remedies.label(w), column=short(w.columns[0], _NAME)),
            lambda w=w: remedies.read_otherwise(w),  # type: ignore[misc]
        )
        for w in about[:3]
    ]


def _label(way: WayOut) -> str:
    """Fill missing values and pool rare levels."""
    first, *rest = map(_change_label, way)
    return say(" and ").join([first, *(label[0].lower() + label[1:] for label in rest)])


def _change_label(change: Change) -> str:
    if change.kind == "predict":
        return say("Predict {column}", column=short(change.columns[0], _NAME))
    if change.kind == "leave out":
        one = len(change.columns) == 1
        left_out = short(change.columns[0], _NAME) if one else counted(len(change.columns), "column")
        return say("Leave out {columns}", columns=left_out)
    return say(_LABELS[change.kind])


def _take(way: WayOut, frame: pd.DataFrame, chosen: target_choice.Choice) -> None:
    """Set the widgets accordingly."""
    for change in way:
        _make(change, frame, chosen)


def _make(change: Change, frame: pd.DataFrame, chosen: target_choice.Choice) -> None:
    key = chosen.key
    match change.kind:
        case "fill":
            preparation.choose(key, "gaps", "fill")
            preparation.choose(key, "gaps-of-fill", [])
        case "pool":
            preparation.choose(key, "pool", True)
        case "leave out":
            st.session_state[chosen.features_key] = [c for c in chosen.used(frame) if c not in change.columns]
        case "all features":
            st.session_state[chosen.features_key] = []
        case "plain features":
            preparation.choose(key, "log", [])
            preparation.choose(key, "rank", [])
        case "plain target":
            preparation.choose(key, "target-scale", "none")
        case "years":
            preparation.choose(key, "parts", ["year"])
        case "keep copies":
            preparation.choose(key, "copies", False)
        case "random split":
            preparation.choose(key, "split", "random")
        case "no test rows":
            st.session_state["test-percent"] = 0
        case "predict":
            target_choice.predict(chosen, change.columns[0])
