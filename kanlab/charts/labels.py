"""Where the labels of a chart go: beside their marks, inside the plot, none over another, and over as few marks as can be.

A label has the same size in every plot, and marks lie further apart in a wide one. So a place is judged in plots as wide as a
phone, half a page and a page show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.text import columns_of

_SIZES = np.array([[250.0, 200.0], [480.0, 230.0], [1050.0, 230.0]])  # width and height of the plots, px
_CHARACTER, _LINE = 7.0, 16.0  # of a label at 12 px, generously
_GAP = 10.0
_AROUND_POINT, _AROUND_LINE = 5.5, 1.0  # px
_LINE_COSTS, _FRONT_COSTS = 0.2, 1.6  # of a sampled point of a line, beside a mark
_AWAY_COSTS = 3.0  # of each shift but the first: a label far from its mark seems to be of another
_STEP = 0.02  # of the plot, between the points that stand for a line

_SHIFTS = (0.0, 17.0, -17.0, 34.0, -34.0, 51.0, -51.0, 68.0, -68.0, 85.0, -85.0)
_BESIDE = [(side, dy) for dy in _SHIFTS for side in ("left", "right", "center") if dy or side != "center"]
_BELOW = [("right", 17.0), ("left", 17.0), *_BESIDE]
_ASIDE = (24.0, 48.0, 72.0)  # px further along, joined to its mark by a line
_ASIDE_COSTS = 1.5  # of each length of a shift
_TRIES = [(side, dy, 0.0) for side, dy in _BESIDE] + [
    (side, dy, aside) for aside in _ASIDE for dy in (17.0, -17.0, 34.0, -34.0) for side in ("left", "right")
]
_TRIES_BELOW = [(side, dy, 0.0) for side, dy in _BELOW]
_TOWARDS = {"left": 1.0, "right": -1.0, "center": 0.0}  # by its align, where a label lies from its mark
_NEAR = 17.0  # px that an optional label is away from its mark at most, or it is left out


@dataclass(frozen=True)
class Label:
    """A text at a mark.

    places: where the mark is in the plot, 0 to 1 from the left and from the bottom; of a curve several, of which one is taken.
    below: rather than beside it.  optional: left out where it would lie over a mark.
    """

    text: str
    places: Sequence[tuple[float, float]]
    below: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Obstacles:
    """What labels should not cover: points (m, 2) and corners of lines (c, 2), 0 to 1 from the left and from the bottom.

    fronts: lines that are drawn more strongly.
    """

    points: Array
    lines: Sequence[Array] = ()
    fronts: Sequence[Array] = ()

    @property
    def marks(self) -> tuple[Array, Array, Array]:
        """Places (m, 2), half sizes (m,) in px, and what covering each costs (m,)."""
        points = self.points.reshape(-1, 2)
        parts = [(points, _AROUND_POINT, 1.0)]
        for lines, costs in ((self.lines, _LINE_COSTS), (self.fronts, _FRONT_COSTS)):
            parts += [(_sampled(line), _AROUND_LINE, costs) for line in lines if len(line)]
        sizes = [len(at) for at, *_ in parts]
        around, costs_of = (np.repeat([part[i] for part in parts], sizes) for i in (1, 2))
        return np.concatenate([at for at, *_ in parts]), around, costs_of


NO_OBSTACLES = Obstacles(np.zeros((0, 2)))


def placed(labels: Sequence[Label], obstacles: Obstacles = NO_OBSTACLES) -> list[dict[str, Any] | None]:
    """For each label the index `at` of its place, its align, dx and dy (px, down), the first labels first.

    None where there is no room for it.

    >>> there = [(0.5, 0.5)]
    >>> for found in placed([Label("mean", there), Label("linear", there)]):
    ...     print(found)
    {'at': 0, 'align': 'left', 'dx': 10.0, 'dy': 0.0}
    {'at': 0, 'align': 'right', 'dx': -10.0, 'dy': 0.0}
    """
    marks, around, costs = obstacles.marks
    centres = marks[None] * _SIZES[:, None]
    centres[..., 1] = _SIZES[:, 1:] - centres[..., 1]  # px from the top left corner, (sizes, marks, 2)
    x, y = centres[..., 0], centres[..., 1]
    taken = np.zeros((0, *_SIZES.shape[:1], 4))
    found: list[dict[str, Any] | None] = []
    for label in labels:
        tries = [
            (at, side, dy, aside)
            for at in range(len(label.places))
            for side, dy, aside in (_TRIES_BELOW if label.below else _TRIES)
            if not label.optional or (abs(dy) <= _NEAR and not aside)
        ]
        boxes = np.array([_boxes(label.text, label.places[at], side, dy, aside) for at, side, dy, aside in tries])
        room = _inside(boxes) & ~_overlap(boxes, taken)
        away = np.array(
            [
                _AWAY_COSTS * max(0.0, abs(dy) / _SHIFTS[1] - 1.0) + _ASIDE_COSTS * aside / _SHIFTS[1]
                for _, _, dy, aside in tries
            ]
        )
        cost = np.full(len(tries), np.inf)
        left, top, right, bottom = np.moveaxis(boxes[room], 2, 0)[..., None]
        covered = (x > left - around) & (x < right + around) & (y > top - around) & (y < bottom + around)
        cost[room] = covered.sum(axis=1) @ costs
        best = int(np.argmin(cost + away))
        if not np.isfinite(cost[best]) or (label.optional and cost[best] > 0):
            found.append(None)
            continue
        at, side, dy, aside = tries[best]
        found.append({"at": at, "align": side, "dx": _TOWARDS[side] * (_GAP + aside), "dy": dy})
        taken = np.concatenate([taken, boxes[best : best + 1]])
    return found


def _sampled(line: Array) -> Array:
    """Points along the straight pieces of a line, no further apart than _STEP."""
    line = line[np.isfinite(line).all(axis=1)]
    counts = np.ceil(np.abs(np.diff(line, axis=0)).max(axis=1, initial=0.0) / _STEP).astype(int).clip(1)
    pieces = [
        begin + np.linspace(0.0, 1.0, count, endpoint=False)[:, None] * (end - begin)
        for begin, end, count in zip(line[:-1], line[1:], counts, strict=True)
    ]
    return np.concatenate([*pieces, line[-1:]])


def _boxes(text: str, place: tuple[float, float], side: str, dy: float, aside: float = 0.0) -> Array:
    """Left, top, right and bottom of a label in each plot, px from the top left corner."""
    x, y, width = place[0] * _SIZES[:, 0], (1.0 - place[1]) * _SIZES[:, 1] + dy, _CHARACTER * columns_of(text)
    x = x + _TOWARDS[side] * (_GAP + aside)
    left = {"left": x, "right": x - width, "center": x - width / 2}[side]
    return np.stack([left, y - _LINE / 2, left + width, y + _LINE / 2], axis=1)


def _inside(boxes: Array) -> Mask:
    """Which of the labels, (many, sizes, 4), lie inside every plot."""
    within: Mask = (boxes[..., :2] >= 0) & (boxes[..., 2:] <= _SIZES)
    return np.asarray(np.all(within, axis=(1, 2)))


def _overlap(boxes: Array, taken: Array) -> Mask:
    """Which of the labels lie over one that is placed, in any plot."""
    one, other = boxes[:, None], taken[None]
    over: Mask = (one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])
    return np.asarray(np.any(np.all(over, axis=3), axis=(1, 2)))
