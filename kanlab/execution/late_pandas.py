"""pandas, loaded when something asks it for a name: a worker reads arrays and fits networks, which never does.

It takes longer to load than the rest of what a worker needs, and half of the memory.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Late(ModuleType):
    """Stands for a module until one of its names is asked for; importlib.util.LazyLoader loads it at the next import."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def install() -> None:
    """Have `import pandas` load nothing yet, in a program of kanlab's own."""
    sys.modules.setdefault("pandas", _Late("pandas"))
