"""Every chart, of every kind of table, is valid Vega-Lite; the robust axis; what is drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from kanlab.baselines.registry import baselines
from kanlab.charts import cells as cell_charts
from kanlab.charts import evidence, training
from kanlab.charts import trials as trial_charts
from kanlab.charts.encoding import RobustAxis, beyond_words, robust_axis, upper_fence
from kanlab.charts.style import scale_of
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell
from kanlab.language import LANGUAGES, use
from kanlab.selection.measures import MEASURES
from kanlab.selection.ranking import trial_table
from kanlab.stats.likelihood import BERNOULLI
from kanlab.stats.metrics import CalibrationBin, ClassScores, Scores
from kanlab.study.fit_times import FitTime
from kanlab.study.trials import CompletedTrial, TrialRecord


def complete(number: int, cell: Cell, scores: Scores) -> TrialRecord:
    return CompletedTrial(number, "complete", cell, scores, 0.1, "stalled")


@pytest.mark.parametrize(("low", "high"), [(16.8e9, 16.8e9 * (1 + 1e-10)), (3.0, 3.0), (-5.0, -5.0 + 1e-9), (0.0, 0.0)])
def test_values_that_agree_but_for_rounding_have_an_axis_of_few_digits(low: float, high: float) -> None:
    axis = robust_axis(pd.Series([low, low, high]))
    first, last = axis.margin
    assert last - first >= 0.09 * max(abs(low), abs(high))
    assert first < low <= high < last
    domain = scale_of(pd.Series([low, high])).to_dict()["domain"]
    assert domain == pytest.approx([first, last], abs=1e-6 * (last - first))


def test_values_that_differ_keep_their_axis() -> None:
    assert robust_axis(pd.Series([647_530.0, 647_540.0]), fence=False).margin == pytest.approx((647_529.3, 647_540.7))


def records(count: int, rng: np.random.Generator) -> list[TrialRecord]:
    cells = [Cell(1 + i % 5, 2 + i % 7, 1 + i % 3) for i in range(count)]
    rss = np.exp(rng.normal(size=count))
    return [
        complete(i, c, Scores(5 + 7 * c.neuron_num * c.grid, r, r / 4, 40 * np.log(r) + c.grid))
        for i, (c, r) in enumerate(zip(cells, rss, strict=True))
    ]


RNG = np.random.default_rng(0)
MANY = records(40, RNG)
FAILED = TrialRecord(40, "failed", Cell(1, 2, 1), Scores(9))
DIVERGED = complete(41, Cell(1, 9, 1), Scores(60, 1e12, 1e12, 9e5))
TABLES = {
    "none": [],
    "failed": [FAILED],
    "one": MANY[:1],
    "two": MANY[:2],
    "equal": [MANY[0], complete(1, Cell(2, 2, 1), Scores(10, MANY[0].rss_train, None, MANY[0].aicc))],
    "many": [*MANY, FAILED],
    "one diverged": [*MANY, DIVERGED],
    "exact": [complete(i, Cell(i + 1, 2, 1), Scores(9 + i, 1e-20 * (i + 1), None, -2000.0 + i)) for i in range(4)],
}  # fmt: skip


def drawn(chart: Any) -> dict[str, Any]:
    """The chart as Vega-Lite, checked against its schema; strict JSON."""
    content = chart.to_dict()
    json.dumps(content, allow_nan=False)
    alt.Root.validate(content)  # as Chart.from_dict does, which builds the chart as well, of each kind in turn
    return content


def marks(content: Any) -> Iterator[dict[str, Any]]:
    """Every part of a chart that draws."""
    if isinstance(content, dict):
        if "mark" in content:
            yield content
        for value in content.values():
            yield from marks(value)
    elif isinstance(content, list):
        for value in content:
            yield from marks(value)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("selected", [None, 0, 999])
def test_charts_of_trials(name: str, selected: int | None, small: Dataset) -> None:
    table, models = trial_table(TABLES[name]), baselines(small)
    for chart in (
        trial_charts.aicc_against_rss(table, 48, models, selected),
        trial_charts.aicc_against_rss(table, 48),
        trial_charts.pareto_front(table, models, selected),
        trial_charts.history(table, selected),
        cell_charts.aicc_map(table, selected),
        cell_charts.slices(table),
    ):
        drawn(chart)


def test_charts_of_other_things() -> None:
    drawn(training.loss_curve([9.0, 4.0, 1.0]))
    drawn(training.loss_curve([2.0]))
    drawn(evidence.importance(pd.DataFrame({"parameter": ["grid", "k"], "share": [0.7, 0.3]})))
    drawn(evidence.permutation_gains(40.0, [1.0, 2.0]))
    cells = pd.DataFrame(
        [
            {"neuron_num": 1, "grid": 2, "k": 1, "n_params": 9, "rows": 5.0, "status": "admissible", "seconds": np.nan},
            {"neuron_num": 2, "grid": 2, "k": 1, "n_params": 19, "rows": 2.0, "status": "few rows", "seconds": 1.0},
            {
                "neuron_num": 9,
                "grid": 2,
                "k": 1,
                "n_params": 99,
                "rows": 0.5,
                "status": "inadmissible",
                "seconds": 1.0,
            },
        ]
    )
    assert "row" not in drawn(cell_charts.admissible_map(cells, 48))["facet"]
    assert "row" in drawn(cell_charts.admissible_map(cells.assign(depth=[1, 2, 3]), 48))["facet"]


def test_depth_is_drawn_where_it_is_a_parameter() -> None:
    trials = records(6, np.random.default_rng(0))
    deep = [replace(r, cell=r.cell._replace(depth=1 + i % 2), parameters=Cell._fields) for i, r in enumerate(trials)]
    for plain, other in ((trial_table(trials), trial_table(deep)),):
        assert "row" not in drawn(cell_charts.aicc_map(plain))["facet"]
        assert "row" in drawn(cell_charts.aicc_map(other))["facet"]
        # beside maps of two or three grids "multiplication = 1" would be longer than they are high
        assert drawn(cell_charts.aicc_map(other))["facet"]["row"]["header"]["labelOrient"] == "top"
        assert "hidden layers" in json.dumps(drawn(cell_charts.slices(other)))
        assert "hidden layers" not in json.dumps(drawn(cell_charts.slices(plain)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_lies_beyond_is_said_on_a_line_of_its_own(language: str) -> None:
    with use(language):
        subtitle = drawn(trial_charts.pareto_front(trial_table([*MANY, DIVERGED])))["title"]["subtitle"]
        assert subtitle[-1] == beyond_words(1)
        assert 1 <= len(subtitle[:-1]) <= 2


def test_one_diverged_trial_does_not_flatten_the_picture() -> None:
    content = drawn(trial_charts.aicc_against_rss(trial_table([*MANY, DIVERGED]), 48))
    values = np.array([r.aicc for r in MANY], dtype=float)
    domains = {
        tuple(part["encoding"]["y"]["scale"]["domain"]) for part in marks(content) if "y" in part.get("encoding", {})
    }
    ((low, high),) = domains
    assert low < values.min()
    assert high < values.min() + 3 * np.ptp(values)
    assert "beyond the axis, drawn as triangles" in json.dumps(content)


@pytest.mark.parametrize(
    ("values", "high"),
    [
        ([1.0, 2.0, 3.0], 3.0),
        ([0.0, 1.0, 100.0], 2.5),
        ([-10.0, 0.0, 2.0, 1e6], 17.5),
        ([5.0], 5.0),
        ([4.0, 4.0, 4.0], 4.0),
    ],
)
def test_the_upper_fence(values: list[float], high: float) -> None:
    assert upper_fence(pd.Series(values)) == pytest.approx(high)


@pytest.mark.parametrize("count", [2, 5, 40])
def test_the_front_and_the_lowest_aicc_are_within_the_axes(count: int) -> None:
    table = trial_table(records(count, np.random.default_rng(count)))
    front = trial_charts.pareto_front(table).tables["trials"]
    assert not front["beyond"][front["on_front"]].any()
    points = trial_charts.aicc_against_rss(table, 48).tables["trials"]
    assert not points.nsmallest(1, "aicc")["beyond"].any()


def test_the_recommended_model_is_marked_whatever_it_is(small: Dataset) -> None:
    """The trial of lowest AICc, another one, or a model that is no network; nothing where nothing is recommended."""
    few = trial_table(
        [complete(i, Cell(1, 2 + i, 1), Scores(10 + i, 0.5 - 0.1 * i, None, -20.0 + i)) for i in range(4)]
    )
    linear = baselines(small)

    def labels(recommended: Any) -> list[str]:
        charts = (
            trial_charts.pareto_front(few, linear, recommended=recommended),
            trial_charts.aicc_against_rss(few, 48, linear, recommended=recommended),
        )
        named = [[w.rstrip(" ↖↗↘↙←→") for w in c.tables["labels"]["label"] if "recommended" in w] for c in charts]
        assert named[0] == named[1]
        marked = "recommended" in charts[0].tables
        assert marked == (recommended not in (None, 0))  # 0 has the lowest AICc, and one diamond
        return named[0]

    assert labels(None) == []
    assert labels(0) == labels(2) == ["recommended"]
    assert labels("ridge") == ["ridge (recommended)"]


def test_much_worse_models_are_at_the_edge_with_an_arrow(small: Dataset) -> None:
    few = [complete(i, Cell(1, 2 + i, 1), Scores(30 + i, 1e-3 * (5 - i), None, -400.0 + i)) for i in range(4)]
    chart = trial_charts.pareto_front(trial_table(few), baselines(small))
    assert (
        chart.tables["baselines"]["drawn_y"].max() <= chart.to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"][1]
    )
    assert [label for label in chart.tables["labels"]["label"] if "mean" in label] == ["mean, linear ↖"]


def test_points_can_be_selected_and_the_selected_one_is_ringed() -> None:
    content = drawn(trial_charts.pareto_front(trial_table(MANY), selected=7))
    assert content["params"][0]["name"] == trial_charts.SELECTED
    assert content["params"][0]["select"]["fields"] == ["number"]
    assert "datum.number === 7" in json.dumps(content)


def test_the_curves_of_equal_k_are_where_aicc_says() -> None:
    from kanlab.stats.criteria import aicc

    table = trial_table(MANY)
    across, up = robust_axis(table["rss_train"], fence=False), RobustAxis(-2000.0, 2000.0)
    curves = trial_charts._equal_k(table, across, 400, up, MEASURES["regression"])
    assert 1 < curves["n_params"].nunique() <= 6
    for row in curves.itertuples():
        assert row.drawn_y == pytest.approx(aicc(row.drawn_x, 400, row.n_params))


# ---- two classes


def of_classes(record: TrialRecord) -> TrialRecord:
    deviance = 40.0 * (record.rss_train or 0.0)
    scores = ClassScores(deviance, deviance / 96, 0.4, 0.1, None, 0.8, None, 0.9, None)
    return record.rescored(classes=scores, aicc=deviance + 2 * record.n_params)


@pytest.mark.parametrize("name", TABLES)
def test_charts_of_trials_of_classes(name: str, small: Dataset) -> None:
    high = small.y_train > np.median(small.y_train)
    data = replace(small, y_train=high.astype(float), y_test=(small.y_test > 0).astype(float), levels=("low", "high"))
    table, models = trial_table([of_classes(r) if r.state == "complete" else r for r in TABLES[name]]), baselines(data)
    against, front = (
        trial_charts.aicc_against_rss(table, 48, models, 0, "y"),
        trial_charts.pareto_front(table, models, 0, "y"),
    )
    for chart in (
        against,
        front,
        trial_charts.history(table, 0),
        cell_charts.aicc_map(table, 0),
        cell_charts.slices(table),
    ):
        content = json.dumps(drawn(chart))
        assert "RSS" not in content or name in ("none", "failed")  # no trial says yet that they are classes
    if name == "many":
        assert "AICc against deviance" in json.dumps(against.to_dict())
        assert "deviance of y on the training rows" in json.dumps(front.to_dict())
        assert "logistic regression" in json.dumps(front.to_dict())


def test_along_a_curve_of_equal_k_aicc_rises_with_the_deviance() -> None:
    table, of = trial_table([of_classes(r) for r in MANY]), MEASURES["classification"]
    across, up = robust_axis(table["deviance_train"], fence=False), RobustAxis(0.0, 2000.0)
    curves = trial_charts._equal_k(table, across, 400, up, of)
    for row in curves.itertuples():
        K = row.n_params
        expected = BERNOULLI.term(row.drawn_x, 400) + 2 * K + 2 * K * (K + 1) / (400 - K - 1)
        assert row.drawn_y == pytest.approx(expected)
        assert of.fit_at(row.drawn_y, 400, K) == pytest.approx(row.drawn_x)


def test_calibration_shows_every_bin_with_its_rows() -> None:
    bins = [CalibrationBin(12, 0.1, 0.25, 0.09, 0.53), CalibrationBin(3, 0.9, 1.0, 0.44, 1.0)]
    content = drawn(evidence.calibration(bins, "ill **now**"))
    assert "predicted probability of ill **now**" in json.dumps(content)
    assert [row["rows"] for rows in content["datasets"].values() for row in rows if "rows" in row] == [12, 3]


# ---- all trainings


def test_the_timeline_shows_every_fit_from_its_start_to_its_end_in_one_unit() -> None:
    fits = [FitTime(replace(r, loss_curve=[2.0, 1.0]), 600.0 * r.number, 600.0 * r.number + 300) for r in MANY]
    chart = training.timeline(fits, selected=1, pauses=2)
    drawn(chart)
    rows = chart.tables["trials"]
    last = max(fit.end for fit in fits)
    assert chart.spec["layer"][0]["encoding"]["x"]["title"].endswith("(h)" if last >= 3 * 3600 else "(min)")
    size = 3600 if last >= 3 * 3600 else 60
    assert (rows["start"] * size).tolist() == pytest.approx([fit.start for fit in fits])
    assert (rows["end"] * size).to_numpy() == pytest.approx(np.maximum([f.end for f in fits], rows["start"] * size))
    assert "2 pauses of more than a minute left out" in chart.spec["description"]
    assert f"{sum(f.state == 'complete' for f in fits)} complete" in chart.spec["description"]


def test_loss_curves_mark_the_lowest_aicc_and_the_selected_trial() -> None:
    trials = [replace(r, loss_curve=[9.0, 4.0 + r.number]) for r in MANY if r.state == "complete"]
    best = min(trials, key=lambda r: r.aicc or np.inf).number
    picked = next(r.number for r in trials if r.number != best)
    chart = training.loss_curves(trials, picked, "RSS", "squared units of y")
    drawn(chart)
    kinds = dict(zip(chart.tables["marked"]["number"], chart.tables["marked"]["kind"], strict=True))
    assert kinds == {best: f"lowest AICc (trial {best})", picked: f"selected (trial {picked})"}
    assert chart.spec["layer"][0]["encoding"]["y"]["title"] == "RSS (squared units of y)"
    many = [replace(trials[0], number=i, loss_curve=[2.0, 1.0]) for i in range(1000)]
    table = training.loss_curves(many, 777).tables["trials"]
    assert {0, 777} <= set(table["number"])
    assert table["number"].nunique() <= training.MOST_CURVES + 2
