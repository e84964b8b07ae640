r"""Formulas as MathML, which browsers draw without any library: from the LaTeX that `kanlab.explain.formula_latex` writes.

It reads that part of LaTeX alone: fractions, roots, powers, indices, brackets that grow, text, hats, Greek letters, functions.
"""

from __future__ import annotations

import re
from html import escape, unescape

from kanlab.text import columns_of

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_LEAF = re.compile(r"<(m[ino]|mtext)>[^<]*</\1>")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{aligned\}")
_SIGNS = {r"\cdot": "⋅", r"\le": "≤", r"\lvert": "|", r"\rvert": "|", "-": "−", r"\lfloor": "⌊", r"\rfloor": "⌋"}
_LETTERS = {r"\varphi": "φ", r"\pi": "π"}
_TERMS = ("<mo>+</mo>", "<mo>−</mo>")
_BRACKET, _CLOSES, _TAG = re.compile(r"<mo>([()])</mo>"), re.compile(r">[)⌋]<"), re.compile("<[^>]*>")
_LONG = 24  # signs of a product that may be broken between its factors
_SPACES = {r"\,": "0.17em", r"\quad": "1em", r"\;": "0.28em", r"\ ": "0.3em"}


def mathml(latex: str) -> list[str]:
    r"""One `<math>` a line of the formula: each statement begins one, and so does each of its further lines.

    >>> mathml(r"\begin{aligned} y &= \frac{1}{x_{2}} \end{aligned}")[0].removeprefix("<math>").removesuffix("</math>")
    '<mi>y</mi><mo>=</mo><mfrac><mn>1</mn><mrow><msub><mi>x</mi><mn>2</mn></msub></mrow></mfrac>'
    """
    lines = re.split(r"\\\\(?:\[\w+\])?", _ENVIRONMENT.sub("", latex))
    return [f"<math>{_Reader(line.replace('&', '')).row()}</math>" for line in lines]


def pieces(latex: str) -> list[str]:
    r"""A line of `kanlab.explain.formula_latex.wrapping_latex` as several `<math>`, between which a page may break it.

    >>> [p.removeprefix("<math>").removesuffix("</math>") for p in pieces("-a + b")]
    ['<mo>−</mo><mi>a</mi>', '<mo form="infix">+</mo><mi>b</mi>']
    """
    found: list[list[str]] = [[]]
    for part in _Reader(latex).parts():
        before = found[-1][-1] if found[-1] else "<mo>"
        after_operand = not before.startswith("<mo") or _CLOSES.search(before) is not None
        if part in _TERMS and after_operand:
            found.append([part.replace("<mo>", '<mo form="infix">')])
        elif part:  # a bracket grows around a fraction alone
            found[-1].append(part if "<mfrac>" in part else _BRACKET.sub(r'<mo stretchy="false">\1</mo>', part))
        elif len(_TAG.sub("", "".join(found[-1]))) > _LONG:
            found.append([])
    return [f"<math>{''.join(parts)}</math>" for parts in found if parts]


def _hatted(below: str) -> str:
    """A hat over one letter, or as wide as a name: without a font for mathematics, which few systems have, no `<mo>` grows.

    >>> _hatted("<mi>y</mi>")
    '<mover accent="true"><mi>y</mi><mo stretchy="false">ˆ</mo></mover>'
    """
    columns = columns_of(unescape(_TAG.sub("", below)))
    hat = '<mo stretchy="false">ˆ</mo>' if columns < 2 else f"<mtext>{_chevron(max(0.8, 0.5 * columns))}</mtext>"
    return f'<mover accent="true">{below}{hat}</mover>'


def _chevron(width: float) -> str:
    """A hat, thick in its middle, so many em wide."""
    return (
        f'<svg role="img" aria-label="^" viewBox="0 0 10 10" preserveAspectRatio="none" width="{width:.1f}em" '
        'height="0.26em" style="display: block; margin-bottom: 0.06em">'
        '<path d="M0 8.5 5 0 10 8.5v1.5L5 3.5 0 10z" fill="currentColor"/></svg>'
    )


class _Reader:
    """Reads one line of LaTeX."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def _next(self) -> str:
        """The next token; "" at the end."""
        found = _TOKEN.search(self._text, self._at)
        self._at = found.end() if found else len(self._text)
        return found[0] if found else ""

    def _peek(self) -> str:
        at = self._at
        token, self._at = self._next(), at
        return token

    def row(self, *ends: str) -> str:
        """What stands before one of these tokens, which is read as well."""
        return "".join(self.parts(*ends))

    def parts(self, *ends: str) -> list[str]:
        """The same one by one, "" where a line may end."""
        parts: list[str] = []
        while (token := self._next()) and token not in ends:
            if token in ("^", "_"):
                tag = "msup" if token == "^" else "msub"
                parts[-1:] = [f"<{tag}>{parts[-1] if parts else '<mrow/>'}{self._one(self._next())}</{tag}>"]
            else:
                parts.append(self._one(token))
        return parts

    def _one(self, token: str) -> str:
        """A token with what belongs to it."""
        if token == r"\allowbreak":
            return ""
        if token == "{":
            inner = self.row("}")
            return inner if _LEAF.fullmatch(inner) else f"<mrow>{inner}</mrow>"
        if token in (r"\text", r"\mathrm"):
            return f"<mtext>{escape(self._raw())}</mtext>"
        if token == r"\operatorname":
            return f"<mi>{escape(self._raw())}</mi><mo>&#8289;</mo>"
        if token == r"\frac":
            return f"<mfrac>{self._one(self._next())}{self._one(self._next())}</mfrac>"
        if token == r"\sqrt":
            return f"<msqrt>{self._one(self._next())}</msqrt>"
        if token in (r"\widehat", r"\hat"):
            return _hatted(self._one(self._next()))
        if token == r"\left":
            left, inner = self._next(), self.row(r"\right")
            return f"<mrow><mo>{escape(left)}</mo>{inner}<mo>{escape(self._next())}</mo></mrow>"
        if token in _SPACES:
            return f'<mspace width="{_SPACES[token]}"></mspace>'
        if token in _SIGNS or not (token[-1].isalnum()):
            return f"<mo>{escape(_SIGNS.get(token, token.removeprefix(chr(92))))}</mo>"
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token in _LETTERS or not token.startswith("\\"):
            return f"<mi>{_LETTERS.get(token, token)}</mi>"
        return f"<mi>{token[1:]}</mi><mo>&#8289;</mo>"

    def _raw(self) -> str:
        """Braces with text in them, as it is."""
        end = self._text.index("}", self._at)
        text, self._at = self._text[self._text.index("{", self._at) + 1 : end], end + 1
        return text.replace(r"\_", "_")
