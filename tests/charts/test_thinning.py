"""Which points of a large study are drawn, and that it is said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kanlab.charts.thinning import KEPT_POINTS, MOST_POINTS, thinned


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    score = rng.normal(size=rows)
    score[::7] = np.nan
    return pd.DataFrame({"number": np.arange(rows), "aicc": score, "on_front": rng.random(rows) < 0.01})


def test_a_small_table_is_drawn_whole() -> None:
    whole = table(MOST_POINTS)
    drawn, words = thinned(whole, 3)
    assert drawn is whole
    assert words == ""


def test_what_matters_is_kept_and_the_rest_evenly() -> None:
    whole = table(MOST_POINTS + 5000)
    drawn, words = thinned(whole, 4321, None)
    kept = set(drawn["number"])
    assert len(drawn) == KEPT_POINTS
    assert f"{KEPT_POINTS:,} of 10,000 trials" in words
    assert 4321 in kept
    assert set(whole.loc[whole["on_front"], "number"]) <= kept
    assert set(whole.nsmallest(300, "aicc")["number"]) <= kept
    assert drawn["number"].is_monotonic_increasing
    assert max(np.diff(drawn["number"])) < 50
    again, _ = thinned(whole, 4321)
    assert list(again["number"]) == list(drawn["number"])


def test_a_front_of_everything_is_kept() -> None:
    drawn, _ = thinned(table(MOST_POINTS + 1).assign(on_front=True))
    assert len(drawn) == MOST_POINTS + 1
