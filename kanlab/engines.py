"""The engines a study can fit with, and how one unit of work is fitted by any of them.

A unit is what a worker is handed at once: the cells of one (grid, k), neuron_num ascending. The `lm` engine shares the
first layer's design between them and starts each from the one below; stock pykan fits every cell by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from kanlab.dataset import Dataset
from kanlab.space import Cell

CURVE_POINTS = 60
FAILED_STATUSES = ("diverged",)


@dataclass(frozen=True)
class Engine:
    """What a user reads of an engine, and whether neighbouring cells are fitted together."""

    name: str
    label: str
    help: str
    nested: bool


ENGINES = {
    e.name: e
    for e in (
        Engine(
            "lm",
            "kanlab, Levenberg-Marquardt",
            "The same networks, fitted 30 to 70 times faster than pykan fits them, with a roughness penalty against noise.",
            nested=True,
        ),
        Engine("pykan-lbfgs", "pykan, LBFGS", "Stock pykan, 50 LBFGS steps with grid updates.", nested=False),
        Engine("pykan-adam", "pykan, Adam", "Stock pykan, 500 Adam steps at learning rate 0.01.", nested=False),
    )
}


@dataclass(frozen=True)
class FitOptions:
    """Settings of a fit that are the same for every cell of a study.

    starts: initialisations a cell, the best of which counts; None leaves it to the engine.
    time_limit: seconds a fit.  early_stopping: whether stock training may end before its last step.
    smoothing: roughness penalty of the lm engine.
    """

    starts: int | None = None
    time_limit: float | None = None
    early_stopping: bool = True
    smoothing: float = 1000.0


@dataclass(frozen=True)
class Unit:
    """Cells of one (grid, k), by neuron_num ascending."""

    grid: int
    k: int
    neuron_nums: tuple[int, ...]

    @property
    def cells(self) -> list[Cell]:
        return [Cell(h, self.grid, self.k) for h in self.neuron_nums]


@dataclass(frozen=True)
class Outcome:
    """One fitted cell: rss in squared units of y (None where the fit broke down or there are no test rows)."""

    neuron_num: int
    status: str
    seconds: float
    rss_train: float | None = None
    rss_test: float | None = None
    iterations: int = 0
    starts: int = 1
    loss_curve: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def units(cells: Iterable[Cell], engine: str) -> list[Unit]:
    """Group cells into units of work, in the order of their first cell."""
    if not ENGINES[engine].nested:
        return [Unit(c.grid, c.k, (c.neuron_num,)) for c in cells]
    ordered = list(cells)
    rank = {c: i for i, c in reversed(list(enumerate(ordered)))}
    by_path = sorted(ordered, key=lambda c: (c.grid, c.k, c.neuron_num))
    paths = [
        Unit(grid, k, tuple(c.neuron_num for c in group))
        for (grid, k), group in groupby(by_path, key=lambda c: (c.grid, c.k))
    ]
    return sorted(paths, key=lambda u: min(rank[c] for c in u.cells))


def fit_unit(data: Dataset, unit: Unit, engine: str, options: FitOptions, seed: int) -> Iterator[Outcome]:
    """Fit the cells of a unit one after the other. Imports what the engine needs, torch included: for workers."""
    if engine == "lm":
        yield from _fit_lm(data, unit, options, seed)
        return
    for neuron_num in unit.neuron_nums:
        yield _fit_pykan(data, neuron_num, unit, engine, options, seed)


def _fit_lm(data: Dataset, unit: Unit, options: FitOptions, seed: int) -> Iterator[Outcome]:
    from kanlab.lm import LmOptions, fit_path

    lm_options = LmOptions(smoothing=options.smoothing, starts=options.starts, time_limit=options.time_limit)
    fits = fit_path(data.X_train, data.y_train, unit.grid, unit.k, unit.neuron_nums, options=lm_options, seed=seed)
    for neuron_num, fitted in zip(unit.neuron_nums, fits, strict=True):
        failed = fitted.status.value in FAILED_STATUSES
        yield Outcome(
            neuron_num=neuron_num,
            status=fitted.status.value,
            seconds=fitted.seconds,
            rss_train=None if failed else fitted.rss_train,
            rss_test=_rss(fitted.predict(data.X_test), data.y_test) if len(data.y_test) and not failed else None,
            iterations=fitted.iterations,
            starts=fitted.starts,
            loss_curve=thin(fitted.loss_curve),
        )


def _fit_pykan(data: Dataset, neuron_num: int, unit: Unit, engine: str, options: FitOptions, seed: int) -> Outcome:
    from kanlab.pykan_engine import train

    began = time.monotonic()
    limit = options.time_limit
    best, best_rss, last_status = None, np.inf, "diverged"
    starts = options.starts or 1
    for start in range(starts):
        left = None if limit is None else max(0.0, began + limit - time.monotonic())
        if start and left == 0.0:
            break
        training = train(
            data.X_train, data.y_train, neuron_num, unit.grid, unit.k,
            engine=engine, seed=seed + start, early_stopping=options.early_stopping, time_limit=left,
        )
        last_status = training.status
        rss = _rss(training.model.predict(data.X_train), data.y_train)
        if np.isfinite(rss) and rss < best_rss and not training.status.startswith(FAILED_STATUSES):
            best, best_rss = training, rss
    seconds = time.monotonic() - began
    if best is None:
        return Outcome(neuron_num, last_status if last_status.startswith(FAILED_STATUSES) else "diverged", seconds)
    return Outcome(
        neuron_num=neuron_num,
        status=best.status,
        seconds=seconds,
        rss_train=best_rss,
        rss_test=_rss(best.model.predict(data.X_test), data.y_test) if len(data.y_test) else None,
        iterations=len(best.loss_curve),
        starts=starts,
        loss_curve=thin(best.loss_curve),
    )


def _rss(predicted: np.ndarray, y: np.ndarray) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum((predicted - y) ** 2))


def thin(curve: Iterable[float], most: int = CURVE_POINTS) -> list[float]:
    """At most `most` points of a curve, ends kept, six digits each."""
    values = np.asarray(list(curve), dtype=float)
    if len(values) > most:
        values = values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]
    return [float(f"{v:.6g}") for v in values]
