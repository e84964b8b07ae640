"""How long a study will take: a cost model of one fit, scaled by a short calibration on this machine and these data.

    lm      cost = 0.04 + 1.6e-7 n P + 5e-10 n P^2        P coefficients of the network, n training rows
            5 (depth - 1) times that for more hidden layers, the shallower fits included
    pykan   cost = 1 + 3e-6 n P                           per start; a step costs torch's overhead before anything else

The shapes were fitted to sweeps of four data sets (n 200 to 2,000, d 1 to 10); the scale is what calibration measures.
`starts_factor` says what another number of starts costs than the engine's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES
from kanlab.engines.registry import Unit, units
from kanlab.errors import FitError
from kanlab.execution.messages import TimingTask
from kanlab.execution.run_tasks import run_task
from kanlab.kan.parameter_count import n_params
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.study.handle import StudySpec
from kanlab.study.storage import store_dataset

STARTUP_SECONDS = {"lm": 0.8, "pykan-lbfgs": 5.0, "pykan-adam": 5.0}
CALIBRATION_CELLS = 4
DEEPER = 5.0  # times the cost of one hidden layer of as many coefficients, for each layer more

# The engine lm has many starts of its own where they are cheap: of more, each costs its share. From neuron_num 3 on its own
# is one, run to the end, and each start asked for is an exchange of a node, run for a few iterations: CPU of whole paths, as
# multiples of that at the engine's own number, is 2.6 for 4 starts, 5.0 for 8, 9.8 for 16, 14.2 for 24.
PRODUCTS = 4.0  # times the cost without multiplication nodes, the smaller fits included
OWN_FEW_NODES = 8  # starts of neuron_num 1 and 2
OWN_DEEP, OWN_DEEP_MANY = 9, 3  # with more hidden layers: up to three nodes each, and beyond
EXCHANGES = (0.6, 0.57)  # of N starts: 0.6 + 0.57 N


def starts_factor(cell: Cell, engine: str, starts: int | None) -> float:
    """Cost of a fit of so many starts, as a multiple of its cost at the engine's own number (None); never below 1."""
    if starts is None:
        return 1.0
    if engine != "lm":
        return float(starts)
    if cell.depth > 1:
        return max(1.0, starts / (OWN_DEEP if cell.neuron_num <= 3 else OWN_DEEP_MANY))
    if cell.neuron_num <= 2:
        return max(1.0, starts / OWN_FEW_NODES)
    fixed, each = EXCHANGES
    return fixed + each * starts


def cost(cell: Cell, n: int, d: int, engine: str, starts: int | None = None) -> float:
    """Seconds of one fit on the machine of the sweeps; in proportion to those on any other."""
    return starts_factor(cell, engine, starts) * _cost(cell, n, d, engine)


def _cost(cell: Cell, n: int, d: int, engine: str) -> float:
    coefficients = n_params(cell.layer_widths(d), cell.grid, cell.k, "trainable")
    if engine == "lm":
        layers = 1.0 if cell.depth == 1 else DEEPER * (cell.depth - 1)
        layers *= PRODUCTS if cell.multiplication else 1.0
        return layers * (0.04 + 1.6e-7 * n * coefficients + 5e-10 * n * coefficients**2)
    return 1.0 + 3e-6 * n * coefficients


def calibration_unit(cells: Sequence[Cell], n: int, d: int, engine: str) -> Unit | None:
    """A few cells of middling cost, of one path."""
    if not cells:
        return None
    ordered = sorted(cells, key=lambda c: cost(c, n, d, engine))
    middle = ordered[len(ordered) // 2]
    size = CALIBRATION_CELLS if ENGINES[engine].nested else 1
    same = sorted(c.neuron_num for c in cells if c[1:] == middle[1:])
    return Unit.of(middle, tuple(same[:size]))


def calibrate(data: Dataset, spec: StudySpec) -> float | None:
    """Seconds a unit of cost, measured in a worker process; None where the calibration failed.

    It is the same whatever number of starts the specification asks for: the engine's own is timed.
    """
    unit = calibration_unit(spec.admissible(data.n, data.d), data.n, data.d, spec.engine)
    if unit is None:
        return None
    options = replace(spec.options, starts=None)
    task = TimingTask(unit=unit, engine=spec.engine, options=options, seed=spec.seed)
    try:
        answer = run_task(task, store_dataset(data))
    except FitError:
        return None
    return float(answer["seconds"]) / sum(cost(c, data.n, data.d, spec.engine) for c in unit.cells)


def seconds(cells: Sequence[Cell], n: int, d: int, spec: StudySpec, scale: float, workers: int) -> float:
    """Wall time of fitting these cells, the start of the workers included.

    Workers cannot end before the longest unit does.
    """
    starts = spec.options.starts
    costs = [sum(cost(c, n, d, spec.engine, starts) for c in unit.cells) for unit in units(cells, spec.engine)]
    work = max(sum(costs) / max(1, workers), max(costs, default=0.0))
    return STARTUP_SECONDS[spec.engine] + scale * work


def study_seconds(spec: StudySpec, n: int, d: int, scale: float, workers: int) -> float:
    """Wall time of a study on n rows of d features, its limit of minutes aside.

    Of fewer trials than admissible cells a sampled study is given its share of the time of all.
    """
    cells = spec.admissible(n, d)
    planned = min(spec.trials or len(cells), len(cells))
    if spec.resolved_sampler(len(cells)) == "exhaustive":
        return seconds(cells[:planned], n, d, spec, scale, workers)
    start = STARTUP_SECONDS[spec.engine]
    return start + (seconds(cells, n, d, spec, scale, workers) - start) * planned / max(1, len(cells))


def duration_text(duration: float) -> str:
    """A duration for a sentence: 8 s, 3 min, 1.5 h."""
    if duration < 90:
        return say("{seconds} s", seconds=max(1, round(duration)))
    if duration < 5400:
        return say("{minutes} min", minutes=round(duration / 60))
    return say("{hours:.1f} h", hours=duration / 3600)
