r"""How sure the coefficients of a fitted network are, and so anything that is computed of them.

A penalised fit is the mode of a posterior whose prior the penalty is (Wahba, J. R. Stat. Soc. B 45, 1983; Wood, Generalized
Additive Models, 2017, section 6.10). Linearised at the fit (kanlab.solver.smoother) its covariance is

    V = scale M^-1,    M = sum_i J_i'W_i J_i + R'R

with scale the variance of the noise, RSS / (n - K), of a quantity, and 1 of classes. Of counts it is 1 as well, unless
Pearson's chi-squared / (n - edf) says that they vary more than by chance, and then it is that (quasi-likelihood; McCullagh &
Nelder 1989, section 6.2). A number t of the coefficients has the variance g'V g, with g its derivatives (the delta method).
The bands of such numbers cover the truth about as often as they say in the mean over a function, not at each of its points
(Nychka, JASA 83, 1988; Marra & Wood, Scand. J. Stat. 39, 2012).

This is of one minimum, edf what it spends. The fit was chosen among minima and networks and spends K in their place, as refits
to new noise do (kanlab.kan.parameter_count.effective_count). So bands of one network are wider by `searched`, sqrt(K / edf);
those of several are not, for how far these lie apart says the same.

What is held. The coefficients are not all identified: a constant can go from one edge into a node to another, and a hidden
node can be stretched, the edges that leave it being stretched with it. Neither changes a prediction. So an edge is looked at
less its mean over the training rows, over the range that its input has, and where it leads to a hidden node in units of that
node's range, which is held:

    t = phi_ij(x) width_j(fit) / width_j

g of a prediction at any row is made by back-propagation; the knots of hidden nodes move with the nodes' extremes, as in
kanlab.solver.stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array, Mask
from kanlab.kan.bspline import bspline_basis, bspline_derivative, silu, silu_derivative
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.solver.first_layer import design_matrix
from kanlab.solver.multinomial import log_odds_of, to_log_odds
from kanlab.solver.smoother import Linearised, Root, Smoother, linearised, smoother_of
from kanlab.solver.stack import Stack
from kanlab.stats.likelihood import COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION

LM = "lm"  # the engine whose fits are minima of the penalised problem
MOST_VALUES = 20_000_000  # of the Jacobian: 160 MB, and as much again while it is factored
SURE = 3.0  # standard errors by which counts must vary more than by chance


@dataclass(frozen=True, eq=False)
class NetworkCovariance:
    """A network at its training rows, linearised. columns: of X, those that it uses.  network: on these alone.

    searched: by how much less sure a number is for the search for the fit, in standard errors.
    """

    network: FittedKan
    columns: tuple[int, ...]
    smoother: Smoother
    found: Linearised
    root: Root
    edf: float
    freedom: float  # n - K of a quantity, else infinite
    scale: float
    searched: float

    def sd(self, gradients: Array) -> Array:
        """Standard deviations (k,) of numbers with derivatives (k, p) by the coefficients."""
        return np.asarray(np.sqrt(self.scale * np.sum(self.root.whitened(gradients) ** 2, axis=1)))

    @cached_property
    def extremes(self) -> list[Array]:
        """Derivatives (2h, p) of the extremes of every hidden layer by all coefficients, those of the minima first."""
        stack, state, p, h = self._stack, self.found.state, self.found.J.shape[2], self._stack.neuron_num
        first, *others = stack.extreme_tangents(state)
        rows = np.zeros((2 * h, p))
        for j in range(2 * h):
            at = (j % h) * first.shape[1]
            rows[j, at : at + first.shape[1]] = first[j]
        return [rows, *(np.pad(of, ((0, 0), (0, p - of.shape[1]))) for of in others)]

    @property
    def _stack(self) -> Stack:
        return self.found.problem.stack

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return self.found.problem.depth

    # ---- predictions

    def forward(self, X: ArrayLike) -> Forward:
        """The network at rows X (n, d), in units of the data, held to its ranges as it predicts."""
        of, state = self.network, self.found.state
        x = ((np.asarray(X, dtype=float)[:, list(self.columns)] - of.x_offset) / of.x_scale).T
        x = np.clip(x, of.ranges[0][:, :1], of.ranges[0][:, 1:])
        inputs = [self._first(x)]
        Z = state.weights[0] @ inputs[0]
        nodes: list[tuple[Array, Mask]] = []
        products = self._stack.products
        for layer, held in enumerate(of.ranges[1:]):
            Z = products.turned(Z)  # ranges are those of sums and differences of factors
            free = (held[:, :1] <= Z) & (held[:, 1:] >= Z)
            Z = products.returned(np.clip(Z, held[:, :1], held[:, 1:]))
            nodes.append((Z, free))
            inputs.append(self._design(layer, Z))
            if layer + 1 < self.depth:
                Z = state.weights[layer + 1] @ inputs[-1]
        return Forward(tuple(inputs), tuple(nodes), state.last.D.T @ inputs[-1])

    def mean(self, outputs: Array) -> Array:
        """Predictions (n,) or (n, classes), on the scale of the fit, of outputs (m, n)."""
        of = self.network
        eta = log_odds_of(outputs) if of.task == MULTICLASS else outputs
        predicted = LIKELIHOODS[of.task].mean(eta.T * of.y_scale + of.y_offset)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    def pulled_back(self, at: Forward, values: Array) -> Array:
        """sum_i sum_o values_oi d output_oi / d coefficients (p,), of values (m, rows)."""
        state, stack = self.found.state, self._stack
        ends, h = stack.ends(state), stack.neuron_num
        found = np.zeros(self.found.J.shape[2])
        found[ends[-1] :] = (values @ at.inputs[-1].T).ravel()
        edges = state.last.D
        for layer in range(self.depth - 1, -1, -1):
            nodes, (Z, free) = state.nodes[layer], at.nodes[layer]
            low, width = nodes.low[:, None], nodes.width[:, None]
            unit, of = (Z - low) / width, self.network.layers[layer + 1]
            coef = edges.reshape(h, -1, edges.shape[1])
            received = np.einsum("jbo,on->jbn", coef, values)
            products = self._stack.products
            by_products = products.slopes(received, Z, free)
            received[products.rows] = 0.0
            splines = np.einsum("jbn,jbn->jn", received[:, :-1], bspline_derivative(Z, of.knots, of.k))
            straight = received[:, -1] * silu_derivative(Z)
            # a value held to its range stays where it is among the knots, and moves with the extremes instead
            by_low = np.where(free, -splines * (1.0 - unit), straight * (1.0 - unit)).sum(axis=1)
            by_high = np.where(free, -splines * unit, straight * unit).sum(axis=1)
            found += np.concatenate([by_low, by_high]) @ self.extremes[layer]
            by_nodes = np.where(free, splines + straight, 0.0)
            by_nodes[products.rows] = by_products
            to_coef, start = stack.coordinates(state)[layer], ends[layer - 1] if layer else 0
            inputs = at.inputs[layer] if to_coef is None else to_coef.T @ at.inputs[layer]
            own = by_nodes @ inputs.T
            found[start : ends[layer]] += (self._stack.possible(own) if layer == 0 else own).ravel()
            values, edges = by_nodes, state.weights[layer].T
        return found

    def moved(self, at: Forward, step: Array) -> Array:
        """Derivatives (m, rows) of the outputs along a step (p,) of the coefficients, the transpose of `pulled_back`."""
        state, stack, products = self.found.state, self._stack, self._stack.products
        ends, h, before = stack.ends(state), stack.neuron_num, np.zeros((0, at.outputs.shape[1]))
        for layer, (nodes, (Z, free)) in enumerate(zip(state.nodes, at.nodes, strict=True)):
            to_coef, start = stack.coordinates(state)[layer], ends[layer - 1] if layer else 0
            inputs = at.inputs[layer] if to_coef is None else to_coef.T @ at.inputs[layer]
            own = step[start : ends[layer]].reshape(h, -1)
            dZ = (stack.possible(own) if layer == 0 else own) @ inputs
            if layer:
                dZ += state.weights[layer] @ before
            by_low, by_high = (self.extremes[layer] @ step).reshape(2, h, 1)
            unit, of = (Z - nodes.low[:, None]) / nodes.width[:, None], self.network.layers[layer + 1]
            by_ends = (1.0 - unit) * by_low + unit * by_high
            splines = bspline_derivative(Z, of.knots, of.k) * np.where(free, dZ - by_ends, 0.0)[:, None]
            straight = silu_derivative(Z) * np.where(free, dZ, by_ends)
            design = np.concatenate([splines, straight[:, None]], axis=1)
            design[products.rows] = 0.0
            design[products.a, 0] = products.moved(dZ, Z, free)
            before = design.reshape(-1, Z.shape[1])
        return np.asarray(step[ends[-1] :].reshape(at.outputs.shape[0], -1) @ at.inputs[-1] + state.last.D.T @ before)

    # ---- edges

    def edge(self, layer: int, source: int, target: int, z: Array, rows: Array) -> Array:
        """Derivatives (k, p) of an edge at inputs z (k,), less its mean over rows (n,), scaled as the network has them.

        layer: of edges.  source: of the columns that the network uses.  The last layer is in units of a fit's outputs.
        """
        values, moves = self._edge(layer, source, target, z)
        at_rows, moves_at_rows = self._edge(layer, source, target, rows)
        gradients = moves - moves_at_rows.mean(axis=0)
        if layer == self.depth:
            return np.asarray(gradients)
        h = self._stack.neuron_num
        stretch = self.extremes[layer][h + target] - self.extremes[layer][target]
        width = self.found.state.nodes[layer].width[target]
        return np.asarray(gradients - np.outer(values - at_rows.mean(), stretch / width))

    def _edge(self, layer: int, source: int, target: int, z: Array) -> tuple[Array, Array]:
        """Values (k,) of an edge, and their derivatives (k, p), at the same places among the knots."""
        state, stack, of = self.found.state, self._stack, self.network.layers[layer]
        ends, h = stack.ends(state), stack.neuron_num
        found = np.zeros((len(z), self.found.J.shape[2]))
        if layer == 0:
            d, size = len(of.knots), of.coef.shape[2]
            x = np.zeros((d, len(z)))
            x[source] = z
            whole = design_matrix(x, of.knots, of.k)
            own = np.r_[source * size : (source + 1) * size, d * size + source]
            basis = self.found.problem.design.to_coef_of(target)[own].T @ whole[own]
            at = target * len(basis)
            found[:, at : at + len(basis)] = basis.T
            return np.asarray(state.weights[0][target] @ basis), found
        nodes = state.nodes[layer - 1]
        Z = np.zeros((h, len(z)))
        Z[source] = z
        size = self._design(layer - 1, Z).shape[0] // h
        own = slice(source * size, (source + 1) * size)
        basis = self._design(layer - 1, Z)[own]
        if layer == self.depth:
            m = len(state.last.outputs)
            shares = to_log_odds(m + 1)[target] if self.network.task == MULTICLASS else np.eye(m)[target]
            weights = state.last.D[own] @ shares
            if source < 2 * stack.products.count:
                basis = np.zeros_like(basis)
                basis[0] = z
            for o, share in enumerate(shares):
                start = ends[-1] + o * len(state.last.D) + own.start
                found[:, start : start + size] = share * basis.T
        else:
            weights, to_coef = state.weights[layer][target, own], stack.coordinates(state)[layer]
            assert to_coef is not None  # only of the first layer
            rank = to_coef.shape[1]
            start = ends[layer - 1] + target * rank
            found[:, start : start + rank] = basis.T @ to_coef[own]
        if layer == self.depth and source < 2 * stack.products.count:
            # z is the product of factors in units of their ranges, which are held
            for factor in (source, source + 1):
                stretch = self.extremes[0][h + factor] - self.extremes[0][factor]
                found += np.outer(weights[0] * z, stretch / nodes.width[factor])
            return np.asarray(weights @ basis), found
        unit = (z - nodes.low[source]) / nodes.width[source]
        slope = weights[-1] * silu_derivative(z)
        low, high = self.extremes[layer - 1][source], self.extremes[layer - 1][h + source]
        found += np.outer(slope * (1.0 - unit), low) + np.outer(slope * unit, high)
        return np.asarray(weights @ basis), found

    def _first(self, x: Array) -> Array:
        """Q' (r, n) at scaled inputs x (d, n)."""
        of = self.network.layers[0]
        return np.asarray(self.found.problem.design.to_coef.T @ design_matrix(x, of.knots, of.k))

    def _design(self, layer: int, Z: Array) -> Array:
        """The design (p, n) of the edges that leave a hidden layer, at its nodes Z (h, n)."""
        of = self.network.layers[layer + 1]
        design = np.concatenate([bspline_basis(Z, of.knots, of.k), silu(Z)[:, None]], axis=1)
        self._stack.products.put(design, Z)
        return design.reshape(-1, Z.shape[1])


@dataclass(frozen=True, eq=False)
class Forward:
    """A network at some rows. inputs: the design of every layer.  nodes: Z (h, n) of every hidden layer, held to its range,
    and where it was not.  outputs (m, n).
    """

    inputs: tuple[Array, ...]
    nodes: tuple[tuple[Array, Mask], ...]
    outputs: Array


def network_covariance(
    fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None
) -> NetworkCovariance | None:
    """A network fitted by the engine lm to X (n, d), y (n,) or (n, classes), linearised there. weights: (n,), of the fit.

    None where there is none: of another engine, whose fits are no minima, of a network under constraints, which
    has `kanlab.solver.shaped_covariance`, of too many rows, and where the rows leave no degree of freedom for the noise.
    """
    first = fitted.layers[0]
    works = np.any(first.coef != 0.0, axis=(1, 2)) | np.any(first.scale_base != 0.0, axis=1)
    used, rows, spec = tuple(int(i) for i in np.flatnonzero(works)), np.asarray(X, dtype=float), fitted.spec
    if fitted.engine != LM or len(spec.layer_widths) < 3 or not used or fitted.shape:
        return None
    wide = (len(used), *spec.layer_widths[1:])
    size = sum(a * b for a, b in pairwise(wide)) * (spec.grid + spec.k + 1)
    if len(rows) * wide[-1] * size > MOST_VALUES:
        return None
    network = narrowed(fitted, used)
    found = linearised(network, rows[:, list(used)], y, weights)
    smoother, root = smoother_of(found)
    edf, n = float(smoother.leverages().sum()), len(rows)
    spent = effective_count(edf, len(used), spec.layer_widths[1], depth=len(spec.layer_widths) - 2)
    freedom, scale = np.inf, 1.0
    if fitted.task == REGRESSION:
        freedom = n - spent
        if freedom < 1.0:
            return None
        scale = float(found.state.misfit) / freedom
    elif fitted.task == COUNTS:
        scale = overdispersion(network.predict(rows[:, list(used)]), np.asarray(y, dtype=float), edf)
    searched = float(np.sqrt(spent / edf))
    return NetworkCovariance(network, used, smoother, found, root, edf, freedom, scale, searched)


def overdispersion(mu: Array, y: Array, edf: float) -> float:
    """By how much more counts y (n,) vary around means mu than by chance, 1 where the rows do not show it for sure.

    >>> overdispersion(np.full(200, 2.0), np.tile([0.0, 4.0], 100), 1.0), overdispersion(np.ones(4), np.ones(4), 1.0)
    (2.0100502512562812, 1.0)
    """
    freedom = len(y) - edf
    if freedom < 1.0:
        return 1.0
    ratio = float(np.sum((y - mu) ** 2 / mu) / freedom)
    return ratio if ratio > 1.0 + SURE * np.sqrt(2.0 / freedom) else 1.0


def narrowed(fitted: FittedKan, columns: Sequence[int]) -> FittedKan:
    """The same network as one of some of its inputs: the inverse of `kanlab.solver.feature_elimination.widened`."""
    kept = list(columns)
    if len(kept) == len(fitted.x_offset):
        return fitted
    first, spec = fitted.layers[0], fitted.spec
    return replace(
        fitted,
        spec=replace(spec, layer_widths=(len(kept), *spec.layer_widths[1:])),
        layers=(KanLayer(first.knots[kept], first.coef[kept], first.scale_base[kept]), *fitted.layers[1:]),
        ranges=(fitted.ranges[0][kept], *fitted.ranges[1:]),
        x_offset=fitted.x_offset[kept],
        x_scale=fitted.x_scale[kept],
        features=tuple(fitted.features[i] for i in kept) if fitted.features else (),
    )
