"""The font of what kanlab writes alone: reports, presentations, diagrams, the page of `kanlab serve`, charts as SVG.

It is that of the app, Source Sans 3, under another name as its licence (font_files/OFL.txt) asks. The files are parts of it,
made by benchmarks/fonts.py; a page holds those it has characters of, as data, and asks nobody for a font. Chinese is left to
the fonts of the reader's system: one that has it is megabytes.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from kanlab.language import active

FAMILY = "kanlab Sans"
FOLDER = Path(__file__).parent / "font_files"
WEIGHTS = (400, 700)  # from regular to bold, with all between
ALLOWED = "font-src data:"  # in a Content-Security-Policy
NOTICE = "From Source Sans 3, (c) 2023 Adobe; SIL Open Font License 1.1 (OFL)"

# of macOS, Windows and Linux; a program that knows no font in a file may know the one it comes from
_CHINESE = (
    "'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', 'Source Han Sans SC'"
)
FONTS = f"'{FAMILY}', 'Source Sans 3', 'Source Sans Pro', {_CHINESE}, system-ui, sans-serif"
CODE_FONTS = f"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', {_CHINESE}, monospace"

_BASIC = (
    "20-7E B0-B3 B7 BD D7 394 3C0 3C3 3C6 2013-2014 2018-2019 201C-201D 2022 2026 2080-2089 20AC 2190-2193 2196-2199 2212 "
    "221A 2248 2264-2265"
)
# characters, first-last. basic: what kanlab itself writes; the others are for names.  latin: in its place, so that the
# letters of a word are of one font
PARTS = {
    "basic": _BASIC,
    "latin": f"{_BASIC} A1-AF B4-B6 B8-BC BE-D6 D8-17F 218-21B 1E9E 201A 201E 2020-2021 2030 2032-2033 2116 20A9 20AB 20B4 "
    "20B9-20BA 20BD 2122",
    "greek": "386 388-38A 38C 38E-393 395-3A1 3A3-3BF 3C1-3C2 3C4-3C5 3C7-3CE 3D5 2070-2071 2074-207E 2113 2126 2153-215E "
    "2194 2202 2206 220F 2211 2219 221E 222B 2260-2261",
    "cyrillic": "400-45F 490-493",
}
_CHINESE_TOO = frozenset({0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026})  # as wide as a character among Chinese ones


def font_face(text: str) -> str:
    """The CSS that brings the font of FONTS along. text: all that is written in it.

    >>> font_face("RSS of the price (Δ = 3 €)").count("@font-face"), font_face("Größe").count("@font-face"), font_face("数据")
    (1, 1, '')
    """
    used, faces = frozenset(map(ord, set(text))), []
    first = "latin" if used & (part("latin") - part("basic")) else "basic"
    for name in (first, "greek", "cyrillic"):
        characters = part(name) - (_CHINESE_TOO if active() == "zh" else frozenset())
        if used & characters:
            faces.append(_face(name, characters))
    return f"/* {NOTICE} */ {''.join(faces)}" if faces else ""


def part(name: str) -> frozenset[int]:
    """The characters of a part.

    >>> [chr(code) for code in sorted(part("basic"))][:3]
    [' ', '!', '"']
    """
    ends = [[int(end, 16) for end in each.split("-")] for each in PARTS[name].split()]
    return frozenset(code for each in ends for code in range(each[0], each[-1] + 1))


@cache
def _face(name: str, characters: frozenset[int]) -> str:
    data = base64.b64encode((FOLDER / f"{name}.woff2").read_bytes()).decode()
    return (
        f"@font-face {{ font-family: '{FAMILY}'; font-weight: {WEIGHTS[0]} {WEIGHTS[1]}; "
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); unicode-range: {_ranges(characters)}; }} "
    )


def _ranges(codes: frozenset[int]) -> str:
    """Characters as CSS lists them.

    >>> _ranges(frozenset([0x41, 0x42, 0x43, 0x2026]))
    'U+41-43, U+2026'
    """
    ordered = sorted(codes)
    starts = [c for c in ordered if c - 1 not in codes]
    ends = [c for c in ordered if c + 1 not in codes]
    return ", ".join(f"U+{a:X}" if a == b else f"U+{a:X}-{b:X}" for a, b in zip(starts, ends, strict=True))
