"""The network to read: nearest to the mean of the first ones, without the edges that do nothing, in everything made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from kanlab.api import Study, open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.execution import tasks
from kanlab.execution.final_check import ReducedTrial, final_check_of
from kanlab.execution.messages import FoldTask
from kanlab.explain.diagram import diagram, working
from kanlab.explain.refits import fitted_network
from kanlab.kan.edges import curves_of
from kanlab.kan.parameter_count import effective_count
from kanlab.kan.search_space import SearchSpace, cell_n_params
from kanlab.selection.validation_plan import plan
from kanlab.solver.edge_elimination import edges_left
from kanlab.stats.criteria import aicc, subset_charge
from kanlab.study.model_key import ModelKey

SPACE = SearchSpace((2, 3), (2, 3), (2, 2))


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Every feature counts, and not every edge: a product beside a curve."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (160, 3))
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.15 * rng.normal(size=160)
    return Dataset.from_frame(pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y), "y")


@pytest.fixture(scope="module")
def study(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Study:
    at = tmp_path_factory.mktemp("thin") / "studies.db"
    tune(data, SPACE, name="thin", storage=f"sqlite:///{at}", workers=1)
    return open_study("thin", storage=f"sqlite:///{at}")  # as it is kept


@pytest.fixture(scope="module")
def thin(study: Study) -> ReducedTrial:
    found = final_check_of(study.handle, study.handle.records())
    assert found is not None
    assert found.thinned is not None
    return found.thinned


def test_it_comes_of_the_network_nearest_to_the_mean(study: Study, data: Dataset, thin: ReducedTrial) -> None:
    found = final_check_of(study.handle, study.handle.records())
    assert found is not None
    networks = {r.cell: fitted_network(study.handle, r)[0].predict(data.X_train) for r in study.handle.records()}
    mean, unit = np.mean(list(networks.values()), axis=0), np.ptp(np.median(list(networks.values()), axis=0))
    for cell, predicted in networks.items():
        assert found.apart[cell] == pytest.approx(np.sqrt(np.mean((predicted - mean) ** 2)) / unit, rel=1e-6)
    criterion = {
        r.cell: r.scores.criterion for r in study.handle.records() if r.scores and r.scores.criterion is not None
    }
    near = [cell for cell in networks if criterion[cell] <= min(criterion.values()) + 10.0]
    assert thin.cell == min(near, key=lambda cell: found.apart[cell])
    choice = study.recommendation.choice
    assert choice is not None
    assert choice.reduced == thin
    assert "nearest to the mean of" in study.recommendation.reasons[0]


def test_what_it_has_spent(study: Study, data: Dataset, thin: ReducedTrial) -> None:
    assert thin.edges is not None
    left, count = thin.edges
    nodes, grid, k = thin.cell[:3]
    assert count == 3 * nodes
    assert left == count - sum(thin.gone)
    assert thin.n_params == cell_n_params(thin.cell, 3) - (count - left) * (grid + k)
    assert thin.charge == pytest.approx(subset_charge(count, left))
    assert thin.aicc == pytest.approx(aicc(thin.rss_train, data.n, thin.n_params) + thin.charge)
    assert thin.edf is not None
    spent = effective_count(thin.edf, left / nodes, nodes, count_sigma2=True)
    assert thin.n_params_effective == pytest.approx(spent)
    assert thin.aicc_effective == pytest.approx(aicc(thin.rss_train, data.n, spent) + thin.charge)
    full = next(r for r in study.handle.records() if r.number == thin.number)
    assert full.edf is not None  # type: ignore[union-attr]
    assert thin.edf < full.edf  # type: ignore[union-attr]


def test_stored_and_fitted_again_the_edges_are_gone(study: Study, data: Dataset, thin: ReducedTrial) -> None:
    network, notes = fitted_network(study.handle, thin)
    assert notes == []
    assert edges_left(network) == thin.edges[0]  # type: ignore[index]
    assert network.rss_train == pytest.approx(thin.rss_train, rel=1e-9)
    assert data.squared_error(network.predict(data.X_test), data.y_test) == pytest.approx(thin.rss_test)
    assert ModelKey.parse(str(thin.key)) == thin.key
    told = study.to_dict()
    assert told["recommended"]["edges"] == list(thin.edges)  # type: ignore[arg-type]
    assert told["final_check"]["thinned"]["edges"] == list(thin.edges)  # type: ignore[arg-type]
    assert f"with {thin.edges[0]} of {thin.edges[1]} edges" in study.predictor(use="read").label  # type: ignore[index]


def test_folds_choose_edges_of_their_own(study: Study, data: Dataset, thin: ReducedTrial) -> None:
    jobs = [j.task for j in plan(study.handle) if isinstance(j.task, FoldTask) and j.task.gone]
    assert [task.gone for task in jobs] == [thin.gone] * 5
    assert {j.key.model for j in plan(study.handle) if isinstance(j.task, FoldTask) and j.task.gone} == {thin.key}
    answer = tasks.answer(data, jobs[0])
    assert answer["rss"] / answer["rows"] < 0.2 * np.var(data.y_train)


def test_the_picture_has_as_many_edges(study: Study, data: Dataset, thin: ReducedTrial) -> None:
    curves = curves_of(study.predictor(use="read").fitted, data.X_train)
    assert len(working(curves.layer(0))) == thin.edges[0]  # type: ignore[index]
    assert (
        f"{sum(thin.gone)} of the {thin.edges[1]} edges from the features" in diagram(curves, data.features, "y").note
    )


@pytest.fixture(scope="module")
def products() -> Dataset:
    """Two features are multiplied, two do nothing."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (200, 4))
    y = X[:, 0] * X[:, 1] + 0.2 * rng.normal(size=200)
    return Dataset.from_frame(pd.DataFrame(X, columns=list("abcd")).assign(y=y), "y", test_fraction=0.0)


@pytest.fixture(scope="module")
def multiplying(products: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study all of whose networks have a node that multiplies, two sums of edges."""
    at = tmp_path_factory.mktemp("product") / "studies.db"
    space = SearchSpace((1, 1), (2, 4), (2, 2), multiplication=(1, 1))
    tune(products, space, name="product", storage=f"sqlite:///{at}", workers=1)
    return open_study("product", storage=f"sqlite:///{at}")


def test_edges_into_the_factors_of_a_product_go_too(multiplying: Study, products: Dataset) -> None:
    found = final_check_of(multiplying.handle, multiplying.handle.records())
    assert found is not None
    thin = found.thinned
    assert thin is not None
    assert thin.edges is not None
    left, count = thin.edges
    assert (count, left) == (4 * 2, count - sum(thin.gone))
    assert thin.n_params == cell_n_params(thin.cell, 4) - (count - left) * (thin.cell.grid + 2)
    assert thin.edf is not None
    spent = effective_count(thin.edf, left / 2, 2, count_sigma2=True)
    assert thin.n_params_effective == pytest.approx(spent)
    full = next(r for r in multiplying.handle.records() if r.number == thin.number)
    assert thin.edf < full.edf  # type: ignore[operator, union-attr]
    network, _ = fitted_network(multiplying.handle, thin)
    assert edges_left(network) == left
    assert len(working(curves_of(network, products.X_train).layer(0))) == left
    job = next(j.task for j in plan(multiplying.handle) if isinstance(j.task, FoldTask) and j.task.gone)
    answer = tasks.answer(products, job)
    assert answer["rss"] / answer["rows"] < 0.6 * np.var(products.y_train)  # of which noise is a quarter


def test_features_that_do_nothing_leave_a_network_with_a_product(multiplying: Study, products: Dataset) -> None:
    found = final_check_of(multiplying.handle, multiplying.handle.records())
    assert found is not None
    less = found.reduced
    assert less is not None
    assert less.columns == (0, 1)
    assert less.cell.multiplication == 1
    assert less.n_params == cell_n_params(less.cell, 2)
    full = next(r for r in multiplying.handle.records() if r.cell == less.cell)
    assert less.edf < full.edf  # type: ignore[operator, union-attr]
    network, _ = fitted_network(multiplying.handle, less)
    assert network.rss_train == pytest.approx(less.rss_train, rel=1e-9)


def test_the_bundle_predicts_as_the_study_does(study: Study, data: Dataset, tmp_path: Path) -> None:
    new = pd.DataFrame(np.random.default_rng(1).uniform(-1, 1, (30, 3)), columns=["a", "b", "c"])
    new.to_csv(tmp_path / "new.csv", index=False)
    expected = study.predict(new, use="read").frame
    study.export(tmp_path / "bundle.zip", use="read")
    ZipFile(tmp_path / "bundle.zip").extractall(tmp_path)
    (script,) = tmp_path.rglob("predict.py")
    subprocess.run(
        [sys.executable, script.name, str(tmp_path / "new.csv"), str(tmp_path / "out.csv")], cwd=script.parent, check=True,
        capture_output=True, timeout=120,
    )  # fmt: skip
    out = pd.read_csv(tmp_path / "out.csv")
    for column in ("y_predicted", "y_lower", "y_upper"):
        np.testing.assert_allclose(out[column], expected[column], rtol=1e-9, atol=1e-12)  # of a range of 3
    model = json.loads((script.parent / "model.json").read_text())
    layer = (model.get("model") or model)["layers"][0]
    assert (np.array(layer["coef"]).any(axis=2) | (np.array(layer["scale_base"]) != 0)).sum() == edges_left(
        study.predictor(use="read").fitted
    )
