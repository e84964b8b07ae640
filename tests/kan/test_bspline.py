"""Splines against SciPy's, their derivatives against differences, and the identities they owe their name to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.special import expit

from kanlab.kan.bspline import (
    bspline_basis,
    bspline_derivative,
    interval_polynomials,
    knots_from_samples,
    silu,
    silu_derivative,
    unit_knots,
)

orders = st.integers(1, 3)
grids = st.integers(1, 8)
seeds = st.integers(0, 2**32 - 1)


def samples(seed: int, c: int = 2, n: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(c, n))


def inside(knots: np.ndarray, k: int, seed: int, n: int = 30) -> np.ndarray:
    low, high = knots[:, k], knots[:, -k - 1]
    return low[:, None] + (high - low)[:, None] * np.random.default_rng(seed).uniform(0.001, 0.999, (len(knots), n))


@given(seeds, grids, orders)
@settings(max_examples=40, deadline=None)
def test_agrees_with_scipy(seed, grid, k):
    knots = knots_from_samples(samples(seed), grid, k)
    x = inside(knots, k, seed)
    basis, slopes = bspline_basis(x, knots, k), bspline_derivative(x, knots, k)
    for c in range(len(knots)):
        for b in range(grid + k):
            reference = BSpline(knots[c], np.eye(grid + k)[b], k)
            np.testing.assert_allclose(basis[c, b], reference(x[c]), atol=1e-12)
            np.testing.assert_allclose(slopes[c, b], reference.derivative()(x[c]), rtol=1e-9, atol=1e-8)


@given(seeds, grids, orders)
@settings(max_examples=40, deadline=None)
def test_sums_to_one_on_the_samples_and_vanishes_beyond_the_knots(seed, grid, k):
    x = samples(seed)
    knots = knots_from_samples(x, grid, k)
    np.testing.assert_allclose(bspline_basis(x, knots, k).sum(axis=1), 1.0, atol=1e-12)
    beyond = np.stack([knots[:, 0] - 1.0, knots[:, -1] + 1.0], axis=1)
    assert not bspline_basis(beyond, knots, k).any()


@given(seeds, grids, orders)
@settings(max_examples=40, deadline=None)
def test_interval_polynomials_are_the_splines(seed, grid, k):
    knots = knots_from_samples(samples(seed), grid, k)
    x = inside(knots, k, seed)
    basis, table = bspline_basis(x, knots, k), interval_polynomials(knots, k)
    for c in range(len(knots)):
        q = np.searchsorted(knots[c, k + 1 : k + grid], x[c], side="right")
        u = (x[c] - knots[c, k + q]) / (knots[c, k + q + 1] - knots[c, k + q])
        for s in range(k + 1):
            value = sum(table[c, q, power, s] * u**power for power in range(k + 1))
            np.testing.assert_allclose(value, basis[c, q + s, np.arange(len(u))], atol=1e-12)


def test_knots_mix_quantiles_and_equal_spacing():
    x, ends = np.array([[0.0, 0.1, 0.2, 0.3, 1.0]]), [-0.54, -0.02, 1.02, 1.54]
    for mix, middle in ((1.0, 0.5), (0.0, 0.188), (0.5, 0.344)):
        np.testing.assert_allclose(unit_knots(x, 2, 1, mix, 0.02), [[*ends[:2], middle, *ends[2:]]])


def test_knots_of_tied_samples_are_distinct():
    knots = knots_from_samples(np.repeat([[0.0, 1.0]], 50, axis=1), 5, 3)
    assert (np.diff(knots) > 0).all()


def test_knots_of_a_constant_surround_it():
    knots = knots_from_samples(np.full((1, 9), 7.0), 3, 2)
    assert knots[0, 2] < 7.0 < knots[0, -3]
    np.testing.assert_allclose(bspline_basis(np.full((1, 9), 7.0), knots, 2).sum(axis=1), 1.0)


def test_a_spline_on_coinciding_knots_is_zero_not_nan():
    knots = np.array([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
    basis = bspline_basis(np.array([[0.0, 0.5]]), knots, 2)
    np.testing.assert_allclose(basis[0], [[1.0, 0.25], [0.0, 0.5], [0.0, 0.25]])


def test_silu_and_its_derivative():
    x = np.linspace(-8.0, 8.0, 101)
    np.testing.assert_allclose(silu(x), x * expit(x), rtol=1e-14)
    np.testing.assert_allclose(silu_derivative(x), (silu(x + 1e-6) - silu(x - 1e-6)) / 2e-6, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_silu_does_not_overflow():
    x = np.array([-1e4, 1e4])
    np.testing.assert_array_equal(silu(x), [0.0, 1e4])
    np.testing.assert_array_equal(silu_derivative(x), [0.0, 1.0])
