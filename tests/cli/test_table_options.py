"""The options that overrule the reading and prepare the table, and the same data set from Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.table import read_table
from kanlab.study.storage import load_dataset
from tests.helpers.command_line import run

FAST = ["--neuron-num", "1", "--grid", "2", "--k", "1", "--workers", "1", "--json"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.lognormal(size=120), "b": rng.normal(size=120), "day": pd.date_range("2024-01-01", periods=120)}
    )
    frame["y"] = np.exp(frame["b"] + 0.1 * rng.normal(size=120))
    frame.loc[:5, "b"] = -999
    path = tmp_path / "some.csv"
    path.write_text("made by a program\n" + frame.to_csv(index=False, sep=";", float_format="%.4f"))
    return path


def test_the_same_data_as_from_python(csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--missing=-999,none",
        "--skip-last",
        "2",
        "--drop-copies",
        "--fill-gaps",
        "--log",
        "a",
        "--target-scale",
        "log",
        "--split",
        "time",
        "--split-by",
        "day",
    ]
    assert main(["tune", str(csv), "--target", "y", *options, *FAST]) == 0
    content = json.loads(capsys.readouterr().out)
    frame = read_table(csv, missing=(*MISSING, "-999", "none"), skip_last=2).frame
    pd.testing.assert_frame_equal(frame, read_table(csv).frame.iloc[:-2].replace({"b": {-999: np.nan}}))
    wanted = Preparation(
        copies="drop", gaps="fill", scales={"a": "log"}, target_scale="log", split="time", split_by="day"
    )
    data = Dataset.from_frame(frame, "y", preparation=wanted)
    assert content["data"]["features"] == ["log(a)", "b", "day (year)", "b (missing)"]
    assert content["data"]["sha256"] == data.sha256
    assert load_dataset(data.sha256).recipe == data.recipe


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--decimal", ",", "--delimiter", ","], "must differ"),
        (["--encoding", "utf-99"], "no encoding 'utf-99'"),
        (["--split", "time"], "split_by"),
        (["--log", "b"], "below 0"),
        (["--delimiter", "::"], "single character"),
        (["--keep", "0"], "at least one"),
    ],
)
def test_bad_options_are_one_line(csv: Path, options: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(csv), "--target", "y", *options, *FAST]) == 2
    error = capsys.readouterr().err.strip()
    assert part in error
    assert "\n" not in error


def test_a_near_copy_of_the_target_is_named(
    tmp_path: Path, fake_workers: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_workers()
    rng = np.random.default_rng(0)
    y = rng.normal(size=80)
    near, twice = y + 0.06 * rng.normal(size=80), 2 * y
    path = tmp_path / "leak.csv"
    pd.DataFrame({"a": rng.normal(size=80), "near": near, "twice": twice, "y": y}).to_csv(path, index=False)
    run("tune", str(path), "--target", "y", "--neuron-num", "1", "--grid", "2", "--k", "1")
    said = capsys.readouterr().err
    assert "! 'near' alone explains 99." in said
    assert "! 'twice' and the target are the same up to a factor" in said
    assert "'a'" not in said


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        (np.arange(1, 81), True),
        (np.random.default_rng(1).permutation(100)[:80], True),  # the rows that a split has left
        (np.random.default_rng(1).permutation(5000)[:80], False),
    ],
)
def test_a_feature_that_numbers_the_rows_is_named(
    tmp_path: Path,
    fake_workers: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    numbers: np.ndarray,
    named: bool,
) -> None:
    fake_workers()
    rng = np.random.default_rng(0)
    path = tmp_path / "numbered.csv"
    pd.DataFrame({"a": rng.normal(size=80), "n": numbers, "y": rng.normal(size=80)}).to_csv(path, index=False)
    ranges = ["--neuron-num", "1", "--grid", "2", "--k", "1"]
    run("tune", str(path), "--target", "y", *ranges)
    assert ("! 'n' looks like a row number or name" in capsys.readouterr().err) == named
    run("tune", str(path), "--target", "y", "--features", "a", *ranges)
    assert "row number" not in capsys.readouterr().err


def test_rows_lost_to_gaps_are_told_with_the_column_and_the_way_out(
    tmp_path: Path, fake_workers: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_workers()
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=80), "bags": ["front", "both", "None", "front"] * 20})
    frame["y"] = rng.normal(size=80)
    frame.loc[3:5, "a"] = np.nan
    frame.to_csv(tmp_path / "gaps.csv", index=False)
    tune = ["tune", str(tmp_path / "gaps.csv"), "--target", "y", "--neuron-num", "1", "--grid", "2", "--k", "1"]
    run(*tune)
    lost = frame["a"].isna() | (frame["bags"] == "None")
    said = capsys.readouterr().err
    assert (
        f"! {lost.sum()} of 80 rows are lost to gaps, most of them in 'bags' (25%), 'a' (3.8%). 'None' counts as missing"
        in said
    )
    assert "--present None keeps it. --fill-gaps fills" in said
    for way in (["--fill-gaps"], ["--present", "None"], ["--features", "a"]):
        run(*tune, *way)
        assert "lost to gaps" not in capsys.readouterr().err
