"""The page of a presentation: one screen, large type, moved by keys, clicks at its edges and swipes. One file, no address."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from kanlab.colours import DARK, LIGHT
from kanlab.fonts import ALLOWED, FONTS, font_face
from kanlab.language import TAGS, active, marked, say
from kanlab.selection import playback
from kanlab.text import kept_together

_WORDS = {  # of the script
    "none": marked("no prediction"),
    "interval": marked("{share}% interval: {low} to {high}"),
    "set": marked("{share}% set of classes: {classes}"),
    "outside": marked("This row lies outside the training rows: trust it less."),
}


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
    content = {
        "whatIf": data if code else None,
        "leave": leave,
        "words": {name: say(text) for name, text in _WORDS.items()},
    }
    known = json.dumps(content, ensure_ascii=True).replace("<", "\\u003c")
    script = f"{code}\nconst KNOWN = {known};\n{_beside('present.js')}"
    rules = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    rules += f"{ALLOWED}; "
    rules += playback.allowed(playback.SCRIPT, script)
    dots = "".join(
        f'<button type="button" aria-label="{escape(_place(s, i, len(slides)))}"></button>'
        for i, s in enumerate(slides, 1)
    )
    pictures = "".join(_section(s, i, len(slides)) for i, s in enumerate(slides, 1))
    style = f"{font_face(title + pictures + repr(content))}{_themes()}{playback.STYLE}{_style()}"
    text = (
        f'<!DOCTYPE html>\n<html lang="{TAGS[active()]}" data-theme="{escape(theme, quote=True)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n<body><main>"
        f"{pictures}</main>"
        f'<button type="button" class="edge back" tabindex="-1" aria-label="{escape(say("Previous"))}"></button>'
        f'<button type="button" class="edge on" tabindex="-1" aria-label="{escape(say("Next"))}"></button>'
        f'<nav aria-label="{escape(say("Pictures"))}">{dots}</nav>'
        f"<script>{playback.SCRIPT}</script><script>{script}</script></body></html>\n"
    )
    return text, f"{rules}; form-action 'none'; frame-ancestors 'none'"


@cache
def _beside(name: str) -> str:
    """A file beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _style() -> str:
    return _beside("present.css").replace("FONTS", FONTS)


def _place(slide: Slide, number: int, count: int) -> str:
    """Where a picture stands among all of them."""
    return say("{number} of {count}: {kicker}", number=number, count=count, kicker=slide.kicker)


def _themes() -> str:
    dark = f"color-scheme: dark; {DARK.css}"
    return (
        f":root {{ color-scheme: light; {LIGHT.css} }} "
        f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }} '
        f':root[data-theme="dark"] {{ {dark} }}'
    )


def _headline(words: str) -> str:
    """A headline in HTML; a line ends at its colon before it ends elsewhere.

    >>> _headline("2 rows: what is <y>?")
    '<span>2 rows: </span><span>what is &lt;y&gt;?</span>'
    """
    parts = re.split("(?<=: )|(?<=：)", words, maxsplit=1)
    return kept_together("".join(f"<span>{escape(part)}</span>" for part in parts))


def _section(slide: Slide, number: int, count: int) -> str:
    words = "".join(f"<p>{escape(line)}</p>" for line in slide.words)
    label, role = escape(_place(slide, number, count)), escape(say("slide"))
    kind, headline = "wide" if slide.wide else "beside", _headline(slide.headline)
    return (
        f'<section class="{kind}" role="group" aria-roledescription="{role}" aria-label="{label}" tabindex="0">'
        f'<header><p class="kicker">{number} · {escape(slide.kicker)}</p><h1>{headline}</h1>{words}</header>'
        f'<div class="picture">{slide.picture}</div></section>'
    )
