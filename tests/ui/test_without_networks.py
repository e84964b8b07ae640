"""Every page of a study whose rows carry no network: the best of the other families is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import SearchSpace
from tests.helpers.pages import go, healthy, text_of

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("live", "Recommended"),
        ("choose", "Take the"),
        ("model", "model**"),
    ],
)
def test_it_has_its_answer(path: str, words: str, app: AppTest, small: Dataset) -> None:
    tune(small, SearchSpace((9, 10), (9, 10), (3, 3)), name="none")
    app.query_params["study"] = "none"
    go(app, path)
    said = text_of(healthy(app))
    assert words in said
    assert "No trial of this study is complete" not in said
