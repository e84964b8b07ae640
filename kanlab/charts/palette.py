"""The colours of the charts: those of the theme, and of viridis the part that its background does not swallow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kanlab import colours


@dataclass(frozen=True)
class Palette(colours.Colours):
    """The colours of one theme. background: also of the halo of a label.  ramp: the part of viridis that is drawn."""

    ramp: tuple[float, float] = (0.0, 1.0)

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
            "axisY": {"labelFlush": False},
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


LIGHT = Palette(**asdict(colours.LIGHT), ramp=(0.0, 0.82))
DARK = Palette(**asdict(colours.DARK), ramp=(0.28, 1.0))
