"""The first screen: what it shows is what the search finds, and its example starts by one click."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.study.handle import study_names
from kanlab.study.storage import get_storage
from kanlab.ui import shown_study
from tests.helpers.pages import healthy, text_of


def test_the_study_that_is_shown_is_what_the_search_finds() -> None:
    found, written = json.loads(shown_study.recorded(shown_study.study())), json.loads(shown_study.RECORDED.read_text())
    assert found["trials"]["n_params"] == written["trials"]["n_params"]
    assert found["recommended"] == written["recommended"]
    assert found["trials"]["rss_train"] == pytest.approx(written["trials"]["rss_train"], rel=0.05)
    assert found["formula_error"] == pytest.approx(written["formula_error"], rel=0.05)
    assert "sin" in found["formula"]
    assert "exp" in found["formula"]


def test_the_first_screen_shows_a_front_and_a_formula_and_all_six_steps(app: AppTest) -> None:
    words = text_of(healthy(app))
    assert "gives you its formula and a program that predicts" in words
    assert app.get("vega_lite_chart")
    assert any("sin" in latex.value for latex in app.latex)
    assert all(
        f"**{number} {step}**" in words
        for number, step in enumerate(("Data", "Search", "Live", "Choose", "Model", "Export"), 1)
    )


def test_one_click_starts_the_example(app: AppTest, fake_workers: Callable[..., Path]) -> None:
    fake_workers()
    healthy(app.button(key="try").click().run())
    assert app.title[0].value.startswith("A formula hidden in noise")
    assert len(study_names(get_storage())) == 1
