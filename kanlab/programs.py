"""How kanlab starts a program of its own in another process.

`python -m` puts the working folder on Python's path, and an empty entry of PYTHONPATH means the same: a file such as
numbers.py beside somebody's table would be run in the place of the library's. `-P` and `environment` keep it out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kanlab import settings

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module, for `subprocess`; it needs `environment` beside it."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """This process's environment in which that command finds this kanlab. more: other variables to set."""
    entries = [str(_PACKAGE_ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(e for e in entries if e)} | settings.absolute() | more
