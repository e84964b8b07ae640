"""Which versions of Python and the libraries this process has. Loads the standard library alone."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

_RECORDED = ("kanlab", "pykan", "torch", "numpy", "scipy", "optuna")
_FITTING = ("kanlab", "numpy", "scipy", "numba")


def current_versions() -> dict[str, str]:
    """Of Python and the libraries the numbers depend on, as a study records them."""
    return {"python": platform.python_version()} | _installed(_RECORDED)


def fitting_versions(*, with_torch: bool) -> dict[str, str]:
    """What two machines must have in common for their fits to agree in every bit."""
    python = ".".join(platform.python_version_tuple()[:2])
    return _installed((*_FITTING, *(("pykan", "torch") if with_torch else ()))) | {"Python": python}


def _installed(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
