"""How pages show charts: in the colours of their theme, and with clicks that select trials.

A chart's `description` is its alternative text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import streamlit as st

from kanlab.charts import trials as trial_charts
from kanlab.charts.layered import Layered
from kanlab.charts.palette import DARK, LIGHT, Palette
from kanlab.ui import session


def look() -> Palette:
    """The colours of the theme that the reader has chosen."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def chart(made: Any, key: str, **options: Any) -> None:
    """An Altair chart. A map keeps its width (width="content"), and scrolls where the page is narrower."""
    st.altair_chart(made, key=key, **options)


def drawn_once(make: Callable[[], Layered], key: str, stamp: tuple[Any, ...], *, selects: bool = True) -> None:
    """`selecting_chart` of the chart that `make` draws, made once per `stamp` and theme for all sessions.

    selects: False for points that are trials of no study, which a click does not select.
    """
    drawn = _drawn_once((*stamp, look().name), key, make)
    if selects:
        _show(drawn, key)
    else:
        st.vega_lite_chart(spec=drawn, key=key, width="stretch")


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn_once(stamp: tuple[Any, ...], key: str, _make: Callable[[], Layered]) -> dict[str, Any]:
    return _ready(_make())


def _ready(made: Layered) -> dict[str, Any]:
    """A chart as Streamlit sends it."""
    tables = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in made.tables.items()}
    return made.spec | {"datasets": tables}


def selecting_chart(made: Layered, key: str) -> None:
    """A chart in which a click selects a trial for all pages."""
    _show(_ready(made), key)


def _show(spec: dict[str, Any], key: str) -> None:
    st.vega_lite_chart(
        spec=spec,
        key=key,
        on_select=_picker(key),
        selection_mode=[trial_charts.SELECTED],
        width="stretch",
    )


def _picker(key: str) -> Callable[[], None]:
    def pick() -> None:
        clicked = st.session_state[key]["selection"].get(trial_charts.SELECTED, [])
        session.select_trial(int(clicked[0]["number"]) if clicked else None)

    return pick
