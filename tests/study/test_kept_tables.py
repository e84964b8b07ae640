"""Uploads that are kept for a reload: whose they are, what bounds them, what an address can ask for."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from kanlab.study import kept_tables
from kanlab.study.kept_tables import choose, folder, forget, keep, keep_as, kept, recent

ME, YOU = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path))


def _aged(owner: str, key: str, days: float) -> None:
    when = time.time() - days * 86_400
    os.utime(folder() / owner / key / "about.json", (when, when))


def test_a_table_is_found_by_its_owner_alone() -> None:
    key = keep(ME, "mine.csv", io.BytesIO(b"a,b\n1,2\n"))
    choose(ME, key, {"target-x": "b", "features-x": ["a"]})
    found = kept(ME, key)
    assert found is not None
    assert found.path.read_bytes() == b"a,b\n1,2\n"
    assert (found.name, found.choices) == ("mine.csv", {"target-x": "b", "features-x": ["a"]})
    assert kept(YOU, key) is None
    assert [t.key for t in recent(ME)] == [key]
    assert recent(YOU) == []
    for made in (folder(), folder() / ME, folder() / ME / key):
        assert made.stat().st_mode & 0o077 == 0


def test_the_same_content_is_kept_once_and_keeps_its_choices() -> None:
    key = keep(ME, "mine.csv", io.BytesIO(b"a,b\n1,2\n"))
    choose(ME, key, {"seed": 3})
    assert keep(ME, "again.csv", io.BytesIO(b"a,b\n1,2\n")) == key
    assert [(t.name, t.choices) for t in recent(ME)] == [("again.csv", {"seed": 3})]


@pytest.mark.parametrize("key", ["..", "../b", "a/b", "", "x" * 65, "Ä", "a\n"])
def test_an_address_names_nothing_but_a_key(key: str) -> None:
    keep(ME, "mine.csv", io.BytesIO(b"a"))
    assert kept(ME, key) is None
    forget(ME, key)
    assert len(recent(ME)) == 1


def test_a_damaged_table_is_none() -> None:
    key = keep(ME, "mine.csv", io.BytesIO(b"a"))
    for text in ("", "[]", '{"name": 1, "choices": {}}', '{"name": "x"}'):
        (folder() / ME / key / "about.json").write_text(text)
        assert kept(ME, key) is None


def test_what_is_old_or_too_much_is_removed_the_longest_unused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [keep(ME, f"{i}.csv", io.BytesIO(bytes([i]) * 100)) for i in range(4)]
    for i, key in enumerate(keys):
        _aged(ME, key, 4 - i)
    _aged(ME, keys[0], kept_tables.KEPT_DAYS + 1)
    keep(YOU, "yours.csv", io.BytesIO(b"y"))
    assert {t.key for t in recent(ME)} == set(keys[1:])

    monkeypatch.setattr(kept_tables, "MOST_TABLES", 3)
    new = keep(ME, "new.csv", io.BytesIO(b"n"))
    assert {t.key for t in recent(ME)} == {new, *keys[2:]}

    monkeypatch.setattr(kept_tables, "MOST_BYTES", 450)
    big = keep(ME, "big.csv", io.BytesIO(b"b" * 400))
    assert [t.key for t in recent(ME)] == [big]


def test_choices_without_a_content_are_no_recent_table() -> None:
    keep_as(ME, "example-diabetes", "Diabetes")
    choose(ME, "example-diabetes", {"seed": 1})
    found = kept(ME, "example-diabetes")
    assert found is not None
    assert found.choices == {"seed": 1}
    assert recent(ME) == []
    choose(ME, "example-engel", {"seed": 1})  # of nothing that is kept
    assert kept(ME, "example-engel") is None
