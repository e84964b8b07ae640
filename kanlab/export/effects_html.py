"""What a model makes of its features, for the report: importances as bars, partial dependences as small curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from kanlab.data.dataset import Dataset
from kanlab.explain.effects import Dependence, Predict, partial_dependence, permutation_importance
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.text import short

MOST_FEATURES = 60  # of more the importances are left out: each is shuffled eight times
DRAWN = 4
_LISTED = 12
_WIDTH, _HEIGHT, _PAD = 220.0, 110.0, 8.0


@dataclass(frozen=True, eq=False)
class Effects:
    """Importances, the partial dependence on the DRAWN most important features, and the range of the predictions.

    importance: of `explain.effects.permutation_importance`.  unit: of its rises.  low, high: units of the target.
    """

    importance: pd.DataFrame
    dependences: Sequence[Dependence]
    low: float
    high: float
    error: str
    unit: str
    predicted: str


def effects_of(outputs: Predict, data: Dataset) -> Effects | None:
    """The effects in a fitted model; None for more than MOST_FEATURES features. outputs: on the scale of the fit."""
    if data.d > MOST_FEATURES:
        return None
    importance = permutation_importance(outputs, data)
    drawn = [partial_dependence(outputs, data, str(feature)) for feature in importance["feature"][:DRAWN]]
    predictions = data.recipe.to_units(outputs(data.X_train))
    unit = MEASURES[data.task].unit.format(data.target)
    return Effects(
        importance,
        drawn,
        float(np.min(predictions)),
        float(np.max(predictions)),
        MEASURES[data.task].error,
        unit,
        data.prediction_label,
    )


def effects_html(found: Effects) -> str:
    """Both as HTML with names escaped."""
    curves = "".join(_curve(d, found) for d in found.dependences)
    return (
        f'<h2>What the features do</h2><div class="wide">{_bars(found)}</div>'
        f'<p class="muted">By how much the {found.error} on the training rows rises, in units of {escape(short(found.unit))}, '
        "when the values of a feature are shuffled: the mean of eight shuffles. Below, the mean prediction as one feature "
        "changes and the others stay as they are, over the whole range of the predictions.</p>"
        f'<div class="curves">{curves}</div>'
    )


def _bars(found: Effects) -> str:
    most = max(float(found.importance["rise"].max()), np.finfo(float).tiny)
    rows = "".join(
        f"<tr><td>{escape(short(str(row.feature)))}</td><td>{four_digits(float(row.rise))}</td>"
        f'<td><div class="bar" style="width:{max(0.0, 12 * float(row.rise) / most):.2f}rem"></div></td></tr>'
        for row in found.importance.head(_LISTED).itertuples()
    )
    rest = len(found.importance) - _LISTED
    more = f"<tr><td>{rest} more</td><td></td><td></td></tr>" if rest > 0 else ""
    head = f"<tr><th>feature</th><th>rise of the {found.error}</th><th></th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}{more}</tbody></table>"


def _curve(found: Dependence, among: Effects) -> str:
    """One partial dependence: a line over numbers, points over levels."""
    y = np.asarray(found.prediction, dtype=float)
    low, high = min(among.low, float(y.min())), max(among.high, float(y.max()))
    span = max(high - low, np.finfo(float).tiny)
    if found.is_numeric:
        x = np.array(found.values, dtype=float)
        left, right = f"{x[0]:.4g}", f"{x[-1]:.4g}"
        across = (x - x[0]) / max(float(x[-1] - x[0]), np.finfo(float).tiny)
    else:
        across = (np.arange(len(y)) + 0.5) / len(y)
        left, right = escape(short(str(found.values[0]), 14)), escape(short(str(found.values[-1]), 14)) * (len(y) > 1)
    px, py = _PAD + across * (_WIDTH - 2 * _PAD), _PAD + (high - y) / span * (_HEIGHT - 2 * _PAD)
    if found.is_numeric:
        inner = f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))}"/>'
    else:
        inner = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in zip(px, py, strict=True))
    name = escape(short(found.encoded or found.feature, 30))
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="Partial dependence on {name}">{inner}</svg>'
        f'<p class="muted ends"><span>{left}</span><span>{right}</span></p>'
        f'<p class="muted">{escape(short(among.predicted, 30))}: {low:.4g} to {high:.4g}</p></figure>'
    )
