"""A fitted network as a picture: inputs on the left, the output on the right, on every edge its curve. SVG, from escaped text.

Lines and text take the colour of what stands around them, curves and halos the page's variables --accent and --page, so
that the picture suits a light and a dark page. An edge is the fainter the less it accounts for. Features that the network
takes no notice of are left out, and where there are more edges than can be read, the strongest are drawn.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kanlab.colours import DARK, LIGHT
from kanlab.explain.diagram_words import in_words, node_name
from kanlab.fonts import FONTS, font_face
from kanlab.kan.edges import Curves, Edge
from kanlab.language import say
from kanlab.text import short_apart, together

MOST_EDGES = 18  # drawn in a layer
_ROW, _BOX_W, _BOX_H, _GAP, _TOP = 42, 62, 34, 44, 26
_FAINTEST = 0.16
_NAME, _LINE, _LINES, _LINE_HEIGHT = 90, 32, 3, 13.5  # characters of a name and of a line of it, lines, px of a line


@dataclass(frozen=True)
class Diagram:
    """The picture, what it leaves out, in a sentence, its width in px, and what it shows, in words."""

    svg: str
    note: str
    width: int
    words: str


def diagram(curves: Curves, features: tuple[str, ...], target: str | Sequence[str], most: int = MOST_EDGES) -> Diagram:
    """Draw a network. features: names of its inputs.  target: what its output is called, or each of them."""
    outputs = (target,) if isinstance(target, str) else tuple(target)
    words = in_words(curves, features, outputs)
    kept = [_strongest(curves.layer(index), most) for index in range(curves.depth)]
    height = max(_ROW * max(len(edges) for edges in kept), 2 * _ROW) + 2 * _TOP
    names, ends = short_apart(features, _NAME), short_apart(outputs, _NAME)
    left = max((_width(line) for e in kept[0] for line in _lines(names[e.source])), default=0.0)
    places, x = [], left
    for index in range(curves.depth + 1):
        ids = _nodes(kept, index)
        places.append({i: (x, y) for i, y in zip(ids, _spread(len(ids), height), strict=True)})
        x += 2 * _GAP + _BOX_W
    width = x - 2 * _GAP - _BOX_W + max(_width(line, bold=True) for name in ends for line in _lines(name))
    parts = [_layer(edges, places[index], places[index + 1], height) for index, edges in enumerate(kept)]
    parts += [_node(*at) for level in places for at in level.values()]
    parts += [_label(names[i], at[0] - 10, at[1], "end", features[i]) for i, at in places[0].items()]
    parts += [_label(ends[j], at[0] + 10, at[1], "start", outputs[j], bold=True) for j, at in places[-1].items()]
    if curves.depth > 1:
        products = curves.network.spec.multiplication
        for index in range(1, curves.depth):
            for i, at in places[index].items():
                second = index == 1 and i % 2 == 1 and i < 2 * products  # above it runs the line to the first factor
                parts.append(_label(node_name(curves, index, i), at[0], at[1] + (19 if second else -15), "middle"))
        parts += _times(places[1], products)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
        f'role="img" aria-label="{escape(words)}" '
        'style="max-width:100%;height:auto;display:block;margin:0 auto" font-family="inherit" font-size="13" '
        f'color="inherit">{"".join(parts)}</svg>'
    )
    return Diagram(svg, _note(curves, kept), round(width), words)


def standing_alone(svg: str, *, dark: bool = False) -> str:
    """A diagram as a picture of its own, which inherits no colour and brings its font along."""
    theme = DARK if dark else LIGHT
    own = {
        'color="inherit"': f'color="{theme.text}"',
        'font-family="inherit"': f'font-family="{FONTS}"',
        "var(--accent)": theme.accent,
        "var(--page)": theme.background,
    }
    for inherited, value in own.items():
        svg = svg.replace(inherited, value)
    opening, rest = svg.split(">", 1)
    return f"{opening}><style>{font_face(rest)}</style>{rest}"


def working(edges: Sequence[Edge]) -> list[Edge]:
    """The edges of a layer without those from features that are constant, as if the fit has left them out."""
    return [e for e in edges if e.layer or np.ptp(e.y) > 0.0] or list(edges)


def _strongest(edges: list[Edge], most: int) -> list[Edge]:
    edges = working(edges)
    if len(edges) <= most:
        return edges
    strong = sorted(edges, key=lambda e: -e.share)[:most]
    return sorted(strong, key=lambda e: (e.source, e.target))


def _nodes(kept: list[list[Edge]], index: int) -> list[int]:
    """The nodes between two layers that a drawn edge touches."""
    leaving = {e.source for e in kept[index]} if index < len(kept) else set()
    entering = {e.target for e in kept[index - 1]} if index else set()
    return sorted(leaving | entering)


def _spread(count: int, height: float) -> list[float]:
    inner = height - 2 * _TOP
    return [_TOP + inner * (i + 0.5) / count for i in range(count)]


def _layer(
    edges: list[Edge], left: dict[int, tuple[float, float]], right: dict[int, tuple[float, float]], h: int
) -> str:
    """Edges from top to bottom by where they begin and end, so that few lines cross."""
    ordered = sorted(edges, key=lambda e: (left[e.source][1] + right[e.target][1], left[e.source][1]))
    strongest = max((e.share for e in edges), default=1.0) or 1.0
    return "".join(
        _edge(e, left[e.source], right[e.target], y, max(_FAINTEST, (e.share / strongest) ** 0.5))
        for e, y in zip(ordered, _spread(len(ordered), h), strict=True)
    )


def _edge(edge: Edge, begin: tuple[float, float], end: tuple[float, float], y: float, opacity: float) -> str:
    x = begin[0] + _GAP
    lines = (
        f'<path d="M{begin[0]:.1f} {begin[1]:.1f} C{begin[0] + 26:.1f} {begin[1]:.1f} {x - 26:.1f} {y:.1f} {x:.1f} {y:.1f} '
        f'M{x + _BOX_W:.1f} {y:.1f} C{x + _BOX_W + 26:.1f} {y:.1f} {end[0] - 26:.1f} {end[1]:.1f} {end[0]:.1f} {end[1]:.1f}" '
        'fill="none" stroke="currentColor" stroke-width="1.2"/>'
    )
    box = (
        f'<rect x="{x:.1f}" y="{y - _BOX_H / 2:.1f}" width="{_BOX_W}" height="{_BOX_H}" rx="4" fill="none" '
        'stroke="currentColor" stroke-opacity="0.35"/>'
    )
    title = f"<title>{escape(say('{share:.1%} of its layer', share=edge.share))}</title>"
    curve = f'<polyline points="{_points(edge, x, y)}" fill="none" stroke="var(--accent)" stroke-width="2"/>'
    return f'<g opacity="{opacity:.2f}">{title}{lines}{box}{curve}</g>'


def _points(edge: Edge, x: float, y: float) -> str:
    """The curve in its box, from edge to edge."""
    low, high = float(edge.y.min()), float(edge.y.max())
    unit = (edge.y - low) / (high - low) if high > low else np.full(len(edge.y), 0.5)
    along = np.linspace(x + 4, x + _BOX_W - 4, len(unit))
    down = y + _BOX_H / 2 - 4 - unit * (_BOX_H - 8)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(along, down, strict=True))


def _times(nodes: dict[int, tuple[float, float]], products: int) -> list[str]:
    """What joins the second factor of a multiplication node to the first, from which the product leaves."""
    parts = []
    for a in range(0, 2 * products, 2):
        if a in nodes and a + 1 in nodes:
            (x, top), (_, bottom) = nodes[a], nodes[a + 1]
            middle = (top + bottom) / 2
            path = f"M{x:.1f} {bottom:.1f} Q{x + 24:.1f} {middle:.1f} {x:.1f} {top:.1f}"
            parts.append(f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.2"/>')
            parts.append(_label("×", x + 16, middle, "middle", bold=True))
    return parts


def _node(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="currentColor"/>'


def _width(text: str, *, bold: bool = False) -> float:
    """Room for a label beside its node; characters beyond Latin are wide."""
    return 24 + sum((13.5 if ord(c) > 0x2E7F else 8.3 if bold else 7.7) for c in text)


def _lines(name: str) -> list[str]:
    return textwrap.wrap(name, _LINE, max_lines=_LINES, placeholder="…") or [name]


def _label(shown: str, x: float, y: float, anchor: str, whole: str = "", *, bold: bool = False) -> str:
    """A name beside its node. whole: the name, if what is shown may be cut."""
    weight = ' font-weight="600"' if bold else ""
    lines = _lines(shown)
    title = f"<title>{escape(whole[:200])}</title>" if whole and whole != " ".join(lines) else ""
    first, *rest = lines
    below = "".join(f'<tspan x="{x:.1f}" dy="{_LINE_HEIGHT}">{escape(line)}</tspan>' for line in rest)
    top = y + 4.5 - _LINE_HEIGHT * len(rest) / 2
    return (
        f'<text x="{x:.1f}" y="{top:.1f}" text-anchor="{anchor}" fill="currentColor" stroke="var(--page)" '
        f'stroke-width="4" stroke-linejoin="round" paint-order="stroke"{weight}>'
        f"{title}{escape(first)}{below}</text>"
    )


def _note(curves: Curves, kept: list[list[Edge]]) -> str:
    lines: list[str] = []
    if curves.network.spec.multiplication:
        lines.append(say("The two sums joined by × are multiplied, and their product goes on."))
    for index, edges in enumerate(kept):
        every = curves.layer(index)
        if len(edges) == len(every):
            continue
        if len(edges) == len(working(every)):
            sources = {e.source for e in every}
            unused = len(sources) - len({e.source for e in edges})
            if unused:
                lines.append(
                    say("1 of the {sources} features has no influence and is left out.", sources=len(sources))
                    if unused == 1
                    else say(
                        "{unused} of the {sources} features have no influence and are left out.",
                        unused=unused,
                        sources=len(sources),
                    )
                )
            gone = len(every) - len(edges) - unused * (len(every) // len(sources))
            if gone:
                lines.append(
                    say("1 of the {every} edges from the features does nothing and is left out.", every=len(every))
                    if gone == 1
                    else say(
                        "{gone} of the {every} edges from the features do nothing and are left out.",
                        gone=gone,
                        every=len(every),
                    )
                )
        else:
            share = sum(e.share for e in edges)
            lines.append(
                say(
                    "Only the {edges} strongest of the {every} edges of layer {index} are drawn; they "
                    "make up {share:.0%} of its edge scores.",
                    edges=len(edges),
                    every=len(every),
                    index=index + 1,
                    share=share,
                )
            )
    return together(lines)
