r"""A cell of any depth as a least-squares problem in all its layers but the last: variable projection through a stack.

Notation (that of kanlab.solver.problem, with a layer's number where there are several)

    L               hidden layers, h nodes each; layer l = 1 .. L
    Z_l (h, n)      values of hidden layer l: Z_1 = V Q, Z_{l+1} = W_l' A(T_l)
    T_l             Z_l in units of each node's range, (Z - low) / width; the knots of the edges leaving it live on [0, 1]
    A(T_l) (p2, n)  G + k B-splines of T_l and silu(Z_l) of every node
    W_l (p2, h)     coefficients of the edges from layer l to l + 1;  D (p2, m) of those from layer L to the targets
    M_l             roughness of one node's incoming edges, of V (l = 0) or W_l: squared second differences, squared silu
    N, s, level     as there

Only V and the W_l are searched; D is solved for (Golub & Pereyra 1973, Kaufman 1975; kanlab.solver.problem has both):

    f(V, W) = min_D |Y - D'A(T_L)|^2 + level s [tr D'N D + FIRST sum_l sum_j w_lj'M_l w_lj / width_{l+1,j}^2]

With one hidden layer this is the problem of kanlab.solver.problem. `smoothing` weighs every layer before the last alike.

Derivatives. The output at a row depends on the unknowns in two ways: through the values of the nodes at that row, and
through the extremes low_l, high_l of every node, as the knots stretch with them. Held apart,

    d out / d z_l     back-propagation through the slopes of the edges
    d out / d low_l   = -(d out / d z_{l+1}) spline'_l (1 - T_l),    d out / d high_l likewise with T_l

and an extreme is itself the value of a node at one row, so its derivative by the unknowns comes by the same rules from the
layers below: first those of layer 1, then of layer 2, and so on. The Jacobian is exact wherever the rows of the extremes
stay the same.

Coordinates. V is in the orthonormal basis Q (kanlab.solver.first_layer). A step in W_l is taken in u_l, W_l += R_l u_l,
where R_l makes A(T_l) orthonormal at the state at hand (singular values under 1e-6 of the largest left out), so that
damping is damping of the change in Z_{l+1}, and constants which the edges into a node could exchange are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, lapack

from kanlab.kan.bspline import HIDDEN_MARGIN, HiddenKnots, safe_range, silu, silu_derivative, unit_knots
from kanlab.solver.first_layer import BLOCK_ROWS, FirstLayer, orthonormaliser, second_differences
from kanlab.solver.kernels import RowKernels, SplineRows
from kanlab.solver.levenberg_marquardt import NormalEquations
from kanlab.solver.problem import (
    FIRST_LAYER_ROUGHNESS,
    KNOT_MIXES,
    KNOTS_AT,
    LEAST_LEVEL,
    LEVEL_DROP,
    LEVEL_EVERY,
    RIDGE,
    SECOND_LAYER_ROUGHNESS,
    SECOND_LAYER_SILU,
)

Array = NDArray[np.float64]
Index = NDArray[np.intp]


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
        """(2h,) rows, the least first."""
        return np.concatenate([self.at_low, self.at_high])

    def unit(self, rows: slice | Index) -> Array:
        """T (h, rows)."""
        return (self.Z[:, rows] - self.low[:, None]) / self.width[:, None]


@dataclass(frozen=True, eq=False)
class DeepState:
    """A cell at one (V, W), its last layer solved. Shapes as in the notation; W and nodes run over the layers.

    factor: Cholesky factor of the last layer's system.  rss: (m,).  misfit: what the data add to the objective, the RSS of all
    targets.  eta: (1, n), outputs where they are not Y - residual (kanlab.solver.bernoulli_problem).
    """

    V: Array
    W: tuple[Array, ...]
    nodes: tuple[Nodes, ...]
    level: float
    D: Array
    residual: Array
    factor: Array
    rss: Array
    misfit: float
    objective: float
    eta: Array = field(default_factory=lambda: np.empty(0))

    @property
    def knots(self) -> tuple[HiddenKnots, ...]:
        """Of every hidden layer."""
        return tuple(nodes.knots for nodes in self.nodes)

    def outputs(self, Y: Array) -> Array:
        """As of a `CellState`."""
        return self.eta if self.eta.size else Y - self.residual


@dataclass(frozen=True, eq=False)
class _View:
    """What a derivative takes of some rows: Q (r, rows), and of each hidden layer the splines, T and the slope of silu."""

    first: Array
    splines: tuple[SplineRows, ...]
    units: tuple[Array, ...]
    silu_slopes: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class DeepEquations:
    """The normal equations in (v, u), whose steps are handed on as steps in (V, W), flattened one after the other."""

    equations: NormalEquations
    neuron_num: int
    to_coef: tuple[Array, ...]

    @property
    def curvature(self) -> float:
        return self.equations.curvature

    def step(self, damping: float) -> tuple[Array, float] | None:
        found = self.equations.step(damping)
        if found is None:
            return None
        step, promise = found
        h, at = self.neuron_num, len(step) - self.neuron_num * sum(R.shape[1] for R in self.to_coef)
        parts = [step[:at]]
        for R in self.to_coef:
            size = h * R.shape[1]
            parts.append((R @ step[at : at + size].reshape(h, -1).T).ravel())
            at += size
        return np.concatenate(parts), promise


class DeepProblem:
    """One cell of `depth` hidden layers, ready for `least_squares.minimise`.

    design: of its (grid, k).  Y: (m, n), centred and of variance 1 (or 0).
    """

    def __init__(
        self, design: FirstLayer, Y: Array, neuron_num: int, depth: int, smoothing: float, kernels: RowKernels
    ) -> None:
        self.design, self.Y, self.neuron_num, self.depth, self.kernels = design, Y, neuron_num, depth, kernels
        self.total = max(float(np.sum(Y * Y)), np.finfo(float).tiny)
        self.signal = Y  # (m, n), what a first node is fitted to
        self._least_level = LEAST_LEVEL * self.total
        self._first = smoothing * FIRST_LAYER_ROUGHNESS
        differences = second_differences(design.grid + design.k)
        rough = differences.T @ differences
        last = block_diag(smoothing * SECOND_LAYER_ROUGHNESS * rough, smoothing * SECOND_LAYER_SILU)
        self._last = np.kron(np.eye(neuron_num), last)
        self._inner = np.kron(np.eye(neuron_num), block_diag(rough, 1.0))
        n = Y.shape[1]
        self._blocks = [slice(i, min(i + BLOCK_ROWS, n)) for i in range(0, n, BLOCK_ROWS)]
        # room for one block of each layer, filled again and again; _filled says what is in it
        size = min(n, BLOCK_ROWS)
        self._rows = [SplineRows.empty(neuron_num, design.grid, design.k, size) for _ in range(depth)]
        self._filled: list[tuple[Nodes, slice] | None] = [None] * depth

    # ---- states

    def state(
        self,
        V: Array,
        W: Sequence[Array],
        level: float,
        knots: Sequence[HiddenKnots],
        near: DeepState | None = None,
    ) -> DeepState | None:
        """The cell at V (h, r) and W, knots given for every layer. None where not finite.

        near: a state of this problem not far away, as for `CellProblem.state`.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            Z = np.concatenate([V @ q for q in self.design.basis], axis=1)
            nodes = [Nodes.of(Z, knots[0])] if np.isfinite(Z).all() else []
            for layer, coef in enumerate(W):
                if len(nodes) <= layer:
                    return None
                Z = np.concatenate([coef.T @ self._design(layer, nodes[layer], b) for b in self._blocks], axis=1)
                if np.isfinite(Z).all():
                    nodes.append(Nodes.of(Z, knots[layer + 1]))
        return self._solved(V, tuple(W), tuple(nodes), level, near) if len(nodes) == self.depth else None

    def move(self, state: DeepState, step: Array) -> DeepState | None:
        at = state.V.size
        V, W = state.V + step[:at].reshape(state.V.shape), []
        for coef in state.W:
            W.append(coef + step[at : at + coef.size].reshape(coef.shape))
            at += coef.size
        return self.state(V, W, state.level, state.knots, near=state)

    def level_of(self, misfit: float) -> float:
        """The penalty level at a misfit: the RSS itself."""
        return misfit

    def refresh(self, state: DeepState, iteration: int) -> DeepState:
        """Lower the level with the RSS, and once choose the knots anew, layer by layer, where that lowers the objective."""
        level = self.level_of(state.misfit)
        if iteration % LEVEL_EVERY == 0 and level < LEVEL_DROP * state.level and state.level > self._least_level:
            state = self.relevelled(state, max(level, self._least_level))
        if iteration == KNOTS_AT and self.design.grid > 1:
            for layer in reversed(range(self.depth)):
                state = self._with_best_knots(state, layer)
        return state

    def relevelled(self, state: DeepState, level: float) -> DeepState:
        """The same V and W at another penalty level."""
        return self._solved(state.V, state.W, state.nodes, level, state) or state

    def knots(self, Z: Array, mix: float) -> HiddenKnots:
        """Knots for nodes Z (h, n). mix: share of equal spacing in them, the rest is quantiles."""
        ordered = np.sort(Z, axis=1)
        low, width = safe_range(ordered[:, 0], ordered[:, -1])
        unit = (ordered - low[:, None]) / width[:, None]
        return HiddenKnots(unit_knots(unit, self.design.grid, self.design.k, mix, HIDDEN_MARGIN), self.design.k)

    def _with_best_knots(self, state: DeepState, layer: int) -> DeepState:
        """The state with those knots of `KNOT_MIXES` in a layer that lower the objective most, if any does.

        The coefficients on other knots are those that give the next layer's values best in least squares.
        """
        best = state
        for mix in KNOT_MIXES:
            knots = [*state.knots[:layer], self.knots(state.nodes[layer].Z, mix), *state.knots[layer + 1 :]]
            W = list(state.W)
            if layer < len(W):
                coef = self._refitted(layer, replace(state.nodes[layer], knots=knots[layer]), state.nodes[layer + 1].Z)
                if coef is None:
                    continue
                W[layer] = coef
            other = self.state(state.V, W, state.level, knots, near=state)
            if other is not None and other.objective < best.objective:
                best = other
        return best

    def _refitted(self, layer: int, nodes: Nodes, wanted: Array) -> Array | None:
        """Coefficients (p2, h) from a layer to values (h, n) of the next one."""
        gram, right = np.zeros_like(self._inner), np.zeros((len(self._inner), len(wanted)))
        for block in self._blocks:
            A = self._design(layer, nodes, block)
            gram += A @ A.T
            right += A @ wanted[:, block].T
        found = _solved_with_ridge(gram, np.zeros_like(gram), right, self.Y.shape[1])
        return None if found is None else found[0]

    def _solved(
        self, V: Array, W: tuple[Array, ...], nodes: tuple[Nodes, ...], level: float, near: DeepState | None
    ) -> DeepState | None:
        """The state with its last layer solved for."""
        none = np.empty(0)
        found = self._last_layer(DeepState(V, W, nodes, level, none, none, none, none, np.inf, np.inf), near)
        return found if found is not None and np.isfinite(found.objective) else None

    def _last_layer(self, bare: DeepState, near: DeepState | None) -> DeepState | None:
        """A state whose last layer is not known yet, with it."""
        p2, last = len(self._last), bare.nodes[-1]
        gram, right = np.zeros((p2, p2)), np.zeros((p2, len(self.Y)))
        for block in self._blocks:
            P = self._design(self.depth - 1, last, block)
            gram += P @ P.T
            right += P @ self.Y[:, block].T
        solved = _solved_with_ridge(gram, bare.level * self._last, right, self.Y.shape[1])
        if solved is None:
            return None
        D, factor, penalty = solved
        # one step of refinement: the normal equations lose what the residual still shows
        E = self._residual(last, D)
        missing = -penalty @ D
        for block in self._blocks:
            missing += self._design(self.depth - 1, last, block) @ E[:, block].T
        D = D + lapack.dpotrs(factor, missing, lower=1)[0]
        E = self._residual(last, D)
        rss = np.einsum("on,on->o", E, E)
        misfit, rough = float(rss.sum()), self._penalty(bare.V, bare.W, bare.nodes, bare.level)
        objective = float(misfit + np.sum(D * (penalty @ D)) + rough)
        return replace(bare, D=D, residual=E, factor=factor, rss=rss, misfit=misfit, objective=objective)

    def _residual(self, last: Nodes, D: Array) -> Array:
        """E = Y - D'A(T_L) (m, n)."""
        E = np.empty_like(self.Y)
        for block in self._blocks:
            np.subtract(self.Y[:, block], D.T @ self._design(self.depth - 1, last, block), out=E[:, block])
        return E

    def _penalty(self, V: Array, W: Sequence[Array], nodes: Sequence[Nodes], level: float) -> float:
        """Roughness of every layer before the last."""
        rough = [np.einsum("ja,ja->j", V @ self.design.roughness, V)]
        rough += [np.einsum("aj,aj->j", self._inner @ coef, coef) for coef in W]
        return float(self._first * level * sum(np.sum(r / z.width**2) for r, z in zip(rough, nodes, strict=True)))

    def _splines(self, layer: int, nodes: Nodes, block: slice) -> SplineRows:
        """The splines of a layer at a block of rows, in this problem's scratch space."""
        rows = self._rows[layer].first(block.stop - block.start)
        kept = self._filled[layer]
        if kept is not None and kept[0] is nodes and kept[1] == block:
            return rows
        _fill(nodes, block, self.kernels, rows)
        self._filled[layer] = (nodes, block) if rows is self._rows[layer] else None
        return rows

    def last_design(self, state: DeepState, block: slice) -> Array:
        """A(T_L) (p2, rows of the block), in scratch space."""
        return self._design(self.depth - 1, state.nodes[-1], block)

    def _design(self, layer: int, nodes: Nodes, block: slice) -> Array:
        """A(T_l) (p2, rows of the block)."""
        design = self._splines(layer, nodes, block).design
        return design.reshape(-1, design.shape[2])

    # ---- the quadratic model

    def linearise(self, state: DeepState) -> DeepEquations:
        """H and g in (v, u), layer by layer and in each node by node."""
        h, p2, m = self.neuron_num, len(self._last), len(self.Y)
        to_coef = self.coordinates(state)
        moved = self.extreme_tangents(state, to_coef)
        size = sum(self._sizes(to_coef))
        hessian, gradient, cross = np.zeros((size, size)), np.zeros(size), np.zeros((m, size, p2))
        work = np.empty_like(hessian)
        for block in self._blocks:
            J = self.tangents(state, block, to_coef, moved)
            P = self.last_design(state, block)
            for o in range(m):
                gradient += J[o] @ state.residual[o, block]
                weighed = self._weighed(state, block, J[o], P)
                hessian += np.matmul(J[o], J[o].T, out=work)
                cross[o] += J[o] @ weighed.T
        for o in range(m):
            reduced = lapack.dtrtrs(state.factor, cross[o].T, lower=1, overwrite_b=1)[0]
            hessian -= np.matmul(reduced.T, reduced, out=work)
        self._add_penalty(state, to_coef, moved, hessian, gradient)
        return DeepEquations(NormalEquations(hessian, gradient, work), h, to_coef)

    def _weighed(self, state: DeepState, block: slice, jacobian: Array, design: Array) -> Array:
        """As of a `CellProblem`."""
        return design

    def coordinates(self, state: DeepState) -> tuple[Array, ...]:
        """R_l of every W_l at a state, (p2, r_l)."""
        out = []
        for layer in range(self.depth - 1):
            designs = (self._design(layer, state.nodes[layer], block) for block in self._blocks)
            out.append(orthonormaliser(np.asarray(sum(A @ A.T for A in designs))))
        return tuple(out)

    def extreme_tangents(self, state: DeepState, to_coef: Sequence[Array]) -> list[Array]:
        """Derivatives (2h, p) of the extremes of every hidden layer by (v, u), the lows first."""
        h = self.neuron_num
        seed = np.tile(np.eye(h), 2)[None]
        moved: list[Array] = []
        for nodes in state.nodes:
            view = self._view(state, nodes.extremes, len(moved))
            moved.append(self._tangents(state, view, to_coef, moved, seed)[0].T)
        return moved

    def tangents(self, state: DeepState, block: slice, to_coef: Sequence[Array], moved: Sequence[Array]) -> Array:
        """Derivatives (m, p, rows of the block) of the outputs by (v, u), D held."""
        m, n = len(self.Y), block.stop - block.start
        seed = np.broadcast_to(np.eye(m)[:, :, None], (m, m, n))
        return self._tangents(state, self._view(state, block, self.depth), to_coef, moved, seed)

    def _view(self, state: DeepState, rows: slice | Index, layers: int) -> _View:
        """Rows as the derivatives of what stands above the first `layers` hidden layers see them."""
        nodes = state.nodes[:layers]
        if isinstance(rows, slice):
            first = self.design.basis[rows.start // BLOCK_ROWS if len(self._blocks) > 1 else 0]
            splines = tuple(self._splines(layer, z, rows) for layer, z in enumerate(nodes))
        else:
            first = self.design.at_rows(rows).T
            empty = [SplineRows.empty(self.neuron_num, self.design.grid, self.design.k, len(rows)) for _ in nodes]
            splines = tuple(_fill(z, rows, self.kernels, into) for z, into in zip(nodes, empty, strict=True))
        return _View(
            first, splines, tuple(z.unit(rows) for z in nodes), tuple(silu_derivative(z.Z[:, rows]) for z in nodes)
        )

    def _sizes(self, to_coef: Sequence[Array]) -> list[int]:
        """Unknowns of each layer."""
        return [self.neuron_num * r for r in (self.design.rank, *(R.shape[1] for R in to_coef))]

    def _tangents(
        self, state: DeepState, view: _View, to_coef: Sequence[Array], moved: Sequence[Array], seed: Array
    ) -> Array:
        """Derivatives (outputs, p, rows) by (v, u) of what `seed` (outputs, nodes, rows) takes of the layer above the view."""
        outputs, n = seed.shape[0], seed.shape[2]
        ends = np.cumsum(self._sizes(to_coef))
        J = np.zeros((outputs, ends[-1], n))
        by_extremes: list[Array] = []
        back = seed
        for layer in reversed(
            range(len(view.splines) + 1)
        ):  # the edges out of hidden layer `layer`, inputs being layer 0
            if layer < self.depth:
                design = view.splines[layer - 1].design if layer else view.first
                basis = to_coef[layer - 1].T @ design.reshape(-1, n) if layer else design
                part = J[:, ends[layer] - self.neuron_num * len(basis) : ends[layer]]
                np.multiply(back[:, :, None], basis, out=part.reshape(outputs, self.neuron_num, len(basis), n))
            if layer == 0:
                break
            coef = (state.W[layer - 1] if layer < self.depth else state.D).reshape(self.neuron_num, -1, back.shape[1])
            rows, width, unit = view.splines[layer - 1], state.nodes[layer - 1].width, view.units[layer - 1]
            spline = np.empty((back.shape[1], self.neuron_num, n))
            for j in range(len(spline)):
                self.kernels.node_slopes(np.ascontiguousarray(coef[:, :-1, j]), rows, spline[j])
            through = np.einsum("ojn,jin->oin", back, spline) / width[:, None]
            by_extremes.insert(0, np.concatenate([through * (1.0 - unit), through * unit], axis=1))
            back = through + np.einsum("ojn,ij->oin", back, coef[:, -1]) * view.silu_slopes[layer - 1]
        if by_extremes:
            J -= np.matmul(np.concatenate(moved[: len(by_extremes)]).T, np.concatenate(by_extremes, axis=1))
        return J

    def _add_penalty(
        self, state: DeepState, to_coef: Sequence[Array], moved: Sequence[Array], hessian: Array, gradient: Array
    ) -> None:
        """Add the gradient and the Gauss-Newton curvature of w'M w / width^2 of every layer before the last."""
        weight = self._first * state.level
        if weight == 0.0:
            return
        h, start = self.neuron_num, 0
        for layer, extremes in enumerate(moved):
            width = state.nodes[layer].width[:, None]
            if layer == 0:
                M, Mw = self.design.roughness, state.V @ self.design.roughness
                rough = np.einsum("ja,ja->j", Mw, state.V)
            else:
                R, coef = to_coef[layer - 1], state.W[layer - 1]
                M, Mw = R.T @ self._inner @ R, coef.T @ self._inner @ R
                rough = np.einsum("aj,aj->j", self._inner @ coef, coef)
            r, scale, d = len(M), weight / width**2, (extremes[h:] - extremes[:h]) / width
            own = np.zeros_like(d)  # M w, at the node's own unknowns
            for j in range(h):
                at = slice(start + j * r, start + (j + 1) * r)
                own[j, at] = Mw[j]
                hessian[at, at] += scale[j] * M
            # |S (dw - w d)|^2 with S'S = M, width = 1
            mixed = (scale * d).T @ own
            hessian += (scale * rough[:, None] * d).T @ d - mixed - mixed.T
            gradient -= np.sum(scale * (own - rough[:, None] * d), axis=0)
            start += h * r


def _fill(nodes: Nodes, at: slice | Index, kernels: RowKernels, rows: SplineRows) -> SplineRows:
    """The splines of a layer at some rows."""
    knots = nodes.knots
    kernels.splines(nodes.unit(at), knots.starts, knots.inverse_widths, knots.table, silu(nodes.Z[:, at]), rows)
    return rows


def _solved_with_ridge(gram: Array, penalty: Array, right: Array, n: int) -> tuple[Array, Array, Array] | None:
    """Solution of (gram + penalty + ridge) x = right, the Cholesky factor, and penalty + ridge; None where not finite."""
    ridge = RIDGE * n
    while np.isfinite(ridge):
        held = penalty + ridge * np.eye(len(gram))
        factor, info = lapack.dpotrf(gram + held, lower=1, overwrite_a=1, clean=0)
        if info == 0:
            return lapack.dpotrs(factor, right, lower=1)[0], factor, held
        ridge *= 10.0
    return None
