"""docs/reliability.md: every fault of its table has the test it names."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\|[^|]+\| `([\w/]+)`: `(\w+?)(?:\[(\w+)\])?` \|(.*)\|$", re.MULTILINE)


def test_the_faults_are_injected_where_the_table_says() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == PAGE.count("\n| ", PAGE.index("| fault |"), PAGE.index("Only root")) >= 15
    for module, words, parameter, columns in rows:
        text = (ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
        assert re.search(rf"^def test_\w*{words}", text, re.MULTILINE), words
        assert f'"{parameter}"' in text or not parameter
        _, _, _, lost, duplicated, what = (cell.strip() for cell in columns.split("|"))
        assert (lost, duplicated) == ("0", "0")
        assert what
