"""The app, driven without a browser: what each page shows and asks, from an empty one to a large study."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import open_study, run_study
from kanlab.charts import thinning
from kanlab.data.dataset import Dataset
from kanlab.data.examples import EXAMPLES
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from kanlab.ui import study_list
from tests.helpers.pages import go, healthy, open_tab, text_of, upload


def test_an_empty_app_says_what_to_do_on_every_page(app: AppTest) -> None:
    assert "Nothing is chosen yet" in text_of(healthy(app))
    assert "Choose a table" in text_of(go(app, "search"))
    assert "No study is open" in text_of(go(app, "live"))
    assert "There is no study yet" in text_of(go(app, "studies"))


@pytest.mark.parametrize("key", list(EXAMPLES))
def test_every_example_opens_with_its_target_and_licence(app: AppTest, key: str) -> None:
    app.selectbox(key="example").select(key).run()
    words = text_of(healthy(app))
    example = EXAMPLES[key]
    assert example.licence in words
    target = next(s for s in app.selectbox if s.label == "Target")
    assert target.value == example.target
    assert f"Training rows n: {round(len(example.load().frame) * 0.8):,}" in words


def test_the_sliders_move_the_count_of_admissible_cells(app: AppTest, frame: pd.DataFrame) -> None:
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    data = Dataset.from_frame(frame, "y")
    go(app, "search")
    app.slider(key="neuron_num").set_range(2, 3)
    app.slider(key="grid").set_range(2, 4)
    app.slider(key="k").set_range(1, 2)
    words = text_of(healthy(app.run()))
    space = SearchSpace((2, 3), (2, 4), (1, 2))
    admissible = StudySpec(space).of(data).admissible(data.n, data.d)  # columns of 0 and 1 cost 1 a node
    assert len(admissible) > len(space.admissible(data.n, data.d)) > 0
    assert f"Of **12** configurations, **{len(admissible)}** are admissible" in words
    assert "Networks take" not in words
    app.selectbox(key="count").select("article")
    words = text_of(healthy(app.run()))
    assert space.admissible(data.n, data.d, rule="article") == []  # of all features, so that networks take fewer
    fewer = StudySpec(space, count="article").for_few_rows(data.n, data.d)
    assert f"**{len(fewer.admissible(data.n, data.d))}** are admissible" in words
    assert fewer.few_rows_words(data.n, data.d) in words


def test_depth_adds_cells_of_which_some_are_admissible(app: AppTest, frame: pd.DataFrame) -> None:
    small = frame[["a", "b", "y"]]
    upload(app, "mine.csv", small.to_csv(index=False).encode())
    data = Dataset.from_frame(small, "y")
    go(app, "search")
    for name, ends in (("neuron_num", (1, 2)), ("grid", (2, 4)), ("k", (1, 2))):
        app.slider(key=name).set_range(*ends)
    shallow, deep = (SearchSpace((1, 2), (2, 4), (1, 2), (1, most)).admissible(data.n, data.d) for most in (1, 3))
    assert f"Of **12** configurations, **{len(shallow)}** are admissible" in text_of(healthy(app.run()))
    app.slider(key="depth").set_range(1, 3)
    assert len(shallow) < len(deep) < 36
    assert f"Of **36** configurations, **{len(deep)}** are admissible" in text_of(healthy(app.run()))


def test_start_stop_resume_and_the_list_of_studies(
    app: AppTest, frame: pd.DataFrame, fake_workers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers(hold_after=0)
    upload(app, "mine.csv", frame[["a", "b", "y"]].to_csv(index=False).encode())
    go(app, "search")
    app.toggle(key="everything").set_value(True).run()
    app.button(key="start").click()
    healthy(app.run())
    assert app.title[0].value == r"mine\-1"
    deadline = time.monotonic() + 30
    assert "Running" in [badge.value for badge in app.get("badge")] or "0 of" in text_of(app)
    app.button(key="stop").click()
    healthy(app.run())
    while "Resume" not in [b.label for b in app.button]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        go(app, "live")
    go(app, "studies")
    assert list(app.dataframe[0].value["study"]) == ["mine-1"]
    assert app.dataframe[0].value["state"][0] == "stopped"
    monkeypatch.setattr("kanlab.ui.study_list.table", lambda rows: study_list.Chosen(selected="mine-1"))
    healthy(app.run())
    assert {"Open", "Resume"} <= {b.label for b in app.button}
    assert r"**mine\-1**" in [m.value for m in app.markdown]  # whole, where the row has no room for it
    assert app.get("menu_button")


def test_a_finished_study_shows_its_charts_and_its_choice(
    app: AppTest, small: Dataset, fake_workers: Callable[..., Path]
) -> None:
    fake_workers()
    run_study(create_study(small, StudySpec(space=SearchSpace((1, 2), (2, 3), (1, 1))), name="done"))
    app.query_params["study"] = "done"
    go(app, "live")
    words = text_of(app)
    assert "4 of 4 trials" in words
    assert "Stop" not in [b.label for b in app.button]
    assert len(app.get("arrow_vega_lite_chart")) + len(app.get("vega_lite_chart")) >= 3
    assert f"Recommended: {open_study('done').recommendation.summary}." in words.replace("\\", "")


def test_a_study_of_several_depths_on_every_page(
    app: AppTest, small: Dataset, fake_workers: Callable[..., Path]
) -> None:
    fake_workers()
    run_study(create_study(small, StudySpec(space=SearchSpace((1, 2), (2, 3), (1, 1), (1, 2))), name="deep"))
    app.query_params["study"] = "deep"
    go(app, "live")
    assert "8 of 8 trials" in text_of(app)
    assert sorted(app.dataframe[0].value["depth"]) == [1] * 4 + [2] * 4
    go(app, "choose")
    assert any("2 layers of 2 neurons" in str(d.value.to_dict()) for d in app.dataframe)


def test_a_large_study_is_drawn_in_part_and_says_so(
    app: AppTest, small: Dataset, fake_workers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Charts and table alike, on both pages; all is there for who asks."""
    from kanlab.ui import shared, trials  # its pages are of the app that runs

    fake_workers()
    monkeypatch.setattr(thinning, "KEPT_POINTS", 6)
    for module in (thinning, shared, trials):
        monkeypatch.setattr(module, "MOST_POINTS", 9)
    monkeypatch.setattr(shared, "TABLE_ROWS", 5)
    handle = create_study(small, StudySpec(space=SearchSpace((1, 3), (2, 5), (1, 1))), name="large")
    run_study(handle)
    app.query_params["study"] = "large"
    go(app, "live")
    assert "The charts show 6 of 10 trials" in text_of(app)
    shown = app.dataframe[0].value
    least = sorted(r.aicc for r in handle.records() if r.aicc is not None)
    assert list(shown["aicc"]) == least[:5]
    app.toggle(key="all-rows").set_value(True).run()
    assert list(healthy(app).dataframe[0].value["aicc"]) == least
    go(app, "choose")
    open_tab(app, "choose", "Hyperparameters")
    assert "The charts show 6 of 10 trials" in text_of(app)
    open_tab(app, "choose", "Map and Pareto front")
    assert "The charts show 6 of 10 trials" in text_of(app)


def test_an_unknown_study_gets_one_sentence(app: AppTest) -> None:
    app.query_params["study"] = "nope"
    go(app, "live")
    assert len(app.error) == 1
    assert "There is no study" in app.error[0].value
