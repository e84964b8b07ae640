"""The command line on a target of two classes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.reading.table import read_table
from tests.helpers.two_classes import NASTY, table

pytestmark = pytest.mark.usefixtures("one_worker")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "states.csv", tmp_path / "out.csv"
    table().to_csv(path, index=False)
    ranges = ["--neuron-num", "1:1", "--grid", "2:2", "--k", "1:2", "--workers", "1"]
    assert main(["tune", str(path), "--target", "state", *ranges, "--study", "s", "--json"]) == 0
    printed, heard = capsys.readouterr()
    content = json.loads(printed, parse_constant=lambda c: pytest.fail(c))
    assert content["data"]["task"] == "classification"
    assert content["data"]["levels"] == ["healthy", NASTY]
    assert f"'{NASTY}' counts as 1" in heard
    n, data = content["data"]["n_train"], Dataset.from_frame(read_table(path).frame, "state")
    assert content["data"]["sha256"] == data.sha256
    for t in content["trials"]:
        K = t["n_params"]
        assert t["aicc"] == pytest.approx(t["deviance_train"] + 2 * K + 2 * K * (K + 1) / (n - K - 1))
        assert t["rss_train"] == pytest.approx(n * t["brier_train"])
        assert t["log_loss_test"] > 0
        assert 0 <= t["accuracy_test"] <= 1
    assert [b["family"] for b in content["baselines"]] == ["constant", "linear", "ridge"]
    assert "deviance_train" in content["recommended"]

    assert main(["show", "s"]) == 0
    words = capsys.readouterr().out
    assert f"state: probability of '{NASTY}' rather than 'healthy'" in words
    assert "deviance" in words
    assert "accuracy test" in words
    assert "RMSE" not in words

    assert main(["predict", "s", str(path), "-o", str(out)]) == 0
    assert {"state_predicted", "state_probability", "state_extrapolates"} < set(pd.read_csv(out).columns)
    assert set(pd.read_csv(out)["state_predicted"]) <= {"healthy", NASTY}

    turned = ["tune", str(path), "--target", "state", "--positive", "healthy", *ranges, "--json"]
    assert main(turned) == 0
    assert json.loads(capsys.readouterr().out)["data"]["levels"] == [NASTY, "healthy"]
    assert main(["tune", str(path), "--target", "kind", "--task", "regression", *ranges]) == 2
    assert "not numbers" in capsys.readouterr().err
    assert main(["tune", str(path), "--target", "a", "--task", "classification", *ranges]) == 2
    assert "choose regression" in capsys.readouterr().err
