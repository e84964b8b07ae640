"""A network without the features that do nothing: backward elimination by the edges' own contribution.

Every feature costs neuron_num (G + k) parameters, whether its edges do anything or not. What a set of features does is the
rise of RSS, or of the deviance of classes, when their edges are held at their means; K falls with the set at once. So of the
nested sets, lowest contribution first, the one is left out whose AICc would be lowest if nothing else moved, and the cell is
fitted again on what is left, as long as AICc falls. That search among 2^d subsets fits noise as well: s of d features are
charged 2 ln C(d, s) on top, the code length of the choice (Foster & George 1994; Chen & Chen 2008, EBIC with gamma 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.kan.bspline import bspline_basis, silu
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FittedKan
from kanlab.stats.criteria import aicc_of, subset_charge
from kanlab.stats.likelihood import LIKELIHOODS, weighted_misfit

MOST_FITS = 6
WIDE = 1e9  # scaled units: the range of an input that does nothing, which no row leaves


def held_misfit(
    fitted: FittedKan, X: ArrayLike, y: ArrayLike, held: Sequence[int], weights: Array | None = None
) -> float:
    """RSS or deviance of a network on X (n, d), y (n,), classes by number, the edges of features `held` at their means."""
    return _Edges(fitted, X, y, weights).misfit(held)


class _Edges:
    """The output of every first-layer edge, (d, h, n), and the layers behind them."""

    def __init__(self, fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None) -> None:
        first, *self._behind = fitted.layers
        low, high = fitted.ranges[0].T
        x = np.clip((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale, low, high).T
        splines = np.einsum("ijb,ibn->ijn", first.coef, bspline_basis(x, first.knots, first.k))
        self._out = splines + first.scale_base[:, :, None] * silu(x)[:, None]
        self._ranges, self._output_range = fitted.ranges[1:], fitted.output_range
        self._scale, self._offset, self._likelihood = fitted.y_scale, fitted.y_offset, LIKELIHOODS[fitted.task]
        self._y, self._weights = np.asarray(y, dtype=float), weights

    def misfit(self, held: Sequence[int]) -> float:
        still = self._out[list(held)]
        z = self._out.sum(axis=0) - (still - still.mean(axis=2, keepdims=True)).sum(axis=0)
        for layer, held_to in zip(self._behind, self._ranges, strict=True):
            z = layer.evaluate(np.clip(z, held_to[:, :1], held_to[:, 1:]))
        z = np.clip(z, self._output_range[:, :1], self._output_range[:, 1:])
        predicted = self._likelihood.mean(z.T * self._scale + self._offset)
        predicted = predicted[:, 0] if predicted.shape[1] == 1 else predicted
        return weighted_misfit(self._likelihood, predicted, self._y, self._weights)

    def idle_first(self) -> list[int]:
        """Features by rising contribution."""
        return [int(i) for i in np.argsort([self.misfit([i]) for i in range(len(self._out))], kind="stable")]


@dataclass(frozen=True, eq=False)
class Reduction:
    """A network fitted to some features. kept: their columns.  aicc: the charge for their choice included.

    below: the lower neuron_nums it was fitted after, one started from the other.
    """

    kept: tuple[int, ...]
    network: FittedKan
    aicc: float
    below: tuple[int, ...] = ()

    @property
    def neuron_num(self) -> int:
        return self.network.spec.neuron_num


def reduced(
    full: FittedKan,
    X: ArrayLike,
    y: ArrayLike,
    fits: Callable[[tuple[int, ...], int], Sequence[FittedKan]],
    n_params: Callable[[Sequence[int], int], float],
    weights: Array | None = None,
) -> Reduction | None:
    """A network without the features that do nothing, where that lowers AICc; None where it does not.

    full: fitted to X (n, d), y (n,), classes by number.  fits: networks on some columns of X, of about so many hidden neurons
    in ascending order, of which the one of lowest AICc is taken: fewer features leave room for more neurons; none where these
    carry no network.
    n_params: K of (columns, neurons).  weights: (n,), of the fits.
    """
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    (n, d), likelihood = rows.shape, LIKELIHOODS[full.task]

    def scored(kept: tuple[int, ...], network: FittedKan, below: tuple[int, ...] = ()) -> Reduction:
        found = Reduction(kept, network, np.inf, below)
        misfit = network.rss_train if network.deviance_train is None else network.deviance_train
        value = aicc_of(likelihood.term(misfit, n), n, n_params(kept, found.neuron_num))
        return replace(found, aicc=value + subset_charge(d, len(kept)))

    best, found, most = scored(tuple(range(d)), full), None, d - 1
    for _ in range(MOST_FITS):
        drop = _idle(best, rows, target, most, n_params, weights)
        if not drop:
            break
        kept = tuple(c for c in best.kept if c not in drop)
        networks = fits(kept, best.neuron_num)
        nums = tuple(f.spec.neuron_num for f in networks)
        of_kept = [scored(kept, f, nums[:i]) for i, f in enumerate(networks)]
        tried = min(of_kept, key=lambda r: r.aicc, default=None)
        if tried is not None and tried.aicc < best.aicc:
            best = found = tried
            most = len(kept) - 1
        else:
            most = len(drop) // 2  # it was too much at once
    return found


def _idle(
    best: Reduction,
    X: Array,
    y: Array,
    most: int,
    n_params: Callable[[Sequence[int], int], float],
    weights: Array | None,
) -> tuple[int, ...]:
    """The columns to leave out next, at most so many, and of those kept at least one stays."""
    edges, likelihood = _Edges(best.network, X[:, best.kept], y, weights), LIKELIHOODS[best.network.task]
    order = edges.idle_first()

    def promised(count: int) -> float:
        left = [best.kept[i] for i in sorted(order[count:])]
        term = likelihood.term(edges.misfit(order[:count]), len(y))
        return aicc_of(term, len(y), n_params(left, best.neuron_num)) + subset_charge(X.shape[1], len(left))

    count = min(range(1, min(most, len(order) - 1) + 1), key=promised, default=0)
    return tuple(best.kept[i] for i in order[:count])


def widened(network: FittedKan, kept: Sequence[int], d: int) -> FittedKan:
    """The same network as one of d inputs, where the edges of all but the columns `kept` are 0."""
    spec, first, columns, shape = network.spec, network.layers[0], list(kept), network.shape
    if shape:
        zero = set(range(d)) - set(columns)
        shape = shape.moved(columns)
        shape = replace(shape, zero=tuple(sorted({*shape.zero, *zero})))

    def spread(values: Array, idle: float | Array) -> Array:
        out = np.empty((d, *values.shape[1:]))
        out[:] = idle
        out[columns] = values
        return out

    layer = KanLayer(
        spread(first.knots, np.linspace(-1.0, 1.0, first.knots.shape[1])),
        spread(first.coef, 0.0),
        spread(first.scale_base, 0.0),
    )
    return replace(
        network,
        spec=replace(spec, layer_widths=(d, *spec.layer_widths[1:])),
        layers=(layer, *network.layers[1:]),
        ranges=(spread(network.ranges[0], np.array([-WIDE, WIDE])), *network.ranges[1:]),
        x_offset=spread(network.x_offset, 0.0),
        x_scale=spread(network.x_scale, 1.0),
        shape=shape,
    )
