"""The numbers behind a chart as tables, titled as its tooltips or axes are: for readers who do not see the chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

_CHANNELS = ("x", "x2", "y", "y2", "color", "size", "column", "row")
_PARTS = ("layer", "hconcat", "vconcat", "concat")
_Fields = dict[str, str]  # columns of the data: their titles


def tables_behind(spec: Mapping[str, Any]) -> list[pd.DataFrame]:
    """The rows that a chart draws, one table for each set of columns; what only decorates is left out.

    spec: Vega-Lite, with the data in `datasets`: lists of rows, tables of Arrow, or frames. A mark with tooltips shows
    what they say; a chart without any, its axes.

    >>> import altair as alt
    >>> points = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    >>> told = [alt.Tooltip("a:Q", title="size"), alt.Tooltip("b:Q")]
    >>> chart = alt.Chart(points).mark_point().encode(x="a:Q", tooltip=told)
    >>> [table.to_dict("list") for table in tables_behind(chart.to_dict())]
    [{'size': [1, 2], 'b': [3, 4]}]
    """
    views = list(_views(spec, None, {}))
    told = [(data, fields) for data, encoding in views if (fields := _fields(encoding.get("tooltip")))]
    if not told:
        told = [
            (data, fields)
            for data, encoding in views
            if (fields := _fields([encoding[name] for name in _CHANNELS if name in encoding]))
        ]
    found: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    for data, fields in told:
        frame = _frame(data, spec.get("datasets", {}))
        held = {field: title for field, title in fields.items() if field in frame}
        if held and len(frame):
            shown = frame[list(held)].rename(columns=held)
            found.setdefault(tuple(held.values()), []).append(shown.loc[:, ~shown.columns.duplicated()])
    return [pd.concat(same).drop_duplicates().reset_index(drop=True) for same in found.values()]


def _views(spec: Mapping[str, Any], data: Any, encoding: Mapping[str, Any]) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Every mark with the data and the channels it has, or takes from what is around it."""
    data, encoding = spec.get("data", data), {**encoding, **spec.get("encoding", {})}
    if "mark" in spec:
        yield data, encoding
    if "spec" in spec:  # of a facet
        yield from _views(spec["spec"], data, encoding)
    for part in _PARTS:
        for inner in spec.get(part, ()):
            yield from _views(inner, data, encoding)


def _fields(channels: Any) -> _Fields:
    channels = channels if isinstance(channels, list) else [channels]
    return {
        channel["field"]: _title(channel)
        for channel in channels
        if isinstance(channel, Mapping) and isinstance(channel.get("field"), str)
    }


def _title(channel: Mapping[str, Any]) -> str:
    title = channel.get("title") or channel["field"]
    return " ".join(title) if isinstance(title, list) else str(title)


def _frame(data: Any, datasets: Mapping[str, Any]) -> pd.DataFrame:
    held = data or {}
    rows = held["values"] if "values" in held else datasets.get(held.get("name", ""), [])
    return rows.to_pandas() if isinstance(rows, pa.Table) else pd.DataFrame(rows)
