r"""How sure a constrained network is, as kanlab.solver.covariance tells it of a free one.

Its covariance is that of all its numbers, V = scale M^-1 with M of the whole Jacobian, as if none were at its bound: the rule
by which its degrees of freedom are counted (kanlab.solver.shaped_smoother). The fit under demands is the free one brought to
the nearest point, in the norm of M, that keeps them, and where the truth keeps them as well that is never farther from it. So
these bands are rather too wide than too narrow, most where an effect is at its bound: where it ought to be flat, or straight.
So are those of single edges. Draws brought back within the demands (Lin & Dunson, Biometrika 101, 2014) make narrower ones,
which cover too little (benchmarks/README.md, "Bands").

g of a prediction is made by back-propagation. Nodes are held to their ranges, which move with the weights below them; a node
beyond its range stays at its edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array, Mask
from kanlab.kan.bspline import bspline_basis, bspline_derivative
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.solver.covariance import MOST_VALUES, overdispersion
from kanlab.solver.multinomial import log_odds_of, to_log_odds
from kanlab.solver.rows_smoothed import Root, Smoother
from kanlab.solver.shaped_problem import ShapedProblem, ShapedState
from kanlab.solver.shaped_smoother import as_state, smoother_of
from kanlab.stats.likelihood import COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION


@dataclass(frozen=True, eq=False)
class ShapedRows:
    """A network at some rows. designs: of every layer's receivers (p, n).  nodes: T (H, n) of every hidden layer, held to its
    range, and where it was not.  outputs (m, n).
    """

    designs: tuple[list[Array], ...]
    nodes: tuple[tuple[Array, Mask], ...]
    last: Array
    outputs: Array


@dataclass(frozen=True, eq=False)
class ShapedCovariance:
    """A constrained network at its training rows, linearised; its members are those of
    `kanlab.solver.covariance.NetworkCovariance`.
    """

    network: FittedKan
    problem: ShapedProblem
    state: ShapedState
    smoother: Smoother
    root: Root
    edf: float
    freedom: float
    scale: float
    searched: float

    def sd(self, gradients: Array) -> Array:
        """Standard deviations (k,) of numbers with derivatives (k, p) by theta."""
        return np.asarray(np.sqrt(self.scale * np.sum(self.root.whitened(gradients) ** 2, axis=1)))

    def mean(self, outputs: Array) -> Array:
        """Predictions (n,) or (n, classes), on the scale of the fit, of outputs (m, n)."""
        of = self.network
        eta = log_odds_of(outputs) if of.task == MULTICLASS else outputs
        predicted = np.asarray(LIKELIHOODS[of.task].mean(eta.T * of.y_scale + of.y_offset))
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return self.problem.depth

    @property
    def columns(self) -> tuple[int, ...]:
        """Of X: all of them."""
        return tuple(range(len(self.problem.x)))

    def edge(self, layer: int, source: int, target: int, z: Array, rows: Array) -> Array:
        """Derivatives (k, p) of an edge at inputs z (k,), less its mean over rows (n,), scaled as the network has them: see
        `kanlab.solver.covariance.NetworkCovariance.edge`.
        """
        values, found = self._edge(layer, source, target, z)
        at_rows, of_rows = self._edge(layer, source, target, rows)
        found = found - of_rows.mean(axis=0)
        if layer == self.depth:
            return found
        low, high = self.ends[layer]
        width = self.state.layers[layer].width[target]
        return np.asarray(found - np.outer(values - at_rows.mean(), (high[target] - low[target]) / width))

    def _edge(self, layer: int, source: int, target: int, z: Array) -> tuple[Array, Array]:
        """Values (k,) of an edge, and their derivatives (k, p), at the same places among the knots."""
        problem, theta = self.problem, self.state.theta
        last = layer == self.depth
        receiver = problem.output if last else problem.receiver(layer, target)
        found = np.zeros((len(z), problem.p))
        if source not in receiver.inputs:
            return np.zeros(len(z)), found
        knots, T = problem.knots, z
        if layer:
            below = self.state.layers[layer - 1]
            knots, T = problem.unit_knots, (z - below.low[source]) / below.width[source]
        basis = bspline_basis(T[None], knots[source][None], problem.k)[0]
        place = receiver.inputs.index(source)
        own = receiver.M[place * problem.size : (place + 1) * problem.size].T @ basis
        if not last:
            at = problem.at[layer][target]
            found[:, at] = own.T
            return np.asarray(theta[at] @ own), found
        shares = problem.mix[target]
        if problem.outputs > 1:
            shares = (to_log_odds(problem.outputs + 1) @ problem.mix)[target]
        for o, share in enumerate(shares):
            start = problem.at_output.start + o * (len(own) + 1)
            found[:, start : start + len(own)] = share * own.T
        return np.asarray(found @ theta), found

    def forward(self, X: ArrayLike) -> ShapedRows:
        """The network at rows X (n, d), in units of the data, held to its ranges."""
        of, problem, state = self.network, self.problem, self.state
        x = ((np.asarray(X, dtype=float) - of.x_offset) / of.x_scale).T
        x = np.clip(x, of.ranges[0][:, :1], of.ranges[0][:, 1:])
        basis, designs, nodes = bspline_basis(x, problem.knots, problem.k), list[list[Array]](), []
        for i, layer in enumerate(state.layers):
            receivers = [problem.receiver(i, j) for j in range(problem.nodes)]
            own = [r.M.T @ basis[list(r.inputs)].reshape(-1, x.shape[1]) for r in receivers]
            z = np.array([state.theta[at] @ design for at, design in zip(problem.at[i], own, strict=True)])
            T = (z - layer.low[:, None]) / layer.width[:, None]
            low, high = ((ends - layer.low) / layer.width for ends in of.ranges[i + 1].T)
            free = (low[:, None] <= T) & (high[:, None] >= T)
            T = np.clip(T, low[:, None], high[:, None])
            designs.append(own)
            nodes.append((T, free))
            basis = problem.splines(T)
        last = problem.output.M.T @ basis[list(problem.output.inputs)].reshape(-1, x.shape[1])
        last = np.concatenate([last, np.ones((1, last.shape[1]))])
        return ShapedRows(tuple(designs), tuple(nodes), last, problem.mix @ (problem.last(state.theta) @ last))

    @cached_property
    def ends(self) -> list[tuple[Array, Array]]:
        """Derivatives (H, p) of the extremes of every hidden layer."""
        return self.problem.end_tangents(self.state)[0]

    def pulled_back(self, at: ShapedRows, values: Array) -> Array:
        """sum_i sum_o values_oi d output_oi / d theta (p,), of values (m, rows)."""
        problem, state = self.problem, self.state
        found, of_u = np.zeros(problem.p), problem.mix.T @ values
        found[problem.at_output] = (of_u @ at.last.T).ravel()
        parts = zip(of_u, problem.output_coef(state.theta), strict=True)
        back = np.asarray(sum(v * self._slopes(coef, at.nodes[-1][0]) for v, coef in parts))
        for i in reversed(range(problem.depth)):
            layer, (low, high), (T, free) = state.layers[i], self.ends[i], at.nodes[i]
            own = np.where(free, back, 0.0) / layer.width[:, None]
            still = np.where(layer.moving[:, None], own, 0.0)
            found -= low.T @ (still * (1.0 - T)).sum(axis=1) + high.T @ (still * T).sum(axis=1)
            back = np.zeros_like(own)
            for j, slot in enumerate(problem.at[i]):
                found[slot] += at.designs[i][j] @ own[j]
                if i:
                    receiver = problem.receiver(i, j)
                    inputs = list(receiver.inputs)
                    coef = (receiver.M @ state.theta[slot]).reshape(len(inputs), problem.size)
                    back[inputs] += own[j] * self._slopes(coef, at.nodes[i - 1][0], inputs)
        return found

    def moved(self, at: ShapedRows, step: Array) -> Array:
        """Derivatives (m, rows) of the outputs along a step (p,) of theta: what `pulled_back` is the transpose of."""
        problem, state = self.problem, self.state
        before = np.zeros_like(at.nodes[0][0])
        for i, (layer, (T, free)) in enumerate(zip(state.layers, at.nodes, strict=True)):
            low, high = (by @ step for by in self.ends[i])
            dz = np.zeros_like(T)
            for j, slot in enumerate(problem.at[i]):
                dz[j] = step[slot] @ at.designs[i][j]
                if i:
                    receiver = problem.receiver(i, j)
                    inputs = list(receiver.inputs)
                    coef = (receiver.M @ state.theta[slot]).reshape(len(inputs), problem.size)
                    dz[j] += np.sum(self._slopes(coef, at.nodes[i - 1][0], inputs) * before[inputs], axis=0)
            by_ends = (1.0 - T) * low[:, None] + T * high[:, None]
            before = np.where(free, dz - np.where(layer.moving[:, None], by_ends, 0.0), 0.0) / layer.width[:, None]
        by_coef = [self._slopes(coef, at.nodes[-1][0]) for coef in problem.output_coef(state.theta)]
        curved = np.array([np.sum(slopes * before, axis=0) for slopes in by_coef])
        return np.asarray(problem.mix @ (problem.last(step) @ at.last + curved))

    def _slopes(self, coef: Array, T: Array, inputs: list[int] | None = None) -> Array:
        """Slopes (inputs, n) of edges by coefficients (inputs, G + k) at nodes T (H, n), of all of them by default."""
        slopes = bspline_derivative(T, self.problem.unit_knots, self.problem.k)
        return np.asarray(np.einsum("ib,ibn->in", coef, slopes if inputs is None else slopes[inputs]))


def shaped_covariance(
    fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None
) -> ShapedCovariance | None:
    """A constrained network fitted to X (n, d), y (n,) or (n, classes), linearised there; None of too many rows, and where
    these leave no degree of freedom for the noise.
    """
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    widths = fitted.spec.layer_widths
    if len(rows) * widths[-1] * sum(layer.coef.size for layer in fitted.layers) > MOST_VALUES:
        return None
    problem, state, _ = as_state(fitted, rows, target, weights)
    smoother, root = smoother_of(problem, state, np.ones(problem.p, dtype=bool))
    edf, features = float(smoother.leverages().sum()), len({c for j in range(problem.nodes) for c in problem.group(j)})
    spent = effective_count(edf, features, problem.neuron_num, depth=len(widths) - 2)
    freedom, scale = np.inf, 1.0
    if fitted.task == REGRESSION:
        freedom = len(rows) - spent
        if freedom < 1.0:
            return None
        scale = float(state.misfit) / freedom
    elif fitted.task == COUNTS:
        scale = overdispersion(fitted.predict(rows), target, edf)
    if not edf > 0.0:
        return None
    return ShapedCovariance(fitted, problem, state, smoother, root, edf, freedom, scale, float(np.sqrt(spent / edf)))
