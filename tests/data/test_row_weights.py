"""Frequency weights: a row of weight w is w rows in everything; against doubled tables and statsmodels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from kanlab.api import tune
from kanlab.baselines.registry import baselines
from kanlab.cli.main import main
from kanlab.data import row_weights
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.reading.table import read_table
from kanlab.data.recipe import Recipe
from kanlab.errors import DatasetError
from kanlab.kan.search_space import SearchSpace
from kanlab.stats.criteria import aicc_of, aicc_penalty
from tests.helpers.counts import table as counts_table
from tests.helpers.pages import healthy, text_of, upload, widget
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


# weights of 60 rows, whether they are so for precision weights too, and words of the sentence
ODD = {
    "below 0": ([3, 1, -1, 2, -4, *[1] * 55], True, ("such as -1", "rows 3, 5 below the header")),
    "fractions": ([0.5, *[1] * 59], False, ("such as 0.5", "row 1 below", "--weights-are precision")),
    "a gap": ([1, 1, np.nan, *[1] * 57], True, ("missing in row 3 below the header", "fill it")),
    "an infinity": ([1, np.inf, *[1.0] * 58], True, ("infinite in row 2 below the header",)),
    "zeros": ([0] * 60, True, ("all 0",)),
    "words": (["a"] * 60, True, ("no numbers",)),
    "dates": ([pd.Timestamp("2024-01-01")] * 60, True, ("no numbers",)),
    "a word": ([1, 1, "x", *[1] * 57], True, ("such as 'x' in row 3 below the header", "correct them")),
    "units": (["2 kg", *[1] * 50, *["3 kg"] * 9], True, ("'2 kg' in rows 1, 52, 53 and 7 more below",)),
    "codes": (["007", *["012"] * 59], True, ("kept as text, such as '007'", "--read")),
    "too many": ([10**6] * 60, False, ("common factor",)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("meaning", ["frequency", "precision"])
def test_bad_weights_get_one_sentence(name: str, meaning: Any) -> None:
    weights, always, words = ODD[name]
    frame = table().assign(seen=pd.Series(weights))
    if meaning == "precision" and not always:
        assert Dataset.from_frame(frame, "y", weights="seen", weights_are=meaning).n == 48
        return
    with refused(DatasetError, *words):
        Dataset.from_frame(frame, "y", weights="seen", weights_are=meaning)


@pytest.mark.parametrize("name", ["below 0", "fractions", "a gap", "an infinity", "a word", "units", "codes", "zeros"])
def test_the_command_line_and_the_app_say_the_same(
    name: str, app: AppTest, tmp_path: Path, kanlab_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, path = table().assign(seen=pd.Series(ODD[name][0])), tmp_path / "odd.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(DatasetError) as told:
        Dataset.from_frame(read_table(path).frame, "y", weights="seen")
    assert main(["tune", str(path), "--target", "y", "--weights", "seen"]) == 2
    assert str(told.value) in capsys.readouterr().err
    upload(app, "odd.csv", path.read_bytes())
    offered = widget(app.selectbox, "Weights of the rows")
    if name == "zeros":  # which nobody would look for among weights
        assert "seen" not in offered.options
        return
    healthy(offered.select("seen").run())
    meaning = widget(app.selectbox, "What seen says")
    healthy(app if meaning.value == "frequency" else meaning.select("frequency").run())
    assert str(told.value) in text_of(app).replace("\\", "")


def test_weights_of_one_value_are_told() -> None:
    frame = table().assign(seen=3)
    notes = " ".join(Dataset.from_frame(frame, "y", weights="seen").notes)
    assert "It is 3 in every row" in notes
    assert "It is" not in " ".join(Dataset.from_frame(frame.assign(seen=1), "y", weights="seen").notes)
    precise = Dataset.from_frame(frame, "y", weights="seen", weights_are="precision")
    assert "no row counts more than another" in " ".join(precise.notes)
    plain = Dataset.from_frame(frame.drop(columns="seen"), "y")
    np.testing.assert_allclose(precise.w_train, np.ones(plain.n))


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
    assert "No weight lies below 0" in capsys.readouterr().err
