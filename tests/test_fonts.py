"""The font that goes with what kanlab writes: which parts a text brings along, and that it may."""

from __future__ import annotations

import base64
import re
import tomllib

import pytest

from kanlab.fonts import FAMILY, FOLDER, FONTS, NOTICE, PARTS, font_face, part
from kanlab.language import use
from tests.test_layers import ROOT


def faces(text: str) -> list[str]:
    return re.findall(r"@font-face \{.*?\}", font_face(text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RSS ² − ≤ φ …", ["basic"]),
        ("Größe", ["latin"]),
        ("β²", ["basic", "greek"]),
        ("вес", ["cyrillic"]),
        ("é β", ["latin", "greek"]),
        ("ŁΩ", ["latin", "greek"]),
        ("面积", []),
        ("", []),
    ],
)
def test_a_text_brings_the_parts_it_has_characters_of(text: str, names: list[str]) -> None:
    held = [base64.b64encode((FOLDER / f"{name}.woff2").read_bytes()).decode() for name in names]
    assert [re.search(r"base64,([^)]*)\)", face)[1] for face in faces(text)] == held  # type: ignore[index]
    assert (NOTICE in font_face(text)) == bool(names)
    assert all("url(data:" in face and face.count("url(") == 1 for face in faces(text))


def test_the_parts_are_small_and_share_no_character_but_those_of_latin() -> None:
    assert part("basic") < part("latin")
    every = [code for name in ("latin", "greek", "cyrillic") for code in part(name)]
    assert len(set(every)) == len(every)
    for name in PARTS:
        content = (FOLDER / f"{name}.woff2").read_bytes()
        assert content[:4] == b"wOF2"
        assert len(content) < 36_000 if name == "latin" else 18_000
    assert set(map(ord, map(chr, range(0x20, 0x7F)))) <= part("basic")


def test_quotes_and_dashes_among_chinese_characters_are_chinese() -> None:
    assert "U+2026" in font_face("a…")
    with use("zh"):
        assert "U+2026" not in font_face("a…")
        assert "U+2014" not in font_face("a…")
        assert faces("…") == []


def test_it_has_its_licence_beside_it_and_another_name_than_the_reserved_one() -> None:
    licence = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    reserved = re.search(r"Reserved Font Name '(\w+)'", licence)
    assert reserved is not None
    assert reserved[1] not in FAMILY
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert str((FOLDER / "OFL.txt").relative_to(ROOT)) in project["license-files"]
    assert "OFL-1.1" in project["license"]


def test_chinese_falls_to_a_font_that_has_it_before_any_other() -> None:
    named = [name.strip(" '") for name in FONTS.split(",")]
    assert named[:2] == [FAMILY, "Source Sans 3"]
    assert named[-2:] == ["system-ui", "sans-serif"]  # which on a Japanese system would draw Japanese forms
    assert {"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"} <= set(named[1:-2])
