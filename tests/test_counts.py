"""A study of counts from its trials to the recommendation, its predictions and what is taken away."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance

from kanlab.api import Study
from kanlab.baselines.registry import (
    COMPARISON_FAMILIES,
    OF_COUNTS,
    Baseline,
    baselines,
    fit_named,
    label,
    predictions_left_out,
)
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import Recipe
from kanlab.engines.registry import FitOptions, Unit, fit_unit
from kanlab.errors import DatasetError, StudyError
from kanlab.execution.messages import FamilyFoldTask, Fit, FoldTask, decode, encode
from kanlab.execution.tasks import answer
from kanlab.explain.formula import errors
from kanlab.explain.formula_latex import latex
from kanlab.explain.models import HeldFamily
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor
from kanlab.export.bundle import predict_source
from kanlab.export.document import document, read_bundle
from kanlab.export.document_check import Damaged, check_model
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.candidates import candidates
from kanlab.selection.diagnostics import diagnose
from kanlab.selection.sensitivity import terms
from kanlab.stats.likelihood import POISSON
from kanlab.stats.metrics import count_scores
from kanlab.study.handle import create_study, load_study
from kanlab.study.spec import StudySpec
from kanlab.study.trials import completed
from tests.helpers.counts import mean_of, table
from tests.helpers.sentences import refused
from tests.helpers.validated import validated

SPACE = SearchSpace((1, 2), (2, 3), (2, 2))
FIT: dict[str, Any] = {"engine": "lm", "options": FitOptions()}


@pytest.fixture
def data() -> Dataset:
    return Dataset.from_frame(table(240), "events")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counts")


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch, data: Dataset) -> Study:
    """One study, validated a little, for the module."""
    return validated(home, monkeypatch, data, SPACE, "events")


# ---- trials and baselines


def test_every_aicc_is_the_deviance_and_its_charge(study: Study, data: Dataset) -> None:
    records = study.handle.records()
    assert len(records) == len(SPACE.cells)
    assert (study.handle.data.task, study.spec.count_sigma2, data.outputs) == ("counts", False, 1)
    for r in completed(records):
        assert r.counts is not None
        K = r.n_params
        assert r.aicc == pytest.approx(r.counts.deviance_train + 2 * K + 2 * K * (K + 1) / (data.n - K - 1))
        assert r.rmse_train == pytest.approx(np.sqrt(r.rss_train / data.n))
        assert r.loss_curve[-1] == pytest.approx(r.counts.deviance_train, rel=0.2)
        assert terms(r.misfit, data.n, K, likelihood=POISSON).total == pytest.approx(r.aicc)
    again = study.table
    assert {"deviance_train", "mean_deviance_test", "d2_test", "rmse_test"} < set(again.columns)
    on = again[again["on_front"]].sort_values("n_params")
    assert on["deviance_train"].is_monotonic_decreasing
    assert "counts" in json.dumps(study.to_dict()["data"])


def test_the_baselines_are_those_of_statsmodels(study: Study, data: Dataset) -> None:
    found = {b.family: b for b in study.baselines}
    assert list(found) == ["constant", "linear", "ridge"]
    family = sm.families.Poisson()
    glm = sm.GLM(data.y_train, sm.add_constant(data.X_train), family=family).fit(tol=1e-12)
    linear = found["linear"]
    assert linear.counts is not None
    K = data.d + 1
    assert (linear.n_params, linear.misfit) == (K, pytest.approx(glm.deviance, rel=1e-9))
    exact = np.maximum(data.y_train, 1e-300)  # of the saturated model, -2 log L is the same beside every model
    constants = -2 * family.loglike(data.y_train, exact)
    assert linear.aicc == pytest.approx(glm.aic - constants + 2 * K * (K + 1) / (data.n - K - 1))
    assert linear.counts.pearson_train == pytest.approx(glm.pearson_chi2, rel=1e-7)
    assert found["constant"].misfit == pytest.approx(glm.null_deviance)
    assert Baseline.from_dict(json.loads(json.dumps(linear.to_dict()))) == linear
    fitted = fit_named("linear", data.X_train, data.y_train, 0, "counts")
    np.testing.assert_allclose(fitted.predict(data.X_test), glm.predict(sm.add_constant(data.X_test)), rtol=1e-6)
    assert (label("linear", "counts"), label("constant", "counts")) == ("Poisson regression", "mean")


def test_ridge_has_the_lowest_aicc_and_the_dof_of_its_hat_matrix(data: Dataset) -> None:
    mean, linear, ridge = baselines(data)
    assert ridge.aicc is not None
    assert linear.aicc is not None
    assert mean.n_params == 1
    assert ridge.aicc <= linear.aicc + 0.1
    assert 1 < (ridge.n_params or 0) <= data.d + 1


def test_rows_left_out_of_poisson_regression_are_those_of_refits(data: Dataset) -> None:
    part = replace(data, X_train=data.X_train[:60], y_train=data.y_train[:60])
    X, y = sm.add_constant(part.X_train), part.y_train
    refits = []
    for row in range(60):
        others = np.arange(60) != row
        glm = sm.GLM(y[others], X[others], family=sm.families.Poisson()).fit()
        refits.append(float(glm.predict(X[row])[0]))
    found = predictions_left_out("linear", part)
    np.testing.assert_allclose(np.log(found), np.log(refits), atol=0.05)
    press = {b.family: b.press for b in baselines(part)}
    assert press["linear"] == pytest.approx(POISSON.misfit(refits, y), rel=0.02)
    mean = (y.sum() - y) / 59
    assert press["constant"] == pytest.approx(POISSON.misfit(mean, y))


def test_the_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    mean, more = rng.uniform(0.2, 5, 60), rng.uniform(0.2, 5, 30)
    y, z = rng.poisson(mean).astype(float), rng.poisson(2.0, 30).astype(float)
    found = count_scores(mean, y, more, z)
    assert found.mean_deviance_train == pytest.approx(mean_poisson_deviance(y, mean))
    assert found.mean_deviance_test == pytest.approx(mean_poisson_deviance(z, more))
    assert found.d2_test == pytest.approx(d2_tweedie_score(z, more, power=1))
    assert count_scores(mean, np.zeros(60), more, np.zeros(0)).d2_train is None


def test_an_outcome_survives_json(data: Dataset) -> None:
    (outcome,) = fit_unit(data, Unit(2, 2, (1,)), "lm", FitOptions(), 0)
    assert decode(encode(Fit(outcome))) == Fit(outcome)
    assert outcome.counts is not None
    assert outcome.misfit == outcome.counts.deviance_train


# ---- what is a count


def column_of(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": np.random.default_rng(1).normal(size=len(values)), "y": values})


rng = np.random.default_rng(3)
ZERO_INFLATED = np.where(rng.random(200) < 0.6, 0, rng.negative_binomial(1, 0.1, 200))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (rng.poisson(0.3, 200), "counts"),
        (rng.poisson(4.0, 200), "counts"),
        (ZERO_INFLATED, "counts"),
        (rng.poisson(4.0, 200).astype(float), "counts"),
        (rng.poisson(400.0, 200), "regression"),  # nearly normal, and no 0
        (rng.integers(18, 80, 200), "regression"),  # ages
        (rng.integers(0, 101, 200), "regression"),  # scores
        (10 - rng.poisson(1.0, 200).clip(0, 10), "regression"),  # scores with an upper end
        (np.arange(200), "regression"),  # an identifier
        (rng.poisson(1.0, 200) - 1, "regression"),
        (rng.poisson(1.0, 200) / 2, "regression"),
        (rng.integers(0, 2, 200), "classification"),
    ],
)  # fmt: skip
def test_what_is_taken_for_a_count(values: np.ndarray, task: str) -> None:
    data = Dataset.from_frame(column_of(values), "y")
    assert data.task == task
    if task == "counts":
        (note,) = [n for n in data.notes if "predicted as a count" in n]
        assert "choose regression" in note
        assert Dataset.from_frame(column_of(values), "y", task="regression").task == "regression"
        log = Dataset.from_frame(column_of(values), "y", preparation=Preparation(target_scale="log"))
        assert (log.task, log.target_label[:4]) == ("regression", "log(")


def test_what_cannot_be_a_count_is_refused() -> None:
    for values, word in ((rng.poisson(1.0, 50) / 2, "0.5"), (rng.poisson(1.0, 50) - 1, "-1"), (["a", "b"] * 25, "a")):
        with refused(DatasetError, word):
            Dataset.from_frame(column_of(values), "y", task="counts")
    with refused(DatasetError, "logarithm of its mean"):
        Dataset.from_frame(table(), "events", task="counts", preparation=Preparation(target_scale="log"))
    with refused(DatasetError, "no task"):
        Dataset.from_frame(table(), "events", task="count")


def test_large_counts_are_counts_where_they_are_asked_for() -> None:
    data = Dataset.from_frame(column_of(rng.poisson(400.0, 100)), "y", task="counts")
    assert data.task == "counts"
    assert not any("choose regression" in note for note in data.notes)


def test_the_recipe_keeps_the_distribution(data: Dataset, tmp_path: Path) -> None:
    assert Recipe.from_json(data.recipe.to_json()) == data.recipe
    assert data.recipe.distribution == "poisson"
    data.save(tmp_path / "data.parquet")
    again = Dataset.load(tmp_path / "data.parquet")
    assert (again.sha256, again.task) == (data.sha256, "counts")
    plain = Dataset.from_frame(table(240), "events", task="regression")
    assert plain.sha256 != data.sha256
    assert "distribution" not in plain.recipe.to_dict()
    content = data.recipe.to_dict() | {"distribution": "cauchy"}
    with refused(DatasetError, "cauchy"):
        Recipe.from_dict(content)


# ---- validation and recommendation


def test_the_validation(study: Study) -> None:
    found = study.validation
    assert found is not None
    assert (found.state, found.detail, found.dof) == ("done", "", {})
    assert {f["family"] for f in found.families} == set(COMPARISON_FAMILIES)
    assert all(0 < f["mean_deviance_train"] < 3 for f in found.families)
    assert all(0 < np.mean(losses) < 4 for losses in found.folds.values())
    assert all(1 < edf < 40 for edf in found.edf.values())
    assert found.null["gain"] > max(found.null["permuted"])
    assert found.average["mean_deviance_test"] > 0
    for entries in found.refits.values():
        assert all(e["deviance_train"] > 0 for e in entries)


def test_the_recommendation_is_a_network_and_speaks_of_deviance(study: Study, data: Dataset) -> None:
    found = study.recommendation
    assert found.choice is not None
    assert found.choice.is_network
    words = " ".join(found.reasons)
    assert "cross-validated mean deviance is" in words
    assert "of the deviance of the test rows" in words
    assert not any("dispersed" in a.sentence for a in found.warnings)
    predicted = study.predict(table(300, seed=8)).frame
    truth = mean_of(predicted["a"].to_numpy(), predicted["b"].to_numpy())
    error = np.sqrt(np.mean((predicted["events_predicted"] - truth) ** 2))
    assert error < 0.5 * truth.std()


@pytest.mark.parametrize(("dispersion", "word"), [(4.0, "overdispersed"), (1.0, ""), (0.2, "underdispersed")])
def test_counts_that_are_not_poisson_raise_a_warning(dispersion: float, word: str) -> None:
    frame = table(240, dispersion=dispersion)
    if dispersion < 1:
        frame["events"] = np.round(mean_of(frame["a"], frame["b"]))  # type: ignore[arg-type]
    data = Dataset.from_frame(frame, "events", ["a", "b"], task="counts")
    handle = create_study(data, StudySpec(space=SPACE))
    (outcome,) = fit_unit(data, Unit(3, 3, (2,)), "lm", FitOptions(), 0)
    linear = candidates(handle, [], None)[0]
    choice = replace(linear, scores=replace(outcome.scores, n_params=20, aicc=0.0))
    sentences = [d.sentence for d in diagnose(handle, [], None, [choice], choice)]
    assert [s.split()[3].rstrip(":") for s in sentences if "dispersed" in s] == [word] * bool(word)


@pytest.mark.parametrize("model", [*OF_COUNTS, *COMPARISON_FAMILIES, "network"])
def test_a_fold_of_zeros_alone(model: str, data: Dataset) -> None:
    lonely = replace(data, y_train=3.0 * (np.arange(data.n) == 5))
    tasks: list[Any] = [
        FoldTask(cell=Cell(2, 3, 2), **FIT, fold=i, folds=3, seed=0)
        if model == "network"
        else FamilyFoldTask(family=model, fold=i, folds=3, seed=0)
        for i in range(3)
    ]
    answers = [answer(lonely, task) for task in tasks]
    assert sum(a["rows"] for a in answers) == data.n
    assert all(np.isfinite(a["deviance"]) and a["loss"] == a["deviance"] >= 0 for a in answers)


# ---- predictions, and what is taken away


@pytest.mark.parametrize("model", ["network", *OF_COUNTS, *COMPARISON_FAMILIES])
def test_a_bundle_predicts_as_the_study_does(study: Study, data: Dataset, tmp_path: Path, model: str) -> None:
    new = table(40, seed=4).drop(columns="events")
    new.loc[2, "a"], new.loc[3, "b"] = np.nan, 2000.0
    source, path = tmp_path / "new.csv", tmp_path / "b.zip"
    new.to_csv(source, index=False)
    if model == "network":
        study.export(path)
        expected = study.predict(new)
    else:
        fitted = fit_named(model, data.X_train, data.y_train, 0, data.task)
        held = HeldFamily(fitted, data.X_train.min(axis=0), data.X_train.max(axis=0), data.task)
        predictor = Predictor(f"the {model} model", data.recipe, held)
        expected = predictor.predict(new)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("s/model.json", json.dumps(document(predictor, {}), allow_nan=False))
            archive.writestr("s/predict.py", predict_source())
    again = read_bundle(path).predict(new)
    pd.testing.assert_frame_equal(again.frame, expected.frame, rtol=1e-6)
    means = expected.frame["events_predicted"]
    assert means.isna().tolist() == [i == 2 for i in range(40)]
    assert (means.dropna() > 0).all()
    assert np.isfinite(means.dropna()).all()
    assert any("mean of a count" in note for note in expected.notes)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    command = [sys.executable, str(folder / "predict.py"), str(source), str(tmp_path / "out.csv")]
    subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    out = pd.read_csv(tmp_path / "out.csv")
    assert list(out.columns)[-len(expected.columns) :] == expected.columns
    np.testing.assert_allclose(out["events_predicted"], means, rtol=1e-6)


def test_what_a_bundle_says_of_counts(study: Study) -> None:
    files = study.bundle().files
    for text in (files["README.md"], files["report.html"]):
        assert "mean deviance test" in text
        assert "RMSE train" not in text
    assert "the mean of the count" in files["README.md"]
    content = json.loads(files["model.json"])
    assert content["model"]["link"] == "log"
    formula: dict[str, Any] = {}
    exec(files["formula.py"], formula)
    assert formula["predict"](*np.full(formula["predict"].__code__.co_argcount, 0.1)) > 0


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("model", {"link": "logit"}),
        ("model", {"link": None}),
        ("recipe", {"distribution": "normal"}),
        ("recipe", {"distribution": "poisson", "levels": ["a", "b"]}),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(
    study: Study, tmp_path: Path, part: str, change: dict[str, Any]
) -> None:
    content = json.loads(study.bundle().files["model.json"])
    content[part] |= change
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("s/model.json", json.dumps(content))
    with refused(StudyError, "is damaged"):
        read_bundle(tmp_path / "b.zip")


def test_a_link_without_a_count_is_refused(study: Study) -> None:
    model = json.loads(study.bundle().files["model.json"])["model"]
    check_model(model, 3, 0, counts=True)
    with pytest.raises(Damaged, match=r"model\.link"):
        check_model(model, 3, 0)


def test_the_formula_is_of_the_log_mean(study: Study, data: Dataset) -> None:
    network = study.predictor().fitted
    assert isinstance(network, FittedKan)
    found = formula_of(curves_of(network, data.X_train), data)
    mean = found.predict_inputs(data.X_test)
    np.testing.assert_allclose(mean, np.exp(found.outputs_at(data.X_test)))
    assert found.error_test == pytest.approx(mean_poisson_deviance(data.y_test, mean))
    assert latex(found)[0].count(r"\ln \widehat{\text{events}}") == 1
    assert "Mean deviance on the test rows" in errors(found)


def test_a_study_of_counts_is_opened_again(study: Study) -> None:
    handle = load_study("events")
    assert (handle.data.distribution, handle.data.task) == ("poisson", "counts")
    assert handle.data.events == int(Dataset.from_frame(table(240), "events").y_train.sum())
