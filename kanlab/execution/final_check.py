"""The final check of a study: its first-ranked networks, the leave-one-out error and the features the first can do without.

AICc assumes that all rows have the same noise and that none decides its own prediction; leave-one-out residuals
(kanlab.solver.smoother) do not. And it charges every feature in full, whether its edges do anything or not
(kanlab.solver.feature_elimination). Both need the fitted network, which no study keeps, so a worker fits it once more
and answers both. The parts of a check that take long are tasks of their own, for as many workers as there are. One
network that is wild on a few rows says nothing against the others, so the next ones are looked at as well; and their
predictions of rows left out tell what the mean of all of them is worth beside the linear model (kanlab.stats.stacking).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kanlab.arrays import Array, from_text
from kanlab.baselines.leave_one_out import MOST_ROWS
from kanlab.baselines.registry import label as family_label
from kanlab.engines.catalogue import ENGINES
from kanlab.execution.messages import FinalCheckPartTask, FinalCheckTask
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.stats.likelihood import REGRESSION, TaskName
from kanlab.stats.metrics import HasFit, LeftOut, Scores
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import StudyHandle, StudyView
from kanlab.study.model_key import ModelKey
from kanlab.study.trials import CompletedTrial, TrialRecord, first_ranked, ranked, with_effective
from kanlab.text import series

FINAL_CHECK = "appraisal"  # as versions before this one called it
MOST_CHECKED = 8  # networks, by rank
AVERAGE = "average"  # the family of the mean of some networks and a linear model
JOINING = ("gam", "boosting", "mlp")  # the average; not the polynomials: they run away on rows unlike the others
LEAST_ROWS = 300  # of training; with fewer these gained nothing (docs/method.md)
REDUCED = "reduced"  # the part that looks for features that do nothing


@dataclass(frozen=True, kw_only=True)
class ReducedTrial(CompletedTrial):
    """The network of a trial's grid and k without the features that do nothing, or the trial's own without the edges that do.

    number: of that trial.  columns: indices of the features kept.  below: lower neuron_nums it was fitted after.
    charge: for the choice among features or edges, which its AICc includes.  gone: how many edges went in each round, () where
    whole features did.  edges: those of the first layer left, and of how many; None where whole features went.  wild: as of
    `FinalCheck`, None where it is not.
    """

    below: tuple[int, ...]
    columns: tuple[int, ...]
    without: tuple[str, ...]
    charge: float
    gone: tuple[int, ...] = ()
    edges: tuple[int, int] | None = None
    wild: float | None = None

    @property
    def of_edges(self) -> tuple[int, int] | None:
        """`edges` where single ones went, None where it was all those of some features."""
        if self.edges is None or self.edges[1] - self.edges[0] == len(self.without) * self.cell.width:
            return None
        return self.edges

    @property
    def key(self) -> ModelKey:
        if self.gone:
            return ModelKey(cell=self.cell, gone=self.gone)
        return ModelKey(cell=self.cell, columns=self.columns)

    def to_dict(self) -> dict[str, Any]:
        """As a trial of the JSON contract, and what is left out."""
        of_it = {"press": self.press, "press_se": self.press_se, "charge": self.charge, "without": list(self.without)}
        return super().to_dict() | of_it | ({"edges": list(self.edges)} if self.edges else {})


@dataclass(frozen=True)
class AveragedNetworks(HasFit):
    """The mean of the networks of some cells, and models of other families in shares of their own.

    families: these and their shares; what is missing to 1 is the networks'.  scores: without n_params and AICc, which it has
    not.  reach: how far the edges of its networks go on straight beyond the training rows (kanlab.solver.extremes).  rows:
    what it predicts of the training rows, each left out, as text; None of studies of before it was kept.
    """

    cells: tuple[Cell, ...]
    families: tuple[tuple[str, float], ...]
    scores: Scores
    parameters: tuple[str, ...]
    reach: float = 0.0
    task: TaskName = REGRESSION
    rows: str | None = field(default=None, repr=False)

    @property
    def family(self) -> str:
        return AVERAGE

    def left_out(self, n: int) -> Array | None:
        """What it predicts of the n training rows, each left out: (n,), of more than two classes (n, classes)."""
        if self.rows is None:
            return None
        found = from_text(self.rows, (n, -1))
        return found[:, 0] if found.shape[1] == 1 else found

    @property
    def share(self) -> float:
        """That of all networks."""
        return round(1.0 - sum(share for _, share in self.families), 9)

    @property
    def label(self) -> str:
        """What it is called."""
        networks = say("average of {count} networks", count=len(self.cells))
        if not self.families:
            return networks
        *others, last = [
            say("the {family} model ({share:.0%})", family=family_label(name, self.task), share=share)
            for name, share in sorted(self.families, key=lambda pair: -pair[1])
        ]
        first = say("{networks} ({share:.0%})", networks=networks, share=self.share)
        return say("{names} and {last}", names=series([first, *others]), last=last)

    def to_dict(self) -> dict[str, Any]:
        """As the JSON of a study has it."""
        params = [{name: getattr(cell, name) for name in self.parameters} for cell in self.cells]
        of_it = {"family": AVERAGE, "networks": params, "share": self.share, "families": dict(self.families)}
        return of_it | {"reach": self.reach} | self.scores.to_dict()


@dataclass(frozen=True)
class FinalCheck:
    """Of the cell of the first rank.

    params: the cell by the parameters of its search.  left_out: the errors of rows left out, where they were looked at.
    others: those of the next cells.  average: of all these networks, where it says more than a linear model.
    apart: how far the predictions of each are from the mean of all, of training rows, root mean square.  wild: of those that
    are not to be read the greatest distance from the median of all between these rows; both in ranges of predictions of the
    training rows (kanlab.execution.nearness).  thinned: the nearest of them without the edges that do nothing.
    """

    cell: Cell
    params: Mapping[str, int]
    left_out: LeftOut | None
    reduced: ReducedTrial | None
    others: Mapping[Cell, LeftOut | None] = field(default_factory=dict)
    average: AveragedNetworks | None = None
    apart: Mapping[Cell, float] = field(default_factory=dict)
    wild: Mapping[Cell, float] = field(default_factory=dict)
    thinned: ReducedTrial | None = None

    @property
    def pruned(self) -> list[ReducedTrial]:
        """The networks that have lost features or edges."""
        return [trial for trial in (self.reduced, self.thinned) if trial is not None]

    def errors_of(self, cell: Cell) -> LeftOut | None:
        """Those of a cell, None where it was not looked at."""
        return self.left_out if cell == self.cell else self.others.get(cell)

    def to_dict(self) -> dict[str, Any]:
        """As the JSON of a study has it."""
        of_rows = {"press": None, "press_se": None} if self.left_out is None else self.left_out.to_dict()
        return {
            "params": dict(self.params),
            **of_rows,
            "reduced": self.reduced.to_dict() if self.reduced else None,
            "thinned": self.thinned.to_dict() if self.thinned else None,
            "average": self.average.to_dict() if self.average else None,
        }


def final_check_of(handle: StudyView, records: Sequence[TrialRecord]) -> FinalCheck | None:
    """That of the study's network of the first rank; None where there is none, or only one of an earlier first."""
    best, content = first_ranked(records), handle.attributes.get(FINAL_CHECK)
    if best is None or not content or not content["cell"] or Cell(*content["cell"]) != best.cell:
        return None
    others, thinned = content.get("others", ()), content.get("thinned")
    return FinalCheck(
        best.cell,
        handle.spec.space.params(best.cell),
        LeftOut.from_dict(content),
        _pruned(handle, content["reduced"], best.number),
        {Cell(*o["cell"]): LeftOut.from_dict(o) for o in others},
        _average(handle, content["average"]) if content.get("average") else None,
        {Cell(*of["cell"]): of["apart"] for of in (content, *others) if of.get("apart") is not None},
        {Cell(*of["cell"]): of["wild"] for of in (content, *others) if of.get("wild") is not None},
        _pruned(handle, thinned, _number(records, thinned)),
    )


def _number(records: Sequence[TrialRecord], content: Mapping[str, Any] | None) -> int | None:
    """That of the trial a network without some edges comes from."""
    cell = Cell(*content["cell"]) if content else None
    return next((r.number for r in records if r.cell == cell and r.state == "complete"), None)


def _pruned(handle: StudyView, content: Mapping[str, Any] | None, number: int | None) -> ReducedTrial | None:
    """The network of a trial without some features or edges."""
    if content is None or number is None:
        return None
    columns, cell, edges = tuple(content["columns"]), Cell(*content["cell"]), content.get("edges")
    features = edges[0] / cell.width if edges else len(columns)
    scores = with_effective(
        Scores.from_dict(content), handle.spec, handle.data, cell, content.get("edf"), features=features
    )
    if scores.aicc_effective is not None:
        scores = replace(scores, aicc_effective=scores.aicc_effective + content["charge"])
    return ReducedTrial(
        number,
        "complete",
        cell,
        scores,
        content["seconds"],
        content["status"],
        parameters=handle.spec.space.parameters,
        below=tuple(content["below"]),
        columns=columns,
        without=tuple(f for i, f in enumerate(handle.data.features) if i not in columns),
        charge=content["charge"],
        gone=tuple(content.get("gone", ())),
        edges=(edges[0], edges[1]) if edges else None,
        wild=content.get("wild"),
    )


def _average(handle: StudyView, content: Mapping[str, Any]) -> AveragedNetworks:
    cells = tuple(Cell(*cell) for cell in content["cells"])
    families = content.get("families")
    if families is None:  # of an earlier version, which had one beside the networks
        share = content["share"]
        families = [(content["family"], 1.0 - share)] if share < 1.0 else []
    return AveragedNetworks(
        cells,
        tuple((name, share) for name, share in families),
        Scores.from_dict(content),
        handle.spec.space.parameters,
        content.get("reach", 0.0),
        handle.data.task,
        content.get("rows"),
    )


def final_check_task(handle: StudyView, records: Sequence[TrialRecord]) -> FinalCheckTask | None:
    """What to ask a worker; None where there is nothing to check or it is known already."""
    spec, best = handle.spec, first_ranked(records)
    if spec.engine != "lm" or best is None or final_check_of(handle, records) is not None:
        return None
    return FinalCheckTask(
        cell=best.cell,
        below=nested_below(handle, best.cell, records),
        then=tuple((r.cell, nested_below(handle, r.cell, records)) for r in ranked(records)[1:MOST_CHECKED]),
        engine=spec.engine,
        options=spec.options,
        seed=spec.seed,
        count=spec.rule,
        count_sigma2=spec.count_sigma2,
        neuron_nums=spec.space.neuron_num,
        values=spec.values,
        after_fit=spec.after_fit,
    )


def paths(task: FinalCheckTask) -> dict[str, list[tuple[Cell, tuple[int, ...]]]]:
    """The networks a check asks for, those of one grid, k and depth together, for they are fitted one after the other; by the
    names of the parts that they are.
    """
    found: dict[Cell, list[tuple[Cell, tuple[int, ...]]]] = {}
    for cell, below in ((task.cell, task.below), *task.then):
        found.setdefault(cell._replace(neuron_num=0), []).append((cell, below))
    return {path_name(i): networks for i, networks in enumerate(found.values())}


def path_name(number: int) -> str:
    """Of the part that is a path of networks."""
    return f"path {number}"


def final_check_parts(task: FinalCheckTask, data: DataSummary) -> list[FinalCheckPartTask]:
    """What can be done apart, longest first; none where features are screened, or the rows are too many to be left out."""
    if task.options.inputs(data.d) < data.d or not 2 < data.n_train <= MOST_ROWS // data.outputs:
        return []
    joining = task.average and bool(task.then) and data.n_train >= LEAST_ROWS and not task.options.shape
    names = [*([] if task.after_fit else [REDUCED]), path_name(0), *(reversed(JOINING) if joining else ())]
    return [FinalCheckPartTask(check=task, part=name) for name in dict.fromkeys([*names, *paths(task)])]


def keep_final_check(handle: StudyHandle, task: FinalCheckTask, answer: Mapping[str, Any]) -> None:
    """Write a worker's answer to the study."""
    handle.optuna.set_user_attr(FINAL_CHECK, final_check_content(task, answer))


def final_check_content(task: FinalCheckTask, answer: Mapping[str, Any]) -> dict[str, Any]:
    """A worker's answer as it is kept under FINAL_CHECK."""
    return {"cell": list(task.cell)} | dict(answer)


def nested_below(handle: StudyView, cell: Cell, records: Sequence[TrialRecord]) -> tuple[int, ...]:
    """The lower neuron_nums that an exhaustive study fitted before a cell, and started it from."""
    spec, data = handle.spec, handle.data
    admissible = spec.admissible(data.n_train, data.d)
    if not ENGINES[spec.engine].nested or spec.resolved_sampler(len(admissible)) != "exhaustive":
        return ()
    failed = {r.cell for r in records if r.state == "failed" and not r.is_inadmissible}
    path = (c for c in admissible if c._replace(neuron_num=0) == cell._replace(neuron_num=0) and c not in failed)
    return tuple(sorted(c.neuron_num for c in path if c.neuron_num < cell.neuron_num))
