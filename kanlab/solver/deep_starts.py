r"""Where fits of more than one hidden layer start from: a network with one layer or one node less, or nothing.

A spline on knots t represents the identity exactly, by its Greville abscissae (de Boor, A Practical Guide to Splines,
1978, chapter XI): x = sum_b xi_b B_b(x) with xi_b = (t_{b+1} + ... + t_{b+k}) / k. So a layer that does nothing can be put
between the last hidden layer and the targets: the deeper network begins as the shallower one and can only do better.
A new node is likewise a lane of its own through all layers, beside those that are there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kanlab.kan.bspline import HiddenKnots, safe_range, uniform_knots
from kanlab.solver.deep_problem import DeepProblem, DeepState
from kanlab.solver.node_growth import noise_nodes, project, promising_node, random_nodes, spread
from kanlab.solver.problem import CellState
from kanlab.solver.starts import ADDITIVE_NOISE, FRESH_LEVEL, LEAST_RELAXATION, RELAXATION

Array = NDArray[np.float64]

MIXING = 0.3  # of a fresh layer's random edges beside its identity, both in units of the nodes' range


def lanes(problem: DeepProblem, low: Array, width: Array) -> Array:
    """Coefficients W (p2, h) on equally spaced knots that hand nodes on as they are; low, width (h,): their ranges."""
    h, (grid, k) = problem.neuron_num, (problem.design.grid, problem.design.k)
    t = uniform_knots(1, grid, k)[0]
    greville = np.array([t[b + 1 : b + 1 + k].mean() for b in range(grid + k)])
    W = np.zeros((h, grid + k + 1, h))
    nodes = np.arange(h)
    W[nodes, :-1, nodes] = low[:, None] + width[:, None] * greville
    return W.reshape(-1, h)


def inserted(problem: DeepProblem, parent: CellState | DeepState) -> DeepState | None:
    """A parent of the same nodes and one layer less, and a last hidden layer that does nothing yet."""
    design = problem.design
    if isinstance(parent, DeepState):
        W, knots, low, width = parent.W, parent.knots, parent.nodes[-1].low, parent.nodes[-1].width
    else:
        W, knots, low, width = (), (parent.knots,), parent.low, parent.width
    even = HiddenKnots(uniform_knots(problem.neuron_num, design.grid, design.k), design.k)
    return problem.state(parent.V, (*W, lanes(problem, low, width)), parent.level, (*knots[:-1], even, knots[-1]))


def widened(problem: DeepProblem, parent: DeepState, rng: np.random.Generator | None) -> DeepState | None:
    """A parent of the same layers and fewer nodes, and new lanes that the residual asks for; idle ones without rng."""
    design, old = problem.design, len(parent.V)
    missing = problem.neuron_num - old
    new = np.zeros((missing, design.rank))
    if rng is not None:
        new = spread(
            design, np.array([promising_node(design, parent.residual, rng, problem.kernels) for _ in range(missing)])
        )
    Z = np.concatenate([new @ q for q in design.basis], axis=1)
    low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
    size, h = design.grid + design.k + 1, problem.neuron_num
    lane = lanes(problem, np.concatenate([np.zeros(old), low]), np.concatenate([np.ones(old), width]))
    if rng is None:
        lane = np.zeros_like(lane)
    W: list[Array] = []
    for coef in parent.W:
        wide = lane.reshape(h, size, h).copy()
        wide[:old, :, :old] = coef.reshape(old, size, old)
        W.append(wide.reshape(-1, h))
    even = uniform_knots(missing, design.grid, design.k)
    knots = [HiddenKnots(np.concatenate([k.knots, even]), design.k) for k in parent.knots]
    return problem.state(np.concatenate([parent.V, new]), W, parent.level, knots)


def fresh(problem: DeepProblem, rng: np.random.Generator, number: int = 0) -> DeepState | None:
    """The best additive fit of a target as the first node, more or less jittered by `number`, random nodes besides, in
    every layer mixed with one another at random.
    """
    design, h = problem.design, problem.neuron_num
    V = random_nodes(design, h, rng)
    v = project(design, problem.signal[rng.integers(len(problem.Y))])
    share = ADDITIVE_NOISE[number % len(ADDITIVE_NOISE)]
    jitter = share * np.linalg.norm(v) * noise_nodes(design, problem.Y.shape[1], 1, rng)[0]
    V[0] = spread(design, (v + jitter)[None])[0]
    even = HiddenKnots(uniform_knots(h, design.grid, design.k), design.k)
    Z = np.concatenate([V @ q for q in design.basis], axis=1)
    low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
    W = [lanes(problem, low, width), *[lanes(problem, -np.ones(h), np.full(h, 2.0))] * (problem.depth - 2)]
    mixed = [coef + MIXING * _random_edges(problem, np.full(h, 2.0), rng) for coef in W]
    return problem.state(V, mixed, problem.level_of(FRESH_LEVEL * problem.total), [even] * problem.depth)


def shaken(problem: DeepProblem, start: DeepState, share: float, rng: np.random.Generator) -> DeepState | None:
    """A start whose last hidden layer receives random edges besides, of `share` of the nodes' range."""
    *W, last = start.W
    last = last + share * _random_edges(problem, start.nodes[-1].width, rng)
    return problem.state(start.V, [*W, last], start.level, start.knots)


def _random_edges(problem: DeepProblem, width: Array, rng: np.random.Generator) -> Array:
    """Coefficients (p2, h) of roughly linear edges from each node to each, into nodes of ranges width (h,)."""
    h, size = problem.neuron_num, problem.design.grid + problem.design.k
    edges = np.zeros((h, size + 1, h))
    steep = rng.uniform(-1.0, 1.0, (h, 1, h)) * np.linspace(-1.0, 1.0, size)[:, None]
    edges[:, :-1] = width / 2.0 * (steep + rng.normal(size=(h, size, h)))
    return edges.reshape(-1, h)


def no_worse_than(problem: DeepProblem, state: DeepState, misfit: float, starts: list[DeepState]) -> DeepState:
    """The state, or one whose misfit is at most `misfit`, that of a smaller network, but for rounding.

    Only the penalty or bad luck leaves it worse: so the penalty is lowered until it is not; failing that, of the starts that
    are the smaller networks themselves the best is taken.
    """
    relaxed = state
    while relaxed.misfit > misfit and relaxed.level > LEAST_RELAXATION * state.level:
        relaxed = problem.relevelled(relaxed, RELAXATION * relaxed.level)
    return relaxed if relaxed.misfit <= misfit else min([state, *starts], key=lambda s: s.misfit)
