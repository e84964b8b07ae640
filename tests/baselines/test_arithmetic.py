"""The numbers of the families fitted for comparison, evaluated with NumPy alone, against scikit-learn's own predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec import convert

from kanlab.arrays import Array
from kanlab.baselines.protocol import Portable
from kanlab.baselines.registry import COMPARISON_FAMILIES, fit_named
from kanlab.explain.models import HeldFamily
from kanlab.export import schema
from kanlab.export.document import StoredModel, model_document
from kanlab.export.document_check import Damaged, check_model
from kanlab.stats.likelihood import CLASSIFICATION, MULTICLASS, REGRESSION, TaskName, one_hot

ANY = schema.Polynomial | schema.Additive | schema.Perceptron | schema.Trees


def _rows(seed: int, n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.uniform(-2, 2, n), rng.integers(0, 3, n), rng.exponential(size=n)])
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("task", ["regression", "classification", "multiclass"])
@pytest.mark.parametrize("family", list(COMPARISON_FAMILIES))
def test_a_family_as_numbers_predicts_as_scikit_learn_does(family: str, task: TaskName) -> None:
    X, y = _rows(0, 150)
    if task == MULTICLASS:
        y = one_hot(np.digitize(y, [-0.5, 0.5, 2.0]), 4)
    elif task == CLASSIFICATION:
        y = (y > 1).astype(float)
    fitted = fit_named(family, X, y, 0, task)
    assert isinstance(fitted.predict, Portable)
    held = HeldFamily(fitted, X.min(axis=0), X.max(axis=0), task)
    content = json.loads(json.dumps(model_document(held)))
    new = np.vstack([X, _rows(1, 50)[0], [[9.0, 1.0, -3.0]]])  # the last outside the training rows
    expected, outside = held.predict_flagged(new)
    found, flagged = StoredModel(content).predict_flagged(new)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (flagged == outside).all()
    assert flagged[-1]
    convert(content, ANY)
    check_model(content, 3, {REGRESSION: 0, CLASSIFICATION: 2, MULTICLASS: 4}[task])


@pytest.mark.parametrize("present", [(0, 2), (1, 2, 3)])
@pytest.mark.parametrize("family", list(COMPARISON_FAMILIES))
def test_classes_that_no_training_row_has_are_given_next_to_nothing(family: str, present: tuple[int, ...]) -> None:
    X, y = _rows(0, 120)
    number = np.array(present)[np.digitize(y, [0.5, 2.0][: len(present) - 1])]
    fitted = fit_named(family, X, one_hot(number, 4), 0, MULTICLASS)
    held = HeldFamily(fitted, X.min(axis=0), X.max(axis=0), MULTICLASS)
    content = json.loads(json.dumps(model_document(held)))
    found = StoredModel(content).predict_flagged(X)[0]
    assert found == pytest.approx(fitted.predict(X), rel=1e-7, abs=1e-9)
    check_model(content, 3, 4)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"left": [0, 0, 0], "right": [1, 0, 0]}, "left"),
        ({"feature": [7, 0, 0]}, "feature"),
        ({"left": [5, 0, 0]}, "left"),
        ({"right": [0, 0, 0]}, "right"),
        ({"left": [1, 1, 0], "right": [2, 2, 0]}, "left"),
    ],
)
def test_a_tree_that_never_ends_or_leaves_its_nodes_is_refused(change: dict[str, list[int]], place: str) -> None:
    tree = {
        "feature": [0, 0, 0],
        "threshold": [0.5, 0, 0],
        "left": [1, 0, 0],
        "right": [2, 0, 0],
        "value": [0, 1.0, 2.0],
    }
    content = {"kind": "trees", "low": [0.0], "high": [1.0], "offset": 0.0, "trees": [tree | change]}
    with pytest.raises(Damaged, match=rf"^model\.trees\[0\]\.{place}$"):
        check_model(content, 1, 0)
