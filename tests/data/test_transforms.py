"""Scales and the way back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.changed import with_log_target
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
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


@given(VALUES, st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_a_held_out_target_is_judged_by_what_it_is(values: list[float], held_out: list[float]) -> None:
    """A feature is held to its training range; what a prediction is held against is not."""
    training = np.abs(values) + 1e-3
    scale = Transform.fit(training, "log", "y")
    np.testing.assert_allclose(scale.inverse(scale.of_target(held_out)), held_out)
    np.testing.assert_array_equal(scale.of_target(training), scale(training))
    assert scale.of_target([-1.0])[0] == scale([training.min()])[0]  # it has no logarithm
    for other in ("none", "rank"):
        scale = Transform.fit(training, other, "y")
        np.testing.assert_array_equal(scale.of_target(held_out), scale(held_out))


def test_the_test_rows_of_a_data_set_keep_their_targets() -> None:
    rows = pd.DataFrame({"x": np.arange(40.0), "y": np.exp(np.arange(40.0) / 8)})
    for seed in range(5):
        plain = Dataset.from_frame(rows, "y", seed=seed, preparation=Preparation(target_scale="none"))
        log = Dataset.from_frame(rows, "y", seed=seed, preparation=Preparation(target_scale="log"))
        np.testing.assert_allclose(log.target_transform.inverse(log.y_test), plain.y_test)
        np.testing.assert_allclose(with_log_target(plain).y_test, log.y_test)


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
