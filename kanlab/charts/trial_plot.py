"""What all charts of trials have in common: their points, baselines, rings, labels and selections, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from kanlab.baselines.registry import Baseline, label
from kanlab.charts.encoding import RobustAxis, fit_and_error, measure_of, parameters_of, tooltip
from kanlab.charts.labels import Label, placed
from kanlab.charts.layered import Layered, layer, layered, nominal, vega_lite
from kanlab.charts.palette import Palette
from kanlab.charts.style import HEIGHT, PADDING, axis_below, axis_left, heading, number
from kanlab.selection.measures import Measure
from kanlab.text import counted

SELECTED, BRUSHED = "selected", "brushed"
_DRAWN = ("constant", "linear")  # the other linear models would lie on top of these
_BEST = "lowest AICc"
_ARROWS = {(-1, 0): "←", (1, 0): "→", (0, -1): "↓", (0, 1): "↑", (-1, -1): "↙", (-1, 1): "↖", (1, -1): "↘", (1, 1): "↗"}


class TrialPlot:
    """A chart of trials that grows layer by layer, the last one on top; labels lie above all of them.

    done: the complete trials.  across, up: its axes.  tables: its data, in which drawn_x and drawn_y lie within the axes.
    """

    def __init__(self, done: pd.DataFrame, across: RobustAxis, up: RobustAxis, look: Palette) -> None:
        self.done, self.across, self.up, self.look = done, across, up, look
        self.of = measure_of(done)
        self.tables: dict[str, pd.DataFrame] = {}
        self.layers: list[dict[str, Any]] = []
        self._labels: list[pd.DataFrame] = []

    def draws(
        self, x: str, x_title: str, y: str, y_title: str, x_format: str = "", y_format: str = "", **x_axis: Any
    ) -> None:
        """Draw these columns. x_axis: of altair.Axis."""
        self._columns = x, y
        across = axis_below(**x_axis | ({"format": x_format} if x_format else {}))
        up = axis_left(6, **({"format": y_format} if y_format else {}))
        self.x: dict[str, Any] = vega_lite(alt.X("drawn_x:Q", title=x_title, scale=self.across.scale(), axis=across))
        self.y: dict[str, Any] = vega_lite(alt.Y("drawn_y:Q", title=y_title, scale=self.up.scale(), axis=up))
        columns = ["number", *parameters_of(self.done), "n_params", self.of.fit_column, self.of.error_column]
        points = self._drawn(self.done)
        self.tables["trials"] = points[[*columns, "aicc", "delta_aicc", "drawn_x", "drawn_y", "beyond"]]

    def _drawn(self, frame: pd.DataFrame) -> pd.DataFrame:
        x, y = (frame[name] for name in self._columns)
        beyond = (self.across.beyond(x) != 0) | (self.up.beyond(y) != 0)
        return frame.assign(drawn_x=self.across.drawn(x), drawn_y=self.up.drawn(y), beyond=beyond)

    def add(self, name: str, table: pd.DataFrame, mark: str, style: dict[str, Any], **channels: Any) -> None:
        """A layer with a table of its own."""
        self.tables[name] = table
        self.layers.append(layer(name, mark, style, x=self.x, y=self.y, **channels))

    def label(self, points: pd.DataFrame, ink: str) -> None:
        """Label these points with their column `label`; of those labelled late, some may find no room."""
        self._labels.append(points[["drawn_x", "drawn_y", "label"]].assign(ink=ink))

    def baselines(self, frame: pd.DataFrame) -> None:
        """Crosses with names; with an arrow as well for a baseline that lies beyond the axes, and so at their edge."""
        if not len(frame):
            return
        x, y = (frame[name] for name in self._columns)
        sides = zip(self.across.beyond(x), self.up.beyond(y), strict=True)
        arrows = [f" {_ARROWS[side]}" if side in _ARROWS else "" for side in sides]
        drawn = self._drawn(frame).assign(label=frame["label"] + arrows)
        cross = {"shape": "cross", "filled": True, "size": 90, "color": self.look.muted}
        self.add("baselines", drawn, "point", cross, tooltip=_baseline_tooltip(self.of))
        self.label(drawn, self.look.muted)

    def trials(self, color: Any, selected: int | None) -> None:
        """Trials as circles (triangles beyond the axes), the selected one ringed."""
        if selected is not None:
            ring = {"size": 260, "stroke": self.look.text, "strokeWidth": 2.5, "filled": False}
            self.layers.append(layer("trials", "point", ring, x=self.x, y=self.y))
            self.layers[-1]["transform"] = [{"filter": f"datum.number === {int(selected)}"}]
        beyond = {"condition": {"test": "datum.beyond", "value": "triangle-up"}, "value": "circle"}
        style = {"filled": True, "size": 64, "opacity": 0.9, "stroke": self.look.background, "strokeWidth": 0.7}
        about = _trial_tooltip(self.of, tuple(parameters_of(self.done)))
        points = layer("trials", "point", style, x=self.x, y=self.y, color=color, shape=beyond, tooltip=about)
        self.layers.append(points | {"name": "trials"})

    def best(self) -> None:
        """A diamond with a label around the trial of lowest AICc."""
        if not len(self.tables["trials"]):
            return
        best = self.tables["trials"].nsmallest(1, "aicc")
        style = {"shape": "diamond", "size": 240, "stroke": self.look.accent, "strokeWidth": 2.5, "filled": False}
        self.add("best", best, "point", style)
        self._labels.insert(0, best[["drawn_x", "drawn_y"]].assign(label=_BEST, ink=self.look.accent))

    def whole(self, title: str, subtitle: str, description: str) -> Layered:
        """The chart. A click on a trial selects it, and an area that is drawn brushes those in it."""
        best = "No trial is complete."
        if len(self.done):
            first = self.done.loc[self.done["aicc"].idxmin()]
            best = f"Trial {first['number']} has the lowest AICc, {first['aicc']:,.2f}, with K = {first['n_params']:,}."
        return layered(
            self.layers + self._label_layers(),
            self.tables,
            params=selections(),
            title=heading(title, subtitle, self.look),
            height=HEIGHT,
            width="container",
            padding=PADDING,
            config=self.look.config,
            description=f"{description}. {best}",
        )

    @property
    def note(self) -> str:
        """How many trials lie beyond the axes."""
        beyond = int(self.tables["trials"]["beyond"].sum())
        return f"{counted(beyond, 'trial')} beyond the axis, drawn as triangles at its edge" if beyond else ""

    def _label_layers(self) -> list[dict[str, Any]]:
        """The labels that find room, over a halo in the colour of the background."""
        if not self._labels:
            return []
        found = pd.concat(self._labels, ignore_index=True)
        at = zip(found["label"], self.across.along(found["drawn_x"]), self.up.along(found["drawn_y"]), strict=True)
        # below and to the left of the lowest AICc there are hardly any trials
        places = placed([Label(text, float(u), float(v), below=text == _BEST) for text, u, v in at])
        rows = [row | place for row, place in zip(found.to_dict("records"), places, strict=True) if place]
        if not rows:
            return []
        self.tables["labels"] = pd.DataFrame(rows)
        style: dict[str, Any] = {name: {"expr": f"datum.{name}"} for name in ("align", "dx", "dy")}
        style |= {"fontSize": 12, "baseline": "middle"}
        halo = style | {
            "color": self.look.background,
            "stroke": self.look.background,
            "strokeWidth": 4,
            "strokeJoin": "round",
        }
        ink = nominal("ink") | {"scale": None, "legend": None}
        place = {"x": self.x, "y": self.y, "text": nominal("label")}
        return [layer("labels", "text", halo, **place), layer("labels", "text", style, **place, color=ink)]


@cache
def selections() -> list[dict[str, Any]]:
    """A click that selects a trial of the layer `trials`, and an area that is drawn."""
    clicks = alt.selection_point(name=SELECTED, fields=["number"], on="click", clear="dblclick", empty=False)
    area = alt.selection_interval(name=BRUSHED, encodings=["x", "y"])
    return [vega_lite(made.param) | {"views": ["trials"]} for made in (clicks, area)]


def baseline_frame(baselines: Sequence[Baseline], of: Measure) -> pd.DataFrame:
    """The baselines to draw, with the columns of a table of trials and a label."""
    rows = [
        b.to_dict() | {"label": label(b.family, of.task)}
        for b in baselines
        if b.aicc is not None and b.family in _DRAWN
    ]
    numbers = ["n_params", of.fit_column, of.error_column, "aicc"]
    return pd.DataFrame(rows, columns=["family", *numbers, "label"]).astype(dict.fromkeys(numbers, float))


@cache
def _trial_tooltip(of: Measure, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    return vega_lite(tooltip(of, parameters))  # type: ignore[no-any-return]


@cache
def _baseline_tooltip(of: Measure) -> list[dict[str, Any]]:
    lines = [
        alt.Tooltip("family:N", title="model"),
        number("n_params", "number of parameters K"),
        number("aicc", "AICc", ",.2f"),
        *fit_and_error(of),
    ]
    return vega_lite(lines)  # type: ignore[no-any-return]
