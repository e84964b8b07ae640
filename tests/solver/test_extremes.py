"""Whether edges go on straight beyond the training rows: the rows at the edge decide."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.solver.extremes import FEW_VALUES, REACH, edge_rows, reach
from kanlab.solver.fit import LmOptions, fit_cell

RNG = np.random.default_rng(3)
X = RNG.lognormal(0.0, 0.8, (150, 2))


@pytest.mark.parametrize(
    ("y", "expected"),
    [(2 * X[:, 0] - X[:, 1], REACH), (np.tanh(2 * X[:, 0]) + np.tanh(2 * X[:, 1]), 0.0)],
    ids=["a line", "saturating"],
)
def test_what_goes_on_and_what_does_not(y: np.ndarray, expected: float) -> None:
    target = y + 0.05 * RNG.normal(size=len(y))
    network = fit_cell(X, target, 1, 3, 3, options=LmOptions(kernels="numpy"))
    assert reach(network, X, target, 1000.0) == expected


def test_the_rows_at_the_edge() -> None:
    few = np.arange(len(X)) % FEW_VALUES
    twice = np.append(X[:, 0].copy()[1:], X[:, 0].max())  # its highest value may stand in two rows
    rows = edge_rows(np.column_stack([few, X[:, 1]]))
    assert set(rows) == {int(X[:, 1].argmin()), int(X[:, 1].argmax())}
    assert edge_rows(np.zeros((20, 2))) == []
    assert len(edge_rows(twice[:, None])) <= 2
