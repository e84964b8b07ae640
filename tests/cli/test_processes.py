"""The command line as processes: interrupted, killed, with stock pykan, without torch, its reader gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kanlab
from kanlab.study.handle import load_study
from kanlab.study.state import read_state
from tests.helpers import fake_cli, fake_worker
from tests.helpers.command_line import RANGES, STOCK, run, strict_json
from tests.helpers.fits import fitted_cells, worker_pids
from tests.helpers.studies import finished, state, wait_for

Fake = Callable[..., Path]
ROOT = Path(kanlab.__file__).parents[1]


def environment(home: Path, **plan: Any) -> dict[str, str]:
    paths = {"PYTHONPATH": str(ROOT), "KANLAB_HOME": str(home)}
    return os.environ | paths | (fake_worker.environment(**plan) if plan else {})


def start_fake(csv: str, home: Path, log: Path, **plan: Any) -> subprocess.Popen[str]:
    """`kanlab tune` as a process, its fits made by fake workers."""
    log.touch()
    command = [
        sys.executable,
        fake_cli.__file__,
        "tune",
        csv,
        "--target",
        "y",
        *RANGES,
        *STOCK,
        "--study",
        "mine",
        "--workers",
        "2",
    ]
    return subprocess.Popen(
        [*command, "--json"],
        env=environment(home, log=str(log), **plan),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_study_that_is_interrupted_can_be_resumed(
    signal_number: signal.Signals,
    csv: str,
    kanlab_home: Path,
    tmp_path: Path,
    fake_workers: Fake,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = tmp_path / "process.log"
    process = start_fake(csv, kanlab_home, log, hold_after=5)
    wait_for(lambda: len(fitted_cells(log)) >= 4)
    wait_for(lambda: finished(load_study("mine")))
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=20)
    assert out == ""
    assert "Traceback" not in err
    handle = load_study("mine")
    if signal_number == signal.SIGINT:
        assert process.returncode == 130
        assert err.splitlines()[-1] == "kanlab: interrupted; 'kanlab studies' lists what can be resumed."
        assert state(handle).name == "stopped"
    else:
        assert read_state(handle.optuna.user_attrs).name == "interrupted"
    for pid in set(worker_pids(log)):
        wait_for(lambda pid=pid: not exists(pid))
    done = [r.cell for r in handle.records() if r.state == "complete"]
    assert done

    again = fake_workers()
    run("resume", "mine", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["state"] == "finished"
    assert {t["state"] for t in content["trials"]} == {"complete"}
    cells = handle.spec.admissible(48, 2)
    assert sorted(finished(load_study("mine"))) == sorted(cells)
    assert sorted(fitted_cells(again)) == sorted(set(cells) - set(done))


def test_stock_pykan_from_the_command_line(csv: str, kanlab_home: Path, tmp_path: Path) -> None:
    """The real thing, in an empty folder that stays empty."""
    folder = tmp_path / "empty"
    folder.mkdir()
    one = ["--neuron-num", "1", "--grid", "2:3", "--k", "1"]
    process = subprocess.run(
        [sys.executable, "-m", "kanlab", "tune", csv, "--target", "y", *one, "--engine", "pykan-lbfgs", "--json"],
        cwd=folder,
        env=environment(kanlab_home),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    content = strict_json(process.stdout)
    assert [t["state"] for t in content["trials"]] == ["complete", "complete"]
    assert "Traceback" not in process.stderr
    assert list(folder.iterdir()) == []
    assert sorted(p.name.split("-")[0] for p in kanlab_home.iterdir()) == ["data", "studies.db"]


def test_the_default_engine_needs_neither_torch_nor_pykan(csv: str, kanlab_home: Path, tmp_path: Path) -> None:
    """On a home that is empty, with a torch and a pykan in front that tell when they are imported."""
    traps, told = tmp_path / "traps", tmp_path / "told"
    for name in ("torch", "kan"):
        (traps / name).mkdir(parents=True)
        (traps / name / "__init__.py").write_text(f"open({str(told)!r}, 'a').write({name!r})\nraise ImportError\n")
    assert not kanlab_home.exists() or not list(kanlab_home.iterdir())
    surroundings = environment(kanlab_home)
    surroundings["PYTHONPATH"] = os.pathsep.join([str(traps), surroundings.get("PYTHONPATH", "")])
    command = [
        sys.executable,
        "-m",
        "kanlab",
        "tune",
        csv,
        "--target",
        "y",
        "--neuron-num",
        "1:2",
        "--grid",
        "2",
        "--json",
    ]
    process = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120, check=True)
    assert "complete" in {t["state"] for t in strict_json(process.stdout)["trials"]}
    assert not told.exists()
    subprocess.run(
        [sys.executable, "-c", "try:\n import torch\nexcept ImportError: pass"], env=surroundings, check=True
    )
    assert told.read_text() == "torch"  # the trap works


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_is_no_error(buffered: bool, kanlab_home: Path) -> None:
    """`kanlab studies | head -0`."""
    program = "import sys, kanlab.cli.main as c; c._studies = lambda _: print('x') or 0; sys.exit(c.main(['studies']))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment(kanlab_home) | {"PYTHONUNBUFFERED": "" if buffered else "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(timeout=20) == 0
