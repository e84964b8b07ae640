r"""Multiplication nodes z = a(x) b(x) inside the solver (kanlab.kan.multiplication has them in a network).

A multiplication node is two rows of the hidden layer, its factors a and b. Factors come first, pair by pair, then the nodes
that add up. What leaves the node is a line,

    out_o = ... + s_o a b

so that it costs few parameters, and what a curve of a product of one sign would say, a curve of a sum can say. The node has
one row in the last layer's design P, a b, whose derivatives are s b by a and s a by b: there are no knots, and nothing moves
with a range. It stands at the first place of the block that the splines of `a` would have. The other rows of the two blocks
are 0, and penalised so that their coefficients are 0 too. Where all nodes are products, a second place holds the constant that
the splines of a sum would bring. All else (variable projection, the roughness of the edges into a node against its range,
damping, likelihoods) is as for any node.

Means. s a (b + c) is s a b and, besides, s c a, which another node may take back: large terms that cancel where there are
rows, and nowhere else. So the mean of a factor counts as roughness, in units of its range (`OFF_CENTRE`).

Two products may grow without end and cancel (tensors of rank 2 near one of rank 3; de Silva & Lim, SIAM J. Matrix Anal. Appl.
30, 2008), so a network has one.

Scales. a and b are found up to a factor between them, and s up to that of a b. The roughness penalty is of each factor in
units of its own range and does not see them.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array, Mask

HELD_AT_0 = 1.0  # the penalty of what is no coefficient, at level 1


class Products:
    """`count` multiplication nodes among `nodes` rows of a hidden layer: the first 2 count rows."""

    def __init__(self, count: int, nodes: int) -> None:
        self.count, self.rows = count, slice(0, 2 * count)
        self.a, self.b = np.arange(0, 2 * count, 2), np.arange(1, 2 * count, 2)
        self.alone = 0 < 2 * count == nodes  # no sum brings a constant along

    def put(self, design: Array, Z: Array) -> None:
        """Put products in the place of splines in a design (h, p/h, rows) of nodes Z (h, rows)."""
        if self.count:
            design[self.rows] = 0.0
            design[self.a, 0] = Z[self.a] * Z[self.b]
            if self.alone:
                design[0, 1] = 1.0

    def put_slopes(self, coef: Array, Z: Array, slope: Array, spline: Array) -> None:
        """Put derivatives by the factors in the place of those of edges. coef: (h, p/h, m).  slope, spline: (m, h, rows)."""
        if self.count:
            s = coef[self.a, 0].T[:, :, None]
            spline[:, self.rows] = 0.0
            slope[:, self.a], slope[:, self.b] = s * Z[self.b], s * Z[self.a]

    def penalised(self, penalty: Array, size: int) -> Array:
        """The penalty (p, p) of D, `size` rows a node: what leaves a product is free, what is no coefficient is held at 0."""
        if self.count:
            end = 2 * self.count * size
            held = np.full((2 * self.count, size), HELD_AT_0)
            held[self.a, 0] = 0.0
            if self.alone:
                held[0, 1] = 0.0
            penalty[:end, :end] = np.diag(held.ravel())
        return penalty

    def leaving(self, D: Array, size: int) -> tuple[Array, Array]:
        """s (count, m) and the constants (m,) of D (p, m), `size` rows a node."""
        by_node = D.reshape(-1, size, D.shape[1])
        return by_node[self.a, 0], by_node[0, 1] if self.alone else np.zeros(D.shape[1])

    def put_leaving(self, D: Array, size: int, s: Array, constant: Array) -> Array:
        """D (p, m) with s and constants in their places: the inverse of `leaving`."""
        by_node = D.reshape(-1, size, D.shape[1]).copy()
        by_node[self.rows] = 0.0
        by_node[self.a, 0] = s
        if self.alone:
            by_node[0, 1] = constant
        return np.asarray(by_node.reshape(D.shape))

    def turned(self, Z: Array) -> Array:
        """Nodes (h, rows) with u = a + b and v = a - b in the places of factors a, b."""
        if not self.count:
            return Z
        out = Z.copy()
        out[self.a], out[self.b] = Z[self.a] + Z[self.b], Z[self.a] - Z[self.b]
        return out

    def returned(self, Z: Array) -> Array:
        """The inverse of `turned`."""
        if not self.count:
            return Z
        out = self.turned(Z)
        out[self.rows] /= 2.0
        return out

    def moved(self, by: Array, Z: Array, free: Mask) -> Array:
        """Derivatives (count, rows) of the products a b, whose factors move by (h, rows); Z and free as of `slopes`."""
        turned, by_turned = self.turned(Z), np.where(free, self.turned(by), 0.0)
        return np.asarray((turned * by_turned)[self.a] - (turned * by_turned)[self.b]) / 2.0

    def slopes(self, received: Array, Z: Array, free: Mask) -> Array:
        """Derivatives (2 count, rows) by a and b of s a b, whose sum u and difference v move where they are `free` (h, rows).

        received: (h, p/h, rows), s at the first place of `a`.  Z: (h, rows), factors whose u and v are held.
        """
        out = np.zeros((2 * self.count, Z.shape[1]))
        if self.count:
            s, turned = received[self.a, 0] / 2.0, self.turned(Z)
            by_u, by_v = s * np.where(free, turned, 0.0)[self.a], -s * np.where(free, turned, 0.0)[self.b]
            out[self.a], out[self.b] = by_u + by_v, by_u - by_v
        return out
