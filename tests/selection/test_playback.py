"""A study played back: every trial once, in the order in which they came, names escaped, a script allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest

from kanlab.colours import DARK
from kanlab.kan.search_space import Cell
from kanlab.selection import playback
from kanlab.selection.svg_axes import Axis, decades
from kanlab.stats.likelihood import CLASSIFICATION, REGRESSION
from kanlab.stats.metrics import Scores
from kanlab.study.trials import CompletedTrial


def trial(number: int, rss: float, aicc: float) -> CompletedTrial:
    return CompletedTrial(number, "complete", Cell(1, 2, 1), Scores(9, rss, aicc=aicc), 0.1, "converged")


def test_every_trial_is_a_point_in_the_order_of_the_trials() -> None:
    made = playback.playback([trial(2, 4.0, -30.0), trial(0, 9.0, -10.0), trial(1, 1.0, np.inf)], REGRESSION, "<y>")
    assert re.findall(r'data-aicc="([^"]+)"', made) == ["-10", "-30"]
    assert re.findall(r"<title>(Trial \d+)", made) == ["Trial 0", "Trial 2"]
    assert "Trial 0: 1 hidden neuron, grid 2, k 1, K 9, RSS 9, AICc -10.00" in made
    assert "squared units of &lt;y&gt;" in made
    assert 'max="2"' in made
    x, y = (np.array(re.findall(rf'class="trial" .*?{c}="([^"]+)"', made), dtype=float) for c in ("cx", "cy"))
    assert x[0] > x[1]  # less RSS is further left
    assert y[0] < y[1]  # less AICc further down


def test_fewer_than_two_trials_are_no_playback() -> None:
    assert playback.playback([], REGRESSION, "y") == playback.playback([trial(0, 1.0, 2.0)], REGRESSION, "y") == ""
    assert "deviance" in playback.playback([trial(0, 1.0, 2.0), trial(1, 2.0, 3.0)], CLASSIFICATION, "y")


def test_of_very_many_trials_those_that_lowered_aicc_are_drawn() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(-100, 100, 4000)
    made = playback.playback([trial(i, 1.0 + i, v) for i, v in enumerate(values)], REGRESSION, "y")
    drawn = np.array(re.findall(r'data-aicc="([^"]+)"', made), dtype=float)
    assert playback.MOST <= len(drawn) <= playback.MOST + 20
    lowered = [v for i, v in enumerate(values) if v == values[: i + 1].min()]
    assert set(np.round(lowered, 6)) <= set(np.round(drawn, 6))


def test_the_page_allows_its_script_and_no_other() -> None:
    page = playback.document("<p>here</p>", DARK)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; font-src data:; script-src 'sha256-{digest}'\"" in page
    assert DARK.background in page


@pytest.mark.parametrize(("low", "high"), [(1e-9, 2e-9), (0.03, 7.0), (1.0, 1e12), (2.9, 4.1)])
def test_a_logarithmic_axis_has_numbers_wherever_it_lies(low: float, high: float) -> None:
    axis = Axis(low, high, 0.0, 100.0, log=True)
    assert 2 <= len(axis.ticks) <= 14
    assert all(low <= v <= high for v in axis.ticks)
    assert decades(low, high) == sorted(decades(low, high))
    assert axis(low) == 0.0
    assert axis(high * 5) == pytest.approx(100.0)
