r"""A first layer some of whose edges are gone: the nodes that are left are those an orthonormal basis of the rest can make.

Node j is z_j = Q v_j (kanlab.solver.first_layer). Without the edges from some inputs it is a function of the columns C_j of
the design that belong to the others, A C_j w, so v_j = F_j w with F_j = Q'A C_j. With the singular value decomposition of
F_j, its columns scaled,

    F_j D = U S V',      v_j = U_r u,      w = D V_r S_r^-1 u,      projector T_j = U_r U_r'

where r counts the singular values that are no rounding. A step whose derivatives are multiplied by T_j stays among these
nodes, so the minimisation and the smoother of a fit are those of all edges, with T_j J_j in the place of J_j
(kanlab.solver.stack).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array, Index, Mask
from kanlab.solver.first_layer import RANK_TOLERANCE, FirstLayer


@dataclass(frozen=True, eq=False)
class SparseFirstLayer(FirstLayer):
    """The first layer of nodes that have some edges alone.

    kept: (d, h), which edges there are.  onto: (h, r, r), `projectors`.  by_node: (h, d (grid + k + 1), r), w of v.
    """

    kept: Mask
    onto: Array
    by_node: Array

    @property
    def projectors(self) -> Array:
        return self.onto

    def to_coef_of(self, node: int) -> Array:
        return np.asarray(self.by_node[node])

    def edges(self, v: Array) -> tuple[Array, Array]:
        d, size = len(self.knots), self.grid + self.k
        w = np.einsum("jcr,jr->cj", self.by_node, v)
        return w[: d * size].reshape(d, size, -1).transpose(0, 2, 1), w[d * size :]


def sparse_first_layer(design: FirstLayer, kept: Mask) -> SparseFirstLayer:
    """The first layer of a design with the edges `kept` (d, h), at least one of each node."""
    size, rank = design.grid + design.k, design.rank
    columns = np.concatenate([np.repeat(kept, size, axis=0), kept])  # (d (grid + k + 1), h), splines first, then silu
    projectors, by_node = np.empty((kept.shape[1], rank, rank)), np.zeros((kept.shape[1], len(columns), rank))
    for j, of_node in enumerate(columns.T):
        at: Index = np.flatnonzero(of_node)
        basis, to_coef = _range_of(design.from_coef[:, at])
        projectors[j] = basis @ basis.T
        by_node[j, at] = to_coef @ basis.T
    return SparseFirstLayer(
        design.grid, design.k, design.knots, design.basis, design.to_coef, design.from_coef, design.roughness,
        kept, projectors, by_node,
    )  # fmt: skip


def _range_of(F: Array) -> tuple[Array, Array]:
    """U (r, q), orthonormal, of the range of F (r, c), and C (c, q) with F C = U."""
    norm = np.linalg.norm(F, axis=0)
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 1e-12 * norm.max(initial=0.0))
    U, S, V = np.linalg.svd(F * inverse, full_matrices=False)
    told = RANK_TOLERANCE * S.max(initial=0.0) < S
    return U[:, told], inverse[:, None] * V[told].T / S[told]
