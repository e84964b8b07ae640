"""What the environment sets: every variable KANLAB_* once, with its meaning, its type and its default.

Each is read whenever it is asked for, never kept. docs/reliability.md shows them as a table.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from kanlab.errors import DatasetError, KanlabError, StudyError
from kanlab.hosts import Host, parse_host
from kanlab.language import PSEUDO, VARIABLE, known, marked, say

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """A variable of the environment; call it for its value, which is `default` where the variable is not set or empty.

    kind: what it must be, in words.  parse: raises ValueError where the text is no such thing.
    unset: what holds without it, in words.  error: raised for a bad value.
    """

    name: str
    kind: str
    meaning: str
    parse: Callable[[str], T]
    default: T
    unset: str
    error: type[KanlabError] = StudyError

    def __call__(self) -> T:
        text = os.environ.get(self.name, "")
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError:
            raise self.error(
                say("{name} must be {kind}, not '{text}'.", name=self.name, kind=say(self.kind), text=text[:40])
            ) from None


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value < 1e6):
        raise ValueError
    return value


def _folder(text: str) -> Path:
    """Absolute, since programs of kanlab's own run in other folders. `~` is the user's home."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:  # there is no user of that name
        raise ValueError from None


def _place(text: str) -> str:
    return text if "://" in text else str(_folder(text))


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


def _language(text: str) -> str:
    found = known(text)
    if known(text, PSEUDO) != found:  # it is none of ours
        raise ValueError
    return found


def _hosts(text: str) -> tuple[Host, ...]:
    hosts = [parse_host(part.strip()) for part in text.split(",")]
    if None in hosts:
        raise ValueError
    return tuple(host for host in hosts if host is not None)


HOME: Setting[Path | None] = Setting(
    "KANLAB_HOME",
    marked("a folder"),
    marked("kanlab's own files: studies, data and compiled code; its owner's alone"),
    _folder,
    None,
    marked("the user's data folder"),
)
COMPILED: Setting[Path | None] = Setting(
    "KANLAB_COMPILED",
    marked("a folder"),
    marked("compiled code, for several homes or in an image; it is run, so nobody else may write to it"),
    _folder,
    None,
    marked("`compiled` in kanlab's own folder"),
)
STORAGE: Setting[str | None] = Setting(
    "KANLAB_STORAGE",
    marked("the URL of a database"),
    marked("where studies are kept that no other place is named for"),
    str,
    None,
    marked("`studies.db` in kanlab's own folder"),
)
ARTIFACTS: Setting[str | None] = Setting(
    "KANLAB_ARTIFACTS",
    marked("a folder or s3://BUCKET"),
    marked("where the data of new studies are put for other machines"),
    _place,
    None,
    marked("the database of the study"),
)
SLOTS: Setting[int] = Setting(
    "KANLAB_SLOTS",
    marked("a whole number"),
    marked("worker processes of the app at once, all studies together"),
    _count,
    0,
    marked("one fewer than the processor has cores"),
)
DASK: Setting[str | None] = Setting(
    "KANLAB_DASK",
    marked("the address of a Dask scheduler, or the path of its scheduler file"),
    marked("the cluster that fits studies for which no other place is named"),
    str,
    None,
    marked("this machine"),
)
READ_SECONDS: Setting[float] = Setting(
    "KANLAB_READ_SECONDS",
    marked("a number above 0"),
    marked("seconds of computing that reading a table may take; a large file gets more"),
    _positive,
    10.0,
    "10",
    DatasetError,
)
READ_GB: Setting[float] = Setting(
    "KANLAB_READ_GB",
    marked("a number above 0"),
    marked("memory in GB that reading a table may take; a large file gets more"),
    _positive,
    1.0,
    "1",
    DatasetError,
)
HOSTS: Setting[tuple[Host, ...]] = Setting(
    "KANLAB_HOSTS",
    marked("host names with commas between them"),
    marked("other names of the app, such as that of a reverse proxy; each with its port (`NAME:PORT`) or without"),
    _hosts,
    (),
    marked("this machine and the address served"),
)
SHARE: Setting[bool] = Setting(
    "KANLAB_SHARE",
    marked("1 or 0"),
    marked("whether the owner of a study may make a read-only link to its presentation, which needs no login"),
    _switch,
    False,
    marked("no such links"),
)

LANGUAGE: Setting[str | None] = Setting(
    VARIABLE,
    marked("en or zh"),
    marked("the language that users read: English, or Simplified Chinese"),
    _language,
    None,
    marked("that of the browser; of a command line, that of the terminal"),
)

SETTINGS: tuple[
    Setting[Path | None]
    | Setting[str | None]
    | Setting[int]
    | Setting[float]
    | Setting[tuple[Host, ...]]
    | Setting[bool],
    ...,
] = (
    HOME,
    COMPILED,
    STORAGE,
    ARTIFACTS,
    SLOTS,
    DASK,
    READ_SECONDS,
    READ_GB,
    HOSTS,
    SHARE,
    LANGUAGE,
)


def absolute() -> dict[str, str]:
    """The variables that name a folder, as they are set, for a program in another working folder."""
    found = {setting.name: setting() for setting in (HOME, ARTIFACTS)}
    return {name: str(value) for name, value in found.items() if value is not None}


def check() -> None:
    """Read every variable. Raises its error for the first that is set to no such thing."""
    for setting in SETTINGS:
        setting()
