r"""The edges of a fitted network as curves, and how much of its output each accounts for.

An edge is drawn over the range it had on the training rows, less its mean there: a constant can be moved from one edge into a
node to any other, so only the shape of a curve means something. The score of an edge is that of KAN 2.0 (Liu et al. 2024,
arXiv 2408.10205, section 4.2), back from the output,

    B_lij = A_{l+1,j} E_lij / N_{l+1,j},    A_li = sum_j B_lij,    A_L = 1

with E_lij the standard deviation of edge (l, i, j) over the training rows and N_{l+1,j} that of the node it enters; shares are
scores over their sum in the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.kan.layers import KanLayer
from kanlab.kan.multiplication import as_products, multiplied
from kanlab.kan.network import FittedKan

MOST_ROWS = 2000  # that the score of an edge is computed from
POINTS = 81  # of a drawn curve
FEW = 12  # different values of an input up to which its curve is a line through them


@dataclass(frozen=True, eq=False)
class Edge:
    """One edge: layer, source and target count from 0. The factors of a multiplication node (kanlab.kan.multiplication) are
    two nodes, and from the first goes a line, drawn over the product.

    x, y: (POINTS,), the curve over the range of its input.  rows: (n,) inputs of the training rows.  values: (n,) what it
    gives there, with the mean `mean` taken off as in y.  share: of the scores of its layer.
    Inputs of the first layer are in units of the data, values of the last layer in those of the fitted target.
    """

    layer: int
    source: int
    target: int
    x: Array
    y: Array
    rows: Array
    values: Array
    mean: float
    share: float


@dataclass(frozen=True, eq=False)
class Curves:
    """All edges of a network, layer by layer, and the shares (d,) of its inputs."""

    network: FittedKan
    edges: tuple[Edge, ...]
    inputs: Array

    def layer(self, index: int) -> list[Edge]:
        """The edges of a layer by source and target."""
        return [e for e in self.edges if e.layer == index]

    @cached_property
    def depth(self) -> int:
        """Layers of edges."""
        return len(self.network.layers)


def curves_of(network: FittedKan, X: ArrayLike) -> Curves:
    """The edges of a network as curves, with their shares.

    Parameters
    ----------
    network : FittedKan
    X : array_like of shape (n, d)
        Its training rows, in units of the data; of more than MOST_ROWS so many are chosen evenly.

    Returns
    -------
    Curves

    Examples
    --------
    A feature that y does not depend on is worth little:

    >>> from kanlab.solver.fit import fit_cell
    >>> X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
    >>> curves = curves_of(fit_cell(X, np.exp(X[:, 0]), neuron_num=1, grid=2, k=3), X)
    >>> len(curves.edges), bool(curves.inputs[0] > 0.95)
    (3, True)
    """
    rows = np.asarray(X, dtype=float)
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().astype(int)]
    z = ((rows - network.x_offset) / network.x_scale).T
    inputs: list[Array] = []
    outputs: list[Array] = []
    layers, ranges = as_products(network)
    products = network.spec.multiplication
    for index, (layer, held) in enumerate(zip(layers, ranges, strict=True)):
        z = multiplied(z, products) if index else z
        z = np.clip(z, held[:, :1], held[:, 1:])
        inputs.append(z)
        outputs.append(layer.edges(z))
        z = outputs[-1].sum(axis=0)
    scores = edge_scores(outputs, products)
    edges = [
        edge
        for index in range(len(outputs))
        for edge in _edges(network, layers, index, inputs[index], outputs[index], scores[index])
        if not (index and edge.source < 2 * products and edge.source % 2)  # which of a product's factors is the second
    ]
    first = scores[0].sum(axis=1)
    return Curves(network, tuple(edges), first / (first.sum() or 1.0))


def edge_scores(outputs: list[Array], products: int = 0) -> list[Array]:
    """B_l (n_in, n_out) of every layer, from its edges' values (n_in, n_out, n).

    products: multiplication nodes, each of whose factors has the score of the node (KAN 2.0, section 4.2).

    >>> edge_scores([np.array([[[0.0, 2.0]], [[0.0, 0.0]]])])[0].tolist()
    [[1.0], [0.0]]
    """
    node = np.ones(outputs[-1].shape[1])
    scores: list[Array] = []
    for values in reversed(outputs):
        spread, nodes = values.std(axis=2), values.sum(axis=0).std(axis=1)
        scores.insert(0, node * np.divide(spread, nodes, out=np.zeros_like(spread), where=nodes > 0))
        node = scores[0].sum(axis=1)
        if len(scores) < len(outputs):
            node[1 : 2 * products : 2] = node[: 2 * products : 2]
    return scores


def _edges(
    network: FittedKan, layers: tuple[KanLayer, ...], index: int, inputs: Array, values: Array, scores: Array
) -> list[Edge]:
    layer, last = layers[index], index == len(layers) - 1
    means = values.mean(axis=2)
    grid = np.linspace(inputs.min(axis=1), inputs.max(axis=1), POINTS, axis=1)
    drawn = layer.edges(grid)
    for i, row in enumerate(inputs):
        taken = np.unique(row)
        if len(taken) <= FEW:  # a level, a year: no row lies between
            through = layer.edges(np.tile(taken, (len(inputs), 1)))[i]
            drawn[i] = [np.interp(grid[i], taken, through[j]) for j in range(len(through))]
    offset, scale = (network.x_offset, network.x_scale) if index == 0 else (np.zeros(len(grid)), np.ones(len(grid)))
    unit = network.y_scale if last else np.ones(values.shape[1])
    total = scores.sum() or 1.0
    return [
        Edge(
            index, i, j,
            grid[i] * scale[i] + offset[i], (drawn[i, j] - means[i, j]) * unit[j],
            inputs[i] * scale[i] + offset[i], (values[i, j] - means[i, j]) * unit[j],
            float(means[i, j] * unit[j]), float(scores[i, j] / total),
        )
        for i in range(values.shape[0])
        for j in range(values.shape[1])
    ]  # fmt: skip
