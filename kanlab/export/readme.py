"""README.md of a bundle, a model card: what the model is, why it was chosen, the warnings, how to predict with it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kanlab.data.recipe import Recipe
from kanlab.export import model_list
from kanlab.export.card import front_matter, serving, uses
from kanlab.export.exported import Exported
from kanlab.language import say
from kanlab.text import series

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def readme(exported: Exported, recipe: Recipe, has_formula: bool) -> str:
    """The text of README.md."""
    handle, columns = exported.handle, model_list.columns(exported)
    data = handle.data
    lines = [
        *front_matter(exported),
        say("# {name}: {model}", name=plain(handle.name), model=plain(exported.label)),
        "",
        say(
            "A model of {target}, chosen among {ranked} by AICc with kanlab, and all it takes to "
            "predict with it. Open `report.html` for pictures.",
            target=plain(data.fitted_target),
            ranked=len(exported.found.ranked),
        ),
        "",
        say("## Predict"),
        "",
        f"    python -m pip install -r requirements.txt      # {say('NumPy; Python 3.11 or newer')}",
        "    python predict.py IN.csv OUT.csv",
        "",
        say(
            "`IN.csv` is a table with a header row in UTF-8, separated by commas, semicolons, "
            "tabs or bars, with these columns:"
        ),
        "",
        *_columns(recipe),
        "",
        say(
            "`OUT.csv` has its rows as they are and {added}, and `{name}_extrapolates`, True "
            "where the row lies outside the training rows (a network is held at their edge, a "
            "straight line goes on) or has a level that no training row had. A row that cannot "
            "be predicted has no prediction.",
            added=_added(recipe),
            name=_code(recipe.target),
        ),
        "",
        say(
            "{promise}`--interval 0.95` asks for another share, `--interval none` for predictions alone.",
            promise=plain(exported.promise),
        ),
        "",
        say(
            "The cells are read as those of the training table were: its decimal sign, its order "
            "of day and month, its words for missing values. `--decimal`, `--day-first`, "
            "`--month-first` and `--missing` say otherwise."
        ),
        "",
        say(
            "With kanlab installed, `kanlab predict BUNDLE.zip IN.csv -o OUT.csv` does the same, "
            "from any kind of table."
        ),
        "",
        *serving(),
        "",
        *uses(exported),
        "",
        say("## Why this model"),
        "",
    ]
    lines += [f"- {plain(reason)}" for reason in exported.reasons]
    if exported.warnings:
        lines += ["", say("## Warnings"), "", *(f"- {plain(warning)}" for warning in exported.warnings)]
    lines += [
        "",
        say("## Models by AICc"),
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for c, cells in zip(model_list.listed(exported), zip(*columns.values(), strict=True), strict=True):
        name, *numbers = cells
        name = say("{name} (this one)", name=plain(name)) if exported.is_it(c) else plain(name)
        lines.append(f"| {' | '.join([name, *numbers])} |")
    lines += [
        "",
        say(
            "K is counted as {counted_by}; AICc on {n_train:,} training rows. "
            "{ranking_words}{units}. The {n_test:,} test rows were never used to choose.",
            counted_by=handle.spec.counted_by,
            n_train=data.n_train,
            ranking_words=model_list.ranking_words(exported),
            units=plain(exported.units),
            n_test=data.n_test,
        ),
        "",
        say("## Where it comes from"),
        "",
        *(say("- {name}: {value}", name=name, value=plain(value)) for name, value in exported.facts.items()),
        "",
        say(
            "`model.json` holds the model as numbers and text, nothing pickled; `study.json` the "
            "study; `trials.csv` all its trials."
        )
        + (say(" `formula.py` is a formula that comes near the network.") if has_formula else ""),
        "",
    ]
    return "\n".join(lines)


def _added(recipe: Recipe) -> str:
    """The columns of the prediction."""
    name = _code(recipe.target)
    of_set = say("`{name}_set`, the classes of which one should be the true one in 90% of rows", name=name)
    bounds = say(
        "`{name}_lower` and `{name}_upper`, which should hold the target between them in 90% of rows", name=name
    )
    if len(recipe.levels) > 2:
        named = ", ".join(map(plain, recipe.levels[:12])) + ", ..." * (len(recipe.levels) > 12)
        return say(
            "{levels} columns more: `{name}_predicted`, the likeliest of {named}, {of_set}, for "
            "each its probability, `{name}_probability_{code}` and so on",
            levels=len(recipe.levels) + 3,
            name=name,
            named=named,
            of_set=of_set,
            code=_code(recipe.levels[0]),
        )
    if recipe.levels:
        zero, one = map(plain, recipe.levels)
        return say(
            "four columns more: `{name}_predicted`, the likelier of {zero} and {one}, {of_set}, "
            "`{name}_probability`, the probability of {one}",
            name=name,
            zero=zero,
            one=one,
            of_set=of_set,
        )
    if recipe.distribution == "poisson":
        return say(
            "four columns more: `{name}_predicted`, the mean of the count, never below 0, {bounds}",
            name=name,
            bounds=bounds,
        )
    median = (
        say(" (a median: the model was fitted on another scale)") if recipe.target_transform.scale != "none" else ""
    )
    return say(
        "four columns more: `{name}_predicted`, in units of the target{median}, {bounds}",
        name=name,
        median=median,
        bounds=bounds,
    )


def _columns(recipe: Recipe) -> Sequence[str]:
    lines = []
    for source in recipe.sources:
        columns = [c for c in recipe.columns if c.source == source and c.part != "missing"]
        levels = dict.fromkeys(level for c in columns for level in c.levels)
        kind = say("a number") if any(c.is_number for c in columns) else say("a date")
        if levels or any(c.level is not None for c in columns):
            names = [*levels, *(c.level for c in columns if c.level is not None and c.level not in levels)]
            kind = say("one of {names}", names=series([plain(str(n)) for n in names[:12]]))
        lines.append(
            say("- {column}: {kind}; may be missing", column=plain(source), kind=kind)
            if all(c.fill is not None for c in columns)
            else say("- {column}: {kind}; needed", column=plain(source), kind=kind)
        )
    return lines


def plain(text: str) -> str:
    """Text as data in Markdown."""
    return _MARKDOWN.sub(r"\\\1", str(text).replace("\n", " ").replace("\r", " "))


def _code(text: str) -> str:
    """Text within backticks."""
    return text.replace("`", "'").replace("\n", " ").replace("\r", " ")
