"""The examples of `--help` run as they stand; options from a file, tables from standard input, completion, --open."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import shlex
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.cli import main as cli
from kanlab.cli.examples import ENDLESS, EXAMPLES
from kanlab.study.handle import load_study
from kanlab.ui import launch
from tests.helpers.command_line import strict_json

pytestmark = pytest.mark.usefixtures("one_worker")

CONFIG = """
[tune]
data = "patients.csv"
target = "progression"
features = ["age", "bmi"]
neuron-num = "1"
grid = "2:3"
k = 2
trials = 2
no-sigma2 = true
day-first = false
"""


class Piped:
    """What a program is given."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of the examples are."""
    rng = np.random.default_rng(0)
    age, bmi = rng.uniform(20, 80, 26), rng.uniform(18, 35, 26)
    progression = np.sin(age / 12) + 0.1 * bmi + 0.05 * rng.normal(size=26)
    table = pd.DataFrame({"age": age.round(1), "bmi": bmi.round(1), "progression": progression.round(3)})
    table["better"] = np.where(progression + 0.4 * rng.normal(size=26) > np.median(progression), "yes", "no")
    table.to_csv(tmp_path / "patients.csv", index=False)
    table.head(3).to_csv(tmp_path / "new.csv", index=False)
    (tmp_path / "patients.csv.gz").write_bytes(gzip.compress((tmp_path / "patients.csv").read_bytes()))
    (tmp_path / "kanlab.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> dict[str, argparse.ArgumentParser]:
    return cli._commands(cli._parser())


def arguments_of(line: str) -> list[str]:
    """Of the kanlab in a line."""
    return shlex.split(line.rpartition("| ")[2].partition(" > ")[0])[1:]


def run_line(line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line as a shell runs it."""
    before, pipe, _ = line.rpartition(" | ")
    if pipe:
        program, name = before.split()
        content = Path(name).read_bytes()
        monkeypatch.setattr("sys.stdin", Piped(gzip.decompress(content) if program == "zcat" else content))
    code = cli.main(arguments_of(line))
    out, err = capsys.readouterr()
    assert code == 0, f"{line}\n{err}"
    if " > " in line:
        Path(line.rpartition(" > ")[2]).write_text(out)


def test_the_examples_run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for lines in EXAMPLES.values():
        for line in lines:
            run_line(line, capsys, monkeypatch)
    assert strict_json((folder / "patients.json").read_text())["study"] == "patients-1"
    assert "progression_predicted" in (folder / "predicted.csv").read_text().splitlines()[0]
    assert load_study("packed").data.name == "standard input"
    assert load_study("patients-4").spec.seed == 1  # of the command line, the rest of the file
    assert load_study("patients-4").spec.trials == 2
    assert "complete" in (folder / "kanlab.bash").read_text()


@pytest.mark.parametrize("line", [line for lines in ENDLESS.values() for line in lines])
def test_the_other_examples_can_be_read(line: str) -> None:
    arguments = cli._parser().parse_args(arguments_of(line))
    assert callable(arguments.run)


def test_every_command_shows_its_examples() -> None:
    found = commands()
    assert set(found) - {"judge"} == {*EXAMPLES, *ENDLESS}
    for name, parser in found.items():
        for line in (*EXAMPLES.get(name, ()), *ENDLESS.get(name, ())):
            assert f"\n  {line}\n" in parser.format_help()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[tune]\nnonsense = 1", "has no option 'nonsense'"),
        ("[tune]\nconfig = 'a.toml'", "has no option 'config'"),
        ("[tune]\ntrials = 'many'", "'trials' takes N, not 'many'"),
        ("[tune]\nfill = 3", "'fill' is true or false, not 3"),
        ("[tune]\ntarget = true", "'target' takes COL[,COL], not True"),
        ("[tune]\ndecimal = ';'", "'decimal' must be one of ., ,, not ';'"),
        ("[other]\n", "must hold one table, [tune]"),
        ("target", "is no TOML"),
    ],
)
def test_bad_files_of_options(folder: Path, capsys: pytest.CaptureFixture[str], content: str, said: str) -> None:
    (folder / "kanlab.toml").write_text(content)
    assert cli.main(["tune", "--config", "kanlab.toml"]) == 2
    assert said in capsys.readouterr().err


def test_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "--target", "y"]) == 2
    assert "There is no table" in capsys.readouterr().err


def test_a_file_of_options_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune", "--config=none.toml"]) == 2
    assert "none.toml cannot be read" in capsys.readouterr().err


def test_paths_count_from_the_folder_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = commands()
    assert cli.use(found["tune"], "tune", folder / "kanlab.toml") == {"target": ["progression"]}
    arguments = found["tune"].parse_args(["--target", "bmi"])
    assert arguments.data == folder / "patients.csv"
    assert arguments.target == ["bmi"]
    assert (arguments.features, arguments.k, arguments.no_sigma2) == ("age,bmi", "2", True)
    assert found["tune"].parse_args(["other.csv"]).data == Path("other.csv")


@pytest.mark.parametrize(("typed", "offered"), [("kanlab tu", "tune "), ("kanlab tune --neu", "--neuron-num ")])
def test_a_shell_completes(typed: str, offered: str, tmp_path: Path) -> None:
    script = "from kanlab.cli.main import main; main()"
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": typed,
        "COMP_POINT": str(len(typed)),
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
    }
    subprocess.run([sys.executable, "-c", script], env=os.environ | asked, check=False, timeout=60)
    assert answer.read_text().split("\x0b") == [offered]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_code_for_shells(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert "kanlab" in capsys.readouterr().out


def test_open_lands_on_the_study(
    folder: Path, fake_workers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()
    seen: list[Any] = []

    class Server:
        def __init__(self, command: list[str], **_: Any) -> None:
            seen.append(command)

        def poll(self) -> None:
            return None

        def wait(self, timeout: float | None = None) -> int:
            return 0

        def terminate(self) -> None: ...

    monkeypatch.setattr(launch.subprocess, "Popen", Server)
    monkeypatch.setattr(launch, "_answers", lambda server, url: True)
    monkeypatch.setattr(webbrowser, "open", seen.append)
    monkeypatch.setattr(launch, "app_folder", lambda: folder)
    assert launch.open_study("a b&c") == 0
    assert seen[1].endswith("/?study=a+b%26c")
    assert "--server.headless=true" in seen[0]
    assert launch.run_app("127.0.0.1", 0, True, base_path="/deep/") == 0
    assert "--server.baseUrlPath=deep" in seen[2]
    assert len(seen) == 3
