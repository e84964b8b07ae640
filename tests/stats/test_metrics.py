"""Scores of probabilities against scikit-learn and statsmodels."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from kanlab.stats.metrics import (
    ClassScores,
    CountScores,
    HasScores,
    Scores,
    accuracy,
    area_under_roc,
    brier,
    calibration,
    class_scores,
    confusion,
    log_loss,
    wilson,
)


def drawn(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with many ties, and outcomes that follow them."""
    rng = np.random.default_rng(seed)
    p = rng.random(n).round(1 + seed % 3)
    return p, (rng.random(n) < p).astype(float)


@given(st.integers(0, 10_000))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    p, y = drawn(seed)
    assert log_loss(p, y) == pytest.approx(metrics.log_loss(y, p), rel=1e-9)
    assert brier(p, y) == pytest.approx(metrics.brier_score_loss(y, p))
    assert accuracy(p, y) == pytest.approx(metrics.accuracy_score(y, p >= 0.5))
    assert area_under_roc(p, y) == pytest.approx(metrics.roc_auc_score(y, p))
    np.testing.assert_array_equal(confusion(p, y), metrics.confusion_matrix(y, p >= 0.5))


def test_one_class_alone_has_no_pairs() -> None:
    p = np.array([0.2, 0.7])
    assert area_under_roc(p, np.ones(2)) is None
    np.testing.assert_array_equal(confusion(p, np.ones(2)), [[0, 0], [1, 1]])
    found = class_scores(p, np.array([0.0, 1.0]), p[:0], p[:0])
    assert (found.log_loss_test, found.accuracy_test, found.auc_train) == (None, None, 1.0)
    assert found.deviance_train == pytest.approx(-2 * (np.log(0.8) + np.log(0.7)))


def test_calibration_is_that_of_scikit_learn_with_the_rows_counted() -> None:
    rng = np.random.default_rng(3)
    p, y = rng.random(500), rng.integers(0, 2, 500).astype(float)
    found = calibration(p, y)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    np.testing.assert_allclose([b.predicted for b in found], predicted)
    np.testing.assert_allclose([b.observed for b in found], observed)
    assert sum(b.rows for b in found) == 500
    assert all(b.low <= b.observed <= b.high for b in found)
    assert calibration(np.array([1.0]), np.array([1.0]))[0].rows == 1


@given(st.integers(1, 300), st.floats(0, 1))
def test_wilson(n: int, share: float) -> None:
    ones = round(share * n)
    np.testing.assert_allclose(wilson(ones / n, n), proportion_confint(ones, n, method="wilson"), atol=1e-6)


OF_CLASSES = ClassScores(40.0, 0.4, 0.5, 0.1, None, 0.8, None, 0.9, None)
OF_COUNTS = CountScores(60.0, 0.6, 0.7, 0.4, None, 55.0)


@pytest.mark.parametrize(
    "scores",
    [
        Scores(),
        Scores(3, 9.0, 2.0, -22.0, 0.3, 0.2, 11.0, 1.5),
        Scores(2.5, 9.0, rmse_test=0.2),
        Scores(2.5, 9.0, rmse_test=0.2, n_negative=3),
        Scores(4, 9.0, classes=OF_CLASSES),
        Scores(4, 9.0, rmse_test=0.2, counts=OF_COUNTS),
    ],
)
def test_scores_are_flat_in_json_and_read_back(scores: Scores) -> None:
    content = json.loads(json.dumps({"family": "linear"} | scores.to_dict()))
    assert Scores.from_dict(content) == scores
    assert not any(isinstance(value, dict | list) for value in content.values())
    assert ("deviance_train" in content) == (scores.deviance is not None)


def test_scores_of_an_earlier_version_have_no_accuracy_of_rows_left_out() -> None:
    classes = ClassScores(1.0, 0.5, 0.5, 0.1, 0.1, 0.8, 0.8, 0.8, None)
    content = Scores(rss_train=1.0, classes=classes).to_dict()
    del content["accuracy_loo"]
    assert Scores.from_dict(content).classes == classes
    assert Scores.from_dict(Scores(rss_train=1.0, classes=classes).errors()).classes == classes


def test_what_a_fit_makes_small() -> None:
    assert (Scores(3, 9.0, rmse_test=0.2).misfit, Scores(rmse_test=0.2).error_test) == (9.0, 0.2)
    of_classes = Scores(3, 9.0, rmse_test=0.2, classes=OF_CLASSES)
    assert (of_classes.misfit, of_classes.error_test) == (40.0, 0.5)
    of_counts = Scores(3, 9.0, rmse_test=0.2, counts=OF_COUNTS)
    assert (of_counts.misfit, of_counts.error_test) == (60.0, 0.7)


@dataclass(frozen=True)
class Holder(HasScores):
    name: str
    scores: Scores


def test_a_holder_gives_its_scores_by_name() -> None:
    scores = Scores(3, 9.0, 2.0, -22.0, 0.3, 0.2, 11.0, 1.5, OF_CLASSES, OF_COUNTS, 2.5, 4.0, -23.0, 7)
    held = Holder("x", scores)
    for name in HasScores.__annotations__.keys() - {"scores"}:
        assert getattr(held, name) == getattr(held.scores, name) is not None
    assert held.rescored(aicc=-1.0) == Holder("x", replace(scores, aicc=-1.0))
    assert held.aicc == -22.0
