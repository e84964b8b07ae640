"""How the uploaded table is read: what was inferred, each item beside the widget that overrules it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from kanlab.cells import MISSING
from kanlab.decoding import ENCODINGS
from kanlab.dialect import DELIMITERS, ReadOptions
from kanlab.reading import TableReport
from kanlab.ui.widgets import literal

_AUTO = None
_PREFIX = "read-"
_DECIMALS = {".": "Point, 3.14", ",": "Comma, 3,14"}
_THOUSANDS = {"": "None", ",": "Comma", ".": "Point", " ": "Space", "'": "Apostrophe"}
_QUOTES = {'"': 'Double, "', "'": "Single, '", "": "None"}
_COMMENTS = {"": "None", "#": "#", "%": "%", "//": "//"}
_YES_NO = {True: "Yes", False: "No"}
_INDEX = {True: "Names the rows", False: "Is data"}
_KINDS = ("number", "text", "date", "leave out")
_DAYS = {True: "Day first", False: "Month first"}


def _key(name: str) -> str:
    return _PREFIX + name


def forget() -> None:
    """A new file starts with nothing overruled."""
    for key in [k for k in st.session_state if str(k).startswith(_PREFIX)]:
        del st.session_state[key]


def options() -> ReadOptions:
    """What the widgets say so far, also before they are drawn."""

    def value(name: str) -> Any:
        return st.session_state.get(_key(name))

    kinds = {c: kind for kind in _KINDS for c in value(kind) or ()}
    words = tuple(m for m in (*MISSING, *(value("missing") or ())) if m not in (value("present") or ()))
    return ReadOptions(
        **{name: value(name) for name in ("encoding", "delimiter", "quote", "decimal", "thousands", "comment")},
        skip_lines=None if value("skip_lines") is None else int(value("skip_lines")),
        header=value("header"),
        index=value("index"),
        day_first=value("day_first"),
        missing=None if words == MISSING else words,
        kinds=kinds,
        part=value("part"),
    )


def panel(report: TableReport | None, columns: list[str]) -> None:
    """The widgets. Every first choice is the automatic one and names what was found."""
    with st.expander(
        "Reading: what was recognised, and how to overrule it", expanded=report is None, icon=":material/tune:"
    ):
        if report and len(report.parts) > 1:
            _choice(
                "part", "Sheet or file", dict.fromkeys(report.parts, ""), report.part, "Which part of the file to read."
            )
        if report is None or report.encoding:
            _text_choices(report)
        for place, kind, help_text in zip(
            st.columns(4, gap="medium"),
            _KINDS,
            (
                "Cells that hold no number become missing.",
                "Codes such as 007 keep their zeros; each value is a level of a category.",
                "Cells that hold no date become missing.",
                "Not read at all, so that their gaps cost no rows.",
            ),
            strict=True,
        ):
            with place:
                st.multiselect(
                    {"text": "Read as text", "leave out": "Leave out"}.get(kind, f"Read as {kind}s"),
                    columns,
                    key=_key(kind),
                    placeholder="No column" if kind == "leave out" else "As recognised",
                    help=help_text,
                    persist_state="session",
                )
        left, right, days = st.columns([3, 3, 2], gap="medium")
        with days:
            _choice("day_first", "Dates such as 3/4/2024", _DAYS, None, "Where both are possible.")
        with left:
            st.multiselect(
                "More words for a missing cell",
                [],
                key=_key("missing"),
                accept_new_options=True,
                placeholder="For example -999",
                help="Beside blank cells and " + literal(", ".join(m for m in MISSING if m)) + ".",
                persist_state="session",
            )
        with right:
            st.multiselect(
                "Words that are not missing",
                [m for m in MISSING if m],
                key=_key("present"),
                placeholder="None",
                help="Where NA or a dash is a value of its own.",
                persist_state="session",
            )


def _text_choices(report: TableReport | None) -> None:
    found: dict[str, Any] = vars(report) if report else {}
    first, second = st.columns(4, gap="medium"), st.columns(5, gap="medium")
    with first[0]:
        names = {sign: name.capitalize() for sign, name in DELIMITERS.items()}
        _choice("delimiter", "Fields are separated by", names, found.get("delimiter"), "")
    with first[1]:
        _choice("decimal", "Decimal sign", _DECIMALS, found.get("decimal"), "Columns that differ are still recognised.")
    with first[2]:
        _choice("thousands", "Thousands sign", _THOUSANDS, None, "Recognised column by column.")
    with first[3]:
        _choice("encoding", "Encoding", {e: e for e in ENCODINGS}, found.get("encoding"), "If letters look wrong.")
    with second[0]:
        _choice("header", "First row has names", _YES_NO, found.get("header"), "")
    with second[1]:
        before = found.get("lines_before_data", 0) - bool(found.get("header"))
        st.number_input(
            "Lines to skip",
            0,
            10_000,
            None,
            key=_key("skip_lines"),
            placeholder=f"Auto: {max(0, before)}" if report else "Automatic",
            help="Before the header, or before the data where there is none.",
            persist_state="session",
        )
    with second[2]:
        _choice("quote", "Quotes", _QUOTES, found.get("quote"), "")
    with second[3]:
        _choice("comment", "Comments", _COMMENTS, found.get("comment"), "Lines that begin with it are left out.")
    with second[4]:
        _choice("index", "First column", _INDEX, None, "Row names are left out.")


def _choice(name: str, label: str, choices: dict[Any, str], found: Any, help_text: str) -> None:
    """A select box whose first option leaves it to the reader."""

    def words(value: Any) -> str:
        if value is not _AUTO:
            return choices[value] or str(value)
        inferred = choices.get(found) if found is not None else None
        return f"Auto: {inferred or found}" if found not in (None, "") or inferred else "Automatic"

    st.selectbox(
        label,
        [_AUTO, *choices],
        key=_key(name),
        format_func=words,
        help=literal(help_text) or None,
        persist_state="session",
    )
