"""The Choose page, driven without a browser: recommendation, warnings, sensitivity, validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import PSEUDO, use
from kanlab.selection.product_hint import INTERACTIONS, STRONGEST, StrongestPair
from kanlab.selection.recommendation import recommend
from kanlab.selection.sensitivity import ranked_again
from kanlab.selection.validation import VALIDATION
from kanlab.study.access import own
from kanlab.study.handle import StudyHandle, load_study
from kanlab.study.storage import data_path
from kanlab.study.trials import best_trial
from tests.helpers import pages
from tests.helpers.pages import go, healthy, open_tab
from tests.helpers.validations import refits, study, validation
from tests.selection.test_explanation import REDUCED, amounts, checked, press

Fake = Callable[..., Path]
SPACE = SearchSpace((1, 3), (2, 4), (1, 2))
SCORES = {Cell(1, 2, 1): -200.0, Cell(2, 3, 2): -300.0, Cell(1, 4, 2): -289.5, Cell(2, 2, 1): -295.0}


def text_of(app: AppTest) -> str:
    """All words on the page, as they are read."""
    return pages.text_of(app).replace("\\", "")


def choose(app: AppTest, handle: StudyHandle) -> AppTest:
    app.session_state["study"] = handle.name
    app.query_params["study"] = handle.name
    return go(app, "choose")


def test_without_a_study(app: AppTest) -> None:
    assert "No study is open" in text_of(go(app, "choose"))


def test_before_any_trial(app: AppTest, small: Dataset) -> None:
    words = text_of(choose(app, study(small, {}, space=SPACE)))
    assert "No trial is complete yet" in words
    assert "validate" not in [b.key for b in app.button]


def test_the_recommendation_with_its_reasons_ties_and_warnings(app: AppTest, small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE)
    words = text_of(choose(app, handle))
    assert "Take the network of trial 1: 2 hidden neurons, grid 3, k 2" in words
    assert "It has the lowest AICc" in words
    assert "considerably less support (4 to 7 above): trial 3" in words
    assert "This rests on one fit per configuration" in words
    found = recommend(handle, handle.records(), None)
    assert [w.value.replace("\\", "") for w in app.warning] == [a.sentence for a in found.warnings]
    assert app.button(key="validate").label == "Validate the finalists"
    compared = app.multiselect(key="families")
    assert compared.options[-1] == "explainable boosting (EBM)"
    assert compared.value == ["polynomial", "gam", "mlp", "boosting"]  # what needs no extra


def test_a_network_without_a_feature_and_the_error_of_rows_left_out(app: AppTest, small: Dataset) -> None:
    handle = checked(study(small, SCORES, space=SPACE), 1e-3, 1e-4, REDUCED)
    words = text_of(choose(app, handle))
    assert "Take the network of trial 1 without b: 3 hidden neurons, grid 3, k 2" in words
    assert "The edges of b do next to nothing" in words
    table = next(d.value for d in app.dataframe if "press" in d.value.columns)
    rows = table.set_index("model")["press"]
    assert rows["trial 1 without b: 3 hidden neurons, grid 3, k 2"] == pytest.approx((1e-3 / small.n) ** 0.5)
    assert rows["linear"] == pytest.approx((press(handle) / small.n) ** 0.5)
    assert rows.isna().sum() == len(SCORES) - 1


def test_the_models_are_downloaded_in_english_whatever_the_language_of_the_page(app: AppTest, small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE)
    choose(app, handle)
    from kanlab.ui.model_table import file_of  # the pages have to be made by the app first

    with use(PSEUDO):
        found = recommend(handle, handle.records(), None)
        told = file_of(found, handle)
    assert found.choice is not None
    assert found.choice.label not in told
    assert "trial 1: 2 hidden neurons, grid 3, k 2" in told
    assert told.isascii()


def test_widening_a_range_opens_the_search(app: AppTest, small: Dataset) -> None:
    choose(app, study(small, {Cell(3, 2, 1): -300.0, Cell(1, 2, 1): -200.0}, space=SPACE))
    widen = next(b for b in app.button if b.label == "Widen")
    healthy(widen.click().run())
    assert app.slider(key="neuron_num").value == (1, 4)
    assert app.slider(key="grid").value == (2, 4)
    assert "wider where its best network lies at the edge: hidden neurons 1 to 4." in text_of(app)
    healthy(app.slider(key="grid").set_value((2, 3)).run())
    assert "wider where its best network" not in text_of(app)


@pytest.mark.usefixtures("one_worker")
def test_predictions_below_0_open_the_search_with_the_logarithm(app: AppTest) -> None:
    tuned = tune(Dataset.from_frame(amounts(), "amount"), SearchSpace((1, 1), (2, 2), (1, 1)), workers=1)
    choose(app, tuned.handle)
    assert "are below 0 in" in text_of(app)
    healthy(next(b for b in app.button if b.label == "Fit the logarithm").click().run())
    assert session_target(app) == "log(amount)"


def session_target(app: AppTest) -> str:
    """What the data set that Search is open with is fitted to."""
    return str(app.session_state["kanlab_dataset"].target_label)


def test_a_strong_interaction_opens_the_search_with_products(app: AppTest, small: Dataset) -> None:
    handle = study(small, {Cell(2, 2, 1): -300.0, Cell(1, 2, 1): -200.0}, space=SPACE)
    handle.optuna.set_user_attr(
        INTERACTIONS, {"state": "done", STRONGEST: StrongestPair("a", "b", 0.5, 0.05).to_dict()}
    )
    choose(app, handle)
    assert "a and b interact strongly" in text_of(app)
    healthy(next(b for b in app.button if b.label == "Let a node multiply").click().run())
    assert app.checkbox(key="multiplication").value is True
    assert [app.slider(key=name).value for name in ("neuron_num", "grid", "k")] == [
        SPACE.neuron_num,
        SPACE.grid,
        SPACE.k,
    ]
    assert "and besides networks one of whose nodes multiplies." in text_of(app)


def test_only_the_owner_validates_and_widens(app: AppTest, small: Dataset) -> None:
    handle = study(small, {Cell(3, 2, 1): -300.0, Cell(1, 2, 1): -200.0}, space=SPACE)
    own(handle.optuna, "the key")
    for live in (None, validation(state="running", written=time.time())):
        if live is not None:
            handle.optuna.set_user_attr(VALIDATION, live.to_dict())
        words = text_of(choose(app, handle))
        assert "Only its owner can validate" in words
        assert not {"Validate the finalists", "Validate again", "Stop the validation", "Widen"} & {
            b.label for b in app.button
        }
    handle.optuna.set_user_attr(VALIDATION, validation().to_dict())
    app.query_params["key"] = "the key"
    choose(app, handle)
    assert {"Validate again", "Widen"} <= {b.label for b in app.button}
    assert "Only its owner can validate" not in text_of(app)
    assert "key" not in app.query_params  # taken once


def test_widening_fetches_the_data_from_the_storage_of_the_study(
    app: AppTest,
    small: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KANLAB_ARTIFACTS", str(tmp_path))
    handle = study(small, {Cell(3, 2, 1): -300.0, Cell(1, 2, 1): -200.0}, space=SPACE)
    data_path(small.sha256).unlink()
    choose(app, handle)
    healthy(next(b for b in app.button if b.label == "Widen").click().run())
    assert app.slider(key="neuron_num").value == (1, 4)
    assert data_path(small.sha256).exists()


def test_another_counting_rule_ranks_again_at_once(app: AppTest, small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE)
    choose(app, handle)
    open_tab(app, "choose", "Sensitivity")
    best = best_trial(handle.records())
    assert best is not None
    assert any(f"2\\cdot {best.n_params}" in latex.value for latex in app.latex)
    app.selectbox(key="sensitivity-count").select("article")
    app.selectbox(key="sensitivity-criterion").select("BIC")
    app.checkbox(key="sensitivity-sigma2").uncheck()
    healthy(app.run())
    expected = ranked_again(handle.records(), 48, 2, rule="article", count_sigma2=False, criterion="BIC")
    shown = next(f.value for f in app.dataframe if "rank_before" in f.value.columns)
    assert shown["number"].tolist() == expected["number"].tolist()
    assert shown["rank"].tolist() == expected["rank"].tolist()
    assert shown["rank_before"].tolist() == expected["rank_before"].tolist() != expected["rank"].tolist()
    recommended = recommend(handle, handle.records(), None).choice
    assert recommended is not None
    assert recommended.trial is not None
    assert shown.loc[shown["choice"] == "recommended", "number"].tolist() == [recommended.trial.number]


def test_what_a_validation_says(app: AppTest, small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE)
    scores = {Cell(2, 3, 2): [-300.0, -290.0, -291.0, -300.0, -300.0], Cell(2, 2, 1): [-295.0] * 5}
    known = validation(
        refits=refits(handle, scores),
        folds={"2,3,2": [0.04] * 5, "2,2,1": [0.04] * 5, "linear": [0.05] * 5},
        null={"gain": 10.0, "permuted": [12.0] + [1.0] * 19},
        average={"rss_train": 1.0, "rss_test": 1.0},
        dof={"2,3,2": [10.0, 12.0]},
        edf={"2,3,2": 9.0},
    )
    handle.optuna.set_user_attr(VALIDATION, known.to_dict())
    words = text_of(choose(app, handle))
    assert "Only 3 of 5 seeds agree" in words or "within the" in words
    assert "Pure noise cannot be excluded" in words
    assert "The average of their predictions has an RMSE of 0.1443 on the training rows" in words
    board = next(f.value for f in app.dataframe if "wins" in f.value.columns)
    assert board["wins"].dropna().tolist() == [3, 2]
    assert board["edf"].dropna().tolist() == [9.0]
    words = text_of(open_tab(app, "choose", "Permutation test"))
    assert "1 of 20 shuffled targets gains as much AICc over the mean as this one, so p = 0.10" in words
    open_tab(app, "choose", "Other rules")
    rules = next(f.value for f in app.dataframe if "decision rule" in f.value.columns)
    assert "simplest within one standard error of it" in rules["decision rule"].tolist()


def test_validation_from_the_page(app: AppTest, small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    tune(small, SPACE, name="mine", workers=1)
    choose(app, load_study("mine"))
    healthy(app.button(key="validate").click().run())
    deadline = time.monotonic() + 60
    while "Validate again" not in [b.label for b in app.button]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        healthy(app.run())
    assert "Its cross-validated error is" in text_of(app)


def test_studies_of_the_same_rows_are_compared(app: AppTest, small: Dataset) -> None:
    first, second = (study(small, SCORES, space=SPACE, seed=seed) for seed in (0, 1))
    choose(app, first)
    open_tab(app, "choose", "Other studies")
    table = next(f.value for f in app.dataframe if "study" in f.value.columns)
    assert set(table["study"]) == {first.name, second.name}


@pytest.mark.parametrize("count", [1, 2])
def test_a_study_of_few_trials(count: int, app: AppTest, small: Dataset) -> None:
    handle = study(small, dict(list(SCORES.items())[:count]), space=SPACE)
    healthy(choose(app, handle))
    for label in [tab.label for tab in app.tabs]:
        open_tab(app, "choose", label)


def test_only_the_open_tab_is_drawn_and_the_others_keep_what_was_chosen(app: AppTest, small: Dataset) -> None:
    """Streamlit forgets a widget that a run does not draw."""
    choose(app, study(small, SCORES, space=SPACE))
    assert [tab.label for tab in app.tabs if tab.children] == ["Leaderboard"]
    set_in_tabs: dict[str, dict[str, object]] = {
        "Leaderboard": {"leaderboard-columns": ["Support"]},
        "Predict new rows": {"predict-model": 3, "new-rows-interval": 0.5, "new-rows-explain": True},
        "Map and Pareto front": {"behind-aicc-map": True, "behind-choose-front": True},
        "Sensitivity": {
            "sensitivity-trial-1": 3,
            "sensitivity-count": "article",
            "sensitivity-criterion": "BIC",
            "sensitivity-sigma2": False,
        },
        "Hyperparameters": {"behind-importance": True},
    }
    for label, wanted in set_in_tabs.items():
        open_tab(app, "choose", label)
        assert [key for key in wanted if key not in app.session_state] == [], label
        for key, value in wanted.items():
            app.session_state[key] = value
        healthy(app.run())
    for label, wanted in set_in_tabs.items():
        open_tab(app, "choose", label)
        assert {key: app.session_state[key] for key in wanted} == wanted, label


def test_a_selected_row_and_a_file_survive_another_tab(app: AppTest, small: Dataset) -> None:
    choose(app, study(small, SCORES, space=SPACE))
    app.session_state["leaderboard"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    open_tab(app, "choose", "Predict new rows")
    app.selectbox(key="predict-model").select("linear")  # fitted here, with no worker process
    app.file_uploader[0].upload("new.csv", b"a,b\n0.1,0.2\n", "text/csv")
    assert "Predicted by" in text_of(healthy(app.run(timeout=60)))
    open_tab(app, "choose", "Leaderboard")
    assert app.session_state["leaderboard"]["selection"]["rows"] == [1]
    assert app.session_state["new-rows"].name == "new.csv"
