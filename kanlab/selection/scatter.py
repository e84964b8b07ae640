"""AICc against K as SVG, for a page without scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from kanlab.language import say
from kanlab.selection.candidates import Candidate
from kanlab.selection.svg_axes import round_numbers

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 320, 70, 46


def scatter(candidates: Sequence[Candidate], ringed: Callable[[Candidate], bool], it: str) -> str:
    """AICc against K: every trial, the other families as crosses, a model ringed. Far ones lie at the edge.

    candidates: those that have an AICc.  it: what the one that is ringed is called.
    """
    models = [c for c in candidates if c.n_params]
    if not models:
        return ""
    k, a = np.array([c.n_params for c in models], dtype=float), np.array([c.aicc for c in models], dtype=float)
    high = float(min(a.max(), np.median(a) + 1.5 * (np.median(a) - a.min())))
    low, high = float(a.min()), max(high, float(a.min()) + 1.0)
    room, k_room = 0.07 * (high - low), 0.05 * (float(np.ptp(k)) or 1.0)
    left, right, top, bottom = k.min() - k_room, k.max() + k_room, high + room, low - room

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * (value - left) / (right - left)

    def y(value: float) -> float:
        return 10 + (_HEIGHT - _BOTTOM - 10) * (top - min(value, high + room / 2)) / (top - bottom)

    parts = [_ticks(low, high, y, left, right, x)]
    for c, size, value in zip(models, k, a, strict=True):
        cx, cy = x(size), y(value)
        name = f"<title>{escape(c.label)}: K {size:.4g}, AICc {value:,.2f}</title>"
        if c.is_network:
            parts.append(
                f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4" fill="var(--accent)" fill-opacity="0.55">{name}</circle>'
            )
        else:
            cross = f"M{cx - 4:.1f} {cy - 4:.1f}l8 8m-8 0l8 -8"
            parts.append(f'<path d="{cross}" stroke="currentColor" stroke-width="2">{name}</path>')
        if ringed(c):
            ring = 'fill="none" stroke="var(--accent)" stroke-width="2.5"'
            parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="9" {ring}/>')
    of_networks = [value for c, value in zip(models, a, strict=True) if c.is_network]
    of_chosen = [value for c, value in zip(models, a, strict=True) if c.is_network and ringed(c)]
    lower = bool(of_chosen) and min(of_networks) < min(of_chosen)
    label = escape(say("AICc against the number of parameters"))
    legend = (
        say(
            "AICc against the number of parameters K: low is good, left is simple. "
            "Crosses are models of other families; the ring is {it}; it need not be the lowest here, where every "
            "parameter counts in full. What lies far above is drawn at the edge.",
            it=it,
        )
        if lower
        else say(
            "AICc against the number of parameters K: low is good, left is simple. "
            "Crosses are models of other families; the ring is {it}. What lies far above is drawn at the edge.",
            it=it,
        )
    )
    return (
        f'<div class="wide"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{label}" font-size="12" style="max-width:100%;height:auto">'
        f'{"".join(parts)}</svg></div><p class="muted">{legend}</p>'
    )


def _ticks(low: float, high: float, y: Any, left: float, right: float, x: Any) -> str:
    """Axes with a handful of numbers, in the colour of the text."""
    parts = []
    for value in round_numbers(low, high):
        at = y(value)
        parts.append(
            f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - 12}" stroke="currentColor" stroke-opacity="0.12"/>'
            f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" fill="currentColor">{value:,.6g}</text>'
        )
    for value in round_numbers(max(left, 0.0), right):
        at = x(value)
        parts.append(
            f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="currentColor">{value:,.6g}</text>'
        )
    foot = f"M{_LEFT} {_HEIGHT - _BOTTOM}H{_WIDTH - 12}"
    return (
        f'{"".join(parts)}<path d="{foot}" stroke="currentColor" stroke-opacity="0.5"/>'
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 8}" text-anchor="middle" fill="currentColor">'
        f"{escape(say('parameters K'))}</text>"
        '<text x="4" y="14" fill="currentColor">AICc</text>'
    )
