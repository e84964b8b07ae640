"""Axes of charts that are drawn as SVG, for pages without a library of charts."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One axis: values from low to high lie between the pixels start and end, by their logarithm where it is one.

    >>> Axis(0.0, 10.0, 0.0, 100.0)(2.5), Axis(1.0, 100.0, 0.0, 100.0, log=True)(10.0)
    (25.0, 50.0)
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value, which is held to the axis."""
        held = min(max(value, self.low), self.high)
        low, high, at = (np.log(v) if self.log else v for v in (self.low, self.high, held))
        return float(self.start + (self.end - self.start) * (at - low) / ((high - low) or 1.0))

    @property
    def ticks(self) -> list[float]:
        """Round numbers along it, about five."""
        found = decades(self.low, self.high) if self.log else []
        return found if len(found) >= 3 else round_numbers(self.low, self.high)


def round_numbers(low: float, high: float) -> list[float]:
    """Round numbers between two others, about five.

    >>> round_numbers(0.0, 10.0), round_numbers(-0.5, 4.0)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    """
    if not high > low:
        return [low]
    raw = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = np.ceil(low / step)
    return [float(round(v * step, 10)) + 0.0 for v in np.arange(first, np.floor(high / step) + 1)]  # no -0


def decades(low: float, high: float) -> list[float]:
    """Powers of ten between two numbers above 0; with 2 and 5 times them where they are few.

    >>> decades(0.5, 30.0), decades(0.5, 5e6)
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [10.0, 1000.0, 100000.0])
    """
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    times, step = ((1, 2, 5), 1) if last - first <= 3 else ((1,), 1 + (last - first) // 6)
    found = [m * 10.0**power for power in range(first, last + 1, step) for m in times]
    return [float(f"{v:.12g}") for v in found if low <= v <= high]


def tick_text(value: float) -> str:
    """A number beside an axis.

    >>> tick_text(0.5), tick_text(1520000.0), tick_text(1e-7)
    ('0.5', '1,520,000', '1e-07')
    """
    return f"{value:,.9g}"


def frame(across: Axis, up: Axis, title: str, measure: str, height: float) -> str:
    """Lines and numbers of both axes as SVG. title: of the lower axis.  measure: of the other.  height: of the picture."""
    left, right, foot = across.start, across.end, up.start
    parts = [f'<path d="M{left} {foot}H{right}" stroke="currentColor" stroke-opacity=".5"/>']
    for value in up.ticks:
        parts.append(
            f'<path d="M{left} {up(value):.1f}H{right}" stroke="currentColor" stroke-opacity=".12"/>'
            f'<text x="{left - 8}" y="{up(value) + 4:.1f}" text-anchor="end" fill="currentColor">{tick_text(value)}</text>'
        )
    for value in across.ticks:
        at = f'x="{across(value):.1f}" y="{foot + 18}"'
        parts.append(f'<text {at} text-anchor="middle" fill="currentColor">{tick_text(value)}</text>')
    middle = (left + right) / 2
    parts.append(
        f'<text x="{middle}" y="{height - 8}" text-anchor="middle" fill="currentColor">{escape(title)}</text>'
        f'<text x="4" y="12" fill="currentColor">{escape(measure)}</text>'
    )
    return "".join(parts)
