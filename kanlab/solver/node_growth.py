"""New nodes for a network that has some: where they come from, and which of the old ones they may replace.

A new node has to explain what the network leaves over. That alone is a small problem, the fit of a network of one node to
the residual, hundreds of times cheaper than an iteration of the whole. So many candidates are looked at, the best
are fitted for a few iterations, and only what comes out of that is put into the network. An exchange takes the node the
network would miss least out again and grows another in its place: with the rest at hand, a step out of a local minimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from kanlab.kan.bspline import HiddenKnots, safe_range, silu, uniform_knots
from kanlab.solver.first_layer import FirstLayer
from kanlab.solver.kernels import RowKernels, SplineRows
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, minimise
from kanlab.solver.problem import CellProblem, CellState

Array = NDArray[np.float64]

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
    low = np.min([(V @ q).min(axis=1) for q in design.basis], axis=0)
    high = np.max([(V @ q).max(axis=1) for q in design.basis], axis=0)
    return V * (2.0 / safe_range(low, high)[1])[:, None]


def project(design: FirstLayer, values: Array) -> Array:
    """The node (r,) nearest to values (n,) in least squares, the additive fit of them; or nodes (count, r) of (count, n)."""
    ends = np.cumsum([q.shape[1] for q in design.basis])[:-1]
    return np.asarray(sum(part @ q.T for part, q in zip(np.split(values, ends, axis=-1), design.basis, strict=True)))


def noise_nodes(design: FirstLayer, n: int, count: int, rng: np.random.Generator) -> Array:
    """Random nodes (count, r) of norm about 1 with no regard to smoothness: white noise on the rows, fitted."""
    return project(design, rng.normal(size=(count, n))) / np.sqrt(design.rank)


def grown_starts(problem: CellProblem, parent: CellState, count: int, rng: np.random.Generator) -> list[CellState]:
    """Starts, at most `count`: a parent with fewer nodes, and a node grown on its residual, another one in each.

    Where more than one node is missing the others are random.
    """
    design, missing = problem.design, problem.neuron_num - len(parent.V)
    starts = []
    for node in _fitted_nodes(problem, parent, count, rng):
        others = spread(design, random_nodes(design, missing - 1, rng))
        knots = [parent.knots.knots, node.knots.knots, uniform_knots(missing - 1, design.grid, design.k)]
        V = np.concatenate([parent.V, node.V, others])
        starts.append(problem.state(V, problem.level_of(parent.misfit), HiddenKnots(np.concatenate(knots), design.k)))
    return [s for s in starts if s is not None]


def exchanged(problem: CellProblem, state: CellState, rng: np.random.Generator) -> CellState | None:
    """The state with a node it would miss little replaced by one grown on the residual of the others.

    The one it would miss least with a probability of a half, else the next with a half, and so on. Always the same one would
    end the search where its successor is no better.
    """
    order = np.argsort(_missed(state), kind="stable")
    kept = np.arange(len(order)) != order[min(rng.geometric(LEAST_MISSED), len(order)) - 1]
    others = problem.with_nodes(len(state.V) - 1)
    smaller = others.state(state.V[kept], state.level, HiddenKnots(state.knots.knots[kept], problem.design.k))
    if smaller is None:
        return None
    return next(iter(grown_starts(problem, smaller, 1, rng)), None)


def _missed(state: CellState) -> Array:
    """How much each node (h,) is missed: with A the second-layer system, forcing its coefficients D_j to 0 and solving for
    the others raises the objective by tr D_j' [(A^-1)_jj]^-1 D_j.
    """
    h = len(state.V)
    lower = np.tril(lapack.dpotri(state.factor, lower=1)[0])
    inverse = lower + np.tril(lower, -1).T
    D = state.D.reshape(h, -1, state.D.shape[1])
    size = D.shape[1]
    blocks = inverse.reshape(h, size, h, size)[np.arange(h), :, np.arange(h), :]
    return np.asarray(np.sum(D * np.linalg.solve(blocks, D), axis=(1, 2)))


def promising_node(design: FirstLayer, residual: Array, rng: np.random.Generator, kernels: RowKernels) -> Array:
    """Of some nodes (r,) the one whose splines could explain most of the residual (m, n)."""
    return _candidates(design, residual, rng, kernels)[0]


def _fitted_nodes(problem: CellProblem, parent: CellState, count: int, rng: np.random.Generator) -> list[CellState]:
    """Networks of one node, fitted to the parent's residual scaled to variance 1, the best first."""
    residual = parent.residual
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    alone = CellProblem(problem.design, residual / scale, 1, problem.smoothing, problem.kernels)
    level = problem.level_of(parent.misfit)
    candidates = _candidates(problem.design, residual, rng, problem.kernels)[: max(FITTED, 2 * count)]
    states = [alone.state(spread(problem.design, v[None]), level) for v in candidates]
    first = [minimise(alone, s, FIRST_FIT) for s in states if s is not None]
    best = sorted(first, key=_rss)[:count]
    second = [minimise(alone, f.state, SECOND_FIT, damping=f.damping, iteration=f.iteration) for f in best]
    return [f.state for f in sorted(second, key=_rss)]


def _rss(minimum: Minimum[CellState]) -> float:
    return minimum.state.misfit


def _candidates(design: FirstLayer, residual: Array, rng: np.random.Generator, kernels: RowKernels) -> Array:
    """Nodes (count, r) along the residual (m, n), random or in between, those first that could explain most of it."""
    toward = project(design, residual[int(np.argmax(np.einsum("on,on->o", residual, residual)))])
    size = np.linalg.norm(toward)
    toward = toward / size if size > 0.0 else toward
    noise = noise_nodes(design, residual.shape[1], 2 * CANDIDATES, rng)
    noise[:CANDIDATES] += toward
    candidates = np.concatenate([noise, random_nodes(design, CANDIDATES, rng)])
    return candidates[np.argsort(-_explained(design, candidates, residual, kernels), kind="stable")]


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
