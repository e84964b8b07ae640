"""Whether the content of model.json holds together: asked before anything is computed with it, in kanlab and in predict.py.

Sizes are compared before arrays are made of them, so that a document asks for no more memory than it takes itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.data.reading.cell_rules import DATES
from kanlab.data.target import MOST_CLASSES
from kanlab.stats.interval_bounds import MOST_SCORES
from kanlab.stats.likelihood import task_of

SCALES_KNOWN = ("none", "log", "rank")
PARTS_KNOWN = ("", "other", "order", "missing", "year", "month", "weekday", "hour")
KINDS_KNOWN = ("number", "fraction", "limit", "time", "boolean", "date", "text")
RECIPE_FORMAT = 1
MOST_MEMBERS = 100  # of an average
MOST_REACH = 1000.0  # of a range, for edges that go on straight beyond it
MOST_REFERENCE_ROWS = 1000  # of training, that predictions are explained against
MOST_LOG_SPREAD = 1e5  # of the logarithm of a spread, far beyond what doubles hold
Arrays = Iterator[tuple[str, Any, tuple[int, ...]]]


class Damaged(Exception):
    """The place of what cannot be right, such as "model.layers[0].knots"."""


def check_content(content: Mapping[str, Any]) -> None:
    """Look at everything a prediction uses. Raises Damaged."""
    recipe = _part(content, "recipe", dict, "")
    d, counts = _check_recipe(recipe), recipe.get("distribution", "") == "poisson"
    if (factor := content.get("smearing")) is not None:
        of_log = recipe["target_transform"]["scale"] == "log"
        _need(of_log and _is_finite(factor) and factor > 0, "smearing")
    levels = recipe.get("levels", [])
    check_model(_part(content, "model", dict, ""), d, len(levels), counts=counts)
    if content.get("interval") is not None:
        _check_interval(_part(content, "interval", dict, ""), d, task_of(levels, recipe.get("distribution", "")))
    if content.get("reference") is not None:
        _check_reference(_part(content, "reference", dict, ""), recipe, content["model"], d)


def _check_reference(reference: Mapping[str, Any], recipe: Mapping[str, Any], model: Mapping[str, Any], d: int) -> None:
    """What predictions are explained against, of no more rows and orders than kanlab writes."""
    place, levels = "reference.", len(recipe.get("levels", []))
    if "mean_terms" in reference:
        _need(model["kind"] in ("linear", "additive") and levels < 3, place + "mean_terms")
        _numbers(reference["mean_terms"], (d, 1), place + "mean_terms")
        return
    rows, pairs, seed = (
        _part(reference, name, kind, place) for name, kind in (("rows", list), ("pairs", int), ("seed", int))
    )
    _need(1 <= len(rows) <= MOST_REFERENCE_ROWS, place + "rows")
    _numbers(rows, (len(rows), d), place + "rows")
    _need(pairs == 0 or 2 <= pairs <= 64, place + "pairs")
    _need(0 <= seed < 2**32, place + "seed")


def _check_interval(record: Mapping[str, Any], d: int, task: str) -> None:
    """What intervals are made of, of a model of d inputs."""
    _need(record.get("task") == task, "interval.task")
    rows, scores = _part(record, "rows", int, "interval."), _part(record, "scores", list, "interval.")
    _need(0 < rows <= 2**53, "interval.rows")
    _need(_part(record, "tails", int, "interval.") in (1, 2), "interval.tails")
    found = _numbers(scores, (min(rows, MOST_SCORES),), "interval.scores")
    _need(bool((np.diff(found) >= 0.0).all()) and (record["tails"] == 2 or found[0] >= 0.0), "interval.scores")
    if record.get("scale") is not None:
        scale = _part(record, "scale", dict, "interval.")
        _need(scale.get("of") in ("output", "inputs"), "interval.scale.of")
        for name in ("center", "width", "linear", "square"):
            _numbers(scale.get(name), (1 if scale["of"] == "output" else d,), f"interval.scale.{name}")
        for name in ("offset", "low", "high"):
            _need(_is_finite(scale.get(name)) and abs(scale[name]) <= MOST_LOG_SPREAD, f"interval.scale.{name}")
        _need(min(scale["width"]) > 0.0, "interval.scale.width")
        _need(scale["low"] <= scale["high"], "interval.scale.high")
    held = _part(record, "held", list, "interval.")
    shares = _numbers(held, (99 if held else 0,), "interval.held")
    _need(bool(((shares >= 0.0) & (shares <= 1.0)).all()), "interval.held")
    _need(_part(record, "held_rows", int, "interval.") >= 0, "interval.held_rows")
    if (weight := record.get("weight")) is not None:
        _need(isinstance(weight, dict) and isinstance(weight.get("column"), str), "interval.weight")
        _need(_is_finite(weight.get("unit")) and weight["unit"] > 0.0, "interval.weight.unit")


def check_model(model: Mapping[str, Any], d: int, classes: int, *, counts: bool = False) -> None:
    """The same of its model alone, of d inputs; classes: 0 for numbers.  counts: whether these are means of counts."""
    kind = _part(model, "kind", str, "model.")
    if kind == "average":
        _check_average(model, d, classes, counts=counts)
        return
    _need(kind in ARRAYS, "model.kind")
    for place, values, shape in ARRAYS[kind](model, d, max(1, classes - 1)):
        _check_order(place, _numbers(values, shape, place))
    if "low" in model:
        low, high = np.array(model["low"], dtype=float), np.array(model["high"], dtype=float)
        _need(bool((low <= high).all()), "model.high")
    link = ("log" if counts else None) if not classes else "logit" if classes == 2 else "softmax"
    _need(model.get("link") == link and ("link" in model) == (link is not None), "model.link")


def _check_average(model: Mapping[str, Any], d: int, classes: int, *, counts: bool) -> None:
    """The same of an average, of members that are none."""
    members, weights = _part(model, "members", list, "model."), _part(model, "weights", list, "model.")
    _need(1 <= len(members) <= MOST_MEMBERS, "model.members")
    shares = _numbers(weights, (len(members),), "model.weights")
    _need(bool((shares >= 0).all()) and abs(float(shares.sum()) - 1.0) < 1e-6, "model.weights")
    _need("link" not in model, "model.link")
    for number, member in enumerate(members):
        place = f"model.members[{number}]"
        _need(isinstance(member, dict) and member.get("kind") in ARRAYS, place)
        try:
            check_model(member, d, classes, counts=counts)
        except Damaged as error:
            raise Damaged(place + str(error).removeprefix("model")) from error


# ---- the numbers of a model of d inputs and m outputs: their place, they themselves, and the shape they must have


def _network_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    widths, layers = _part(model, "layer_widths", list, "model."), _part(model, "layers", list, "model.")
    grid, k = _part(model, "grid", int, "model."), _part(model, "k", int, "model.")
    _need(all(type(w) is int and w > 0 for w in widths), "model.layer_widths")
    _need(
        len(widths) >= 2 and (widths[0], widths[-1]) == (d, m) and len(layers) == len(widths) - 1, "model.layer_widths"
    )
    _need(grid >= 1, "model.grid")
    _need(1 <= k <= 20, "model.k")
    for name, size in (("x_offset", d), ("x_scale", d), ("y_offset", m), ("y_scale", m)):
        yield f"model.{name}", model.get(name), (size,)
    if "output_range" in model:
        yield "model.output_range", model["output_range"], (m, 2)
    if "reach" in model:
        yield "model.reach", model["reach"], ()
        _need(0 <= model["reach"] <= MOST_REACH, "model.reach")
    if "stretch" in model:
        yield "model.stretch", model["stretch"], ()
        _need(0 < model["stretch"] <= 1, "model.stretch")
    for number, (layer, n_in, n_out) in enumerate(zip(layers, widths[:-1], widths[1:], strict=True)):
        place = f"model.layers[{number}]"
        _need(isinstance(layer, dict), place)
        yield f"{place}.knots", layer.get("knots"), (n_in, grid + 2 * k + 1)
        yield f"{place}.coef", layer.get("coef"), (n_in, n_out, grid + k)
        yield f"{place}.scale_base", layer.get("scale_base"), (n_in, n_out)
        yield f"{place}.range", layer.get("range"), (n_in, 2)


def _linear_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    several = (m,) if m > 1 else ()
    yield "model.offset", model.get("offset"), several
    yield "model.weights", model.get("weights"), (d, *several)
    for name in ("center", "scale", "low", "high"):
        yield f"model.{name}", model.get(name), (d,)


def _polynomial_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    powers, weights = _part(model, "powers", list, "model."), _part(model, "weights", list, "model.")
    several = (m,) if m > 1 else ()
    yield "model.offset", model.get("offset"), several
    for name in ("center", "scale", "low", "high"):
        yield f"model.{name}", model.get(name), (d,)
    yield "model.weights", weights, (len(weights), *several)
    yield "model.powers", powers, (len(weights), d)
    _need(all(type(p) is int and 0 <= p <= 9 for term in powers for p in term), "model.powers")


def _additive_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    breaks, coef = _part(model, "breaks", list, "model."), _part(model, "coef", list, "model.")
    several = (m,) if m > 1 else ()
    yield "model.offset", model.get("offset"), several
    for name in ("low", "high"):
        yield f"model.{name}", model.get(name), (d,)
    _need(len(breaks) == d, "model.breaks")
    _need(len(coef) == d, "model.coef")
    for number, (points, pieces) in enumerate(zip(breaks, coef, strict=True)):
        place = f"model.breaks[{number}]"
        _need(isinstance(points, list) and len(points) >= 2, place)
        yield place, points, (len(points),)
        yield f"model.coef[{number}]", pieces, (len(points) - 1, 4, *several)


def _perceptron_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    weights, biases = _part(model, "weights", list, "model."), _part(model, "biases", list, "model.")
    if "offset" in model:
        yield "model.offset", model["offset"], ()
    for name in ("center", "scale", "low", "high"):
        yield f"model.{name}", model.get(name), (d,)
    for name in ("y_offset", "y_scale"):
        yield f"model.{name}", model.get(name), ()
    _need(len(weights) >= 1, "model.weights")
    _need(len(biases) == len(weights), "model.biases")
    _need(isinstance(biases[-1], list) and len(biases[-1]) == m, f"model.biases[{len(biases) - 1}]")
    n_in = d
    for number, (of, added) in enumerate(zip(weights, biases, strict=True)):
        _need(isinstance(added, list) and len(added) >= 1, f"model.biases[{number}]")
        yield f"model.biases[{number}]", added, (len(added),)
        yield f"model.weights[{number}]", of, (n_in, len(added))
        n_in = len(added)


def _trees_arrays(model: Mapping[str, Any], d: int, m: int) -> Arrays:
    yield "model.offset", model.get("offset"), (m + 1,) if m > 1 else ()
    for name in ("low", "high"):
        yield f"model.{name}", model.get(name), (d,)
    for number, tree in enumerate(_part(model, "trees", list, "model.")):
        place = f"model.trees[{number}]"
        _need(isinstance(tree, dict), place)
        nodes = len(_part(tree, "value", list, f"{place}."))
        _need(nodes > 0, f"{place}.value")
        for name in ("value", "threshold", "feature", "left", "right"):
            yield f"{place}.{name}", tree.get(name), (nodes,)
        for name in ("feature", "left", "right"):
            _need(all(type(i) is int for i in tree[name]), f"{place}.{name}")
        _need(all(0 <= i < d for i in tree["feature"]), f"{place}.feature")
        output = tree.get("output", 0)
        _need(type(output) is int and 0 <= output < (m + 1 if m > 1 else 1), f"{place}.output")
        for at, children in enumerate(zip(tree["left"], tree["right"], strict=True)):
            for name, child in zip(("left", "right"), children, strict=True):
                # a leaf has no children, 0; they come after their node, so that every way ends
                _need(not any(children) or at < child < nodes, f"{place}.{name}")


ARRAYS: Mapping[str, Callable[[Mapping[str, Any], int, int], Arrays]] = {
    "kan": _network_arrays,
    "linear": _linear_arrays,
    "polynomial": _polynomial_arrays,
    "additive": _additive_arrays,
    "perceptron": _perceptron_arrays,
    "trees": _trees_arrays,
}


def _check_order(place: str, values: Array) -> None:
    """Scales are above 0, knots rise, and ranges run upwards; a node that is constant has a range of one point."""
    name = place.rpartition(".")[2].partition("[")[0]
    if name in ("x_scale", "y_scale", "scale"):
        _need(bool((values > 0).all()), place)
    if name == "knots":
        _need(bool((values[:, :-1] <= values[:, 1:]).all() and (values[:, 0] < values[:, -1]).all()), place)
    if name == "breaks":
        _need(bool((values[:-1] < values[1:]).all()), place)
    if name in ("range", "output_range"):
        _need(bool((values[:, 0] <= values[:, 1]).all()), place)


def _check_recipe(recipe: Mapping[str, Any]) -> int:
    """The number of inputs it makes."""
    _need(_part(recipe, "format", int, "recipe.") == RECIPE_FORMAT, "recipe.format")
    _text(recipe.get("target"), "recipe.target")
    levels = recipe.get("levels", [])
    _texts(levels, "recipe.levels")
    _need(len(levels) != 1 and len(levels) <= MOST_CLASSES, "recipe.levels")
    scale = _part(recipe, "target_transform", dict, "recipe.")
    _check_transform(scale, "recipe.target_transform")
    if "distribution" in recipe:
        plain = not levels and scale["scale"] == "none"
        _need(recipe["distribution"] == "poisson" and plain, "recipe.distribution")
    if "conventions" in recipe:
        _check_conventions(_part(recipe, "conventions", dict, "recipe."))
    columns = _part(recipe, "columns", list, "recipe.")
    _need(len(columns) > 0, "recipe.columns")
    for number, column in enumerate(columns):
        place = f"recipe.columns[{number}]"
        _need(isinstance(column, dict), place)
        _check_column(column, place)
    return len(columns)


def _check_shares(shares: Any, levels: int, place: str) -> None:
    """Of the levels of a category, in the training rows."""
    _need(isinstance(shares, list) and len(shares) == levels and all(map(_is_finite, shares)), place)
    _need(all(0 <= share <= 1 for share in shares) and abs(sum(shares) - 1) < 1e-6, place)


def _check_column(column: Mapping[str, Any], place: str) -> None:
    for name in ("level", "fill"):  # which may be null, and so would not be missed below
        _need(name in column, f"{place}.{name}")
    level, part, levels, fill = (column.get(name) for name in ("level", "part", "levels", "fill"))
    _text(column.get("source"), f"{place}.source")
    _need(part in PARTS_KNOWN, f"{place}.part")
    _texts(levels, f"{place}.levels")
    _need(fill is None or _is_finite(fill), f"{place}.fill")
    _need(part not in ("other", "order") or bool(levels), f"{place}.levels")
    if level is not None:
        _text(level, f"{place}.level")
        _need(part == "" and (not levels or level in levels), f"{place}.level")
    if "shares" in column:
        _check_shares(column["shares"], len(levels or ()) or 2, f"{place}.shares")
    if "pooled" in column:
        _texts(column["pooled"], f"{place}.pooled")
    transform = _part(column, "transform", dict, f"{place}.")
    _check_transform(transform, f"{place}.transform")
    _need(transform["scale"] == "none" or (level is None and part in ("", "order")), f"{place}.transform.scale")


def _check_conventions(known: Mapping[str, Any]) -> None:
    """How the cells of the training table were written."""
    place = "recipe.conventions"
    _need(known.get("decimal") in ("", ".", ","), f"{place}.decimal")
    _need(isinstance(known.get("missing"), list), f"{place}.missing")
    for number, word in enumerate(known["missing"]):
        _text(word, f"{place}.missing[{number}]")
    for name, how in _part(known, "columns", dict, f"{place}.").items():
        of = f"{place}.columns[...]"
        _text(name, of)
        _need(isinstance(how, dict), of)
        _need(how.get("kind") in KINDS_KNOWN, f"{of}.kind")
        _need(how.get("decimal") in ("", ".", ","), f"{of}.decimal")
        _text(how.get("unit"), f"{of}.unit")
        _need(how.get("date") in ("", "%Y%m%d", *DATES), f"{of}.date")
        _texts(how.get("words"), f"{of}.words")
        _need(len(how["words"]) in (0, 2), f"{of}.words")


def _check_transform(transform: Mapping[str, Any], place: str) -> None:
    scale, shift, low = (transform.get(name) for name in ("scale", "shift", "low"))
    _need(scale in SCALES_KNOWN, f"{place}.scale")
    _need(_is_finite(shift), f"{place}.shift")
    _need(_is_finite(low), f"{place}.low")
    points = _part(transform, "points", list, f"{place}.")
    values = _numbers(points, (len(points),), f"{place}.points")
    if scale == "log":
        _need(low + shift > 0, f"{place}.shift")  # type: ignore[operator]
    if scale == "rank":
        _need(len(points) > 0 and bool((np.diff(values) > 0).all()), f"{place}.points")


# ---- single values


def _need(ok: bool, place: str) -> None:
    if not ok:
        raise Damaged(place)


def _part(content: Mapping[str, Any], name: str, kind: type, place: str) -> Any:
    """A field of that type; True is no number."""
    value = content.get(name)
    _need(isinstance(value, kind) and not isinstance(value, bool), place + name)
    return value


def _text(value: object, place: str) -> None:
    """Text that can be written to a file."""
    _need(isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value), place)


def _texts(values: object, place: str) -> None:
    _need(isinstance(values, list), place)
    assert isinstance(values, list)
    for number, value in enumerate(values):
        _text(value, f"{place}[{number}]")
    _need(len(set(values)) == len(values), place)


def _is_finite(value: object) -> bool:
    """Whether it is a number that arrays hold; a longer integer would make one of objects."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= 2**53


def _numbers(values: object, shape: tuple[int, ...], place: str) -> Array:
    """Finite numbers of that shape as an array, made once they are known to be."""
    _need(_has_shape(values, shape), place)
    return np.array(values, dtype=float)


def _has_shape(values: object, shape: tuple[int, ...]) -> bool:
    if not shape:
        return _is_finite(values)
    return isinstance(values, list) and len(values) == shape[0] and all(_has_shape(v, shape[1:]) for v in values)
