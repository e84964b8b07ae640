"""Variables of the environment: read once, when asked for, and documented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import kanlab
from kanlab import language, settings
from kanlab.errors import KanlabError, StudyError
from kanlab.settings import SETTINGS
from kanlab.study.storage import default_url, home
from tests.helpers.sentences import refused

ROOT = Path(kanlab.__file__).parents[1]
OF_THE_TESTS = {"KANLAB_REQUIRE_BROWSER", "KANLAB_REQUIRE_LIBREOFFICE", "KANLAB_REQUIRE_POSTGRESQL"}
VARIABLE = re.compile(r"KANLAB_[A-Z_]+")


def test_each_is_there_once() -> None:
    assert len({s.name for s in SETTINGS}) == len(SETTINGS)
    assert {s for s in vars(settings).values() if isinstance(s, settings.Setting)} == set(SETTINGS)


def test_a_variable_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "one"))
    assert home() == tmp_path / "one"
    assert default_url() == f"sqlite:///{tmp_path / 'one' / 'studies.db'}"
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "two"))
    assert home() == tmp_path / "two"
    monkeypatch.setenv("KANLAB_STORAGE", "postgresql://host/db")
    assert default_url() == "postgresql://host/db"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_unset_and_empty_are_the_default(setting: settings.Setting[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(setting.name, raising=False)
    assert setting() == setting.default
    monkeypatch.setenv(setting.name, "")
    assert setting() == setting.default


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("KANLAB_SLOTS", "many"),
        ("KANLAB_SLOTS", "-1"),
        ("KANLAB_SLOTS", "1.5"),
        ("KANLAB_READ_SECONDS", "0"),
        ("KANLAB_READ_SECONDS", "nan"),
        ("KANLAB_READ_GB", "inf"),
        ("KANLAB_READ_GB", "1 GB"),
        ("KANLAB_HOSTS", "https://kanlab.example.org"),
        ("KANLAB_HOSTS", "one.example, "),
        ("KANLAB_LANG", "deutsch"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(name: str, bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (setting,) = (s for s in SETTINGS if s.name == name)
    monkeypatch.setenv(name, bad)
    for read in (setting, settings.check):
        with refused(KanlabError, name, setting.kind, f"'{bad}'"):
            read()


def test_the_app_is_not_started_with_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from kanlab.ui.launch import run_app

    monkeypatch.setenv("KANLAB_SLOTS", "few")
    with refused(StudyError, "KANLAB_SLOTS must be a whole number"):
        run_app("127.0.0.1", 0, headless=True)


def test_nothing_else_knows_their_names() -> None:
    for path in [*(ROOT / "kanlab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        if path in (Path(settings.__file__), Path(language.__file__)):  # the latter lies below and reads its own
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not VARIABLE.fullmatch(node.value), f"{path.name}:{node.lineno} names {node.value}"


def test_the_documents_show_them_all() -> None:
    table = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for s in SETTINGS:
        assert f"| `{s.name}` | {s.kind} | {s.meaning} | {s.unset} |\n" in table
    named = {
        n for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")] for n in VARIABLE.findall(p.read_text("utf-8"))
    }
    assert named - OF_THE_TESTS == {s.name for s in SETTINGS}
