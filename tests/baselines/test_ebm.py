"""The explainable boosting machine as a comparison family: interpret's own numbers, where it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from interpret.glassbox import ExplainableBoostingRegressor

from kanlab.baselines import ebm, registry
from kanlab.baselines.protocol import FamilyFit
from kanlab.baselines.registry import COMPARISON_FAMILIES, chosen_families, fit_named, missing_extra
from kanlab.data.dataset import Dataset
from kanlab.errors import FitError
from kanlab.execution import messages
from kanlab.execution.tasks import answer
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.validation_plan import plan
from tests.helpers.command_line import run
from tests.helpers.sentences import refused
from tests.helpers.validations import study

QUICK: dict[str, Any] = {"outer_bags": 2, "max_rounds": 400}  # the defaults take seconds each


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ebm, "_made", partial(ebm._made, **QUICK))


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.sin(3 * X[:, 0]) + 0.5 * X[:, 1]


def test_a_quantity_is_the_sum_of_the_shapes_of_interpret() -> None:
    X, y = rows(50)
    own = ExplainableBoostingRegressor(feature_types=["continuous"] * 2, random_state=3, n_jobs=1, **QUICK).fit(X, y)
    found = fit_named("ebm", X, y, 3)
    assert found.dof is None
    np.testing.assert_allclose(found.predict(X), own.intercept_ + own.eval_terms(X).sum(axis=1))
    assert np.mean((found.predict(X) - y) ** 2) < 0.2 * y.var()


def test_classes_and_counts() -> None:
    X, f = rows(50)
    two = fit_named("ebm", X, (f > 0).astype(float), task="classification").predict(X)
    assert two.shape == (50,)
    assert np.mean((two > 0.5) == (f > 0)) > 0.85
    number = np.digitize(f, [-0.5, 0.5])
    many = fit_named("ebm", X, np.eye(4)[number], task="multiclass").predict(X)
    np.testing.assert_allclose(many.sum(axis=1), 1.0)
    assert not many[:, 3].any()  # a class without rows
    assert np.mean(many.argmax(axis=1) == number) > 0.7
    counts = np.random.default_rng(1).poisson(np.exp(1 + f)).astype(float)
    mean = fit_named("ebm", X, counts, task="counts").predict(X)
    assert (mean > 0).all()
    assert np.corrcoef(mean, np.exp(1 + f))[0, 1] > 0.7


@pytest.mark.parametrize(
    ("fit", "y"),
    [
        (ebm.fit, np.arange(6.0)),
        (ebm.classify, np.ones(6)),
        (ebm.classify_many, np.eye(3)[[0] * 6]),
        (ebm.count, np.zeros(6)),
    ],
)
def test_too_few_rows_or_one_class_is_the_mean(fit: Callable[..., FamilyFit], y: np.ndarray) -> None:
    predicted = fit(np.random.default_rng(0).normal(size=(6, 2)), y).predict(np.zeros((3, 2)))
    np.testing.assert_allclose(predicted, np.broadcast_to(y.mean(axis=0), predicted.shape), atol=0.1)


def test_it_is_fitted_where_it_is_asked_for(small: Dataset) -> None:
    handle = study(small, {Cell(1, 2, 1): -90.0}, space=SearchSpace((1, 1), (2, 2), (1, 1)))

    def families(wanted: list[str] | None) -> set[str]:
        return {j.task.family for j in plan(handle, wanted) if isinstance(j.task, messages.FamilyTask)}

    assert families(None) == set(COMPARISON_FAMILIES)
    assert families(["ebm", "gam"]) == {"ebm", "gam"}
    assert families(["none"]) == set()
    folds = [j.task for j in plan(handle, ["ebm"]) if isinstance(j.task, messages.FamilyFoldTask)]
    assert "ebm" in {task.family for task in folds}


def test_a_worker_scores_it_without_a_number_of_parameters(small: Dataset) -> None:
    found = answer(small, messages.FamilyTask(family="ebm", seed=0, count_sigma2=True))
    assert found["n_params"] is None
    assert found["aicc"] is None
    assert 0 < found["rss_train"] < np.sum((small.y_train - small.y_train.mean()) ** 2)


def test_what_is_missing_or_unknown_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with refused(FitError, "There is no family 'tabpfn'", "gam", "ebm"):
        chosen_families(["tabpfn"])
    assert not missing_extra("ebm")
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert not missing_extra("gam")
    with refused(FitError, "The family ebm needs a package that is not installed: pip install 'kanlab[ebm]'."):
        chosen_families(["ebm"])
    run("validate", "any", "--families", "ebm", code=2)
    assert "pip install 'kanlab[ebm]'" in capsys.readouterr().err
