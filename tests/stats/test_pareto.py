"""The front against its definition, pair by pair, and knees of fronts whose knee is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.stats.pareto import knee, non_dominated

few_values = st.integers(0, 5).map(float)  # so that ties and duplicates abound
coordinates = few_values | st.floats(-1e6, 1e6) | st.sampled_from([math.inf, -math.inf, math.nan])
points = st.lists(st.tuples(coordinates, coordinates), max_size=25)


def by_definition(cloud: list[tuple[float, float]]) -> list[bool]:
    finite = [p for p in cloud if all(map(math.isfinite, p))]

    def dominated(p: tuple[float, float]) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in finite)

    return [all(map(math.isfinite, p)) and not dominated(p) for p in cloud]


@given(points)
def test_the_front_is_what_the_definition_says(cloud: list[tuple[float, float]]) -> None:
    a, b = [p[0] for p in cloud], [p[1] for p in cloud]
    assert non_dominated(a, b).tolist() == by_definition(cloud)
    assert non_dominated(b, a).tolist() == by_definition(cloud)


@given(points, st.integers(0, 10**6))
def test_the_front_does_not_depend_on_the_order(cloud: list[tuple[float, float]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(cloud))
    a, b = np.array([p[0] for p in cloud]), np.array([p[1] for p in cloud])
    assert (non_dominated(a[order], b[order]) == non_dominated(a, b)[order]).all()


def test_small_clouds() -> None:
    assert non_dominated([], []).tolist() == []
    assert non_dominated([1], [1]).tolist() == [True]
    assert non_dominated([1, 1, 2, 2], [3, 3, 3, 1]).tolist() == [True, True, False, True]
    assert non_dominated([1, 2, math.nan], [math.inf, 5, 0]).tolist() == [False, True, False]


def test_knee_of_an_elbow() -> None:
    assert knee([0, 1, 2, 3, 4], [10, 9, 1, 0.5, 0]) == 2
    assert knee([4, 3, 2, 1, 0], [0, 0.5, 1, 9, 10]) == 2


def test_knee_of_the_hyperbola_is_where_its_slope_is_that_of_the_chord() -> None:
    x = np.linspace(1, 9, 801)
    assert x[knee(x, 9 / x)] == pytest.approx(3)  # slope -9/x^2 = -1, the chord from (1, 9) to (9, 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=20, unique=True))
def test_knee_is_farthest_below_the_chord_in_any_units(cloud: list[tuple[int, int]]) -> None:
    x, y = np.array(cloud, dtype=float).T
    found = knee(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert found is None
        return
    assert found is not None
    height = [(p - x.min()) / np.ptp(x) + (q - y.min()) / np.ptp(y) for p, q in zip(x, y, strict=True)]
    assert height[found] == pytest.approx(min(height))
    again = knee(8 * x - 3, 0.25 * y + 7)  # powers of two: no rounding
    assert again is not None
    assert height[again] == pytest.approx(min(height))


def test_no_knee_in_a_line_or_a_pair() -> None:
    assert knee([1, 2], [2, 1]) is None
    assert knee([], []) is None
    assert knee([1, 1, 1], [1, 2, 3]) is None
    assert knee([1, 2, 3], [1, 1, 1]) is None
