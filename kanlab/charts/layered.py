"""Charts of several layers as Vega-Lite, with their data kept apart from the specification.

Altair makes the channels; this module puts the layers together, because Altair copies and validates every layer whenever one
is added, which takes longer than the rest of a page that shows a running study. The tests validate the whole chart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd


@dataclass(frozen=True)
class Layered:
    """A chart whose layers refer to their data by name in `tables`. spec: Vega-Lite without data."""

    spec: dict[str, Any]
    tables: Mapping[str, pd.DataFrame]

    def to_dict(self) -> dict[str, Any]:
        """The chart as Vega-Lite, including its data."""
        content = {name: json.loads(table.to_json(orient="records")) for name, table in self.tables.items()}
        return self.spec | {"datasets": content}

    def chart(self) -> alt.LayerChart:
        """The chart as an Altair object."""
        made: alt.LayerChart = alt.LayerChart.from_dict(self.to_dict())
        return made


def layer(data: str, mark: str, style: Mapping[str, Any], **channels: Any) -> dict[str, Any]:
    """A layer that draws one table. channels: Altair objects or Vega-Lite."""
    encoding = {name: vega_lite(channel) for name, channel in channels.items()}
    return {"data": {"name": data}, "mark": {"type": mark, **style}, "encoding": encoding}


def nominal(field: str) -> dict[str, str]:
    """A channel for a column of names."""
    return {"field": field, "type": "nominal"}


def layered(layers: Sequence[dict[str, Any]], tables: Mapping[str, pd.DataFrame], **properties: Any) -> Layered:
    """A chart of these layers, the last one on top. properties: of the whole chart, such as its height."""
    return Layered({"layer": list(layers)} | {name: vega_lite(value) for name, value in properties.items()}, tables)


def vega_lite(value: Any) -> Any:
    """An Altair object, or a list of them, as Vega-Lite."""
    if isinstance(value, list):
        return [vega_lite(each) for each in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
