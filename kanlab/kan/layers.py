"""The edges between two layers: their values, their derivatives, and how they go on beyond their range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.kan.bspline import bspline_basis, bspline_derivative, silu, silu_derivative

RANGE_TOLERANCE = 1e-9  # of a range: a value this little outside of it is inside
STRETCH = 0.1  # of a range: the last part of it, whose slope an edge goes on with


@dataclass(frozen=True, eq=False)
class KanLayer:
    """The edges between two layers.

    knots: (n_in, grid + 2k + 1).  coef: (n_in, n_out, grid + k).  scale_base: (n_in, n_out).
    """

    knots: Array
    coef: Array
    scale_base: Array

    @property
    def k(self) -> int:
        """Spline order, as knots and coefficients imply it."""
        return self.knots.shape[1] - self.coef.shape[2] - 1

    @property
    def present(self) -> Mask:
        """(n_in, n_out), which edges there are: one that is gone is 0 everywhere."""
        return np.asarray(self.coef.any(axis=2) | (self.scale_base != 0.0))

    def evaluate(self, z: Array) -> Array:
        """Outputs (n_out, n) at inputs z (n_in, n), rows last."""
        basis = bspline_basis(z, self.knots, self.k)
        n_in, width, n = basis.shape
        # one matrix product over edges and splines at once: einsum of the same would not reach BLAS
        splines = self.coef.transpose(1, 0, 2).reshape(-1, n_in * width) @ basis.reshape(n_in * width, n)
        return splines + self.scale_base.T @ silu(z)

    def edges(self, z: Array) -> Array:
        """Every edge, (n_in, n_out, n), at inputs z (n_in, n)."""
        return edge_values(z, self.knots, self.coef, self.scale_base)

    def slopes(self, z: Array) -> Array:
        """Derivatives of every edge, (n_out, n_in, n), at inputs z (n_in, n)."""
        splines = np.einsum("ijb,ibn->jin", self.coef, bspline_derivative(z, self.knots, self.k))
        return splines + self.scale_base.T[:, :, None] * silu_derivative(z)


def evaluate(layers: tuple[KanLayer, ...], x: Array) -> Array:
    """Outputs (m, n) of a stack of layers at scaled inputs x (d, n); nothing is clipped."""
    for layer in layers:
        x = layer.evaluate(x)
    return x


def jacobian(layers: tuple[KanLayer, ...], x: Array) -> Array:
    """Derivatives (m, n_coefficients, n) of the outputs at x (d, n), with the knots held.

    Coefficients run layer by layer, in each first `coef` and then `scale_base`, both in C order.
    """
    inputs = [x]
    for layer in layers[:-1]:
        inputs.append(layer.evaluate(inputs[-1]))
    m, n = layers[-1].scale_base.shape[1], x.shape[1]
    # from the output back, for a network has few outputs and many coefficients
    back = np.broadcast_to(np.eye(m)[:, :, None], (m, m, n))  # d output / d z' of the layer at hand
    blocks: list[Array] = []
    for layer, z in zip(reversed(layers), reversed(inputs), strict=True):
        basis = bspline_basis(z, layer.knots, layer.k)
        by_coef = np.einsum("ojn,ibn->oijbn", back, basis).reshape(m, -1, n)
        by_base = np.einsum("ojn,in->oijn", back, silu(z)).reshape(m, -1, n)
        blocks.insert(0, np.concatenate([by_coef, by_base], axis=1))
        back = np.einsum("ojn,jin->oin", back, layer.slopes(z))
    return np.concatenate(blocks, axis=1)


def held(z: Array, bounds: Array) -> tuple[Array, Mask]:
    """Values z (c, n) held to bounds (c, 2), and (n,) True where one lay outside."""
    low, high = bounds[:, :1], bounds[:, 1:]
    # a range without a margin ends at a training row, whose value may come back with other last bits: no extrapolation
    slack = RANGE_TOLERANCE * np.maximum(high - low, np.maximum(1.0, np.abs(low)))
    return np.clip(z, low, high), np.asarray(((z < low - slack) | (z > high + slack)).any(axis=0))


def edge_values(z: Array, knots: Array, coef: Array, scale_base: Array) -> Array:
    """Every edge of a layer, (n_in, n_out, n), at inputs z (n_in, n); their sum over n_in is what the layer puts out."""
    splines = np.einsum("ijb,ibn->ijn", coef, bspline_basis(z, knots, knots.shape[1] - coef.shape[2] - 1))
    return splines + scale_base[:, :, None] * silu(z)[:, None, :]


def continuation(
    z: Array, bounds: Array, reach: float, knots: Array, coef: Array, scale_base: Array, part: float = STRETCH
) -> Array:
    """What the straight lines beyond the bounds (n_in, 2) of a layer add, (n_out, n), to its outputs at inputs z held to them.

    z: (n_in, n), as they came.  reach: how far the lines go, as a share of the range.  part: of the range, whose slope they
    have.
    """
    low, high = bounds[:, :1], bounds[:, 1:]
    edge, width = np.clip(z, low, high), high - low
    beyond = np.clip(z - edge, -reach * width, reach * width)
    stretch = np.sign(beyond) * part * width
    rise = edge_values(edge, knots, coef, scale_base) - edge_values(edge - stretch, knots, coef, scale_base)
    times = np.divide(beyond, stretch, out=np.zeros_like(beyond), where=stretch != 0.0)
    return np.asarray(np.einsum("ijn,in->jn", rise, times))
