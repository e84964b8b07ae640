"""Targets that span decades: when the logarithm is taken, on one scale of AICc, and what is said of it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.api import tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.scale_choice import _skewness, is_skewed, spans_decades, suggested
from kanlab.errors import StudyError
from kanlab.explain.study_predictor import smearing
from kanlab.export.document import read_bundle
from kanlab.kan.search_space import SearchSpace
from kanlab.stats.criteria import aicc, aicc_penalty
from tests.helpers.sentences import refused

pytestmark = pytest.mark.usefixtures("one_worker")

MAMMALS = Path(__file__).parents[1] / "tables" / "mammals.csv"
SMALL = SearchSpace((1, 1), (2, 3), (1, 2))


@pytest.fixture
def mammals() -> pd.DataFrame:
    """Body weight in kg and brain weight in g of 62 species (Allison & Cicchetti 1976; `mammals` of the R package MASS)."""
    return pd.read_csv(MAMMALS)


def test_the_logarithm_of_brains_on_that_of_bodies_is_a_line(mammals: pd.DataFrame) -> None:
    data = Dataset.from_frame(mammals, "brain", ["body"], test_fraction=0.0)
    assert (data.target_label, data.preparation.target_scale, data.features) == ("log(brain)", "log", ("log(body)",))
    assert data.columns[0].transform.scale == "log"
    (said,) = [n for n in data.notes if "decades" in n]
    assert "spans 4.6 decades" in said
    assert "on the logarithm of 'body'" in said
    assert "choose none" in said
    study = tune(data, SMALL, workers=1)
    choice = study.recommendation.choice
    assert choice is not None
    assert choice.family == "linear"
    ols = sm.OLS(np.log(mammals["brain"]), sm.add_constant(np.log(mammals["body"]))).fit()
    assert ols.params["body"] == pytest.approx(0.7517, abs=1e-4)  # as in Weisberg, Applied Linear Regression
    K, n = 3, len(mammals)
    constants = n * (1 + np.log(2 * np.pi)) + 2 * np.log(mammals["brain"]).sum()
    assert choice.aicc + study.handle.data.aicc_offset == pytest.approx(  # type: ignore[operator]
        -2 * ols.llf
        + aicc_penalty(n, K)
        + 2 * np.log(mammals["brain"]).sum()
        - constants
        + study.handle.data.aicc_offset
    )
    predicted = study.predict(mammals)
    np.testing.assert_allclose(predicted.frame["brain_predicted"], np.exp(ols.fittedvalues), rtol=1e-8)
    assert study.predictor().smearing == pytest.approx(np.mean(np.exp(ols.resid)))
    assert any("Duan" in note for note in predicted.notes)
    assert study.to_dict()["data"]["aicc_offset"] == pytest.approx(2 * np.log(mammals["brain"]).sum())


@pytest.mark.parametrize("scale", ["none", "rank", "log"])
def test_a_scale_that_is_asked_for_is_taken(mammals: pd.DataFrame, scale: str) -> None:
    data = Dataset.from_frame(mammals, "brain", ["body"], preparation=Preparation(target_scale=scale))
    assert data.preparation.target_scale == scale
    assert data.columns[0].transform.scale == "none"
    assert not any("decades" in n for n in data.notes)


def test_scales_of_features_that_are_asked_for_stay(mammals: pd.DataFrame) -> None:
    data = Dataset.from_frame(mammals, "brain", ["body"], preparation=Preparation(scales={"body": "rank"}))
    assert (data.preparation.target_scale, data.columns[0].transform.scale) == ("log", "rank")


def table_of(y: np.ndarray, x: np.ndarray | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=len(y)) if x is None else x, "y": y})


rng = np.random.default_rng(1)
X = rng.uniform(0, 1, 200)


@pytest.mark.parametrize(
    ("y", "scale"),
    [
        (np.exp(8 * X + 0.3 * rng.normal(size=200)), "log"),
        (rng.lognormal(0, 2, 200), "log"),
        (1 + 1000 * X + rng.uniform(0, 1, 200), "none"),  # three decades, but a line of itself
        (np.exp(2 * X + 0.3 * rng.normal(size=200)), "none"),  # less than two decades
        (rng.lognormal(0, 2, 200) * (rng.random(200) > 0.1), "none"),  # holds 0
        (rng.lognormal(0, 2, 200) - 1, "none"),
        (rng.normal(50, 10, 200), "none"),
    ],
)
def test_when_the_logarithm_is_taken(y: np.ndarray, scale: str) -> None:
    data = Dataset.from_frame(table_of(y, X), "y")
    assert data.preparation.target_scale == scale


def test_what_is_suggested_has_the_lower_aicc_on_the_scale_of_the_target() -> None:
    y = np.exp(5 * X + 0.4 * rng.normal(size=200))
    data = Dataset.from_frame(table_of(y, X), "y", test_fraction=0.0)
    plain = Dataset.from_frame(table_of(y, X), "y", test_fraction=0.0, preparation=Preparation(target_scale="none"))

    def line(d: Dataset) -> float:
        A = sm.add_constant(d.X_train)
        return aicc(float(sm.OLS(d.y_train, A).fit().ssr), d.n, 3)

    offset = data.target_transform.aicc_offset(data.y_train)
    assert offset is not None
    gain = line(plain) - line(data) - offset
    (said,) = [n for n in data.notes if "decades" in n]
    assert f"its AICc is {gain:,.0f} lower" in said


@pytest.mark.parametrize(
    ("low", "high", "sigma", "scale"),
    [
        (0.1, 0.1 * 10**1.8, 0.9, "log"),  # a tail that the logarithm has not
        (0.3, 0.3 * 10**1.3, 0.9, "none"),  # spans too little
    ],
)
def test_prices_of_less_than_two_decades(low: float, high: float, sigma: float, scale: str) -> None:
    """Amounts such as those of `diamonds` (ggplot2): 1.8 decades, skewness 1.6, that of their logarithms 0.1."""
    z = np.random.default_rng(6).normal(0, sigma, 400)
    y = np.clip(np.exp(z), low, high)
    data = Dataset.from_frame(table_of(y, z + np.random.default_rng(7).normal(0, 0.2, 400)), "y", test_fraction=0.0)
    assert data.preparation.target_scale == scale


@given(st.floats(1e-150, 1e150))
@settings(max_examples=10, deadline=None)
def test_skewness_knows_no_unit(unit: float) -> None:
    y = np.exp(np.random.default_rng(8).normal(0, 1, 200))
    assert _skewness(unit * y) == pytest.approx(scipy.stats.skew(y), rel=1e-9)
    assert is_skewed(unit * y) == is_skewed(y)


@given(st.floats(0.01, 100.0))
@settings(max_examples=10, deadline=None)
def test_units_change_no_suggestion(unit: float) -> None:
    y = np.random.default_rng(2).lognormal(0, 1.6, 60)
    frame = table_of(y)
    columns = Dataset.from_frame(frame, "y").columns
    one, other = suggested("y", columns, frame, y), suggested("y", columns, frame, unit * y)
    assert (one is None) == (other is None)
    assert spans_decades(y) == spans_decades(unit * y)


def test_few_rows_and_many_columns_are_told_by_the_target_alone() -> None:
    y = np.random.default_rng(4).lognormal(0, 3, 20)
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(20, 30)), columns=[f"x{i}" for i in range(30)])
    assert Dataset.from_frame(frame.assign(y=y), "y").preparation.target_scale == "log"


def test_the_command_line_says_why_and_can_be_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ranges = ["--neuron-num", "1:1", "--grid", "2:2", "--k", "1:1", "--workers", "1"]
    assert main(["tune", str(MAMMALS), "--target", "brain", *ranges, "--study", "logs"]) == 0
    out, err = capsys.readouterr()
    assert "spans 4.6 decades" in err
    assert "recommended: the linear model" in out
    assert "AICc and RSS are of log(brain)" in out
    assert main(["tune", str(MAMMALS), "--target", "brain", *ranges, "--target-scale", "none", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["data"]["target_label"] == "brain"
    assert "decades" not in err

    assert main(["export", "logs", "-o", str(tmp_path / "b.zip")]) == 0
    model = read_bundle(tmp_path / "b.zip")
    assert model.smearing is not None
    assert 1.0 < model.smearing < 2.0
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    (folder,) = (tmp_path / "unpacked").iterdir()
    command = [sys.executable, str(folder / "predict.py"), str(MAMMALS), str(tmp_path / "out.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"the mean is about {model.smearing:.4g} times" in done.stderr
    found = pd.read_csv(tmp_path / "out.csv")["brain_predicted"]
    np.testing.assert_allclose(found, model.predict(pd.read_csv(MAMMALS)).frame["brain_predicted"], rtol=1e-9)

    content: dict[str, Any] = json.loads((folder / "model.json").read_text())
    for damage in ({"smearing": -1.0}, {"smearing": "much"}):
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            archive.writestr("s/model.json", json.dumps(content | damage))
        with refused(StudyError, "is damaged"):
            read_bundle(tmp_path / "d.zip")


def test_other_scales_need_no_smearing(mammals: pd.DataFrame) -> None:
    plain = Dataset.from_frame(mammals, "brain", ["body"], preparation=Preparation(target_scale="none"))
    assert smearing(None, plain) is None  # type: ignore[arg-type]
