"""What the documents and the project's own files say of the repository is so."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import kanlab
from benchmarks import rooms

ROOT = Path(kanlab.__file__).parents[1]
PICTURE_IS_OLD = "docs/rooms.svg is not what the imports say; python benchmarks/rooms.py --svg draws it anew"


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, without the folder of their programs."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return [line.strip().removeprefix("$(BIN)/") for line in found[1].splitlines()]


def test_pre_commit_runs_what_make_lint_runs() -> None:
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in content["repos"] for hook in repository["hooks"]]
    assert [h["entry"].removeprefix(".venv/bin/") for h in hooks] == recipe("lint")
    assert {h["language"] for h in hooks} == {"system"}


def test_the_readme_tests_without_make_as_make_does() -> None:
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if "&&" in line]
    assert [part.strip() for part in lines[0].split("&&")] == [
        f".venv/bin/{command}" for command in [*recipe("lint"), *recipe("test")]
    ]


def test_the_picture_of_the_rooms_is_drawn_from_the_imports() -> None:
    assert rooms.SVG.read_text(encoding="utf-8") == rooms.picture(), PICTURE_IS_OLD
