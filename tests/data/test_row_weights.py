"""Frequency weights: a row of weight w is w rows in everything; against doubled tables and statsmodels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.api import tune
from kanlab.baselines.registry import baselines
from kanlab.cli.main import main
from kanlab.data import row_weights
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.recipe import Recipe
from kanlab.errors import DatasetError
from kanlab.kan.search_space import SearchSpace
from kanlab.stats.criteria import aicc_of, aicc_penalty
from tests.helpers.counts import table as counts_table
from tests.helpers.sentences import refused


def table(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    seen = rng.integers(0, 4, n)
    return pd.DataFrame({"a": a, "b": b, "seen": seen, "y": np.sin(2 * a) + b + 0.2 * rng.normal(size=n)})


def written_out(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of single rows."""
    return frame.loc[frame.index.repeat(frame["seen"])].drop(columns="seen").reset_index(drop=True)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.5))
@settings(max_examples=15, deadline=None)
def test_the_rows_are_those_of_the_table_written_out(seed: int, test_fraction: float) -> None:
    frame = table(30, seed)
    one = Dataset.from_frame(frame, "y", test_fraction=test_fraction, weights="seen")
    other = Dataset.from_frame(written_out(frame), "y", test_fraction=test_fraction)
    for name in ("X_train", "y_train", "X_test", "y_test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.features == ("a", "b")
    assert one.rows == other.rows == frame["seen"].sum()
    assert one.test_sha256 == other.test_sha256


def test_a_study_of_weighted_rows_is_that_of_the_rows_written_out() -> None:
    frame, space = table(), SearchSpace((1, 2), (2, 2), (2, 2))
    one, other = (
        tune(data, space, workers=1, name=name)
        for name, data in {
            "weighted": Dataset.from_frame(frame, "y", weights="seen"),
            "written out": Dataset.from_frame(written_out(frame), "y"),
        }.items()
    )
    for r, s in zip(one.handle.records(), other.handle.records(), strict=True):
        assert r.scores == s.scores
    assert one.baselines == other.baselines
    assert one.recommendation.reasons == other.recommendation.reasons
    choice, same = one.recommendation.choice, other.recommendation.choice
    assert choice is not None
    assert same is not None
    assert (choice.press, choice.press_se, choice.n_params) == (same.press, same.press_se, same.n_params)
    assert one.handle.data.n_train + one.handle.data.n_test == frame["seen"].sum()
    assert Recipe.from_dict(json.loads(one.bundle().files["model.json"])["recipe"]).preparation.weights == "seen"
    assert len(one.predict(frame.drop(columns="seen")).frame) == len(frame)  # new rows need no weight


def test_linear_models_are_those_of_statsmodels() -> None:
    frame = table(80, 3)
    data = Dataset.from_frame(frame, "y", test_fraction=0.0, weights="seen")
    A, w = sm.add_constant(frame[["a", "b"]]), frame["seen"].to_numpy(dtype=float)
    linear = next(b for b in baselines(data) if b.family == "linear")
    glm = sm.GLM(frame["y"], A, freq_weights=w).fit()
    assert linear.rss_train == pytest.approx(glm.deviance)
    assert linear.rss_train == pytest.approx(sm.WLS(frame["y"], A, weights=w).fit().ssr)
    assert data.n == w.sum()
    K = 4
    assert linear.aicc == pytest.approx(aicc_of(data.n * np.log(glm.deviance / data.n), data.n, K))


def test_poisson_regression_is_that_of_statsmodels() -> None:
    frame = counts_table(120).assign(seen=np.random.default_rng(0).integers(0, 5, 120))
    data = Dataset.from_frame(frame, "events", ["a", "b"], test_fraction=0.0, weights="seen")
    A, w = sm.add_constant(frame[["a", "b"]]), frame["seen"].to_numpy(dtype=float)
    glm = sm.GLM(frame["events"], A, family=sm.families.Poisson(), freq_weights=w).fit(tol=1e-12)
    linear = next(b for b in baselines(data) if b.family == "linear")
    assert linear.misfit == pytest.approx(glm.deviance, rel=1e-9)
    assert linear.aicc == pytest.approx(glm.deviance + aicc_penalty(data.n, 3), rel=1e-9)
    assert linear.counts is not None
    assert linear.counts.pearson_train == pytest.approx(glm.pearson_chi2, rel=1e-6)


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ([-1, *[1] * 59], "-1"),
        ([0.5, *[1] * 59], "0.5"),
        ([np.nan, *[1] * 59], "missing in 1 row"),
        ([np.inf, *[1.0] * 59], "missing in 1 row"),
        ([0] * 60, "all 0"),
        (["a"] * 60, "no numbers"),
        ([10**6] * 60, "common factor"),
    ],
)
def test_bad_weights_get_one_sentence(weights: list[object], word: str) -> None:
    with refused(DatasetError, word):
        Dataset.from_frame(table().assign(seen=weights), "y", weights="seen")


def test_weights_are_a_column_of_their_own() -> None:
    frame = table()
    for options, word in (
        ({"weights": "often"}, "no column"),
        ({"weights": "y"}, "the target"),
        ({"weights": "seen", "features": ["a", "seen"]}, "a feature"),
        ({"weights": "seen", "preparation": Preparation(copies="drop")}, "Repeated rows"),
    ):
        with refused(DatasetError, word):
            Dataset.from_frame(frame, "y", **options)  # type: ignore[arg-type]
    assert "weights" not in Preparation().to_dict()
    assert Preparation.from_dict(Preparation(weights="seen").to_dict()).weights == "seen"
    assert row_weights.MOST_ROWS == 1_000_000


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame, path = table(), tmp_path / "seen.csv"
    frame.to_csv(path, index=False)
    ranges = ["--neuron-num", "1:1", "--grid", "2:2", "--k", "1:1", "--workers", "1", "--json"]
    assert main(["tune", str(path), "--target", "y", "--weights", "seen", *ranges]) == 0
    out, err = capsys.readouterr()
    content = json.loads(out)["data"]
    assert content["weights"] == "seen"
    assert content["n_train"] + content["n_test"] == frame["seen"].sum()
    assert "says how often each row was seen" in err
    assert main(["tune", str(path), "--target", "y", "--weights", "b", *ranges]) == 2
    assert "whole number from 0 on" in capsys.readouterr().err
