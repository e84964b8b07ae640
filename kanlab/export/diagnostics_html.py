"""What the rows say against a model, for the report: one sentence a check, small charts, and the rows that decide most."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.explain.curves import precision_recall, roc, thinned
from kanlab.explain.diagnostics import Diagnostics, normal_quantiles
from kanlab.language import marked, say

_WIDTH, _HEIGHT, _PAD = 220.0, 150.0, 8.0
_MOST_POINTS = 400
_LISTED, _COLUMNS = 5, 8
_FOOT = marked(
    "In bold what is amiss. Each check is a test or a rule (docs/model.md of kanlab); those of residuals look at the "
    "training rows, leverage and Cook's distance come from the linearised fit."
)


def diagnostics_html(found: Diagnostics) -> str:
    """The section, names escaped."""
    said = [(escape(c.sentence), c.departs) for c in found.checks]
    items = "".join(f"<li><strong>{words}</strong></li>" if amiss else f"<li>{words}</li>" for words, amiss in said)
    charts = _of_classes(found) if found.data.levels else _of_residuals(found)
    return (
        f'<h2>{say("Diagnostics")}</h2><ul>{items}</ul><div class="curves">{"".join(charts)}</div>{_rows(found)}'
        f'<p class="muted">{say(_FOOT)}</p>'
    )


def _of_residuals(found: Diagnostics) -> list[str]:
    rows, r = found.rows, found.standardised
    at = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_POINTS)).round().astype(int))
    some = rows.iloc[at]
    pair = some["predicted"].to_numpy(float), some["observed"].to_numpy(float)
    ends = float(np.nanmin(np.concatenate(pair))), float(np.nanmax(np.concatenate(pair)))
    fitted = found.linear[_some(len(r))], r[_some(len(r))]
    quantiles = normal_quantiles(r)
    quantiles = quantiles.iloc[_some(len(quantiles))]
    z = quantiles["theoretical"].to_numpy(float), quantiles["residual"].to_numpy(float)
    residual = say("standardised residual")
    charts = [
        _points(say("Predicted vs observed"), *pair, say("predicted"), say("observed"), line=(ends, ends)),
        _points(say("Residuals"), *fitted, say("predicted"), residual, line=(_ends(fitted[0]), (0.0, 0.0))),
        _points(say("Normal quantiles"), *z, say("normal quantile"), residual, line=(_ends(z[0]), _ends(z[0]))),
    ]
    if found.influence is not None:
        of = found.influence
        some_leverage, some_r = of.leverage[_some(len(r))], r[_some(len(r))]
        charts.append(_points(say("Leverage and residuals"), some_leverage, some_r, say("leverage"), say("residual")))
    return charts


def _of_classes(found: Diagnostics) -> list[str]:
    p, y, _ = found.held_out
    if p.ndim == 2 or not 0.0 < float(np.mean(y)) < 1.0:
        return []
    first, second = thinned(roc(p, y)), thinned(precision_recall(p, y))
    rate, unit = float(y.mean()), (0.0, 1.0)
    return [
        _curve(
            say("ROC curve"),
            first,
            ("false_positive", "true_positive"),
            (say("others taken for it"), say("found")),
            (unit, unit),
        ),
        _curve(
            say("Precision and recall"),
            second,
            ("recall", "precision"),
            (say("recall"), say("precision")),
            (unit, (rate, rate)),
        ),
    ]


def _rows(found: Diagnostics) -> str:
    table = found.most_influential.head(_LISTED)
    if table.empty:
        return ""
    named = {
        "row": say("training row"),
        "cook": say("Cook's distance"),
        "leverage": say("leverage"),
        "observed": say("observed"),
        "predicted": say("predicted"),
    }
    shown = table[table.columns[:_COLUMNS]]
    head = "".join(f"<th>{escape(named.get(str(c), str(c)))}</th>" for c in shown.columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(v)}</td>' for v in row)}</tr>" for row in shown.itertuples(index=False))
    whole = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    return f'<p>{say("The most influential training rows:")}</p><div class="wide few">{whole}</div>'


def _cell(value: object) -> str:
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}"
    return f"{float(value):.4g}" if isinstance(value, (float, np.floating)) else escape(str(value))


def _some(n: int) -> Array:
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, _MOST_POINTS)).round().astype(int))


def _ends(values: Array) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


Line = tuple[tuple[float, float], tuple[float, float]]


def _points(title: str, x: Array, y: Array, across: str, up: str, line: Line | None = None) -> str:
    """A scatter chart with a line."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        return ""
    (left, right), (low, high) = _ends(x), _ends(np.concatenate([y, line[1] if line else y[:1]]))
    px, py = _place(x, left, right, _WIDTH), _HEIGHT - _place(y, low, high, _HEIGHT)
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6" fill-opacity=".55"/>' for a, b in zip(px, py, strict=True)
    )
    drawn = ""
    if line:
        lx, ly = _place(np.array(line[0]), left, right, _WIDTH), _HEIGHT - _place(np.array(line[1]), low, high, _HEIGHT)
        drawn = f'<polyline points="{lx[0]:.1f},{ly[0]:.1f} {lx[1]:.1f},{ly[1]:.1f}"/>'
    return _figure(title, drawn + dots, _range(across, left, right), _range(up, low, high))


def _curve(title: str, curve: pd.DataFrame, columns: tuple[str, str], axes: tuple[str, str], chance: Line) -> str:
    """A curve within 0 and 1, and that of chance, dashed. columns: across and up.  axes: what these are called."""
    px = _place(curve[columns[0]].to_numpy(float), 0.0, 1.0, _WIDTH)
    py = _HEIGHT - _place(curve[columns[1]].to_numpy(float), 0.0, 1.0, _HEIGHT)
    cx, cy = _place(np.array(chance[0]), 0.0, 1.0, _WIDTH), _HEIGHT - _place(np.array(chance[1]), 0.0, 1.0, _HEIGHT)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    dashed = f'<polyline stroke-dasharray="3 3" points="{cx[0]:.1f},{cy[0]:.1f} {cx[1]:.1f},{cy[1]:.1f}"/>'
    return _figure(title, f'{dashed}<polyline points="{points}"/>', *(_range(axis, 0, 1) for axis in axes))


def _range(name: str, low: float, high: float) -> str:
    """An axis and its ends."""
    return say("{name}: {low:.4g} to {high:.4g}", name=name, low=low, high=high)


def _place(values: Array, low: float, high: float, size: float) -> Array:
    return np.asarray(_PAD + (values - low) / max(high - low, np.finfo(float).tiny) * (size - 2 * _PAD))


def _figure(title: str, inner: str, across: str, up: str) -> str:
    axes = say("across: {across}<br>up: {up}", across=escape(across), up=escape(up))
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{escape(title)}">{inner}</svg><p class="muted">{axes}</p></figure>'
    )
