"""Sentences are whole: nothing in braces is left to be filled in, and nouns agree with their counts in one way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import kanlab
from kanlab.text import agreeing, columns_of, counted, listing, padded, quoted, short, wrapped

SAYING = ("say", "marked")  # kanlab.language fills the places of what they are given
ROOT = Path(kanlab.__file__).parents[1]
SOURCES = [*(ROOT / "kanlab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
# {name}, {name.part}, {name(...)} or {name:format}, not as LaTeX and regular expressions have them
PLACE = re.compile(r"(?<![\\\w^_}{])\{[a-z_][\w.]*(\([^()]*\))?(:[^{} ]*)?\}")


def unfilled(source: str) -> Iterator[str]:
    """Strings with a place that nothing fills, those that are formatted later by their name among them."""
    tree = ast.parse(source)
    told = {id(n.args[0]) for n in ast.walk(tree) if isinstance(n, ast.Call) and name_of(n) in SAYING and n.args}
    owners = (n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.FunctionDef | ast.ClassDef))
    docstrings = {id(n.body[0].value) for n in owners if n.body and isinstance(n.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | told:
            yield from [node.value] if PLACE.search(node.value) else []


def misfilled(source: str) -> Iterator[str]:
    """Sentences that are said with other values than they have places for."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and name_of(node) == "say" and isinstance(node.args[0], ast.Constant):
            message, given = node.args[0].value, {k.arg for k in node.keywords}
            places = {name for _, name, *_ in Formatter().parse(message) if name is not None} if given else set()
            yield from [message] if places != given and None not in given else []


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def multiplied(source: str) -> Iterator[str]:
    """Letters times a condition: "row" + "s" * (n != 1)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            letters = [n.value for n in (node.left, node.right) if isinstance(n, ast.Constant)]
            yield from [ast.unparse(node)] if letters in (["s"], ["es"], ["ies"]) else []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_sentences_are_filled_in(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert list(unfilled(source)) == []
    assert list(misfilled(source)) == []
    assert list(multiplied(source)) == []


def test_the_search_itself() -> None:
    source = """
"{docstring}"
a = "{name} is empty"
b = f"{name} is read, " "and {rows:,} of it"
c = f"{name} is fine" + r"\\frac{a}{b} \\d{4}" + "{0}"
d = "row" + "s" * (n != 1)
e = say("{rows} rows of {table}", rows=n, table=t), say("of {table}", rows=n), marked("{rows} rows")
"""
    assert list(unfilled(source)) == ["{name} is empty", " is read, and {rows:,} of it"]
    assert list(misfilled(source)) == ["of {table}"]
    assert list(multiplied(source)) == ["'s' * (n != 1)"]


def test_words() -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 12345)] == ["0 rows", "1 row", "2 rows", "12,345 rows"]
    assert counted(2, "class", "classes") == "2 classes"
    assert (agreeing(1, "is", "are"), agreeing(0, "is", "are")) == ("is", "are")
    assert (short("abc", 3), short("abcd", 3), quoted("x" * 99)) == ("abc", "ab…", f"'{'x' * 59}…'")
    assert listing([*"abc"], 2) == "'a', 'b' and 1 more"
    assert listing([1.5]) == "'1.5'"


def test_texts_of_wide_characters_are_padded_and_wrapped_by_columns() -> None:
    assert [padded(text, 6) for text in ("abc", "残差", "残差平方和")] == ["abc   ", "残差  ", "残差平方和"]
    text = "每条边都是（样条）函数；AICc 越低越好，K 是参数个数。see `docs/method.md`"
    for columns in range(8, 40):
        lines = wrapped(text, columns)
        assert max(map(columns_of, lines)) <= max(columns, columns_of("`docs/method.md`"))
        assert not any(line[0] in "，；。）" or line[-1] == "（" for line in lines)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert wrapped("", 10) == [""]
