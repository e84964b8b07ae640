"""Shares of several models: against least squares that may not be negative, and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from kanlab.stats.stacking import LEAST_SHARE, stacking_shares


def models(seed: int, n: int, m: int) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    y = 100 + 7 * rng.normal(size=n)
    return [y + rng.uniform(0.5, 4) * rng.normal(size=n) + rng.normal() for _ in range(m)], y


def rss(shares: np.ndarray, predictions: list[np.ndarray], y: np.ndarray) -> float:
    return float(np.sum((np.tensordot(shares, np.stack(predictions), axes=1) - y) ** 2))


@given(st.integers(0, 1000), st.sampled_from([15, 60, 300]), st.integers(1, 5))
def test_least_squares_that_may_not_be_negative(seed: int, n: int, m: int) -> None:
    predictions, y = models(seed, n, m)
    found = stacking_shares(predictions, y)
    assert found.sum() == pytest.approx(1.0, abs=1e-9)
    assert ((found == 0) | (found >= LEAST_SHARE - 1e-3)).all()
    kept = [p for p, share in zip(predictions, found, strict=True) if share]
    heavy = 1e7  # holds the sum of the shares
    wanted, _ = nnls(np.vstack([np.column_stack(kept), np.full(len(kept), heavy)]), np.append(y, heavy))
    np.testing.assert_allclose(found[found > 0], wanted, atol=2e-3)
    assert rss(found, predictions, y) <= min(rss(np.eye(m)[i], predictions, y) for i in range(m)) * (1 + 1e-6)


def test_the_order_of_the_models_is_no_matter() -> None:
    predictions, y = models(3, 80, 4)
    one, two = stacking_shares(predictions, y), stacking_shares(predictions[::-1], y)
    np.testing.assert_allclose(one, two[::-1], atol=1e-3)


def test_a_model_that_is_right_takes_all() -> None:
    predictions, y = models(5, 40, 3)
    assert stacking_shares([*predictions, y], y).tolist() == [0, 0, 0, 1]
    assert stacking_shares([y], y).tolist() == [1.0]


def test_other_losses() -> None:
    """Log-loss of probabilities of three classes, against a search on a fine grid."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    first, second = (rng.dirichlet(np.ones(3), 200) + strength * np.eye(3)[y] for strength in (0.8, 0.5))
    first, second = first / first.sum(axis=1, keepdims=True), second / second.sum(axis=1, keepdims=True)

    def losses(p: np.ndarray, target: np.ndarray) -> np.ndarray:
        return -np.log(p[np.arange(len(p)), target])

    grid = np.linspace(0, 1, 2001)
    best = grid[np.argmin([losses(w * first + (1 - w) * second, y).sum() for w in grid])]
    assert stacking_shares([first, second], y, losses)[0] == pytest.approx(best, abs=2e-3)
