"""Tables that a browser has uploaded, kept for a while so that a reload finds them, each with the choices made about it.

They lie in the folder `tables` of kanlab's home, in a folder for each owner, one folder a table, named by the hash of its
content. An owner is known by a name derived from the secret of its browser, so nobody else finds or opens them. Both the age
and the size of all are bounded: `keep` removes what has not been used for KEPT_DAYS, and then the oldest until the rest fits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kanlab.files import OWNERS_FILE, private_folder, written_whole
from kanlab.language import say
from kanlab.study.storage import home

KEPT_DAYS = 14
MOST_BYTES = 2 * 2**30  # of all owners together
MOST_TABLES = 20  # of one owner
_CONTENT, _ABOUT = "content", "about.json"
_NAME = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class KeptTable:
    """A table that is kept. key: what an address names it by.  used: when it was last, seconds since 1970.

    choices: values of widgets by their keys, JSON.
    """

    key: str
    name: str
    used: float
    path: Path
    choices: Mapping[str, Any]


def folder() -> Path:
    """Where the tables of all owners lie."""
    return home() / "tables"


def keep(owner: str, name: str, file: BinaryIO) -> str:
    """Keep an uploaded file, from its beginning; returns its key. Raises OSError where there is no room."""
    file.seek(0)
    hashed = hashlib.sha256()
    while block := file.read(2**20):
        hashed.update(block)
    digest = hashed.hexdigest()[:32]

    def write(path: Path) -> None:
        file.seek(0)
        with path.open("wb") as out:
            shutil.copyfileobj(file, out)

    try:
        return keep_as(owner, digest, name, write)
    finally:
        file.seek(0)


def keep_as(owner: str, key: str, name: str, write: Callable[[Path], None] | None = None) -> str:
    """Keep what `write` writes to a path, once, or nothing but choices; returns the key. Raises OSError."""
    place = _place(owner, key)
    for made in (folder(), place.parent, place):
        private_folder(made)
    if write is not None and not (place / _CONTENT).exists():
        with written_whole(place / _CONTENT, OWNERS_FILE) as partial:
            write(partial)
    known = _about(place)
    if known.get("name") == name:
        os.utime(place / _ABOUT)
    else:
        _write_about(place, {"name": name, "choices": known.get("choices", {})})
    _prune(owner, place)
    return key


def kept(owner: str, key: str) -> KeptTable | None:
    """A table of this owner; None where there is none by this key."""
    if not _NAME.fullmatch(key):
        return None
    place = _place(owner, key)
    about = _about(place)
    if not about:
        return None
    return KeptTable(key, str(about["name"]), _used(place), place / _CONTENT, about["choices"])


def choose(owner: str, key: str, choices: Mapping[str, Any]) -> None:
    """Remember the choices made about a table, if it is still kept."""
    place = _place(owner, key)
    about = _about(place)
    if about and about["choices"] != choices:
        _write_about(place, {**about, "choices": dict(choices)})
    elif about:
        os.utime(place / _ABOUT)


def recent(owner: str) -> list[KeptTable]:
    """The tables of an owner that have a content, the last used first."""
    if not _NAME.fullmatch(owner) or not (folder() / owner).is_dir():
        return []
    found = [kept(owner, path.name) for path in (folder() / owner).iterdir()]
    return sorted((t for t in found if t is not None and t.path.exists()), key=lambda t: -t.used)


def forget(owner: str, key: str) -> None:
    """Remove a table."""
    if _NAME.fullmatch(key):
        shutil.rmtree(_place(owner, key), ignore_errors=True)


def _place(owner: str, key: str) -> Path:
    """The folder of a table; names from an address never leave the folder of their owner."""
    if not _NAME.fullmatch(owner) or not _NAME.fullmatch(key):
        raise ValueError(say("Names of owners and tables are lower-case letters, digits and hyphens."))
    return folder() / owner / key


def _about(place: Path) -> dict[str, Any]:
    """What is known of a table; empty where it is gone or damaged."""
    try:
        found = json.loads((place / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sound = isinstance(found, dict) and isinstance(found.get("name"), str) and isinstance(found.get("choices"), dict)
    return found if sound else {}


def _write_about(place: Path, about: Mapping[str, Any]) -> None:
    with written_whole(place / _ABOUT, OWNERS_FILE) as partial:
        partial.write_text(json.dumps(about), encoding="utf-8")


def _used(place: Path) -> float:
    with contextlib.suppress(OSError):
        return (place / _ABOUT).stat().st_mtime
    return 0.0


def _size(place: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in place.iterdir())
    return 0


def _prune(owner: str, spared: Path) -> None:
    """Remove what is too old or too much, the longest unused first; never the table just kept."""
    places = [place for of_owner in folder().iterdir() if of_owner.is_dir() for place in of_owner.iterdir()]
    places.sort(key=_used, reverse=True)
    total, mine, oldest = 0, 0, time.time() - KEPT_DAYS * 86_400
    for place in [spared, *(p for p in places if p != spared)]:
        total += _size(place)
        mine += place.parent.name == owner
        too_many = place.parent.name == owner and mine > MOST_TABLES
        if place != spared and (total > MOST_BYTES or too_many or _used(place) < oldest):
            shutil.rmtree(place, ignore_errors=True)
