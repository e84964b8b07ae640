"""Where the app is found."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from kanlab.errors import KanlabError
from kanlab.ui import launch

ROOT = Path(launch.__file__).parents[2]


def test_a_checkout_has_the_app_beside_the_package() -> None:
    assert launch.app_folder() == ROOT


def test_a_wheel_has_the_app_within_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files it takes with it are those that `kanlab app` needs."""
    monkeypatch.setattr(launch, "_PACKAGE", tmp_path / "kanlab")
    with pytest.raises(KanlabError, match="install kanlab again"):
        launch.app_folder()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for source, target in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, tmp_path / target)
    folder = launch.app_folder()
    assert folder == tmp_path / "kanlab" / "_app"
    assert {p.name for p in folder.glob("pages/*.py")} == {p.name for p in ROOT.glob("pages/*.py")}
    assert (folder / ".streamlit" / "config.toml").is_file()
