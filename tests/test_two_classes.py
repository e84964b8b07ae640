"""A study of two classes from its trials to the recommendation, its predictions and what is taken away."""

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
from scipy.special import expit

from kanlab.api import Study, tune
from kanlab.baselines.registry import CLASSIFIERS, COMPARISON_FAMILIES, Baseline, fit_named, label
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Outcome, Unit, fit_unit
from kanlab.errors import StudyError
from kanlab.execution.messages import FamilyFoldTask, Fit, FoldTask, PermutationTask, decode, encode
from kanlab.execution.tasks import answer, permutation
from kanlab.explain.effects import permutation_importance
from kanlab.explain.formula import errors
from kanlab.explain.models import HeldFamily
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor, held_out
from kanlab.export.bundle import predict_source
from kanlab.export.document import document, read_bundle
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.candidates import candidates
from kanlab.selection.diagnostics import diagnose
from kanlab.selection.sensitivity import ranked_again, terms
from kanlab.stats.criteria import aicc_of, bic_of
from kanlab.stats.folds import fold_rows
from kanlab.stats.likelihood import BERNOULLI
from kanlab.stats.metrics import ClassScores, Scores, accuracy, log_loss
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import create_study, load_study
from kanlab.study.model_key import ModelKey
from kanlab.study.spec import StudySpec
from kanlab.study.trials import completed, score
from tests.helpers.sentences import refused
from tests.helpers.two_classes import NASTY, table
from tests.helpers.validated import validated

SPACE = SearchSpace((1, 2), (2, 3), (2, 2))


@pytest.fixture
def data() -> Dataset:
    return Dataset.from_frame(table(), "state")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("classes")


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch, data: Dataset) -> Study:
    """One study, validated a little, for the module."""
    return validated(home, monkeypatch, data, SPACE, "states")


def scores(deviance: float, n: int = 128, test: float | None = 0.5) -> ClassScores:
    return ClassScores(deviance, deviance / 2 / n, test, 0.2, 0.2, 0.7, 0.7, 0.8, 0.8)


# ---- trials


def test_every_aicc_is_the_deviance_and_its_charge(study: Study, data: Dataset) -> None:
    records = study.handle.records()
    assert len(records) == len(SPACE.cells)
    assert study.spec.count_sigma2 is False
    for r in records:
        assert r.classes is not None
        assert r.aicc is not None
        assert r.rss_train is not None
        K = r.n_params
        assert r.aicc == pytest.approx(r.classes.deviance_train + 2 * K + 2 * K * (K + 1) / (data.n - K - 1))
        assert r.classes.log_loss_train == pytest.approx(r.classes.deviance_train / 2 / data.n)
        assert r.classes.brier_train == pytest.approx(r.rss_train / data.n)
        assert (r.rmse_train, r.rmse_test) == (None, None)
        assert r.loss_curve[-1] == pytest.approx(r.classes.deviance_train, rel=0.2)
    again = study.table
    assert {"deviance_train", "accuracy_test", "auc_test"} < set(again.columns)
    assert not {"rmse_train", "rmse_test"} & set(again.columns)
    on = again[again["on_front"]].sort_values("n_params")
    assert on["deviance_train"].is_monotonic_decreasing
    assert [r.number for r in study.pareto] == on["number"].tolist()


def test_the_baselines_are_those_of_statsmodels(study: Study, data: Dataset) -> None:
    found = {b.family: b for b in study.baselines}
    assert list(found) == ["constant", "linear", "ridge"]
    glm = sm.GLM(data.y_train, sm.add_constant(data.X_train), family=sm.families.Binomial()).fit()
    linear = found["linear"]
    assert linear.classes is not None
    assert linear.classes.deviance_train == pytest.approx(glm.deviance, rel=1e-9)
    K = data.d + 1
    assert (linear.n_params, linear.aicc) == (K, pytest.approx(glm.aic + 2 * K * (K + 1) / (data.n - K - 1)))
    assert found["constant"].classes is not None
    assert found["constant"].misfit == pytest.approx(glm.null_deviance)
    assert Baseline.from_dict(json.loads(json.dumps(linear.to_dict()))) == linear


def test_an_outcome_survives_json(data: Dataset) -> None:
    (outcome,) = fit_unit(data, Unit(2, 2, (1,)), "lm", FitOptions(), 0)
    assert decode(encode(Fit(outcome))) == Fit(outcome)
    assert outcome.classes is not None
    assert outcome.misfit == outcome.classes.deviance_train


def test_what_cannot_be_judged(data: Dataset) -> None:
    summary, spec = DataSummary.of(data), StudySpec(space=SPACE, count_sigma2=False)
    cell = Cell(1, 2, 2)
    separated = Outcome(1, "converged", 0.1, Scores(rss_train=1e-9, classes=scores(1e-6)))
    value, status = score(spec, summary, cell, separated)
    assert (value, status) == (pytest.approx(aicc_of(1e-6, data.n, spec.n_params(cell, data.d))), "converged")
    broken = separated.rescored(classes=scores(np.inf))
    assert score(spec, summary, cell, broken)[0] is None
    assert "not finite" in score(spec, summary, cell, broken)[1]


def test_the_noise_variance_is_never_counted(data: Dataset) -> None:
    handle = create_study(data, StudySpec(space=SPACE, count_sigma2=True), name="counted")
    assert handle.spec.count_sigma2 is False
    assert load_study("counted").data.levels == ("healthy", NASTY)
    assert [b.n_params for b in handle.baselines[:2]] == [1, data.d + 1]


def test_two_objectives(data: Dataset) -> None:
    found = tune(data, SPACE, trials=3, sampler="nsga2", workers=1)
    for trial, record in zip(found.handle.optuna.get_trials(), found.handle.records(), strict=True):
        assert trial.values == [record.n_params, record.misfit]


# ---- validation and recommendation


def test_the_validation(study: Study) -> None:
    found = study.validation
    assert found is not None
    assert (found.state, found.detail, found.dof) == ("done", "", {})
    assert set(found.folds) >= set(map(ModelKey, CLASSIFIERS))
    assert all(0 < np.mean(losses) < 2 for losses in found.folds.values())
    assert np.mean(found.folds[ModelKey("constant")]) == pytest.approx(np.log(2), abs=0.05)
    assert {f["family"] for f in found.families} == set(COMPARISON_FAMILIES)
    assert all(0.3 < f["accuracy_test"] <= 1 for f in found.families)
    assert all(1 < edf < 60 for edf in found.edf.values())
    assert found.null["gain"] > max(found.null["permuted"])
    assert 0 < found.average["log_loss_test"] < 1
    for entries in found.refits.values():
        assert all(e["deviance_train"] > e["rss_train"] for e in entries)


def test_the_recommendation_speaks_of_log_loss(study: Study) -> None:
    found = study.recommendation
    assert found.choice is not None
    assert found.choice.trial is not None
    words = " ".join(found.reasons)
    assert "cross-validated log-loss is" in words
    assert "of the test rows correctly" in words
    labels = {c.family: c.label for c in found.candidates if c.baseline}
    assert labels["constant"] == label("constant", "classification") == "prevalence"
    assert labels["linear"] == "logistic regression"
    assert not any("RMSE" in a.sentence or "squared" in a.sentence for a in found.warnings)
    K, n = found.choice.n_params, study.handle.data.n_train
    few = [a for a in found.warnings if "training rows of the rarer class a parameter" in a.sentence]
    assert bool(few) == (min(study.handle.data.ones, n - study.handle.data.ones) < 3 * (K or 1))


def test_test_rows_that_disagree_raise_a_warning_where_it_matters(study: Study) -> None:
    handle, records = study.handle, study.handle.records()
    listed = candidates(handle, records, None)
    choice = listed[0].rescored(classes=scores(100.0, test=0.50))

    def sentences(test: float) -> list[str]:
        other = listed[1].rescored(classes=scores(100.0, test=test))
        return [a.sentence for a in diagnose(handle, records, None, [choice, other], choice)]

    assert any("disagree" in s and "60% lower log-loss" in s for s in sentences(0.20))
    assert not any("disagree" in s for s in sentences(0.40))  # which two looks at so few rows give by chance
    choice = choice.rescored(classes=scores(100.0, test=0.012))
    assert not any("disagree" in s for s in sentences(0.002))


def test_the_audit_opens_the_deviance(study: Study) -> None:
    record, n = completed(study.handle.records())[0], study.handle.data.n_train
    opened = terms(record.misfit or 0.0, n, record.n_params, likelihood=BERNOULLI)
    assert opened.fit == record.misfit
    assert opened.total == pytest.approx(record.aicc)
    again = ranked_again(
        study.handle.records(), n, study.handle.data.d, rule="article", count_sigma2=False, criterion="BIC",
        likelihood=BERNOULLI,
    )  # fmt: skip
    row = again[again["number"] == record.number].iloc[0]
    assert row["value"] == pytest.approx(bic_of(record.misfit or 0.0, n, row["n_params"]))


def test_folds_hold_the_classes_in_their_shares() -> None:
    y = (np.arange(50) < 7).astype(float)
    masks = [fold_rows(50, i, 5, 3, y) for i in range(5)]
    assert sorted(y[m].sum() for m in masks) == [1, 1, 1, 2, 2]
    assert sorted(m.sum() for m in masks) == [10] * 5
    np.testing.assert_array_equal(np.sum(masks, axis=0), np.ones(50))


@pytest.mark.parametrize("model", [*CLASSIFIERS, *COMPARISON_FAMILIES, "network"])
def test_a_fold_without_one_of_the_classes(model: str, data: Dataset) -> None:
    """One row of a class: the fold that holds it out leaves none to train on, and any other has none to predict."""
    lonely = replace(data, y_train=(np.arange(data.n) == 5).astype(float))
    network: dict[str, Any] = {"cell": Cell(2, 3, 2), "engine": "lm", "options": FitOptions()}
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
    own, other = (
        PermutationTask(
            cells=(Cell(1, 2, 2),), engine="lm", options=FitOptions(), seed=0,
            count="identifiable", count_sigma2=False, shuffle=shuffle,
        )
        for shuffle in (None, 1)
    )  # fmt: skip
    gain = permutation(data, own)["gain"]
    assert gain > permutation(data, other)["gain"]
    p, (outcome,) = data.y_train.mean(), fit_unit(data, Unit(2, 2, (1,)), "lm", FitOptions(), 0)
    at_mean = aicc_of(-2 * data.n * (p * np.log(p) + (1 - p) * np.log(1 - p)), data.n, 1)
    K = StudySpec(count_sigma2=False).n_params(Cell(1, 2, 2), data.d)
    assert gain == pytest.approx(at_mean - aicc_of(outcome.misfit or np.nan, data.n, K), abs=1e-6)


# ---- predictions


def test_new_rows_get_a_class_and_its_probability(study: Study, data: Dataset) -> None:
    new = table(30, seed=9)
    new.loc[3, "a"] = np.nan
    new.loc[4, "a"] = 50.0
    found = study.predict(new.drop(columns="state"))
    assert found.columns == ["state_predicted", "state_set", "state_probability", "state_extrapolates"]
    frame = found.frame
    p = frame["state_probability"]
    assert p.isna().tolist() == [i == 3 for i in range(30)]
    assert pd.isna(frame["state_predicted"][3])
    known = p.notna()
    assert (frame["state_predicted"][known] == np.where(p[known] >= 0.5, NASTY, "healthy")).all()
    assert frame["state_extrapolates"].tolist()[4] is True
    assert any(f"probability of '{NASTY}'" in note for note in found.notes)
    hits = held_out(study.predictor(), data)
    assert (hits.rows, len(hits.p)) == ("test", len(data.y_test))
    choice = study.recommended
    assert choice is not None
    assert choice.classes is not None
    assert log_loss(hits.p, hits.y) == pytest.approx(choice.classes.log_loss_test, rel=1e-3)
    assert accuracy(hits.p, hits.y) == choice.classes.accuracy_test


# ---- taken away


@pytest.mark.parametrize("model", ["network", "logistic regression"])
def test_a_bundle_predicts_as_the_study_does(study: Study, data: Dataset, tmp_path: Path, model: str) -> None:
    new = table(40, seed=4)
    new.loc[2, "a"] = np.nan
    new.loc[3, "b"] = 9.0
    source = tmp_path / "new.csv"
    new.drop(columns="state").to_csv(source, index=False)
    if model == "network":
        path = study.export(tmp_path / "b.zip")
    else:
        fitted = fit_named("linear", data.X_train, data.y_train, 0, data.task)
        held = HeldFamily(fitted, data.X_train.min(axis=0), data.X_train.max(axis=0))
        path = tmp_path / "b.zip"
        content = document(Predictor("the logistic regression model", data.recipe, held), {})
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("s/model.json", json.dumps(content, allow_nan=False))
            archive.writestr("s/predict.py", predict_source())
    expected = (study.predictor() if model == "network" else read_bundle(path)).predict(new.drop(columns="state"))
    again = read_bundle(path).predict(new.drop(columns="state"))
    pd.testing.assert_frame_equal(again.frame, expected.frame, rtol=1e-9)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (folder,) = (p for p in tmp_path.iterdir() if p.is_dir())
    command = [sys.executable, str(folder / "predict.py"), str(source), str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert f"'state_probability' is the probability of '{NASTY}'" in done.stderr
    out = pd.read_csv(tmp_path / "out.csv")
    assert list(out.columns)[-len(expected.columns) :] == expected.columns
    np.testing.assert_allclose(out["state_probability"], expected.frame["state_probability"], rtol=1e-9)
    assert out["state_predicted"].isna().tolist() == [i == 2 for i in range(40)]
    known = out["state_predicted"].notna()
    assert (out["state_predicted"][known] == expected.frame["state_predicted"][known]).all()


def test_what_a_bundle_says_of_classes(study: Study, tmp_path: Path) -> None:
    files = study.bundle().files
    readme, report = files["README.md"], files["report.html"]
    for text in (readme, report):
        assert "log-loss test" in text
        assert "RMSE" not in text
        assert "<b>" not in text.replace("&lt;b&gt;", "")
    assert "`state_probability`, the probability of ill" in readme
    assert json.loads(files["model.json"])["model"]["link"] == "logit"
    formula: dict[str, Any] = {}
    exec(files["formula.py"], formula)
    assert "the probability that" in formula["predict"].__doc__
    p = formula["predict"](*np.full(formula["predict"].__code__.co_argcount, 0.1))
    assert 0 < p < 1


@pytest.mark.parametrize("change", [{"link": "identity"}, {"link": None}])
def test_a_bundle_whose_link_is_not_that_of_its_target_is_refused(
    study: Study, tmp_path: Path, change: dict[str, Any]
) -> None:
    content = json.loads(study.bundle().files["model.json"])
    content["model"] |= change
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("s/model.json", json.dumps(content))
    with refused(StudyError, "is damaged"):
        read_bundle(tmp_path / "b.zip")


def test_the_formula_is_of_the_log_odds(study: Study, data: Dataset) -> None:
    network = study.predictor().fitted
    assert isinstance(network, FittedKan)
    found = formula_of(curves_of(network, data.X_train), data)
    p = found.predict_inputs(data.X_test)
    np.testing.assert_allclose(p, expit(found.outputs_at(data.X_test)))
    assert found.error_test == pytest.approx(log_loss(p, data.y_test))
    assert found.network is not None
    assert found.network.error_test == pytest.approx(log_loss(network.predict(data.X_test), data.y_test))
    assert found.latex.count(r"\ln\frac{p}{1-p}") == 1
    assert "Log-loss on the test rows" in errors(found)


def test_importance_is_the_rise_of_the_log_loss(study: Study, data: Dataset) -> None:
    table = permutation_importance(study.predictor().fitted.predict, data)  # type: ignore[attr-defined]
    assert set(table["feature"][:2]) == {"a", "b"}
    assert table["rise"].iloc[0] > 0.02
