"""The waterfall: valid Vega-Lite of every kind of explanation, bars that meet, few of them, words for who does not see it."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from kanlab.charts.palette import DARK
from kanlab.charts.waterfall import MOST_BARS, waterfall
from kanlab.data.dataset import Dataset
from kanlab.explain.contributions import Explanation, RowExplainer
from kanlab.explain.models import held_family
from kanlab.explain.predictor import Predictor
from tests.helpers import many_classes

RNG = np.random.default_rng(0)
WIDE = pd.DataFrame(
    RNG.normal(size=(80, 15)), columns=[f"the feature with the long name number {i}" for i in range(15)]
)
WIDE = WIDE.assign(y=WIDE.sum(axis=1) + WIDE.iloc[:, 0] ** 3)


def explained(frame: pd.DataFrame, target: str, family: str) -> Explanation:
    data = Dataset.from_frame(frame, target)
    return RowExplainer(Predictor("it", data.recipe, held_family(data, family, 0)), data).explain(frame.head(1))


def drawn(chart: Any) -> tuple[dict[str, Any], pd.DataFrame]:
    content = chart.to_dict()
    alt.Chart.from_dict(json.loads(json.dumps(content, allow_nan=False)), validate=True)
    [rows] = content["datasets"].values()
    return content, pd.DataFrame(rows)


def test_bars_lead_from_the_mean_to_the_prediction() -> None:
    found = explained(WIDE, "y", "boosting")  # sampled
    content, rows = drawn(waterfall(found, look=DARK))
    assert len(rows) == MOST_BARS + 2
    assert rows["end"].iloc[0] == pytest.approx(found.mean[0])
    assert rows["end"].iloc[-1] == pytest.approx(found.totals[0, 0])
    np.testing.assert_allclose(np.diff(rows["end"]), [*rows["contribution"].iloc[1:-1].tolist(), 0.0], atol=1e-9)
    assert rows["name"].is_unique
    assert rows["full"].iloc[-2] == f"{15 - MOST_BARS + 1} other features"
    assert rows["error"].iloc[1] > 0
    assert "in the mean" in content["description"]
    assert content["layer"][0]["encoding"]["y"]["sort"] == rows["name"].tolist()


@pytest.mark.parametrize("level", [None, *many_classes.LEVELS])
def test_of_classes_the_one_that_is_asked_for(level: str | None) -> None:
    found = explained(many_classes.table(), "state", "linear")
    content, rows = drawn(waterfall(found, 0, level))
    output = found.output_of(0, level)
    assert rows["end"].iloc[-1] == pytest.approx(found.totals[0, output])
    assert "log-odds of" in content["description"]
    assert rows["times"].iloc[1] == pytest.approx(np.exp(rows["contribution"].iloc[1]))


def test_of_a_model_without_features() -> None:
    _, rows = drawn(waterfall(explained(WIDE, "y", "constant")))
    assert rows["name"].tolist() == ["mean prediction", "this prediction"]
