"""The loops of `kanlab.solver.kernels` compiled by numba, and how they are had without waiting.

The operations and their order are those of the NumPy reference, without fused or reordered arithmetic, so the results
are the same bits. Compiling takes some seconds once on a machine. `kernels("auto")` therefore answers with the NumPy
loops, starts `python -m kanlab.solver.kernels_numba` in the background the first time the compiled ones are found
missing from the cache, and answers with them once that is done. The cache is a folder of the user's, in `KANLAB_HOME`
or ~/.cache/kanlab, or `KANLAB_COMPILED`. What lies there is run, so it is used only where nobody else can put anything into it
(`kanlab.files.who_else_may_write`); elsewhere each process compiles for itself, once it has done work that is worth it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kanlab import programs, settings
from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.files import private_folder, who_else_may_write
from kanlab.language import say
from kanlab.solver.kernels import NUMPY, RowKernels, SplineRows

COMPILE_TIMEOUT = 180.0  # seconds after which another process may try
WORTH_LOADING = 0.5  # seconds of NumPy fitting after which loading numba, about as long, begins to pay
WORTH_COMPILING = 30.0  # the same of compiling, where there is no cache to load from


# ---- the loops; arguments as in RowKernels, all of them arrays


def fill_splines(unit, starts, inverse_widths, table, silu, design, slopes, interval):  # type: ignore[no-untyped-def]
    """RowKernels.splines."""
    h, n = unit.shape
    grid, order = table.shape[1], table.shape[2]
    for j in range(h):
        for t in range(n):
            interval[j, t] = 0
        for q in range(1, grid):
            start = starts[j, q]
            for t in range(n):
                interval[j, t] += unit[j, t] >= start
        for b in range(grid + order - 1):
            for t in range(n):
                design[j, b, t] = 0.0
        for t in range(n):
            q = interval[j, t]
            inverse = inverse_widths[j, q]
            u = (unit[j, t] - starts[j, q]) * inverse
            for c in range(order):
                value = table[j, q, order - 1, c]
                slope = (order - 1) * value
                for power in range(order - 2, -1, -1):
                    coefficient = table[j, q, power, c]
                    value = value * u + coefficient
                    if power > 0:
                        slope = slope * u + power * coefficient
                design[j, q + c, t] = value
                slopes[c, j, t] = slope * inverse
            design[j, grid + order - 1, t] = silu[j, t]


def fill_node_slopes(coef, slopes, interval, out):  # type: ignore[no-untyped-def]
    """RowKernels.node_slopes."""
    order, h, n = slopes.shape
    for j in range(h):
        for t in range(n):
            q = interval[j, t]
            total = coef[j, q] * slopes[0, j, t]
            for c in range(1, order):
                total += coef[j, q + c] * slopes[c, j, t]
            out[j, t] = total


def fill_jacobian(basis, slope, at_low, at_high, low, high, out):  # type: ignore[no-untyped-def]
    """RowKernels.jacobian."""
    r, n = basis.shape
    for j in range(len(slope)):
        for a in range(r):
            left, right = low[j, a], high[j, a]
            for t in range(n):
                out[j, a, t] = slope[j, t] * basis[a, t] - left * at_low[j, t] - right * at_high[j, t]


class CompiledKernels:
    """The loops above, compiled or read from the cache when they are first called."""

    name = "compiled"

    def __init__(self) -> None:
        self._splines, self._node_slopes = _compile(fill_splines), _compile(fill_node_slopes)
        self._jacobian = _compile(fill_jacobian)

    def splines(
        self, unit: Array, starts: Array, inverse_widths: Array, table: Array, silu: Array, rows: SplineRows
    ) -> None:
        self._splines(unit, starts, inverse_widths, table, silu, rows.design, rows.slopes, rows.interval)

    def node_slopes(self, coef: Array, rows: SplineRows, out: Array) -> None:
        self._node_slopes(coef, rows.slopes, rows.interval, out)

    def jacobian(
        self, basis: Array, slope: Array, at_low: Array, at_high: Array, low: Array, high: Array, out: Array
    ) -> None:
        self._jacobian(basis, slope, at_low, at_high, low, high, out)


def _compile(loop: Callable[..., None]) -> Any:
    """The loop compiled; its machine code kept in the cache, where there is one to trust."""
    import numba

    if cache_trouble():
        return numba.njit(error_model="numpy")(loop)
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_folder())
    try:
        return numba.njit(cache=True, error_model="numpy")(loop)
    finally:
        config.CACHE_DIR = before


# ---- having them without waiting


def cache_folder() -> Path:
    """Where compiled code is kept."""
    if (chosen := settings.COMPILED()) is not None:
        return chosen
    home = settings.HOME()
    if home is not None:
        return home / "compiled"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kanlab" / "compiled"


def cache_trouble() -> str:
    """Why compiled code is not kept on this machine, in words; "" where it is. The folder is made where there is none."""
    return _trouble_with(cache_folder())


@cache
def _trouble_with(folder: Path) -> str:
    try:
        private_folder(folder.parent)
        private_folder(folder)
    except OSError as error:
        return say("{folder} cannot be made ({strerror})", folder=folder, strerror=error.strerror)
    if not os.access(folder, os.W_OK):
        return say("{folder} is read-only", folder=folder)
    return who_else_may_write(folder)


def seconds_fitting() -> float:
    """Processor seconds since this process first fitted anything: `spent` of `kernels`."""
    return time.process_time() - _first_fit(os.getpid())


@cache
def _first_fit(process: int) -> float:  # by process, because the clock of a forked one begins anew
    return time.process_time()


def kernels(wanted: Literal["auto", "numpy", "compiled"], *, spent: float = np.inf) -> RowKernels:
    """The row kernels to go on with.

    spent: processor seconds of fitting that lie behind the caller; "auto" loads or compiles only for work that is worth it.
    Raises FitError where "compiled" is asked for and numba is missing.
    """
    if wanted == "numpy":
        return NUMPY
    if wanted == "compiled":
        if importlib.util.find_spec("numba") is None:
            raise FitError(say('Compiled kernels need numba; install it, or ask for kernels="numpy" or "auto".'))
        return _load()
    if _load.cache_info().currsize:
        return _load()
    if spent < WORTH_LOADING or importlib.util.find_spec("numba") is None:
        return NUMPY
    if cache_trouble():
        return _load() if spent > WORTH_COMPILING else NUMPY
    if _marker().exists():
        return _load()
    _compile_in_background()
    return NUMPY


@cache
def _load() -> RowKernels:
    """The compiled kernels, from the cache where it has them."""
    compiled = CompiledKernels()
    _exercise(compiled)
    return compiled


@cache
def _marker() -> Path:
    """The file that says that the cache holds these loops for this Python and this numba."""
    from importlib.metadata import version

    source = Path(__file__).read_bytes()
    key = hashlib.sha256(source + f"{sys.version} {version('numba')} {np.__version__}".encode()).hexdigest()[:16]
    return cache_folder() / f"ready-{key}"


def _compile_in_background() -> None:
    """Start a process that fills the cache, unless one is at it."""
    lock = _marker().with_suffix(".lock")
    with contextlib.suppress(OSError):
        if lock.exists() and time.time() - lock.stat().st_mtime > COMPILE_TIMEOUT:
            lock.unlink()
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        quiet = subprocess.DEVNULL
        subprocess.Popen(
            programs.command("kanlab.solver.kernels_numba"),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            env=programs.environment(),
            start_new_session=True,
        )


def _exercise(compiled: CompiledKernels) -> None:
    """Call every loop once, with the types a fit calls it with."""
    rows = SplineRows.empty(1, 2, 1, 3)
    unit, out = np.array([[0.0, 0.4, 1.0]]), np.empty((1, 3))
    compiled.splines(unit, np.array([[0.0, 0.5]]), np.full((1, 2), 2.0), np.zeros((1, 2, 2, 2)), unit, rows)
    compiled.node_slopes(np.zeros((1, 3)), rows, out)
    compiled.jacobian(unit, unit, unit, unit, np.zeros((1, 1)), np.zeros((1, 1)), np.empty((1, 1, 3)))


def main() -> None:
    """Fill the cache and leave the marker."""
    if cache_trouble():
        return
    try:
        _exercise(CompiledKernels())
        _marker().touch()
    finally:
        _marker().with_suffix(".lock").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
