"""What the documents and the project's own files say of the repository is so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
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


def code_in(document: str) -> list[str]:
    """The lines of its code, without what they say to the reader."""
    fenced, lines = False, []
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if (fenced or line.startswith("    ")) and (code := re.split(r" {2,}|(?<![^ ])# ", line.strip())[0].strip()):
            lines.append(code)
    return lines


def test_the_readme_in_chinese_has_the_commands_the_links_and_the_parts_of_the_english_one() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    assert code_in("README.md") == code_in("README.zh-CN.md")
    assert "kanlab tune DATA.csv --target COL" in code_in("README.md")
    texts[1] = texts[1].replace("docs/screenshots/zh/", "docs/screenshots/")  # the same pages
    links = [sorted(set(re.findall(r"\]\((?!README)([^)]+)\)", text))) for text in texts]
    assert links[0] == links[1]
    said = [sorted(set(re.findall(r"`[^`\n]+`", text)) - {"`LANG`"}) for text in texts]
    assert said[0] == said[1]
    assert len({len(re.findall("^#+ ", text, re.M)) for text in texts}) == 1


def test_the_picture_of_the_rooms_is_drawn_from_the_imports() -> None:
    assert rooms.SVG.read_text(encoding="utf-8") == rooms.picture(), PICTURE_IS_OLD


DOCUMENTS = (
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{p.name}" for p in sorted(ROOT.glob("docs/*.md"))),
)
PATH = re.compile(r"(?<![\w./-])(?:kanlab|tests|pages|docs|benchmarks|\.ci)/[\w./-]*\w")
DOTTED = re.compile(r"`(kanlab(?:\.\w+)+)`")
TO_BE_WRITTEN = ("NAME", "ROOM", "kanlab/baselines/neighbours.py")  # by the reader


def names_in(module: str) -> set[str] | None:
    """The names at the top of a module or a room; None where there is no such thing."""
    path = ROOT / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.is_file():
        return None
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assigned = [ast.unparse(target) for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)} | {*assigned}


def exists(name: str) -> bool:
    """A module by its dotted name, or what it defines."""
    module, _, defined = name.rpartition(".")
    return names_in(name) is not None or defined in (kanlab.__all__ if module == "kanlab" else names_in(module) or ())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_exists(document: str) -> None:
    """Files by their path, and modules, functions and classes by their dotted name."""
    text = (ROOT / document).read_text(encoding="utf-8")
    paths = {path for path in PATH.findall(text) if not any(word in path for word in TO_BE_WRITTEN)}
    assert {path for path in paths if not (ROOT / path).exists()} == set()
    assert {name for name in DOTTED.findall(text) if not exists(name)} == set()


def test_a_document_that_names_what_is_not_there_is_found() -> None:
    assert PATH.findall("see kanlab/no/such.py, `docs/x.md`") == ["kanlab/no/such.py", "docs/x.md"]
    assert [exists(f"kanlab.{name}") for name in ("aicc", "stats.criteria", "stats.criteria.aicc")] == [True] * 3
    assert not any(exists(f"kanlab.{name}") for name in ("nothing", "stats.nothing", "stats.criteria.nothing"))


def test_the_changelog_says_where_every_module_is() -> None:
    """The table of old and new names: each new one is there."""
    table = re.findall(
        r"^\| `kanlab([\w.]*)` \| (.*) \| (.*) \|$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M
    )
    now = [
        f"kanlab{room}.{name}"
        for room, renamed, kept in table
        for name in re.findall(r"`(\w+)`(?!\.| →)", f"{renamed} {kept}")
    ]
    assert len(now) > 100
    assert [name for name in now if names_in(name) is None] == []


def test_the_documents_are_a_site_whose_links_lead_somewhere(tmp_path: Path) -> None:
    """Built as `make docs` does, where whatever leads nowhere fails; nothing of it is fetched from elsewhere."""
    built = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(built, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//', page) == []
    assert "Parameters" in (tmp_path / "api.html").read_text(encoding="utf-8")  # the docstrings are there
