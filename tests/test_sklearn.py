"""The estimators of kanlab.sklearn: scikit-learn's own checks of them, and its tools around them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import kanlab
from kanlab.data.dataset import Dataset
from kanlab.execution.in_memory import search
from kanlab.kan.search_space import Cell
from kanlab.selection.recommendation import recommend
from kanlab.sklearn import KANClassifier, KANRegressor, SplineKANClassifier, SplineKANRegressor
from kanlab.study.spec import StudySpec

ALL = [KANRegressor, KANClassifier, SplineKANRegressor, SplineKANClassifier]
SMALL: dict[str, Any] = {"neuron_num": (1, 2), "grid": (2, 3), "k": 3}
ONE: dict[str, Any] = {"neuron_num": 1, "grid": 2, "k": 3}

# those of the most fits: the form of what goes in and out has nothing to do with the size of a search
OF_A_SMALL_SEARCH = {
    "check_classifiers_train", "check_estimators_dtypes", "check_n_features_in_after_fitting",
    "check_positive_only_tag_during_fit", "check_sample_weights_list", "check_sample_weights_not_an_array",
    "check_sample_weights_pandas_series",
}  # fmt: skip


@parametrize_with_checks([kind() for kind in ALL])
def test_checks_of_scikit_learn(estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, at the defaults but for those that make the most fits, among them whether a weight is a repeated row."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it one of them is skipped
    searches = isinstance(estimator, KANRegressor | KANClassifier)
    if searches and check.func.__name__ in OF_A_SMALL_SEARCH:
        estimator.set_params(**SMALL)
    elif searches and check.func.__name__ == "check_sample_weight_equivalence_on_dense_data":
        estimator.set_params(**ONE)
    check(estimator)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(-1, 1, 120), "b": rng.uniform(-1, 1, 120), "noise": rng.normal(size=120)})
    frame["kind"] = np.where(rng.uniform(size=120) < 0.5, "red", "blue")
    frame["y"] = np.sin(3 * frame["a"]) + frame["b"] ** 2 + (frame["kind"] == "red") + 0.05 * rng.normal(size=120)
    return frame


@pytest.fixture(scope="module")
def numbers(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return table[["a", "b", "noise"]].to_numpy(), table["y"].to_numpy()


@pytest.fixture(scope="module")
def fitted(table: pd.DataFrame) -> KANRegressor:
    return KANRegressor(**SMALL).fit(table.drop(columns="y"), table["y"])


def test_same_choice_and_numbers_as_a_study(table: pd.DataFrame) -> None:
    frame = table[["a", "b", "y"]].sort_values(["a", "b", "y"], ignore_index=True)
    data = Dataset.from_frame(frame, "y", test_fraction=0.0)
    space = kanlab.SearchSpace((1, 2), (2, 3), (3, 3))
    study = kanlab.tune(data, space, workers=1, test_fraction=0.0)
    model = KANRegressor(**SMALL).fit(frame[["a", "b"]], frame["y"])
    stored = study.recommendation
    assert stored.choice is not None
    assert model.recommendation_.summary == stored.summary
    assert model.recommendation_.reasons == stored.reasons
    of_study = [c.label for c in stored.candidates if c.family != "average"]  # which an estimator does without
    assert [c.label for c in model.recommendation_.candidates] == of_study
    pd.testing.assert_frame_equal(model.trials_.drop(columns="seconds"), study.table.drop(columns="seconds"))
    predicted = study.predict(frame, use="read").frame["y_predicted"]
    np.testing.assert_allclose(model.predict(frame[["a", "b"]]), predicted, rtol=1e-12)


def test_a_memory_study_leaves_nothing_on_the_disk(table: pd.DataFrame, tmp_path: Path) -> None:
    script = (
        "import numpy as np; from kanlab.sklearn import KANRegressor\n"
        "x = np.linspace(-1, 1, 40)[:, None]; KANRegressor(neuron_num=1, grid=2, k=3).fit(x, x[:, 0] ** 2)\n"
        "import sys; print('torch' in sys.modules, 'kan' in sys.modules, 'streamlit' in sys.modules)"
    )
    environment = os.environ | {"KANLAB_HOME": str(tmp_path / "home"), "KANLAB_STORAGE": ""}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.split() == ["False", "False", "False"]
    assert not [p for p in (tmp_path / "home").rglob("*") if p.suffix in (".db", ".parquet")]


def test_any_number_of_processes(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = numbers
    one, two = (KANRegressor(**SMALL, n_jobs=jobs).fit(X, y) for jobs in (1, 2))
    assert np.array_equal(one.predict(X), two.predict(X))
    assert one.aicc_ == two.aicc_


def test_the_order_of_the_rows_changes_nothing(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = numbers
    order = np.random.default_rng(1).permutation(len(y))
    one, two = KANRegressor(**SMALL).fit(X, y), KANRegressor(**SMALL).fit(X[order], y[order])
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_a_curve_is_found_and_a_line_is_left_a_line(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    X, _ = numbers
    line = 2 * X[:, 0] - X[:, 1] + 0.1 * np.random.default_rng(2).normal(size=len(X))
    model = KANRegressor(**SMALL).fit(X, line)
    assert model.family_ in ("linear", "stepwise", "ridge")
    assert model.network_ is None
    assert model.best_params_ == {}
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, line).predict(X), atol=0.1)
    curve = np.sin(3 * X[:, 0])
    model = KANRegressor(**SMALL).fit(X, curve)
    assert model.family_ == "kan"
    assert model.network_ is not None
    assert model.score(X, curve) > 0.95
    assert set(model.best_params_) == set(Cell._fields)


def test_constant_target() -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    assert KANRegressor(**SMALL).fit(X, np.full(20, 3.5)).predict(X[:2]).tolist() == [3.5, 3.5]


def test_constant_features() -> None:
    y = np.random.default_rng(0).normal(size=20)
    np.testing.assert_allclose(KANRegressor(**SMALL).fit(np.ones((20, 2)), y).predict(np.ones((1, 2))), y.mean())


def test_names_and_attributes(fitted: KANRegressor, table: pd.DataFrame) -> None:
    assert fitted.feature_names_in_.tolist() == ["a", "b", "noise", "kind"]
    assert fitted.n_features_in_ == 4
    assert fitted.family_ == "kan"
    assert fitted.recommendation_.reasons
    assert len(fitted.trials_) == 4
    assert fitted.n_params_ is not None
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(table[["b", "a", "noise", "kind"]])


def test_frames_of_polars_and_arrow_predict_alike(fitted: KANRegressor, table: pd.DataFrame) -> None:
    polars = pytest.importorskip("polars")
    rows = table.drop(columns="y").head(10)
    of_polars = polars.DataFrame(rows.to_dict("list"))
    np.testing.assert_array_equal(fitted.predict(of_polars), fitted.predict(rows))
    again = KANRegressor(**SMALL).fit(polars.DataFrame(table.drop(columns="y").to_dict("list")), table["y"])
    np.testing.assert_array_equal(again.predict(of_polars), fitted.predict(rows))


def test_an_unknown_level_is_said(fitted: KANRegressor, table: pd.DataFrame) -> None:
    rows = table.drop(columns="y").head(2).assign(kind="green")
    with pytest.warns(UserWarning, match="green"):
        assert np.isfinite(fitted.predict(rows)).all()


def test_gaps_are_filled_and_infinities_refused(fitted: KANRegressor, table: pd.DataFrame) -> None:
    rows = table.drop(columns="y").head(3)
    gap = rows.assign(a=[np.nan, *rows["a"][1:]])
    typical = rows.assign(a=[table["a"].median(), *rows["a"][1:]])
    np.testing.assert_allclose(fitted.predict(gap), fitted.predict(typical))
    with pytest.raises(ValueError, match="infinity"):
        fitted.predict(rows.assign(a=np.inf))
    with pytest.raises(ValueError, match="infinity"):
        SplineKANRegressor().fit([[np.inf], [1.0], [2.0]], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("wanted", [["code"], [1], [False, True]])
def test_numbers_as_categories(wanted: list[Any]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(size=90), "code": rng.choice([1, 2, 3], 90)})
    y = frame["code"].map({1: 0.0, 2: 5.0, 3: 1.0})
    model = SplineKANRegressor(neuron_num=1, grid=2, categorical_features=wanted).fit(frame, y)
    assert model.network_.features == ("x", "code=2", "code=3")
    by_type = SplineKANRegressor(neuron_num=1, grid=2).fit(frame.astype({"code": "category"}), y)
    assert by_type.network_.features == ("x", "code=2", "code=3")
    np.testing.assert_array_equal(model.predict(frame), by_type.predict(frame.astype({"code": "category"})))
    assert SplineKANRegressor(neuron_num=1, grid=2).fit(frame, y).network_.features == ("x", "code")


@pytest.mark.parametrize(
    ("wanted", "said"), [(["z"], "'z'"), ([True], "2 values"), ("all", "from_dtype"), ([7], "'7'")]
)
def test_categories_that_are_not_there(wanted: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SplineKANRegressor(categorical_features=wanted).fit(
            np.random.default_rng(0).normal(size=(20, 2)), np.arange(20.0)
        )


@pytest.mark.parametrize(
    ("kind", "weights"),
    [(SplineKANClassifier, [0.5] * 20), (SplineKANRegressor, [1e9] * 20), (KANRegressor, [1e9] * 20)],
)
def test_weights_that_count_nothing(kind: Any, weights: list[float]) -> None:
    """Fractions of a quantity weigh rows of unequal variance; of classes they are refused."""
    with pytest.raises(ValueError, match="Sample weights"):
        kind().fit(np.arange(20.0)[:, None], np.arange(20) % 2, sample_weight=weights)


def test_impossible_settings_are_value_errors() -> None:
    X, y = np.arange(20.0)[:, None], np.arange(20.0)
    for model in (KANRegressor(k=9), SplineKANRegressor(grid=0), KANRegressor(count="none"), KANRegressor(starts=0)):
        with pytest.raises(ValueError, match=r"\w"):
            model.fit(X, y)


def test_classes_keep_their_names_and_type(table: pd.DataFrame) -> None:
    X, y = table[["a", "b"]], pd.cut(table["a"] + table["b"], [-3, -0.4, 0.4, 3], labels=["low", "mid", "high"])
    model = SplineKANClassifier(neuron_num=1, grid=2).fit(X, y.astype(str))
    assert model.classes_.tolist() == ["high", "low", "mid"]
    assert model.predict_proba(X).shape == (120, 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.score(X, y.astype(str)) > 0.9
    two = KANClassifier(**SMALL).fit(X, (table["a"] > 0).to_numpy())
    assert two.predict(X).dtype == bool


def test_pipeline_grid_search_and_cross_validation(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = numbers
    model = SplineKANRegressor(neuron_num=2, grid=2)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), model).fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == ["x0", "x1", "x2"]
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.2
    found = GridSearchCV(model, {"neuron_num": [1, 2], "grid": [2, 3]}, cv=3).fit(X, y)
    assert set(found.best_params_) == {"neuron_num", "grid"}
    assert cross_val_predict(KANRegressor(neuron_num=1, grid=2, k=3), X, y, cv=2).shape == y.shape


def test_inspection(fitted: KANRegressor, table: pd.DataFrame) -> None:
    import matplotlib

    matplotlib.use("Agg")
    X = table.drop(columns="y")
    importance = permutation_importance(fitted, X, table["y"], n_repeats=3, random_state=0).importances_mean
    assert importance[2] == min(importance)
    curve = partial_dependence(fitted, X, ["a"], grid_resolution=10)
    assert np.corrcoef(curve["average"][0], np.sin(3 * curve["grid_values"][0]))[0, 1] > 0.9
    shown = PartialDependenceDisplay.from_estimator(fitted, X, ["a", "kind"], categorical_features=["kind"])
    assert shown.axes_.size


def test_shap(fitted: KANRegressor, table: pd.DataFrame) -> None:
    """The values of SHAP add up to the predictions."""
    shap = pytest.importorskip("shap")
    X = table[["a", "b", "noise"]]
    model = SplineKANRegressor(neuron_num=2, grid=2).fit(X, table["y"])
    values = shap.Explainer(model.predict, X.head(20), seed=0)(X.head(4))
    np.testing.assert_allclose(values.values.sum(axis=1) + values.base_values, model.predict(X.head(4)), atol=1e-9)


def test_pickled_cloned_and_shown(fitted: KANRegressor, table: pd.DataFrame, tmp_path: Path) -> None:
    X = table.drop(columns="y")
    joblib.dump(fitted, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(X), fitted.predict(X))
    assert clone(fitted).get_params() == fitted.get_params()
    assert "KANRegressor" in fitted._repr_html_()


def test_every_family_that_can_be_taken_is_pickled() -> None:
    """A spline GAM too, which stands beside the networks where the rows carry none of all features."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (40, 12))
    model = KANRegressor(**SMALL).fit(X, X[:, 0] ** 2 + 0.01 * rng.normal(size=40))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert "gam" in {c.family for c in model.recommendation_.candidates}


def test_the_rules_are_those_of_a_study(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    """A study in memory is a view that `recommend` takes, with its final check."""
    X, y = numbers
    data = Dataset.from_frame(pd.DataFrame(X).assign(y=y), "y", test_fraction=0.0)
    study = search(data, StudySpec(space=kanlab.SearchSpace((1, 2), (2, 3), (3, 3))))
    found = recommend(study, study.records, None)
    assert found.choice is not None
    assert found.choice.press is not None
    with pytest.raises(kanlab.KanlabError, match="budget"):
        search(data, StudySpec(trials=3))


def test_intervals(fitted: KANRegressor, table: pd.DataFrame, numbers: tuple[np.ndarray, np.ndarray]) -> None:
    """As a study's; they hold most of the rows, and those of a higher level more."""
    X, y = table.drop(columns="y"), table["y"].to_numpy()
    low, high = fitted.predict_interval(X).T
    assert np.mean((low <= y) & (y <= high)) > 0.85
    wider = fitted.predict_interval(X, level=0.99)
    assert (wider[:, 0] <= low).all()
    assert (high <= wider[:, 1]).all()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_interval(X).T, [low, high])
    with pytest.raises(ValueError, match="share above 0 and below 1"):
        fitted.predict_interval(X, level=95)
    single = SplineKANRegressor(neuron_num=1, grid=3, starts=2).fit(*numbers)
    assert single.predict_interval(numbers[0]).shape == (120, 2)


def test_sets_of_classes(table: pd.DataFrame) -> None:
    X, three = table[["a", "b"]], np.digitize(table["y"], [0.0, 1.2])
    model = SplineKANClassifier(neuron_num=1, grid=2, starts=2).fit(X, three)
    sets = model.predict_set(X, level=0.9)
    assert sets.shape == (120, 3)
    own = np.searchsorted(model.classes_, model.predict(X))
    assert sets[np.arange(120), own].all()
    assert sets[np.arange(120), three].mean() > 0.85
    assert (sets <= model.predict_set(X, level=0.98)).all()
