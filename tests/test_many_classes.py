"""A study of more than two classes from its trials to the recommendation, its predictions and what is taken away."""

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
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from kanlab.api import Study, tune
from kanlab.baselines.registry import BASELINES_OF, COMPARISON_FAMILIES, fit_named, label
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, fit_unit
from kanlab.errors import StudyError
from kanlab.execution.messages import FamilyFoldTask, Fit, FoldTask, PermutationTask, decode, encode
from kanlab.execution.tasks import answer, permutation
from kanlab.explain.effects import partial_dependence, permutation_importance
from kanlab.explain.formula import errors
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import held_out
from kanlab.export.document import read_bundle
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.sensitivity import ranked_again
from kanlab.stats.criteria import aicc_of
from kanlab.stats.metrics import accuracy, area_under_roc, brier, calibration, class_scores, confusion, log_loss
from kanlab.study.model_key import ModelKey
from tests.helpers.many_classes import LEVELS, table
from tests.helpers.sentences import refused
from tests.helpers.validated import validated

SPACE = SearchSpace((1, 2), (2, 3), (2, 2))


@pytest.fixture
def data() -> Dataset:
    return Dataset.from_frame(table(), "state")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many")


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch, data: Dataset) -> Study:
    """One study, validated a little, for the module."""
    return validated(home, monkeypatch, data, SPACE, "states")


# ---- scores


def test_the_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p, y = softmax(rng.normal(size=(50, 4)), axis=1), rng.integers(0, 4, 50)
    assert log_loss(p, y) == pytest.approx(sklearn_metrics.log_loss(y, p))
    assert accuracy(p, y) == sklearn_metrics.accuracy_score(y, p.argmax(axis=1))
    auc = sklearn_metrics.roc_auc_score(y, p, multi_class="ovr", average="macro")
    assert area_under_roc(p, y) == pytest.approx(auc)
    assert brier(p, y) == pytest.approx(np.mean(np.sum((np.eye(4)[y] - p) ** 2, axis=1)))
    np.testing.assert_array_equal(confusion(p, y), sklearn_metrics.confusion_matrix(y, p.argmax(axis=1)))
    found = class_scores(p, y.astype(float), p[:0], y[:0].astype(float))
    assert found.deviance_train == pytest.approx(100 * log_loss(p, y))
    assert found.log_loss_test is None
    assert sum(b.rows for b in calibration(p[:, 2], (y == 2).astype(float))) == 50
    without = area_under_roc(p[y < 3], y[y < 3])  # a class that does not occur is left out of the mean
    assert without is not None
    assert 0.0 < without < 1.0


# ---- trials


def test_every_aicc_is_the_deviance_and_its_charge(study: Study, data: Dataset) -> None:
    records = study.handle.records()
    assert len(records) == len(SPACE.cells)
    assert (study.spec.count_sigma2, study.spec.outputs) == (False, 2)
    values = [len(np.unique(column)) for column in data.X_train.T]
    assert min(values) == 2
    for r in records:
        h, grid, k = r.cell[:3]
        first = 1 + sum(min(grid + k, v - 1) for v in values)  # of a node
        K = h * first + 2 * (h * (grid + k + 1) - (h - 1))
        assert r.n_params == K
        assert r.classes is not None
        assert r.aicc == pytest.approx(r.classes.deviance_train + 2 * K + 2 * K * (K + 1) / (data.n - K - 1))
        assert r.classes.brier_train == pytest.approx((r.rss_train or 0.0) / data.n)
    found = ranked_again(
        records, data.n, data.d, rule="article", count_sigma2=False, likelihood=data.likelihood, outputs=2
    )
    assert found.set_index("number")["n_params"][0] == 4 * records[0].cell.neuron_num * (data.d + 2)


def test_the_baselines_are_those_of_statsmodels(study: Study, data: Dataset) -> None:
    found = {b.family: b for b in study.baselines}
    assert list(found) == ["constant", "linear", "ridge"]
    fitted = sm.MNLogit(data.y_train, sm.add_constant(data.X_train)).fit(disp=0)
    linear, constant = found["linear"], found["constant"]
    assert linear.misfit == pytest.approx(-2 * fitted.llf, rel=1e-7)
    K = 2 * (data.d + 1)
    assert (linear.n_params, linear.aicc) == (K, pytest.approx(fitted.aic + 2 * K * (K + 1) / (data.n - K - 1)))
    assert (constant.n_params, constant.misfit) == (2, pytest.approx(-2 * fitted.llnull))
    assert constant.classes is not None
    assert constant.classes.accuracy_train == np.bincount(data.y_train.astype(int)).max() / data.n
    ridge = found["ridge"]
    assert ridge.n_params is not None
    assert 2 <= ridge.n_params <= K
    assert (ridge.aicc or np.inf) <= (linear.aicc or -np.inf) + 0.5


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    X, y = load_wine(return_X_y=True)
    X = X[:, :3]
    ours = fit_named("linear", X, np.eye(3)[y], 0, "multiclass")
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit((X - X.mean(axis=0)) / X.std(axis=0), y)
    p = theirs.predict_proba((X - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(ours.predict(X), p, atol=1e-4)


def test_separated_classes_have_no_maximum_likelihood(kanlab_home: object) -> None:
    """iris: its logistic regression is certain of the training rows and wrong of others, so ridge takes its place."""
    X, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(X, columns=list("abcd")).assign(Species=np.array(["setosa", "versicolor", "virginica"])[y])
    study = tune(Dataset.from_frame(frame, "Species"), SearchSpace((1, 1), (2, 2), (1, 2)), name="iris", workers=1)
    found = {b.family: b for b in study.baselines}
    assert found["linear"].aicc is None
    assert found["linear"].classes is not None
    assert found["linear"].classes.accuracy_train == 1.0
    choice = study.recommendation.choice
    assert choice is not None
    assert choice.family == "ridge"
    assert (choice.error_test or 9.0) < 0.2 < (found["linear"].error_test or 0.0)
    assert any("Planes separate the classes" in w.sentence for w in study.recommendation.warnings)


def test_an_outcome_survives_json(data: Dataset) -> None:
    (outcome,) = fit_unit(data, Unit(2, 2, (1,)), "lm", FitOptions(), 0)
    assert decode(encode(Fit(outcome))) == Fit(outcome)
    assert outcome.classes is not None
    assert outcome.misfit == outcome.classes.deviance_train


# ---- validation and recommendation


def test_the_validation(study: Study) -> None:
    found = study.validation
    assert found is not None
    assert (found.state, found.detail, found.dof) == ("done", "", {})
    assert set(found.folds) >= set(map(ModelKey, BASELINES_OF["multiclass"]))
    assert np.mean(found.folds[ModelKey("constant")]) == pytest.approx(np.log(3), abs=0.1)
    assert {f["family"] for f in found.families} == set(COMPARISON_FAMILIES)
    assert all(0.3 < f["accuracy_test"] <= 1 for f in found.families)
    assert found.null["gain"] > max(found.null["permuted"])
    assert 0 < found.average["log_loss_test"] < np.log(3)


def test_the_recommendation_speaks_of_log_loss(study: Study) -> None:
    found = study.recommendation
    assert found.choice is not None
    assert found.choice.is_network
    words = " ".join(found.reasons)
    assert "cross-validated log-loss is" in words
    assert "of the test rows correctly" in words
    labels = {c.family: c.label for c in found.candidates if c.baseline}
    assert labels["constant"] == label("constant", "multiclass") == "class shares"
    assert labels["linear"] == "multinomial logistic regression"
    assert not any("RMSE" in a.sentence or "squared" in a.sentence for a in found.warnings)


@pytest.mark.parametrize("model", [*BASELINES_OF["multiclass"], *COMPARISON_FAMILIES, "network"])
def test_a_fold_without_one_of_the_classes(model: str, data: Dataset) -> None:
    lonely = replace(data, y_train=np.where(np.arange(data.n) == 5, 2.0, data.y_train % 2))
    network: dict[str, Any] = {"cell": Cell(1, 2, 2), "engine": "lm", "options": FitOptions()}
    tasks = [
        FoldTask(**network, fold=i, folds=3, seed=0)
        if model == "network"
        else FamilyFoldTask(family=model, fold=i, folds=3, seed=0)
        for i in range(3)
    ]
    answers = [answer(lonely, task) for task in tasks]
    assert sum(a["rows"] for a in answers) == data.n
    assert all(np.isfinite(a["deviance"]) and a["deviance"] >= 0 for a in answers)


def test_chance_is_measured_by_the_deviance(data: Dataset) -> None:
    task = PermutationTask(
        cells=(Cell(1, 2, 2),), engine="lm", options=FitOptions(), seed=0,
        count="identifiable", count_sigma2=False, shuffle=None,
    )  # fmt: skip
    gain = permutation(data, task)["gain"]
    shares = np.bincount(data.y_train.astype(int)) / data.n
    (outcome,) = fit_unit(data, Unit(2, 2, (1,)), "lm", FitOptions(), 0)
    at_mean = aicc_of(-2 * data.n * float(shares @ np.log(shares)), data.n, 2)
    K = 1 * (data.d * 5 - (data.d - 1)) + 2 * 5
    assert gain == pytest.approx(at_mean - aicc_of(outcome.misfit or np.nan, data.n, K), abs=1e-6)


# ---- predictions


def test_new_rows_get_a_class_and_the_probability_of_each(study: Study, data: Dataset) -> None:
    new = table(30, seed=9).drop(columns="state")
    new.loc[3, "a"] = np.nan
    new.loc[4, "a"] = 50.0
    found = study.predict(new)
    names = [f"state_probability_{level}" for level in LEVELS]
    assert found.columns == ["state_predicted", "state_set", *names, "state_extrapolates"]
    p = found.frame[names]
    assert p.isna().any(axis=1).tolist() == [i == 3 for i in range(30)]
    known = p.notna().all(axis=1)
    np.testing.assert_allclose(p[known].sum(axis=1), 1.0)
    assert (found.frame["state_predicted"][known] == np.array(LEVELS)[p[known].to_numpy().argmax(axis=1)]).all()
    assert pd.isna(found.frame["state_predicted"][3])
    assert found.frame["state_extrapolates"].tolist()[4] is True
    hits = held_out(study.predictor(), data)
    choice = study.recommended
    assert choice is not None
    assert choice.classes is not None
    assert log_loss(hits.p, hits.y) == pytest.approx(choice.classes.log_loss_test, rel=1e-3)
    assert accuracy(hits.p, hits.y) == choice.classes.accuracy_test


# ---- taken away


@pytest.mark.parametrize("model", ["network", "linear", *COMPARISON_FAMILIES])
def test_a_bundle_predicts_as_the_study_does(study: Study, data: Dataset, tmp_path: Path, model: str) -> None:
    new = table(40, seed=4).drop(columns="state")
    new.loc[2, "a"] = np.nan
    new.loc[3, "b"] = 9.0
    source = tmp_path / "new.csv"
    new.to_csv(source, index=False)
    path = tmp_path / "b.zip"
    family = None if model == "network" else model
    study.export(path, family=family)
    predictor = study.predictor(family=family)
    expected = predictor.predict(new)
    pd.testing.assert_frame_equal(read_bundle(path).predict(new).frame, expected.frame, rtol=1e-9)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    command = [sys.executable, str(folder / "predict.py"), str(source), str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "hold the probability of each class" in done.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    assert list(out.columns)[-len(expected.columns) :] == expected.columns
    names = list(expected.probabilities)
    np.testing.assert_allclose(out[names], expected.frame[names], rtol=1e-9, atol=1e-15)
    known = out["state_predicted"].notna()
    assert known.tolist() == [i != 2 for i in range(40)]
    said = expected.frame["state_predicted"][known].replace("=big", "'=big")  # a spreadsheet would run it
    assert (out["state_predicted"][known] == said).all()


def test_what_a_bundle_says_of_classes(study: Study) -> None:
    files = study.bundle().files
    readme, report = files["README.md"], files["report.html"]
    for text in (readme, report):
        assert "log-loss test" in text
        assert "RMSE" not in text
        assert "<b>" not in text
    assert "6 columns more: `state_predicted`" in readme
    assert json.loads(files["model.json"])["model"]["link"] == "softmax"
    assert json.loads(files["study.json"])["data"]["levels"] == list(LEVELS)
    formula: dict[str, Any] = {}
    exec(files["formula.py"], formula)
    assert "the probabilities that" in formula["predict"].__doc__
    p = formula["predict"](*np.full((formula["predict"].__code__.co_argcount, 5), 0.1))
    assert p.shape == (3, 5)
    np.testing.assert_allclose(p.sum(axis=0), 1.0)


@pytest.mark.parametrize("change", [{"link": "logit"}, {"link": None}, {"y_scale": [1.0]}])
def test_a_bundle_whose_parts_do_not_fit_is_refused(study: Study, tmp_path: Path, change: dict[str, Any]) -> None:
    content = json.loads(study.bundle().files["model.json"])
    content["model"] |= change
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("s/model.json", json.dumps(content))
    with refused(StudyError, "is damaged"):
        read_bundle(tmp_path / "b.zip")


def test_the_formula_has_a_line_for_each_class(study: Study, data: Dataset) -> None:
    network = study.predictor().fitted
    assert isinstance(network, FittedKan)
    found = formula_of(curves_of(network, data.X_train), data)
    p = found.predict_inputs(data.X_test)
    assert p.shape == (len(data.y_test), 3)
    assert found.error_test == pytest.approx(log_loss(p, data.y_test))
    assert found.latex.count(r"\ln\frac{p_{") == 2
    assert "Log-loss on the test rows" in errors(found)


def test_effects(study: Study, data: Dataset) -> None:
    predict = study.predictor().fitted.predict  # type: ignore[attr-defined]
    assert set(permutation_importance(predict, data)["feature"][:2]) == {"a", "b"}
    each = [partial_dependence(lambda X, c=c: predict(X)[:, c], data, "a").prediction for c in range(3)]
    np.testing.assert_allclose(np.sum(each, axis=0), 1.0)


# ---- tables people try


@pytest.mark.parametrize("name", ["iris", "wine", "digits"])
def test_a_network_does_as_well_as_logistic_regression(name: str) -> None:
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X = PCA(10, random_state=0).fit_transform(X)
    else:
        X, y = {"iris": load_iris, "wine": load_wine}[name](return_X_y=True)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(kind=[f"class {c}" for c in y])
    data = Dataset.from_frame(frame, "kind")
    cell = {"iris": Unit(2, 2, (1,)), "wine": Unit(2, 1, (2,)), "digits": Unit(3, 2, (4,))}[name]
    (outcome,) = fit_unit(data, cell, "lm", FitOptions(starts=1), 0)
    assert outcome.classes is not None
    assert outcome.classes.accuracy_test is not None
    assert outcome.classes.accuracy_test >= 0.9
    assert (outcome.classes.log_loss_test or 9.0) < 0.4


def test_stock_pykan_is_trained_by_the_cross_entropy(data: Dataset) -> None:
    pytest.importorskip("kan")
    from kanlab.engines.pykan_training import train

    trained = train(data.X_train, data.fit_target(data.y_train), 2, 2, 2, engine="pykan-lbfgs", task="multiclass")
    p = trained.model.predict(data.X_train)
    assert p.shape == (data.n, 3)
    shares = np.bincount(data.y_train.astype(int)) / data.n
    assert log_loss(p, data.y_train) < -float(shares @ np.log(shares)) - 0.05
    assert trained.loss_curve[-1] == pytest.approx(2 * data.n * log_loss(p, data.y_train), rel=0.1)
    np.testing.assert_allclose(trained.model.to_fitted().predict(data.X_train), p, atol=1e-4)
