"""The wheel and the sdist: built, installed into a fresh environment without torch and pykan, and used there."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kanlab
from tests.helpers.command_line import strict_json

ROOT = Path(kanlab.__file__).parents[1]
LARGEST = 2_000_000  # bytes of the wheel
LEFT_OUT = ("numba", "llvmlite")  # docs/installing.md says that kanlab goes on without them
DATA = ["--target", "y", "--neuron-num", "1", "--grid", "2:3", "--k", "2", "--workers", "1"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


@pytest.fixture(scope="module")
def fresh(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and the packages it names, and what these need; none of the extras."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in needed():
        files = [Path(str(file)) for file in importlib.metadata.distribution(name).files or ()]
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            found = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if not (packages / top).exists():
                (packages / top).symlink_to(found)
    install = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", str(built["wheel"])], check=True)
    return folder / "bin"


def needed() -> set[str]:
    """The names of the packages that the wheel requires without extras, and of those that these require."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: set[str] = set()
    asked = [Requirement(line) for line in project["dependencies"]]
    while asked:
        package = asked.pop()
        if canonicalize_name(package.name) in found or package.name in LEFT_OUT:
            continue
        found.add(canonicalize_name(package.name))
        for line in importlib.metadata.requires(package.name) or ():
            below = Requirement(line)
            extras = package.extras or {""}
            if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras):
                asked.append(below)
    return found


def run(program: Path, *arguments: str, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """One program with a home of its own, outside of the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "KANLAB", "VIRTUAL"))}
    environment |= {"KANLAB_HOME": str(home / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, cwd=home, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def table(tmp_path: Path) -> Path:
    x = np.linspace(-2, 2, 40)
    pd.DataFrame({"x": x, "y": np.sin(2 * x)}).to_csv(tmp_path / "small.csv", index=False)
    return tmp_path / "small.csv"


def test_the_wheel_is_small_and_holds_the_app_and_no_tests(built: dict[str, Path]) -> None:
    assert built["wheel"].stat().st_size < LARGEST
    names = zipfile.ZipFile(built["wheel"]).namelist()
    assert {"kanlab/_app/app.py", "kanlab/_app/.streamlit/config.toml", "kanlab/py.typed"} <= set(names)
    assert {f"kanlab/_app/pages/{p.name}" for p in (ROOT / "pages").glob("*.py")} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kanlab"}


def test_it_tunes_and_predicts_without_torch(fresh: Path, table: Path, tmp_path: Path) -> None:
    done = run(fresh / "kanlab", "tune", str(table), *DATA, "--study", "small", "--json", home=tmp_path)
    assert len(strict_json(done.stdout)["trials"]) == 2
    run(fresh / "kanlab", "export", "small", "-o", "bundle.zip", home=tmp_path)
    predicted = run(fresh / "kanlab", "predict", "bundle.zip", str(table), home=tmp_path).stdout
    assert predicted.splitlines()[0].startswith("x,y,y_predicted")
    missing = {
        "ebm": ["validate", "small", "--families", "ebm"],
        "onnx": ["export", "small", "--to", "model.onnx"],
        "excel": ["export", "small", "--to", "model.xlsx"],
        "mlflow": ["tune", str(table), *DATA, "--mlflow", "sqlite:///runs.db"],
        "dask": ["tune", str(table), *DATA, "--dask", "tcp://127.0.0.1:1"],
    }
    script = (
        f"from kanlab.cli.main import main\nfor words in {list(missing.values())}:\n    assert main(words) == 2, words"
    )
    sentences = run(fresh / "python", "-c", script, home=tmp_path).stderr.splitlines()
    assert len(sentences) == len(missing), sentences
    for extra, sentence in zip(missing, sentences, strict=True):
        assert f"pip install 'kanlab[{extra}]'" in sentence
    script = (
        "import sys, kanlab, kanlab.sklearn\n"
        "from kanlab.ui.launch import app_folder\n"
        "print(kanlab.__file__, app_folder(), 'torch' in sys.modules)"
    )
    where, folder, torch = run(fresh / "python", "-c", script, home=tmp_path).stdout.split()
    assert Path(where).is_relative_to(fresh.parent)
    assert Path(folder).is_relative_to(fresh.parent)
    assert torch == "False"


def test_stock_pykan_is_refused_in_one_sentence(fresh: Path, table: Path, tmp_path: Path) -> None:
    done = run(fresh / "kanlab", "tune", str(table), *DATA, "--engine", "pykan-lbfgs", home=tmp_path, code=2)
    assert done.stderr == (
        "kanlab: The engine pykan-lbfgs trains stock pykan, which is not installed here; install kanlab[pykan], or choose the "
        "engine lm.\n"
    )
    script = (
        "import kanlab, numpy as np, pandas as pd\n"
        "data = kanlab.Dataset.from_frame(pd.DataFrame({'x': np.arange(20.0), 'y': np.arange(20.0) ** 2}), 'y')\n"
        "for call in (lambda: kanlab.fit(data, 1, 2, 2, engine='pykan-adam'), lambda: kanlab.fit(data, 1, 2, 2).to_pykan(),\n"
        "             lambda: kanlab.tune(data, engine='pykan-lbfgs'), lambda: kanlab.KANWrapper):\n"
        "    try:\n"
        "        call()\n"
        "    except kanlab.KanlabError as error:\n"
        "        print(error)\n"
    )
    said = run(fresh / "python", "-c", script, home=tmp_path).stdout.splitlines()
    assert len(said) == 4
    assert all("install kanlab[pykan]" in sentence for sentence in said)


def test_requirements_are_whole_and_the_extra_is_what_pykan_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {Requirement(line).name.lower(): Requirement(line) for line in _lines("requirements.txt")}
    extras: dict[str, list[str]] = project["optional-dependencies"]
    for line in (*project["dependencies"], *extras["pykan"]):
        asked = Requirement(line)
        (pin,) = pinned[asked.name.lower()].specifier
        assert asked.specifier.contains(pin.version), line
    assert {"torch", "pykan"} <= {Requirement(line).name for line in extras["pykan"]}
    assert not {"torch", "pykan"} & {Requirement(line).name for line in project["dependencies"]}


def _lines(name: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]


def test_the_image_copies_what_the_wheel_needs_and_runs_without_rights() -> None:
    """Read, and not built: a daemon of Docker is not part of the tests."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = {path for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for path in line.split()}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    assert copied == kept
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert all(any(path == c or path.startswith(c + "/") for c in copied) for path in needed)
    needed = [project["project"]["readme"], *project["project"]["license-files"]]
    assert all(any(path == c or path.startswith(c + "/") for c in copied) for path in needed)
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER kanlab$", last, re.MULTILINE)
    assert "/_stcore/health" in last
    assert all((ROOT / path).exists() for path in copied)
