"""What a model makes of its features, for the report: importances as bars, partial dependences as small curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import ANY_OTHER
from kanlab.explain.bands import Bands
from kanlab.explain.effects import Dependence, Predict, partial_dependence, permutation_importance
from kanlab.language import say
from kanlab.selection.measures import MEASURES
from kanlab.text import short

MOST_FEATURES = 60  # of more the importances are left out: each is shuffled eight times
DRAWN = 4
_LISTED = 12
MOST_BAND = 0.3  # of the range of the predictions: so far a band is drawn beyond it
_WIDTH, _HEIGHT, _PAD = 220.0, 110.0, 8.0
_DASHES = ("", "7 3", "2 3", "10 3 2 3", "1 5", "14 5")  # of the lines of classes; of more the most frequent are drawn
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Effects:
    """Importances, the partial dependence on the DRAWN most important features, and the range of the predictions.

    importance: of `explain.effects.permutation_importance`.  dependences: of each feature one, or one of each of `classes`.
    unit: of the rises.  low, high: units of the target.
    """

    importance: pd.DataFrame
    dependences: Sequence[Sequence[Dependence]]
    low: float
    high: float
    error: str
    unit: str
    predicted: str
    classes: tuple[str, ...] = ()


def effects_of(outputs: Predict, data: Dataset, bands: Bands | None = None) -> Effects | None:
    """The effects in a fitted model; None for more than MOST_FEATURES features. outputs: on the scale of the fit.

    bands: of its curves, drawn where there is one curve a feature.
    """
    if data.d > MOST_FEATURES:
        return None
    importance = permutation_importance(outputs, data)
    each, classes = _outputs(outputs, data)
    names = [str(name) for name in importance["feature"][:DRAWN]]
    if bands is None or classes:
        drawn = [[partial_dependence(one, data, name) for one in each] for name in names]
    else:
        drawn = [[bands.dependence(name)] for name in names]
    predictions = data.recipe.to_units(outputs(data.X_train))
    unit = say(MEASURES[data.task].unit).format(data.target)
    return Effects(
        importance,
        drawn,
        float(np.min(predictions)),
        float(np.max(predictions)),
        say(MEASURES[data.task].error),
        unit,
        say("probability") if classes else data.prediction_label,
        classes,
    )


def _outputs(outputs: Predict, data: Dataset) -> tuple[list[Predict], tuple[str, ...]]:
    """What is drawn: the prediction, or of many classes the probability of each of the most frequent ones, and their names."""
    if data.outputs == 1:
        return [outputs], ()
    counts = np.bincount(data.y_train.astype(int), minlength=len(data.levels))
    frequent = sorted(np.argsort(-counts, kind="stable")[: len(_DASHES)].tolist())

    def probability(at: int) -> Predict:
        return lambda X: outputs(X)[:, at]

    return [probability(i) for i in frequent], tuple(data.levels[i] for i in frequent)


def effects_html(found: Effects) -> str:
    """Both as HTML with names escaped."""
    words = say(
        "By how much the {error} on the training rows rises, in units of {unit}, when the values of a feature are "
        "shuffled: the mean of eight shuffles. Below, the mean prediction as one feature changes and the others stay as "
        "they are, over the whole range of the predictions.",
        error=found.error,
        unit=escape(short(found.unit)),
    )
    return (
        f'<h2>{say("What the features do")}</h2><div class="wide">{_bars(found)}</div>'
        f'<p class="muted">{words}{_banded(found.dependences)}</p>{curves_html(found)}'
    )


def curves_html(found: Effects) -> str:
    """The curves alone, with the line of each class where there are many."""
    curves = "".join(_curve(lines, found) for lines in found.dependences)
    return f'{_legend(found.classes)}<div class="curves">{curves}</div>'


def _banded(found: Sequence[Sequence[Dependence]]) -> str:
    if not any(line.lower is not None for lines in found for line in lines):
        return ""
    return say(
        " The light band is at 95% confidence, at one value at a time, from the linearised "
        "fit (delta method, Wood 2017); of an average it includes how far the models lie "
        "apart (Burnham &amp; Anderson 2002). A new row lies further away."
    )


def _dashed(at: int) -> str:
    return f' stroke-dasharray="{_DASHES[at]}"' if _DASHES[at] else ""


def _legend(classes: tuple[str, ...]) -> str:
    """The line of each class."""
    lines = "".join(
        f'<span><svg width="34" height="8"><polyline points="0,4 34,4"{_dashed(i)}/></svg> {escape(short(name))}</span>'
        for i, name in enumerate(classes)
    )
    return f'<p class="muted lines">{lines}</p>' if classes else ""


def _bars(found: Effects) -> str:
    most = max(float(found.importance["rise"].max()), np.finfo(float).tiny)
    digits = max(0, 3 - int(np.floor(np.log10(most)))) if most > _TINY else 3  # of all, four of the largest
    rows = "".join(
        f"<tr><td>{escape(str(row.feature))}</td><td>{float(row.rise):,.{digits}f}</td>"
        f'<td><div class="bar" style="width:{12 * max(0.0, float(row.rise)) / most:.2f}rem"></div></td></tr>'
        for row in found.importance.head(_LISTED).itertuples()
    )
    rest = len(found.importance) - _LISTED
    more = f"<tr><td>{say('{count} more', count=rest)}</td><td></td><td></td></tr>" if rest > 0 else ""
    rise = say("rise of the {error}", error=found.error)
    head = f"<tr><th>{say('feature')}</th><th>{rise}</th><td></td></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}{more}</tbody></table>"


def _curve(lines: Sequence[Dependence], among: Effects) -> str:
    """The partial dependence on one feature: lines over numbers, points over levels."""
    found, y = lines[0], np.array([line.prediction for line in lines], dtype=float)
    ends = [np.asarray(v, dtype=float) for line in lines for v in (line.lower, line.upper) if v is not None]
    room = MOST_BAND * (among.high - among.low)
    low = max(among.low - room, min(among.low, *(float(v.min()) for v in (y, *ends))))
    high = min(among.high + room, max(among.high, *(float(v.max()) for v in (y, *ends))))
    span = max(high - low, np.finfo(float).tiny)
    if found.is_numeric:
        x = np.array(found.values, dtype=float)
        left, right = f"{x[0]:.4g}", f"{x[-1]:.4g}"
        across = (x - x[0]) / max(float(x[-1] - x[0]), np.finfo(float).tiny)
    else:
        count = len(found.values)
        across = (np.arange(count) + 0.5) / count
        left, right = _level(found.values[0]), _level(found.values[-1]) * (count > 1)

    def heights(values: Array) -> Array:
        return np.asarray(_PAD + (high - np.clip(values, low, high)) / span * (_HEIGHT - 2 * _PAD))

    px, py = _PAD + across * (_WIDTH - 2 * _PAD), heights(y)
    band = _band(px, *map(heights, ends), is_numeric=found.is_numeric) if len(ends) == 2 else ""
    if found.is_numeric:
        inner = "".join(
            f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, each, strict=True))}"{_dashed(i)}/>'
            for i, each in enumerate(py)
        )
    else:
        inner = "".join(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{3 + i}" fill-opacity="{1 if not i else 0}" stroke="var(--accent)"/>'
            for i, each in enumerate(py)
            for a, b in zip(px, each, strict=True)
        )
    name = escape(found.encoded or found.feature)
    shown = [0.0 if abs(value) < _TINY * span else value for value in (low, high)]
    ends_of = say("{name}: {low:.4g} to {high:.4g}", name=escape(among.predicted), low=shown[0], high=shown[1])
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{say("Partial dependence on {name}", name=name)}">{band}{inner}</svg>'
        f'<p class="muted ends"><span>{left}</span><span>{right}</span></p>'
        f'<p class="muted">{ends_of}</p></figure>'
    )


def _level(value: object) -> str:
    return escape(short(say(ANY_OTHER) if value == ANY_OTHER else str(value), 14))


def _band(x: Array, below: Array, above: Array, *, is_numeric: bool) -> str:
    """A band between two curves, or a bar at each level."""
    if is_numeric:
        around = [*zip(x, above, strict=True), *zip(x[::-1], below[::-1], strict=True)]
        return f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in around)}"/>'
    ends = zip(x, above, below, strict=True)
    return "".join(f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{b:.1f}" y2="{c:.1f}"/>' for a, b, c in ends)
