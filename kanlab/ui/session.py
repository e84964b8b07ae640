"""What a browser session remembers besides its widgets: table, data set, study and trial. Only this module stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.data.reading.table import Table
from kanlab.language import active

_TABLE, _DATASET, _TRIAL = "kanlab_table", "kanlab_dataset", "kanlab_trial"
_SPLIT, _SOURCE, _REMEMBERED = "kanlab_split", "kanlab_source", "kanlab_remembered_"
_HELD = "kanlab_held_"
_AREA, _MORE = "kanlab_area", "kanlab_more_datasets"
MODEL = "model"  # in an address, which of a study's models: the number of a trial, or the name of another family
SETTING = "x."  # before the name of a feature, in an address that says what to set of a row
_GUIDED = "kanlab_guided"
_PAGE, _DIALOG = "kanlab_page", "kanlab_dialog"
_STUDY, _OPENED, _SAID, _KEPT = "study", "kanlab_opened", "kanlab_said", "kanlab_kept"


def table() -> Table | None:
    """The table chosen on the Data page."""
    return st.session_state.get(_TABLE)


def set_table(value: Table | None) -> None:
    """Choose a table; the data set of the previous table is forgotten."""
    st.session_state[_TABLE] = value
    st.session_state.pop(_DATASET, None)


def source() -> BinaryIO | None:
    """The file of the table, to be read again with other options; None for an example."""
    return st.session_state.get(_SOURCE)


def set_source(value: BinaryIO | None, key: str | None = None) -> None:
    """Take an uploaded file; its table is not read yet. key: by which it is kept for a reload, if it is."""
    st.session_state[_SOURCE] = value
    st.session_state[_KEPT] = key
    set_table(None)
    for kept in [k for k in st.session_state if str(k).startswith(_REMEMBERED)]:
        del st.session_state[kept]


def kept_key() -> str | None:
    """The key by which the table is kept for a reload; None as long as it is not."""
    return st.session_state.get(_KEPT)


def set_kept_key(key: str | None) -> None:
    """Remember by which key the table is kept."""
    st.session_state[_KEPT] = key


def remember(name: str, key: object, compute: Callable[[], Any]) -> Any:
    """The value computed last under this name, for as long as the key stays equal, and the language of what it says."""
    kept = st.session_state.get(_REMEMBERED + name)
    if kept is None or kept[:2] != (key, active()):
        kept = keep(name, key, compute())
    return kept[2]


def keep(name: str, key: object, value: Any) -> tuple[object, str, Any]:
    """Have `remember` give this value."""
    kept = st.session_state[_REMEMBERED + name] = key, active(), value
    return kept


def hold_widgets(name: str, keys: Iterable[str]) -> None:
    """Give widgets that were not drawn for a while the values they had; called before they are drawn.

    Streamlit forgets a widget in the first run that does not draw it.
    """
    held = st.session_state.setdefault(_HELD + name, {})
    for key in keys:
        if key in st.session_state:
            held[key] = st.session_state[key]
        elif key in held:
            st.session_state[key] = held[key]


def dataset() -> Dataset | None:
    """The data set made from the table: target, features and split are chosen."""
    return st.session_state.get(_DATASET)


def more_datasets() -> tuple[Dataset, ...]:
    """Those of the further targets of the same table."""
    return tuple(st.session_state.get(_MORE, ()))


def set_dataset(value: Dataset, test_fraction: float, seed: int, more: Sequence[Dataset] = ()) -> None:
    """Keep the data set and how it was split. more: those of further targets."""
    st.session_state[_DATASET], st.session_state[_MORE] = value, tuple(more)
    st.session_state[_SPLIT] = test_fraction, seed


def split() -> tuple[float, int]:
    """Test fraction and seed of the data set."""
    return st.session_state[_SPLIT]


def study_name() -> str | None:
    """The open study: that of the address (?study=NAME), or the last one of this session."""
    name = st.query_params.get(_STUDY)
    if name:
        st.session_state["kanlab_study"] = name
    return name or st.session_state.get("kanlab_study")


def set_study_name(name: str) -> None:
    """Remember the study; `link_study` puts it into the address."""
    if st.session_state.get("kanlab_study") != name:
        st.session_state.pop(_TRIAL, None)
        st.session_state.pop(_AREA, None)
    st.session_state["kanlab_study"] = name


def forget_study() -> None:
    """Remember no study, after it is deleted."""
    for key in ("kanlab_study", _TRIAL, _AREA):
        st.session_state.pop(key, None)


def link_study(name: str) -> None:
    """Put the study into the address, so that reloads and copied links find it; what was set of a row of it stays."""
    st.session_state[_OPENED] = name
    known = st.query_params.to_dict() if st.query_params.get(_STUDY) == name else {}
    wanted = {_STUDY: name} | {key: value for key, value in known.items() if key.startswith(SETTING) or key == MODEL}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def was_open(name: str) -> bool:
    """Whether the study last drawn in this session has this name."""
    return bool(st.session_state.get(_OPENED) == name)


def selected_trial() -> int | None:
    """Number of the trial selected in any chart or table."""
    return st.session_state.get(_TRIAL)


def select_trial(number: int | None) -> None:
    """Select a trial for all pages, or none."""
    st.session_state[_TRIAL] = number


@dataclass(frozen=True)
class Area:
    """The trials that an area drawn in a chart leaves. chart: whose area it is.  numbers: of the trials in it.

    zoom: those that the charts are limited to.  made: how many areas were given up before; a chart with another key has lost
    the rectangle of its area.
    """

    chart: str = ""
    numbers: tuple[int, ...] | None = None
    zoom: tuple[int, ...] | None = None
    made: int = 0

    @property
    def listed(self) -> tuple[int, ...] | None:
        """The trials that tables are limited to; None for all."""
        return self.zoom if self.numbers is None else self.numbers


def area() -> Area:
    """The area drawn in a chart of the open study."""
    found: Area = st.session_state.get(_AREA, Area())
    return found


def set_area(chart: str, numbers: tuple[int, ...] | None) -> None:
    """Limit tables to these trials of the area drawn in a chart; None where it is drawn in none."""
    st.session_state[_AREA] = replace(area(), chart=chart, numbers=numbers)


def zoom() -> None:
    """Limit the charts as well to the trials of the area."""
    st.session_state[_AREA] = Area(zoom=area().numbers, made=area().made + 1)


def show_all() -> None:
    """Give up the area."""
    st.session_state[_AREA] = Area(made=area().made + 1)


def on_page(page: Path) -> None:
    """Say which page is drawn; a dialog of another one is closed."""
    if st.session_state.get(_PAGE) != page:
        close_dialog()
    st.session_state[_PAGE] = page


def dialog() -> object:
    """The dialog that is open, by what `open_dialog` was given; None where none is."""
    return st.session_state.get(_DIALOG)


def open_dialog(which: object) -> None:
    """Have a dialog drawn until `close_dialog`; a page that is drawn anew, as while a study runs, would else close it."""
    st.session_state[_DIALOG] = which


def close_dialog() -> None:
    """Have no dialog drawn."""
    st.session_state.pop(_DIALOG, None)


def set_guided(value: bool) -> None:
    """Whether the tour says what the page that is drawn is for."""
    st.session_state[_GUIDED] = value


def is_guided() -> bool:
    """Whether the page need not say it again."""
    return bool(st.session_state.get(_GUIDED))


def say_next(message: str) -> None:
    """Keep a message until the page is drawn next, because a callback cannot show any."""
    st.session_state[_SAID] = message


def said() -> str:
    """That message, once."""
    return str(st.session_state.pop(_SAID, ""))


def upper_end(name: str, usual: int) -> int:
    """Where the slider of a range ends: further than usual once the range was widened beyond that."""
    chosen = st.session_state.get(name)
    return max(usual, chosen[1]) if chosen else usual
