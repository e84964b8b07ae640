"""What charts mark: the recommended model wherever it is, long names in full, and that nothing is known yet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.charts import cells, formulas, model, trials
from kanlab.charts.encoding import color_of
from kanlab.charts.style import wrapped
from kanlab.charts.trial_plot import _NOTHING_YET
from kanlab.kan.search_space import Cell
from kanlab.language import PSEUDO, say, use
from kanlab.selection.ranking import trial_table
from kanlab.stats.metrics import Scores
from kanlab.study.trials import CompletedTrial, TrialRecord
from kanlab.text import columns_of

TRIALS = [
    CompletedTrial(
        i, "complete", Cell(1 + 2 * i, 2 + i, 1), Scores(10 + i, 0.5 - 0.1 * i, None, -20.0 + i), 0.1, "stalled"
    )
    for i in range(3)
]


def frames(recommended: int | str | None, selected: int | None = None) -> dict[str, Any]:
    """What the map says of its frames: the words of each in its colours."""
    content = cells.aicc_map(trial_table(TRIALS), selected, recommended=recommended).to_dict()
    layers = content["spec"]["layer"]
    scale = layers[-1]["encoding"]["stroke"]["scale"]
    return dict(zip(scale["domain"], scale["range"], strict=True))


def test_the_map_frames_the_recommended_trial_and_says_which_frame_is_which() -> None:
    inks = frames(2, 1)
    assert set(inks) == {"lowest AICc", "recommended", "selected"}
    assert inks["lowest AICc"] != inks["recommended"]
    assert set(frames(0)) == {"recommended, lowest AICc"}
    assert set(frames("linear")) == {"lowest AICc"}


def test_every_text_of_a_chart_is_in_the_language_of_its_reader() -> None:
    """Also those that are made once and kept."""
    table = trial_table(TRIALS)
    for language in ("en", PSEUDO, "en"):
        with use(language):
            drawn = trials.aicc_against_rss(table, 48, selected=1, target="y", recommended=2).to_dict()
            told = {say(text) for text in ("trial", "number of parameters K", "lowest AICc", "recommended")}
            assert told <= texts_of(drawn)
            legend = cells.aicc_map(table, recommended=0).to_dict()["spec"]["layer"][-1]["encoding"]["stroke"]["legend"]
            assert f"{say('recommended')}, {say('lowest AICc')}" in legend["labelExpr"]


def texts_of(content: Any) -> set[str]:
    if isinstance(content, dict):
        return set().union(*map(texts_of, content.values()))
    return set().union(*map(texts_of, content)) if isinstance(content, list) else {str(content)}


def test_titles_without_blanks_wrap_between_their_characters() -> None:
    assert wrapped("打乱后的增加量：RMSE（y）", 16) == ["打乱后的增加量：", "RMSE（y）"]
    assert wrapped("每次试验一个点，按参数个数着色", 10, most=2) == ["每次试验一", "个点，按…"]
    assert all(columns_of(line) <= 12 for line in wrapped("对 a_name_of_a_feature 的部分依赖", 12, most=4))
    assert all(columns_of(line) <= 12 for line in wrapped("按试验顺序排列的各次试验及其累计最小值", 12))


def test_the_map_leaves_a_gap_for_what_was_not_tried_and_counts_grids_upwards() -> None:
    encoding = cells.aicc_map(trial_table(TRIALS)).to_dict()["spec"]["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["domain"] == [1, 2, 3, 4, 5]
    assert encoding["y"]["scale"]["domain"] == [4, 3, 2]  # from the top


@pytest.mark.parametrize("records", [[], [TrialRecord(0, "running", Cell(1, 2, 1), Scores(9))]])
def test_a_chart_without_a_point_says_so_and_shows_no_values(records: list[TrialRecord]) -> None:
    table = trial_table(records)
    for chart in (trials.aicc_against_rss(table, 48), trials.pareto_front(table), trials.history(table)):
        content = chart.to_dict()
        assert content["datasets"]["empty"] == [{"words": _NOTHING_YET}]
        axes = [
            layer["encoding"]["x"]["axis"] for layer in content["layer"] if "axis" in layer["encoding"].get("x", {})
        ]
        assert axes
        assert all(axis["labelOpacity"] == 0 for axis in axes)
    full = trials.pareto_front(trial_table(TRIALS)).to_dict()
    assert "labelOpacity" not in json.dumps(full)
    assert "empty" not in full["datasets"]


def test_names_are_whole_and_their_rows_are_as_high_as_they_need() -> None:
    name = "Per capita crime rate by town, as reported in the census tables of nineteen seventy"
    heights = {}
    for feature in ("age", name):
        table = pd.DataFrame({"feature": [feature], "rise": [1.0], "deviation": [0.1]})
        content = model.importance(table, "RMSE", "y").to_dict()
        shown = next(iter(content["datasets"].values()))[0]["name"]
        assert shown.replace("\n", " ") == feature
        heights[feature] = content["height"]
    assert heights[name] > heights["age"]


def test_a_formula_far_off_does_not_flatten_the_front() -> None:
    errors = np.array([9.0, 5.6, 5.2, 2e5, 2.6])
    front = pd.DataFrame({"choice": ["", "", "", "", "recommended"], "formula": list("abcde"), "held_out": errors})
    front = front.assign(complexity=[1, 6, 7, 31, 404], test=errors, n_params=2.0)
    content = formulas.formula_front(front, "RMSE", "y").to_dict()
    line, _ring, points = content["layer"]
    assert [param["select"]["fields"] for param in content["params"]] == [["place"]]  # a click tells which
    low, high = points["encoding"]["y"]["scale"]["domain"]
    assert low < 2.6
    assert 9.0 < high < 100.0
    assert points["encoding"]["x"]["scale"]["type"] == "log"
    drawn = content["datasets"][points["data"]["name"]]
    assert [row["beyond"] for row in drawn] == [False, False, False, True, False]
    assert [row["formula"] for row in content["datasets"][line["data"]["name"]]] == list("abce")
    assert content["title"]["subtitle"] == ["1 beyond the axis, drawn at its edge"]  # "tied" is said where some are
    tied = formulas.formula_front(front.assign(choice=["", "", "tied", "", "recommended"]), "RMSE", "y").to_dict()
    assert tied["title"]["subtitle"][0] == "tied: within one standard error of the lowest"


def test_a_logarithmic_axis_of_errors_has_round_labels() -> None:
    errors = [1.27, 0.97, 0.69, 0.0948]
    front = pd.DataFrame({"choice": ["", "", "", "recommended"], "formula": list("abcd"), "held_out": errors})
    front = front.assign(complexity=[1, 5, 8, 9], test=errors, n_params=2.0)
    axis = formulas.formula_front(front, "RMSE", "y").to_dict()["layer"][0]["encoding"]["y"]["axis"]
    assert axis["values"] == [0.1, 0.2, 0.5, 1.0]
    even = formulas.formula_front(front.assign(held_out=[1.3, 1.2, 1.1, 1.0]), "RMSE", "y").to_dict()
    assert "values" not in even["layer"][0]["encoding"]["y"]["axis"]


@pytest.mark.parametrize("most", [104, 338, 999])
def test_the_legend_of_parameters_says_all_their_digits(most: int) -> None:
    legend = color_of(pd.Series([12, 58, most])).to_dict()["legend"]
    digits = int(legend["format"].strip(".~s"))
    assert most in legend["values"]
    assert [float(f"{value:.{digits}g}") for value in legend["values"]] == legend["values"]


def test_trials_that_are_inadmissible_did_not_fail() -> None:
    known_after = TrialRecord(3, "failed", Cell(1, 2, 1), Scores(9), status="inadmissible: it follows its rows")
    broken = TrialRecord(4, "failed", Cell(1, 2, 1), Scores(9), status="diverged")
    assert trial_table([*TRIALS, known_after, broken])["state"].tolist()[-2:] == ["inadmissible", "failed"]
