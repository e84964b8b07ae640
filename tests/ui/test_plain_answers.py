"""What the Choose page says where the plain answer is the right one: constant, exact and periodic targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import StudyHandle
from tests.helpers import pages
from tests.helpers.pages import go, healthy
from tests.helpers.validations import study

X = np.arange(1.0, 61.0)
ONE_ROW_DIFFERS = pd.DataFrame({"x": X, "y": np.where(X == 31, 6.0, 5.0)})
A_LINE = pd.DataFrame({"x": X, "y": 2 * X + 1})
RNG = np.random.default_rng(0)
A_SUM = pd.DataFrame({"a": RNG.integers(0, 50, 60), "b": RNG.integers(0, 50, 60)}).assign(y=lambda t: t["a"] + t["b"])
SPACE = SearchSpace((1, 3), (2, 4), (1, 3))


def choose(app: AppTest, handle: StudyHandle) -> str:
    app.session_state["study"] = app.query_params["study"] = handle.name
    return pages.text_of(healthy(go(app, "choose"))).replace("\\", "")


def test_one_row_that_differs_is_no_reason_for_a_network(app: AppTest) -> None:
    words = choose(app, tune(Dataset.from_frame(ONE_ROW_DIFFERS, "y"), replace(SPACE, neuron_num=(1, 1))).handle)
    assert "Take the mean" in words
    assert "may carry no information" in words


@pytest.mark.parametrize("frame", [A_LINE, A_SUM], ids=["a line", "a sum"])
def test_what_is_exact_is_said_to_be(app: AppTest, frame: pd.DataFrame) -> None:
    """Whatever the AICc of networks is at the level of rounding."""
    scores = {Cell(1, 2, 1): -2500.0, Cell(2, 2, 1): -2480.0}
    words = choose(app, study(Dataset.from_frame(frame, "y"), scores, space=SPACE))
    assert "Take the linear model" in words
    assert "reproduces the target exactly" in words


def test_many_periods_ask_for_a_finer_grid(app: AppTest, small: Dataset) -> None:
    """One and two nodes do by far best on the finest grid; one click widens it."""
    space = replace(SPACE, neuron_num=(1, 4))
    scores = {Cell(h, 3, 2): -100.0 for h in (1, 2)} | {Cell(h, 4, 2): -150.0 for h in (1, 2)} | {Cell(3, 2, 1): -300.0}
    words = choose(app, study(small, scores, space=space))
    assert "the finest grid" in words
    healthy(next(b for b in app.button if b.label == "Widen").click().run())
    assert app.slider(key="grid").value == (2, 5)
