"""The report on paper: its style for print, with page numbers and the name of the study at the foot of each page."""

from __future__ import annotations

import re

from kanlab.colours import LIGHT
from kanlab.fonts import FONTS
from kanlab.language import say
from kanlab.text import short

_STYLE = """
@page { margin: 15mm 14mm 17mm;
  @bottom-left { content: "NAME"; font: 9pt FONTS; color: MUTED; }
  @bottom-right { content: NUMBERS; font: 9pt FONTS; color: MUTED; } }
@media print {
  html { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h1, h2 { break-after: avoid; } h2 + *, h2 + ul + pre { break-before: avoid; }
  p:has(+ .wide), p.lines { break-after: avoid; }
  p, li, dl > * { orphans: 3; widows: 3; }
  figure, svg, tr, ul, dl, .choice, .figures, .lines { break-inside: avoid; }
  .wide { overflow: visible; break-inside: avoid; } .wide:has(> svg), .wide:has(> svg) + p { break-after: auto; }
  .playback + p { break-before: avoid; } .figures { gap: .5rem 1.3rem; }
  figure:not(.playback) { width: 13.3rem; }
  .wide > svg, figure svg { max-width: 100% !important; height: auto; max-height: 21cm; }
  table { font-size: 9pt; max-width: 100%; } thead { display: table-header-group; }
  th, td { padding: .2rem .45rem; white-space: normal; } th:first-child, td:first-child { min-width: 16rem; }
  .few :is(th, td):first-child { min-width: 4rem; }
  .wide:has(tr:nth-of-type(25)) { break-inside: auto; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; overflow: visible; font-size: 8.5pt; }
}
"""


def print_style(name: str) -> str:
    r"""The style for print. name: of the study, at the foot of each page.

    >>> 'content: "a \\22 b\\22  \\3c \\2f style\\3e "' in print_style('a "b" </style>')
    True
    """
    style = _STYLE.replace("MUTED", LIGHT.muted).replace("FONTS", FONTS).replace("NUMBERS", _numbers())
    return style.replace("NAME", "".join(_plain(c) for c in short(" ".join(name.split()), 70)))


def _numbers() -> str:
    """The number of the page among all of them, as CSS counts them."""
    parts = re.split(r"\{(page|pages)\}", say("{page} of {pages}"))
    return " ".join(f"counter({p})" if i % 2 else f'"{p}"' for i, p in enumerate(parts) if p)


def _plain(character: str) -> str:
    """A character in a string of CSS, within a page."""
    return character if character.isalnum() or character in " -_.,()" else f"\\{ord(character):x} "
