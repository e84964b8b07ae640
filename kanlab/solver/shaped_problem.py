r"""A network whose edges have shapes as a minimisation problem with bounds (kanlab.kan.shapes, kanlab.solver.shape_basis).

Notation

    theta            numbers of all edges, node by node and layer by layer, then those of the output's edges and its constant
    M, c = M theta   the B-spline coefficients of the edges into a node; some numbers of theta must be at least 0
    z, T (H, n)      hidden nodes, and where they lie in their ranges: T = (z - min z) / (max z - min z)
    u, B (m, m)      what the output's edges add up to, (m, n), and outputs B u, which the likelihood takes

m is 1 and B = 1, but of c classes m = c - 1, and u are the log-odds of the class that demands are on against each of the
others, so that what is demanded is demanded of every row of u; without such a class B = 1 again (kanlab.solver.multinomial).

Edges are splines alone: silu runs down before it runs up, and bends both ways. The objective is that of kanlab.solver.problem,
with its penalties and its level,

    f(theta) = misfit + level s [LAST |Delta^2 c_last B'|^2 + ROUGHNESS sum_j |Delta^2 c_j|^2 / width_j^2]

The Jacobian is exact. Ranges move with the weights below them, so the rows of a node's minimum and maximum have derivatives of
their own, carried upward; all other rows are done from the output back. A step solves its quadratic model within the bounds
(kanlab.solver.bounded_step), and the output's edges are then solved for anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag

from kanlab.arrays import Array, Index, Mask
from kanlab.kan.bspline import bspline_basis, bspline_derivative, knots_from_samples, uniform_knots
from kanlab.kan.shapes import Shape
from kanlab.solver.bounded_step import bounded_step
from kanlab.solver.first_layer import second_differences
from kanlab.solver.likelihoods import LastLayer, MakeLikelihood
from kanlab.solver.multinomial import from_log_odds_of
from kanlab.solver.problem import LAST_LAYER_ROUGHNESS, LEVEL_DROP, LEVEL_EVERY, MIN_LEVEL
from kanlab.solver.shape_basis import edge_basis

RIDGE = 1e-10  # of the mean curvature: makes a system definite, too small to be seen
LEAST_CURVATURE = 1e-3  # of the mean one, which the damping of a number is in proportion to
NARROW = 1e-9  # a node of less than this range says nothing
LAST_STEPS, LAST_HALVINGS, LAST_SETTLED = 8, 12, 1e-6  # of the output's edges where they are not found by one solve


@dataclass(frozen=True, eq=False)
class Receiver:
    """The edges into a node: from which inputs, M (inputs x (G + k), p), which numbers are held, the roughness root S M."""

    inputs: tuple[int, ...]
    M: Array
    held: Mask
    rough: Array


@dataclass(frozen=True, eq=False)
class Layer:
    """The nodes T (H, n) of one hidden layer on the training rows, their ranges and the rows at their ends.

    moving: (H,), False where the range of a node is nothing, and taken to be 1 around it.
    """

    T: Array
    low: Array
    width: Array
    ends: tuple[Index, Index]
    moving: Mask

    @classmethod
    def of(cls, z: Array) -> Layer:
        ends = z.argmin(axis=1), z.argmax(axis=1)
        node = np.arange(len(z))
        low, high = z[node, ends[0]], z[node, ends[1]]
        moving = high - low > NARROW
        low, width = np.where(moving, low, low - 0.5), np.where(moving, high - low, 1.0)
        return cls((z - low[:, None]) / width[:, None], low, width, ends, moving)


@dataclass(frozen=True, eq=False)
class ShapedState:
    """A network: its numbers, its nodes, its outputs (as those of a last layer), the penalty level and the objective."""

    theta: Array
    layers: tuple[Layer, ...]
    last: LastLayer
    level: float
    objective: float

    @property
    def misfit(self) -> float:
        return self.last.misfit


@dataclass(frozen=True, eq=False)
class BoundedEquations:
    """The quadratic model of a state for the loop of kanlab.solver.levenberg_marquardt."""

    hessian: Array
    gradient: Array
    theta: Array
    held: Mask

    @property
    def curvature(self) -> float:
        return float(np.mean(self.hessian.diagonal()))

    def step(self, damping: float) -> tuple[Array, float] | None:
        mean = max(self.curvature, np.finfo(float).tiny)
        damped = self.hessian.copy()
        at = np.maximum(self.hessian.diagonal() / mean, LEAST_CURVATURE)
        damped.flat[:: len(damped) + 1] += damping * at + RIDGE * mean
        step = bounded_step(damped, self.gradient, self.theta, self.held)
        if step is None or not np.isfinite(step).all():
            return None
        promised = float(2.0 * step @ self.gradient - step @ self.hessian @ step)
        return step, promised


class ShapedProblem:
    """One constrained network on x (d, n), scaled, for targets Y (1, n), of c classes (c, n), as
    `kanlab.solver.problem.Problem` takes them.
    """

    def __init__(
        self,
        x: Array,
        Y: Array,
        shape: Shape,
        grid: int,
        k: int,
        neuron_num: int,
        depth: int,
        smoothing: float,
        likelihood: MakeLikelihood,
        design: Array | None = None,
    ) -> None:
        self.x, self.Y, self.shape, self.grid, self.k = x, Y, shape, grid, k
        self.neuron_num, self.depth, self.smoothing = neuron_num, depth, smoothing
        self.make_likelihood, self.likelihood = likelihood, likelihood(Y, neuron_num)
        self.size, self.groups = grid + k, shape.groups(len(x))
        self.knots = knots_from_samples(x, grid, k)
        self.design = bspline_basis(x, self.knots, k) if design is None else design  # (d, G + k, n)
        self.outputs = len(self.likelihood.signal)
        self.mix = np.eye(self.outputs)
        if self.outputs > 1 and shape.of_class is not None:
            self.mix = from_log_odds_of(self.outputs + 1, shape.of_class)
        self.nodes = neuron_num + shape.lines(self.outputs)
        self.unit_knots = uniform_knots(self.nodes, grid, k)
        self._receivers = [[self._first(j) for j in range(self.nodes)]]
        self._receivers += [[self._later(j) for j in range(self.nodes)] for _ in range(depth - 1)]
        self.output = self._output()
        flat = [r for layer in self._receivers for r in layer] + [self.output]
        *below, of_output = (r.M.shape[1] for r in flat)
        ends = np.cumsum([0, *below, self.outputs * (of_output + 1)])
        slices = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.at = [slices[i * self.nodes : (i + 1) * self.nodes] for i in range(depth)]
        self.at_output, self.p = slices[-1], int(ends[-1])  # output by output, the constant of each behind its edges
        of_each = np.tile(np.append(self.output.held, False), self.outputs)
        self.held = np.concatenate([*(r.held for r in flat[:-1]), of_each])
        self._first_designs = [r.M.T @ self.design[list(r.inputs)].reshape(-1, x.shape[1]) for r in self._receivers[0]]

    def like(self, neuron_num: int, depth: int) -> ShapedProblem:
        """The same with another number of nodes or layers."""
        return ShapedProblem(
            self.x, self.Y, self.shape, self.grid, self.k, neuron_num, depth, self.smoothing, self.make_likelihood,
            self.design,
        )  # fmt: skip

    # ---- the edges

    def group(self, node: int) -> tuple[int, ...]:
        """The features a node receives; the last ones may be lines."""
        if node < self.neuron_num:
            return self.groups[node % len(self.groups)]
        line = self.shape.linear
        return line if self.outputs == 1 else line[node - self.neuron_num : node - self.neuron_num + 1]

    def receiver(self, layer: int, node: int) -> Receiver:
        """The edges into a node of a hidden layer."""
        return self._receivers[layer][node]

    def first_design(self, node: int) -> Array:
        """(p, n) of the first edges into a node."""
        return self._first_designs[node]

    def _first(self, node: int) -> Receiver:
        of, straight = self.shape, node >= self.neuron_num
        group = self.group(node)
        bases = [edge_basis(self.knots[c], self.k, of.direction(c), of.curvature(c), straight=straight) for c in group]
        return self._receiver(group, bases)

    def _later(self, node: int) -> Receiver:
        if node >= self.neuron_num:
            return self._receiver((node,), [self._handed_on(node)])
        same = tuple(i for i in range(self.neuron_num) if i % len(self.groups) == node % len(self.groups))
        return self._receiver(same, [self._handed_on(i) for i in same])

    def _output(self) -> Receiver:
        nodes = tuple(range(self.nodes))
        return self._receiver(nodes, [self._handed_on(i) for i in nodes])

    def _handed_on(self, node: int) -> tuple[Array, Mask]:
        knots = self.unit_knots[node]
        if node >= self.neuron_num:  # of several outputs a line has a slope to each
            demanded = self.outputs == 1 or any(self.shape.direction(c) for c in self.group(node))
            return edge_basis(knots, self.k, int(demanded), 0, straight=True)
        return edge_basis(knots, self.k, *self.shape.handed_on(self.group(node)))

    def _receiver(self, inputs: Sequence[int], bases: Sequence[tuple[Array, Mask]]) -> Receiver:
        M = block_diag(*(B for B, _ in bases))
        rough = np.kron(np.eye(len(inputs)), second_differences(self.size)) @ M
        return Receiver(tuple(inputs), M, np.concatenate([held for _, held in bases]), rough)

    # ---- states

    def state(self, theta: Array, level: float, *, solve: bool = True) -> ShapedState | None:
        """The network of some numbers, nodes scaled to a range of 1 and the output's edges solved for, unless not wanted."""
        theta, layers = theta.copy(), list[Layer]()
        for i, (receivers, at) in enumerate(zip(self._receivers, self.at, strict=True)):
            basis = self.splines(layers[-1].T) if i else None
            rows = []
            for j, (receiver, own) in enumerate(zip(receivers, at, strict=True)):
                design = self._first_designs[j] if basis is None else self._design(receiver, basis)
                rows.append(theta[own] @ design)
            z = np.array(rows)
            if not np.isfinite(z).all():
                return None
            layer = Layer.of(z)
            for j, own in enumerate(at):  # T stays what it is
                theta[own] /= layer.width[j]
            layers.append(replace(layer, low=layer.low / layer.width, width=np.ones_like(layer.width)))
        return self._solved(theta, tuple(layers), level, solve)

    def move(self, state: ShapedState, step: Array) -> ShapedState | None:
        moved = state.theta + step
        return self.state(np.where(self.held, np.maximum(moved, 0.0), moved), state.level)

    def refresh(self, state: ShapedState, iteration: int) -> ShapedState:
        """Lower the level with the misfit."""
        level, lowest = self.likelihood.level(state.misfit), MIN_LEVEL * self.likelihood.total
        if iteration % LEVEL_EVERY == 0 and level < LEVEL_DROP * state.level and state.level > lowest:
            return self.relevelled(state, max(level, lowest))
        return state

    def relevelled(self, state: ShapedState, level: float) -> ShapedState:
        return self._solved(state.theta, state.layers, level) or state

    def relevelled_as_it_is(self, state: ShapedState, level: float) -> ShapedState:
        """The same numbers at another level, nothing solved for."""
        return self._solved(state.theta, state.layers, level, solve=False) or state

    def splines(self, T: Array) -> Array:
        """(H, G + k, n) at nodes T (H, n)."""
        return bspline_basis(T, self.unit_knots, self.k)

    def last(self, theta: Array) -> Array:
        """(m, p): the numbers of the edges into every row of u, and behind them its constant, of theta or its like."""
        return theta[self.at_output].reshape(self.outputs, -1)

    def output_coef(self, theta: Array) -> Array:
        """(m, H, G + k) of the edges into every row of u, the constants left out."""
        return np.array([self.output.M @ w for w in self.last(theta)[:, :-1]]).reshape(-1, self.nodes, self.size)

    def last_design(self, layers: Sequence[Layer]) -> Array:
        """(p, n) of the edges into a row of u and its constant."""
        P = self._design(self.output, self.splines(layers[-1].T))
        return np.concatenate([P, np.ones((1, P.shape[1]))])

    def _design(self, receiver: Receiver, basis: Array) -> Array:
        return np.asarray(receiver.M.T @ basis[list(receiver.inputs)].reshape(-1, basis.shape[2]))

    def _last_penalty(self, level: float) -> Array:
        rough = np.pad(self.output.rough, ((0, 0), (0, 1)))
        of_one = level * self.smoothing * LAST_LAYER_ROUGHNESS * rough.T @ rough
        return np.asarray(np.kron(self.mix.T @ self.mix, of_one))

    def _solved(self, theta: Array, layers: tuple[Layer, ...], level: float, solve: bool = True) -> ShapedState | None:
        """The state with the output's edges at their minimum, or near it."""
        P, N = self.last_design(layers), self._last_penalty(level)
        own = self.at_output
        D, held = theta[own], self.held[own]
        last = self._outputs(D, P)
        value = self._value(last, D, N)
        for _ in range(0 if not solve else 1 if self.likelihood.is_squares else LAST_STEPS):
            H = self._last_curvature(last.outputs, P) + N
            H.flat[:: len(H) + 1] += RIDGE * max(float(np.mean(H.diagonal())), np.finfo(float).tiny)
            pulled = np.concatenate([P @ E for E in self.mix.T @ last.residual])
            step = bounded_step(H, pulled - N @ D, D, held)
            if step is None:
                break
            before = value
            for halving in range(LAST_HALVINGS):
                moved = D + step / 2.0**halving
                other = self._outputs(moved, P)
                tried = self._value(other, moved, N)
                if tried < value:
                    D, last, value = moved, other, tried
                    break
            if not value < before - LAST_SETTLED * abs(before):
                break
        theta = theta.copy()
        theta[own] = D
        inner = self._inner_penalty(level) * sum(
            float(np.sum((r.rough @ theta[at] / w) ** 2))
            for receivers, slices, layer in zip(self._receivers, self.at, layers, strict=True)
            for r, at, w in zip(receivers, slices, layer.width, strict=True)
        )
        objective = value + inner
        return ShapedState(theta, layers, last, level, objective) if np.isfinite(objective) else None

    def _outputs(self, D: Array, P: Array) -> LastLayer:
        of_u = D.reshape(self.outputs, -1)
        return self.likelihood.layer(of_u.T, self.mix @ np.array([d @ P for d in of_u]), np.empty((0, 0)), np.nan)

    def _last_curvature(self, outputs: Array, P: Array) -> Array:
        """sum_i B'W_i B x P_i P_i', x the Kronecker product, of W_i at outputs (m, n) and P (p, n)."""
        roots = self.likelihood.roots(outputs, self.likelihood.pull)
        if self.outputs == 1:
            return np.asarray((P * np.sum(roots[:, 0] ** 2, axis=0)) @ P.T)
        of_u = np.einsum("om,ron->rmn", self.mix, roots)
        weighed = (of_u[:, :, None] * P).reshape(len(roots), -1, P.shape[1])
        return np.asarray(sum(J @ J.T for J in weighed))

    def _value(self, last: LastLayer, D: Array, N: Array) -> float:
        of_rows = getattr(self.likelihood, "value", None)  # the pull included
        return (last.misfit if of_rows is None else float(of_rows(last.outputs))) + float(D @ N @ D)

    def _inner_penalty(self, level: float) -> float:
        return level * self.smoothing * self.likelihood.roughness()

    # ---- the quadratic model

    def linearise(self, state: ShapedState) -> BoundedEquations:
        J, R, r = self.jacobian(state)
        roots = self.likelihood.roots(state.last.outputs, self.likelihood.pull)
        if self.outputs == 1:
            curvature = (J[0] * np.sum(roots[:, 0] ** 2, axis=0)) @ J[0].T
        else:
            curvature = np.asarray(sum(root @ root.T for root in np.einsum("ron,opn->rpn", roots, J)))
        gradient = sum(of_one @ E for of_one, E in zip(J, state.last.residual, strict=True)) - R.T @ r
        return BoundedEquations(curvature + R.T @ R, gradient, state.theta, self.held)

    def jacobian(self, state: ShapedState) -> tuple[Array, Array, Array]:
        """J (m, p, n) of the outputs, and the penalty |r|^2 as R = dr / dtheta (rows, p) and r (rows,)."""
        ends, bases, slopes = self.end_tangents(state)
        P = self.last_design(state.layers)
        J = np.zeros((self.outputs, self.p, self.x.shape[1]))
        for o, coef in enumerate(self.output_coef(state.theta)):
            start = self.at_output.start + o * len(P)
            J[o, start : start + len(P)] = P
            self._back(state, np.einsum("ib,ibn->in", coef, slopes[-1]), ends, bases, slopes, J[o])
        if self.outputs > 1:
            J = np.einsum("oq,qpn->opn", self.mix, J)
        return J, *self._penalty(state, ends)

    def _back(
        self,
        state: ShapedState,
        back: Array,
        ends: Sequence[tuple[Array, Array]],
        bases: Sequence[Array],
        slopes: Sequence[Array],
        J: Array,
    ) -> None:
        """Add to J (p, n) the derivatives of a row of u by the numbers of the hidden layers.

        back: (H, n), by the nodes of the last one.
        """
        for i in reversed(range(self.depth)):
            layer, (low, high) = state.layers[i], ends[i]
            own = back / layer.width[:, None]
            still = np.where(layer.moving[:, None], own, 0.0)
            J -= low.T @ (still * (1.0 - layer.T)) + high.T @ (still * layer.T)
            back = np.zeros_like(back)
            for j, (receiver, at) in enumerate(zip(self._receivers[i], self.at[i], strict=True)):
                design = self._first_designs[j] if i == 0 else self._design(receiver, bases[i - 1])
                J[at] += own[j] * design
                if i:
                    inputs = list(receiver.inputs)
                    coef = (receiver.M @ state.theta[at]).reshape(len(inputs), self.size)
                    back[inputs] += own[j] * np.einsum("ib,ibn->in", coef, slopes[i - 1][inputs])

    def end_tangents(self, state: ShapedState) -> tuple[list[tuple[Array, Array]], list[Array], list[Array]]:
        """Derivatives (H, p) of every layer's nodes z at the rows of their minima and maxima; and of every layer the splines
        (H, G + k, n) at its nodes and their derivatives.
        """
        bases = [self.splines(layer.T) for layer in state.layers]
        slopes = [bspline_derivative(layer.T, self.unit_knots, self.k) for layer in state.layers]
        rows = np.unique(np.concatenate([end for layer in state.layers for end in layer.ends]))
        node, found = np.arange(self.nodes), []
        dT = np.zeros((self.nodes, self.p, len(rows)))
        for i, layer in enumerate(state.layers):
            dz = np.zeros_like(dT)
            for j, (receiver, at) in enumerate(zip(self._receivers[i], self.at[i], strict=True)):
                if i == 0:
                    dz[j, at] = self._first_designs[j][:, rows]
                    continue
                inputs = list(receiver.inputs)
                coef = (receiver.M @ state.theta[at]).reshape(len(inputs), self.size)
                slope = np.einsum("ib,ibn->in", coef, slopes[i - 1][inputs][:, :, rows])
                dz[j] = np.einsum("in,ipn->pn", slope, dT[inputs])
                dz[j, at] += self._design(receiver, bases[i - 1][:, :, rows])
            at_rows = [np.searchsorted(rows, end) for end in layer.ends]
            low, high = dz[node, :, at_rows[0]], dz[node, :, at_rows[1]]
            found.append((low, high))
            T, moving = layer.T[:, rows][:, None], layer.moving[:, None, None]
            dT = (dz - np.where(moving, (1.0 - T) * low[:, :, None] + T * high[:, :, None], 0.0)) / layer.width[
                :, None, None
            ]
        return found, bases, slopes

    def _penalty(self, state: ShapedState, ends: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
        inner = np.sqrt(self._inner_penalty(state.level))
        R, r = [], []
        for i, layer in enumerate(state.layers):
            for j, (receiver, at) in enumerate(zip(self._receivers[i], self.at[i], strict=True)):
                rough = inner * receiver.rough @ state.theta[at] / layer.width[j]
                row = np.zeros((len(rough), self.p))
                row[:, at] = inner * receiver.rough / layer.width[j]
                if layer.moving[j]:
                    row -= np.outer(rough, ends[i][1][j] - ends[i][0][j]) / layer.width[j]
                R.append(row)
                r.append(rough)
        root = np.sqrt(state.level * self.smoothing * LAST_LAYER_ROUGHNESS) * self.output.rough
        rows = np.kron(self.mix, np.pad(root, ((0, 0), (0, 1))))
        R.append(np.zeros((len(rows), self.p)))
        R[-1][:, self.at_output] = rows
        r += [root @ coef for coef in self.mix @ self.last(state.theta)[:, :-1]]
        return np.concatenate(R), np.concatenate(r)
