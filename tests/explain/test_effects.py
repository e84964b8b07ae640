"""Importance against scikit-learn, partial dependence against scikit-learn, residuals against the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence as sk_dependence
from sklearn.inspection import permutation_importance as sk_importance

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.explain.effects import partial_dependence, permutation_importance, residual_table, sources_of


def function(X: np.ndarray) -> np.ndarray:
    return np.sin(2 * X[:, 0]) + X[:, 1] ** 2 * X[:, 0]


class Model(RegressorMixin, BaseEstimator):
    """The function as scikit-learn sees a fitted model."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Model:
        self.fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return function(np.asarray(X))


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 3))
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=function(X) + 0.1 * rng.normal(size=400))
    return Dataset.from_frame(frame, "y")


def test_importance_is_that_of_scikit_learn(data: Dataset) -> None:
    found = permutation_importance(function, data)
    model = Model().fit(data.X_train, data.y_train)
    expected = sk_importance(
        model, data.X_train, data.y_train, scoring="neg_root_mean_squared_error", n_repeats=40, random_state=0
    )
    assert found["feature"].tolist()[-1] == "c"
    assert found["rise"].iloc[-1] == 0
    for row in found.itertuples():
        i = data.features.index(row.feature)
        assert row.rise == pytest.approx(expected.importances_mean[i], abs=3 * expected.importances_std[i] + 1e-12)
    pd.testing.assert_frame_equal(found, permutation_importance(function, data))


def test_dependence_is_that_of_scikit_learn(data: Dataset) -> None:
    found = partial_dependence(function, data, "b")
    model = Model().fit(data.X_train, data.y_train)
    expected = sk_dependence(model, data.X_train, [1], custom_values={1: np.array(found.values)}, method="brute")
    np.testing.assert_allclose(found.prediction, expected["average"][0], rtol=1e-12)
    assert found.training is not None
    np.testing.assert_array_equal(found.training, data.X_train[:, 1])


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({
        "price": rng.lognormal(0, 1, n),
        "kind": rng.choice([f"k{i}" for i in range(9)], n, p=[0.3, 0.3, 0.2, 0.1, 0.02, 0.02, 0.02, 0.02, 0.02]),
        "size": rng.choice(["small", "medium", "large"], n),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
        "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        "few": rng.integers(1, 5, n),
    })  # fmt: skip
    return frame.assign(y=np.exp(frame["few"] / 4 + np.log(frame["price"])))


@pytest.fixture(scope="module")
def mixed() -> Dataset:
    wanted = Preparation(
        gaps="fill", pool=True, max_levels=5, ordered={"size": ("small", "medium", "large")}, scales={"price": "log"},
        target_scale="log",
    )  # fmt: skip
    return Dataset.from_frame(table(), "y", preparation=wanted)


def test_every_kind_of_feature(mixed: Dataset) -> None:
    """On the function log(y) = few / 4 + log(price), which no other feature moves."""
    at = {name: mixed.features.index(name) for name in ("few", "log(price)")}

    def predict(X: np.ndarray) -> np.ndarray:
        return X[:, at["few"]] / 4 + X[:, at["log(price)"]]

    order = permutation_importance(predict, mixed)["feature"].tolist()
    assert set(order[:2]) == {"price", "few"}
    assert set(order) == set(sources_of(mixed.recipe)) == set(mixed.recipe.sources)
    price = partial_dependence(predict, mixed, "price")
    base = np.mean(np.exp(mixed.X_train[:, at["few"]] / 4))
    np.testing.assert_allclose(price.prediction, np.array(price.values, dtype=float) * base, rtol=1e-9)
    assert price.training is not None
    np.testing.assert_allclose(np.log(price.training), mixed.X_train[:, at["log(price)"]])
    few = partial_dependence(predict, mixed, "few")
    assert few.values == [1.0, 2.0, 3.0, 4.0]
    np.testing.assert_allclose(few.prediction[1:] / few.prediction[:-1], np.exp(0.25))
    kinds = partial_dependence(predict, mixed, "kind")
    assert kinds.values == ["k0", "k1", "k2", "k3", "any other"]
    assert not kinds.is_numeric
    assert np.ptp(kinds.prediction) == pytest.approx(0)
    assert partial_dependence(predict, mixed, "size").values == ["small", "medium", "large"]
    assert partial_dependence(predict, mixed, "day").encoded == "day (year)"
    assert partial_dependence(predict, mixed, "gap").is_numeric


def test_levels_are_told_apart(mixed: Dataset) -> None:
    """A function of the columns of a category: each level gets what its own columns give."""
    columns = sources_of(mixed.recipe)["kind"]
    weights = np.arange(1, len(columns) + 1) / 10
    found = partial_dependence(lambda X: X[:, columns] @ weights, mixed, "kind")
    named = [str(mixed.recipe.columns[i].level) for i in columns[:-1]]
    expected = {"k0": 0.0, **dict(zip(named, weights, strict=False)), "any other": weights[-1]}
    np.testing.assert_allclose(np.log(found.prediction), [expected[str(v)] for v in found.values])


def test_residuals(data: Dataset, mixed: Dataset) -> None:
    found = residual_table(function, data)
    assert found["rows"].value_counts().to_dict() == {"training": data.n, "test": len(data.y_test)}
    test = found[found["rows"] == "test"]
    np.testing.assert_allclose(test["predicted"] + test["residual"], data.y_test)
    there = residual_table(lambda X: np.zeros(len(X)), mixed)
    np.testing.assert_allclose(there["residual"][: mixed.n] + 1, np.exp(mixed.y_train))
