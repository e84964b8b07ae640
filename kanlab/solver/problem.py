r"""A network as a minimisation problem in all its layers but the last: variable projection through a stack of any depth.

The notation is that of kanlab.solver.stack, and besides

    Y, E (m, n)      targets, and residuals E = Y - D'P
    N (p, p)         roughness of D: squared second differences of each node's spline coefficients, and its silu coefficient
    M_l (p_l, p_l)   the same of the edges into one node of hidden layer l (of `FirstLayer.roughness` for l = 0)
    s, level         `smoothing`; the running residual sum of squares

For given weights the best D is a linear solve, so only the weights are searched (Golub & Pereyra, SIAM J. Numer. Anal. 10,
1973):

    f(W) = min_D |Y - D'P|^2 + level s [tr D'N D + ROUGHNESS sum_l sum_j w_lj'M_l w_lj / width_lj^2]
    (P P' + level s N + ridge) D = P Y'

A penalty proportional to the residual is -2 log-likelihood in disguise: level held at the running RSS, f is a majorant of
n ln RSS + n s [...] up to constants, so that smoothing asks for the same smoothness whatever the noise, and vanishes as
a fit becomes exact.

With J_o the derivatives of output o by the weights, D held, eliminating D from the normal equations of (W, D), whose D-part
of the gradient is 0, leaves

    H = sum_o J_o J_o' - (J_o P') (P P' + level s N + ridge)^-1 (P J_o') + the penalty's own,    g = sum_o J_o E_o + ...

which is Kaufman's form of variable projection (Kaufman, BIT 15, 1975). Along a step the last layer follows with
dD = -(P P' + level s N + ridge)^-1 P (J'dW)', and E'', which geodesic acceleration needs, is the second difference of
Y - D'P with both moving, less what the last layer can follow.

Another likelihood changes the solve for D and the weight of a row (kanlab.solver.likelihoods), nothing else. Where it couples
the outputs, D is solved for as one vector, and with A the matrix of its system and W (m, m) of every row

    H = J W J' - X A^-1 X' + ...,    X = J W P'

whose products are made class by class (kanlab.solver.coupled_rows), not for each pair of outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import block_diag, lapack

from kanlab.arrays import Array
from kanlab.kan.bspline import HIDDEN_MARGIN, HiddenKnots, safe_range, unit_knots
from kanlab.solver.coupled_rows import CoupledRows
from kanlab.solver.first_layer import FirstLayer, second_differences
from kanlab.solver.kernels import RowKernels
from kanlab.solver.levenberg_marquardt import AHEAD, NormalEquations
from kanlab.solver.likelihoods import MakeLikelihood, Squares, accumulate, ridged_factor
from kanlab.solver.multinomial import Multinomial
from kanlab.solver.stack import Nodes, Stack, State, View

# Penalties of the last layer at smoothing 1, as multiples of the running RSS for targets of variance 1
LAST_LAYER_ROUGHNESS = 1e-4
LAST_LAYER_SILU = 1e-3
MIN_LEVEL = 1e-12  # of the total sum of squares
OFF_CENTRE = 1.0  # roughness of a factor of a product whose mean is its range
LEVEL_EVERY, LEVEL_DROP = 2, 0.8  # iterations between looks at the level, and the drop of RSS that moves it
KNOTS_AT = 4  # the iteration after which the hidden knots are chosen anew
KNOT_MIXES = (1.0, 0.4, 0.02)  # shares of equal spacing among which the hidden knots are chosen
SMOOTH = 3  # order from which splines have a continuous second derivative
NEARLY_EXACT = 1e-4  # misfit over the total below which steps are accelerated, where there is more than one node


class Problem:
    """One network, ready for `levenberg_marquardt.minimise`.

    design: of its (grid, k).  Y: (m, n), centred and of variance 1 (or 0), or as the likelihood has it: its outputs are
    as many as `likelihood.signal` has rows.  neuron_num: nodes of a hidden layer, where multiplication nodes
    (kanlab.solver.products) are two each, their factors, and come first.
    """

    def __init__(
        self,
        design: FirstLayer,
        Y: Array,
        neuron_num: int,
        smoothing: float,
        kernels: RowKernels,
        *,
        depth: int = 1,
        likelihood: MakeLikelihood = Squares,
        multiplication: int = 0,
    ) -> None:
        self.design, self.Y, self.neuron_num, self.depth = design, Y, neuron_num, depth
        self.smoothing, self.kernels = smoothing, kernels
        self.make_likelihood, self.likelihood = likelihood, likelihood(Y, neuron_num)
        self.total = self.likelihood.total
        self.stack = Stack(design, neuron_num, depth, kernels, multiplication)
        rough, nodes = second_differences(design.grid + design.k), np.eye(neuron_num)
        last = block_diag(smoothing * LAST_LAYER_ROUGHNESS * rough.T @ rough, smoothing * LAST_LAYER_SILU)
        self.last_penalty = self.stack.products.penalised(np.kron(nodes, last), len(last))
        self._roughness = [design.roughness, *[np.kron(nodes, block_diag(rough.T @ rough, 1.0))] * (depth - 1)]
        # of factors of a product the mean counts as a little rough, in units of their range (kanlab.solver.products)
        self._means = np.zeros((neuron_num, design.rank))
        if multiplication:
            mean = np.concatenate(design.basis, axis=1).mean(axis=1)
            self._means[self.stack.products.rows] = np.sqrt(OFF_CENTRE) * mean
        self.inner_weight = smoothing * self.likelihood.roughness()
        # room for the normal equations, filled again and again: fresh memory costs more than filling it
        self._hessian, self._work, self._cross, self._cross_work = (np.empty((0, 0)) for _ in range(4))
        self._coupled: CoupledRows | None = None

    def with_nodes(self, neuron_num: int) -> Problem:
        """The same problem with another number of nodes."""
        return Problem(
            self.design, self.Y, neuron_num, self.smoothing, self.kernels,
            depth=self.depth, likelihood=self.make_likelihood, multiplication=self.stack.products.count,
        )  # fmt: skip

    # ---- states

    def state(
        self,
        weights: Sequence[Array],
        level: float,
        knots: Sequence[HiddenKnots] = (),
        near: State | None = None,
        below: tuple[Nodes, ...] = (),
    ) -> State | None:
        """The network at weights (W_0, ..., W_{L-1}). None where not finite.

        knots: of every hidden layer, or of all but the last one, whose knots are then those of `KNOT_MIXES` with the lowest
        objective.  near: a state not far away, where one is known; its last layer is where an iterative solve begins.
        below: the nodes of the lowest layers, where they are known.
        """
        nodes = below
        for layer in range(len(below), self.depth):
            with np.errstate(invalid="ignore", over="ignore"):
                Z = self.stack.values(layer, weights[layer], nodes[-1] if nodes else None)
            if not np.isfinite(Z).all():
                return None
            if layer == len(knots):
                return self._best_knots(weights, nodes, Z, level, near)
            nodes = (*nodes, Nodes.of(Z, knots[layer]))
        return self._solved(tuple(weights), nodes, level, near)

    def move(self, state: State, step: Array) -> State | None:
        """The state a step away, in the coordinates of `state`."""
        return self.state(self.stack.moved(state, step), state.level, state.knots, near=state)

    def refresh(self, state: State, iteration: int) -> State:
        """Lower the level with the RSS, and once choose the knots anew, layer by layer, where that lowers the objective."""
        level, lowest = self.likelihood.level(state.misfit), MIN_LEVEL * self.total
        if iteration % LEVEL_EVERY == 0 and level < LEVEL_DROP * state.level and state.level > lowest:
            state = self.relevelled(state, max(level, lowest))
        if iteration == KNOTS_AT and self.design.grid > 1:
            for layer in reversed(range(self.depth)):
                state = self._with_best_knots(state, layer)
        return state

    def relevelled(self, state: State, level: float) -> State:
        """The same weights at another penalty level."""
        return self._solved(state.weights, state.nodes, level, state) or state

    def last_design(self, state: State, block: slice) -> Array:
        """P (p, rows of the block), in scratch space."""
        return self.stack.edges(self.depth - 1, state.nodes[-1], block)

    def _solved(
        self, weights: tuple[Array, ...], nodes: tuple[Nodes, ...], level: float, near: State | None
    ) -> State | None:
        """The state with its last layer solved for."""
        last = self.likelihood.solve(
            lambda block: self.stack.edges(self.depth - 1, nodes[-1], block),
            self.stack.blocks,
            level * self.last_penalty,
            None if near is None else near.last,
        )
        if last is None:
            return None
        rough = (
            np.sum(np.einsum("ja,ja->j", self._roughened(layer, W), W) / z.width**2)
            for layer, (W, z) in enumerate(zip(weights, nodes, strict=True))
        )
        objective = last.objective + float(self.inner_weight * level * sum(rough))
        return State(weights, nodes, level, last, objective) if np.isfinite(objective) else None

    def _roughened(self, layer: int, W: Array) -> Array:
        """M_l w of the nodes of a hidden layer."""
        Mw = W @ self._roughness[layer]
        if layer == 0 and self.stack.products.count:
            Mw += np.einsum("jr,jr->j", self._means, W)[:, None] * self._means
        return np.asarray(Mw)

    def mean_of_factor(self, node: int) -> Array:
        """(rows, r), what the root of the roughness of a node has more than that of the design: of a factor its mean."""
        return self._means[node : node + 1][: node < 2 * self.stack.products.count]

    def _knot_choices(self, Z: Array) -> list[HiddenKnots]:
        """Knots for nodes Z (h, n), one choice for each of `KNOT_MIXES` that makes a difference."""
        ordered = np.sort(Z, axis=1)
        low, width = safe_range(ordered[:, 0], ordered[:, -1])
        unit, (grid, k) = (ordered - low[:, None]) / width[:, None], (self.design.grid, self.design.k)
        mixes = KNOT_MIXES if grid > 1 else KNOT_MIXES[:1]
        return [HiddenKnots(unit_knots(unit, grid, k, mix, HIDDEN_MARGIN), k) for mix in mixes]

    def _best_knots(
        self, weights: Sequence[Array], below: tuple[Nodes, ...], Z: Array, level: float, near: State | None
    ) -> State | None:
        """The state whose last hidden layer Z (h, n) has the knots of the lowest objective."""
        first, *others = self._knot_choices(Z)
        nodes = Nodes.of(Z, first)
        choices = [nodes, *(replace(nodes, knots=knots) for knots in others)]
        states = [self._solved(tuple(weights), (*below, choice), level, near) for choice in choices]
        return min((s for s in states if s is not None), key=lambda s: s.objective, default=None)

    def _with_best_knots(self, state: State, layer: int) -> State:
        """The state with those knots of `KNOT_MIXES` in a layer that lower the objective most, if any does.

        The weights on other knots are those that give the next layer's values best in least squares.
        """
        best, old = state, state.nodes[layer]
        for knots in self._knot_choices(old.Z):
            nodes, weights = replace(old, knots=knots), list(state.weights)
            if layer + 1 < self.depth:
                refitted = self._refitted(layer, nodes, state.nodes[layer + 1].Z)
                if refitted is None:
                    continue
                weights[layer + 1] = refitted
            all_knots = [*state.knots[:layer], knots, *state.knots[layer + 1 :]]
            other = self.state(weights, state.level, all_knots, state, (*state.nodes[:layer], nodes))
            if other is not None and other.objective < best.objective:
                best = other
        return best

    def _refitted(self, layer: int, nodes: Nodes, wanted: Array) -> Array | None:
        """Weights (h, p) from a hidden layer to values (h, n) of the next one."""
        gram, right = np.zeros((self.stack.width,) * 2), np.zeros((self.stack.width, len(wanted)))
        for block in self.stack.blocks:
            A = self.stack.edges(layer, nodes, block)
            gram += A @ A.T
            right += A @ wanted[:, block].T
        factor = ridged_factor(gram, np.zeros_like(gram), self.Y.shape[1])
        return None if factor is None else lapack.dpotrs(factor, right, lower=1)[0].T

    # ---- the quadratic model

    def linearise(self, state: State) -> NormalEquations:
        """H and g in the coordinates of the state, layer by layer and in each node by node."""
        stack, last = self.stack, state.last
        m = len(last.outputs)
        size, p2 = stack.ends(state)[-1], stack.width
        if len(self._hessian) != size:
            self._hessian, self._work = np.empty((size, size)), np.empty((size, size))
            if isinstance(self.likelihood, Multinomial):
                self._coupled = CoupledRows(size, m, p2)
                self._hessian = self._coupled.hessian
            else:
                self._cross, self._cross_work = np.empty((m, size, p2)), np.empty((size, p2))
        hessian, work, cross, cross_work = self._hessian, self._work, self._cross, self._cross_work
        coupled = self._coupled
        gradient, extremes = np.zeros(size), stack.extreme_tangents(state)
        for block in stack.blocks:
            view, P, first = stack.view(state, block, self.depth), self.last_design(state, block), block.start == 0
            if coupled is not None and isinstance(self.likelihood, Multinomial):
                gradient += stack.mixed_tangents(state, view, last.residual[:, block], extremes).sum(axis=1)
                coupled.add(stack, state, view, P, extremes, self.likelihood, block)
                continue
            for o in range(m):
                J = stack.tangents(state, view, o, extremes)
                gradient += J @ last.residual[o, block]
                weighed = self.likelihood.weighed(last.outputs[:, block], J, P, block)
                accumulate(J, J.T, hessian, work, first=first and o == 0)
                accumulate(J, weighed.T, cross[o], cross_work, first=first)
        for crossed in cross if coupled is None else [coupled.cross]:
            hessian -= last.reduction(crossed, work)
        self.add_penalty(state, extremes, hessian, gradient)
        if len(stack.blocks) > 1 or self.design.k < SMOOTH or not self.likelihood.is_squares:
            return NormalEquations(hessian, gradient, work)
        return NormalEquations(hessian, gradient, work, lambda step: self._curvature_along(state, view, step))

    def _curvature_along(self, state: State, view: View, step: Array) -> Array | None:
        """J E'' / 2 (p,) along a step. None where it is not worth its time: it pays while the fit is nearly exact, and for
        single nodes, which cost next to nothing; and where the rows take several blocks, the fit is near its end.
        """
        if self.neuron_num > 1 and state.misfit > NEARLY_EXACT * self.total:
            return None
        found = self.stack.along(state, view, step, AHEAD)
        if found is None:
            return None
        (motion, ahead), last = found, state.last
        P, w = self.last_design(state, self.stack.blocks[0]), self.likelihood.w
        dD = -lapack.dpotrs(last.factor, P @ (w * motion).T, lower=1)[0]
        curve = self.Y - (last.D + AHEAD * dD).T @ ahead - last.residual / w + AHEAD * (motion + dD.T @ P)
        curve -= lapack.dpotrs(last.factor, P @ (w * curve).T, lower=1)[0].T @ P
        return self.stack.pulled_back(state, view, w * curve) / AHEAD**2

    def add_penalty(self, state: State, extremes: Sequence[Array], hessian: Array, gradient: Array) -> None:
        """Add the gradient and the Gauss-Newton curvature of w'M w / width^2 of the edges into every hidden node.

        With S'S = M and d the derivative of ln width by all unknowns that is |S (dw - w d)|^2 / width^2.
        """
        weight = self.inner_weight * state.level
        if weight == 0.0:
            return
        h, node, start = self.neuron_num, np.arange(self.neuron_num), 0
        layers = zip(state.weights, self._roughness, state.nodes, self.stack.coordinates(state), extremes, strict=True)
        for layer, (W, M, nodes, R, bounds) in enumerate(layers):
            width, Mw = nodes.width[:, None], self._roughened(layer, W)
            d, scale = (bounds[h:] - bounds[:h]) / width, weight / width**2
            rough = np.einsum("ja,ja->j", W, Mw)[:, None]
            if R is None:  # the widths of the lowest nodes depend on their own weights alone
                end = d.size
                gradient[:end] -= (scale * self.stack.possible(Mw - d * rough)).ravel()
                # M - d Mw' - Mw d' + rough d d' = M + d (rough d / 2 - Mw)' + (rough d / 2 - Mw) d'
                half = d * (rough / 2.0) - Mw
                mixed = d[:, :, None] * half[:, None, :]
                blocks = hessian[:end, :end].reshape(*d.shape, *d.shape)
                own_blocks, T = M + mixed + mixed.transpose(0, 2, 1), self.design.projectors
                own_blocks += self._means[:, :, None] * self._means[:, None, :] if self.stack.products.count else 0.0
                if T is not None:
                    own_blocks = T @ own_blocks @ T
                blocks[node, :, node, :] += scale[:, :, None] * own_blocks
                start = end
                continue
            own, curvature = np.zeros((h, len(gradient))), R.T @ M @ R
            for j in node:
                at = slice(start, start + R.shape[1])
                own[j, at] = Mw[j] @ R
                hessian[at, at] += scale[j] * curvature
                start = at.stop
            mixed = (scale * d).T @ own
            hessian += (scale * rough * d).T @ d - mixed - mixed.T
            gradient -= np.sum(scale * (own - rough * d), axis=0)
