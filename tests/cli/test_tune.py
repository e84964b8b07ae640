"""The command line: what it prints where, how it ends, and the arithmetic of its JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.tools import eval_measures

from kanlab.baselines.registry import BASELINES
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.reading.table import read_table
from kanlab.execution import starts_budget
from kanlab.study.handle import load_study
from tests.helpers.command_line import RANGES, STOCK, run, strict_json
from tests.helpers.fits import fitted_cells
from tests.helpers.sentences import assert_sentence
from tests.stats.test_pareto import by_definition

Fake = Callable[..., Path]


def identifiable(d: int, params: dict[str, int]) -> int:
    """The count of the default rule, sigma2 included, written out for two layers."""
    h, per_edge = params["neuron_num"], params["grid"] + params["k"] + 1
    return h * (d * per_edge - (d - 1)) + (h * per_edge - (h - 1)) + 1


# ---- tune


def test_depth_in_json_and_in_the_table(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    small = ["--neuron-num", "1:2", "--grid", "2", "--k", "1", *STOCK]
    run("tune", csv, "--target", "y", *small, "--depth", "1:2", "--study", "deep", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["space"] == {
        "neuron_num": [1, 2], "grid": [2, 2], "k": [1, 1], "depth": [1, 2], "cells": 4, "admissible": 4,
    }  # fmt: skip
    d = len(content["data"]["features"])
    for trial in content["trials"]:
        p = trial["params"]
        assert set(p) == {"neuron_num", "grid", "k", "depth"}
        inner = p["neuron_num"] * (p["neuron_num"] * 4 - (p["neuron_num"] - 1))
        assert trial["n_params"] == identifiable(d, p) + inner * (p["depth"] - 1)
    run("show", "deep")
    captured = capsys.readouterr().out
    assert captured.splitlines()[1].split()[:5] == ["trial", "neuron_num", "grid", "k", "depth"]
    assert "2 layers of 2 neurons" in captured or "recommended: the" in captured
    run("rerun", "deep", "--depth", "1", "--json")
    assert "depth" not in strict_json(capsys.readouterr().out)["space"]
    run("tune", csv, "--target", "y", "--depth", "0:2", code=2)
    assert "depth, 0 to 2, must lie within 1 to 3" in capsys.readouterr().err


def test_json_and_its_arithmetic(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers(diverge=[(1, 3, 1)], interpolate=[(1, 2, 2)])
    options = ["--seed", "5", "--test-fraction", "0.25", "--study", "mine", "--json"]
    run("tune", csv, "--target", "y", *RANGES, *STOCK, *options)
    captured = capsys.readouterr()
    content = strict_json(captured.out)
    assert "Traceback" not in captured.err

    data = Dataset.from_frame(read_table(csv).frame, "y", test_fraction=0.25, seed=5)
    n, d = data.n, data.d
    assert content["study"] == "mine"
    assert content["data"] == {
        "rows": 60,
        "n_train": 45,
        "n_test": 15,
        "features": ["a", "b"],
        "target": "y",
        "target_label": "y",
        "task": "regression",
        "sha256": data.sha256,
    }
    assert (content["count"], content["engine"], content["seed"]) == ("identifiable", "pykan-lbfgs", 5)
    assert content["state"] == "finished"
    assert content["elapsed_s"] > 0

    cells = {(h, g, k) for h in (1, 2, 3) for g in (2, 3, 4, 5) for k in (1, 2)}
    keys = [{"neuron_num": h, "grid": g, "k": k} for h, g, k in cells]
    admissible = [p for p in keys if n - identifiable(d, p) - 1 > 0]
    assert content["space"] == {
        "neuron_num": [1, 3],
        "grid": [2, 5],
        "k": [1, 2],
        "cells": 24,
        "admissible": len(admissible),
    }

    trials = content["trials"]
    assert [t["number"] for t in trials] == list(range(len(admissible)))
    assert all(t["params"] in admissible for t in trials)
    complete = [t for t in trials if t["state"] == "complete"]
    assert {t["state"] for t in trials} == {"complete", "failed"}
    assert {(t["status"].split(":")[0], t["aicc"]) for t in trials if t["state"] == "failed"} == {
        ("diverged", None),
        ("interpolates", None),
    }
    for t in trials:
        assert t["n_params"] == identifiable(d, t["params"])
    for t in complete:
        llf = -n / 2 * math.log(t["rss_train"] / n)
        assert t["aicc"] == pytest.approx(eval_measures.aicc(llf, n, t["n_params"]), rel=1e-9)
        assert t["rss_test"] == pytest.approx(t["rss_train"] / 3)
        assert t["rmse_test"] == pytest.approx(math.sqrt(t["rss_test"] / content["data"]["n_test"]))

    assert [b["family"] for b in content["baselines"]] == ["constant", "linear", "stepwise", "ridge"]
    for b, design in zip(content["baselines"], (np.ones((n, 1)), sm.add_constant(data.X_train)), strict=False):
        fit = sm.OLS(data.y_train, design).fit()
        assert b["n_params"] == design.shape[1] + 1
        assert b["rss_train"] == pytest.approx(fit.ssr)
        constant = n * (1 + math.log(2 * math.pi))
        assert b["aicc"] == pytest.approx(eval_measures.aicc(fit.llf, n, b["n_params"]) - constant)

    assert content["best"] == min(complete, key=lambda t: t["aicc"])
    everything = [{"family": "kan", **t} for t in complete] + content["baselines"]
    assert content["recommended"] == min(everything, key=lambda m: m["aicc"])
    on_front = by_definition([(t["n_params"], t["rss_train"]) for t in complete])
    front = [t for t, on in zip(complete, on_front, strict=True) if on]
    assert content["pareto"] == [t["number"] for t in sorted(front, key=lambda t: t["n_params"])]

    run("show", "mine", "--json")
    assert strict_json(capsys.readouterr().out) == content


def test_the_preset_of_the_article(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    run(
        "tune",
        csv,
        "--target",
        "y",
        "--neuron-num",
        "2",
        "--count",
        "article",
        "--no-sigma2",
        "--trials",
        "3",
        "--json",
    )
    content = strict_json(capsys.readouterr().out)
    assert content["space"]["neuron_num"] == [2, 2]
    assert {t["n_params"] for t in content["trials"]} == {4 * (2 * 2 + 2)}
    assert [b["n_params"] for b in content["baselines"]][:2] == [1, 3]
    assert len(content["trials"]) == 3


def test_every_option_reaches_the_specification(csv: str, fake_workers: Fake) -> None:
    fake_workers()
    options = [
        "--sampler",
        "random",
        "--trials",
        "2",
        "--minutes",
        "3",
        "--patience",
        "9",
        "--seed",
        "4",
        "--workers",
        "1",
    ]
    options += [
        "--starts",
        "2",
        "--time-limit",
        "7",
        "--smoothing",
        "5",
        "--engine",
        "pykan-adam",
        "--features",
        "b, a",
    ]
    run("tune", csv, "--target", "y", "--study", "mine", *RANGES, *options)
    handle = load_study("mine")
    spec = handle.spec
    assert (spec.sampler, spec.trials, spec.minutes, spec.patience, spec.seed, spec.workers) == (
        "random",
        2,
        3,
        9,
        4,
        1,
    )
    assert (spec.options.starts, spec.options.time_limit, spec.options.smoothing) == (2, 7, 5)
    assert (spec.engine, handle.data.features) == ("pykan-adam", ["b", "a"])


def test_minutes_filled_with_starts(
    csv: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real engine: the number is said, kept, and found anew for other minutes alone."""
    monkeypatch.setattr(starts_budget, "MOST_STARTS", 9)
    tiny = ["--neuron-num", "1:2", "--grid", "2", "--k", "1"]
    run("tune", csv, "--target", "y", *tiny, "--minutes", "2", "--fill", "--study", "mine", "--json")
    captured, spec = capsys.readouterr(), load_study("mine").spec
    content = strict_json(captured.out)
    assert spec.options.starts is not None
    assert (content["starts"], content["starts_fill"]) == (spec.options.starts, True)
    assert [line for line in captured.err.splitlines() if spec.starts_words in line]
    run("rerun", "mine", "--study", "again")
    captured = capsys.readouterr()
    assert "in every bit of every trial" in captured.err
    assert spec.starts_words in captured.out.splitlines()[0]
    run("rerun", "mine", "--study", "shorter", "--minutes", "0.001")
    assert "the engine's own number of starts, since 0.001 minutes allow no more" in capsys.readouterr().err
    assert load_study("shorter").spec.options.starts is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fill"], "how many minutes"),
        (["--fill", "--minutes", "5", "--starts", "3"], "leave one of the two out"),
    ],
)
def test_a_filling_that_means_nothing(
    csv: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("tune", csv, "--target", "y", *options, code=2)
    assert words in capsys.readouterr().err


def test_text(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    run("tune", csv, "--target", "y", *RANGES, "--study", "mine")
    captured = capsys.readouterr()
    best = min((r for r in load_study("mine").records()), key=lambda r: r.aicc or math.inf)
    lines = captured.out.splitlines()
    assert lines[0] == (
        "study mine: finished; K parameters, counted by the rule 'identifiable'; the lower the AICc, the better"
    )
    assert lines[1].split() == [
        "trial",
        "neuron_num",
        "grid",
        "k",
        "K",
        "AICc",
        "delta",
        "AICc",
        "RSS",
        "train",
        "RMSE",
        "train",
        "RMSE",
        "test",
    ]
    assert lines[2].split()[:6] == [*map(str, (best.number, *best.cell[:3], best.n_params)), f"{best.aicc:.2f}"]
    (at,) = [i for i, line in enumerate(lines) if line.startswith("recommended: ")]
    assert [line.split()[0] for line in lines[at - 4 : at]] == ["constant", "linear", "stepwise", "ridge"]
    assert "60 rows, 3 columns (comma-separated, utf-8)" in captured.err
    assert "of 24 configurations are admissible with 48 training rows" in captured.err
    run("show", "mine")
    assert capsys.readouterr().out == captured.out


def test_where_no_trial_is_complete(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers(diverge=[(1, 2, 1)])
    one = ["--neuron-num", "1", "--grid", "2", "--k", "1"]
    run("tune", csv, "--target", "y", *one, "--study", "mine", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["best"] is None
    assert content["pareto"] == []
    assert content["recommended"]["family"] in BASELINES
    run("show", "mine")
    assert "recommended: the" in capsys.readouterr().out


def test_studies(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers()
    run("studies")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no study yet" in captured.err
    for name in ("first", "second"):
        run("tune", csv, "--target", "y", "--trials", "2", "--study", name)
    capsys.readouterr()
    run("studies")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["study", "second", "first"]
    assert lines[1].split()[1:] == ["finished", "2", "y", "small.csv"]


def test_resume_of_a_finished_study(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    log = fake_workers()
    run("tune", csv, "--target", "y", *RANGES, "--study", "mine", "--json")
    before, fits = strict_json(capsys.readouterr().out), len(fitted_cells(log))
    run("resume", "mine", "--json")
    after = strict_json(capsys.readouterr().out)
    assert after["trials"] == before["trials"]
    assert len(fitted_cells(log)) == fits


# ---- validation


@pytest.mark.parametrize("verb", ["validate", "judge"])
def test_validate_and_its_older_name(
    verb: str, csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_workers()
    run("tune", csv, "--target", "y", *RANGES, "--study", "mine", "--json")
    before = strict_json(capsys.readouterr().out)
    assert before["judgement"] is None
    run(verb, "mine", "--workers", "1", "--json")
    captured = capsys.readouterr()
    after = strict_json(captured.out)
    assert re.search(r"validation: (\d+) of \1 steps\.", captured.err)
    assert after["judgement"] == "done"
    assert after["trials"] == before["trials"]
    assert after["best"] == before["best"]
    families = ["constant", "linear", "stepwise", "ridge", "boosting", "gam", "mlp", "polynomial"]
    assert [b["family"] for b in after["baselines"]] == families
    assert (before["recommended"]["family"], after["recommended"]["family"]) == ("stepwise", "kan")
    assert "the cross-validated error of this model is lower" in after["reasons"][0]  # as the stand-in worker says
    assert any("Its cross-validated error is" in r for r in after["reasons"])
    run("show", "mine", "--json")
    assert strict_json(capsys.readouterr().out) == after
    run("show", "mine")
    lines = capsys.readouterr().out.splitlines()
    assert [line[2:] for line in lines if line.startswith("! ")] == after["warnings"]
    assert [line[2:] for line in lines if line.startswith("  ")][-len(after["reasons"]) :] == after["reasons"]


def test_a_validation_of_nothing(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers(diverge=[(1, 2, 1)])
    assert main(["validate", "nothing"]) == 2
    assert "There is no study 'nothing'" in capsys.readouterr().err
    run("tune", csv, "--target", "y", "--neuron-num", "1", "--grid", "2", "--k", "1", "--study", "mine")
    capsys.readouterr()
    assert main(["validate", "mine"]) == 2
    assert "there is nothing to validate" in capsys.readouterr().err


# ---- bad input


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["tune", "nowhere.csv", "--target", "y"], ["nowhere.csv", "No such file"]),
        (["tune"], ["There is no table", "name a file"]),
        (["tune", "CSV"], ["Say which column to predict, such as --target y", "'a', 'b', 'y'"]),
        (["tune", "CSV", "--target", "z"], ["no column 'z' to predict", "'a', 'b', 'y'"]),
        (["tune", "CSV", "--target", "y", "--features", "a,q"], ["no column 'q'"]),
        (["tune", "CSV", "--target", "y", "--grid", "10:2"], ["grid", "backwards"]),
        (["tune", "CSV", "--target", "y", "--grid", "0:2"], ["grid", "within 1 to 100"]),
        (["tune", "CSV", "--target", "y", "--neuron-num", "few"], ["'few'", "--neuron-num", "LO:HI"]),
        (["tune", "CSV", "--target", "y", "--k", "1:2:3"], ["'1:2:3'", "--k"]),
        (["tune", "CSV", "--target", "y", "--engine", "nn"], ["engine 'nn'"]),
        (["tune", "CSV", "--target", "y", "--sampler", "nn"], ["sampler 'nn'"]),
        (["tune", "CSV", "--target", "y", "--count", "nn"], ["counting rule 'nn'"]),
        (["tune", "CSV", "--target", "y", "--trials", "0"], ["trials"]),
        (["tune", "CSV", "--target", "y", "--seed", "-1"], ["seed"]),
        (["tune", "CSV", "--target", "y", "--seed", "99999999999"], ["seed"]),
        (["tune", "CSV", "--target", "y", "--test-fraction", "2"], ["test fraction"]),
        (["tune", "CSV", "--target", "y", "--storage", "nonsense"], ["The storage nonsense cannot be opened"]),
        (["show", "mine"], ["no study 'mine'"]),
        (["resume", "mine"], ["no study 'mine'"]),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], parts: list[str], csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    log = fake_workers()
    run(*(csv if a == "CSV" else a for a in arguments), code=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("kanlab: ")
    if "nonsense" not in line:  # what SQLAlchemy says has words of its own
        assert_sentence(line)
    for part in parts:
        assert part in line
    assert log.read_text() == ""


@pytest.mark.parametrize("arguments", [[], ["nosuch"], ["tune", "x.csv", "--target", "y", "--trials", "x"]])
def test_arguments_that_cannot_be_parsed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: kanlab")


def test_a_study_that_fails(csv: str, fake_workers: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake_workers(stillborn=True)
    run("tune", csv, "--target", "y", "--workers", "1", code=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The worker processes do not start" in captured.err.splitlines()[-1]
    assert "Traceback" not in captured.err
