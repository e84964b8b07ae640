"""Effects of features in the report: of many classes a line each, whole names, numbers of one precision."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.export.effects_html import effects_html, effects_of

NAME = "Per capita crime rate by town, as reported in the census tables of nineteen seventy"


@pytest.fixture(scope="module")
def classes() -> Dataset:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({NAME: rng.uniform(-1, 1, 90), "b": rng.uniform(-1, 1, 90)})
    frame["kind"] = np.where(frame[NAME] > 0.3, "high", np.where(frame[NAME] < -0.3, "low", "<mid>"))
    return Dataset.from_frame(frame, "kind", name="kinds.csv")


def probabilities(X: np.ndarray) -> np.ndarray:
    """Of the classes, <mid>, high and low, by the first feature alone."""
    odds = np.exp(4 * np.outer(X[:, 0], [0.0, 1.0, -1.0]))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def test_each_class_has_a_line_of_its_own_probability(classes: Dataset) -> None:
    found = effects_of(probabilities, classes)
    assert found is not None
    (first, *_), page = found.dependences, effects_html(found)
    middle = [line.prediction[len(line.prediction) // 2] for line in first]
    assert np.sum([line.prediction for line in first], axis=0) == pytest.approx(1.0)
    assert max(np.ptp(line.prediction) for line in first) > 0.5
    assert middle == pytest.approx(probabilities(np.array([[np.median(first[0].values), 0.0]]))[0], abs=0.05)
    assert page.count("<figure>") == 2
    assert page.count("points=") == 2 * 3 + 3  # the lines of both features, and the legend
    assert "&lt;mid&gt;" in page
    assert "<mid>" not in page


def test_names_are_whole_and_importances_have_the_same_decimals(classes: Dataset) -> None:
    found = effects_of(probabilities, classes)
    assert found is not None
    page = effects_html(found)
    assert page.count(NAME) >= 2  # in the table and above its curve
    rises = re.findall(r"</td><td>([\d.,-]+)</td>", page)
    assert len(rises) == 2
    assert len({len(rise.partition(".")[2]) for rise in rises}) == 1
