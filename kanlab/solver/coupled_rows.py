r"""Products of the derivatives of coupled outputs with their weights, class by class.

Notation, beside that of kanlab.solver.stack and kanlab.solver.multinomial

    J_o (p, n)      derivatives of output o;    K_k = sum_o C_ok J_o, those of the logit of class k
    q_k = p_k + 2 pull

Sums over the m^2 pairs of outputs are sums over the c classes, for as C C' = 1 / 2 in every row W = C (diag q - p p') C':

    sum_oq J_o W_oq J_q'         = sum_k K_k diag(q_k) K_k'  -  M M',                    M = sum_k K_k diag(p_k)
    sum_o J_o W_oq P'  (p, p2)   = sum_k C_qk K_k diag(q_k) P'  -  M diag((C p)_q) P'
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.arrays import Array
from kanlab.solver.likelihoods import accumulate
from kanlab.solver.multinomial import Multinomial
from kanlab.solver.stack import Stack, State, View


class CoupledRows:
    """The sums over rows, added block by block.

    hessian: (p, p) of J W J'.  cross: (p, m p2) of J W P', output by output.
    """

    def __init__(self, size: int, outputs: int, width: int) -> None:
        self.hessian, self._work = np.empty((size, size)), np.empty((size, size))
        self._by_class, self._class_work = np.empty((outputs + 1, size, width)), np.empty((size, width))
        self._cross, self._cross_work = np.empty((size, outputs * width)), np.empty((size, outputs * width))
        self._contrasts = np.empty((outputs, outputs + 1))

    def add(
        self,
        stack: Stack,
        state: State,
        view: View,
        P: Array,
        extremes: Sequence[Array],
        likelihood: Multinomial,
        block: slice,
    ) -> None:
        """The rows of a block, the first of which starts the sums."""
        first = block.start == 0
        C, p = likelihood.classes(state.last.outputs[:, block])
        root = np.sqrt(p + 2.0 * likelihood.pull)
        tops = [(C.T @ of.reshape(len(C), -1)).reshape(-1, *of.shape[1:]) for of in (view.slopes[-1], view.splines[-1])]
        for k, (weight, slope, spline) in enumerate(zip(root, *tops, strict=True)):
            J = stack.derivatives(state, view, weight * slope, weight * spline, extremes)
            accumulate(J, J.T, self.hessian, self._work, first=first and k == 0)
            accumulate(J, (weight * P).T, self._by_class[k], self._class_work, first=first)
        slope, spline = (np.einsum("kn,kjn->jn", p, of) for of in tops)
        J = stack.derivatives(state, view, slope, spline, extremes)
        self.hessian -= np.matmul(J, J.T, out=self._work)
        accumulate(J, ((C @ p)[:, None] * P).reshape(-1, P.shape[1]).T, self._cross, self._cross_work, first=first)
        self._contrasts = C

    @property
    def cross(self) -> Array:
        _, size, width = self._by_class.shape
        by_output = self._contrasts @ self._by_class.reshape(len(self._by_class), -1)
        return np.asarray(by_output.reshape(-1, size, width).transpose(1, 0, 2).reshape(size, -1) - self._cross)
