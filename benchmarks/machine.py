"""The machine a benchmark ran on, in one line of Markdown: what makes its timings comparable with others, or not."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import threadpool_info


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


def blas() -> str:
    """The BLAS libraries loaded and the kernels they chose for this processor."""
    found = {
        " ".join(filter(None, (p["internal_api"], p["version"], p.get("architecture"))))
        for p in threadpool_info()
        if p["user_api"] == "blas"
    }
    return ", ".join(sorted(found))


def described(libraries: Sequence[str]) -> str:
    """Processor, cores, load, BLAS, Python and the versions of some libraries; NumPy must be imported already."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"{cpu_model()}, {cores} cores{load}; {platform.system()}; BLAS {blas()}; Python {platform.python_version()}, {versions}."
