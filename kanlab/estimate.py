"""How long a study will take: a cost model of one fit, scaled by a short calibration on this machine and these data.

    lm      cost = 0.04 + 1.6e-7 n P + 5e-10 n P^2        P coefficients of the network, n training rows
    pykan   cost = 1 + 3e-6 n P                           per start; a step costs torch's overhead before anything else

The shapes were fitted to sweeps of four data sets (n 200 to 2,000, d 1 to 10); the scale is what calibration measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from kanlab.complexity import n_params
from kanlab.dataset import Dataset
from kanlab.engines import ENGINES, Unit, units
from kanlab.space import Cell
from kanlab.storage import store_dataset
from kanlab.study import StudySpec
from kanlab.taskpool import Failure, Task, run_tasks

STARTUP_SECONDS = {"lm": 0.8, "pykan-lbfgs": 5.0, "pykan-adam": 5.0}
CALIBRATION_CELLS = 4


def cost(cell: Cell, n: int, d: int, engine: str) -> float:
    """Seconds of one fit on the machine of the sweeps; in proportion to those on any other."""
    coefficients = n_params(cell.layer_widths(d), cell.grid, cell.k, "trainable")
    if engine == "lm":
        return 0.04 + 1.6e-7 * n * coefficients + 5e-10 * n * coefficients**2
    return 1.0 + 3e-6 * n * coefficients


def calibration_unit(cells: Sequence[Cell], n: int, d: int, engine: str) -> Unit | None:
    """A few cells of middling cost, of one (grid, k, depth)."""
    if not cells:
        return None
    ordered = sorted(cells, key=lambda c: cost(c, n, d, engine))
    middle = ordered[len(ordered) // 2]
    size = CALIBRATION_CELLS if ENGINES[engine].nested else 1
    same = sorted(c.neuron_num for c in cells if c[1:] == middle[1:])
    return Unit(middle.grid, middle.k, tuple(same[:size]), middle.depth)


def calibrate(data: Dataset, spec: StudySpec) -> float | None:
    """Seconds a unit of cost, measured in a worker process; None where the calibration failed."""
    unit = calibration_unit(spec.admissible(data.n, data.d), data.n, data.d, spec.engine)
    if unit is None:
        return None
    arguments = {"unit": asdict(unit), "engine": spec.engine, "options": asdict(spec.options), "seed": spec.seed}
    task = Task("timing", arguments)
    pykan = spec.engine.startswith("pykan")
    (answer,) = run_tasks([task], store_dataset(data), workers=1, preload_pykan=pykan)
    if answer is None or isinstance(answer, Failure):
        return None
    return answer["seconds"] / sum(cost(c, data.n, data.d, spec.engine) for c in unit.cells)


def seconds(cells: Sequence[Cell], n: int, d: int, spec: StudySpec, scale: float, workers: int) -> float:
    """Wall time of fitting these cells, the start of the workers included.

    Workers cannot end before the longest unit does.
    """
    costs = [sum(cost(c, n, d, spec.engine) for c in unit.cells) for unit in units(cells, spec.engine)]
    work = max(sum(costs) / max(1, workers), max(costs, default=0.0))
    return STARTUP_SECONDS[spec.engine] + scale * work * (spec.options.starts or 1 if spec.engine != "lm" else 1)


def words(duration: float) -> str:
    """A duration for a sentence: 8 s, 3 min, 1.5 h."""
    if duration < 90:
        return f"{max(1, round(duration))} s"
    return f"{round(duration / 60)} min" if duration < 5400 else f"{duration / 3600:.1f} h"
