"""Summed Akaike weights against their definition, of a study whose models use different features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
from kanlab.selection.candidates import Candidate
from kanlab.selection.feature_weights import FeatureWeights, feature_weights
from kanlab.stats.criteria import akaike_weights


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"]).assign(kind=rng.choice(["x", "z"], 120))
    frame["y"] = frame["a"] + 0.15 * frame["b"] + rng.normal(size=120)
    return Dataset.from_frame(frame, "y", test_fraction=0.0)


def candidates(data: Dataset) -> list[Candidate]:
    return [Candidate(b.family, b.family, None, b.scores, baseline=b) for b in baselines(data)]


def test_they_are_the_weights_of_the_sets_that_hold_the_feature(data: Dataset) -> None:
    listed = candidates(data)
    found = feature_weights(listed, data)
    assert found is not None
    aicc = {c.family: c.aicc for c in listed}
    every = min(aicc["linear"], aicc["ridge"])  # one of all features, by the better of the two
    none, chosen, all_of_them = akaike_weights([aicc["constant"], aicc["stepwise"], every])
    weights = dict(zip(found.features, found.weights, strict=True))
    assert found.sets == 3
    assert found.features[0] == "a"
    assert weights["a"] == pytest.approx(chosen + all_of_them)
    assert weights["kind"] == pytest.approx(all_of_them)
    assert none < 1e-6
    assert "needs a" in found.sentence
    assert found.to_list()[0] == {"feature": "a", "weight": found.weights[0]}
    more = [c for c in listed if c.family == "linear"] * 100  # many configurations of one set do not outvote the others
    assert feature_weights(listed + more, data) == found


def test_where_nothing_differs_it_says_so(data: Dataset) -> None:
    alone = feature_weights([c for c in candidates(data) if c.family == "linear"], data)
    assert alone is not None
    assert alone.weights == (1.0,) * 4
    assert "cannot tell" in alone.sentence
    assert feature_weights([], data) is None
    assert "divided" in FeatureWeights(("a",), (0.7,), 2).sentence
    assert FeatureWeights(("a",), (0.2,), 2).sentence == "It does without a (below 0.5)."
