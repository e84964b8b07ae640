"""Precision weights: n stays, the variance of an error is sigma^2 / w; against statsmodels, refits and rows written out."""

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

from kanlab.api import tune
from kanlab.baselines import linear as linear_models
from kanlab.baselines.leave_one_out import LEFT_OUT
from kanlab.baselines.registry import baselines, fit_to
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import Recipe
from kanlab.engines.registry import FitOptions, fit_model
from kanlab.errors import DatasetError, FitError, KanlabError
from kanlab.execution.intervals import of_family
from kanlab.explain.bands import bands_of
from kanlab.explain.models import held_family
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.sklearn import SplineKANClassifier, SplineKANRegressor
from kanlab.solver.fit import fit_cell
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.solver.refit import continued
from kanlab.solver.smoother import leverages
from kanlab.stats.criteria import aicc_penalty
from kanlab.stats.interval_bounds import interval_bounds
from tests.helpers.sentences import refused


def table(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Means of 1 to 16 measurements, the more the surer."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    measured = rng.integers(1, 17, n).astype(float)
    noise = rng.normal(size=n) / np.sqrt(measured)
    return pd.DataFrame({"a": a, "b": b, "measured": measured, "y": 2 + a - 2 * b + 0.5 * noise})


def weighed(frame: pd.DataFrame, **options: Any) -> Dataset:
    return Dataset.from_frame(frame, "y", weights="measured", weights_are="precision", **options)


def test_linear_models_and_their_criterion_are_those_of_statsmodels() -> None:
    frame = table()
    wls = sm.WLS(frame["y"], sm.add_constant(frame[["a", "b"]]), weights=frame["measured"]).fit()
    for unit in (1.0, 7.0):  # of the weights, which changes nothing
        data = weighed(frame.assign(measured=unit * frame["measured"]), test_fraction=0.0)
        linear = next(b for b in baselines(data) if b.family == "linear")
        n, K = data.n, 4
        assert n == len(frame)
        # R and statsmodels count the weights in: -2 log L = n ln(RSS / n) + n (1 + ln 2 pi) - sum ln w
        assert linear.aicc == pytest.approx(-2 * wls.llf - n * (1 + np.log(2 * np.pi)) + aicc_penalty(n, K))
        assert linear.rmse_train == pytest.approx(np.sqrt(wls.ssr / frame["measured"].sum()))
        assert data.weight_of_rows * linear.rmse_train**2 == pytest.approx(linear.rss_train)
        assert fit_to("linear", data).predict(data.X_train) == pytest.approx(wls.fittedvalues.to_numpy())
        bands = bands_of(held_family(data, "linear", 0), data)
        assert bands is not None
        assert bands.predictions(data.X_train)["se"].to_numpy() == pytest.approx(wls.get_prediction().se_mean, rel=1e-6)


@pytest.mark.parametrize("family", ["constant", "linear", "stepwise", "ridge"])
def test_rows_left_out_are_refits_without_them(family: str) -> None:
    data = weighed(table(24), test_fraction=0.0)
    w, X, y = data.w_train, data.X_train, data.y_train
    assert w is not None
    fit = linear_models.forward if family == "stepwise" else getattr(linear_models, family)
    for row in (0, 11):
        others = np.arange(len(y)) != row
        without = fit(X[others], y[others], weights=w[others]).predict(X[row : row + 1])[0]
        assert LEFT_OUT[family](X, y, w)[row] == pytest.approx(y[row] - without)


@pytest.mark.parametrize("family", ["constant", "linear", "stepwise", "ridge", "polynomial", "gam", "mlp", "boosting"])
def test_every_family_listens_to_the_weights(family: str) -> None:
    frame = table(60).assign(measured=1.0)
    equal = weighed(frame, test_fraction=0.0)
    plain = Dataset.from_frame(frame.drop(columns="measured"), "y", test_fraction=0.0)
    same = fit_to(family, plain).predict(plain.X_train)
    assert fit_to(family, equal).predict(equal.X_train) == pytest.approx(same, abs=1e-8)
    some = np.where(frame["a"] > 0, 50.0, 1.0)
    other = weighed(
        frame.assign(measured=some, y=frame["y"] + 3.0 * (frame["b"] > 0) * (frame["a"] > 0)), test_fraction=0.0
    )
    unequal = fit_to(family, other).predict(other.X_train)
    assert abs(unequal - fit_to(family, replace(other, w_train=None)).predict(other.X_train)).max() > 1e-3


@pytest.mark.parametrize(("seed", "unit"), [(0, 1.0), (1, 0.01), (2, 100.0)])
def test_a_network_of_weighted_rows_is_that_of_rows_written_out(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    X, w = rng.uniform(-1, 1, (60, 2)), rng.integers(1, 4, 60)
    y = np.sin(2 * X[:, 0]) + X[:, 1] + 0.2 * rng.normal(size=60)
    every = np.repeat(np.arange(60), w)
    # one interval, whose knots stand at the ends of the rows however often these are written
    one = fit_cell(X, y, 1, 1, 3, weights=unit * w)
    two = continued(one, X[every], y[every], 1000.0)
    same = continued(one, X, y, 1000.0, weights=unit * w)
    assert same.predict(X) == pytest.approx(two.predict(X), abs=0.01)
    assert same.rss_train == pytest.approx(unit * two.rss_train, rel=1e-3)
    assert one.rss_train == pytest.approx(np.sum(unit * w * (y - one.predict(X)) ** 2))
    h = leverages(same, X, y, unit * w)
    written_out = leverages(same, X[every], y[every])  # of the same network, as where a descent ends is not exact
    assert h == pytest.approx(np.bincount(every, written_out), rel=1e-6)
    assert one.edf == pytest.approx(leverages(one, X, y, unit * w).sum(), rel=0.05)


def test_a_row_left_out_of_a_network_is_a_refit_without_it() -> None:
    frame = table(60, 2)
    X, y, w = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy(), frame["measured"].to_numpy()
    fitted = continued(fit_cell(X, y, 1, 3, 3, weights=w), X, y, 1000.0, weights=w)
    found = predictions_left_out(fitted, X, y, 1000.0, w)
    for row in (3, 40):
        others = np.arange(60) != row
        refit = continued(fitted, X[others], y[others], 1000.0, weights=w[others]).predict(X[row : row + 1])[0]
        assert found[row] == pytest.approx(refit, abs=0.02)


def test_a_study_keeps_the_number_of_rows_and_the_meaning_of_the_weights(tmp_path: Path) -> None:
    data = weighed(table())
    study = tune(data, SearchSpace((1, 1), (2, 3), (2, 2)), workers=1, name="means")
    assert (data.n, len(data.y_test)) == (64, 16)
    assert data.features == ("a", "b")
    assert study.handle.data.n_train == 64
    assert study.handle.data.weights_are == "precision"
    best = study.handle.records()[0]
    n = data.n
    assert best.scores.aicc == pytest.approx(
        n * np.log(best.scores.rss_train / n) + aicc_penalty(n, best.scores.n_params)
    )
    recipe = Recipe.from_dict(json.loads(study.bundle().files["model.json"])["recipe"])
    assert (recipe.preparation.weights, recipe.preparation.weights_are) == ("measured", "precision")
    predicted = study.predict(table().drop(columns="measured"))  # new rows need no weight
    assert any("whose weight 'measured' is" in note for note in predicted.notes)
    new = table(9, 5).assign(measured=[1, 2, 4, 16, 0.5, 8, 3, 0, np.nan])  # the last two say nothing
    own = study.predict(new)
    assert any("A row without one counts as one of weight" in note for note in own.notes)
    ratio = np.sqrt(np.where(new["measured"] > 0, new["measured"] / data.w_unit, 1.0))
    mean = study.predict(new.drop(columns="measured")).frame
    for bound in own.bounds:
        half = (mean[bound] - mean["y_predicted"]) / ratio
        np.testing.assert_allclose(own.frame[bound] - own.frame["y_predicted"], half)
    new.to_csv(tmp_path / "new.csv", index=False)
    study.export(tmp_path / "means.zip")
    with zipfile.ZipFile(tmp_path / "means.zip") as bundle:
        bundle.extractall(tmp_path)
    program = next(tmp_path.rglob("predict.py"))
    command = [sys.executable, "-P", str(program), str(tmp_path / "new.csv"), str(tmp_path / "out.csv")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert "A row without one counts as one of weight" in said
    columns = ["y_predicted", *own.bounds]
    np.testing.assert_allclose(pd.read_csv(tmp_path / "out.csv")[columns], own.frame[columns].astype(float))
    data.save(tmp_path / "rows.parquet")
    again = Dataset.load(tmp_path / "rows.parquet")
    assert (again.sha256, again.w_unit) == (data.sha256, data.w_unit)
    assert np.array_equal(again.w_train, data.w_train)  # type: ignore[arg-type]
    assert data.sha256 != Dataset.from_frame(table().drop(columns="measured"), "y").sha256


def test_an_interval_is_that_of_the_weight_of_its_row() -> None:
    """Light rows and heavy ones are held as often as promised; by intervals of a mean weight they are not."""
    data, new = weighed(table(300), test_fraction=0.0), table(2000, 1)
    model = held_family(data, "linear", 0)
    record = of_family(data, model, "linear", 0)
    assert record is not None
    X, w = new[["a", "b"]].to_numpy(), new["measured"].to_numpy() / data.w_unit
    outputs, y = model.predict_flagged(X)[0], new["y"].to_numpy()
    for rows, plain in ((w < 0.4, 0.45), (w > 1.5, 0.97)):
        for weights, expected in ((w[rows], 0.9), (None, plain)):
            low, high = interval_bounds(record, outputs[rows], X[rows], 0.9, weights)
            assert np.mean((low <= y[rows]) & (y[rows] <= high)) == pytest.approx(expected, abs=0.05)


def test_how_precise_a_class_is_means_how_often_it_was_seen() -> None:
    """Analytic weights of a GLM of known dispersion give the fit and the deviance of rows written out; n alone differs."""
    rng = np.random.default_rng(0)
    x, trials = rng.uniform(-2, 2, 60), rng.integers(1, 9, 60)
    ones = rng.binomial(trials, 1 / (1 + np.exp(-x)))
    share = sm.GLM(ones / trials, sm.add_constant(x), family=sm.families.Binomial(), var_weights=trials).fit()
    both = pd.DataFrame({"x": np.tile(x, 2), "y": np.repeat(["yes", "no"], 60), "seen": [*ones, *(trials - ones)]})
    label = sm.GLM(
        both["y"] == "yes", sm.add_constant(both["x"]), family=sm.families.Binomial(), var_weights=both["seen"]
    )
    data = Dataset.from_frame(both, "y", weights="seen", positive="yes", test_fraction=0.0)
    assert data.n == trials.sum()
    linear, found = next(b for b in baselines(data) if b.family == "linear"), fit_to("linear", data)
    assert found.predict(x[:, None]) == pytest.approx(share.fittedvalues, abs=1e-5)
    assert linear.scores.classes is not None
    assert linear.scores.classes.deviance_train == pytest.approx(label.fit().deviance)


def test_rows_of_weight_0_are_left_out_and_scales_stay_as_they_are() -> None:
    frame = table().assign(y=lambda t: np.exp(3 * t["y"]))
    frame.loc[[2, 5], "measured"] = 0.0
    data = weighed(frame, test_fraction=0.0)
    assert data.n == 78
    assert any("2 rows of weight 0 are left out" in note for note in data.notes)
    assert data.target_transform.scale == "none"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"measured": -1.0}, "-1"),
        ({"measured": 0.0}, "all 0"),
        ({"measured": "a"}, "no numbers"),
        ({"measured": np.nan}, "missing in rows 1, 2, 3 and 77 more"),
        ({"measured": [1e-9, *[1e9] * 79]}, "tell apart"),
        ({"y": ["no", "yes"] * 40}, "how precise a class such as 'yes' is"),
    ],
)
def test_bad_weights_get_one_sentence(changed: dict[str, object], word: str) -> None:
    with refused(DatasetError, word):
        weighed(table().assign(**changed))  # type: ignore[arg-type]


def test_what_cannot_weigh_rows_says_so() -> None:
    counts = table().assign(y=np.arange(80) % 7)
    assert weighed(counts).distribution == ""  # nobody asked for counts
    with refused(DatasetError, "how precise a count such as 'y' is", "predict the rate, 'y' divided by them"):
        weighed(counts, task="counts")
    with refused(DatasetError, "frequency, precision"):
        Preparation(weights="w", weights_are="often")  # type: ignore[arg-type]
    with refused(FitError, "weighs all rows alike"):
        fit_model(weighed(table()), Cell(1, 2, 2), "pykan-lbfgs", FitOptions(), 0)
    with refused(KanlabError, "weighs all rows alike"):
        tune(weighed(table()), SearchSpace((1, 1), (2, 2), (2, 2)), engine="pykan-lbfgs", workers=1)
    with pytest.raises(ValueError, match="whole numbers"):
        SplineKANClassifier().fit(np.arange(20.0)[:, None], np.arange(20) % 2, sample_weight=np.full(20, 0.5))


def test_an_estimator_takes_them_as_sample_weights() -> None:
    frame = table()
    X, y, w = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy(), frame["measured"].to_numpy() / 3.0
    one = SplineKANRegressor(neuron_num=1, grid=2).fit(X, y, w)
    far = y + 5.0 * (w < 1.0)  # what is hardly known does not pull
    other = SplineKANRegressor(neuron_num=1, grid=2).fit(X, far, np.where(w < 1.0, 1e-6, w))
    assert abs(other.predict(X) - one.predict(X)).mean() < 0.2
    assert one.predict_interval(X).shape == (80, 2)
    plain, own = (one.predict_interval(X, sample_weight=s) for s in (None, 16 * w))
    assert np.ptp(own, axis=1) == pytest.approx(np.ptp(plain, axis=1) / np.sqrt(16 * w / np.exp(np.mean(np.log(w)))))
    with pytest.raises(ValueError, match="for each row of X"):
        one.predict_interval(X, sample_weight=np.where(w < 1.0, 0.0, w))
    none = np.where(w < 1.0, 0.0, w)
    left = SplineKANRegressor(neuron_num=1, grid=2).fit(X[w >= 1.0], y[w >= 1.0], w[w >= 1.0])
    assert SplineKANRegressor(neuron_num=1, grid=2).fit(X, y, none).predict(X) == pytest.approx(left.predict(X))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "means.csv"
    table().to_csv(path, index=False)
    ranges = ["--neuron-num", "1:1", "--grid", "2:2", "--k", "1:1", "--workers", "1", "--json"]
    given = ["tune", str(path), "--target", "y", "--weights", "measured", *ranges]
    assert main([*given, "--weights-are", "precision"]) == 0
    out, err = capsys.readouterr()
    content = json.loads(out)["data"]
    assert (content["weights"], content["weights_are"]) == ("measured", "precision")
    assert content["n_train"] + content["n_test"] == 80
    assert "how precise the target of each row is" in err
    assert main([*given, "--weights-are", "importance"]) == 2
    assert "frequency, precision" in capsys.readouterr().err
