"""The colours of the pages: chosen once, and readable by WCAG 2.1 (success criterion 1.4.3 and 1.4.11)."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from kanlab.colours import DARK, LIGHT, Colours
from kanlab.ui import theme

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
THEMES = [pytest.param(colours, id=colours.name) for colours in (LIGHT, DARK)]
AA, MARKS = 4.5, 3.0
TINT = 0.1  # of the primary colour, on which Streamlit writes in it where a button of several is pressed


def rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(channels: list[float]) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def contrast(one: list[float], other: list[float]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def over(colour: str, share: float, background: str) -> list[float]:
    """A colour of so much opacity over another."""
    return [share * c + (1 - share) * b for c, b in zip(rgb(colour), rgb(background), strict=True)]


def test_the_ratio_is_that_of_wcag() -> None:
    assert contrast(rgb("#ffffff"), rgb("#000000")) == pytest.approx(21.0)
    assert contrast(rgb("#767676"), rgb("#ffffff")) == pytest.approx(4.54, abs=0.005)  # the greyest AA grey on white


@pytest.mark.parametrize("colours", THEMES)
def test_text_and_accent_pass_aa_on_page_surface_and_tint(colours: Colours) -> None:
    surface = CONFIG[colours.name]["secondaryBackgroundColor"]
    for behind in (rgb(colours.background), rgb(surface)):
        for ink in (colours.text, colours.muted, colours.accent):
            assert contrast(rgb(ink), behind) >= AA, (ink, behind)
    assert contrast(rgb(colours.on_accent), rgb(colours.accent)) >= AA
    for page in (colours.background, surface):
        assert contrast(rgb(colours.accent), over(colours.accent, TINT, page)) >= AA
    for mark in (colours.accent, colours.second, colours.faint):
        assert contrast(rgb(mark), rgb(colours.background)) >= MARKS


@pytest.mark.parametrize("colours", THEMES)
def test_streamlit_has_the_same_colours(colours: Colours) -> None:
    configured = CONFIG[colours.name]
    assert configured["primaryColor"] == colours.accent
    assert configured["backgroundColor"] == colours.background
    assert configured["textColor"] == colours.text
    assert colours.on_accent in theme._STYLE


def test_no_other_file_chooses_a_colour() -> None:
    """But for the logos, in which an SVG cannot refer to the theme: they have its accents."""
    chosen = {
        path.relative_to(ROOT).as_posix(): found
        for folder in ("kanlab", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "colours.py"
        and (found := set(re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text())) - {"#000000", "#ffffff"})
    }
    assert chosen == {}
    for logo in (ROOT / "kanlab" / "ui").glob("*.svg"):
        assert set(re.findall(r"#[0-9a-f]{6}\b", logo.read_text())) <= {LIGHT.accent, DARK.accent}


def test_expanders_show_that_they_open() -> None:
    """Streamlit draws the icon of an expander in the place of its arrow, which a finger never brings back."""
    sources = [*(ROOT / "kanlab" / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]
    calls = [
        node
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("expander")
    ]
    assert len(calls) > 10
    assert [ast.unparse(call) for call in calls if any(word.arg == "icon" for word in call.keywords)] == []
