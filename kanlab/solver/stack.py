r"""A stack of hidden layers: the values of its nodes, and the derivatives of what it puts out by its coefficients.

Notation (rows of the data are always the last axis)

    n, d, m         rows, inputs, targets
    L, h            hidden layers, numbered 0 .. L-1 as in the code, and the nodes of each
    A_0 = Q (r, n)  orthonormal basis of what the edges from the inputs can do (kanlab.solver.first_layer)
    W_l (h, p_l)    coefficients of the edges into hidden layer l:  Z_l = W_l A_l (h, n);  W_0 is also called V
    T_l             Z_l in units of each node's range, (Z - low) / width; the knots of the edges leaving it live on [0, 1]
    A_{l+1} (p, n)  G + k B-splines of T_l and silu(Z_l) of every node, p = h (G + k + 1);  P = A_L
    D (p, m)        coefficients of the edges into the targets: the outputs are D'P

Derivatives. An output at a row depends on the coefficients in two ways: through the values of the nodes at that row, and
through the extremes low_l, high_l of every node, as the knots stretch with them. Held apart,

    d out / d z_l     back-propagation through the slopes of the edges, spline and silu part
    d out / d low_l   = -spline_l (1 - T_l),    d out / d high_l = -spline_l T_l

with spline_l the splines' part of d out / d z_l, and an extreme is itself the value of a node at one row, so its derivative
comes by the same rules from the layers below, from the lowest up. The derivatives are exact wherever the rows of the extremes
stay the same.

Coordinates. A step in W_l is taken in u_l, W_l += u_l R_l', where R_l makes A_l orthonormal at the state at hand (singular
values under 1e-6 of the largest left out), so that damping is damping of the change in Z_l, and constants which the edges
into a node could exchange are left alone. Q is orthonormal already, R_0 = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from kanlab.arrays import Array, Index
from kanlab.kan.bspline import HiddenKnots, safe_range, silu, silu_derivative
from kanlab.solver.first_layer import BLOCK_ROWS, FirstLayer, orthonormaliser
from kanlab.solver.kernels import RowKernels, SplineRows
from kanlab.solver.likelihoods import LastLayer
from kanlab.solver.products import Products


@dataclass(frozen=True, eq=False)
class Nodes:
    """One hidden layer: Z (h, n), its ranges low, width (h,), the rows at_low, at_high (h,) that set them, and the knots
    of the edges that leave it, in units of those ranges.
    """

    Z: Array
    low: Array
    width: Array
    at_low: Index
    at_high: Index
    knots: HiddenKnots

    @classmethod
    def of(cls, Z: Array, knots: HiddenKnots) -> Nodes:
        nodes = np.arange(len(Z))
        at_low, at_high = np.array([z.argmin() for z in Z]), np.array([z.argmax() for z in Z])
        low, width = safe_range(Z[nodes, at_low], Z[nodes, at_high])
        return cls(Z, low, width, at_low, at_high, knots)

    @property
    def extremes(self) -> Index:
        """(2h,) rows, those of the minima first."""
        return np.concatenate([self.at_low, self.at_high])

    def unit(self, rows: slice | Index) -> Array:
        """T (h, rows)."""
        return (self.Z[:, rows] - self.low[:, None]) / self.width[:, None]


@dataclass(frozen=True, eq=False)
class State:
    """A network at coefficients `weights` (W_0, ..., W_{L-1}), its last layer solved for at a penalty level.

    nodes: of every hidden layer.  objective: what the search lowers.
    """

    weights: tuple[Array, ...]
    nodes: tuple[Nodes, ...]
    level: float
    last: LastLayer
    objective: float

    @property
    def knots(self) -> tuple[HiddenKnots, ...]:
        """Of every hidden layer."""
        return tuple(nodes.knots for nodes in self.nodes)

    @property
    def misfit(self) -> float:
        """What the data add to the objective."""
        return self.last.misfit


@dataclass(frozen=True, eq=False)
class View:
    """What derivatives take of some rows, layer by layer.

    inputs: R_l'A_l (r_l, rows).  units: T_l.  slopes, splines: derivatives (outputs, h, rows) of the edges that leave hidden
    layer l by Z_l, and the splines' part of them.
    """

    inputs: tuple[Array, ...]
    units: tuple[Array, ...]
    slopes: tuple[Array, ...]
    splines: tuple[Array, ...]


class Stack:
    """`depth` hidden layers of `neuron_num` nodes over a first layer.

    Splines and designs are handed out in scratch space that the next call for that layer may overwrite: fresh memory costs
    more than filling it.
    """

    def __init__(
        self, design: FirstLayer, neuron_num: int, depth: int, kernels: RowKernels, multiplication: int = 0
    ) -> None:
        self.design, self.neuron_num, self.depth, self.kernels = design, neuron_num, depth, kernels
        self.products = Products(multiplication, neuron_num)
        n = sum(q.shape[1] for q in design.basis)
        self.blocks = [slice(i, min(i + BLOCK_ROWS, n)) for i in range(0, n, BLOCK_ROWS)]
        self._block_rows = min(n, BLOCK_ROWS)
        self._rows = [self._empty(self._block_rows) for _ in range(depth)]
        self._filled: list[tuple[Nodes, slice] | None] = [None] * depth  # what is in them
        self._ahead: list[SplineRows] = []
        self._jacobian = np.empty(0)
        self._coordinates_of: State | None = None
        self._to_coef: tuple[Array | None, ...] = (None,)
        self._ends: tuple[int, ...] = (neuron_num * design.rank,)

    def _empty(self, n: int) -> SplineRows:
        return SplineRows.empty(self.neuron_num, self.design.grid, self.design.k, n)

    @property
    def width(self) -> int:
        """Edge functions that leave a layer, p."""
        return self.neuron_num * (self.design.grid + self.design.k + 1)

    # ---- values

    def values(self, layer: int, weights: Array, below: Nodes | None) -> Array:
        """Z (h, n) of a hidden layer from its weights and the nodes below it."""
        if below is None:
            parts = [weights @ q for q in self.design.basis]
        else:
            parts = [weights @ self.edges(layer - 1, below, block) for block in self.blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def edges(self, layer: int, nodes: Nodes, block: slice) -> Array:
        """A_{layer+1} (p, rows of the block), the design of the edges that leave a hidden layer."""
        design = self._splines(layer, nodes, block).design
        return design.reshape(-1, design.shape[2])

    def _splines(self, layer: int, nodes: Nodes, block: slice) -> SplineRows:
        rows = self._rows[layer].first(block.stop - block.start)
        kept = self._filled[layer]
        if kept is not None and kept[0] is nodes and kept[1] == block:
            return rows
        self._fill(nodes, nodes.unit(block), nodes.Z[:, block], rows)
        self._filled[layer] = (nodes, block) if rows is self._rows[layer] else None
        return rows

    def _fill(self, nodes: Nodes, unit: Array, Z: Array, rows: SplineRows) -> SplineRows:
        knots = nodes.knots
        self.kernels.splines(unit, knots.starts, knots.inverse_widths, knots.table, silu(Z), rows)
        self.products.put(rows.design, Z)
        return rows

    # ---- derivatives

    def coordinates(self, state: State) -> tuple[Array | None, ...]:
        """R_l (p_l, r_l) of every layer at a state, None for R_0 = 1."""
        if self.depth > 1 and self._coordinates_of is not state:
            to_coef = [orthonormaliser(self._gram(layer, nodes)) for layer, nodes in enumerate(state.nodes[:-1])]
            ranks = (self.design.rank, *(R.shape[1] for R in to_coef))
            self._to_coef, self._ends = (None, *to_coef), tuple(accumulate(self.neuron_num * r for r in ranks))
            self._coordinates_of = state
        return self._to_coef

    def _gram(self, layer: int, nodes: Nodes) -> Array:
        return np.asarray(sum(A @ A.T for A in (self.edges(layer, nodes, block) for block in self.blocks)))

    def ends(self, state: State) -> tuple[int, ...]:
        """Where the unknowns of each layer end, the last one their number."""
        self.coordinates(state)
        return self._ends

    def split(self, state: State, step: Array) -> list[Array]:
        """A step (p,) as one (h, r_l) a layer, in the coordinates of a state."""
        ends = self.ends(state)
        return [step[a:b].reshape(self.neuron_num, -1) for a, b in pairwise((0, *ends))]

    def moved(self, state: State, step: Array) -> list[Array]:
        """The weights of a state after a step (p,) in its coordinates."""
        parts = zip(state.weights, self.split(state, step), self.coordinates(state), strict=True)
        # the solve for a step has blown up rounding where edges are gone, in directions that they alone could take
        return [W + (self.possible(u) if R is None else u @ R.T) for W, u, R in parts]

    def view(self, state: State, rows: slice | Index, layers: int) -> View:
        """Rows, a block of them or some, as the derivatives of what stands above the first `layers` hidden layers see them."""
        below = state.nodes[:layers]
        if isinstance(rows, slice):
            inputs = [self.design.basis[rows.start // BLOCK_ROWS]]
            filled = [self._splines(layer, nodes, rows) for layer, nodes in enumerate(below)]
        else:
            inputs, n = [self.design.at_rows(rows).T], len(rows)
            filled = [self._fill(nodes, nodes.unit(rows), nodes.Z[:, rows], self._empty(n)) for nodes in below]
        units, slopes, splines = [], [], []
        for layer, (nodes, spline_rows) in enumerate(zip(below, filled, strict=True)):
            unit, Z = nodes.unit(rows), nodes.Z[:, rows]
            edges = state.last.D
            if layer + 1 < self.depth:
                edges, to_coef = state.weights[layer + 1].T, self.coordinates(state)[layer + 1]
                assert to_coef is not None
                inputs.append(to_coef.T @ spline_rows.design.reshape(self.width, -1))
            coef = edges.reshape(self.neuron_num, -1, edges.shape[1])
            spline = np.empty((edges.shape[1], *unit.shape))
            for o, out in enumerate(spline):
                self.kernels.node_slopes(np.ascontiguousarray(coef[:, :-1, o]), spline_rows, out)
            spline /= nodes.width[:, None]
            slope = spline + coef[:, -1].T[:, :, None] * silu_derivative(Z)
            self.products.put_slopes(coef, Z, slope, spline)
            units.append(unit)
            slopes.append(slope)
            splines.append(spline)
        return View(tuple(inputs), tuple(units), tuple(slopes), tuple(splines))

    def extreme_tangents(self, state: State) -> list[Array]:
        """Derivatives (2h, p) of the extremes of every hidden layer, those of the minima first.

        Of layer 0 they are rows of Q (2h, r), each by the weights of its own node alone.
        """
        found = [self.possible(self.design.at_rows(state.nodes[0].extremes))]
        for layer in range(1, self.depth):
            view, seed = self.view(state, state.nodes[layer].extremes, layer), np.tile(np.eye(self.neuron_num), 2)
            found.append(self._tangents(state, view, seed, None, found).T.copy())
        return found

    def possible(self, V: Array) -> Array:
        """Derivatives (a, r) by the weights of lowest nodes, of node j in rows j, j + h, ..., as far as its edges allow."""
        if self.design.projectors is None:
            return V
        by_node = V.reshape(-1, self.neuron_num, V.shape[1])
        return np.einsum("ajr,jrs->ajs", by_node, self.design.projectors).reshape(V.shape)

    def tangents(self, state: State, view: View, output: int, extremes: Sequence[Array]) -> Array:
        """Derivatives J (p, rows) of an output, D held, in scratch space."""
        return self._tangents(state, view, view.slopes[-1][output], view.splines[-1][output], extremes)

    def mixed_tangents(self, state: State, view: View, shares: Array, extremes: Sequence[Array]) -> Array:
        """sum_o shares_o J_o (p, rows) of shares (m, rows), in scratch space."""
        slope, spline = (np.einsum("on,ojn->jn", shares, of) for of in (view.slopes[-1], view.splines[-1]))
        return self._tangents(state, view, slope, spline, extremes)

    def derivatives(self, state: State, view: View, slope: Array, spline: Array, extremes: Sequence[Array]) -> Array:
        """Derivatives (p, rows), in scratch space, of what has slopes `slope` (h, rows) by the nodes on top, of which the
        splines are `spline`.
        """
        return self._tangents(state, view, slope, spline, extremes)

    def _tangents(
        self, state: State, view: View, slope: Array, spline: Array | None, extremes: Sequence[Array]
    ) -> Array:
        """Derivatives (p, rows) of something whose derivative by the nodes Z (h, rows) of the layer on top of a view is
        `slope`, of which the splines, whose knots move with the extremes of that layer, are `spline`, or None.
        """
        h, n, top = self.neuron_num, slope.shape[1], len(view.inputs) - 1
        ends = self.ends(state)
        if self._jacobian.size < ends[-1] * n:
            self._jacobian = np.empty(ends[-1] * n)
        J = self._jacobian[: ends[-1] * n].reshape(-1, n)
        if top + 1 < self.depth:
            J[ends[top] :] = 0.0
        by_extremes: list[Array] = []
        for layer in range(top, -1, -1):
            inputs = view.inputs[layer]
            own = J[ends[layer] - h * len(inputs) : ends[layer]].reshape(h, len(inputs), n)
            if layer == 0:
                # the extremes of the lowest nodes are rows of Q: one loop instead of a product with a dense matrix
                assert spline is not None
                unit, rows = view.units[0], extremes[0]
                self.kernels.jacobian(inputs, slope, spline * (1.0 - unit), spline * unit, rows[:h], rows[h:], own)
                break
            np.multiply(slope[:, None, :], inputs, out=own)
            if spline is not None:
                unit = view.units[layer]
                by_extremes.insert(0, np.concatenate([spline * (1.0 - unit), spline * unit]))
            slope, spline = (
                np.einsum("jn,jin->in", slope, s) for s in (view.slopes[layer - 1], view.splines[layer - 1])
            )
        if self.design.projectors is not None:
            own = J[: ends[0]].reshape(h, -1, n)
            own[:] = np.matmul(self.design.projectors, own)
        if by_extremes:
            J -= np.concatenate(extremes[1 : 1 + len(by_extremes)]).T @ np.concatenate(by_extremes)
        return J

    # ---- along a step, where the rows are one block

    def along(self, state: State, view: View, step: Array, share: float) -> tuple[Array, Array] | None:
        """First derivative (m, n) of the outputs along a step, D held, and P at `share` of the step, in scratch space.

        None where that is not finite.
        """
        if not self._ahead:
            self._ahead = [self._empty(self._block_rows) for _ in range(self.depth)]
        node, weights = np.arange(self.neuron_num), self.moved(state, share * step) if self.depth > 1 else []
        motion, ahead = np.empty((0, 0)), np.empty((0, 0))
        for layer, (u, nodes) in enumerate(zip(self.split(state, step), state.nodes, strict=True)):
            dZ = u @ view.inputs[layer]
            if layer:
                dZ += motion
            Z = weights[layer] @ ahead if layer else nodes.Z + share * dZ
            if not np.isfinite(Z).all():
                return None
            low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
            rows = self._fill(nodes, (Z - low[:, None]) / width[:, None], Z, self._ahead[layer])
            ahead = rows.design.reshape(self.width, -1)
            low, high = dZ[node, nodes.at_low][:, None], dZ[node, nodes.at_high][:, None]
            stretch = view.units[layer] * (high - low) + low
            edges = zip(view.slopes[layer], view.splines[layer], strict=True)
            motion = np.stack([np.einsum("jn,jn->n", s, dZ) - np.einsum("jn,jn->n", p, stretch) for s, p in edges])
        return motion, ahead

    def pulled_back(self, state: State, view: View, values: Array) -> Array:
        """sum_o J_o values_o (p,) of values (m, n) at the outputs, without the J: reverse mode."""
        node, parts = np.arange(self.neuron_num), list[Array]()
        for layer in range(self.depth - 1, -1, -1):
            nodes, inputs, unit = state.nodes[layer], view.inputs[layer], view.units[layer]
            low, high = (inputs[:, rows].T for rows in (nodes.at_low, nodes.at_high))
            part, received = np.zeros_like(low), np.zeros_like(unit)
            for slope, spline, c in zip(view.slopes[layer], view.splines[layer], values, strict=True):
                by_nodes, by_high = slope * c, np.einsum("jn,jn->j", spline * c, unit)
                by_low = spline @ c - by_high
                part += by_nodes @ inputs.T - low * by_low[:, None] - high * by_high[:, None]
                if layer:
                    by_nodes[node, nodes.at_low] -= by_low
                    by_nodes[node, nodes.at_high] -= by_high
                    received += by_nodes
            parts.insert(0, (self.possible(part) if layer == 0 else part).ravel())
            values = received
        return np.concatenate(parts)
