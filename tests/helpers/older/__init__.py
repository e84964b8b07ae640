"""A storage and a bundle that an earlier version wrote (README.md)."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BUNDLE = FOLDER / "numbers.zip"
PREDICTED = FOLDER / "numbers.csv"


def put_storage(home: Path) -> None:
    """The storage of the earlier version in an empty home."""
    (home / "data").mkdir(parents=True)
    for path in FOLDER.glob("*.parquet"):
        shutil.copy(path, home / "data")
    with contextlib.closing(sqlite3.connect(home / "studies.db")) as connection:
        connection.executescript((FOLDER / "studies.sql").read_text(encoding="utf-8"))


def shown(name: str) -> dict[str, Any]:
    """What `kanlab show NAME --json` printed."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content
