"""How pages show charts: in the colours of their theme, and with clicks that select trials, and areas.

A chart's `description` is its alternative text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import streamlit as st

from kanlab.charts import trials as trial_charts
from kanlab.charts.as_table import tables_behind
from kanlab.charts.layered import Layered
from kanlab.charts.palette import DARK, LIGHT, Palette
from kanlab.language import active, say
from kanlab.ui import session, widgets


def look() -> Palette:
    """The colours of the theme that the reader has chosen."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def chart(made: Any, key: str, *, has_table: bool = True, **options: Any) -> None:
    """An Altair chart. A map keeps its width (width="content"), and scrolls where the page is narrower.

    has_table: False for one of many small ones, whose toolbar shows its data all the same.
    """
    st.altair_chart(made, key=key, **options)
    if has_table:
        _table_behind(made.to_dict, key)


def chart_once(make: Callable[[], Any], key: str, rows: pd.DataFrame, *more: object, **options: Any) -> None:
    """`chart` of what `make` draws, made once for all sessions as long as it is drawn from the same.

    rows, more: all that the chart is drawn from, beside the theme and the language.
    """
    drawn = _chart_once((look().name, active(), content_of(rows), repr(more)), key, make)
    st.vega_lite_chart(spec=drawn, key=key, **options)
    _table_behind(lambda: drawn, key)


def content_of(rows: pd.DataFrame) -> tuple[Any, ...]:
    """What two tables of the same content have in common, and no others."""
    return tuple(rows.columns), pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()


@st.cache_resource(max_entries=64, show_spinner=False)
def _chart_once(stamp: tuple[Any, ...], key: str, _make: Callable[[], Any]) -> dict[str, Any]:
    """An Altair chart as Streamlit sends it."""
    spec: dict[str, Any] = _make().to_dict()
    return spec | {"datasets": {name: pa.Table.from_pylist(held) for name, held in spec.get("datasets", {}).items()}}


def _table_behind(spec: Callable[[], dict[str, Any]], key: str) -> None:
    """The numbers of a chart, once they are asked for."""
    behind = st.expander(say("Show as table"), type="compact", key=f"behind-{key}", on_change="rerun")
    if behind.open:
        with behind:
            for number, frame in enumerate(tables_behind(spec())):
                widgets.table(frame, f"behind-{key}-{number}", height=320)


def picking_chart(made: Any, key: str, selection: str) -> list[dict[str, Any]]:
    """An Altair chart with a selection by that name of points; the fields of those that are selected by a click."""
    chosen: Any = st.altair_chart(made, key=key, on_select="rerun", selection_mode=selection)
    return list(chosen.selection.get(selection, []))


def drawn_once(
    make: Callable[[], Layered],
    key: str,
    stamp: tuple[Any, ...],
    *,
    selects: bool = True,
    width: Literal["stretch", "content"] = "stretch",
) -> None:
    """`selecting_chart` of the chart that `make` draws, made once per `stamp`, theme and language for all sessions.

    selects: False for points that are trials of no study, which a click does not select.  width: as of `chart`, then.
    """
    drawn = _drawn_once((*stamp, look().name, active()), key, make)
    if selects:
        _show(drawn, key)
    else:
        st.vega_lite_chart(spec=drawn, key=key, width=width)
        _table_behind(lambda: drawn, key)


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
    """The chart, in a container that is as high before it is drawn."""
    named = f"{key}-{session.area().made}"
    if named not in st.session_state:  # drawn anew, with nothing clicked
        st.session_state.pop(f"{named}-clicked", None)
    with st.container(key=f"slot-{key}"):
        st.vega_lite_chart(
            spec=spec,
            key=named,
            on_select=_picker(spec, named),
            selection_mode=[param["name"] for param in spec["params"]],
            width="stretch",
        )
    _table_behind(lambda: spec, key)


def _picker(spec: dict[str, Any], key: str) -> Callable[[], None]:
    def pick() -> None:
        found = st.session_state[key]["selection"]
        clicked = [int(row["number"]) for row in found.get(trial_charts.SELECTED, [])]
        if clicked != st.session_state.get(f"{key}-clicked", []):  # otherwise the area has changed
            session.select_trial(clicked[0] if clicked else None)
        st.session_state[f"{key}-clicked"] = clicked
        if ends := found.get(trial_charts.BRUSHED):
            session.set_area(key, _numbers_within(spec["datasets"]["trials"], ends))
        elif session.area().chart == key:
            session.set_area("", None)

    return pick


def _numbers_within(trials: pa.Table, ends: dict[str, list[float]]) -> tuple[int, ...]:
    """The numbers of the trials of a chart in an area, whose ends are given by column."""
    inside = pd.Series(True, index=range(trials.num_rows))
    for column, (low, high) in ends.items():
        inside &= trials[column].to_pandas().between(min(low, high), max(low, high))
    return tuple(int(number) for number in trials["number"].to_pandas()[inside])
