"""Reading what the fake workers did."""

from __future__ import annotations

from pathlib import Path

from kanlab.kan.search_space import Cell


def fitted_cells(log: Path) -> list[Cell]:
    """Cells in the order in which their fits began."""
    lines = [list(map(int, line.split())) for line in log.read_text().splitlines()]
    return [Cell(*line[:3], line[5]) for line in lines]


def worker_pids(log: Path) -> list[int]:
    """The worker process of each fit."""
    return [int(line.split()[4]) for line in log.read_text().splitlines()]


def release(log: Path, up_to: int | None = None) -> None:
    """Let the fits end that `hold_after` holds, and all that follow; or the first so many of the log."""
    written = log.with_suffix(".tmp")
    written.write_text("" if up_to is None else str(up_to))
    written.replace(log.with_suffix(".go"))
