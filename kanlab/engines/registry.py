"""How one unit of work is fitted, by any engine.

A unit is what a worker is handed at once: the cells of one (grid, k, depth, multiplication), neuron_num ascending. The
`lm` engine shares the first layer's design between them and starts each from the one below; stock pykan fits every cell by
itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES, NO_WEIGHTS
from kanlab.errors import FitError
from kanlab.kan.search_space import Cell
from kanlab.kan.shapes import Shape
from kanlab.language import say
from kanlab.stats.metrics import HasScores, Scores

if TYPE_CHECKING:
    from kanlab.engines.pykan_training import Training
    from kanlab.kan.network import FittedKan

CURVE_POINTS = 60
FAILED_STATUSES = ("diverged", "time limit")


@dataclass(frozen=True)
class FitOptions:
    """Settings of a fit that are the same for every cell of a study.

    Parameters
    ----------
    starts : int, optional
        Initialisations a cell, the best of which counts; by default the engine's own number.
    time_limit : float, optional
        Seconds a fit.
    early_stopping : bool
        Whether stock training may end before its last step.
    smoothing : float
        Roughness penalty of the lm engine, in proportion to the residual variance (docs/engine.md); 0 for none.
    features : int, optional
        To how many features a network is fitted at most, screened anew on the rows of each fit
        (kanlab.solver.feature_screening); by default all of them.
    shape : Shape
        Demands on the effects of the inputs, which a study takes from its constraints (kanlab.kan.constraints).

    Examples
    --------
    >>> FitOptions(starts=4).smoothing
    1000.0
    """

    starts: int | None = None
    time_limit: float | None = None
    early_stopping: bool = True
    smoothing: float = 1000.0
    features: int | None = None
    shape: Shape = Shape()

    def inputs(self, d: int) -> int:
        """How many of d features a network is fitted to."""
        return d if self.features is None else min(d, self.features)

    def of_columns(self, columns: Sequence[int], d: int) -> FitOptions:
        """The same for rows with some of d features: what is demanded of those."""
        return replace(self, shape=self.shape.only(columns, d)) if self.shape else self


@dataclass(frozen=True)
class Unit:
    """Cells of one (grid, k, depth, multiplication), by neuron_num ascending."""

    grid: int
    k: int
    neuron_nums: tuple[int, ...]
    depth: int = 1
    multiplication: int = 0

    @classmethod
    def of(cls, cell: Cell, neuron_nums: tuple[int, ...]) -> Unit:
        """The unit of cells that are like one but for their neuron_num."""
        return cls(cell.grid, cell.k, neuron_nums, cell.depth, cell.multiplication)

    @property
    def cells(self) -> list[Cell]:
        return [Cell(h, self.grid, self.k, self.depth, self.multiplication) for h in self.neuron_nums]


@dataclass(frozen=True)
class Outcome(HasScores):
    """One fitted cell. scores: none where the fit broke down.  loss_curve: RSS, or the deviance of
    classes and counts."""

    neuron_num: int
    status: str
    seconds: float
    scores: Scores = Scores()
    iterations: int = 0
    starts: int = 1
    loss_curve: list[float] = field(default_factory=list)


def units(cells: Iterable[Cell], engine: str) -> list[Unit]:
    """Group cells into units of work, in the order of their first cell."""
    if not ENGINES[engine].nested:
        return [Unit.of(c, (c.neuron_num,)) for c in cells]
    ordered = list(cells)
    rank = {c: i for i, c in reversed(list(enumerate(ordered)))}

    def path(c: Cell) -> tuple[int, ...]:
        return c.multiplication, c.depth, c.grid, c.k

    groups = (list(g) for _, g in groupby(sorted(ordered, key=lambda c: (*path(c), c.neuron_num)), key=path))
    paths = [Unit.of(group[0], tuple(c.neuron_num for c in group)) for group in groups]
    return sorted(paths, key=lambda u: min(rank[c] for c in u.cells))


def network_data(data: Dataset, options: FitOptions) -> tuple[Dataset, tuple[int, ...] | None]:
    """The rows with the features a network of these options is fitted to, and their columns; None where it is all of them."""
    if options.inputs(data.d) == data.d:
        return data, None
    from kanlab.solver.feature_screening import screened

    kept = screened(data.X_train, data.fit_target(data.y_train), options.inputs(data.d), data.w_train)
    return with_columns(data, kept), kept


def with_columns(data: Dataset, columns: Sequence[int]) -> Dataset:
    """The rows with some of their features."""
    kept = list(columns)
    return replace(data, X_train=data.X_train[:, kept], X_test=data.X_test[:, kept])


def fit_unit(data: Dataset, unit: Unit, engine: str, options: FitOptions, seed: int) -> Iterator[Outcome]:
    """Fit the cells of a unit one after the other. Imports what the engine needs, torch included: for workers."""
    if engine == "lm":
        yield from _fit_lm(data, unit, options, seed)
        return
    for cell in unit.cells:
        yield _fit_pykan(data, cell, engine, options, seed)


def _fit_lm(data: Dataset, unit: Unit, options: FitOptions, seed: int) -> Iterator[Outcome]:
    fits = lm_path(data, unit.cells, options, seed)
    for neuron_num, fitted in zip(unit.neuron_nums, fits, strict=True):
        yield lm_outcome(data, neuron_num, fitted)


def lm_outcome(data: Dataset, neuron_num: int, fitted: FittedKan) -> Outcome:
    """What a study keeps of a network of `lm_path`."""
    broken = fitted.status.value in FAILED_STATUSES
    return Outcome(
        neuron_num=neuron_num,
        status=fitted.status.value,
        seconds=fitted.seconds,
        scores=Scores() if broken else replace(data.errors(fitted.predict), rss_train=fitted.rss_train, edf=fitted.edf),
        iterations=fitted.iterations,
        starts=fitted.starts,
        loss_curve=thin(fitted.loss_curve),
    )


def lm_path(data: Dataset, cells: Sequence[Cell], options: FitOptions, seed: int) -> Iterator[FittedKan]:
    """The networks of cells of ascending neuron_num, alike in all else, fitted one from the other by the engine lm."""
    from kanlab.solver.feature_elimination import widened
    from kanlab.solver.fit import LmOptions, fit_path

    part, kept = network_data(data, options)
    lm_options = LmOptions(smoothing=options.smoothing, starts=options.starts, time_limit=options.time_limit)
    path = cells[0].grid, cells[0].k, [c.neuron_num for c in cells], cells[0].depth
    for fitted in fit_path(
        part.X_train, part.fit_target(part.y_train), *path, options=lm_options, seed=seed, task=data.task,
        shape=options.shape if kept is None else options.shape.only(kept, data.d), weights=part.w_train,
        multiplication=cells[0].multiplication,
    ):  # fmt: skip
        yield fitted if kept is None else widened(fitted, kept, data.d)


def _fit_pykan(data: Dataset, cell: Cell, engine: str, options: FitOptions, seed: int) -> Outcome:
    began = time.monotonic()
    data, _ = network_data(data, options)
    best, status, starts = _best_training(data, cell, engine, options, seed)
    seconds = time.monotonic() - began
    if best is None:
        return Outcome(cell.neuron_num, status, seconds, starts=starts)
    return Outcome(
        neuron_num=cell.neuron_num,
        status=status,
        seconds=seconds,
        scores=data.errors(best.model.predict),
        iterations=len(best.loss_curve),
        starts=starts,
        loss_curve=thin(best.loss_curve),
    )


def _best_training(
    data: Dataset, cell: Cell, engine: str, options: FitOptions, seed: int
) -> tuple[Training | None, str, int]:
    """The training of least misfit over the starts (None where all broke down), its status, and how many were made."""
    if data.w_train is not None:
        raise FitError(say(NO_WEIGHTS))
    from kanlab.engines.pykan_training import train

    deadline = None if options.time_limit is None else time.monotonic() + options.time_limit
    best, least, status, made = None, np.inf, "diverged", 0
    for start in range(options.starts or 1):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if start and left == 0.0:
            break
        made += 1
        training = train(
            data.X_train, data.fit_target(data.y_train), *cell[:4],
            engine=engine, seed=seed + start, early_stopping=options.early_stopping, time_limit=left, task=data.task,
        )  # fmt: skip
        broken = training.status.startswith(FAILED_STATUSES)
        misfit = np.inf if broken else data.likelihood.misfit(training.model.predict(data.X_train), data.y_train)
        if misfit < least:
            best, least, status = training, misfit, training.status
        elif best is None and broken:
            status = training.status
    return best, status, made


def fit_model(
    data: Dataset, cell: Cell, engine: str, options: FitOptions, seed: int, below: Sequence[int] = ()
) -> FittedKan:
    """Fit one cell and keep the network. Raises FitError where stock training breaks down.

    below: the lower neuron_nums that were fitted before it in its unit, which the engine lm starts it from.
    """
    if engine == "lm":
        path = [cell._replace(neuron_num=h) for h in (*below, cell.neuron_num)]
        *_, fitted = lm_path(data, path, options, seed)
        return fitted
    from kanlab.kan.network import FitStatus

    began = time.monotonic()
    part, kept = network_data(data, options)
    best, status, starts = _best_training(part, cell, engine, options, seed)
    if best is None:
        raise FitError(
            say(
                "The training of {cell} broke down ({status}); try another seed or the engine lm.",
                cell=cell,
                status=status,
            )
        )
    fitted = best.model.to_fitted()
    scores = part.errors(fitted.predict)
    assert scores.rss_train is not None
    fitted = replace(
        fitted,
        rss_train=scores.rss_train,
        rss_by_target=np.array([scores.rss_train]),
        deviance_train=scores.deviance,
        n_train=data.n,
        status=FitStatus(status),
        loss_curve=np.array(best.loss_curve),
        iterations=len(best.loss_curve),
        starts=starts,
        seconds=time.monotonic() - began,
        engine=engine,
    )
    if kept is None:
        return fitted
    from kanlab.solver.feature_elimination import widened

    return widened(fitted, kept, data.d)


def thin(curve: Iterable[float], most: int = CURVE_POINTS) -> list[float]:
    """At most `most` points of a curve, ends kept, six digits each."""
    values = np.asarray(list(curve), dtype=float)
    if len(values) > most:
        values = values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]
    return [float(f"{v:.6g}") for v in values]
