"""What survives a reload: the table of the Data page, the data set of the Search page, and the choices made on both.

The address names them (`?table=` and `?data=`), and only the browser that brought them finds them again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.data.examples import EXAMPLES
from kanlab.errors import KanlabError
from kanlab.study import kept_tables
from kanlab.ui import identity, session

TABLE, DATA = "table", "data"  # in the address
_OF_AN_EXAMPLE = "example-"
PREPARED = "data-"  # begins the keys of data sets, which are no tables to choose a target of
_DATA_PAGE = re.compile("(target|features|task|positive|prepare|read)-.*|test-percent|seed", re.DOTALL)
_SEARCH_PAGE = frozenset((
    "neuron_num", "grid", "k", "depth", "multiplication", "count", "sigma2", "everything", "trials", "minutes", "fill",
    "engine", "sampler", "starts", "time-limit", "patience", "workers", "study-name", "smoothing", "early",
))  # fmt: skip


class _KeptFile(io.BytesIO):
    """A kept upload, as the uploader gives it."""

    def __init__(self, table: kept_tables.KeptTable) -> None:
        super().__init__(table.path.read_bytes())
        self.name = table.name


def restore_table() -> None:
    """Take up the table that the address names, with its choices, if this session has none yet."""
    key = st.query_params.get(TABLE) or session.kept_key()
    if not key or session.table() is not None or session.source() is not None:
        return
    open_table(key)


def open_table(key: str) -> None:
    """Take up a kept table or an example with its choices; nothing where it is no longer kept."""
    found = kept_tables.kept(identity.owner(), key)
    example = key.removeprefix(_OF_AN_EXAMPLE)
    if key.startswith(_OF_AN_EXAMPLE) and example in EXAMPLES:
        st.session_state["example"] = example
        session.set_source(None)
        session.set_table(EXAMPLES[example].load())
    elif found is not None and found.path.exists():
        session.set_source(_KeptFile(found), key)
    else:
        return
    _set(found.choices if found else {})


def keep_table() -> None:
    """Keep the table of this session and its choices, and name it in the address."""
    key, example = session.kept_key(), st.session_state.get("example")
    owner, file = identity.owner(), session.source()
    try:
        if key is None or kept_tables.kept(owner, key) is None:
            if example:
                key = kept_tables.keep_as(owner, f"{_OF_AN_EXAMPLE}{example}", EXAMPLES[example].title)
            elif file is not None:
                key = kept_tables.keep(owner, file.name, file)
            else:
                return
            session.set_kept_key(key)
        kept_tables.choose(owner, key, _choices(_of_the_data_page))
    except OSError:
        return  # no room: the page works all the same, and a reload begins anew
    if st.query_params.to_dict() != {TABLE: key}:
        st.query_params.from_dict({TABLE: key})


def forget_table() -> None:
    """Remove the table of this session from the machine that runs the app."""
    if (key := session.kept_key()) is not None:
        kept_tables.forget(identity.owner(), key)
    st.session_state["example"] = None
    session.set_source(None)
    st.query_params.clear()


def restore_data() -> None:
    """Take up the data set that the address names, with the settings of the search, if this session has none yet."""
    key = st.query_params.get(DATA)
    found = kept_tables.kept(identity.owner(), key) if key and session.dataset() is None else None
    if found is None or not found.path.exists():
        return
    others = [kept_tables.kept(identity.owner(), name) for name in found.choices.get("more", ())]
    try:
        data = Dataset.load(found.path)
        more = [Dataset.load(other.path) for other in others if other is not None]
    except (KanlabError, OSError, ValueError):
        return  # damaged: the page says that there is no data
    fraction, seed = found.choices.get("split", (0.2, 0))
    session.set_dataset(data, fraction, seed, more)
    session.set_kept_key(found.choices.get("table"))
    _set(found.choices)


def keep_data() -> None:
    """Keep the data set of this session and the settings of the search, and name it in the address."""
    data, owner = session.dataset(), identity.owner()
    if data is None:
        return
    key = f"{PREPARED}{data.sha256[:32]}"
    try:
        kept_tables.keep_as(owner, key, data.name, data.save)
        others = {f"{PREPARED}{other.sha256[:32]}": other for other in session.more_datasets()}
        for name, other in others.items():
            kept_tables.keep_as(owner, name, other.name, other.save)
        about = {"split": list(session.split()), "table": session.kept_key(), "more": list(others)}
        kept_tables.choose(owner, key, _choices(_SEARCH_PAGE.__contains__) | about)
    except OSError:
        return
    if st.query_params.to_dict() != {DATA: key}:
        st.query_params.from_dict({DATA: key})


def _of_the_data_page(key: str) -> bool:
    return _DATA_PAGE.fullmatch(key) is not None


def _choices(wanted: Callable[[str], bool]) -> dict[str, Any]:
    """The values of the widgets with such keys, as JSON has them."""
    found = {str(k): v for k, v in st.session_state.items() if wanted(str(k))}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items() if _is_plain(v)}


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(v, (str, int, float)) for v in value)
    return value is None or isinstance(value, (str, int, float))


def _set(choices: Any) -> None:
    """Set widgets before they are drawn."""
    for key, value in choices.items():
        if _of_the_data_page(key) or key in _SEARCH_PAGE:
            st.session_state[key] = value
