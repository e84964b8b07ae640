"""A study on one page of HTML that needs nothing else: no network, every name escaped, no script but that of the playback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kanlab.colours import DARK, LIGHT
from kanlab.data.examples import told_name
from kanlab.explain.diagnostics import Diagnostics
from kanlab.export import model_list
from kanlab.export.diagnostics_html import diagnostics_html
from kanlab.export.effects_html import Effects, effects_html
from kanlab.export.exported import Exported
from kanlab.export.report_print import print_style
from kanlab.fonts import ALLOWED, CODE_FONTS, FONTS, font_face
from kanlab.language import TAGS, active, marked, say
from kanlab.selection import playback
from kanlab.selection.scatter import scatter
from kanlab.study.trials import completed
from kanlab.text import beginning, kept_together, short, together

_TAKEN = ' class="taken"'

_STYLE = """
body { color: var(--text); background: var(--page); font: 15px/1.5 FONTS; margin: 0 auto; padding: 1.5rem;
  max-width: 62rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.choice { border: 1px solid var(--line); border-left: 4px solid var(--accent); padding: .8rem 1rem; border-radius: 4px; }
.choice p:first-child { font-size: 1.15rem; font-weight: 600; margin: 0; } .choice ul { margin: .4rem 0 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 11rem; max-width: 26rem; }
.few :is(th, td):first-child { min-width: 4rem; } th { color: var(--muted); font-weight: 500; }
tr.taken td { font-weight: 650; } .muted { color: var(--muted); } pre { overflow-x: auto; font: 13px/1.5 CODE_FONTS; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0; }
.figures strong { display: block; font-size: 1.3rem; }
.bar { background: var(--accent); height: .7rem; } .curves { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 14rem; } figure svg { border: 1px solid var(--line); width: 100%; }
figure p { margin: 0; font-size: 12px; } figure polyline { fill: none; stroke: var(--accent); stroke-width: 2; }
figure figcaption { overflow-wrap: anywhere; } .lines { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.lines polyline { fill: none; stroke: var(--accent); stroke-width: 2; }
figure polygon { fill: var(--accent); opacity: .18; } figure line { stroke: var(--accent); opacity: .45; stroke-width: 5; }
figure circle { fill: var(--accent); } .ends { display: flex; justify-content: space-between; }
dt { color: var(--muted); } dd { margin: 0; }
@media (max-width: 40rem) { .wide > svg { max-width: none !important; } body { padding: 1rem .5rem; }
  ul { padding-left: 1.2rem; } .choice { padding: .7rem; } }
"""

_PLAYED = marked(
    "Each point is a network: further left it misses the training rows by less, further "
    "down AICc prefers it. The ring is the lowest AICc up to the trial. What lies far "
    "beyond is drawn at the edge."
)


def _themes() -> str:
    """The colours of both themes as variables."""
    dark_screen = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {DARK.css} }} }}"
    return f":root {{ color-scheme: light; {LIGHT.css} }} {dark_screen}"


@dataclass(frozen=True)
class Drawing:
    """What is drawn of the model: its diagram as SVG, its formula as text, and remarks; empty for a model that is no network.

    effects: of its features; None where there are too many.  diagnostics: what its rows say against it.  interactions:
    whether it is additive, in sentences.
    """

    svg: str = ""
    note: str = ""
    formula: str = ""
    remarks: tuple[str, ...] = ()
    effects: Effects | None = None
    diagnostics: Diagnostics | None = None
    interactions: str = ""


def report(exported: Exported, drawing: Drawing) -> str:
    """HTML of an exported model and its study."""
    name, data, label = told_name(exported.handle.name), exported.handle.data, exported.label
    target, rows = data.fitted_target, exported.found.ranked
    found = say("A model of {target}, found with kanlab.", target=target)
    parts = [
        f"<h1>{escape(name)}</h1>",
        f'<p class="muted">{escape(together([found, exported.date]))}</p>',
        f'<div class="choice"><p>{kept_together(escape(beginning(label)))}</p>{_items(exported.reasons)}</div>',
        _figures(exported),
    ]
    if exported.promise:
        parts.append(f"<h2>{say('How sure a prediction is')}</h2><p>{escape(exported.promise.strip())}</p>")
    if exported.warnings:
        parts.append(f"<h2>{say('Warnings')}</h2>{_items(exported.warnings)}")
    if drawing.svg:
        parts.append(
            f'<h2>{say("The network")}</h2><div class="wide">{drawing.svg}</div>'
            f'<p class="muted">{escape(drawing.note)}</p>'
        )
    if drawing.formula:
        notes = _items(drawing.remarks)
        parts.append(f"<h2>{say('As a formula')}</h2>{notes}<pre>{escape(drawing.formula)}</pre>")
    if drawing.effects is not None:
        parts.append(effects_html(drawing.effects))
    if drawing.diagnostics is not None:
        parts.append(diagnostics_html(drawing.diagnostics))
    if drawing.interactions:
        parts.append(f"<h2>{say('Interactions')}</h2><p>{escape(drawing.interactions)}</p>")
    played = playback.playback(completed(exported.handle.records()), data.task, short(target))
    if played:
        parts.append(f'<h2>{say("The search, trial by trial")}</h2>{played}<p class="muted">{escape(say(_PLAYED))}</p>')
    counts = say(
        "{units}; AICc of {target} on {rows:,} training rows;  K, the number of parameters, counted by the rule "
        "'{rule}'. {ranking}The {test:,} test rows were never used to choose.",
        units=escape(exported.units),
        target=escape(target),
        rows=data.n_train,
        rule=escape(exported.handle.spec.counted_by),
        ranking=model_list.ranking_words(exported),
        test=data.n_test,
    )
    if len(rows) > model_list.MOST:
        counts += say(" The best {most} of {count} models.", most=model_list.MOST, count=len(rows))
    parts += [
        f"<h2>{say('Fit against size')}</h2>"
        f"{scatter(exported.found.ranked, exported.is_it, say('the model of this report'))}",
        f'<h2>{say("Models by AICc")}</h2>{_table(exported)}<p class="muted">{counts}</p>',
        f"<h2>{say('Where it comes from')}</h2><dl>{''.join(_fact(k, v) for k, v in exported.facts.items())}</dl>",
    ]
    written = "".join(parts)
    style = font_face(name + written) + _themes() + _STYLE.replace("CODE_FONTS", CODE_FONTS).replace("FONTS", FONTS)
    style += playback.STYLE + print_style(name)
    rules = f"default-src 'none'; style-src 'unsafe-inline'; {ALLOWED}; {playback.allowed(playback.SCRIPT)}"
    script = f"<script>{playback.SCRIPT}</script>" if played else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{TAGS[active()]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
        f"<title>{escape(name)}: {escape(label)}</title><style>{style}</style></head>\n<body><main>"
        f"{written}</main>{script}</body></html>\n"
    )


def _figures(exported: Exported) -> str:
    """The numbers to know first: errors of the model, its AICc and K, and how many rows they rest on."""
    data = exported.handle.data
    figures = [(f"{data.n_train:,}", say("training rows")), (f"{data.n_test:,}", say("test rows"))]
    model = exported.candidate
    if model is not None:
        errors = zip(exported.errors, exported.errors_of(model), strict=True)
        figures = [*((value, say(name)) for name, value in errors if value), *figures]
        figures += [(f"{model.n_params:.4g}", say("parameters K"))] if model.n_params is not None else []
        figures += [(f"{model.aicc:,.2f}", "AICc")] if model.aicc is not None else []
    shown = "".join(f"<div><strong>{escape(value)}</strong>{escape(name)}</div>" for value, name in figures)
    return f'<div class="figures">{shown}</div><p class="muted">{escape(say("{units}.", units=exported.units))}</p>'


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _fact(name: str, value: str) -> str:
    return f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"


def _table(exported: Exported) -> str:
    columns = model_list.columns(exported)
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(
        f"<tr{_TAKEN if exported.is_it(c) else ''}>{''.join(f'<td>{kept_together(escape(cell))}</td>' for cell in cells)}</tr>"
        for c, cells in zip(model_list.listed(exported), zip(*columns.values(), strict=True), strict=True)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
