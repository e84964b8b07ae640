"""How many parameters a KAN has: four counting rules known before any fit, and what a fit has spent.

One edge of pykan's network is phi(x) = scale_base silu(x) + scale_sp sum_b coef_b B_b(x) with G + k B-splines, so with
layer widths (n_0, ..., n_L), G grid intervals and spline order k a layer from n_in to n_out nodes counts

    rule            a layer                                      what it is
    identifiable    n_out [n_in (G+k+1) - (n_in - 1)]            the rank of the Jacobian: the B-splines of an edge sum to 1,
                                                                 so the n_in edges into a node share one constant, and
                                                                 scale_sp is redundant with coef
    trainable       n_in n_out (G+k+2)                           what the optimiser moves: coef, scale_base, scale_sp
    coefficients    n_in n_out (G+k)                             the spline coefficients alone
    article         n_in n_out 4                                 4 an edge, whatever G and k

(pykan's own `requires_grad` also counts 4 numbers an edge of the symbolic branch, which a numerical fit never moves.)

On rows in which feature i takes v_i distinct values, an edge from it can be v_i different numbers and no more, so that
`identifiable` of the first layer is n_out [1 + sum_i min(G + k, v_i - 1)]: a column of 0 and 1 carries 1 a node.

A multiplication node z = a b (kanlab.kan.multiplication) is two nodes to the layer below, and one edge, a line, to each of
the m targets. Its numbers are those of the edges into both and m slopes, less one for the factor that a and b may exchange and
one for that between a b and the slopes; without a node that adds up, m constants more.

`effective_count` is what a penalised fit has spent, known once it is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, get_args

from kanlab.language import say

CountingRule = Literal["identifiable", "trainable", "coefficients", "article"]
RULES: tuple[CountingRule, ...] = get_args(CountingRule)

_LAYER_COUNT: dict[str, Callable[[int, int, int, int], int]] = {
    "identifiable": lambda n_in, n_out, grid, k: n_out * (n_in * (grid + k + 1) - (n_in - 1)),
    "trainable": lambda n_in, n_out, grid, k: n_in * n_out * (grid + k + 2),
    "coefficients": lambda n_in, n_out, grid, k: n_in * n_out * (grid + k),
    "article": lambda n_in, n_out, grid, k: n_in * n_out * 4,
}

# What the search among minima and among networks costs beside edf (benchmarks/README.md has the calibration)
SEARCHED_EDF = 1.2  # of edf: what refits from scratch spend, each being the best of its starts
# Of a feature, for every node beyond the first: a network of more nodes is one of more to choose from
NODE_CHARGE = 0.5
MOST_EDF = 0.8  # of the training rows: beyond it a fit follows them, and its residuals say nothing


def n_params(
    layer_widths: Sequence[int],
    grid: int,
    k: int,
    rule: CountingRule = "identifiable",
    *,
    count_sigma2: bool = False,
    values: Sequence[int] = (),
    multiplication: int = 0,
) -> int:
    """Counted parameters K of a KAN.

    Parameters
    ----------
    layer_widths : sequence of int
        Nodes of each layer, inputs and outputs included, e.g. (2, 5, 1).
    grid : int
        Grid intervals G.
    k : int
        Spline order.
    rule : str
        "identifiable", "trainable", "coefficients" or "article"; the head of kanlab.kan.parameter_count has the formulas.
    count_sigma2 : bool
        Whether to count one more for the noise variance, as R's AIC does.
    values : sequence of int
        Distinct values of each input in the training rows, which bound what `identifiable` counts of its edges; () where
        they are not known, or more than G + k.
    multiplication : int
        Multiplication nodes, for each of which the hidden layer has two.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where there is no such rule or no such network.

    Examples
    --------
    >>> n_params((2, 5, 1), grid=3, k=3)
    96
    >>> n_params((2, 5, 1), grid=3, k=3, values=(100, 2))
    71
    >>> n_params((2, 5, 1), grid=3, k=3, rule="article")
    60
    >>> n_params((2, 2, 1), grid=3, k=3, multiplication=1)
    26
    """
    if rule not in _LAYER_COUNT:
        raise ValueError(
            say("unknown counting rule {rule!r}; the rules are {rules}", rule=rule, rules=", ".join(RULES))
        )
    if len(layer_widths) < 2 or min(layer_widths) < 1 or grid < 1 or k < 0:
        raise ValueError(
            say(
                "no network has layer_widths={layer_widths}, grid={grid}, k={k}",
                layer_widths=tuple(layer_widths),
                grid=grid,
                k=k,
            )
        )
    if values and len(values) != layer_widths[0]:
        raise ValueError(
            say(
                "values of {given} inputs are given, and the network has {inputs}",
                given=len(values),
                inputs=layer_widths[0],
            )
        )
    count = _LAYER_COUNT[rule]
    total = sum(count(n_in, n_out, grid, k) for n_in, n_out in pairwise(layer_widths)) + bool(count_sigma2)
    if multiplication:
        total -= _saved_by_products(count, layer_widths, grid, k, rule, multiplication)
    if rule == "identifiable" and values:
        total -= layer_widths[1] * sum(max(0, grid + k - (v - 1)) for v in values)
    return total


def _saved_by_products(
    count: Callable[[int, int, int, int], int], layer_widths: Sequence[int], grid: int, k: int, rule: str, products: int
) -> int:
    """What K falls by where so many pairs of hidden nodes are a multiplication node each, a line leaving it."""
    _, h, m = layer_widths
    sums = h - 2 * products
    left = count(sums, m, grid, k) if sums else m if rule == "identifiable" else 0
    if rule == "article":
        return count(h, m, grid, k) - left - 4 * products * m
    return count(h, m, grid, k) - left - products * m + 2 * products * (rule == "identifiable")


def edge_count(grid: int, k: int, rule: CountingRule = "identifiable", values: int | None = None) -> int:
    """What K falls by with one edge of the first layer, the node it leads to having others. values: as of `n_params`.

    >>> edge_count(3, 3), edge_count(3, 3, values=2), edge_count(3, 3, "article")
    (6, 1, 4)
    """
    count = _LAYER_COUNT[rule]
    of_edge = count(2, 1, grid, k) - count(1, 1, grid, k)
    return min(of_edge, values - 1) if rule == "identifiable" and values is not None else of_edge


def effective_count(edf: float, d: float, neuron_num: int, *, depth: int = 1, count_sigma2: bool = False) -> float:
    """What a fit has spent: its effective degrees of freedom, and the search for its nodes.

    edf is the trace of the smoother the fit is close to its minimum (kanlab.solver.effective_dof). It knows nothing of the
    other minima a fit was chosen among, nor of the choice among networks:

        K = SEARCHED_EDF edf + NODE_CHARGE d depth (neuron_num - 1) + 1 for the noise variance

    Parameters
    ----------
    edf : float
        Effective degrees of freedom.
    d : float
        Features; of a network that has lost edges, those a node has on average.
    neuron_num, depth : int
        Nodes of each hidden layer, and hidden layers.
    count_sigma2 : bool
        Whether to count one more for the noise variance.

    Returns
    -------
    float

    Examples
    --------
    >>> effective_count(12.5, d=4, neuron_num=3, count_sigma2=True)
    20.0
    """
    return SEARCHED_EDF * edf + count_sigma2 + NODE_CHARGE * d * depth * (neuron_num - 1)
