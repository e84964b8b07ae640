"""A chart is made once as long as it is drawn from the same."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import pytest

from kanlab.charts.palette import LIGHT
from kanlab.ui import drawing


def test_a_chart_is_made_anew_when_what_it_is_drawn_from_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[pd.DataFrame] = []
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(drawing, "look", lambda: LIGHT)
    monkeypatch.setattr(drawing, "_table_behind", lambda spec, key: None)
    monkeypatch.setattr(drawing.st, "vega_lite_chart", lambda spec, **options: sent.append(spec))

    def draw(rows: pd.DataFrame, *more: object) -> None:
        def make() -> alt.Chart:
            made.append(rows)
            return alt.Chart(rows).mark_point().encode(x="a:Q")

        drawing.chart_once(make, "test-of-drawing", rows, *more)

    first = pd.DataFrame({"a": [1.0, float("nan")], "b": ["x", None]})
    draw(first)
    draw(first.copy())
    assert len(made) == 1
    assert sent[0] is sent[1]
    (held,) = sent[0]["datasets"].values()
    assert held.to_pylist() == [{"a": 1.0, "b": "x"}, {"a": None, "b": None}]
    draw(first.assign(a=[1.0, 2.0]))
    draw(first.rename(columns={"b": "c"}))
    draw(first, 3)
    assert len(made) == 4
