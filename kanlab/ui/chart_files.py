"""Every chart as SVG: a button beside Streamlit's own "Download as PNG" in the toolbar of each chart. The diagram as PNG.

The chart is in the page as SVG, so the browser writes the file: with the background of the theme, and every text as long as it
is in the page, whatever font stands in where the file is opened.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import streamlit as st

from kanlab.colours import FONTS
from kanlab.language import active, say


def apply() -> None:
    """Call it once per run, in app.py."""
    st.html(_script(active()), unsafe_allow_javascript=True)


@cache
def _script(language: str) -> str:
    text = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    for words, told in (("Download as SVG", say("Download as SVG")), ("Told as PNG", say("Download as PNG"))):
        text = text.replace(json.dumps(words), json.dumps(told, ensure_ascii=False))
    text = text.replace("FALLBACK", FONTS)
    return f"<script>{text}</script>"
