"""Networks that depart from all others between the training rows are not recommended to be read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.data.dataset import Dataset
from kanlab.execution.nearness import FAR, TIMES, Nearness, mixed_rows
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell
from kanlab.solver.fit import fit_cell

CELLS = [Cell(1, grid, 3) for grid in (2, 3, 4, 5)]


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 120))
    kind = rng.choice(["u", "v", "w"], 120)
    y = np.sin(2 * a) + b**2 + (kind == "v") + 0.1 * rng.normal(size=120)
    return Dataset.from_frame(pd.DataFrame({"a": a, "b": b, "kind": kind, "y": y}), "y", test_fraction=0)


@pytest.fixture(scope="module")
def networks(data: Dataset) -> list[FittedKan]:
    return [fit_cell(data.X_train, data.y_train, *cell[:3]) for cell in CELLS]


def test_a_mixed_row_is_a_training_row_with_one_feature_of_another(data: Dataset) -> None:
    rows = mixed_rows(data, 400)
    assert rows.shape == (400, data.d)
    sources = np.array([c.source for c in data.recipe.columns])
    known = {tuple(row) for row in data.X_train}
    new = 0
    for row in rows:
        assert row[sources == "kind"].sum() <= 1.0  # a category stays one of its levels
        others = [np.all(data.X_train[:, sources != s] == row[sources != s], axis=1).any() for s in set(sources)]
        assert any(others)
        new += tuple(row) not in known
    assert new > 200
    np.testing.assert_array_equal(rows, mixed_rows(data, 400))


def test_distances_are_those_of_the_predictions(data: Dataset, networks: list[FittedKan]) -> None:
    near = Nearness.of(data, networks)
    assert near is not None
    at = np.array([n.predict(data.X_train) for n in networks])
    between = np.array([n.predict(mixed_rows(data)) for n in networks])
    unit = np.ptp(np.median(at, axis=0))
    np.testing.assert_allclose(near.apart, np.sqrt(np.mean((at - at.mean(axis=0)) ** 2, axis=1)) / unit)
    gap = np.abs(between - np.median(between, axis=0)).max(axis=1)
    np.testing.assert_allclose(near.furthest, gap / unit)
    assert not any(map(near.is_wild, near.furthest))
    assert near.told(0) == {"apart": near.apart[0]}
    assert near.told_of(networks[0], range(data.d)) == {}


class Departing:
    """A network that says the same of every training row, and something else of some others."""

    def __init__(self, network: FittedKan, data: Dataset) -> None:
        self._network, self._rows, self._by = network, data.X_train, 3.0 * np.ptp(network.predict(data.X_train))

    def __getattr__(self, name: str) -> object:
        return getattr(self._network, name)

    def predict(self, X: np.ndarray) -> np.ndarray:
        new = ~(X[:, None, :] == self._rows[None]).all(axis=2).any(axis=1)
        return np.asarray(self._network.predict(X) + self._by * (new & (X[:, 0] > 0.5)))


def departing(network: FittedKan, data: Dataset) -> FittedKan:
    return Departing(network, data)  # type: ignore[return-value]


def test_one_that_departs_between_the_rows_is_wild_and_never_the_nearest(
    data: Dataset, networks: list[FittedKan]
) -> None:
    wild = departing(networks[1], data)
    np.testing.assert_array_equal(wild.predict(data.X_train), networks[1].predict(data.X_train))
    found = Nearness.of(data, [networks[0], wild, *networks[2:]])
    assert found is not None
    assert found.told(1)["wild"] == pytest.approx(3.0, rel=0.2)
    assert found.told_of(wild, range(data.d)) == {"wild": pytest.approx(found.furthest[1])}
    assert [i for i, f in enumerate(found.furthest) if found.is_wild(f)] == [1]
    assert found.nearest(data, [networks[0], wild, *networks[2:]], CELLS, True) != 1
    best = replace(networks[1], rss_train=networks[1].rss_train * 1e-3)  # by AICc alone the first by far
    alone = Nearness.of(data, [networks[0], best, *networks[2:]])
    assert alone is not None
    assert alone.nearest(data, [networks[0], best, *networks[2:]], CELLS, True) == 1
    spoilt = departing(best, data)
    assert found.nearest(data, [networks[0], spoilt, *networks[2:]], CELLS, True) != 1


@given(st.lists(st.floats(0, 10), min_size=3, max_size=8))
def test_there_is_always_one_that_is_not_wild(furthest: list[float]) -> None:
    near = Nearness(np.empty((0, 1)), np.empty((0, 1)), np.ones(1), tuple(furthest), tuple(furthest))
    assert not near.is_wild(min(furthest))
    assert [near.is_wild(f) for f in furthest] == [f > FAR and f > TIMES * min(furthest) for f in furthest]


def test_too_few_have_no_mean(data: Dataset, networks: list[FittedKan]) -> None:
    assert Nearness.of(data, networks[:2]) is None


def test_of_several_outputs_each_has_its_own_unit(data: Dataset) -> None:
    """A second target a million times as large hides nothing of what the first does."""
    y = np.column_stack([data.y_train, 1e6 * data.X_train[:, 0]])
    fits = [fit_cell(data.X_train, y, *cell[:3]) for cell in CELLS]
    plain = Nearness.of(data, fits)
    assert plain is not None
    assert plain.unit.shape == (2,)
    np.testing.assert_allclose(plain.unit[1], 1e6 * np.ptp(data.X_train[:, 0]), rtol=0.1)

    class Off(Departing):
        def predict(self, X: np.ndarray) -> np.ndarray:
            found = self._network.predict(X)
            found[:, 0] += 3.0 * plain.unit[0] * (len(X) != data.n)
            return found

    found = Nearness.of(data, [*fits[:3], Off(fits[3], data)])  # type: ignore[list-item]
    assert found is not None
    assert found.is_wild(found.furthest[3])
