r"""A model as a function of a sum of terms, each of one input: f(x) = rest(sum_i t_i(x_i)).

Of a network t_i holds the edges from input i to the H nodes of the first hidden layer, and the rest of it goes on from their
sums; of an additive model t_i is what the input adds to the output. Of any other model t_i(x_i) = x_i e_i, whose sum is the
row itself. So a row that takes some inputs from one row and the others from another costs only the rest, of known terms.

A model is given by its numbers, the mapping that `model.json` of a bundle holds. NumPy alone, as a bundle's predict.py has it
written into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.kan.bspline import interval_polynomials, silu
from kanlab.kan.layers import STRETCH, edge_values, held
from kanlab.stats.likelihood import exponential, probabilities, probability


class SumOfTerms(NamedTuple):
    """A model of d inputs in terms of width H.

    terms: X (n, d) to (n, d, H).  rest: sums (n, H) to what the model puts out before its link, (n,) or (n, outputs).
    link: "logit", "softmax", "log" or "" where the rest gives predictions.  active: (d,), False for inputs whose term is
    always 0.  additive: whether the rest adds an offset and no more.  cost: about how many curves a row of the rest takes.
    """

    terms: Callable[[Array], Array]
    rest: Callable[[Array], Array]
    active: Mask
    link: str = ""
    additive: bool = False
    cost: float = 1.0

    def predict(self, sums: Array) -> Array:
        """Predictions, (n,) or (n, classes), of sums (n, H): of classes probabilities, of counts their means."""
        return predictions(self.link, self.rest(sums))


def predictions(link: str, outputs: Array) -> Array:
    """Outputs of a model as predictions; of classes probabilities, of counts their means."""
    function = {"logit": probability, "softmax": probabilities, "log": exponential}.get(link)
    return function(outputs) if function else outputs


Evaluate = Callable[[Mapping[str, Any], Array], Array]  # a model and X (n, d) to its predictions
COSTS = {"polynomial": 20.0, "perceptron": 30.0, "trees": 40.0}  # in curves of a network


def terms_of(model: Mapping[str, Any], evaluate: Evaluate) -> SumOfTerms:
    """A model by its numbers. evaluate: for a kind that has no terms of its own."""
    if model["kind"] == "average":
        return averaged([terms_of(member, evaluate) for member in model["members"]], model["weights"])
    if model["kind"] == "kan":
        return _network_terms(model)
    if model["kind"] == "linear":
        return _linear_terms(model)
    if model["kind"] == "additive":
        return _additive_terms(model)
    return whole_rows(lambda X: evaluate(model, X), len(model["low"]), COSTS.get(model["kind"], 20.0))


def averaged(members: Sequence[SumOfTerms], weights: Sequence[float]) -> SumOfTerms:
    """The weighted mean of the predictions of several models of the same inputs: their terms beside one another."""
    widths = np.array([member.terms(np.zeros((1, len(member.active)))).shape[2] for member in members])
    ends = np.concatenate([[0], np.cumsum(widths)])

    def rest(sums: Array) -> Array:
        parts = [member.predict(sums[:, a:b]) for member, a, b in zip(members, ends[:-1], ends[1:], strict=True)]
        return np.asarray(sum(weight * part for weight, part in zip(weights, parts, strict=True)))

    return SumOfTerms(
        lambda X: np.concatenate([member.terms(X) for member in members], axis=2),
        rest,
        np.any([member.active for member in members], axis=0),
        cost=sum(member.cost for member in members),
    )


def whole_rows(evaluate: Callable[[Array], Array], d: int, cost: float) -> SumOfTerms:
    """A model of which nothing is known but what it puts out: the sum of its terms is the row itself.

    >>> product = whole_rows(lambda X: X[:, 0] * X[:, 1], 2, 1.0)
    >>> product.rest(product.terms(np.array([[2.0, 3.0]])).sum(axis=1)).tolist()
    [6.0]
    """
    return SumOfTerms(lambda X: X[:, :, None] * np.eye(d), evaluate, np.ones(d, dtype=bool), cost=cost)


def _network_terms(model: Mapping[str, Any]) -> SumOfTerms:
    """A network: the edges of its first layer, and all that follows them."""
    x_offset, x_scale, y_offset, y_scale = (np.array(model[n]) for n in ("x_offset", "x_scale", "y_offset", "y_scale"))
    layers = [[np.array(layer[n]) for n in ("knots", "coef", "scale_base", "range")] for layer in model["layers"]]
    reach, output_range = float(model.get("reach", 0.0)), model.get("output_range")
    limits = None if output_range is None else np.array(output_range)
    first, later = layers[0], [(held_to, layer_polynomials(a, b, c, held_to)) for a, b, c, held_to in layers[1:]]
    part = float(model.get("stretch", STRETCH))
    lines = [straight_lines(a, b, c, held_to, reach, part) for a, b, c, held_to in layers]

    def terms(X: Array) -> Array:
        knots, coef, scale_base, bounds = first
        z = ((X - x_offset) / x_scale).T
        edge, moved = held(z, bounds)
        values = edge_values(edge, knots, coef, scale_base)
        if reach and moved.any():
            below, above, rises = lines[0](z[:, moved])
            values[:, :, moved] += below[:, None] * rises[0][..., None] + above[:, None] * rises[1][..., None]
        return values.transpose(2, 0, 1)

    def rest(sums: Array) -> Array:
        z = sums.T
        for (bounds, polynomials), line in zip(later, lines[1:], strict=True):
            edge, moved = held(z, bounds)
            out = polynomials(edge)
            if reach and moved.any():
                below, above, rises = line(z[:, moved])
                out[:, moved] += rises[0].T @ below + rises[1].T @ above
            z = out
        z = z if limits is None else np.clip(z, limits[:, :1], limits[:, 1:])
        outputs = z.T * y_scale + y_offset
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    active = (first[1] != 0).any(axis=(1, 2)) | (first[2] != 0).any(axis=1)
    cost = float(sum(layer[2].size for layer in layers[1:]) or 1)
    return SumOfTerms(terms, rest, active, model.get("link", ""), cost=cost)


def straight_lines(
    knots: Array, coef: Array, scale_base: Array, bounds: Array, reach: float, part: float = STRETCH
) -> Callable[[Array], tuple[Array, Array, Array]]:
    """The lines on which the edges of a layer go on beyond its bounds, as `kanlab.kan.layers.continuation` has them.

    Returns a function of inputs z (n_in, n), as they came: how many stretches each lies below and above its bounds, both
    (n_in, n), and the rises (2, n_in, n_out) of the edges over a stretch, below and above.
    """
    low, high = bounds[:, :1], bounds[:, 1:]
    stretch = part * (high - low)
    ends = edge_values(np.hstack([low, low + stretch, high - stretch, high]), knots, coef, scale_base)
    rises = np.stack([ends[..., 0] - ends[..., 1], ends[..., 3] - ends[..., 2]])
    per_stretch = np.divide(1.0, stretch, out=np.zeros_like(stretch), where=stretch > 0)

    def beyond(z: Array) -> tuple[Array, Array, Array]:
        most = reach * (high - low)
        return np.clip(low - z, 0.0, most) * per_stretch, np.clip(z - high, 0.0, most) * per_stretch, rises

    return beyond


def layer_polynomials(knots: Array, coef: Array, scale_base: Array, bounds: Array) -> Callable[[Array], Array]:
    """A layer as polynomials by interval: inputs (n_in, n) within the bounds (n_in, 2) to outputs (n_out, n).

    Horner's rule on tables, several times as fast as the splines one by one, which thousands of evaluations repay.
    """
    k = knots.shape[1] - coef.shape[2] - 1
    inner, width = knots[:, k : knots.shape[1] - k], coef.shape[2] - k
    slack = 1e-9 * (inner[:, -1] - inner[:, 0])
    if ((bounds[:, 0] < inner[:, 0] - slack) | (bounds[:, 1] > inner[:, -1] + slack)).any():
        return lambda z: edge_values(z, knots, coef, scale_base).sum(axis=0)  # some lie where there is no full set
    powers = np.arange(k + 1)[None, :, None, None]
    windows = np.stack([coef[:, :, q : q + k + 1] for q in range(width)], axis=1)  # (n_in, width, n_out, k + 1)
    table = np.einsum("iqps,iqos->ipqo", interval_polynomials(knots, k), windows)
    lengths = np.diff(inner, axis=1)
    table *= np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)[:, None, :, None] ** powers
    starts = np.ascontiguousarray(inner[:, :-1])
    curves = np.ascontiguousarray(table.transpose(0, 3, 1, 2))  # (n_in, n_out, power, interval)

    def evaluate(z: Array) -> Array:
        out = scale_base.T @ silu(z)
        for i, values in enumerate(z):
            q = np.zeros(len(values), dtype=np.intp)
            for start in starts[i, 1:]:  # a dozen at most, and quicker than a search in each of them
                q += values >= start
            step = values - starts[i].take(q)
            for o in range(coef.shape[1]):
                total = curves[i, o, k].take(q)
                for p in range(k - 1, -1, -1):
                    total *= step
                    total += curves[i, o, p].take(q)
                out[o] += total
        return out

    return evaluate


def _linear_terms(model: Mapping[str, Any]) -> SumOfTerms:
    center, scale = np.array(model["center"], dtype=float), np.array(model["scale"], dtype=float)
    weights = np.array(model["weights"], dtype=float).reshape(len(center), -1)
    active = np.asarray((weights != 0).any(axis=1))
    return _added_up(model, lambda X: ((X - center) / scale)[:, :, None] * weights, active)


def _additive_terms(model: Mapping[str, Any]) -> SumOfTerms:
    low, high = np.array(model["low"], dtype=float), np.array(model["high"], dtype=float)
    pieces = [(np.array(breaks), np.array(coef)) for breaks, coef in zip(model["breaks"], model["coef"], strict=True)]

    def terms(X: Array) -> Array:
        columns = []
        for (breaks, coef), x in zip(pieces, np.clip(X, low, high).T, strict=True):
            i = np.clip(np.searchsorted(breaks[:-1], x, side="right") - 1, 0, len(breaks) - 2)
            cubic, step = coef[i].reshape(len(x), 4, -1), (x - breaks[i])[:, None]
            columns.append(((cubic[:, 0] * step + cubic[:, 1]) * step + cubic[:, 2]) * step + cubic[:, 3])
        return np.stack(columns, axis=1)

    return _added_up(model, terms, np.array([bool((coef != 0).any()) for _, coef in pieces]))


def _added_up(model: Mapping[str, Any], terms: Callable[[Array], Array], active: Mask) -> SumOfTerms:
    """Terms to which the rest adds an offset."""
    offset = np.array(model["offset"], dtype=float)

    def rest(sums: Array) -> Array:
        return np.asarray((sums[:, 0] if offset.ndim == 0 else sums) + offset)

    return SumOfTerms(terms, rest, active, model.get("link", ""), additive=True)
