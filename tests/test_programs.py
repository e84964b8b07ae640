"""Programs of kanlab's own in other processes: they find this kanlab, and nothing that lies about."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rooms import modules
from kanlab import programs
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution.messages import EdfTask
from kanlab.execution.run_tasks import run_task
from kanlab.export.predict_source import predict_source
from kanlab.kan.search_space import Cell
from kanlab.study.storage import store_dataset

ROOT = Path(programs.__file__).parents[1]


@pytest.mark.parametrize("paths", ["", os.pathsep, "/nowhere" + os.pathsep])
def test_a_module_beside_the_table_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: str) -> None:
    """Also where PYTHONPATH has an empty entry, which stands for the working folder."""
    (tmp_path / "numbers.py").write_text("open('MARKER', 'a').write('executed')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", paths)
    for module in ("kanlab.solver.kernels_numba", "kanlab"):
        command = programs.command(module, *(["--help"] if module == "kanlab" else []))
        subprocess.run(command, env=programs.environment(), check=True, capture_output=True)
    assert not (tmp_path / "MARKER").exists()


def test_python_m_kanlab_runs_nothing_of_the_working_folder(tmp_path: Path) -> None:
    """As somebody types it beside a table, without -P."""
    (tmp_path / "numbers.py").write_text("open('MARKER', 'a').write('executed')\n")
    (tmp_path / "few.csv").write_text("x,y\n1,2\n")
    command = [sys.executable, "-m", "kanlab", "tune", "few.csv", "--target", "y"]
    done = subprocess.run(command, cwd=tmp_path, env=programs.environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert not (tmp_path / "MARKER").exists()


def test_the_program_of_a_bundle_runs_nothing_that_lies_beside_it(tmp_path: Path) -> None:
    """As its README says, without -P."""
    for name in ("numbers.py", "sys.py", "json.py", "numpy.py"):
        (tmp_path / name).write_text("open('MARKER', 'a').write('executed')\n")
    (tmp_path / "predict.py").write_text(predict_source())
    done = subprocess.run([sys.executable, "predict.py", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.startswith("usage: predict.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "MARKER").exists()


def test_a_worker_runs_nothing_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Dataset
) -> None:
    (tmp_path / "numbers.py").write_text("open('MARKER', 'a').write('executed')\n")
    monkeypatch.chdir(tmp_path)
    task = EdfTask(cell=Cell(1, 2, 3), engine="lm", options=FitOptions(), seed=0)
    assert run_task(task, store_dataset(small))["edf"] > 0
    assert not (tmp_path / "MARKER").exists()


def test_every_program_is_started_this_way() -> None:
    """No module of the package puts `-m` into a command by itself; the worker's command, which tests replace, has -P."""
    found = {
        module
        for module, path in modules(ROOT).items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value == "-m"
    }
    assert found == {"programs", "execution.worker_process"}
