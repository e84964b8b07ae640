"""Charts of several layers as Vega-Lite, with their tables apart from the drawing.

Altair makes the channels; the layers are put together here. Altair copies and checks every layer whenever one is added,
which takes longer than all the rest of a page that shows a running study. The tests check the whole against the schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Layered:
    """A chart whose layers take their data by name from `tables`. spec: Vega-Lite without data."""

    spec: dict[str, Any]
    tables: Mapping[str, pd.DataFrame]

    def to_dict(self) -> dict[str, Any]:
        """The chart as Vega-Lite with its data in it."""
        content = {name: json.loads(table.to_json(orient="records")) for name, table in self.tables.items()}
        return self.spec | {"datasets": content}


def layer(data: str, mark: str, style: Mapping[str, Any], **channels: Any) -> dict[str, Any]:
    """A layer that draws one table. channels: of Altair, or as Vega-Lite has them."""
    encoding = {name: vega_lite(channel) for name, channel in channels.items()}
    return {"data": {"name": data}, "mark": {"type": mark, **style}, "encoding": encoding}


def nominal(field: str) -> dict[str, str]:
    """A channel of a column of words, or of numbers that only tell things apart."""
    return {"field": field, "type": "nominal"}


def layered(layers: Sequence[dict[str, Any]], tables: Mapping[str, pd.DataFrame], **properties: Any) -> Layered:
    """The chart of some layers, the last one on top. properties: of the whole, such as its height."""
    return Layered({"layer": list(layers)} | {name: vega_lite(value) for name, value in properties.items()}, tables)


def vega_lite(value: Any) -> Any:
    """What Altair made, as Vega-Lite has it."""
    if isinstance(value, list):
        return [vega_lite(each) for each in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
