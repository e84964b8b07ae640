"""The examples in docstrings run, what people call has some, and so does the Python of the README."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kanlab

pytestmark = pytest.mark.usefixtures("one_worker")

ROOT = Path(kanlab.__file__).parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
# told by their source, so that no test loads a library of another one
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "kanlab").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, name)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report: list[str] = []
    for example in found:
        runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
    text = (ROOT / name.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    assert runner.summarize(verbose=False).attempted == len(re.findall(r"^\s*>>> ", text, re.MULTILINE))


@pytest.mark.parametrize("name", kanlab.__all__)
def test_public_names_have_examples(name: str) -> None:
    documented = inspect.getdoc(getattr(kanlab, name)) or ""
    assert doctest.DocTestParser().get_examples(documented), f"kanlab.{name} has no example"


@pytest.mark.parametrize("name", [name for name in kanlab.__all__ if name.islower()])
def test_public_functions_tell_their_parameters_and_what_they_return(name: str) -> None:
    """In NumPy's style."""
    public: Any = getattr(kanlab, name)
    sections = dict(
        re.findall(r"^(\w+)\n-+\n((?:.*\n?)*?)(?=^\w+\n-+\n|\Z)", inspect.getdoc(public) or "", re.MULTILINE)
    )
    told = re.findall(r"^\**(\w[\w, *]*?)(?: :|$)", sections.get("Parameters", ""), re.MULTILINE)
    assert {part.strip(" *") for names in told for part in names.split(",")} == set(
        inspect.signature(public).parameters
    )
    assert "Returns" in sections


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, but without more starts than a fit has by itself, each of which is fitted again many times, and with
    one second where it gives a fit ten.
    """
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block.count(", starts_fill=True") == 1
    assert block.count("seconds=10") == 1
    block = block.replace(", starts_fill=True", "").replace("seconds=10", "seconds=1")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(-1, 1, 24), "b": rng.uniform(-1, 1, 24)})
    frame["y"] = np.sin(2 * frame["a"]) + frame["b"] + 0.1 * rng.normal(size=24)
    frame.to_csv("data.csv", index=False)
    names: dict[str, Any] = {"new_rows": frame[["a", "b"]].head(3)}
    exec(compile(block, "README.md", "exec"), names)
    assert len(names["study"].predict(names["new_rows"]).frame) == 3
    assert (tmp_path / "bundle.zip").is_file()
    assert names["model"].n_params("identifiable") == names["network"].n_params


def test_the_python_of_the_page_on_scikit_learn_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sklearn.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block.replace("n_jobs=2", ""), "sklearn.md", "exec"), names)
    assert names["model"].recommendation_.reasons
