"""Tables with few rows for their features: networks of some of them, charged for the choice, or none; always an answer."""

from __future__ import annotations

from math import comb, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import kanlab
from kanlab.api import Study, open_study, tune
from kanlab.baselines.leave_one_out import LEFT_OUT, refitted
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, fit_model, network_data
from kanlab.errors import StudyError
from kanlab.explain.refits import fitted_network
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.decision import exact_models
from kanlab.selection.recommendation import recommend
from kanlab.solver.feature_screening import screened
from kanlab.stats.criteria import aicc
from kanlab.study.spec import StudySpec
from kanlab.study.trials import best_trial, completed, first_ranked
from tests.helpers.command_line import run, strict_json

KNOWN_BEFORE = StudySpec(count="identifiable")
MTCARS = Path(__file__).parent / "tables" / "mtcars.csv"


@pytest.fixture(scope="module")
def mtcars() -> Dataset:
    return Dataset.from_frame(pd.read_csv(MTCARS).drop(columns="rownames"), "mpg", name="mtcars.csv")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("few")


@pytest.fixture
def cars(mtcars: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Networks of screened features, as every count known before the fit needs them; made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    try:
        return open_study("cars")
    except StudyError:
        return tune(mtcars, SearchSpace((1, 2), (2, 3), (1, 2)), name="cars", workers=1, count="identifiable")


@pytest.fixture
def counted_later(mtcars: Dataset) -> Study:
    """Networks of all features, as a study has them by default."""
    return tune(mtcars, SearchSpace((1, 2), (2, 4), (1, 3)), name="later", workers=1)


# ---- which features


def best_pair(X: np.ndarray, y: np.ndarray) -> tuple[int, ...]:
    """The column of lowest AIC as a line and a square, by statsmodels; then the one that joins it best."""
    chosen: list[int] = []
    for _ in range(2):

        def fit(column: int) -> float:
            Z = np.concatenate([X[:, [*chosen, column]], X[:, [*chosen, column]] ** 2], axis=1)
            found = sm.OLS(y, sm.add_constant(Z)).fit()
            return float(len(y) * np.log(found.ssr) + 2 * np.linalg.matrix_rank(sm.add_constant(Z)))

        chosen.append(min((c for c in range(X.shape[1]) if c not in chosen), key=fit))  # fmt: skip
    return tuple(sorted(chosen))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_screening_is_forward_selection_of_lines_and_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 6)) * 10.0 ** rng.integers(-12, 12, 6)
    X[:, 3] = X[:, 3] > 0
    y = rng.normal(size=30) + X[:, 0] / X[:, 0].std() + (X[:, 5] / X[:, 5].std()) ** 2
    unit = X / X.std(axis=0)  # statsmodels needs columns of one size
    assert screened(X, y, 2) == best_pair(unit, y)


def test_of_a_thousand_columns_those_that_matter() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 1000))
    y = 2 * X[:, 3] + X[:, 77] ** 2 + 0.3 * rng.normal(size=100)
    assert {3, 77} <= set(screened(X, y, 5))
    assert screened(X[:, [3, 3, 3, 77]], y, 2) == (0, 3)  # a copy says nothing more
    assert screened(X[:, :2], y, 7) == (0, 1)


# ---- the networks


def test_a_network_of_screened_features_predicts_from_all_of_them(mtcars: Dataset) -> None:
    options = FitOptions(features=2)
    part, kept = network_data(mtcars, options)
    assert kept == screened(mtcars.X_train, mtcars.y_train, 2)
    network = fit_model(mtcars, Cell(1, 2, 1), "lm", options, 0)
    alone = fit_model(part, Cell(1, 2, 1), "lm", FitOptions(), 0)
    # the same numbers; how their sums are ordered differs with the number of features on some processors
    np.testing.assert_allclose(network.predict(mtcars.X_test), alone.predict(part.X_test), rtol=1e-14)
    moved = mtcars.X_test.copy()
    moved[:, [c for c in range(mtcars.d) if c not in kept]] += 100.0
    predicted, outside = network.predict_flagged(moved)
    np.testing.assert_array_equal(predicted, network.predict(mtcars.X_test))
    np.testing.assert_array_equal(outside, alone.predict_flagged(part.X_test)[1])


@pytest.mark.parametrize("engine", ["lm", "pykan-lbfgs"])
def test_every_engine_fits_them(engine: str, mtcars: Dataset) -> None:
    network = fit_model(mtcars, Cell(1, 2, 1), engine, FitOptions(features=2), 0)
    assert network.spec.layer_widths == (10, 1, 1)
    left = float(np.sum((network.predict(mtcars.X_train) - mtcars.y_train) ** 2))
    assert network.rss_train == pytest.approx(left, rel=1e-6)


def test_how_many_features_the_rows_carry() -> None:
    for n, d in ((26, 10), (24, 6), (38, 15), (80, 1000), (30, 200)):
        spec = KNOWN_BEFORE.for_few_rows(n, d)
        features = spec.options.features
        assert features is not None
        smallest = kanlab.n_params((features, 1, 1), 2, 1) + 1
        assert spec.n_params(Cell(1, 2, 1), d) == smallest
        assert 2 * smallest <= n < 2 * (kanlab.n_params((features + 1, 1, 1), 2, 1) + 1)
        assert spec.screening_charge(d) == pytest.approx(2 * log(comb(d, features)))
    assert KNOWN_BEFORE.for_few_rows(400, 10) == KNOWN_BEFORE
    assert KNOWN_BEFORE.for_few_rows(8, 10) == KNOWN_BEFORE  # no network of one feature either
    ten = KNOWN_BEFORE.for_few_rows(11, 10)
    assert (ten.options.features, len(ten.admissible(11, 10))) == (1, 1)


def test_beside_other_families_aicc_pays_for_the_choice(cars: Study, mtcars: Dataset) -> None:
    assert cars.spec.options.features == 2
    best = cars.best
    assert best is not None
    assert best.aicc == pytest.approx(aicc(best.rss_train, mtcars.n, best.n_params))
    (listed,) = [c for c in cars.recommendation.candidates if c.trial is not None and c.trial.number == best.number]
    assert listed.aicc == pytest.approx(best.aicc + 2 * log(comb(10, 2)))
    network, notes = fitted_network(cars.handle, best)
    assert notes == []
    assert network.rss_train == pytest.approx(best.rss_train, rel=1e-9)


def test_a_row_left_out_is_left_out_of_the_screening_too(cars: Study, mtcars: Dataset) -> None:
    best = first_ranked(cars.handle.records())
    assert best is not None
    press = recommend(cars.handle, cars.handle.records(), None).candidates
    (found,) = [c.press for c in press if c.trial is not None and c.trial.number == best.number]
    residual = []
    for i in range(mtcars.n):
        others = np.arange(mtcars.n) != i
        X, y = mtcars.X_train[others], mtcars.y_train[others]
        kept = list(screened(X, y, 2))
        rows = Dataset.from_frame(pd.DataFrame(X[:, kept], columns=["u", "v"]).assign(y=y), "y", test_fraction=0.0)
        alone = kanlab.fit(rows, best.cell.neuron_num, best.cell.grid, best.cell.k)
        residual.append(mtcars.y_train[i] - alone.predict(mtcars.X_train[[i]][:, kept])[0])
    if best.cell.neuron_num == 1:  # one that is fitted after no other
        assert found == pytest.approx(float(np.sum(np.square(residual))), rel=1e-6)


# ---- the answer


def test_mtcars_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """As a newcomer would try it."""
    run("tune", str(MTCARS), "--target", "mpg", "--json", "--workers", "1", "--grid", "2:4", "--count", "identifiable")
    out, err = capsys.readouterr()
    content = strict_json(out)
    families = {b["family"]: b for b in content["baselines"]}
    assert set(families) == {"constant", "linear", "stepwise", "ridge", "gam"}
    assert content["space"]["admissible"] == len(content["trials"]) > 0
    assert "Networks take 2 of the 10 features" in err
    assert content["recommended"]["rss_test"] < 0.5 * families["constant"]["rss_test"]


def test_twelve_rows_have_an_answer_without_a_network(mtcars: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "twelve.csv"
    pd.read_csv(MTCARS)[["mpg", "wt", "hp", "qsec"]].head(12).to_csv(path, index=False)
    run("tune", str(path), "--target", "mpg", "--study", "twelve", "--test-fraction", "0.25")
    study = kanlab.open_study("twelve")
    assert study.state.name == "finished"
    assert study.state.detail == "No network is admissible; the other families are compared."
    assert study.handle.records() == []
    choice = study.recommendation.choice
    assert choice is not None
    assert not choice.is_network
    assert study.recommendation.reasons
    assert study.predict(pd.read_csv(path)).frame["mpg_predicted"].notna().all()


def test_noise_in_a_thousand_columns_is_noise() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(60, 200)), columns=[f"g{i}" for i in range(200)])
    data = Dataset.from_frame(wide.assign(y=rng.normal(size=60)), "y")
    study = tune(data, SearchSpace((1, 2), (2, 3), (1, 1)), workers=1)
    assert study.recommendation.choice is not None
    assert study.recommendation.choice.family in ("constant", "ridge")
    press = {b.family: b.press for b in study.handle.baselines}
    assert (study.recommendation.choice.press or 0.0) <= (press["constant"] or 0.0)


# ---- admissible after the fit


def test_configurations_of_all_features_are_admissible_by_what_their_fits_spend(
    counted_later: Study, mtcars: Dataset
) -> None:
    spec, records = counted_later.spec, counted_later.handle.records()
    assert (spec.after_fit, spec.options.features, spec.options.smoothing) == (True, None, 10_000.0)
    assert len(records) == len(spec.admissible(mtcars.n, mtcars.d)) > 4
    done = completed(records)
    for record in done:
        assert record.edf is not None
        assert record.edf < MOST_EDF * mtcars.n
        spent = effective_count(record.edf, 10, record.cell.neuron_num, count_sigma2=True)
        assert record.n_params == record.n_params_effective == spent < mtcars.n - 1
        assert record.aicc == record.criterion == pytest.approx(aicc(record.rss_train, mtcars.n, spent))
    assert best_trial(records) == first_ranked(records)
    network, notes = fitted_network(counted_later.handle, done[0])
    assert notes == []
    assert network.rss_train == pytest.approx(done[0].rss_train, rel=1e-9)
    assert network.spec.layer_widths[0] == 10


def test_a_fit_that_follows_its_rows_is_inadmissible(mtcars: Dataset) -> None:
    spec = StudySpec(space=SearchSpace((1, 2), (2, 4), (1, 3)), options=FitOptions(smoothing=1.0))
    study = tune(mtcars, spec=spec, name="wild", workers=1)
    content = study.to_dict()
    states = {t["state"] for t in content["trials"]}
    assert "inadmissible" in states <= {"inadmissible", "complete"}
    assert content["count"] == "effective"
    for trial in content["trials"]:
        K = trial["n_params"]
        if trial["state"] == "inadmissible":
            assert trial["aicc"] is None
            assert f"the fit follows its {mtcars.n} rows" in trial["status"]
        else:
            assert mtcars.n - K - 1 > 0
            assert trial["aicc"] == pytest.approx(aicc(trial["rss_train"], mtcars.n, K))
    assert content["recommended"] is not None


def test_what_they_mean_is_said_before_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    run("tune", str(MTCARS), "--target", "mpg", "--json", "--workers", "1", "--grid", "2:3", "--k", "1:2")
    out, err = capsys.readouterr()
    content = strict_json(out)
    assert "inadmissible after the fit" in err
    done = [t for t in content["trials"] if t["state"] == "complete"]
    assert content["best"]["aicc"] == min(t["aicc"] for t in done)
    points = [(t["n_params"], t["rss_train"]) for t in done]
    front = [t["number"] for t, (K, rss) in zip(done, points, strict=True)
             if not any(k <= K and r <= rss and (k, r) != (K, rss) for k, r in points)]  # fmt: skip
    assert set(content["pareto"]) == set(front)


def test_where_the_count_known_before_is_asked_for_or_no_penalty_holds_features_are_screened(mtcars: Dataset) -> None:
    n, d = mtcars.n, mtcars.d
    assert StudySpec().for_few_rows(n, d).after_fit
    assert not StudySpec().for_few_rows(400, 10).after_fit
    for spec in (
        KNOWN_BEFORE,
        StudySpec(engine="pykan-lbfgs"),
        StudySpec(options=FitOptions(smoothing=0.0)),
    ):
        few = spec.for_few_rows(n, d)
        assert not few.after_fit
        assert few.options.features is not None
    assert StudySpec().for_few_rows(60, 1000).options.features is not None  # too many parameters for any penalty
    assert StudySpec(options=FitOptions(smoothing=50.0)).for_few_rows(n, d).options.smoothing == 50.0
    assert not StudySpec().for_few_rows(9, 3).after_fit  # no network of one feature either


# ---- leave-one-out


def test_the_gam_is_judged_by_rows_left_out(mtcars: Dataset) -> None:
    from kanlab.baselines.gam import fit

    residual = LEFT_OUT["gam"](mtcars.X_train, mtcars.y_train)
    i = 7
    others = np.arange(mtcars.n) != i
    alone = fit(mtcars.X_train[others], mtcars.y_train[others]).predict(mtcars.X_train[[i]])[0]
    assert residual[i] == pytest.approx(mtcars.y_train[i] - alone)
    left_out = refitted(lambda X, y: fit(X, y), mtcars.X_train, mtcars.y_train)
    np.testing.assert_allclose(mtcars.y_train - left_out, residual, rtol=1e-6)


# ---- exact and constant targets


def test_one_row_that_differs_is_no_reason_for_a_network() -> None:
    y = np.full(60, 5.0)
    y[30] = 6.0
    data = Dataset.from_frame(pd.DataFrame({"x": np.arange(1.0, 61.0), "y": y}), "y")
    assert 6.0 in data.y_train
    study = tune(data, SearchSpace((1, 2), (2, 4), (1, 2)), workers=1)
    choice = study.recommendation.choice
    assert choice is not None
    assert choice.family == "constant"
    assert any("may carry no information" in w.sentence for w in study.recommendation.warnings)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_linear_formula_is_said_to_be_exact(columns: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 50, (60, columns)).astype(float), columns=["a", "b"][:columns])
    frame["y"] = 2.0 * frame["a"] + (frame["b"] if columns == 2 else 1.0)
    study = tune(Dataset.from_frame(frame, "y"), SearchSpace((1, 2), (2, 3), (1, 1)), workers=1)
    found = study.recommendation
    assert found.choice is not None
    assert found.choice.family == "linear"
    assert found.choice in exact_models(found.candidates)
    assert "reproduces the target exactly" in found.reasons[0]
    assert len(found.reasons) == 1


def test_a_study_without_networks_can_be_validated(mtcars: Dataset) -> None:
    study = tune(mtcars, SearchSpace((9, 10), (9, 10), (3, 3)), name="none")
    study.validate(workers=1)
    assert study.validation is not None
    assert study.validation.state == "done"
    assert study.validation.null == {}
    families = ["constant", "linear", "stepwise", "ridge", "gam", "polynomial", "mlp", "boosting"]
    assert sorted(str(key) for key in study.validation.folds) == sorted(families)
    assert [f["family"] for f in study.validation.families] == ["boosting", "mlp", "polynomial"]
    assert sorted(c.family for c in study.recommendation.candidates).count("gam") == 1
