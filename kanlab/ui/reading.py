"""How the uploaded table is read: what was inferred, each item beside the widget that overrules it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.charset import ENCODINGS
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import TableReport
from kanlab.language import marked, say
from kanlab.ui.widgets import literal

_AUTO = None
_PREFIX = "read-"
_DELIMITERS = {
    ",": marked("Comma"),
    ";": marked("Semicolon"),
    "\t": marked("Tab"),
    "|": marked("Vertical bar"),
    " ": marked("Spaces"),
    "^": marked("Caret"),
    "~": marked("Tilde"),
    ":": marked("Colon"),
}
_DECIMALS = {".": marked("Point, 3.14"), ",": marked("Comma, 3,14")}
_THOUSANDS = {
    "": marked("No sign"),
    ",": marked("Comma"),
    ".": marked("Point"),
    " ": marked("Space"),
    "'": marked("Apostrophe"),
}
_QUOTES = {'"': marked('Double, "'), "'": marked("Single, '"), "": marked("No quotes")}
_COMMENTS = {"": marked("No comments"), "#": "#", "%": "%", "//": "//"}
_HEADERS = {1: marked("In one row"), 2: marked("In two rows"), 0: marked("There are none")}
_INDEX = {True: marked("Names the rows"), False: marked("Is data")}
_KINDS = {
    "number": (marked("Read as numbers"), marked("Cells that are not numbers become missing.")),
    "text": (
        marked("Read as text"),
        marked("Codes such as 007 keep their zeros; each value is a level of a category."),
    ),
    "date": (marked("Read as dates"), marked("Cells that are not dates become missing.")),
    "time": (marked("Read as hours"), marked("Clock times and durations: 15:30 is 15.5.")),
    "fraction": (marked("Read as fractions"), marked("Percents beside plain numbers: 9.5% is 0.095.")),
    "limit": (marked("Read as limits"), marked("<0.5 is 0.5; cells that are no limits and no numbers become missing.")),
    "leave out": (marked("Leave out"), marked("Not read at all, so that their missing values cost no rows.")),
}
_DAYS = {True: marked("Day first"), False: marked("Month first")}


def _key(name: str) -> str:
    return _PREFIX + name


def forget() -> None:
    """A new file starts with nothing overruled."""
    for key in [k for k in st.session_state if str(k).startswith(_PREFIX)]:
        del st.session_state[key]


def is_overruled() -> bool:
    """Whether anything is."""
    return options() != ReadOptions()


def options() -> ReadOptions:
    """What the widgets say so far, also before they are drawn."""

    def value(name: str) -> Any:
        return st.session_state.get(_key(name))

    def whole(name: str) -> int | None:
        return None if value(name) is None else int(value(name))

    kinds = {c: kind for kind in _KINDS for c in value(kind) or ()}
    words = tuple(m for m in (*MISSING, *(value("missing") or ())) if m not in (value("present") or ()))
    return ReadOptions(
        **{name: value(name) for name in ("encoding", "delimiter", "quote", "decimal", "thousands", "comment")},
        skip_lines=whole("skip_lines"),
        skip_last=whole("skip_last"),
        header=value("header"),
        index=value("index"),
        day_first=value("day_first"),
        missing=None if words == MISSING else words,
        kinds=kinds,
        part=value("part"),
    )


def read_as(columns: Sequence[str], kind: str) -> None:
    """Have columns read as a kind, and as no other."""
    for other in _KINDS:
        kept = [c for c in st.session_state.get(_key(other)) or [] if c not in columns]
        st.session_state[_key(other)] = [*kept, *columns] if other == kind else kept


def panel(report: TableReport | None, columns: list[str]) -> None:
    """The widgets. Every first choice is the automatic one and names what was found."""
    with st.expander(say("Reading: what was recognised, and how to overrule it"), expanded=report is None):
        if report and len(report.parts) > 1:
            _choice(
                "part",
                say("Sheet or file"),
                dict.fromkeys(report.parts, ""),
                report.part,
                say("Which part of the file to read."),
            )
        if report is None or report.encoding:
            _text_choices(report)
        if report is None or report.packed != "Parquet":
            _table_choices(report)
        _kind_choices(columns)
        _missing_and_dates(report)


def _text_choices(report: TableReport | None) -> None:
    found: dict[str, Any] = vars(report) if report else {}
    first, second, third, fourth = st.columns(4, gap="medium")
    with first:
        _choice("delimiter", say("Fields are separated by"), _DELIMITERS, found.get("delimiter"), "")
    with second:
        names, help_text = {e: e for e in ENCODINGS}, say("If letters look wrong.")
        _choice("encoding", say("Encoding"), names, found.get("encoding"), help_text)
    with third:
        _choice("quote", say("Quotes"), _QUOTES, found.get("quote"), "")
    with fourth:
        help_text = say("Lines that begin with it are left out.")
        _choice("comment", say("Comments"), _COMMENTS, found.get("comment"), help_text)


def _table_choices(report: TableReport | None) -> None:
    """What text and the sheets of a workbook have in common."""
    found: dict[str, Any] = vars(report) if report else {}
    place = st.columns(6, gap="medium")
    with place[0]:
        help_text = say("With two rows, such as groups above names or units below them, the words are joined.")
        _choice("header", say("Names of columns"), _HEADERS, found.get("header"), help_text)
    before = max(0, found.get("lines_before_data", 0) - found.get("header", 0))
    with place[1]:
        _lines(
            "skip_lines",
            say("Lines to skip"),
            before,
            report,
            say("Before the names, or before the data without names."),
        )
    with place[2]:
        rows_after = found.get("rows_after_data", 0)
        _lines(
            "skip_last",
            say("Rows to skip at the end"),
            rows_after,
            report,
            say("Totals and footnotes, which are not data."),
        )
    with place[3]:
        left_out = None if report is None else bool(report.index)
        _choice("index", say("First column"), _INDEX, left_out, say("Row names are left out."))
    with place[4]:
        help_text = say("Columns that differ are still recognised.")
        _choice("decimal", say("Decimal sign"), _DECIMALS, found.get("decimal"), help_text)
    with place[5]:
        _choice("thousands", say("Thousands sign"), _THOUSANDS, None, say("Recognised column by column."))


def _kind_choices(columns: list[str]) -> None:
    """What single columns are read as."""
    places = [*st.columns(4, gap="medium"), *st.columns(4, gap="medium")]
    for place, (kind, (label, help_text)) in zip(places, _KINDS.items(), strict=False):
        with place:
            st.multiselect(
                say(label),
                columns,
                key=_key(kind),
                placeholder=say("No column") if kind == "leave out" else say("As recognised"),
                help=say(help_text),
                persist_state="session",
            )


def _missing_and_dates(report: TableReport | None) -> None:
    seen = [m for m in report.missing_seen if m] if report else []
    left, right, days = st.columns([3, 3, 2], gap="medium")
    with days:
        _choice("day_first", say("Dates such as 3/4/2024"), _DAYS, None, say("Where both are possible."))
    with left:
        st.multiselect(
            say("More words for a missing cell"),
            [],
            key=_key("missing"),
            accept_new_options=True,
            placeholder=say("For example -999"),
            help=say("Beside blank cells and {words}.", words=literal(", ".join(m for m in MISSING if m))),
            persist_state="session",
        )
    with right:
        st.multiselect(
            say("Words that are not missing"),
            [m for m in MISSING if m],
            key=_key("present"),
            placeholder=say("Seen: {words}", words=", ".join(seen)) if seen else say("No word"),
            help=say("For columns in which NA or a dash is a value of its own."),
            persist_state="session",
        )


def _lines(name: str, label: str, found: int, report: TableReport | None, help_text: str) -> None:
    st.number_input(
        label,
        0,
        10_000,
        None,
        key=_key(name),
        placeholder=say("Auto: {found}", found=found) if report else say("Automatic"),
        help=help_text,
        persist_state="session",
    )


def _choice(name: str, label: str, choices: dict[Any, str], found: Any, help_text: str) -> None:
    """A select box whose first option leaves it to the reader. choices: what options are called; "" is as they are."""

    def words(value: Any) -> str:
        if value is not _AUTO:
            return say(choices[value]) if choices[value] else str(value)
        inferred = choices.get(found) if found is not None else None
        if inferred:
            return say("Auto: {found}", found=say(inferred))
        return say("Auto: {found}", found=found) if found not in (None, "") else say("Automatic")

    st.selectbox(
        label,
        [_AUTO, *choices],
        key=_key(name),
        format_func=words,
        help=literal(help_text) or None,
        persist_state="session",
    )
