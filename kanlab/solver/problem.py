r"""A cell as a least-squares problem in its first layer alone: variable projection.

Notation

    n, d, m, h    rows, inputs, targets, hidden nodes
    Q (r, n)      orthonormal first-layer basis (kanlab.solver.first_layer), transposed
    V (h, r)      the unknowns: hidden pre-activations Z = V Q, shape (h, n)
    T             Z in units of its range, T_j = (Z_j - low_j) / width_j; the second layer's knots live on [0, 1]
    P (p2, n)     second-layer design: G + k B-splines of T_j and silu(Z_j) of every node, p2 = h (G + k + 1)
    D (p2, m)     second-layer coefficients
    Y, E (m, n)   targets, residuals E = Y - D'P
    N (p2, p2)    roughness of D: squared second differences of each node's spline coefficients, and its silu coefficient
    M (r, r)      the same of the first layer (`FirstLayer.roughness`)
    s, level      `smoothing`; the running residual sum of squares

For given V the best D is a linear solve, so only V is searched (Golub & Pereyra, SIAM J. Numer. Anal. 10, 1973):

    f(V) = min_D |Y - D'P|^2 + level s [tr D'N D + FIRST sum_j v_j'M v_j / width_j^2]
    (P P' + level s N + ridge) D = P Y'

A penalty proportional to the residual is -2 log-likelihood in disguise: level held at the running RSS, f is a majorant of
n ln RSS + n s [...] up to constants, so that smoothing asks for the same smoothness whatever the noise, and vanishes as
a fit becomes exact.

The Jacobian of the residuals with D held has, for target o, node j and basis function a, the entries

    slope_oj Q_a - spline_oj (1 - T_j) Q_a(row of low_j) - spline_oj T_j Q_a(row of high_j)

with slope = spline + silu part: the knots stretch with a node's range, and the last two terms are that motion. Eliminating
D from the normal equations of (V, D), whose D-part of the gradient is 0, leaves

    H = sum_o J_o J_o' - (J_o P') (P P' + level s N + ridge)^-1 (P J_o') + the penalty's own,    g = sum_o J_o E_o + ...

which is Kaufman's form of variable projection (Kaufman, BIT 15, 1975). Along a step dV the second layer follows with
dD = -(P P' + level s N + ridge)^-1 P (J' dV)', and E'' is the second difference of Y - D'P with both moving, less what the
second layer can follow.

Here the misfit is the residual sum of squares; `kanlab.solver.bernoulli_problem` has the same cell for two classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, lapack

from kanlab.kan.bspline import HIDDEN_MARGIN, HiddenKnots, safe_range, silu, silu_derivative, unit_knots
from kanlab.solver.first_layer import BLOCK_ROWS, FirstLayer, second_differences
from kanlab.solver.kernels import RowKernels, SplineRows
from kanlab.solver.levenberg_marquardt import AHEAD, NormalEquations

Array = NDArray[np.float64]
Index = NDArray[np.intp]

# Penalties at smoothing 1, as multiples of the running RSS for targets of variance 1
SECOND_LAYER_ROUGHNESS = 1e-4
SECOND_LAYER_SILU = 1e-3
FIRST_LAYER_ROUGHNESS = 4e-4
RIDGE = 1e-11  # times n: makes the solve definite, too small to be seen
LEAST_LEVEL = 1e-12  # of the total sum of squares
LEVEL_EVERY, LEVEL_DROP = 2, 0.8  # iterations between looks at the level, and the drop of RSS that moves it
KNOTS_AT = 4  # the iteration after which the hidden knots are chosen anew
SMOOTH = 3  # order from which splines have a continuous second derivative
CURVED = 1e-4  # misfit over the total below which the valley is followed, where there is more than one node
KNOT_MIXES = (1.0, 0.4, 0.02)  # shares of equal spacing among which the hidden knots are chosen


@dataclass(frozen=True, eq=False)
class CellState:
    """A cell at one V, its second layer solved. Shapes as in the notation.

    knots: of the second layer, in units of the nodes' ranges.  at_low, at_high: (h,) rows where a node is least, greatest.
    factor: Cholesky factor of the second-layer system.  rss: (m,).  misfit: what the data add to the objective, the RSS of
    all targets.  eta: (1, n), outputs where they are not Y - residual (kanlab.solver.bernoulli_problem).
    """

    V: Array
    Z: Array
    low: Array
    width: Array
    at_low: Index
    at_high: Index
    knots: HiddenKnots
    level: float
    D: Array
    residual: Array
    factor: Array
    rss: Array
    misfit: float
    objective: float
    eta: Array = field(default_factory=lambda: np.empty(0))

    def outputs(self, Y: Array) -> Array:
        """What the cell puts out (m, n) where its targets are Y (m, n)."""
        return self.eta if self.eta.size else Y - self.residual


class CellProblem:
    """One cell, ready for `least_squares.minimise`.

    design: of its (grid, k).  Y: (m, n), centred and of variance 1 (or 0).
    """

    def __init__(self, design: FirstLayer, Y: Array, neuron_num: int, smoothing: float, kernels: RowKernels) -> None:
        self.design, self.Y, self.neuron_num, self.kernels = design, Y, neuron_num, kernels
        self.total = max(float(np.sum(Y * Y)), np.finfo(float).tiny)
        self.signal = Y  # (m, n), what a first node is fitted to
        self._least_level = LEAST_LEVEL * self.total
        self.smoothing, self._first = smoothing, smoothing * FIRST_LAYER_ROUGHNESS
        differences = second_differences(design.grid + design.k)
        node = block_diag(
            smoothing * SECOND_LAYER_ROUGHNESS * differences.T @ differences, smoothing * SECOND_LAYER_SILU
        )
        self._second = np.kron(np.eye(neuron_num), node)
        n = Y.shape[1]
        self._blocks = [slice(i, min(i + BLOCK_ROWS, n)) for i in range(0, n, BLOCK_ROWS)]
        # room for one block, filled again and again; _filled says what is in it
        h, r, size = neuron_num, design.rank, min(n, BLOCK_ROWS)
        self._rows = SplineRows.empty(h, design.grid, design.k, size)
        self._jacobian = np.empty(h * r * size)
        self._hessian, self._work = np.empty((h * r, h * r)), np.empty((h * r, h * r))
        self._gram, self._gram_work = np.empty_like(self._second), np.empty_like(self._second)
        self._cross = np.empty((len(Y), h * r, len(self._second)))
        self._cross_work = np.empty(self._cross.shape[1:])
        self._filled: tuple[Array, HiddenKnots, slice] | None = None
        self._rows_ahead: SplineRows | None = None

    def with_nodes(self, neuron_num: int) -> CellProblem:
        """The same problem with another number of nodes."""
        return type(self)(self.design, self.Y, neuron_num, self.smoothing, self.kernels)

    # ---- states

    def state(
        self, V: Array, level: float, knots: HiddenKnots | None = None, near: CellState | None = None
    ) -> CellState | None:
        """The cell at V (h, r). Without knots those of `KNOT_MIXES` with the least objective. None where not finite.

        near: a state of this problem not far away, where one is known; its second layer is where an iterative solve begins.
        """
        Z = self._hidden(V)
        if not np.isfinite(Z).all():
            return None
        if knots is None:
            return self._best_knots(V, Z, level, near)
        return self._solved(V, Z, knots, level, near)

    def move(self, state: CellState, step: Array) -> CellState | None:
        return self.state(state.V + step.reshape(state.V.shape), state.level, state.knots, near=state)

    def level_of(self, misfit: float) -> float:
        """The penalty level at a misfit: the RSS itself."""
        return misfit

    def refresh(self, state: CellState, iteration: int) -> CellState:
        """Lower the level with the RSS, and once choose the hidden knots anew, where that lowers the objective."""
        level = self.level_of(state.misfit)
        if iteration % LEVEL_EVERY == 0 and level < LEVEL_DROP * state.level and state.level > self._least_level:
            state = self.relevelled(state, max(level, self._least_level))
        if iteration == KNOTS_AT and self.design.grid > 1:
            other = self._best_knots(state.V, state.Z, state.level, state)
            if other is not None and other.objective < state.objective:
                state = other
        return state

    def relevelled(self, state: CellState, level: float) -> CellState:
        """The same V at another penalty level."""
        return self._solved(state.V, state.Z, state.knots, level, state) or state

    def _hidden(self, V: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            if len(self._blocks) == 1:
                return V @ self.design.basis[0]
            return np.concatenate([V @ q for q in self.design.basis], axis=1)

    def _best_knots(self, V: Array, Z: Array, level: float, near: CellState | None) -> CellState | None:
        ordered = np.sort(Z, axis=1)
        low, width = safe_range(ordered[:, 0], ordered[:, -1])
        unit = (ordered - low[:, None]) / width[:, None]
        grid, k = self.design.grid, self.design.k
        choices = (
            HiddenKnots(unit_knots(unit, grid, k, mix, HIDDEN_MARGIN), k)
            for mix in (KNOT_MIXES if grid > 1 else (1.0,))
        )
        states = [s for s in (self._solved(V, Z, knots, level, near) for knots in choices) if s is not None]
        return min(states, key=lambda s: s.objective, default=None)

    def _solved(self, V: Array, Z: Array, knots: HiddenKnots, level: float, near: CellState | None) -> CellState | None:
        """The state at V with its second layer solved for."""
        nodes = np.arange(len(Z))
        at_low, at_high = np.array([z.argmin() for z in Z]), np.array([z.argmax() for z in Z])
        low, width = safe_range(Z[nodes, at_low], Z[nodes, at_high])
        bare = CellState(V, Z, low, width, at_low, at_high, knots, level, _NONE, _NONE, _NONE, _NONE, np.inf, np.inf)
        return self._second_layer(bare, near)

    def _second_layer(self, bare: CellState, near: CellState | None) -> CellState | None:
        """A state whose second layer is not known yet, with it."""
        gram, right = self._gram, np.zeros((len(self._second), len(self.Y)))
        for block in self._blocks:
            P = self._design(bare, block)
            _accumulate(P, P.T, gram, self._gram_work, first=block.start == 0)
            right += P @ self.Y[:, block].T
        solved = self._solve(gram, right, bare.level)
        if solved is None:
            return None
        D, factor, penalty = solved
        # one step of refinement: the normal equations lose what the residual still shows
        E = self._residual(bare, D)
        missing = self._by_design(bare, E) - penalty @ D
        D = D + lapack.dpotrs(factor, missing, lower=1)[0]
        E = self._residual(bare, D)
        rss = np.einsum("on,on->o", E, E)
        misfit = float(rss.sum())
        objective = float(misfit + np.sum(D * (penalty @ D)) + self._first_penalty(bare))
        if not np.isfinite(objective):
            return None
        return replace(bare, D=D, residual=E, factor=factor, rss=rss, misfit=misfit, objective=objective)

    def _solve(self, gram: Array, right: Array, level: float) -> tuple[Array, Array, Array] | None:
        """D, the Cholesky factor and the penalty of the second-layer system."""
        ridge = RIDGE * self.Y.shape[1]
        while np.isfinite(ridge):
            penalty = level * self._second
            penalty.flat[:: len(gram) + 1] += ridge
            factor, info = lapack.dpotrf(np.add(gram, penalty).T, lower=1, overwrite_a=1, clean=0)
            if info == 0:
                return lapack.dpotrs(factor, right, lower=1)[0], factor, penalty
            ridge *= 10.0
        return None

    def _residual(self, state: CellState, D: Array) -> Array:
        """E = Y - D'P (m, n)."""
        E = np.empty_like(self.Y)
        for block in self._blocks:
            np.subtract(self.Y[:, block], D.T @ self._design(state, block), out=E[:, block])
        return E

    def _by_design(self, state: CellState, E: Array) -> Array:
        """P E' (p2, m)."""
        out = np.zeros((len(self._second), len(E)))
        for block in self._blocks:
            out += self._design(state, block) @ E[:, block].T
        return out

    def _splines(self, state: CellState, block: slice) -> SplineRows:
        """The splines of a block of rows, in this problem's one scratch space."""
        rows = self._rows.first(block.stop - block.start)
        if self._filled is not None and all(
            a is b for a, b in zip(self._filled, (state.Z, state.knots, block), strict=True)
        ):
            return rows
        Z, knots = state.Z[:, block], state.knots
        unit = (Z - state.low[:, None]) / state.width[:, None]
        self.kernels.splines(unit, knots.starts, knots.inverse_widths, knots.table, silu(Z), rows)
        self._filled = (state.Z, state.knots, block) if rows is self._rows else None
        return rows

    def _design(self, state: CellState, block: slice) -> Array:
        """P (p2, rows of the block)."""
        design = self._splines(state, block).design
        return design.reshape(-1, design.shape[2])

    # ---- the quadratic model

    def linearise(self, state: CellState) -> NormalEquations:
        """H and g in V, flattened node by node."""
        h, r = state.V.shape
        m, p2 = len(self.Y), len(state.D)
        at_low, at_high = self.design.at_rows(state.at_low), self.design.at_rows(state.at_high)
        hessian, gradient, cross = self._hessian, np.zeros(h * r), self._cross
        for i, (block, basis) in enumerate(zip(self._blocks, self.design.basis, strict=True)):
            rows, Z = self._splines(state, block), state.Z[:, block]
            P, n = rows.design.reshape(p2, -1), Z.shape[1]
            T = (Z - state.low[:, None]) / state.width[:, None]
            J = self._jacobian[: h * r * n].reshape(h, r, n)
            slopes = self._slopes(state, block, silu_derivative(Z))
            for o, (slope, spline) in enumerate(slopes):
                self.kernels.jacobian(basis, slope, spline * (1.0 - T), spline * T, at_low, at_high, J)
                flat = J.reshape(h * r, n)
                gradient += flat @ state.residual[o, block]
                weighed = self._weighed(state, block, flat, P)
                _accumulate(flat, flat.T, hessian, self._work, first=i == 0 and o == 0)
                _accumulate(flat, weighed.T, cross[o], self._cross_work, first=i == 0)
        for o in range(m):
            reduced = lapack.dtrtrs(state.factor, cross[o].T, lower=1, overwrite_b=1)[0]
            hessian -= np.matmul(reduced.T, reduced, out=self._work)
        self._add_first_penalty(state, at_high - at_low, hessian, gradient)
        if len(self._blocks) > 1 or self.design.k < SMOOTH:
            return NormalEquations(hessian, gradient, self._work)
        return NormalEquations(hessian, gradient, self._work, lambda step: self._curving(state, slopes, step))

    def _curving(self, state: CellState, slopes: list[tuple[Array, Array]], step: Array) -> Array | None:
        """J E'' / 2 (h r,) along a step. None where it is not worth its time: it pays while the fit is nearly exact, and for
        single nodes, which cost next to nothing; and where the rows take several blocks, the fit is near its end.
        """
        if self.neuron_num > 1 and state.misfit > CURVED * self.total:
            return None
        basis, nodes = self.design.basis[0], np.arange(self.neuron_num)
        P, T = self._design(state, self._blocks[0]), (state.Z - state.low[:, None]) / state.width[:, None]
        dZ = step.reshape(self.neuron_num, -1) @ basis
        low, high = dZ[nodes, state.at_low][:, None], dZ[nodes, state.at_high][:, None]
        stretch = T * (high - low) + low
        motion = np.stack([_over_nodes(s, dZ) - _over_nodes(p, stretch) for s, p in slopes])
        dD = -lapack.dpotrs(state.factor, P @ motion.T, lower=1)[0]
        ahead = self._ahead(state, state.Z + AHEAD * dZ)
        if ahead is None:
            return None
        curve = self.Y - (state.D + AHEAD * dD).T @ ahead - state.residual + AHEAD * (motion + dD.T @ P)
        curve -= lapack.dpotrs(state.factor, P @ curve.T, lower=1)[0].T @ P
        at_low, at_high = self.design.at_rows(state.at_low), self.design.at_rows(state.at_high)
        out = np.zeros_like(at_low)
        for c, (s, p) in zip(curve, slopes, strict=True):
            at_top = np.einsum("jn,jn->j", p * c, T)[:, None]
            out += (s * c) @ basis.T - at_low * ((p @ c)[:, None] - at_top) - at_high * at_top
        return out.ravel() / AHEAD**2

    def _ahead(self, state: CellState, Z: Array) -> Array | None:
        """The second layer's design (p2, n) at other Z (h, n), with the knots of a state. It lasts until the next one."""
        if not np.isfinite(Z).all():
            return None
        if self._rows_ahead is None:
            self._rows_ahead = SplineRows.empty(len(Z), self.design.grid, self.design.k, Z.shape[1])
        rows, knots = self._rows_ahead, state.knots
        low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
        unit = (Z - low[:, None]) / width[:, None]
        self.kernels.splines(unit, knots.starts, knots.inverse_widths, knots.table, silu(Z), rows)
        return rows.design.reshape(-1, Z.shape[1])

    def _slopes(self, state: CellState, block: slice, silu_slopes: Array) -> list[tuple[Array, Array]]:
        """For every target d output / d Z (h, rows), and the splines' part of it."""
        rows, coef = self._splines(state, block), state.D.reshape(self.neuron_num, -1, len(self.Y))
        found = []
        for o in range(len(self.Y)):
            spline = np.empty_like(silu_slopes)
            self.kernels.node_slopes(np.ascontiguousarray(coef[:, :-1, o]), rows, spline)
            spline /= state.width[:, None]
            found.append((spline + coef[:, -1, o, None] * silu_slopes, spline))
        return found

    def _weighed(self, state: CellState, block: slice, jacobian: Array, design: Array) -> Array:
        """The design (p2, n) as the curvature counts its rows, and the Jacobian (h r, n) likewise, in place: all alike."""
        return design

    def _first_penalty(self, state: CellState) -> float:
        rough = np.einsum("ja,ja->j", state.V @ self.design.roughness, state.V)
        return float(self._first * state.level * np.sum(rough / state.width**2))

    def _add_first_penalty(self, state: CellState, range_slope: Array, hessian: Array, gradient: Array) -> None:
        """Add the gradient and the Gauss-Newton curvature of v'Mv / width^2; range_slope (h, r): d width / d v."""
        weight = self._first * state.level
        if weight == 0.0:
            return
        h, r = state.V.shape
        M, width = self.design.roughness, state.width[:, None]
        Mv, d = state.V @ M, range_slope / width
        rough = np.einsum("ja,ja->j", state.V, Mv)[:, None]
        scale = weight / width**2
        gradient -= (scale * (Mv - d * rough)).ravel()
        # M - d Mv' - Mv d' + rough d d' = M + d (rough d / 2 - Mv)' + (rough d / 2 - Mv) d'
        half = d * (rough / 2.0) - Mv
        mixed = d[:, :, None] * half[:, None, :]
        blocks = hessian.reshape(h, r, h, r)
        nodes = np.arange(h)
        blocks[nodes, :, nodes, :] += scale[:, :, None] * (M + mixed + mixed.transpose(0, 2, 1))


def _over_nodes(a: Array, b: Array) -> Array:
    """Sum of the products over nodes, (n,) of two (h, n)."""
    return np.asarray(np.einsum("jn,jn->n", a, b))


def _accumulate(a: Array, b: Array, total: Array, work: Array, *, first: bool) -> None:
    """total += a b, or total = a b for the first."""
    if first:
        np.matmul(a, b, out=total)
    else:
        total += np.matmul(a, b, out=work)


_NONE = np.empty(0)
