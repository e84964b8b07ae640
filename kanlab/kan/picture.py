"""A small picture of a network for notebooks: its nodes, and every edge with its curve.

What accounts for what is in the diagram of a study's model (kanlab.explain.diagram), which knows the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from kanlab.arrays import Array
from kanlab.colours import LIGHT
from kanlab.language import say

MOST = 8  # edges into one node, and nodes of a layer, that are drawn
_ROW, _COLUMN, _BOX, _LEFT = 34, 190, (44, 20), 110


def picture(curves: Sequence[Array], names: Sequence[str], words: str) -> str:
    """HTML of a network.

    Parameters
    ----------
    curves : sequence of ndarray of shape (n_in, n_out, points)
        The edges of each layer over the range of their input.
    names : sequence of str
        Of the inputs.
    words : str
        A sentence on it.
    """
    widths = [len(curves[0]), *(layer.shape[1] for layer in curves)]
    shown = [min(width, MOST) for width in widths]
    height = _ROW * max(max(shown), 2)

    def place(column: int, node: int) -> tuple[float, float]:
        return _LEFT + column * _COLUMN, height * (node + 0.5) / shown[column]

    parts = []
    for column, layer in enumerate(curves):
        largest = float(np.ptp(layer, axis=2).max()) or 1.0
        for i in range(shown[column]):
            for j in range(shown[column + 1]):
                (x0, y0), (x1, y1) = place(column, i), place(column + 1, j)
                strength = float(np.ptp(layer[i, j])) / largest
                parts.append(
                    f'<path d="M{x0:.0f} {y0:.1f}L{x1:.0f} {y1:.1f}" stroke="currentColor" '
                    f'stroke-opacity="{0.08 + 0.4 * strength:.2f}"/>'
                )
                at = 0.16 + 0.34 * (j + 0.5) / shown[column + 1]  # apart from the others of its node
                parts.append(_curve(layer[i, j], x0 + at * (x1 - x0), y0 + at * (y1 - y0), 0.25 + 0.75 * strength))
    parts += [
        f'<text x="{_LEFT - 8}" y="{place(0, i)[1] + 4:.1f}" text-anchor="end" fill="currentColor">{escape(name[:16])}</text>'
        for i, name in enumerate(names[: shown[0]])
    ]
    for column, count in enumerate(shown):
        for node in range(count):
            x, y = place(column, node)
            parts.append(f'<circle cx="{x:.0f}" cy="{y:.1f}" r="3.5" fill="currentColor"/>')
    rest = "" if shown == widths else " " + say("The first {most} nodes of a layer are drawn.", most=MOST)
    width = _LEFT + _COLUMN * len(curves) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(words)}" font-size="12" style="max-width:100%;height:auto">{"".join(parts)}</svg>'
        f"<p>{escape(words)}{rest}</p>"
    )


def _curve(values: Array, x: float, y: float, opacity: float) -> str:
    """A curve in a box around a place."""
    wide, high = _BOX
    span = float(np.ptp(values)) or 1.0
    heights = (values - values.min()) / span if np.ptp(values) else np.full(len(values), 0.5)
    points = " ".join(
        f"{x + wide * (t - 0.5):.1f},{y + high * (0.5 - v):.1f}"
        for t, v in zip(np.linspace(0.0, 1.0, len(values)), heights, strict=True)
    )
    style = f'fill="none" stroke="{LIGHT.accent}" stroke-width="1.6" stroke-opacity="{opacity:.2f}"'
    return f'<polyline points="{points}" {style}/>'
