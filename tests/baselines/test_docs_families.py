"""docs/families.md: its code runs, and the family it writes is right."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kanlab
from kanlab.baselines import registry
from kanlab.data.dataset import Dataset
from kanlab.execution import tasks
from kanlab.execution.messages import FamilyFoldTask, FamilyTask
from kanlab.stats.generalised_dof import divergence

PAGE = (Path(kanlab.__file__).parents[1] / "docs" / "families.md").read_text(encoding="utf-8")
FAMILY, TRIAL = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def neighbours(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The family of the page, added as the page says."""
    module = ModuleType("kanlab.baselines.neighbours")
    exec(compile(FAMILY, "docs/families.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.COMPARISON_FAMILIES, "neighbours", module.__name__)
    return module


def test_the_page_runs(neighbours: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(TRIAL, "docs/families.md", "exec"), {"fit": neighbours.fit})
    words = capsys.readouterr().out
    found, linear = map(int, re.findall(r"-?\d+", words))
    assert found < linear - 50, words


def test_its_dof_are_the_trace(neighbours: ModuleType) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 2))
    y = np.sin(X[:, 0]) + 0.3 * rng.normal(size=60)
    fitted = neighbours.fit(X, y)
    k = round(60 / (fitted.dof or 1.0))
    ranks = np.argsort(((X / X.std(axis=0))[:, None] - X / X.std(axis=0)).__pow__(2).sum(axis=2), axis=1, kind="stable")
    S = np.array([np.isin(np.arange(60), row[:k]) / k for row in ranks])
    np.testing.assert_allclose(fitted.predict(X), S @ y)
    assert fitted.dof == pytest.approx(np.trace(S))
    draws = [divergence(lambda v: S @ v, y, 0.1 * rng.choice([-1.0, 1.0], 60)) for _ in range(300)]
    assert abs(np.mean(draws) - np.trace(S)) < 4 * np.std(draws) / 300**0.5


def test_it_takes_part_in_a_validation(neighbours: ModuleType, small: Dataset) -> None:
    found = tasks.answer(small, FamilyTask(family="neighbours", count_sigma2=True, seed=0))
    assert found["family"] == "neighbours"
    assert found["aicc"] < (registry.baselines(small)[0].aicc or 0.0)
    held = tasks.answer(small, FamilyFoldTask(family="neighbours", fold=0, folds=5, seed=0))
    assert 0 < held["rss"] < np.inf


def test_the_page_names_every_family() -> None:
    table = PAGE.split("## Writing one")[0]
    for name in [*registry.BASELINES, *registry.LABELS]:
        assert name in table
