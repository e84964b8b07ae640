"""A study on one page of HTML that needs nothing else: no script, no network, every name escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from kanlab.baselines.registry import label as label_of
from kanlab.kan.search_space import Cell
from kanlab.selection.candidates import cell_words, names_words
from kanlab.selection.measures import four_digits
from kanlab.stats.likelihood import CLASSIFICATION

ACCENT = "#d9480f"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 320, 70, 46
_TAKEN = ' class="taken"'
_LISTED = 15  # trials in the table

_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --page: #ffffff; --muted: #667079; --line: #d5d9de; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --page: #0f1216; --muted: #9aa4ad; --line: #323941; } }
body { color: var(--text); background: var(--page); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem;
  max-width: 62rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.choice { border: 1px solid var(--line); border-left: 4px solid #d9480f; padding: .8rem 1rem; border-radius: 4px; }
.choice p:first-child { font-size: 1.15rem; font-weight: 600; margin: 0; } .choice ul { margin: .4rem 0 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--muted); font-weight: 500; }
tr.taken td { font-weight: 650; } .muted { color: var(--muted); } pre { overflow-x: auto; font-size: 13px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; overflow-wrap: anywhere; }
dt { color: var(--muted); } dd { margin: 0; }
"""


@dataclass(frozen=True)
class Drawing:
    """What is drawn of the model: its diagram as SVG, its formula as text, and remarks; empty for a linear model."""

    svg: str = ""
    note: str = ""
    formula: str = ""
    remarks: tuple[str, ...] = ()


def report(
    content: Mapping[str, Any], label: str, chosen: Mapping[str, Any], drawing: Drawing, facts: Mapping[str, str]
) -> str:
    """HTML of a study. content: of Study.to_dict.  label: the model exported.  chosen: its row.  facts: hash, versions."""
    data, title = content["data"], f"{content['study']}: {label}"
    target, words = data["target_label"], error_words(data)
    parts = [
        f"<h1>{escape(content['study'])}</h1>",
        f'<p class="muted">A Kolmogorov-Arnold network or linear model of {escape(target)}, chosen by AICc with kanlab.</p>',
        f'<div class="choice"><p>{escape(label[0].upper() + label[1:])}</p>{_items(_reasons(content, chosen))}</div>',
    ]
    if content["warnings"]:
        parts.append(f"<h2>What to worry about</h2>{_items(content['warnings'])}")
    if drawing.svg:
        parts.append(
            f'<h2>The network</h2><div class="wide">{drawing.svg}</div><p class="muted">{escape(drawing.note)}</p>'
        )
    if drawing.formula:
        notes = _items(drawing.remarks)
        parts.append(f"<h2>As a formula</h2>{notes}<pre>{escape(drawing.formula)}</pre>")
    rows = model_rows(content)
    parts += [
        f"<h2>Fit against size</h2>{scatter(content, chosen)}",
        f"<h2>Models by AICc</h2>{_table(rows[:_LISTED], chosen, error_columns(data))}",
        f'<p class="muted">{escape(words)}; AICc of {escape(target)} on {data["n_train"]:,} training rows; '
        f" K counted as {escape(content['count'])}. The {data['n_test']:,} test rows were never used to choose."
        + (f" The best {_LISTED} of {len(rows)} models.</p>" if len(rows) > _LISTED else "</p>"),
        f"<h2>Where it comes from</h2><dl>{''.join(_fact(k, v) for k, v in facts.items())}</dl>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )


def is_recommended(content: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    """Whether the exported model is the one the study recommends."""
    return identity(content["recommended"] or {}) == identity(chosen)


def identity(model: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a model from all others of its study: its family, its trial, the features it does without."""
    return model.get("family"), model.get("number"), tuple(model.get("without", ()))


def _reasons(content: Mapping[str, Any], chosen: Mapping[str, Any]) -> list[str]:
    if is_recommended(content, chosen):
        return list(content["reasons"])
    return ["This model was asked for; it is not the one the study recommends."]


def model_rows(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Trials and models of other families with an AICc, lowest first; model: how a row is called."""
    trials = [
        t | {"family": "kan", "model": f"trial {t['number']}: {cell_words(Cell(**t['params']))}"}
        for t in content["trials"]
        if t["aicc"] is not None
    ]
    others = [
        b | {"model": label_of(b["family"], content["data"]["task"]), "number": None}
        for b in content["baselines"]
        if b["aicc"] is not None
    ]
    reduced = (content.get("appraisal") or {}).get("reduced")
    if reduced:
        words = f"trial {reduced['number']} without {names_words(reduced['without'])}"
        trials.append(reduced | {"family": "kan", "model": f"{words}: {cell_words(Cell(**reduced['params']))}"})
    return sorted(trials + others, key=lambda r: r["aicc"])


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _fact(name: str, value: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"


def _is(row: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    return identity(row) == identity(chosen)


def error_columns(data: Mapping[str, Any]) -> dict[str, str]:
    """The errors of the table of models, by what they are called."""
    if data["task"] == CLASSIFICATION:
        return {"log-loss train": "log_loss_train", "log-loss test": "log_loss_test", "accuracy test": "accuracy_test"}
    return {"RMSE train": "rmse_train", "RMSE test": "rmse_test"}


def error_words(data: Mapping[str, Any]) -> str:
    """What these errors are."""
    if data["task"] == CLASSIFICATION:
        zero, one = data["levels"]
        return f"Log-loss in nats a row, of the probability that {data['target']} is {one} and not {zero}"
    return f"RMSE in units of {data['target']}"


def _table(rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    lowest = min((r["aicc"] for r in rows), default=0.0)
    head = "".join(f"<th>{name}</th>" for name in ("model", "K", "AICc", "ΔAICc", *errors))
    body = "".join(
        f"<tr{_TAKEN if _is(r, chosen) else ''}><td>{escape(r['model'])}</td><td>{r['n_params']:.4g}</td>"
        f"<td>{r['aicc']:,.2f}</td><td>{r['aicc'] - lowest:,.2f}</td>"
        f"{''.join(f'<td>{four_digits(r[column])}</td>' for column in errors.values())}</tr>"
        for r in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def scatter(content: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    """AICc against K as SVG: every trial, the linear models as crosses, the chosen model ringed. Far ones lie at the edge."""
    rows = [r for r in model_rows(content) if r["n_params"]]
    if not rows:
        return ""
    k, a = np.array([r["n_params"] for r in rows], dtype=float), np.array([r["aicc"] for r in rows], dtype=float)
    high = float(min(a.max(), np.median(a) + 1.5 * (np.median(a) - a.min())))
    low, high = float(a.min()), max(high, float(a.min()) + 1.0)
    room, k_room = 0.07 * (high - low), 0.05 * (float(np.ptp(k)) or 1.0)
    left, right, top, bottom = k.min() - k_room, k.max() + k_room, high + room, low - room

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * (value - left) / (right - left)

    def y(value: float) -> float:
        return 10 + (_HEIGHT - _BOTTOM - 10) * (top - min(value, high + room / 2)) / (top - bottom)

    parts = [_ticks(low, high, y, left, right, x)]
    for r in rows:
        at = f"{x(r['n_params']):.1f}", f"{y(r['aicc']):.1f}"
        name = f"<title>{escape(r['model'])}: K {r['n_params']:.4g}, AICc {r['aicc']:,.2f}</title>"
        if r["family"] == "kan":
            parts.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="4" fill="{ACCENT}" fill-opacity="0.55">{name}</circle>')
        else:
            cx, cy = float(at[0]), float(at[1])
            cross = f"M{cx - 4} {cy - 4}L{cx + 4} {cy + 4}M{cx - 4} {cy + 4}L{cx + 4} {cy - 4}"
            parts.append(f'<path d="{cross}" stroke="currentColor" stroke-width="2">{name}</path>')
        if _is(r, chosen):
            parts.append(f'<circle cx="{at[0]}" cy="{at[1]}" r="9" fill="none" stroke="{ACCENT}" stroke-width="2.5"/>')
    return (
        f'<div class="wide"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="AICc against the number of parameters" font-size="12" style="max-width:100%;height:auto">'
        f'{"".join(parts)}</svg></div><p class="muted">AICc against the number of parameters K: low is good, left is simple. '
        "Crosses are models of other families; the ring is the model of this report. What lies far above is drawn at the "
        "edge.</p>"
    )


def _ticks(low: float, high: float, y: Any, left: float, right: float, x: Any) -> str:
    """Axes with a handful of numbers, in the colour of the text."""
    parts = []
    for value in _round(low, high):
        at = y(value)
        parts.append(
            f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - 12}" stroke="currentColor" stroke-opacity="0.12"/>'
            f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" fill="currentColor">{value:,.6g}</text>'
        )
    for value in _round(max(left, 0.0), right):
        at = x(value)
        parts.append(
            f'<text x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="currentColor">{value:,.6g}</text>'
        )
    foot = f"M{_LEFT} {_HEIGHT - _BOTTOM}H{_WIDTH - 12}"
    return (
        f'{"".join(parts)}<path d="{foot}" stroke="currentColor" stroke-opacity="0.5"/>'
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 8}" text-anchor="middle" fill="currentColor">parameters K</text>'
        '<text x="4" y="14" fill="currentColor">AICc</text>'
    )


def _round(low: float, high: float) -> list[float]:
    """Round numbers between two others, about five."""
    if not high > low:
        return [low]
    raw = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = np.ceil(low / step)
    return [float(round(v * step, 10)) for v in np.arange(first, np.floor(high / step) + 1)]
