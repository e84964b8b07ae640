"""Every chart as SVG: a button beside Streamlit's own "Download as PNG" in the toolbar of each chart. The diagram as PNG.

The chart is in the page as SVG, so the browser writes the file: with the background of the theme, every text as long as it is
in the page, and the font, which it asks this server for.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import streamlit as st

from kanlab.fonts import FONTS, font_face
from kanlab.language import active, say, use

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "chart-font"
_LONGEST = 4096  # bytes of a query


def apply() -> None:
    """Call it once per run, in app.py."""
    st.html(_script(active()), unsafe_allow_javascript=True)


@cache
def _script(language: str) -> str:
    text = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    for words, told in (("Download as SVG", say("Download as SVG")), ("Told as PNG", say("Download as PNG"))):
        text = text.replace(json.dumps(words), json.dumps(told, ensure_ascii=False))
    text = text.replace("FONTS", FONTS).replace("ADDRESS", f"{PAGE}?language={language}&text=")
    return f"<script>{text}</script>"


class ChartFont:
    """An ASGI application that answers to /chart-font, and leaves everything else to the app.

    chart-font?language=zh&text=abc    the CSS that brings along the font for these characters
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or _page(scope) != PAGE:
            await self._app(scope, receive, send)
            return
        from starlette.responses import Response

        asked = parse_qs(scope["query_string"][:_LONGEST].decode("latin-1"), errors="replace")
        with use("zh" if asked.get("language") == ["zh"] else "en"):
            css = font_face(asked.get("text", [""])[0])
        kept = {"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"}
        await Response(css, headers=kept, media_type="text/css")(scope, receive, send)


def _page(scope: Scope) -> str:
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return str(scope["path"]).strip("/").removeprefix(base).strip("/")
