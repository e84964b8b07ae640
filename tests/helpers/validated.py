"""One study of a module, validated a little."""

from __future__ import annotations

from pathlib import Path

import pytest

from kanlab.api import Study, open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import SearchSpace
from kanlab.selection import validation_plan

A_LITTLE = {"FINALISTS": 2, "SEEDS": 2, "VERIFIED": 2, "FOLDS": 3, "PERMUTATIONS": 4, "NULL_CELLS": 2}


def validated(home: Path, monkeypatch: pytest.MonkeyPatch, data: Dataset, space: SearchSpace, name: str) -> Study:
    """The study in a home of the module, made by the first test that asks for it; every test has the small plan."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    for constant, value in A_LITTLE.items():
        monkeypatch.setattr(validation_plan, constant, value)
    if not (home / "studies.db").exists():
        tune(data, space, workers=1, name=name).validate(workers=1)
    return open_study(name)
