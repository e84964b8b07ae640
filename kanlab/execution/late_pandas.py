"""pandas, loaded when something asks it for a name: a worker reads arrays and fits networks, which never does.

It takes longer to load than the rest of what a worker needs, and half of the memory.
"""

from __future__ import annotations

import importlib.util
import sys


def install() -> None:
    """Have `import pandas` load nothing yet, in a program of kanlab's own (the recipe of importlib's documentation)."""
    spec = None if "pandas" in sys.modules else importlib.util.find_spec("pandas")
    if spec is None or spec.loader is None:
        return
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    sys.modules["pandas"] = module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
