r"""A root of the roughness penalty: rows R with |R dc|^2 what the penalty adds along a step dc, at level 1.

The penalty of the edges into a node is |S w|^2 / width^2, and the width moves with every layer below, so a row of R is

    (S dw - S w dwidth / width) / width

where `Problem.add_penalty` adds the squares of such rows. A first layer of few distinct values has directions a million times
as rough as others, and squared they bury what the others add in their rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import block_diag

from kanlab.arrays import Array
from kanlab.solver.first_layer import roughness_root, second_differences
from kanlab.solver.problem import LAST_LAYER_ROUGHNESS, LAST_LAYER_SILU, Problem
from kanlab.solver.stack import State


def inner_root(problem: Problem, state: State, extremes: Sequence[Array]) -> Array:
    """Of the edges into hidden nodes, (rows, p) in the coordinates of the state. extremes: of `Stack.extreme_tangents`."""
    stack, h, r = problem.stack, problem.neuron_num, problem.design.rank
    size, node = stack.ends(state)[-1], np.arange(problem.neuron_num)
    slopes = [bounds[h:] - bounds[:h] for bounds in extremes]
    by_own = np.zeros((h, h, r))  # the widths of the lowest nodes depend on their own weights alone
    by_own[node, node] = slopes[0]
    slopes[0] = np.pad(by_own.reshape(h, -1), ((0, 0), (0, size - h * r)))
    inner = np.kron(np.eye(h), block_diag(second_differences(problem.design.grid + problem.design.k), 1.0))
    roots = [roughness_root(problem.design)] + [inner] * (problem.depth - 1)
    rows, start = [], 0
    layers = zip(roots, state.weights, stack.coordinates(state), state.nodes, slopes, strict=True)
    for S, W, to_coef, nodes, slope in layers:
        T = problem.design.projectors if to_coef is None else None
        for j, width in enumerate(nodes.width):
            of_node = np.concatenate([S, problem.mean_of_factor(j)]) if to_coef is None else S
            own = of_node if to_coef is None else S @ to_coef
            row = -np.outer(of_node @ W[j], slope[j]) / width
            row[:, start : start + own.shape[1]] += own if T is None else own @ T[j]
            rows.append(np.sqrt(problem.inner_weight) * row / width)
            start += own.shape[1]
    return np.concatenate(rows)


def last_root(problem: Problem) -> Array:
    """Of the edges into one target, (rows, width of the last layer)."""
    differences = second_differences(problem.design.grid + problem.design.k)
    of_node = block_diag(np.sqrt(LAST_LAYER_ROUGHNESS) * differences, np.sqrt(LAST_LAYER_SILU))
    sums = np.eye(problem.neuron_num)
    sums[: 2 * problem.stack.products.count] = 0.0  # what leaves a product is not penalised
    return np.sqrt(problem.smoothing) * np.kron(sums, of_node)
