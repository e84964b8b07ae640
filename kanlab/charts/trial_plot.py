"""What all charts of trials have in common: their points, baselines, rings, labels and selections, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from kanlab.baselines.registry import Baseline, label
from kanlab.charts.encoding import RobustAxis, beyond_words, fit_and_error, measure_of, parameters_of, tooltip
from kanlab.charts.labels import Label, Obstacles, placed
from kanlab.charts.layered import Layered, layer, layered, nominal, vega_lite
from kanlab.charts.palette import Palette
from kanlab.charts.style import HEIGHT, PADDING, axis_below, axis_left, axis_title, heading, number
from kanlab.language import active, marked, say
from kanlab.selection.measures import Measure

SELECTED, BRUSHED = "selected", "brushed"
_DRAWN = ("constant", "linear")  # the other linear models would lie on top of these
_BEST = marked("lowest AICc")
_DIAMOND = {"shape": "diamond", "size": 240, "strokeWidth": 2.5, "filled": False}
_BESIDE = 20.0  # px: further up or down a label is no longer seen to be of its mark
_HALF_LINE, _GAP = 8, 3  # px: of a label, and before one
_NOTHING_YET = marked("No trial is complete yet.")
_NO_VALUES = {"labelOpacity": 0, "tickOpacity": 0, "gridOpacity": 0}  # which keep their room
# by this attribute the pages find the points that fade in; of all attributes of a circle it alone changes nothing
MITER, FRESH_MITER = 10, 9
_ARROWS = {(-1, 0): "←", (1, 0): "→", (0, -1): "↓", (0, 1): "↑", (-1, -1): "↙", (-1, 1): "↖", (1, -1): "↘", (1, 1): "↗"}


Recommended = int | str | None  # the number of a trial, or the family of another model


class TrialPlot:
    """A chart of trials that grows layer by layer, the last one on top; labels lie above all of them.

    done: the complete trials; those that are `fresh`, if it has that column, fade in.  across, up: its axes.  tables: its
    data, in which drawn_x and drawn_y lie within the axes.
    """

    def __init__(self, done: pd.DataFrame, across: RobustAxis, up: RobustAxis, look: Palette) -> None:
        self.done, self.across, self.up, self.look = done, across, up, look
        self.of = measure_of(done)
        self.tables: dict[str, pd.DataFrame] = {}
        self.layers: list[dict[str, Any]] = []
        self._labels: list[tuple[str, pd.DataFrame, str, bool]] = []  # text, places, ink, whether it is optional
        self._lines: list[pd.DataFrame] = []
        self._fronts: list[pd.DataFrame] = []

    def draws(
        self, x: str, x_title: str, y: str, y_title: str, x_format: str = "", y_format: str = "", **x_axis: Any
    ) -> None:
        """Draw these columns. x_axis: of altair.Axis."""
        self._columns = x, y
        unknown = {} if len(self.done) else _NO_VALUES
        across = axis_below(**x_axis | ({"format": x_format} if x_format else {}) | unknown)
        title = axis_title(y_title)
        up = axis_left(6, title, **({"format": y_format} if y_format else {}) | unknown)
        self.x: dict[str, Any] = vega_lite(
            alt.X("drawn_x:Q", title=axis_title(x_title), scale=self.across.scale(), axis=across)
        )
        self.y: dict[str, Any] = vega_lite(alt.Y("drawn_y:Q", title=title, scale=self.up.scale(), axis=up))
        columns = ["number", *parameters_of(self.done), "n_params", self.of.fit_column, self.of.error_column]
        points = self._drawn(self.done)
        columns += ["aicc", "delta_aicc", "drawn_x", "drawn_y", "beyond", "fresh"]
        self.tables["trials"] = points.assign(fresh=points.get("fresh", False))[columns]

    def _drawn(self, frame: pd.DataFrame) -> pd.DataFrame:
        x, y = (frame[name] for name in self._columns)
        beyond = (self.across.beyond(x) != 0) | (self.up.beyond(y) != 0)
        return frame.assign(drawn_x=self.across.drawn(x), drawn_y=self.up.drawn(y), beyond=beyond)

    def add(self, name: str, table: pd.DataFrame, mark: str, style: dict[str, Any], **channels: Any) -> None:
        """A layer with a table of its own."""
        self.tables[name] = table
        self.layers.append(layer(name, mark, style, x=self.x, y=self.y, **channels))

    def add_line(
        self, name: str, table: pd.DataFrame, style: dict[str, Any], *, step: bool = False, **channels: Any
    ) -> None:
        """A layer of lines, which labels do not cover. step: one line that keeps its height up to the next point."""
        self.add(name, table, "line", style | ({"interpolate": "step-after"} if step else {}), **channels)
        if step and len(table):
            table = pd.DataFrame(
                {
                    "drawn_x": np.repeat(table["drawn_x"].to_numpy(), 2)[1:],
                    "drawn_y": np.repeat(table["drawn_y"].to_numpy(), 2)[:-1],
                }
            )
        by = next((channel["field"] for channel in channels.values() if "field" in channel), None)
        lines = self._fronts if step else self._lines
        lines += [part for _, part in table.groupby(by)] if by else [table]

    def label(self, words: str, places: pd.DataFrame, ink: str, *, optional: bool = False) -> None:
        """Label one of these places. Those labelled late may find no room; an optional one covers nothing."""
        self._labels.append((words, places[["drawn_x", "drawn_y"]], ink, optional))

    def baselines(self, frame: pd.DataFrame, recommended: Recommended = None) -> None:
        """Crosses with names; with an arrow as well for a baseline that lies beyond the axes, and so at their edge."""
        if not len(frame) or not len(self.done):
            return  # the axes are those of the networks
        x, y = (frame[name] for name in self._columns)
        sides = zip(self.across.beyond(x), self.up.beyond(y), strict=True)
        drawn = self._drawn(frame).assign(arrow=[f" {_ARROWS[side]}" if side in _ARROWS else "" for side in sides])
        cross = {"shape": "cross", "filled": True, "size": 90, "color": self.look.muted}
        self.add("baselines", drawn, "point", cross, tooltip=_baseline_tooltip(active(), self.of))
        taken = drawn["family"] == recommended
        if taken.any():
            self.add("recommended", drawn[taken], "point", _DIAMOND | {"stroke": self.look.text})
        for _, one in drawn[taken].iterrows():
            words = say("{model} (recommended)", model=one["label"])
            self.label(f"{words}{one['arrow']}", one.to_frame().T, self.look.text)
        for (_, _, arrow), same in drawn[~taken].groupby(["drawn_x", "drawn_y", "arrow"], sort=False):
            self.label(say(", ").join(same["label"]) + str(arrow), same.head(1), self.look.muted)

    def trials(self, color: Any, selected: int | None) -> None:
        """Trials as circles (triangles beyond the axes), the selected one ringed."""
        if selected is not None:
            ring = {"size": 260, "stroke": self.look.text, "strokeWidth": 2.5, "filled": False}
            self.layers.append(layer("trials", "point", ring, x=self.x, y=self.y))
            self.layers[-1]["transform"] = [{"filter": f"datum.number === {int(selected)}"}]
        beyond = {"condition": {"test": "datum.beyond", "value": "triangle-up"}, "value": "circle"}
        style: dict[str, Any] = {
            "filled": True,
            "size": 64,
            "opacity": 0.9,
            "stroke": self.look.background,
            "strokeWidth": 0.7,
        }
        style["strokeMiterLimit"] = {"expr": f"datum.fresh ? {FRESH_MITER} : {MITER}"}
        about = _trial_tooltip(active(), self.of, tuple(parameters_of(self.done)))
        points = layer("trials", "point", style, x=self.x, y=self.y, color=color, shape=beyond, tooltip=about)
        self.layers.append(points | {"name": "trials"})

    def best(self, recommended: Recommended = None) -> None:
        """Diamonds with labels around the trial of lowest AICc and the recommended one."""
        if not len(self.tables["trials"]):
            return
        best = self.tables["trials"].nsmallest(1, "aicc")
        self.add("best", best, "point", _DIAMOND | {"stroke": self.look.accent})
        first = [(say(_BEST), best[["drawn_x", "drawn_y"]], self.look.accent, False)]
        taken = self.tables["trials"].loc[self.tables["trials"]["number"] == recommended]
        if len(taken):
            first.append((say("recommended"), taken[["drawn_x", "drawn_y"]], self.look.text, False))
            if recommended not in best["number"].to_numpy():
                self.add("recommended", taken, "point", _DIAMOND | {"stroke": self.look.text})
        self._labels = first + self._labels

    def whole(self, title: str, subtitle: str, description: str) -> Layered:
        """The chart. A click on a trial selects it, and an area that is drawn brushes those in it."""
        best = say("No trial is complete.")
        if len(self.done):
            first = self.done.loc[self.done["aicc"].idxmin()]
            best = say(
                "Trial {number} has the lowest AICc, {aicc:,.2f}, with K = {parameters:,.6g}.",
                number=first["number"],
                aicc=first["aicc"],
                parameters=first["n_params"],
            )
        return layered(
            self.layers + (self._label_layers() if len(self.done) else self._empty()),
            self.tables,
            params=selections(),
            title=heading(title, subtitle, self.look),
            height=HEIGHT,
            width="container",
            padding=PADDING,
            config=self.look.config,
            description=say("{title}. {subtitle}", title=description, subtitle=best),
        )

    @property
    def note(self) -> str:
        """How many trials lie beyond the axes."""
        return beyond_words(int(self.tables["trials"]["beyond"].sum()))

    def _empty(self) -> list[dict[str, Any]]:
        """A sentence in the middle of the plot, where there are no points yet."""
        self.tables["empty"] = pd.DataFrame({"words": [say(_NOTHING_YET)]})
        middle = {"x": {"value": {"expr": "width / 2"}}, "y": {"value": {"expr": "height / 2"}}}
        style = {"align": "center", "baseline": "middle", "fontSize": 13, "color": self.look.muted}
        return [layer("empty", "text", style, text=nominal("words"), **middle)]

    def _label_layers(self) -> list[dict[str, Any]]:
        """The labels that find room, over a halo in the colour of the background."""
        if not self._labels:
            return []
        # below and to the left of the lowest AICc there are hardly any trials
        wanted = [
            Label(text, [tuple(place) for place in self._along(places)], text == say(_BEST), optional)
            for text, places, _, optional in self._labels
        ]
        marks = [self.tables[name] for name in ("trials", "baselines") if name in self.tables]
        points = np.concatenate([self._along(each) for each in marks])
        lines, fronts = ([self._along(line) for line in drawn] for drawn in (self._lines, self._fronts))
        found = placed(wanted, Obstacles(points, lines, fronts))
        rows = [
            {"label": text, "ink": ink} | places.iloc[place.pop("at")].to_dict() | place
            for (text, places, ink, _), place in zip(self._labels, found, strict=True)
            if place
        ]
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
        # a label that is not beside its mark is joined to it by a thin line
        labels_at = self.tables["labels"]
        above, aside = labels_at["dy"].abs() > _BESIDE, labels_at["dx"].abs() > _BESIDE
        far = labels_at[above | aside]
        right = far["dx"].where(aside, far["dx"] / 2) - _GAP * np.sign(far["dx"]) * aside
        down = far["dy"] - _HALF_LINE * np.sign(far["dy"]) * ~aside
        self.tables["leaders"] = far.assign(right=right, down=down)
        ends: dict[str, Any] = {"x2Offset": {"expr": "datum.right"}, "y2Offset": {"expr": "datum.down"}}
        leader = {"color": self.look.faint, "strokeWidth": 1, "aria": False} | ends
        there = {"x2": {"field": "drawn_x"}, "y2": {"field": "drawn_y"}}
        leaders = layer("leaders", "rule", leader, x=self.x, y=self.y, **there)
        ink = nominal("ink") | {"scale": None, "legend": None}
        place = {"x": self.x, "y": self.y, "text": nominal("label")}
        labels = [layer("labels", "text", halo, **place), layer("labels", "text", style, **place, color=ink)]
        return [leaders, *labels] if len(self.tables["leaders"]) else labels

    def _along(self, frame: pd.DataFrame) -> Any:
        """Where drawn values lie in the plot, (m, 2), 0 to 1 from the left and from the bottom."""
        return np.column_stack([self.across.along(frame["drawn_x"]), self.up.along(frame["drawn_y"])])


@cache
def selections() -> list[dict[str, Any]]:
    """A click that selects a trial of the layer `trials`, and an area that is drawn."""
    clicks = alt.selection_point(name=SELECTED, fields=["number"], on="click", clear="dblclick", empty=False)
    area = alt.selection_interval(name=BRUSHED, encodings=["x", "y"])
    return [vega_lite(made.param) | {"views": ["trials"]} for made in (clicks, area)]


def baseline_frame(baselines: Sequence[Baseline], of: Measure, recommended: Recommended = None) -> pd.DataFrame:
    """The baselines to draw, the recommended one among them, with the columns of a table of trials and a label."""
    rows = [
        b.to_dict() | {"label": say(label(b.family, of.task))}
        for b in baselines
        if b.aicc is not None and (b.family in _DRAWN or b.family == recommended)
    ]
    numbers = ["n_params", of.fit_column, of.error_column, "aicc"]
    return pd.DataFrame(rows, columns=["family", *numbers, "label"]).astype(dict.fromkeys(numbers, float))


@cache
def _trial_tooltip(language: str, of: Measure, parameters: tuple[str, ...]) -> list[dict[str, Any]]:
    return vega_lite(tooltip(of, parameters))  # type: ignore[no-any-return]


@cache
def _baseline_tooltip(language: str, of: Measure) -> list[dict[str, Any]]:
    lines = [
        alt.Tooltip("label:N", title=say("model")),
        number("n_params", say("number of parameters K")),
        number("aicc", say("AICc"), ",.2f"),
        *fit_and_error(of),
    ]
    return vega_lite(lines)  # type: ignore[no-any-return]
