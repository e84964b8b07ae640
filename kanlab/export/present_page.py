"""The page of a presentation: one screen, large type, moved by keys, clicks at its edges and swipes. One file, no address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from kanlab.colours import DARK, LIGHT
from kanlab.selection import playback


class Slide(NamedTuple):
    """One picture of the story. kicker: its short name.  headline, words: sentences.  picture: HTML."""

    kicker: str
    headline: str
    words: Sequence[str]
    picture: str
    wide: bool = False


def page(
    title: str, slides: Sequence[Slide], code: str, data: Any, *, leave: str = "", theme: str = ""
) -> tuple[str, str]:
    """The page, and the rules (Content-Security-Policy) it is to be served with.

    code: a script that defines predict(row); "" where there is nothing to try.  data: for it, as JSON knows it.
    leave: where Escape goes; "" for nowhere.  theme: light or dark; "" for the reader's own.
    """
    known = json.dumps({"whatIf": data if code else None, "leave": leave}, ensure_ascii=True).replace("<", "\\u003c")
    script = f"{code}\nconst KNOWN = {known};\n{_beside('present.js')}"
    rules = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    rules += playback.allowed(playback.SCRIPT, script)
    dots = "".join(
        f'<button type="button" aria-label="{i} of {len(slides)}: {escape(s.kicker, quote=True)}"></button>'
        for i, s in enumerate(slides, 1)
    )
    text = (
        f'<!DOCTYPE html>\n<html lang="en" data-theme="{escape(theme, quote=True)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_themes()}{playback.STYLE}{_beside('present.css')}</style></head>\n<body><main>"
        f"{''.join(_section(s, i, len(slides)) for i, s in enumerate(slides, 1))}</main>"
        '<button type="button" class="edge back" tabindex="-1" aria-label="Previous"></button>'
        '<button type="button" class="edge on" tabindex="-1" aria-label="Next"></button>'
        f'<nav aria-label="Pictures">{dots}</nav>'
        f"<script>{playback.SCRIPT}</script><script>{script}</script></body></html>\n"
    )
    return text, f"{rules}; form-action 'none'; frame-ancestors 'none'"


@cache
def _beside(name: str) -> str:
    """A file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _themes() -> str:
    dark = f"color-scheme: dark; {DARK.css}"
    return (
        f":root {{ color-scheme: light; {LIGHT.css} }} "
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }} '
        f':root[data-theme="dark"] {{ {dark} }}'
    )


def _section(slide: Slide, number: int, count: int) -> str:
    words = "".join(f"<p>{escape(line)}</p>" for line in slide.words)
    label = escape(f"{number} of {count}: {slide.kicker}", quote=True)
    kind = "wide" if slide.wide else "beside"
    return (
        f'<section class="{kind}" role="group" aria-roledescription="slide" aria-label="{label}" tabindex="0">'
        f'<header><p class="kicker">{number} · {escape(slide.kicker)}</p><h1>{escape(slide.headline)}</h1>{words}</header>'
        f'<div class="picture">{slide.picture}</div></section>'
    )
