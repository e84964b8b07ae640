"""The catalogues of kanlab/translations, after the sentences of the sources.

    python benchmarks/messages.py            new sentences are added without a translation, those that are gone go; compiles
    python benchmarks/messages.py --check    fails where a translation is missing, stale or loses a value, or is not compiled

A translation is written into the .po file, by hand or by any editor of such files, and compiled by the first of these.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PERCENT = re.compile(r"%\(\w+\)[a-z]|%[rs]|%%")
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "kanlab" / "translations"
SOURCES = (*sorted((ROOT / "kanlab").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py")), ROOT / "app.py")
# of the header; what says when and by whom would change with every run
UNSAID = (b"Project-Id-Version", b"Report-Msgid-Bugs-To", b"POT-Creation-Date", b"PO-Revision-Date", b"Last-Translator",
          b"Language-Team", b"Generated-By")  # fmt: skip


@dataclass
class Sentence:
    """Where a sentence is said, and the values that each translation needs: all but those that agree in number."""

    files: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _said(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Each sentence, and its values that only agree with a number."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _name(node.func) not in ("say", "marked", "counted"):
            continue
        at = 1 if _name(node.func) == "counted" else 0
        message = node.args[at] if len(node.args) > at else None
        agree = {
            k.arg or "" for k in node.keywords if isinstance(k.value, ast.Call) and _name(k.value.func) == "agreeing"
        }
        for part in (message.body, message.orelse) if isinstance(message, ast.IfExp) else (message,):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                yield f"{{count:,}} {part.value}" if at else part.value, agree


def _values(message: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(message) if name}


def sentences() -> dict[str, Sentence]:
    """Every sentence that the sources say, in the order in which they say them."""
    found: dict[str, Sentence] = {}
    for path in SOURCES:
        for message, agree in _said(ast.parse(path.read_text(encoding="utf-8"))):
            entry = found.setdefault(message, Sentence())
            entry.files.add(path.relative_to(ROOT).as_posix())
            try:
                entry.possible = _values(message)
            except ValueError:  # a brace that is no place: said without values
                entry.possible = set()
            entry.values |= entry.possible - agree
    return found


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name)


def updated(old: Catalog, said: dict[str, Sentence]) -> Catalog:
    """The same translations, of what is said now."""
    new = Catalog(
        locale=old.locale, project="kanlab", charset="utf-8", header_comment="# Sentences of kanlab.", fuzzy=False
    )
    for message, entry in said.items():
        known = old.get(message)
        new.add(message, known.string if known else "", locations=[(file, 0) for file in sorted(entry.files)])
        new[message].flags.discard("python-format")
    return new


def written(new: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, new, width=0, include_lineno=False)
    return re.sub(rb'"(%s):.*\n' % b"|".join(UNSAID), b"", out.getvalue())


def compiled(new: Catalog) -> bytes:
    """Without the header's dates, so that the same translations are the same bytes."""
    new.creation_date = new.revision_date = datetime(2026, 1, 1)
    out = BytesIO()
    write_mo(out, new)
    return out.getvalue()


def faults(path: Path) -> Iterator[str]:
    """What is wrong with a catalogue. The percent signs of a sentence are filled in by argparse, and so all kept."""
    said, old = sentences(), catalogue(path)
    known = {m.id: str(m.string) for m in old if m.id}
    yield from (f"not translated: {m!r} ({', '.join(sorted(e.files))})" for m, e in said.items() if not known.get(m))
    yield from (f"no longer said: {m!r}" for m in known if m not in said)
    for message, string in known.items():
        if not string or message not in said:
            continue
        entry = said[message]
        try:
            given = _values(string)
        except ValueError:
            given = set() if not entry.possible else {"braces that do not close"}
        if sorted(PERCENT.findall(message)) != sorted(PERCENT.findall(string)):
            yield f"the translation of {message!r} has other percent signs"
        if lost := entry.values - given:
            yield f"the translation of {message!r} lacks {', '.join(sorted(lost))}"
        if entry.possible and (strange := given - entry.possible):
            yield f"the translation of {message!r} has {', '.join(sorted(strange))}, which it is not given"
    binary = path.with_suffix(".mo")
    if not binary.exists() or binary.read_bytes() != compiled(old):
        yield f"{binary.name} is not compiled from {path.name}; run benchmarks/messages.py"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where something is wrong")
    check = parser.parse_args().check
    wrong = 0
    for path in sorted(FOLDER.rglob("*.po")):
        if not check:
            path.write_bytes(written(updated(catalogue(path), sentences())))
            path.with_suffix(".mo").write_bytes(compiled(catalogue(path)))
        found = list(faults(path))
        wrong += len(found)
        for fault in found[:20]:
            print(f"{path.parents[1].name}: {fault}")
        if len(found) > 20:
            print(f"and {len(found) - 20} more")
    return 1 if wrong and check else 0


if __name__ == "__main__":
    sys.exit(main())
