"""The colours of the charts, one palette a theme.

Text and accent pass WCAG AA (4.5:1) on their background, marks 3:1. Orange and blue, and the viridis scale, are told apart
with any colour vision; of viridis each theme leaves out the end that its background swallows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Palette:
    """background: also of the halo of a label.  faint: marks that stay behind the others.  ramp: the part of viridis drawn."""

    name: str
    background: str
    text: str
    muted: str
    faint: str
    grid: str
    accent: str
    second: str
    ramp: tuple[float, float]

    @property
    def scheme(self) -> dict[str, Any]:
        """Viridis as a Vega scheme; charts reverse it, so that low values are bright."""
        return {"name": "viridis", "extent": list(self.ramp)}

    @property
    def config(self) -> dict[str, Any]:
        """The Vega-Lite configuration of every chart in this theme."""
        words = {"labelColor": self.muted, "titleColor": self.muted}
        return {
            "axis": words
            | {"gridColor": self.grid, "titlePadding": 10, "labelPadding": 6, "titleFontWeight": "normal"},
            "legend": words | {"titlePadding": 6, "labelPadding": 4, "titleLimit": 300, "labelLimit": 300},
            "header": {"labelColor": self.text, "titleColor": self.muted},
            "title": {"color": self.text, "subtitleColor": self.muted},
        }

    def on_ramp(self, share: float) -> str:
        """Black or white, whichever is read on the colour of this share (0 for the minimum) of the reversed scheme."""
        low, high = self.ramp
        return (
            "#000000" if low + (high - low) * (1.0 - share) > 0.45 else "#ffffff"
        )  # viridis reaches 18% luminance there


LIGHT = Palette(
    "light", "#ffffff", "#1f2328", "#5c636b", "#8d959e", "#e7e9ec", "#b93a06", "#1864ab", (0.0, 0.82)
)  # fmt: skip
DARK = Palette(
    "dark", "#0f1216", "#e6e8eb", "#a7afb8", "#646c76", "#262b32", "#f28a4b", "#74c0fc", (0.28, 1.0)
)  # fmt: skip
