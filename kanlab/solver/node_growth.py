r"""New nodes for a network that has some: where they come from, and which of the old ones they may replace.

A new node has to explain what the network leaves over. That alone is a small problem, the fit of a network of one node to
the residual, hundreds of times cheaper than an iteration of the whole. So many candidates are looked at, the best
are fitted for a few iterations, and only what comes out of that is put into the network. In a network of several hidden
layers a new node is a lane of its own through all of them, beside those that are there: a spline on knots t represents the
identity exactly, by its Greville abscissae (de Boor, A Practical Guide to Splines, 1978, chapter XI),

    x = sum_b xi_b B_b(x),    xi_b = (t_{b+1} + ... + t_{b+k}) / k

so that it hands on what it receives. A node exchange takes the node of the last hidden layer that the network would miss
least out again and grows another in its place: with the rest at hand, a step out of a local minimum.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from kanlab.arrays import Array
from kanlab.kan.bspline import HiddenKnots, safe_range, silu, uniform_knots
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.kernels import RowKernels, SplineRows
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, minimise
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

RANDOM_ROUGHNESS = 1.0  # noise on the coefficients of random edges, next to their slope
CANDIDATES = 10  # nodes looked at of each kind: along the residual, without regard to smoothness, random
LEAST_MISSED = 0.5  # probability that an exchange takes the node missed least
FITTED = 2  # candidates fitted to the residual, at least
FIRST_FIT = SECOND_FIT = LoopOptions(max_iterations=3)
SCREEN_ROWS, SCREEN_RIDGE = 400, 1e-8


def random_nodes(design: FirstLayer, count: int, rng: np.random.Generator) -> Array:
    """Nodes (count, r) that are random sums of roughly linear edges, spread over a range of 2."""
    d, size = len(design.knots), design.grid + design.k
    slope = rng.uniform(-1.0, 1.0, (count, d, 1)) * np.linspace(-1.0, 1.0, size)
    coef = slope + RANDOM_ROUGHNESS * rng.normal(size=(count, d, size))
    v = coef.reshape(count, d * size) @ design.from_coef[:, : d * size].T
    return spread(design, v)


def spread(design: FirstLayer, V: Array) -> Array:
    """Nodes V (h, r) scaled so that each has a range of 2 on the data."""
    return V * (2.0 / ranges(design, V)[1])[:, None]


def project(design: FirstLayer, values: Array) -> Array:
    """The node (r,) nearest to values (n,) in least squares, the additive fit of them; or nodes (count, r) of (count, n)."""
    ends = np.cumsum([q.shape[1] for q in design.basis])[:-1]
    return np.asarray(sum(part @ q.T for part, q in zip(np.split(values, ends, axis=-1), design.basis, strict=True)))


def noise_nodes(design: FirstLayer, n: int, count: int, rng: np.random.Generator) -> Array:
    """Random nodes (count, r) of norm about 1 with no regard to smoothness: white noise on the rows, fitted."""
    return project(design, rng.normal(size=(count, n))) / np.sqrt(design.rank)


def ranges(design: FirstLayer, V: Array) -> tuple[Array, Array]:
    """Minimum and width (h,) of nodes V (h, r) on the data."""
    low = np.min([(V @ q).min(axis=1) for q in design.basis], axis=0)
    return safe_range(low, np.max([(V @ q).max(axis=1) for q in design.basis], axis=0))


def lanes(problem: Problem, low: Array, width: Array) -> Array:
    """Weights (h, p) on equally spaced knots that hand nodes on as they are; low, width (h,): their ranges."""
    h, (grid, k) = problem.neuron_num, (problem.design.grid, problem.design.k)
    t = uniform_knots(1, grid, k)[0]
    greville = np.array([t[b + 1 : b + 1 + k].mean() for b in range(grid + k)])
    W, node = np.zeros((h, h, grid + k + 1)), np.arange(h)
    W[node, node, :-1] = low[:, None] + width[:, None] * greville
    return W.reshape(h, -1)


def widened(
    problem: Problem, parent: State, new: Array, knots: Array, level: float, *, idle: bool = False
) -> State | None:
    """A parent of fewer nodes, and beside it nodes `new` (missing, r) as lanes of their own, which say nothing where idle.

    knots: (missing, grid + 2k + 1), of the edges that leave the last hidden layer's new nodes.
    """
    design, h, old = problem.design, problem.neuron_num, problem.neuron_num - len(new)
    weights, before = [np.concatenate([parent.weights[0], new])], parent.weights[1:]
    if before:
        size, (low, width) = design.grid + design.k + 1, ranges(design, new)
        lane = lanes(problem, np.append(np.zeros(old), low), np.append(np.ones(old), width)).reshape(h, h, size)
        for W in before:
            wide = np.zeros_like(lane) if idle else lane.copy()
            wide[:old, :old] = W.reshape(old, old, size)
            weights.append(wide.reshape(h, -1))
    even = uniform_knots(len(new), design.grid, design.k)
    beside = [even] * len(before) + [knots]
    wider = [np.concatenate([of.knots, more]) for of, more in zip(parent.knots, beside, strict=True)]
    return problem.state(weights, level, [HiddenKnots(t, design.k) for t in wider])


def grown_starts(problem: Problem, parent: State, count: int, rng: np.random.Generator) -> list[State]:
    """Starts, at most `count`: a parent with fewer nodes, and a node grown on its residual, another one in each.

    Where more than one node is missing the others are random.
    """
    design, missing = problem.design, problem.neuron_num - len(parent.weights[0])
    level, starts = problem.likelihood.level(parent.misfit), []
    for node in _fitted_nodes(problem, parent, count, rng):
        others = spread(design, random_nodes(design, missing - 1, rng))
        knots = np.concatenate([node.knots[0].knots, uniform_knots(missing - 1, design.grid, design.k)])
        starts.append(widened(problem, parent, np.concatenate([node.weights[0], others]), knots, level))
    return [s for s in starts if s is not None]


def idle_start(problem: Problem, parent: State) -> State | None:
    """A parent with fewer nodes, the new ones idle: it predicts as the parent does."""
    missing = problem.neuron_num - len(parent.weights[0])
    even = uniform_knots(missing, problem.design.grid, problem.design.k)
    return widened(problem, parent, np.zeros((missing, problem.design.rank)), even, parent.level, idle=True)


def exchanged(problem: Problem, state: State, rng: np.random.Generator) -> State | None:
    """The state with a node it would miss little replaced by one grown on the residual of the others.

    The one it would miss least with a probability of a half, else the next with a half, and so on. Always the same one would
    end the search where its successor is no better. Nodes are those of the last hidden layer, to which the layer before it
    is what the inputs are to the first: so the exchange is that of a network of one hidden layer, built on it.
    """
    order = np.argsort(_missed(state), kind="stable")
    kept = np.arange(len(order)) != order[min(rng.geometric(LEAST_MISSED), len(order)) - 1]
    top, V = (problem, state.weights[0]) if problem.depth == 1 else _on_top(problem, state)
    knots = HiddenKnots(state.knots[-1].knots[kept], problem.design.k)
    smaller = top.with_nodes(len(V) - 1).state((V[kept],), state.level, (knots,))
    grown = None if smaller is None else next(iter(grown_starts(top, smaller, 1, rng)), None)
    if grown is None or problem.depth == 1:
        return grown
    coef, base = top.design.edges(grown.weights[0])
    weights = np.concatenate([coef, base[:, :, None]], axis=2).transpose(1, 0, 2).reshape(len(V), -1)
    return problem.state((*state.weights[:-1], weights), grown.level, (*state.knots[:-1], *grown.knots))


def _on_top(problem: Problem, state: State) -> tuple[Problem, Array]:
    """The last hidden layer as one over a first layer of its own, the edges into it; and its weights (h, r) there."""
    below, design = state.nodes[-2], problem.design
    knots = below.low[:, None] + below.width[:, None] * below.knots.knots
    first = first_layer(below.Z, design.grid, design.k, knots)
    top = Problem(
        first, problem.Y, problem.neuron_num, problem.smoothing, problem.kernels, likelihood=problem.make_likelihood
    )
    return top, project(first, state.nodes[-1].Z)


def _missed(state: State) -> Array:
    """How much each node (h,) of the last hidden layer is missed: with A the system of D, forcing its coefficients D_j to 0
    and solving for the others raises the objective by tr D_j' [(A^-1)_jj]^-1 D_j, of all its outputs together where A
    couples them.
    """
    h, last = len(state.weights[-1]), state.last
    lower = np.tril(lapack.dpotri(last.factor, lower=1)[0])
    inverse = lower + np.tril(lower, -1).T
    D = last.D.reshape(h, -1, last.D.shape[1])
    size, m, node = D.shape[1], D.shape[2], np.arange(h)
    if len(inverse) == h * size:  # of every output alike
        blocks = inverse.reshape(h, size, h, size)[node, :, node, :]
    else:
        D = D.transpose(0, 2, 1).reshape(h, -1, 1)
        blocks = inverse.reshape(m, h, size, m, h, size)[:, node, :, :, node, :].reshape(h, m * size, -1)
    return np.asarray(np.sum(D * np.linalg.solve(blocks, D), axis=(1, 2)))


def _fitted_nodes(problem: Problem, parent: State, count: int, rng: np.random.Generator) -> list[State]:
    """Networks of one node, fitted to the parent's residual scaled to variance 1, the best first."""
    residual = parent.last.residual
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    alone = Problem(problem.design, residual / scale, 1, problem.smoothing, problem.kernels)
    level = problem.likelihood.level(parent.misfit)
    nodes = candidates(problem.design, residual, rng, problem.kernels)[: max(FITTED, 2 * count)]
    states = [alone.state([spread(problem.design, v[None])], level) for v in nodes]
    first = [minimise(alone, s, FIRST_FIT) for s in states if s is not None]
    best = sorted(first, key=_rss)[:count]
    second = [minimise(alone, f.state, SECOND_FIT, damping=f.damping, iteration=f.iteration) for f in best]
    return [f.state for f in sorted(second, key=_rss)]


def _rss(minimum: Minimum[State]) -> float:
    return minimum.state.misfit


def candidates(design: FirstLayer, residual: Array, rng: np.random.Generator, kernels: RowKernels) -> Array:
    """Nodes (count, r) along the residual (m, n), random or in between, those first that could explain most of it."""
    toward = project(design, residual[int(np.argmax(np.einsum("on,on->o", residual, residual)))])
    size = np.linalg.norm(toward)
    toward = toward / size if size > 0.0 else toward
    noise = noise_nodes(design, residual.shape[1], 2 * CANDIDATES, rng)
    noise[:CANDIDATES] += toward
    nodes = np.concatenate([noise, random_nodes(design, CANDIDATES, rng)])
    return nodes[np.argsort(-_explained(design, nodes, residual, kernels), kind="stable")]


def _explained(design: FirstLayer, V: Array, residual: Array, kernels: RowKernels) -> Array:
    """How much of the residual's sum of squares an edge from each node V (count, r) alone could explain, (count,).

    Looked at on at most SCREEN_ROWS rows.
    """
    stride = -(-residual.shape[1] // SCREEN_ROWS)
    z = np.concatenate([V @ q for q in design.basis], axis=1)[:, ::stride]
    low, width = safe_range(z.min(axis=1), z.max(axis=1))
    knots = HiddenKnots(uniform_knots(len(V), design.grid, design.k), design.k)
    rows = SplineRows.empty(len(V), design.grid, design.k, z.shape[1])
    unit = (z - low[:, None]) / width[:, None]
    kernels.splines(unit, knots.starts, knots.inverse_widths, knots.table, silu(z), rows)
    B = rows.design
    gram, right = B @ B.transpose(0, 2, 1), B @ residual[:, ::stride].T
    gram += SCREEN_RIDGE * B.shape[2] * np.eye(B.shape[1])
    return np.sum(right * np.linalg.solve(gram, right), axis=(1, 2))
