"""A study on stage: its story in five pictures, large, as one page that needs nothing else.

The page holds what it shows: counts of rows, never rows; the scores of trials; the recommended model to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from kanlab.baselines.protocol import Affine
from kanlab.data.dataset import Dataset
from kanlab.data.examples import told_name
from kanlab.execution.manage import load_data
from kanlab.explain.bands import bands_of
from kanlab.explain.formula import Formula, errors, is_much_worse
from kanlab.explain.formula_latex import wrapping_latex
from kanlab.explain.formula_mathml import mathml, pieces
from kanlab.explain.formulas import formulas_in, read_search
from kanlab.explain.models import HeldFamily
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor
from kanlab.explain.study_predictor import predictor
from kanlab.export.effects_html import curves_html, effects_of
from kanlab.export.present_page import Slide, page
from kanlab.export.what_if_code import WhatIf, what_if_code
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.selection import playback
from kanlab.selection.candidates import Candidate
from kanlab.selection.recommendation import recommend
from kanlab.selection.scatter import scatter
from kanlab.selection.svg_axes import Axis, frame, tick_text
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import completed
from kanlab.text import counted, series, short

_BINS = 24
_WIDTH, _HEIGHT, _LEFT, _FOOT = 640, 360, 60, 46
_NAMED = 8  # features in a sentence
_TERMS = 8  # of a linear model
_MOST_BARS = 12  # classes


@dataclass(frozen=True)
class Story:
    """The pictures of a study. what_if: None where the model has no code for a browser."""

    title: str
    slides: Sequence[Slide]
    what_if: WhatIf | None

    def page(self, leave: str = "", theme: str = "") -> tuple[str, str]:
        """The page, and the rules it is to be served with (`present_page.page`).

        leave: where Escape goes; "" for nowhere.  theme: light or dark; "" for the reader's own.
        """
        code, known = (self.what_if.code, self.what_if.data) if self.what_if else ("", None)
        return page(self.title, self.slides, code, known, leave=leave, theme=theme)


def presentation(handle: StudyHandle, theme: str = "") -> str:
    """The presentation as one file in the active language. theme: light or dark; "" for the reader's own.

    Raises StudyError where there is no model yet.
    """
    return story(handle, predictor(handle, use="read"), load_data(handle)).page(theme=theme)[0]


def story(handle: StudyHandle, model: Predictor, data: Dataset) -> Story:
    """The presentation of a study. model: the recommended one to read.  data: that of the study."""
    trial = what_if_code(model, data)
    slides = [_data(data), *_search(handle, data), _choice(handle), _formula(handle, model, data)]
    if trial is not None:
        slides.append(_what_if(trial))
    return Story(f"{told_name(handle.name)}: {data.target}", slides, trial)


# ---- the pictures


def _data(data: Dataset) -> Slide:
    names = [short(name, 30) for name in data.recipe.sources]
    listed, rest, aside = series(names[:_NAMED]), len(names) - _NAMED, len(data.y_test)
    if rest > 0:
        listed = say("{names} and {more} more", names=listed, more=rest)
    if not aside:
        rows = say("All {n:,} rows teach the models.", n=data.n)
    elif aside == 1:
        rows = say("{n:,} rows teach the models. 1 other row is kept aside to test them.", n=data.n)
    else:
        rows = say(
            "{n:,} rows teach the models. {aside:,} other rows are kept aside to test them.", n=data.n, aside=aside
        )
    words = [say("Known of each row: {listed}.", listed=listed), rows]
    target = short(data.target, 40)
    headline = say(
        "{rows:,} rows, {features}: what is {target}?",
        rows=data.rows,
        features=counted(len(names), "feature"),
        target=target,
    )
    return Slide(say("The data"), headline, words, _target_picture(data, target))


def _target_picture(data: Dataset, target: str) -> str:
    """How many rows have which target."""
    y = np.concatenate([data.y_train, data.y_test])
    if data.levels:
        counts = np.bincount(y.astype(int), minlength=len(data.levels))
        order = np.argsort(-counts, kind="stable")[:_MOST_BARS]
        return _class_bars([data.levels[i] for i in order], counts[order])
    values = data.recipe.to_units(y)
    counts, ends = np.histogram(values, bins=_BINS)
    return _histogram(counts, ends, target)


def _histogram(counts: np.ndarray, ends: np.ndarray, title: str) -> str:
    foot, right = _HEIGHT - _FOOT, _WIDTH - 12
    across = Axis(float(ends[0]), float(ends[-1]), _LEFT, right)
    up = Axis(0.0, float(counts.max()) or 1.0, foot, 28)
    parts = [frame(across, up, title, say("rows"), _HEIGHT)]
    for count, low, high in zip(counts, ends[:-1], ends[1:], strict=True):
        x, y = across(float(low)), up(float(count))
        parts.append(
            f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{across(float(high)) - x - 2:.1f}" '
            f'height="{foot - y:.1f}"/>'
        )
    return _svg(_HEIGHT, say("How many rows have which {title}", title=title), parts)


def _class_bars(names: Sequence[str], counts: np.ndarray) -> str:
    row = max(26.0, min(64.0, _HEIGHT / len(names)))
    across = Axis(0.0, float(counts.max()) or 1.0, 0.0, _WIDTH - 90.0)
    parts = []
    for i, (name, count) in enumerate(zip(names, counts, strict=True)):
        top, length = i * row, across(float(count))
        parts.append(
            f'<text x="0" y="{top + 13:.1f}" fill="currentColor">{escape(short(name, 60))}</text>'
            f'<rect class="bar" x="0" y="{top + 18:.1f}" width="{length:.1f}" height="{row - 26:.1f}"/>'
            f'<text x="{length + 8:.1f}" y="{top + 18 + (row - 26) / 2 + 4:.1f}" fill="currentColor">{count:,}</text>'
        )
    return _svg(row * len(names), say("Rows of each class"), parts)


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {_WIDTH} {height:.0f}"'
    return f'<svg {size} role="img" aria-label="{escape(label, quote=True)}" font-size="13">{"".join(parts)}</svg>'


def _search(handle: StudyHandle, data: Dataset) -> list[Slide]:
    done = completed(handle.records())
    film = playback.playback(done, data.task, short(handle.data.fitted_target, 30))
    if not film:
        return []
    words = [
        say("Each point is a network of learned curves. Further left, it misses the rows by less."),
        say(
            "A larger network always misses by less, and may learn the noise. AICc charges for "
            "every parameter: further down is better. The ring is the best so far."
        ),
    ]
    return [
        Slide(
            say("The search"),
            say("{networks} fitted, one after another", networks=counted(len(done), "network")),
            words,
            film,
        )
    ]


def _choice(handle: StudyHandle) -> Slide:
    found = recommend(handle, handle.records(), read_validation(handle.optuna.user_attrs))
    choice = found.choice
    if choice is None:
        return Slide(say("The choice"), say("There is no model yet"), [], "")

    def ringed(candidate: Candidate) -> bool:
        return candidate.key == choice.key

    headline = (
        say("Take the network of {model}", model=choice.name)
        if choice.is_network
        else say("Take {model}", model=choice.name)
    )
    return Slide(
        say("The choice"), headline, found.reasons[:2], scatter(found.ranked, ringed, say("the recommended model"))
    )


def _formula(handle: StudyHandle, model: Predictor, data: Dataset) -> Slide:
    """The formula of a network or a linear model with the curves of its features; of other models the curves alone."""
    bands = bands_of(model.fitted, data)
    effects = effects_of(lambda X: model.fitted.predict_flagged(X)[0], data, bands)
    curves = curves_html(effects) if effects is not None else ""
    if isinstance(model.fitted, FittedKan):
        formula = _found_formula(handle, model.fitted, data)
        worse = say(" It stands for the network only roughly.") if is_much_worse(formula) else ""
        shown = _written(formula)
        return Slide(
            say("The formula"),
            say("What it has learned, written down"),
            [errors(formula) + worse],
            shown + curves,
            wide=True,
        )
    linear = _linear(model, data)
    headline = say("What it has learned, written down") if linear else say("What it has learned of each feature")
    words = [
        say("A number to start from, and for each feature so much for every unit of it.")
        if linear
        else say("The mean prediction as one feature changes and the others stay as they are.")
    ]
    return Slide(say("The formula") if linear else say("The curves"), headline, words, linear + curves, wide=True)


def _found_formula(handle: StudyHandle, network: FittedKan, data: Dataset) -> Formula:
    """The recommended one of the study's search, or the network's own."""
    search = read_search(handle)
    kept = formulas_in(handle, search, data) if search and search.found else []
    return (
        kept[search.found.recommended]
        if search and search.found
        else formula_of(curves_of(network, data.X_train), data)
    )


def _written(formula: Formula) -> str:
    """The formula, which may be broken between its terms, and what stands for names and curves in it. No ranges."""
    lines = wrapping_latex(formula)[: len(formula.expressions)]
    shown = "".join(f"<div>{'<wbr>'.join(pieces(line))}</div>" for line in lines)
    names = [f"{mathml(symbol)[0]} {escape(short(name, 40))}" for symbol, name in formula.legend.items()]
    if any(r"\varphi" in line for line in lines):
        names.append(f"{mathml(chr(92) + 'varphi')[0]} {say('a learned curve')}")
    return f'<div class="formula">{shown}</div>' + (f'<p class="legend">{say("; ").join(names)}</p>' if names else "")


def _linear(model: Predictor, data: Dataset) -> str:
    """A linear model as a sum, the largest terms first; "" for any other."""
    held = model.fitted
    affine = held.fitted.predict if isinstance(held, HeldFamily) else None
    if not isinstance(affine, Affine) or data.outputs > 1:
        return ""
    slopes = (affine.weights.reshape(data.d, -1) / affine.scale[:, None])[:, 0]
    start = float(np.atleast_1d(affine.offset)[0] - affine.center @ slopes)
    sizes = np.abs(slopes) * data.X_train.std(axis=0)
    order = [i for i in np.argsort(-sizes, kind="stable") if slopes[i] != 0]
    terms = [_term(slopes[i], short(data.features[i], 40)) for i in order[:_TERMS]]
    rest = f"<span>+ {counted(len(order) - _TERMS, 'smaller term')}</span>" if len(order) > _TERMS else ""
    target = escape(short(data.output_label, 50))
    return f'<p class="terms"><span>{target} = {_signed(start)}</span> {" ".join(terms)} {rest}</p>'


def _signed(value: float) -> str:
    return ("−" if value < 0 else "") + tick_text(float(f"{abs(value):.4g}"))


def _term(slope: Any, name: str) -> str:
    sign = "−" if slope < 0 else "+"
    return f"<span>{sign} {_signed(abs(float(slope)))} × {escape(name)}</span>"


def _what_if(found: WhatIf) -> Slide:
    rest = found.data["more"]
    if not rest:
        words = say("Move a slider: the model answers at once, within the range of its rows.")
    elif rest == 1:
        words = say(
            "Move a slider: the model answers at once, within the range of its rows. 1 more feature stays as in the "
            "typical row."
        )
    else:
        words = say(
            "Move a slider: the model answers at once, within the range of its rows. {rest:,} more features stay as in "
            "the typical row.",
            rest=rest,
        )
    body = '<div class="try"><div class="controls"></div><div class="answer" aria-live="polite"></div></div>'
    return Slide(say("What if"), say("What if it were different?"), [words], body, wide=True)
