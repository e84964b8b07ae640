"""The colours of pages, charts, diagrams and reports, chosen here once for a light and a dark theme.

Text, muted text and accent pass WCAG AA (4.5:1) on the background and on a tint of the accent, and so does what is written on
the accent; marks reach 3:1. Orange and blue are told apart with any colour vision.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colours:
    """One theme. muted: of labels and captions.  faint: of marks that stay behind the others.  on_accent: of text on it."""

    name: str
    background: str
    text: str
    muted: str
    faint: str
    grid: str
    accent: str
    on_accent: str
    second: str

    @property
    def css(self) -> str:
        """As the variables of a page that is written by kanlab alone: a report, a presentation."""
        colours = {"text": self.text, "page": self.background, "muted": self.muted, "line": self.grid}
        colours |= {"accent": self.accent, "on-accent": self.on_accent, "second": self.second}
        return " ".join(f"--{name}: {value};" for name, value in colours.items())


LIGHT = Colours(
    name="light", background="#ffffff", text="#1f2328", muted="#5c636b", faint="#8d959e", grid="#e7e9ec",
    accent="#b93a06", on_accent="#ffffff", second="#1864ab",
)  # fmt: skip
DARK = Colours(
    name="dark", background="#0f1216", text="#e6e8eb", muted="#a7afb8", faint="#646c76", grid="#262b32",
    accent="#f28a4b", on_accent="#0f1216", second="#74c0fc",
)  # fmt: skip
