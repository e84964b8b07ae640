"""The README of a bundle as a model card: front matter that a YAML reader reads, whatever names hold."""

from __future__ import annotations

import json

import pandas as pd
import yaml

from kanlab.data.dataset import Dataset
from kanlab.explain.study_predictor import predictor
from kanlab.export.bundle import bundle
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import use
from tests.helpers.validations import study as made_study


def test_it_is_read_as_yaml(frame: pd.DataFrame) -> None:
    name = "a: b\n---\n- x {y} # z"
    data = Dataset.from_frame(frame.rename(columns={"y": name}), name, ["a", "b"], name="data: 1\n---.csv")
    handle = made_study(data, {Cell(1, 2, 1): -900.0}, space=SearchSpace((1, 2), (2, 3), (1, 1)))
    made = bundle(handle, predictor(handle), data).files
    text = made["README.md"]
    _, head, card = text.split("---\n", 2)
    content = yaml.safe_load(head)
    assert content["library_name"] == "kanlab"
    assert content["pipeline_tag"] == "tabular-regression"
    (index,) = content["model-index"]
    (result,) = index["results"]
    assert result["dataset"]["name"] == data.name
    assert result["metrics"][0]["type"] == "rmse"
    assert result["metrics"][0]["value"] > 0
    with use("zh"):
        told = predictor(handle)
        files, called = bundle(handle, told, data).files, told.name
    assert files["README.md"] != text
    assert 'lang="zh-CN"' in files["report.html"]
    assert called != told.label == json.loads(files["model.json"])["label"]  # what programs read stays English
    for part in ("model.json", "predict.py", "study.json", "formula.py", "Dockerfile"):
        assert files.get(part) == made.get(part), part
    for section in ("Predict", "Serve", "Uses and limits", "Why this model", "Where it comes from"):
        assert f"\n## {section}\n" in card
