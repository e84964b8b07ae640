"""The button beside a warning: what it sets, and whether the warning is answered already."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kanlab.data.checks import TableWarning
from kanlab.data.preparation import Preparation
from kanlab.language import marked, say
from kanlab.ui import preparation, reading, target_choice

LABELS = {
    "leave out": marked("Leave out"),
    "log": marked("Take the logarithm"),
    "rank": marked("Use the rank"),
    "fill": marked("Fill missing values"),
    "pool": marked("Pool rare levels"),
    "drop copies": marked("Leave out copies"),
    "split by time": marked("Hold out the latest rows"),
    "classes": marked("Predict classes"),
}
_READ_AS = {
    "number": marked("Read as numbers"),
    "date": marked("Read as dates"),
    "time": marked("Read as hours"),
    "limit": marked("Read as limits"),
    "text": marked("Read as text"),
    "fraction": marked("Read as fractions"),
}


def label(warning: TableWarning) -> str:
    """What the click does, in a few words."""
    if warning.remedy == "screen":
        most = int(warning.details[0])
        return say("Keep the best feature") if most == 1 else say("Keep the best {count:,} features", count=most)
    if warning.remedy == "read as":
        return say(_READ_AS[warning.details[0]])
    return say(LABELS[warning.remedy])


def unanswered(
    warnings: Sequence[TableWarning], wanted: Preparation, target: str, features: Sequence[str], *, scaled: bool = True
) -> list[TableWarning]:
    """The warnings about columns in use that the choices made so far do not answer.

    features: those in use.  scaled: whether the target is a quantity; no other has a scale to change, or is to become classes.
    """
    used = {target, *features}
    possible = (w for w in warnings if scaled or w.remedy not in ("log", "rank", "classes") or w.columns != (target,))
    return [
        w for w in possible if (not w.columns or used & set(w.columns)) and not answered(w, wanted, target, features)
    ]


def answered(warning: TableWarning, wanted: Preparation, target: str, features: Sequence[str]) -> bool:
    """Whether the choices made so far answer a warning. features: those in use."""
    columns = [c for c in warning.columns if c in features]
    match warning.remedy:
        case "leave out":
            return not columns
        case "log" | "rank":
            if warning.columns == (target,):
                return wanted.asks_for_a_scale
            return all(wanted.scales.get(c, "none") != "none" for c in columns)
        case "fill":
            return all(wanted.gaps_in(c) == "fill" for c in columns)
        case "pool":
            return wanted.pool
        case "drop copies":
            return wanted.copies == "drop"
        case "split by time":
            return wanted.split == "time"
        case "screen":
            return wanted.screen is not None
    return False


def apply(warning: TableWarning, key: str, target: str, features_key: str, features: Sequence[str]) -> None:
    """Set the widgets as the warning advises. key: of the preparing widgets; features_key: of the choice of features."""
    columns = [c for c in warning.columns if c in features]
    match warning.remedy:
        case "leave out":
            st.session_state[features_key] = [c for c in features if c not in columns]
        case "log" | "rank" if warning.columns == (target,):
            preparation.choose(key, "target-scale", warning.remedy)
        case "log" | "rank":
            preparation.add(key, warning.remedy, columns)
        case "fill":
            preparation.choose(key, "gaps", "fill")
        case "pool":
            preparation.choose(key, "pool", True)
        case "drop copies":
            preparation.choose(key, "copies", True)
        case "split by time":
            preparation.choose(key, "split", "time")
            preparation.choose(key, "split-by-time", warning.columns[0])
        case "classes":
            target_choice.as_classes(key)
        case "screen":
            preparation.choose(key, "screen", int(warning.details[0]))
        case _:
            read_otherwise(warning)


def read_otherwise(warning: TableWarning) -> None:
    """Have the columns of a warning read in the way it advises, if it does."""
    match warning.remedy:
        case "read as":
            reading.read_as(warning.columns, warning.details[0])
