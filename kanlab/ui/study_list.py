"""The Studies page: the table of all studies, with a search, the last one first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.data.examples import told_name
from kanlab.execution.doctor import in_bytes
from kanlab.execution.manage import data_size, note
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.study.access import is_owned
from kanlab.study.state import Name
from kanlab.ui import columns, identity, widgets

Row = dict[str, Any]

_MINE, _THEIRS, _NOBODYS = marked("you"), marked("another browser"), marked("nobody: everybody controls it")
_STATES: dict[Name, str] = {
    "queued": marked("queued"),
    "running": marked("running"),
    "pausing": marked("pausing"),
    "paused": marked("paused"),
    "stopping": marked("stopping"),
    "stopped": marked("stopped"),
    "finished": marked("finished"),
    "failed": marked("failed"),
    "interrupted": marked("interrupted"),
}
_OPEN = "open-study"
_FIRST = ("open", "study", "state", "data", "target", "n", "trials", "lowest AICc", "date")
_GROUPS = {marked("Search"): ("engine", "starts", "minutes"), marked("Storage"): ("owner", "size", "note", "detail")}
_SEARCHED = ("study", "data", "target", "note", "state", "engine")
_MANY = 6  # studies from which on a search is worth its place
_AICC_HELP = marked(
    "AICc weighs the fit of a model against its number of parameters; lower is better. "
    "Compare it only between studies of the same rows and the same target: the AICc of y "
    "and of log(y) are not comparable."
)


def row(study: Study, size: int) -> Row:
    """A study in the table. size: of its trials, bytes."""
    handle, records, best, current = study.handle, study.handle.records(), study.best, study.state
    mine, owned = identity.controls(handle), is_owned(handle.optuna.user_attrs)
    return {
        "study": study.name,
        "state": say(_STATES[current.name]),
        "detail": retold(current.detail),
        "data": told_name(handle.data.name),
        "target": handle.data.fitted_target,
        "n": handle.data.n_train,
        "trials": sum(r.state != "running" for r in records),
        "lowest AICc": best.aicc if best else None,
        "date": datetime.fromtimestamp(current.heartbeat, UTC) if current.heartbeat else None,
        "engine": study.spec.engine,
        "starts": study.spec.options.starts,
        "minutes": current.elapsed / 60,
        "owner": say((_MINE if mine else _THEIRS) if owned else _NOBODYS),
        "size": in_bytes(size + data_size(handle)),
        "note": note(handle),
    }


class Chosen(NamedTuple):
    """Names of studies. selected: by its row.  opened: by the button in it."""

    selected: str | None = None
    opened: str | None = None


def table(rows: Sequence[Row]) -> Chosen:
    """The studies that are searched for, the last one first; a click on the title of a column sorts them otherwise."""
    found = list(rows)
    if len(rows) >= _MANY:
        hint = say("Name, data, target or note")
        asked = st.text_input(say("Search"), key="search-studies", placeholder=hint, icon=":material/search:")
        found = [r for r in found if all(word in _text(r) for word in asked.casefold().split())]
    found.sort(key=lambda r: r["date"].timestamp() if r["date"] else 0.0, reverse=True)
    if not found:
        st.info(say("No study has all of these words."), icon=":material/search_off:")
        return Chosen()
    frame = pd.DataFrame(found).assign(study=[told_name(str(r["study"])) for r in found], open=say("Open"))
    event = widgets.table(
        frame,
        "studies",
        column_order=columns.shown("studies", _FIRST, _GROUPS, frame),
        on_select="rerun",
        selection_mode="single-row",
        column_config=_config(frame),
    )
    picked, clicked = event["selection"]["rows"], st.session_state.get(_OPEN)
    selected = str(found[picked[0]]["study"]) if picked and picked[0] < len(found) else None
    return Chosen(selected, str(found[clicked["row"]]["study"]) if clicked else None)


def _text(row: Row) -> str:
    return " ".join([told_name(str(row["study"])), *(str(row[name]) for name in _SEARCHED)]).casefold()


def _config(frame: pd.DataFrame) -> dict[str, Any]:
    config = st.column_config
    return {
        "study": config.TextColumn(say("study")),
        "state": config.TextColumn(say("state")),
        "data": config.TextColumn(say("data")),
        "target": config.TextColumn(say("target")),
        "trials": config.NumberColumn(say("trials")),
        "engine": config.TextColumn(say("engine")),
        "note": config.TextColumn(say("note")),
        "open": config.ButtonColumn(say("open"), type="tertiary", key=_OPEN, width=70, pinned=True),
        "detail": config.TextColumn(say("detail"), width="medium", help=say("More about the state of the study.")),
        "n": config.NumberColumn(say("training rows"), format="%d"),
        "lowest AICc": columns.number(say("lowest AICc"), frame["lowest AICc"], say(_AICC_HELP), fmt="%.2f"),
        "date": config.DatetimeColumn(
            say("last at work"), format="YYYY-MM-DD HH:mm", help=say("In the time zone of your browser.")
        ),
        "starts": config.NumberColumn(
            say("starts"),
            format="%d",
            help=say("Initial networks per configuration, of which the best counts. A dash: as the engine decides."),
        ),
        "minutes": config.NumberColumn(say("minutes"), format="%.1f"),
        "owner": config.TextColumn(
            say("owner"), help=say("Everybody can view a study; only its owner can control it.")
        ),
        "size": config.TextColumn(
            say("size"), help=say("Trials and data. Studies of the same data share one copy of it.")
        ),
    }
