"""A storage that an earlier version wrote is read: the same numbers, the same recommendation, the same predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.api import Study, open_study
from kanlab.cli import main
from kanlab.execution.final_check import ReducedTrial
from kanlab.execution.manage import duplicate, extend
from kanlab.selection.validation import read_validation
from kanlab.study.handle import load_study, study_names
from kanlab.study.optuna_adapter import all_studies, storage_of
from kanlab.study.storage import get_storage
from kanlab.study.trials import CompletedTrial
from tests.helpers import older

WORDS = {"reasons", "alarms"}  # sentences, which may be put in other words


@pytest.fixture(autouse=True)
def storage(kanlab_home: Path) -> None:
    older.put_storage(kanlab_home)


def test_the_studies_are_listed() -> None:
    assert study_names(get_storage()) == ["classes", "numbers"]


def without_news(found: Any, expected: Any) -> Any:
    """JSON without the fields that were added since, which an old study has nothing for."""
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [without_news(f, e) for f, e in zip(found, expected, strict=True)]
    if isinstance(found, dict) and isinstance(expected, dict):
        return {k: without_news(v, expected.get(k)) for k, v in found.items() if k in expected or v is not None}
    return found


@pytest.mark.parametrize("name", ["numbers", "classes"])
def test_they_show_what_they_showed(name: str) -> None:
    found, expected = json.loads(json.dumps(open_study(name).to_dict())), older.shown(name)
    assert found.keys() >= expected.keys()
    for key in expected.keys() - WORDS:
        assert without_news(found[key], expected[key]) == expected[key], key
    assert len(found["reasons"]) == len(expected["reasons"])
    # which is said since then only beyond what so many looks at so few test rows give by chance
    assert len(found["alarms"]) == sum("test rows disagree" not in sentence for sentence in expected["alarms"])


def test_trials_and_the_specification_have_their_types() -> None:
    handle = load_study("numbers")
    assert all(isinstance(r, CompletedTrial) for r in handle.records())
    (stored,) = (s for s in all_studies(storage_of(handle.optuna)) if s.name == "numbers")
    spec, before = json.loads(json.dumps(handle.spec.to_dict())), stored.attributes["spec"]
    assert spec | before | {"options": spec["options"] | before["options"]} == spec
    added = {
        "outputs": 1,
        "values": [],
        "after_fit": False,
        "options": spec["options"] | {"features": None},
    }  # since then
    assert {name: value for name, value in spec.items() if name not in before or value != before[name]} == added
    assert handle.data.levels == ()
    assert load_study("classes").data.levels == ("False", "True")


def test_what_was_made_of_the_finalists_is_known() -> None:
    found = read_validation(load_study("numbers").optuna.user_attrs)
    assert found is not None
    assert found.state == "done"
    cells = {(1, 2, 2, 1, 0), (2, 2, 2, 1, 0), (1, 3, 2, 1, 0), (2, 3, 2, 1, 0)}
    assert {tuple(key.cell or ()) for key in found.refits} == cells
    assert {len(seeds) for seeds in found.refits.values()} == {5}
    (reduced,) = (key for key in found.folds if key.columns)  # the best network without feature c
    assert (tuple(reduced.cell or ()), reduced.columns) == ((1, 2, 2, 1, 0), (0, 1, 2))


def test_the_recommended_network_predicts_what_it_predicted() -> None:
    study = Study(load_study("numbers"))
    assert isinstance(study.recommended, ReducedTrial)
    assert study.recommended.without == ("c",)
    rows = pd.read_csv(older.PREDICTED)
    found = study.predict(rows[["a", "b", "kind", "c"]]).frame
    np.testing.assert_allclose(found["y_predicted"], rows["y_predicted"], rtol=1e-6)
    np.testing.assert_array_equal(found["y_extrapolates"], rows["y_extrapolates"])


def test_a_study_of_it_goes_on() -> None:
    handle = load_study("numbers")
    again = duplicate(handle, name="again", trials=3)
    assert again.spec.space == handle.spec.space
    assert extend(again, trials=4).spec.trials == 4


def test_a_specification_of_a_later_version_hides_no_other_study(capsys: pytest.CaptureFixture[str]) -> None:
    optuna = load_study("classes").optuna
    optuna.set_user_attr("spec", optuna.user_attrs["spec"] | {"ensemble": 5})
    assert main.main(["show", "classes"]) == 2
    assert "this version knows no 'ensemble'" in capsys.readouterr().err
    assert main.main(["studies"]) == 0
    shown = capsys.readouterr()
    assert "numbers" in shown.out
    assert "'classes': The specification of this study cannot be read" in shown.err
