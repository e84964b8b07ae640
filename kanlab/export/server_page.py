"""The page of `kanlab serve`: a form of the columns, and the prediction beside it. One file, no address but its own."""

from __future__ import annotations

import html
import json
from string import Template
from typing import Any

from kanlab.colours import DARK, LIGHT, Colours
from kanlab.export.served import ServedModel
from kanlab.fonts import CODE_FONTS, FONTS, font_face
from kanlab.language import TAGS, active, marked, say
from kanlab.text import beginning, short


def page(model: ServedModel, nonce: str) -> str:
    """The page. nonce: of its style and its script, as the rules of the server name it."""
    targets = say(" and ").join(short(t) for t in model.targets[:3])
    name = html.escape(say("{names} and more", names=targets) if len(model.targets) > 3 else targets)
    about = html.escape(say("; ").join(dict.fromkeys(m.name for m in model.models[:3])))
    schema, words = model.schema(), {name: say(text) for name, text in _WORDS.items()}
    told = {name: say(text) for name, text in _TEXTS.items()}
    return _PAGE.substitute(
        language=TAGS[active()],
        title=say("{name}: prediction", name=name),
        name=name,
        about=beginning(about),
        nonce=html.escape(nonce),
        light=_variables(LIGHT),
        dark=_variables(DARK),
        font=font_face(repr((name, about, schema, words, told))),
        style=_STYLE.replace("CODE_FONTS", CODE_FONTS).replace("FONTS", FONTS),
        schema=_json(schema),
        words=_json(words),
        script=_SCRIPT,
        **told,
    )


def _json(content: Any) -> str:
    """JSON within a page."""
    return json.dumps(content, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")


def _variables(colours: Colours) -> str:
    names = ("background", "text", "muted", "grid", "accent", "on_accent")
    return " ".join(f"--{name.replace('_', '-')}: {getattr(colours, name)};" for name in names)


_TEXTS = {  # of the page, where its own HTML stands in them
    "predict": marked("Predict"),
    "fill_in": marked("Fill in the columns, and press Predict."),
    "program": marked("From a program"),
    "routes": marked(
        'Columns and limits are at <a href="schema">schema</a>; <a href="health">health</a> says whether the server\n'
        "answers."
    ),
}
_WORDS = {  # of its script
    "range": marked("{low} to {high}"),
    "empty": marked("may be empty"),
    "and": marked("; "),
    "none": marked("no prediction"),
    "between": marked("between {low} and {high}"),
    "outside": marked("This row lies outside the training rows; trust the prediction less."),
    "silent": marked("The server does not answer."),
}

_PAGE = Template(
    """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="icon" href="data:,">
<style nonce="$nonce">
$font
:root { $light }
@media (prefers-color-scheme: dark) { :root { $dark } }
$style
</style>
</head>
<body>
<header><h1>$name</h1><p class="muted">$about</p></header>
<main>
<form id="form" novalidate><div id="fields"></div><button type="submit">$predict</button></form>
<section id="result" aria-live="polite"><p class="muted">$fill_in</p></section>
</main>
<details><summary>$program</summary><pre id="program"></pre>
<p class="muted">$routes</p></details>
<script type="application/json" id="schema" nonce="$nonce">$schema</script>
<script nonce="$nonce">
"use strict";
const words = $words;
$script
</script>
</body>
</html>
"""
)

_STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 62rem; background: var(--background); color: var(--text);
  font: 16px/1.5 FONTS; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
.muted { color: var(--muted); margin: .25rem 0; }
main { display: grid; grid-template-columns: 3fr 2fr; gap: 2rem; margin: 1.5rem 0; align-items: start; }
#fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; }
label { display: flex; flex-direction: column; justify-content: end; font-weight: 600; font-size: .9rem; min-width: 0;
  overflow-wrap: anywhere; }
small { font-weight: 400; color: var(--muted); }
input, select { width: 100%; margin-top: .25rem; padding: .5rem .6rem; font: inherit; font-weight: 400; color: inherit;
  background: transparent; border: 1px solid var(--muted); border-radius: .4rem; min-height: 2.6rem; }
select option { color: var(--text); background: var(--background); }
button { margin-top: 1.25rem; padding: .6rem 1.6rem; font: inherit; font-weight: 600; color: var(--on-accent);
  background: var(--accent); border: 0; border-radius: .4rem; cursor: pointer; min-height: 2.75rem; }
input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible, a:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px; }
#result { border: 1px solid var(--grid); border-radius: .6rem; padding: 1.25rem; min-width: 0; }
#result h2 { margin: 0; font-size: .95rem; font-weight: 600; overflow-wrap: anywhere; }
#result h2 ~ h2 { margin-top: 1.25rem; }
.value { margin: 0; font-size: 2.1rem; font-weight: 650; line-height: 1.2; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.warning { border-left: 3px solid var(--accent); padding-left: .7rem; margin: .75rem 0 0; overflow-wrap: anywhere; }
.share { display: grid; grid-template-columns: 1fr auto; gap: 0 .75rem; margin-top: .5rem; font-size: .9rem; }
.share span { overflow-wrap: anywhere; }
meter::-webkit-meter-optimum-value { background: var(--accent); }
meter::-moz-meter-bar { background: var(--accent); }
meter { grid-column: 1 / -1; width: 100%; height: .7rem; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--grid); border-radius: .4rem; font: .85rem/1.5 CODE_FONTS; }
summary { cursor: pointer; }
a { color: var(--accent); }
@media (max-width: 40rem) { main { grid-template-columns: 1fr; gap: 1.25rem; } body { padding-top: 1.25rem; } }
"""

_SCRIPT = """
const schema = JSON.parse(document.getElementById("schema").textContent);
const say = (name, values) => words[name].replace(/\\{(\\w+)\\}/g, (all, key) => values[key]);
const fields = document.getElementById("fields"), result = document.getElementById("result");
const digits = (v) => typeof v === "number" ? String(Number(v.toPrecision(6))) : String(v);

function percent(p) {  // as kanlab.language.percent
  for (const places of [1, 2]) {
    const text = (100 * p).toFixed(places);
    if (p <= 0 || p >= 1 || (Number(text) > 0 && Number(text) < 100)) return text + "%";
  }
  return p < 0.5 ? "<0.01%" : "99.99%";
}

const about = (v) => digits(Number(v.toPrecision(3)));

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function hint(column) {
  const hints = [];
  if (column.low !== undefined && column.high !== undefined && column.low !== null)
    hints.push(say("range", { low: about(column.low), high: about(column.high) }));
  if (!column.needed) hints.push(say("empty"));
  return hints.join(say("and"));
}

function middle({ low, high }) {
  const places = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(high - low || 1))));
  return Number(((low + high) / 2).toFixed(places)) || 0;
}

function field(column) {
  const label = element("label", column.name), choices = column.kind === "category" ? column.levels : ["true", "false"];
  const input = element(column.kind === "category" || column.kind === "boolean" ? "select" : "input");
  if (input.tagName === "SELECT") {
    if (!column.needed) input.append(new Option("", ""));
    choices.forEach((level) => input.append(new Option(level, level)));
  } else if (column.kind === "date") {
    input.type = "datetime-local";
  } else {
    input.type = "number";
    input.step = "any";
    if (column.low !== undefined && column.low !== null) input.value = middle(column);
  }
  const hinted = hint(column);
  if (hinted) label.append(element("small", hinted));
  label.append(input);
  return { column, label, input };
}

const inputs = schema.columns.map(field);
inputs.forEach((each) => fields.append(each.label));

function row() {
  const found = {};
  for (const { column, input } of inputs) {
    if (input.value === "") found[column.name] = null;
    else if (column.kind === "number") found[column.name] = Number(input.value);
    else if (column.kind === "boolean") found[column.name] = input.value === "true";
    else found[column.name] = input.value;
  }
  return found;
}

function shown(answer) {
  const said = answer.predictions[0], parts = [];
  for (const target of schema.targets) {
    const name = target.name, predicted = said[name + "_predicted"];
    parts.push(element("h2", name));
    parts.push(element("p", predicted === null ? say("none") : digits(predicted), "value"));
    const low = said[name + "_lower"], high = said[name + "_upper"];
    if (low !== undefined && low !== null && high !== null)
      parts.push(element("p", say("between", { low: digits(low), high: digits(high) }), "muted"));
    const classes = target.classes.length > 2 ? target.classes : target.classes.slice(1);
    for (const level of classes) {
      const p = said[name + (target.classes.length > 2 ? "_probability_" + level : "_probability")];
      if (typeof p !== "number") continue;
      const share = element("div", undefined, "share"), bar = element("meter");
      bar.max = 1;
      bar.value = p;
      share.append(element("span", level), element("span", percent(p)), bar);
      parts.push(share);
    }
    if (said[name + "_extrapolates"])
      parts.push(element("p", say("outside"), "warning"));
  }
  return parts;
}

async function predict(event) {
  event.preventDefault();
  let parts;
  try {
    const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rows: [row()] }) };
    const response = await fetch("predict", sent), answer = await response.json();
    parts = response.ok ? shown(answer) : [element("p", answer.error, "warning")];
    if (response.ok && answer.predictions[0] && Object.values(answer.predictions[0]).every((v) => v === null || v === true))
      parts.push(...answer.notes.map((note) => element("p", note, "muted")));
  } catch (error) {
    parts = [element("p", say("silent"), "warning")];
  }
  result.replaceChildren(...parts);
}

document.getElementById("form").addEventListener("submit", predict);
const body = JSON.stringify({ rows: [row()] }).replaceAll("'", "\\\\u0027");
document.getElementById("program").textContent =
  "curl " + new URL("predict", location.href) + " -H 'Content-Type: application/json' \\\\\\n  -d '" + body + "'";
"""
