"""What goes between a worker pool and its workers: one JSON object a line, checked against these types on arrival.

To a worker goes a `Request`: the file of the data and a task. It answers a `UnitTask` with a `Fit` for each cell, any other
task with one `Result` or `Error`, and each request with `Done` at the end. `Ready` is the first thing it says, `Exit` what is
said for it when it has ended.

The text is written and read by the standard library, because msgspec turns NaN and infinity into null: a fit that diverged
has to arrive as one.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from kanlab.engines.registry import FitOptions, Outcome, Unit
from kanlab.errors import KanlabError
from kanlab.formulas.options import FormulaOptions
from kanlab.kan.parameter_count import CountingRule
from kanlab.kan.search_space import Cell
from kanlab.kan.shapes import Shape
from kanlab.language import say


class MessageError(KanlabError):
    """A line that is none of the messages."""


# ---- from a worker


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag=str.lower):
    pass


class Ready(_Message, frozen=True):
    """The worker has loaded its libraries."""


class Fit(_Message, frozen=True):
    """One cell of a unit is fitted, well or not."""

    outcome: Outcome


class Result(_Message, frozen=True):
    """The answer to a task."""

    value: dict[str, Any]


class Error(_Message, frozen=True):
    """A task that cannot be done, and why in one sentence; the worker lives."""

    message: str


class Done(_Message, frozen=True):
    """The request is answered in full."""


class Exit(_Message, frozen=True):
    """The worker has ended, and why."""

    reason: str


class Begun(_Message, frozen=True):
    """A worker of a cluster has begun a job. address: of that worker."""

    address: str


class Late(_Message, frozen=True):
    """The job took far longer than its time limit, so its worker was ended."""


class Refusal(_Message, frozen=True):
    """The machine cannot do any job, and why in one sentence."""

    reason: str


Message = Ready | Fit | Result | Error | Done | Exit
Answer = Fit | Result | Error
Report = Begun | Fit | Result | Error | Done | Exit | Late | Refusal  # of a job in a cluster


# ---- to a worker


def _tag(name: str) -> str:
    return name.removesuffix("Task").lower()


class Task(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="task", tag=_tag):
    """Something to do with a data set; `kanlab.execution.tasks` says what each one's answer holds."""


class FittingTask(Task, frozen=True, kw_only=True):
    """What every fit of a network is told."""

    engine: str
    options: FitOptions
    seed: int


class CellTask(FittingTask, frozen=True, kw_only=True):
    """About the network of one cell."""

    cell: Cell


class UnitTask(FittingTask, frozen=True, kw_only=True):
    """Fit the cells of a unit; the one task that is answered by `Fit`."""

    unit: Unit


class TimingTask(FittingTask, frozen=True, kw_only=True):
    """Fit the cells of a unit for the time it takes."""

    unit: Unit


class NetworkTask(CellTask, frozen=True, kw_only=True):
    """Fit a cell and send the network.

    below: the lower neuron_nums it is fitted after.  columns: features it is fitted to, None for all of them.  gone: how many
    edges it loses in each round of their elimination (kanlab.solver.edge_elimination).
    left_out: whether to send what it predicts of each training row had it not been fitted, too.  additive_null: the seed of a
    target without interactions it is fitted to in place of the true one (kanlab.baselines.additive_null).
    """

    below: tuple[int, ...] = ()
    columns: tuple[int, ...] | None = None
    gone: tuple[int, ...] = ()
    left_out: bool = False
    additive_null: int | None = None


class NetworksTask(FittingTask, frozen=True, kw_only=True):
    """Fit some cells, each after its lower neuron_nums, and send the networks. left_out, additive_null: as of NetworkTask."""

    cells: tuple[tuple[Cell, tuple[int, ...]], ...]
    left_out: bool = False
    additive_null: int | None = None


class RefitTask(CellTask, frozen=True, kw_only=True):
    """Fit a cell from another seed."""


class FoldTask(CellTask, frozen=True, kw_only=True):
    """Fit a cell without one fold of the training rows. columns, gone: as of NetworkTask."""

    fold: int
    folds: int
    columns: tuple[int, ...] | None = None
    gone: tuple[int, ...] = ()


class FamilyFoldTask(Task, frozen=True, kw_only=True):
    """Fit another family without one fold of the training rows. shape: what is demanded of the effects."""

    family: str
    fold: int
    folds: int
    seed: int
    shape: Shape = Shape()


class FamilyTask(Task, frozen=True, kw_only=True):
    """Fit one of the families that cost more than a baseline."""

    family: str
    seed: int
    count_sigma2: bool
    shape: Shape = Shape()


class PermutationTask(FittingTask, frozen=True, kw_only=True):
    """Fit some cells to a permuted target. shuffle: seed of the permutation, None for the target as it is.

    values, after_fit: as of StudySpec.
    """

    cells: tuple[Cell, ...]
    shuffle: int | None
    count: CountingRule
    count_sigma2: bool
    values: tuple[int, ...] = ()
    after_fit: bool = False


class AverageTask(FittingTask, frozen=True, kw_only=True):
    """Average the predictions of cells by their weights."""

    cells: tuple[Cell, ...]
    weights: tuple[float, ...]


class DofTask(CellTask, frozen=True, kw_only=True):
    """One draw of the generalised degrees of freedom. pair: number of the draw."""

    pair: int
    rss_train: float


class EdfTask(CellTask, frozen=True, kw_only=True):
    """Effective degrees of freedom of a cell's fit."""


class FinalCheckTask(CellTask, frozen=True, kw_only=True):
    """Leave-one-out errors of some networks, the first without the features that do nothing, the one nearest to the mean of
    all without the edges that do, and the average of all of them.

    below: as of NetworkTask.  then: the next cells and their `below`.  neuron_nums: the range of the search.
    values, after_fit: as of StudySpec.  average: whether one is wanted.  parts: the answers of those that were done apart, by
    name (FinalCheckPartTask); what is not among them is done here.
    """

    below: tuple[int, ...]
    then: tuple[tuple[Cell, tuple[int, ...]], ...] = ()
    count: CountingRule
    count_sigma2: bool
    neuron_nums: tuple[int, int]
    values: tuple[int, ...] = ()
    after_fit: bool = False
    average: bool = True
    parts: dict[str, dict[str, Any]] = {}


class FinalCheckPartTask(Task, frozen=True, kw_only=True):
    """One part of a final check, for any worker (kanlab.execution.final_check_parts). check: the whole.  part: its name."""

    check: FinalCheckTask
    part: str


class FormulaTask(Task, frozen=True, kw_only=True):
    """What a search for formulas is told in each of its steps. networks: the recommended one first; none of other families."""

    networks: tuple[NetworkTask, ...]
    formula_options: FormulaOptions


class FormulaPartTask(FormulaTask, frozen=True, kw_only=True):
    """One part of the search (kanlab.formulas.search.PARTS). repeat: 0 for the training rows, else other rows of them."""

    part: str
    repeat: int = 0


class FormulaFrontTask(FormulaTask, frozen=True, kw_only=True):
    """What all parts come to. candidates: their answers, a list for each repeat."""

    candidates: tuple[list[Any], ...]
    count_sigma2: bool


AnyTask = (
    UnitTask
    | TimingTask
    | FormulaPartTask
    | FormulaFrontTask
    | NetworkTask
    | NetworksTask
    | RefitTask
    | FoldTask
    | FamilyFoldTask
    | FamilyTask
    | PermutationTask
    | AverageTask
    | DofTask
    | EdfTask
    | FinalCheckTask
    | FinalCheckPartTask
)


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What one worker is to do next. dataset: the file of the data, on the worker's machine."""

    dataset: str
    task: AnyTask


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """One job for a machine of a cluster. time_limit: as of Job.  preload_pykan: as of ProcessPool."""

    task: AnyTask
    time_limit: float | None
    preload_pykan: bool


# ---- lines

T = TypeVar("T")


def encode(content: Struct) -> str:
    """One line, without its end. Numbers of NumPy become Python's."""
    return json.dumps(msgspec.to_builtins(content, enc_hook=lambda value: value.item()))


def read(line: bytes | str, kind: type[T]) -> T:
    """A line as one of these types. Raises MessageError."""
    try:
        return msgspec.convert(json.loads(line), kind)
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, of msgspec
        start = line[:60].decode(errors="replace") if isinstance(line, bytes) else line[:60]
        raise MessageError(
            say(
                "The line {line!r} is no message of this version of kanlab ({error}).",
                line=start.strip(),
                error=error,
            )
        ) from error


def decode(line: bytes | str) -> Message:
    """What a worker says. Raises MessageError."""
    return read(line, Message)  # type: ignore[arg-type]


def decode_report(line: bytes | str) -> Report:
    """What a job in a cluster says. Raises MessageError."""
    return read(line, Report)  # type: ignore[arg-type]


def decode_request(line: bytes | str) -> Request:
    """What a worker is asked. Raises MessageError."""
    return read(line, Request)
