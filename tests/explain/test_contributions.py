"""Contributions of features: against shap's exact explainer, closed forms, and the sum they must have; every kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import DatasetError
from kanlab.execution.single_fit import fit
from kanlab.explain.average import AveragedModel
from kanlab.explain.contributions import RowExplainer, model_terms
from kanlab.explain.models import Model, held_family
from kanlab.explain.predictor import Predictor
from kanlab.explain.shapley import Explainer, Plan, plan_for, spread
from kanlab.explain.terms import whole_rows
from kanlab.kan.network import FittedKan
from tests.helpers import counts, many_classes, two_classes

FAMILIES = ("linear", "ridge", "gam", "polynomial", "mlp", "boosting")


def quantities(n: int = 160, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(-1, 1, (3, n))
    kind = rng.choice(["r", "g", "w"], n)
    y = np.sin(3 * a) * b + c**2 + (kind == "g") + 0.1 * rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "kind": kind, "y": y})


TABLES: dict[str, tuple[Callable[[], pd.DataFrame], str]] = {
    "quantity": (quantities, "y"),
    "counts": (counts.table, "events"),
    "two": (two_classes.table, "state"),
    "many": (many_classes.table, "state"),
}


@pytest.fixture(scope="module")
def data() -> dict[str, Dataset]:
    return {name: Dataset.from_frame(table(), target) for name, (table, target) in TABLES.items()}


@pytest.fixture(scope="module")
def networks(data: dict[str, Dataset]) -> dict[str, FittedKan]:
    """One for each task, whose edges go on beyond the training rows; and one of two hidden layers."""
    found = {name: fit(d, neuron_num=2, grid=3, k=3, starts=1) for name, d in data.items()}
    found["deep"] = fit(data["quantity"], neuron_num=2, grid=2, k=2, depth=2, starts=1)
    return {name: replace(network, reach=0.4) for name, network in found.items()}


def of(name: str) -> str:
    """The table of a network."""
    return "quantity" if name == "deep" else name


def explainer(model: Model, data: Dataset, **more: Any) -> RowExplainer:
    return RowExplainer(Predictor("a model", data.recipe, model), data, **more)


def shap_values(predict: Callable[[Any], Any], data: Dataset, background: Any, X: Any) -> Any:
    """By shap's Kernel SHAP on all sets, which is exact, the inputs of each feature as one: a table of positions in place of
    the features. (Its other explainers give the same, and take 15 s to compile.)
    """
    groups = explainer_groups(data)
    table = np.vstack([background, X])

    def at(positions: Any) -> Any:
        rows = np.empty((len(positions), data.d))
        for number, columns in enumerate(groups):
            rows[:, columns] = table[positions[:, number].astype(int)][:, columns]
        return predict(rows)

    M, B = len(groups), len(background)
    kernel = shap.KernelExplainer(at, np.tile(np.arange(B)[:, None], M))
    return kernel.shap_values(B + np.tile(np.arange(len(X))[:, None], M), nsamples=2**M, l1_reg=False, silent=True)


def explainer_groups(data: Dataset) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for i, column in enumerate(data.columns):
        found.setdefault(column.source, []).append(i)
    return list(found.values())


@pytest.mark.parametrize("name", ["quantity", "deep", "counts", "two", "many"])
def test_a_sum_of_terms_predicts_as_the_network_does(
    name: str, data: dict[str, Dataset], networks: dict[str, FittedKan]
) -> None:
    """Also beyond the training rows, where edges go on straight."""
    X = data[of(name)].X_train
    far = np.vstack([X, X.mean(axis=0) + 2.0 * (X - X.mean(axis=0))])
    terms = model_terms(networks[name])
    np.testing.assert_allclose(terms.predict(terms.terms(far).sum(axis=1)), networks[name].predict(far), rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["quantity", "two", "many"])
def test_a_sum_of_terms_predicts_as_the_family_does(name: str, family: str, data: dict[str, Dataset]) -> None:
    held = held_family(data[name], family, 0)
    X = 1.5 * data[name].X_train
    terms = model_terms(held)
    np.testing.assert_allclose(
        terms.predict(terms.terms(X).sum(axis=1)), held.predict_flagged(X)[0], rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize("name", ["quantity", "deep", "counts", "two", "many"])
def test_values_are_those_of_shap(name: str, data: dict[str, Dataset], networks: dict[str, FittedKan]) -> None:
    """On the scale of the link, with the columns of a category as one feature."""
    network, table = networks[name], data[of(name)]
    made = explainer(network, table, rows=20)
    frame = TABLES[of(name)][0]().head(3)
    found = made.explain(frame)
    links: dict[str, Any] = {"counts": np.log, "two": logit, "many": logit}
    link = links.get(name, np.asarray)
    X = table.encode(frame)
    expected = shap_values(lambda Z: link(network.predict(Z)), table, made.reference["rows"], X)
    np.testing.assert_allclose(
        found.values.squeeze(2) if found.values.shape[2] == 1 else found.values, expected, atol=1e-8
    )
    np.testing.assert_allclose(found.totals, link(network.predict(X)).reshape(3, -1), atol=1e-9)
    assert not found.standard_error.any()
    assert found.method == "Exact Shapley values against 20 training rows."


def test_a_linear_model_has_a_closed_form(data: dict[str, Dataset]) -> None:
    """Coefficient times distance to the mean of the training rows."""
    table, frame = data["quantity"], quantities().head(5)
    held = held_family(table, "linear", 0)
    slopes = held.fitted.predict.weights / held.fitted.predict.scale  # type: ignore[attr-defined]
    apart = (table.encode(frame) - table.X_train.mean(axis=0)) * slopes
    found = explainer(held, table).explain(frame)
    by_feature = np.column_stack([apart[:, g].sum(axis=1) for g in explainer_groups(table)])
    np.testing.assert_allclose(found.values[:, :, 0], by_feature, atol=1e-10)
    assert found.mean[0] == pytest.approx(held.predict_flagged(table.X_train)[0].mean())
    assert "adds up" in found.method


@pytest.mark.parametrize("name", ["quantity", "counts", "two"])
def test_an_additive_model_is_explained_by_its_curves(name: str, data: dict[str, Dataset]) -> None:
    """As the sum over all sets has it, with all training rows as background."""
    table = data[name]
    held = held_family(table, "gam", 0)
    link: dict[str, Any] = {"counts": np.log, "two": logit}
    predict = lambda Z: link.get(name, np.asarray)(held.predict_flagged(Z)[0])  # noqa: E731
    frame = TABLES[name][0]().head(2)
    found = explainer(held, table).explain(frame)
    expected = shap_values(predict, table, table.X_train, table.encode(frame))
    np.testing.assert_allclose(found.values[:, :, 0], expected, atol=1e-7)


def test_an_average_is_explained_as_one_model(data: dict[str, Dataset], networks: dict[str, FittedKan]) -> None:
    """Of a quantity the mean of the explanations of its members; of classes it adds up all the same."""
    table, frame = data["quantity"], quantities().head(3)
    members: list[Model] = [networks["quantity"], networks["deep"], held_family(table, "linear", 0)]
    weights = [0.5, 0.3, 0.2]
    made = explainer(AveragedModel(members, weights), table, rows=25)
    found = made.explain(frame)
    reference = {"rows": made.reference["rows"], "pairs": 0, "seed": 0}
    one_by_one = [RowExplainer(Predictor("one", table.recipe, m, reference=reference)) for m in members]
    mixed = sum(w * e.explain(frame).values for w, e in zip(weights, one_by_one, strict=True))
    np.testing.assert_allclose(found.values, mixed, atol=1e-10)
    two = AveragedModel([networks["two"], held_family(data["two"], "linear", 0)], [0.5, 0.5])
    found = explainer(two, data["two"]).explain(two_classes.table().head(4))
    np.testing.assert_allclose(found.totals[:, 0], logit(found.predictions.frame["state_probability"]), atol=1e-9)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.mean, found.totals, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**16), st.booleans())
def test_contributions_add_up(features: int, seed: int, sampled: bool) -> None:
    """To the prediction less the mean, exact and sampled, for any function; features without influence get nothing."""
    rng = np.random.default_rng(seed)
    A, idle = rng.normal(size=(features + 1, 4)), rng.integers(features + 1)
    A[idle] = 0.0
    model = whole_rows(lambda X: np.exp(np.sin(X @ A)).prod(axis=1), features + 1, 1.0)
    X, x = rng.normal(size=(12, features + 1)), rng.normal(size=features + 1)
    groups = [np.array([i]) for i in range(features + 1)]
    made = Explainer(model, groups, np.asarray, Plan(12, 2 if sampled else 0, seed), X)
    phi, error, total = made.explain([(1.0, x)])
    assert abs(phi.sum() - (total - made.mean)[0]) < 1e-8
    assert abs(phi[idle, 0]) < 1e-12
    assert (error > 0).any() <= sampled


def test_sampled_values_are_those_of_all_sets_within_their_errors() -> None:
    """Twelve features: against all 4,096 sets, and by twice their standard error in 9 of 10 cases or more."""
    rng = np.random.default_rng(3)
    A = rng.normal(size=(12, 5)) / 2
    model = whole_rows(lambda X: np.sin(X @ A).sum(axis=1) + X[:, 0] * X[:, 1] * X[:, 2], 12, 1.0)
    X, groups = rng.normal(size=(16, 12)), [np.array([i]) for i in range(12)]
    exact = Explainer(model, groups, np.asarray, Plan(16), X)
    sampled = Explainer(model, groups, np.asarray, Plan(16, 30), X)
    z = []
    for x in rng.normal(size=(6, 12)):
        truth, guess = exact.explain([(1.0, x)])[0], sampled.explain([(1.0, x)])
        z.append((guess[0] - truth) / guess[1])
        assert np.abs(guess[0] - truth).max() < 0.15 * np.abs(truth).max()
    assert 0.9 < np.mean(np.abs(z) < 2) <= 1.0
    assert 0.7 < np.std(z) < 1.3


def test_all_sets_where_there_is_time_and_orders_elsewhere() -> None:
    assert plan_for(3, 2.0) == Plan(256)
    assert plan_for(10, 5.0).is_exact
    assert plan_for(10, 5.0).rows >= 64
    assert not plan_for(12, 8.0).is_exact
    assert plan_for(200, 20.0) == Plan(64, 2)
    assert plan_for(0, 1.0).is_exact


def test_the_background_has_the_mean_of_all_rows() -> None:
    """Chosen along the predictions, so that the mean is closer to that of all than that of rows drawn at random."""
    predicted = np.exp(np.random.default_rng(0).normal(size=(5000, 1)))
    chosen = spread(predicted, 64)
    assert len(np.unique(chosen)) == 64
    assert abs(predicted[chosen].mean() - predicted.mean()) < 0.05 < predicted.std() / 8


def test_a_level_that_training_had_not_is_averaged(data: dict[str, Dataset], networks: dict[str, FittedKan]) -> None:
    """As its prediction is; and a row with a gap has no explanation."""
    frame = quantities().head(3).assign(kind=["r", "purple", "g"])
    frame.loc[2, "a"] = np.nan
    found = explainer(networks["quantity"], data["quantity"]).explain(frame)
    np.testing.assert_allclose(found.totals[:, 0], found.predictions.frame["y_predicted"], atol=1e-10)
    assert np.isnan(found.values[2]).all()
    assert found.ready == [0, 1]
    assert found.values[1].sum() == pytest.approx(found.totals[1, 0] - found.mean[0], abs=1e-8)
    with pytest.raises(DatasetError, match="Row 2 cannot be explained"):
        found.table(2)


def test_a_target_fitted_by_its_logarithm_or_rank() -> None:
    """By the logarithm contributions are factors; of ranks, which mean nothing by themselves, they are in units."""
    frame = quantities().assign(y=lambda f: np.exp(f["y"]))
    for scale in ("log", "rank"):
        table = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale=scale))
        found = explainer(held_family(table, "linear", 0), table, rows=30).explain(frame.head(3))
        predicted = found.predictions.frame["y_predicted"]
        np.testing.assert_allclose(found.totals[:, 0], np.log(predicted) if scale == "log" else predicted, atol=1e-9)
        np.testing.assert_allclose(found.values.sum(axis=1) + found.mean, found.totals, atol=1e-8)
        one = found.table(0)
        assert ("times" in one) is (scale == "log")
        assert found.scale.words == (("log(y)",) if scale == "log" else ("y",))


def test_the_frame_and_json(data: dict[str, Dataset], networks: dict[str, FittedKan]) -> None:
    """A column a feature, of many classes one for each; the same numbers in JSON; the largest first in a table."""
    found = explainer(networks["quantity"], data["quantity"]).explain(quantities().head(3))
    assert found.columns == [
        "y_predicted", "y_extrapolates", "y_mean_prediction", *(f"y_contribution_{f}" for f in ("a", "b", "c", "kind"))
    ]  # fmt: skip
    whole = found.frame
    added = whole[found.columns[2:]].sum(axis=1)
    np.testing.assert_allclose(added, whole["y_predicted"], atol=1e-8)
    content = found.to_dict(1)["explained"][0]
    assert content["contributions"]["b"] == whole["y_contribution_b"].iloc[1]
    one = found.table(1)
    assert one["contribution"].abs().is_monotonic_decreasing
    assert one.set_index("feature").loc["kind", "value"] == quantities()["kind"].iloc[1]
    many = explainer(networks["many"], data["many"], rows=10).explain(many_classes.table().head(2))
    assert len(many.columns) == 1 + 3 + 1 + 3 * (1 + 3)
    assert len(many.to_dict(0)["explained"]) == 3
    assert many.table(0, many_classes.LEVELS[2]).shape == (3, 5)
    with pytest.raises(DatasetError, match="no class 'ok'"):
        many.table(0, "ok")
