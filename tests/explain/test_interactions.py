"""Interactions: against scikit-learn's partial dependence, closed forms, networks without any; the test, kept with a study."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

from kanlab.api import open_study, tune
from kanlab.baselines.additive_null import additive_null
from kanlab.baselines.protocol import FamilyFit
from kanlab.baselines.registry import fit_named
from kanlab.charts.interactions import heat_map
from kanlab.charts.palette import DARK
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.execution.final_check import AveragedNetworks, nested_below
from kanlab.execution.messages import NetworksTask
from kanlab.execution.networks import path_networks
from kanlab.execution.single_fit import fit
from kanlab.explain import interactions as module
from kanlab.explain.average import AveragedModel
from kanlab.explain.interactions import Interactions, Pair, interactions_of, surface
from kanlab.explain.models import HeldFamily, held_family
from kanlab.kan.search_space import SearchSpace
from kanlab.selection import product_hint
from kanlab.selection.product_hint import StrongestPair
from tests.helpers import counts, two_classes


def table(n: int = 150, product: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    a, b, c = rng.uniform(-1, 1, (3, n))
    y = np.sin(3 * a) + b + product * a * b + c**2 + 0.05 * rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "kind": rng.choice(["r", "g"], n), "y": y})


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset.from_frame(table(), "y", test_fraction=0.0)


class Wrapped(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A model as scikit-learn takes it."""

    def __init__(self, predict: Any = None) -> None:
        self.predict_ = predict

    def fit(self, X: Any, y: Any) -> Wrapped:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return self.predict_(X)


def family(data: Dataset, function: Any) -> HeldFamily:
    """A known function as a fitted model."""
    fitted = FamilyFit(function, None)
    return HeldFamily(fitted, data.X_train.min(axis=0), data.X_train.max(axis=0))


def test_h_is_that_of_scikit_learn(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a network, with its partial dependences at the rows by the brute force of scikit-learn."""
    monkeypatch.setattr(module, "ROWS", 20)
    network = fit(data, neuron_num=2, grid=3, k=3, starts=1)
    found = interactions_of(network, data)
    rows = module._Dependences(network, data).rows
    model = Wrapped(network.predict)

    def at_rows(columns: list[int]) -> Any:
        values = np.array([
            partial_dependence(model, rows, columns, custom_values={c: x[[c]] for c in columns}, method="brute")[
                "average"
            ].item()
            for x in rows
        ])  # fmt: skip
        return values - values.mean()

    pair = next(p for p in found.pairs if {p.first, p.second} == {"a", "b"})
    rest = at_rows([0, 1]) - at_rows([0]) - at_rows([1])
    assert pair.strength == pytest.approx(np.sqrt(np.mean(rest**2)), rel=1e-8)
    assert pair.h == pytest.approx(np.sqrt(np.sum(rest**2) / np.sum(at_rows([0, 1]) ** 2)), rel=1e-8)
    assert found.pairs[0] == pair
    assert found.table.columns.tolist() == ["first", "second", "H", "strength", "share"]
    assert len(found.pairs) == 6


def test_a_product_and_a_sum(data: Dataset) -> None:
    """Of a product the strength is that of the product of the centred features; sums, whatever their link, have none."""
    product = family(data, lambda X: 3.0 + 2.0 * X[:, 0] * X[:, 1])
    found, rows = interactions_of(product, data), module._Dependences(product, data).rows
    centred = (rows[:, 0] - rows[:, 0].mean()) * (rows[:, 1] - rows[:, 1].mean())
    assert found.pairs[0].strength == pytest.approx(2.0 * np.std(centred), rel=1e-9)
    assert "The strongest interaction is that of a and b" in found.sentence
    for made, target in ((table(), "y"), (counts.table(), "events"), (two_classes.table(), "state")):
        other = Dataset.from_frame(made, target)
        for name in ("linear", "gam"):
            found = interactions_of(held_family(other, name, 0), other)
            assert found.pairs[0].strength < 1e-7 * found.spread
            assert found.sentence == "Is it additive? Yes: no two features interact in this model."
    assert interactions_of(held_family(data, "constant", 0), data).pairs == ()


def test_a_surface_is_the_partial_dependence_on_both(data: Dataset) -> None:
    """By brute force over the same rows; a category by its levels."""
    function = lambda X: X[:, 0] * X[:, 2] + X[:, 3]  # noqa: E731
    held = family(data, function)
    found = surface(held, data, "c", "kind")
    assert found.numeric == (True, False)
    assert sorted(found.frame["second"].unique()) == ["g", "r"]
    rows = module._Dependences(held, data).rows.copy()
    chart = heat_map(found, DARK).to_dict()
    alt.Chart.from_dict(json.loads(json.dumps(chart, allow_nan=False)), validate=True)
    assert chart["encoding"]["x2"] == {"field": "first to"}
    assert chart["encoding"]["y"]["type"] == "nominal"
    cell = found.frame.iloc[7]
    rows[:, 2], rows[:, 3] = cell["first"], float(cell["second"] == "r")
    assert cell["value"] == pytest.approx(function(rows).mean())


def test_p_values_hold_each_pair_against_itself() -> None:
    """A pair that is always strong by chance hides none that is strong for once; many pairs are paid for."""
    rng = np.random.default_rng(0)
    usual = [{Pair("a", "b", 0, 0).key: 50 * v, Pair("a", "c", 0, 0).key: w} for v, w in rng.lognormal(size=(19, 2))]
    pairs = (Pair("a", "b", 0.5, 60.0), Pair("a", "c", 0.2, 20.0))
    found = Interactions(pairs, 100.0, "y", ("a", "b", "c")).tested(usual)
    assert found.pairs[1].p == pytest.approx(1 / 20)
    assert found.pairs[0].p is not None
    assert found.pairs[0].p > 0.2
    assert found.sentence.startswith("Is it additive? No: a and c interact (H = 0.2, p = 0.05 by 19 networks")
    calm = Interactions(
        (replace_strength(pairs[0], 50.0), replace_strength(pairs[1], 1.0)), 100.0, "y", ("a", "b", "c")
    )
    assert calm.tested(usual).sentence.startswith("Is it additive? As far as can be told: no interaction is more than")


def replace_strength(pair: Pair, strength: float) -> Pair:
    return Pair(pair.first, pair.second, pair.h, strength)


def test_targets_without_interactions() -> None:
    """Around the additive model, as far apart from it as the rows are, another for each seed; classes and counts stay such."""
    data = Dataset.from_frame(table(), "y")
    mean = fit_named("gam", data.X_train, data.y_train).predict(data.X_train)
    drawn = [additive_null(data, seed).y_train for seed in range(200)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), mean, atol=5 * np.std(data.y_train - mean) / np.sqrt(200))
    assert np.std(drawn - mean) > np.std(data.y_train - mean)
    assert (additive_null(data, 1).y_train == drawn[1]).all()
    two = Dataset.from_frame(two_classes.table(), "state")
    assert set(additive_null(two, 0).y_train) == {0.0, 1.0}
    events = Dataset.from_frame(counts.table(), "events")
    assert (additive_null(events, 0).y_train % 1 == 0).all()


def test_the_test_is_kept_with_the_study(
    kanlab_home: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a product that is there; read again without a fit; not of a model that is no network."""
    data = Dataset.from_frame(table(), "y")
    tune(data, SearchSpace((2, 2), (3, 3), (2, 2)), name="product", workers=1)
    study = open_study("product")
    found = study.interactions(trial=0, nulls=4)
    assert (found.pairs[0].first, found.pairs[0].second, found.nulls) == ("a", "b", 4)
    assert found.pairs[0].p == pytest.approx(0.2)  # the smallest of so few
    assert "The additive model (spline GAM) has an AICc of" in found.sentence
    assert found.aicc is not None
    assert found.additive_aicc is not None
    assert found.aicc < found.additive_aicc
    assert study.interactions(trial=0, nulls=0).to_dict() == found.to_dict()
    assert StrongestPair.kept(study.handle.attributes) == found.tested_pair
    assert study.interactions(family="linear").nulls == 0
    assert "<h2>Interactions</h2><p>Is it additive? " in study.bundle(trial=0).files["report.html"]

    assert main(["interactions", "product", "--trial", "0", "--nulls", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert main(["interactions", "product", "--trial", "0", "--nulls", "0"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == found.sentence
    assert said[1].split() == ["first", "second", "H", "strength", "of", "the", "spread", "p"]
    assert said[2].split()[:2] == ["a", "b"]
    assert main(["interactions", "product", "--nulls", "-1"]) == 2
    assert not any("interact strongly" in line for line in said)  # p is 0.2
    monkeypatch.setattr(product_hint, "SIGNIFICANCE", 0.2)
    assert main(["interactions", "product", "--trial", "0", "--nulls", "0"]) == 0
    hint, command = capsys.readouterr().out.splitlines()[-2:]
    assert hint.startswith("a and b interact strongly (beyond the sum of both ")
    assert command == "To search so: kanlab rerun product --multiplication 0:1"


def test_of_an_average_too(kanlab_home: Any) -> None:
    """Against averages of the same networks and families, in their shares, fitted to targets without interactions."""
    data = Dataset.from_frame(table(), "y")
    study = tune(data, SearchSpace((1, 2), (2, 3), (2, 2)), name="several", workers=1)
    model = study.predictor(family="average")
    assert module.can_be_tested(study.handle, model)
    found = study.interactions(family="average", use=None, nulls=3)
    assert (found.pairs[0].first, found.pairs[0].second, found.nulls) == ("a", "b", 3)
    kept = module.read_test(study.handle, model)
    assert kept is not None
    assert found.pairs[0].strength > max(null[found.pairs[0].key] for null in kept["nulls"])
    # the first of them, made again from its parts
    choice = study.recommendation.average
    assert choice is not None
    average = choice.model
    assert isinstance(average, AveragedNetworks)
    null = additive_null(data, 0)
    cells = tuple((cell, nested_below(study.handle, cell, [])) for cell in average.cells)
    task = NetworksTask(cells=cells, engine="lm", options=study.spec.options, seed=study.spec.seed)
    members: list[Any] = path_networks(null, cells, task)
    weights = [average.share / len(members)] * len(members) + [share for _, share in average.families]
    members += [held_family(null, name, 0) for name, _ in average.families]
    again = interactions_of(AveragedModel(members, weights), data, found.features).pairs
    assert {pair.key: pytest.approx(pair.strength, rel=1e-6) for pair in again} in kept["nulls"]
