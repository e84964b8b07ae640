"""The site of the documents: README.md as its first page, and what else of the repository they link to."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent
ASSETS = {
    "assets/icon.svg": "kanlab/ui/icon.svg",
    "benchmarks/engine-cost.svg": "benchmarks/engine-cost.svg",
    "LICENSE": "LICENSE",
}
_LINK = re.compile(r"(\]\()([^)\s:#]+)((?:#[\w-]+)?\))")


def pages() -> dict[str, str]:
    """Pages that lie outside docs/: where they stand on the site, and in the repository."""
    told = {f"benchmarks/{path.name}": f"benchmarks/{path.name}" for path in sorted(ROOT.glob("benchmarks/*.md"))}
    kept = ("README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")
    return {"index.md": "README.md"} | {name: name for name in kept} | told


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them, and the few files that are no page."""
    for place, path in (pages() | ASSETS).items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Have links lead to where their files stand on the site."""
    place = page.file.src_uri
    source = PurePosixPath(pages().get(place, f"docs/{place}"))
    up = "../" * place.count("/")

    def moved(found: re.Match[str]) -> str:
        target = _normal(source.parent / found[2])
        return found[1] + up + placed(target) + found[3]

    return _LINK.sub(moved, markdown)


def placed(target: str) -> str:
    """Where a file of the repository stands on the site."""
    moved = {path: place for place, path in (pages() | ASSETS).items()}
    return moved.get(target, target.removeprefix("docs/"))


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
