"""Scales and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from tests.helpers.sentences import refused

VALUES = st.lists(st.floats(0, 1e6).map(lambda v: round(v, 3)), min_size=2, max_size=50, unique=True)


@given(VALUES, st.sampled_from(["none", "log", "rank"]))
def test_there_and_back(values: list[float], scale: str) -> None:
    transform = Transform.fit(values, scale, "x")
    back = transform.inverse(transform(values))
    np.testing.assert_allclose(back, values, rtol=1e-9, atol=1e-9 * max(values))
    assert (np.diff(transform(np.sort(values))) > 0).all()
    assert Transform.from_dict(vars(transform)) == transform


def test_logarithm() -> None:
    np.testing.assert_allclose(Transform.fit([1, np.e], "log", "x")([1, np.e, np.nan]), [0, 1, np.nan])
    shifted = Transform.fit([0, 2, 4], "log", "x")
    assert shifted.shift == 2
    assert shifted.label("x") == "log(x + 2)"
    np.testing.assert_allclose(shifted([0, -5]), np.log([2, 2]))  # below the training range: its least value


def test_rank() -> None:
    transform = Transform.fit([1, 2, 3, 100, 10_000], "rank", "x")
    np.testing.assert_allclose(transform([1, 3, 10_000, 1e9, -1, np.nan]), [0, 0.5, 1, 1, 0, np.nan])
    np.testing.assert_allclose(transform.inverse([0.5, 2.0, np.nan]), [3, 10_000, np.nan])
    assert transform.label("x") == "rank(x)"


@pytest.mark.parametrize(
    ("values", "scale", "part"), [([-1, 2], "log", "below 0"), ([0, 0], "log", "zeros only"), ([1], "root", "no scale")]
)
def test_refusals(values: list[float], scale: str, part: str) -> None:
    with refused(DatasetError, part):
        Transform.fit(values, scale, "some column")
