r"""A sampler that learns where AICc is low: a Gaussian process over the configurations, and expected improvement.

After a few configurations chosen beforehand each next one is where the improvement over the lowest value so far is expected
to be largest (Jones, Schonlau & Welch, J. Global Optim. 13, 1998),

    EI = s [u Phi(u) + phi(u)],    u = (lowest - m) / s,

with m and s the mean and standard deviation of a Gaussian process with a Matern 5/2 kernel, whose length scales are those of
a few with the highest likelihood times a log-normal prior. A search has hundreds of configurations, or some thousands, so all
are looked at. neuron_num and grid count by their logarithms: from 1 to 2 nodes much changes, from 9 to 10 little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.search_space import Cell

# Of the range of each parameter: the first configurations, small and spread, for those are the cheap ones and often the best
BEGIN = ((0.0, 0.3, 0.5), (0.5, 0.3, 0.5), (0.3, 0.1, 1.0), (0.3, 0.6, 0.0))
LENGTHS = (0.3, 0.6, 1.2)  # of the range
K_LENGTHS = (0.5, 1.0, 2.0)
USUAL, PULL = 0.6, 0.2  # the prior of length scales
NOISE = 1e-2  # variance of what a fit's starts decide, for values of variance 1


def places(cells: Sequence[Cell], ranges: Mapping[str, tuple[int, int]]) -> Array:
    """Cells as points of the unit cube, (cells, parameters)."""
    columns = []
    for name, (low, high) in ranges.items():
        values = np.array([getattr(cell, name) for cell in cells], dtype=float)
        if name in ("neuron_num", "grid"):
            columns.append(np.log(values / low) / np.log(high / low) if high > low else np.zeros(len(values)))
        else:
            columns.append((values - low) / max(1, high - low))
    return np.stack(columns, axis=1)


def next_cell(open_cells: Sequence[Cell], known: Mapping[Cell, float], ranges: Mapping[str, tuple[int, int]]) -> Cell:
    """The cell to look at next. known: what is to be low, by cell; inf of those that failed.  ranges: of the parameters.

    >>> cells = [Cell(h, g, 3) for h in (1, 2, 3) for g in (2, 3)]
    >>> next_cell(cells, {}, {"neuron_num": (1, 3), "grid": (2, 3), "k": (3, 3)})
    Cell(neuron_num=1, grid=2, k=3, depth=1, multiplication=0)
    """
    points = places(open_cells, ranges)
    if len(known) < len(BEGIN):
        wanted = np.zeros(points.shape[1])  # of further parameters the lowest value
        begin = BEGIN[len(known)][: points.shape[1]]
        wanted[: len(begin)] = begin
        return open_cells[int(np.argmin(((points - wanted) ** 2).sum(axis=1)))]
    seen, finite = places(list(known), ranges), [v for v in known.values() if np.isfinite(v)]
    if len(finite) < 2:  # as far as may be from those looked at
        return open_cells[int(np.argmax(((points[:, None] - seen[None]) ** 2).sum(axis=2).min(axis=1)))]
    values = np.array([v if np.isfinite(v) else max(finite) for v in known.values()])
    return open_cells[int(np.argmax(expected_improvement(seen, values, points)))]


def expected_improvement(seen: Array, values: Array, points: Array) -> Array:
    """EI (k,) at points (k, p) of values (n,) seen at places (n, p), in standard deviations of their logarithms."""
    from scipy.linalg import cho_solve, cholesky, solve_triangular  # what starts a study waits for no SciPy
    from scipy.special import ndtr

    lowest = values.min()
    # what is far above the lowest tells little of where that is
    scale = np.log(values - lowest + 1.0 + 0.02 * (np.median(values) - lowest))
    z = (scale - scale.mean()) / (scale.std() or 1.0)
    best = None
    for lengths in product(*[LENGTHS] * min(2, seen.shape[1]), *[K_LENGTHS] * max(0, seen.shape[1] - 2)):
        factor = cholesky(_matern(seen, seen, np.array(lengths)) + NOISE * np.eye(len(seen)), lower=True)
        weights = cho_solve((factor, True), z)
        prior = PULL * float(np.sum(np.log(np.array(lengths) / USUAL) ** 2))
        likelihood = -0.5 * z @ weights - np.log(factor.diagonal()).sum() - prior
        if best is None or likelihood > best[0]:
            best = (likelihood, np.array(lengths), factor, weights)
    assert best is not None
    _, chosen, factor, weights = best
    cross = _matern(points, seen, chosen)
    spread = np.sqrt(np.maximum(1.0 - (solve_triangular(factor, cross.T, lower=True) ** 2).sum(axis=0), 1e-12))
    u = (z.min() - cross @ weights) / spread
    return np.asarray(spread * (u * ndtr(u) + np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)))


def _matern(one: Array, other: Array, lengths: Array) -> Array:
    """Matern 5/2 of points (n, p) and (m, p)."""
    s = np.sqrt(5.0) * np.sqrt((((one[:, None] - other[None]) / lengths) ** 2).sum(axis=2))
    return np.asarray((1.0 + s + s * s / 3.0) * np.exp(-s))
