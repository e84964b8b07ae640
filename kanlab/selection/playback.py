"""A study played back trial by trial, as HTML that needs nothing else: AICc against RSS as SVG, a slider and a button.

Without its script, and on paper, it shows all trials. The script is one text, which a page allows by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

import numpy as np

from kanlab.colours import Colours
from kanlab.fonts import ALLOWED, FONTS, font_face
from kanlab.language import TAGS, active, say
from kanlab.selection.candidates import cell_words
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.selection.svg_axes import Axis, frame
from kanlab.stats.likelihood import TaskName
from kanlab.study.trials import CompletedTrial

MOST = 1500  # points; of more trials the ones that lowered AICc and an even choice of the others
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 340, 78, 14, 24, 50
_DECADE = 10.0

STYLE = """\

.playback { max-width: 46rem; margin: 0; width: auto; } .playback svg { width: 100%; height: auto; border: 0; display: block;
  overflow: visible;  font-size: 12px; }
.playback .trial { fill: var(--accent); fill-opacity: .5; } .playback .best { fill: none; stroke: var(--accent);
  stroke-width: 2.5; }
.playback .later { visibility: hidden; } .playback .now { fill-opacity: 1; }
.playback .controls { display: flex; gap: .8rem; align-items: center; margin: .3rem 0; }
.playback .controls[hidden] { display: none; }
.playback input { flex: 1; min-width: 4rem; accent-color: var(--accent); height: 1.6rem; }
.playback button { font: inherit; color: var(--text); background: none; border: 1px solid var(--muted); border-radius: 4px;
  padding: .3rem .9rem; min-width: 5.5rem; cursor: pointer; }
.playback :is(button, input):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 30rem) { .playback svg { font-size: 17px; } }
.playback output { display: block; min-height: 3em; font-variant-numeric: tabular-nums; }
@media (prefers-reduced-motion: no-preference) { .playback .trial { transition: fill-opacity .6s ease-out; } }
@media print { .playback :is(.controls, output) { display: none !important; } .playback .later { visibility: visible; }
  .playback .now { fill-opacity: .5; } .playback { max-width: 15cm; } }
"""

SCRIPT = """
"use strict";
for (const box of document.querySelectorAll(".playback")) {
  const points = [...box.querySelectorAll(".trial")], ring = box.querySelector(".best");
  const slider = box.querySelector("input"), button = box.querySelector("button"), said = box.querySelector("output");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches, last = points.length, steps = still ? 10 : Infinity;
  const seconds = Math.min(10, Math.max(4, last / 10));
  const best = [];
  points.forEach((point, i) => best.push(i && +point.dataset.aicc >= +points[best[i - 1]].dataset.aicc ? best[i - 1] : i));
  let frame = 0;
  function show(count) {
    points.forEach((point, i) => {
      point.classList.toggle("later", i >= count);
      point.classList.toggle("now", i === count - 1);
    });
    const found = points[best[count - 1]], newest = points[count - 1];
    ring.setAttribute("cx", found.getAttribute("cx"));
    ring.setAttribute("cy", found.getAttribute("cy"));
    const values = { count, last, newest: newest.textContent, lowest: found.textContent };
    const words = box.dataset.words.replace(/\\{(\\w+)\\}/g, (all, name) => values[name]);
    slider.value = count;
    slider.setAttribute("aria-valuetext", words);
    said.textContent = words;
  }
  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    button.textContent = box.dataset.play;
  }
  function play() {
    const first = +slider.value >= last ? 1 : +slider.value, began = performance.now();
    const step = Math.max(1, Math.ceil(last / steps));
    button.textContent = box.dataset.pause;
    (function next(now) {
      const gone = Math.max(0, now - began) / 1000 / seconds * last;
      const count = Math.min(last, first + Math.floor(gone / step) * step);
      if (count !== +slider.value) show(count);
      if (count < last) frame = requestAnimationFrame(next);
      else stop();
    })(began);
  }
  button.addEventListener("click", () => frame ? stop() : play());
  slider.addEventListener("input", () => { stop(); show(+slider.value); });
  box.addEventListener("kanlab-play", () => { stop(); if (!still) { show(1); play(); } });
  box.addEventListener("kanlab-stop", () => { stop(); show(last); });
  addEventListener("beforeprint", () => { stop(); show(last); });
  box.querySelector(".controls").hidden = false;
  show(last);
}
"""


def allowed(*scripts: str) -> str:
    """The part of a Content-Security-Policy that lets these scripts run and no other.

    >>> allowed("")
    "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    return "script-src " + " ".join(f"'sha256-{text}'" for text in hashes)


def playback(trials: Sequence[CompletedTrial], task: TaskName, target: str) -> str:
    """The figure of a study, without STYLE and SCRIPT; "" for fewer than two trials. target: named on the axis of RSS."""
    shown = _some([t for t in trials if np.isfinite(t.aicc) and np.isfinite(t.misfit)])
    if len(shown) < 2:
        return ""
    of = MEASURES[task]
    across, up = _axes(shown)
    points = "".join(
        f'<circle class="trial" cx="{across(t.misfit):.1f}" cy="{up(t.aicc):.1f}" r="4" data-aicc="{t.aicc:.10g}">'
        f"<title>{escape(_words(t, say(of.fit)))}</title></circle>"
        for t in shown
    )
    label = escape(say("AICc against {fit}, one point a trial in the order in which they came", fit=say(of.fit)))
    words = say("{count} of {last}. {newest}. Lowest AICc so far: {lowest}.")  # which the script fills in
    play, pause, slider = escape(say("Play")), escape(say("Pause")), escape(say("Trials shown"))
    return (
        f'<figure class="playback" data-words="{escape(words)}" data-play="{play}" data-pause="{pause}">'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" >'
        f"{frame(across, up, say(of.axis).format(target), 'AICc', _HEIGHT)}{points}"
        '<circle class="best" r="9" cx="-99" cy="-99"/></svg>'
        f'<div class="controls" hidden=""><button type="button">{play}</button>'
        f'<input type="range" min="1" max="{len(shown)}" value="{len(shown)}" aria-label="{slider}"/></div>'
        '<output class="muted"></output></figure>'
    )


def document(figure: str, colours: Colours) -> str:
    """A page of one such figure alone."""
    style = font_face(figure)
    style += f":root {{ color-scheme: {colours.name}; {colours.css} }} .muted {{ color: var(--muted); }}"
    style += f"body {{ margin: 0; padding: 4px; font: 15px/1.45 {FONTS}; }}"
    style += "body { color: var(--text); background: var(--page); }"
    rules = f"default-src 'none'; style-src 'unsafe-inline'; {ALLOWED}; {allowed(SCRIPT)}"
    return (
        f'<!DOCTYPE html><html lang="{TAGS[active()]}"><head><meta charset="utf-8">'
        f"<title>{escape(say('The search, trial by trial'))}</title>"
        f'<meta http-equiv="Content-Security-Policy" content="{rules}"><style>{style}{STYLE}</style></head>'
        f"<body>{figure}<script>{SCRIPT}</script></body></html>"
    )


def _some(trials: Sequence[CompletedTrial]) -> list[CompletedTrial]:
    """At most about MOST trials in their order, all those among them that lowered AICc."""
    ordered = sorted(trials, key=lambda t: t.number)
    if len(ordered) <= MOST:
        return ordered
    lowest = np.minimum.accumulate([t.aicc for t in ordered])
    lowered = {0, *(np.flatnonzero(np.diff(lowest) < 0) + 1).tolist()}
    return [ordered[i] for i in sorted(lowered | set(np.linspace(0, len(ordered) - 1, MOST).astype(int).tolist()))]


def _words(trial: CompletedTrial, fit: str) -> str:
    return say(
        "Trial {number}: {cell}, K {n_params:.4g}, {fit} {misfit}, AICc {aicc:,.2f}",
        number=trial.number,
        cell=cell_words(trial.cell),
        n_params=trial.n_params,
        fit=fit,
        misfit=four_digits(trial.misfit),
        aicc=trial.aicc,
    )


def _axes(trials: Sequence[CompletedTrial]) -> tuple[Axis, Axis]:
    """Of RSS, logarithmic where the trials span more than a decade, and of AICc; what lies far beyond is at the edge."""
    fit, aicc = np.array([t.misfit for t in trials]), np.array([t.aicc for t in trials])
    log = bool(fit.min() > 0 and fit.max() > _DECADE * fit.min())
    low, high = _fenced(np.log(fit) if log else fit)
    ends = (float(np.exp(low)), float(np.exp(high))) if log else (low, high)
    across = Axis(*ends, _LEFT, _WIDTH - _RIGHT, log)
    return across, Axis(*_fenced(aicc), _HEIGHT - _BOTTOM, _TOP)


def _fenced(values: np.ndarray) -> tuple[float, float]:
    """The minimum and what lies 1.5 times as far above the median as it lies below, with room around them."""
    low, middle = float(values.min()), float(np.median(values))
    high = min(float(values.max()), middle + 1.5 * (middle - low))
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room
