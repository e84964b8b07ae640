"""Networks and linear models as steps of a program, from the numbers of model.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.export.code_arithmetic import held, outside, pieces, silu
from kanlab.export.code_program import Name, Number, Product, Program, Quotient, Sum, Value
from kanlab.kan.layers import RANGE_TOLERANCE, STRETCH, edge_values


def add_network(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> tuple[list[Name], list[Name]]:
    """A network's outputs on the scale of the fit, and flags that are 1 where something left its range."""
    scaled = zip(inputs, model["x_offset"], model["x_scale"], strict=True)
    z = [
        program.let(f"z0_{i}", Quotient(Sum((x, Number(-offset))), Number(scale)))
        for i, (x, offset, scale) in enumerate(scaled, 1)
    ]
    flags: list[Name] = []
    for number, layer in enumerate(model["layers"], 1):
        z = _layer(program, layer, model.get("reach", 0.0), z, number, flags, model.get("stretch", STRETCH))
    if "output_range" in model:
        bounds = model["output_range"]
        flags += [_flag(program, at, low, high) for at, (low, high) in zip(z, bounds, strict=True)]
        z = [program.let("held", held(at, low, high)) for at, (low, high) in zip(z, bounds, strict=True)]
    back = zip(z, model["y_scale"], model["y_offset"], strict=True)
    return [program.let("y", Sum((Product((at, Number(scale))), Number(offset)))) for at, scale, offset in back], flags


def add_linear(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> tuple[list[Name], list[Name]]:
    """A linear model's outputs on the scale of the fit, and flags that are 1 where an input left its range."""
    scaled = [
        program.let(f"z0_{i}", Quotient(Sum((x, Number(-center))), Number(scale)))
        for i, (x, center, scale) in enumerate(zip(inputs, model["center"], model["scale"], strict=True), 1)
    ]
    offsets = np.atleast_1d(np.array(model["offset"], dtype=float))
    weights = np.array(model["weights"], dtype=float).reshape(len(scaled), len(offsets))
    return [
        program.total("y", [Number(float(offset)), *_weighted(scaled, weights[:, j])])
        for j, offset in enumerate(offsets)
    ], input_flags(program, model, inputs)


def input_flags(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    """1 where an input left the range it had in training; of a model that is no network."""
    low, high = np.array(model["low"]), np.array(model["high"])
    slack = RANGE_TOLERANCE * np.maximum(high - low, 1.0)
    ends = zip(inputs, (low - slack).tolist(), (high + slack).tolist(), strict=True)
    return [program.let("outside", outside(x, *each)) for x, *each in ends]


def edge_polynomials(knots: Array, coef: Array, low: float, high: float) -> tuple[list[float], list[list[float]]]:
    """The spline of an edge between low and high: breaks (pieces + 1), and of each piece its coefficients in powers of the
    distance to the break at its left, that of power 0 first.

    Examples
    --------
    >>> edge_polynomials(np.array([-1.0, 0.0, 1.0, 2.0]), np.array([3.0, 5.0]), 0.0, 1.0)
    ([0.0, 1.0], [[3.0, 2.0]])
    """
    from scipy.interpolate import PPoly

    k = len(knots) - len(coef) - 1
    # beyond the outer knots the splines are 0: k more knots on each side say so to SciPy
    step = max(float(knots[-1] - knots[0]), 1.0)
    more = step * np.arange(1, k + 1)
    wide = np.concatenate([knots[0] - more[::-1], knots, knots[-1] + more])
    polynomials = PPoly.from_spline((wide, np.pad(coef, k), k))
    breaks = polynomials.x
    used = [i for i in range(len(breaks) - 1) if breaks[i] < breaks[i + 1] and breaks[i] < high and breaks[i + 1] > low]
    if not used:  # a range of no width
        used = [min(int(np.searchsorted(breaks, low, side="right")) - 1, len(breaks) - 2)]
    ends = [float(breaks[i]) for i in used] + [float(breaks[used[-1] + 1])]
    return ends, [polynomials.c[::-1, i].tolist() for i in used]


def slopes_beyond(layer: Mapping[str, Any], part: float = STRETCH) -> tuple[Array, Array]:
    """The slopes (n_in, n_out) with which the edges of a layer go on below and above their range: those of its last part."""
    knots, coef, base, bounds = (np.array(layer[name]) for name in ("knots", "coef", "scale_base", "range"))
    low, high = bounds[:, :1], bounds[:, 1:]
    stretch = part * (high - low)

    def rise(edge: Array, inner: Array) -> Array:
        return np.asarray((edge_values(edge, knots, coef, base) - edge_values(inner, knots, coef, base))[:, :, 0])

    safe = np.where(stretch == 0.0, 1.0, stretch)
    below = np.where(stretch == 0.0, 0.0, rise(low, low + stretch) / -safe)
    above = np.where(stretch == 0.0, 0.0, rise(high, high - stretch) / safe)
    return below, above


def _layer(
    program: Program,
    layer: Mapping[str, Any],
    reach: float,
    z: Sequence[Name],
    number: int,
    flags: list[Name],
    part: float,
) -> list[Name]:
    """What a layer puts out; what is held to its range is flagged."""
    knots, coef, base = (np.array(layer[name]) for name in ("knots", "coef", "scale_base"))
    below, above = slopes_beyond(layer, part)
    terms: list[list[Value]] = [[] for _ in range(base.shape[1])]
    for i, (at, (low, high)) in enumerate(zip(z, layer["range"], strict=True)):
        flags.append(_flag(program, at, low, high))
        inside = program.let(f"h{number}_{i + 1}", held(at, low, high))
        base_value = program.let(f"s{number}_{i + 1}", silu(program, inside, low)) if base[i].any() else inside
        far = reach * (high - low)
        for slopes, ends in ((below, (low - far, low)), (above, (high, high + far))):
            if far > 0.0 and slopes[i].any():
                edge = low if slopes is below else high
                beyond = program.let(f"beyond{number}_{i + 1}", held(at, *ends))
                way = program.let(f"way{number}_{i + 1}", Sum((beyond, Number(-edge))))
                for j, more in enumerate(_weighted([way] * base.shape[1], slopes[i])):
                    terms[j].append(more)
        for j in range(base.shape[1]):
            if coef[i, j].any():
                spline = pieces(inside, *edge_polynomials(knots[i], coef[i, j], low, high))
                terms[j].append(program.let(f"e{number}_{i + 1}_{j + 1}", spline))
            if base[i, j]:
                terms[j].append(Product((Number(float(base[i, j])), base_value)))
    return [program.total(f"z{number}_{j + 1}", some) for j, some in enumerate(terms)]


def _flag(program: Program, at: Name, low: float, high: float) -> Name:
    """As `kanlab.kan.layers.held` flags."""
    slack = RANGE_TOLERANCE * max(high - low, max(1.0, abs(low)))
    return program.let("outside", outside(at, low - slack, high + slack))


def _weighted(values: Sequence[Name], weights: Array) -> list[Value]:
    return [Product((Number(float(w)), value)) for w, value in zip(weights, values, strict=True)]
