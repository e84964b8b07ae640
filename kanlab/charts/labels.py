"""Where the labels of a chart go: beside their marks, inside the plot, and none over another.

They are placed for a plot as narrow as a phone shows. In a wider one the marks lie further apart and the labels stay as large,
so that labels apart in the narrow plot are apart in every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT = 250.0, 200.0  # of the plot, px
_CHARACTER, _LINE = 7.0, 16.0  # of a label at 12 px, generously
_GAP = 10.0


_SHIFTS = (0.0, 17.0, -17.0, 34.0, -34.0, 51.0, -51.0)
_BESIDE = [(side, dy) for dy in _SHIFTS for side in ("left", "right", "center")]
_BELOW = [("right", 17.0), ("left", 17.0), *_BESIDE]


@dataclass(frozen=True)
class Label:
    """A text at a mark. u, v: where in the plot, 0 to 1 from the left and from the bottom.  below: rather than beside it."""

    text: str
    u: float
    v: float
    below: bool = False


Box = tuple[float, float, float, float]


def placed(labels: Sequence[Label]) -> list[dict[str, Any] | None]:
    """For each label its align, dx and dy (px, down), the first ones first; None where there is no room for it.

    >>> placed([Label("mean", 0.5, 0.5), Label("linear", 0.5, 0.5)])
    [{'align': 'left', 'dx': 10.0, 'dy': 0.0}, {'align': 'right', 'dx': -10.0, 'dy': 0.0}]
    """
    taken: list[Box] = []
    places: list[dict[str, Any] | None] = []
    for label in labels:
        found = None
        for side, dy in _BELOW if label.below else _BESIDE:
            if side == "center" and not dy:
                continue  # over the mark itself
            box = _box(label, side, dy)
            if _inside(box) and not any(_overlap(box, other) for other in taken):
                found = {"align": side, "dx": {"left": _GAP, "right": -_GAP, "center": 0.0}[side], "dy": dy}
                taken.append(box)
                break
        places.append(found)
    return places


def _box(label: Label, side: str, dy: float) -> Box:
    """Left, right, top and bottom of a label, px from the top left corner of the plot."""
    x, y, width = label.u * _WIDTH, (1.0 - label.v) * _HEIGHT + dy, _CHARACTER * len(label.text)
    left = {"left": x + _GAP, "right": x - _GAP - width, "center": x - width / 2}[side]
    return left, left + width, y - _LINE / 2, y + _LINE / 2


def _inside(box: Box) -> bool:
    return box[0] >= 0 and box[1] <= _WIDTH and box[2] >= 0 and box[3] <= _HEIGHT


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
