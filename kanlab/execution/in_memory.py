"""A study without a storage: every admissible configuration fitted at once, its trials and its final check in memory.

The specification, the records and the final check are those of a stored study, so that the choice of a model follows from the
same rules (kanlab.selection.recommendation) and the same data and specification give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kanlab.baselines.registry import Baseline
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import Outcome, Unit, lm_outcome, lm_path, units
from kanlab.errors import StudyError
from kanlab.execution.final_check import FINAL_CHECK, final_check_content, final_check_task, nested_below
from kanlab.execution.final_check_tasks import final_check
from kanlab.execution.networks import FittedNetworks, NetworkKey
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import settled
from kanlab.study.optuna_adapter import StoredTrial
from kanlab.study.spec import StudySpec
from kanlab.study.trials import TrialRecord, make_record, outcome_attributes

Fitted = list[tuple[Outcome, FittedKan]]
Job = tuple[Dataset, Unit, StudySpec]
Run = Callable[[Callable[[Job], Fitted], Iterable[Job]], Iterable[Fitted]]


@dataclass(frozen=True, eq=False)
class MemoryStudy:
    """A study that was run in memory: a `kanlab.study.handle.StudyView`, its trials, their networks and the reduced one."""

    spec: StudySpec
    data: DataSummary
    baselines: list[Baseline]
    records: Sequence[TrialRecord]
    networks: Mapping[NetworkKey, FittedKan] = field(repr=False)
    attributes: dict[str, Any] = field(default_factory=dict, repr=False)


def search(data: Dataset, spec: StudySpec, run: Run = map, *, average: bool = True) -> MemoryStudy:
    """Fit every admissible configuration by the engine lm, and check the best of them.

    Parameters
    ----------
    data : Dataset
    spec : StudySpec
        Of an exhaustive search by the engine lm.
    run : function like `map`
        Does the units of work, in whatever order and processes; their numbers are the same.
    average : bool
        Whether an average that predicts is wanted beside the model to read.

    Returns
    -------
    MemoryStudy

    Raises
    ------
    StudyError
        Where another engine or a budget is asked for, which takes a storage (`kanlab.tune`).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from kanlab.kan.search_space import SearchSpace
    >>> x = np.linspace(-2, 2, 40)
    >>> data = Dataset.from_frame(pd.DataFrame({"x": x, "y": np.sin(2 * x)}), "y")
    >>> study = search(data, StudySpec(space=SearchSpace(neuron_num=(1, 1), grid=(2, 5), k=(3, 3))))
    >>> [(record.cell.grid, record.n_params) for record in study.records]
    [(2, 13), (3, 15), (4, 17), (5, 19)]
    """
    if spec.engine != "lm" or any(v is not None for v in (spec.trials, spec.minutes, spec.patience)):
        raise StudyError(
            say("A search in memory fits all configurations by the engine lm; use kanlab.tune for a budget.")
        )
    spec, baselines = settled(data, spec)
    cells, summary = spec.admissible(data.n, data.d), DataSummary.of(data)
    outcomes: dict[Cell, Outcome] = {}
    fitted: dict[Cell, FittedKan] = {}
    work = units(cells, spec.engine)
    for unit, done in zip(work, run(fit_networks, [(data, unit, spec) for unit in work]), strict=True):
        for cell, (outcome, network) in zip(unit.cells, done, strict=True):
            outcomes[cell], fitted[cell] = outcome, network
    records = [_record(i, spec, summary, cell, outcome) for i, (cell, outcome) in enumerate(outcomes.items())]
    networks: FittedNetworks = {}
    study = MemoryStudy(spec, summary, baselines, records, networks)
    networks |= {(cell, nested_below(study, cell, records), None, ()): network for cell, network in fitted.items()}
    if (task := final_check_task(study, records)) is not None:
        task = msgspec.structs.replace(task, average=average)
        study.attributes[FINAL_CHECK] = final_check_content(task, final_check(data, task, networks))
    return study


def fit_networks(job: Job) -> Fitted:
    """The networks of a unit and what is kept of them."""
    data, unit, spec = job
    fits = lm_path(data, unit.cells, spec.options, spec.seed)
    return [(lm_outcome(data, h, network), network) for h, network in zip(unit.neuron_nums, fits, strict=True)]


def _record(number: int, spec: StudySpec, data: DataSummary, cell: Cell, outcome: Outcome) -> TrialRecord:
    attributes = outcome_attributes(spec, data, cell, outcome)
    state = "FAIL" if attributes["aicc"] is None else "COMPLETE"
    record = make_record(StoredTrial(number, number, state, spec.space.params(cell), attributes), spec, data)
    assert record is not None  # none is interrupted
    return record
