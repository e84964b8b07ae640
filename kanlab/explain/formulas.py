"""The formulas of a study: searched by workers, kept with the study as plain JSON, read back in the names of its columns.

A search has parts that workers do side by side, and a last step that joins what they found. It ends at a number of
evaluations, so the same study gives the same formulas on any number of workers. `start_search` does it in a thread of its own.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES
from kanlab.errors import FitError, StudyError
from kanlab.execution.background import BackgroundRun, BackgroundRuns
from kanlab.execution.final_check import ReducedTrial, nested_below
from kanlab.execution.messages import FormulaFrontTask, FormulaPartTask, NetworkTask
from kanlab.execution.run_tasks import run_tasks
from kanlab.execution.supervisor import default_workers
from kanlab.execution.worker_pool import Failure, Job
from kanlab.explain.formula import Formula
from kanlab.explain.formula_choices import check_features, with_choices
from kanlab.explain.units import check, read_units
from kanlab.formulas.expression import ExpressionError
from kanlab.formulas.front import FoundFormulas
from kanlab.formulas.options import FormulaOptions
from kanlab.formulas.parts import PARTS
from kanlab.language import say
from kanlab.retelling import retold
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.patience import patiently
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.study.trials import CompletedTrial, completed

if TYPE_CHECKING:
    from kanlab.execution.dask_cluster import Dask

FORMULAS = "formulas"  # the study's attribute
MOST_NETWORKS = 4  # that a search starts from
_FEW_NODES = 3
_SILENT = 60.0  # seconds after which a search that says nothing is over
_SPEAKS = 10.0  # seconds after which one at work says so again

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FormulaSearch:
    """How far a search is, and what it found. state: "running", "done", "stopped" or "failed"; detail says why.

    model: key of the model that was recommended then, as text.  found: until it is done, what an earlier one found.
    """

    state: str = "running"
    done: int = 0
    total: int = 0
    detail: str = ""
    model: str = ""
    written: float = 0.0
    found: FoundFormulas | None = None

    @property
    def is_live(self) -> bool:
        """Whether it is at work, here or in another process."""
        return self.state == "running" and time.time() - self.written < _SILENT

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return vars(self) | {"found": self.found.to_json() if self.found else None}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> FormulaSearch:
        """What `to_dict` made. Raises ExpressionError where it is not that."""
        found = content.get("found")
        known = {name: content[name] for name in ("state", "done", "total", "detail", "model", "written")}
        return cls(**known, found=None if found is None else FoundFormulas.from_json(found))


def read_search(handle: StudyHandle) -> FormulaSearch | None:
    """The search of a study, None before there is one, and where what is kept is of another version.

    Edited formulas stand among those that were found, and what the user has chosen and the units say is in it.
    """
    search = _as_searched(handle)
    return None if search is None else replace(search, found=search.found and with_choices(handle, search.found))


def _as_searched(handle: StudyHandle) -> FormulaSearch | None:
    """`read_search` without what a user has edited and chosen."""
    content = handle.optuna.user_attrs.get(FORMULAS)
    if content is None:
        return None
    try:
        search = FormulaSearch.from_dict(content)
        check_features(handle, search.found.formulas if search.found else ())
        return search
    except (ExpressionError, KeyError, TypeError) as error:
        logger.warning("the formulas of study %s are not read: %s", handle.name, error)
        return None


def formulas_json(handle: StudyHandle, search: FormulaSearch, data: Dataset) -> dict[str, Any]:
    """A search as the JSON of a study has it: its formulas by complexity, and which is recommended, with the reason."""
    found = search.found
    return {
        "formulas": [f.to_dict() for f in formulas_in(handle, search, data)],
        "recommended": None if found is None else found.recommended,
        "used": None if found is None else found.used,
        "reason": "" if found is None else found.reason,
        "network": None if found is None or found.network is None else found.network.errors(),
        "repeats": 0 if found is None else found.repeats,
        "units": read_units(handle),
    }


def formulas_in(handle: StudyHandle, search: FormulaSearch, data: Dataset) -> list[Formula]:
    """The front of a search by complexity, in the names of the columns. data: that of the study."""
    if search.found is None:
        return []
    units, repeats = read_units(handle), search.found.repeats
    return [
        Formula.of(f, data, search.found.network).beside(check(f.expressions, handle.data, units), repeats)
        for f in search.found.formulas
    ]


# ---- the search


def search(
    handle: StudyHandle,
    options: FormulaOptions,
    *,
    workers: int | None = None,
    dask: Dask | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[FormulaSearch], None] | None = None,
) -> FormulaSearch:
    """Search for formulas, and keep them with the study. Raises StudyError where the study has no model yet.

    What an earlier search found is kept until this one is done, and if it is stopped or fails.

    workers: at most; by default as the study had, or one a core.  dask: the cluster to search on in place of this machine.
    """
    path = local_data(handle.optuna, handle.data.sha256)
    networks, model = start_networks(handle)
    parts = [
        Job(FormulaPartTask(networks=networks, formula_options=options, part=part, repeat=repeat), key=(part, repeat))
        for repeat in range(options.repeats + 1)
        for part in PARTS
    ]
    total, answers = len(parts) + 1, dict[Any, Any]()
    earlier, spoken = earlier_formulas(handle), time.monotonic()

    def write(state: str, detail: str = "", found: FoundFormulas | None = None) -> FormulaSearch:
        nonlocal spoken
        spoken, done = time.monotonic(), len(answers) + (found is not None)
        said = FormulaSearch(state, done, total, detail, model, time.time(), found or earlier)
        patiently(lambda: handle.optuna.set_user_attr(FORMULAS, said.to_dict()), logger.warning)
        if on_progress:
            on_progress(said)
        return said

    def take(job: Job, answer: Any) -> None:
        answers[job.key] = answer
        write("running")

    def stopped() -> bool:
        if time.monotonic() - spoken > _SPEAKS:
            write("running")
        return stop()

    write("running")
    preload = any(ENGINES[n.engine].needs_torch for n in networks)
    most = workers or handle.spec.workers or (default_workers() if dask is None else sys.maxsize)

    def done_by_workers(jobs: list[Job], on_answer: Callable[[Job, Any], None] | None) -> list[Any]:
        return run_tasks(jobs, path, workers=most, preload_pykan=preload, dask=dask, on_answer=on_answer, stop=stopped)

    try:
        done_by_workers(parts, take)
        if stop() or len(answers) < len(parts):
            return write("stopped")
        candidates = tuple(
            [c for part in PARTS for c in _candidates(answers[part, repeat])] for repeat in range(options.repeats + 1)
        )
        last = FormulaFrontTask(
            networks=networks[:1], formula_options=options, candidates=candidates, count_sigma2=handle.spec.count_sigma2
        )
        (answer,) = done_by_workers([Job(last)], None)
        if answer is None:
            return write("stopped")
        if isinstance(answer, Failure):
            return write("failed", answer.reason)
        return write("done", found=FoundFormulas.from_json(answer))
    except BaseException:
        with contextlib.suppress(*STORAGE_ERRORS):  # which does not keep anybody who wants to leave
            ended = FormulaSearch("stopped", len(answers), total, model=model, found=earlier)
            handle.optuna.set_user_attr(FORMULAS, ended.to_dict())
        raise


def earlier_formulas(handle: StudyHandle) -> FoundFormulas | None:
    """What the last search that was done found, without the formulas that were edited."""
    kept = _as_searched(handle)
    return None if kept is None else kept.found


def _candidates(answer: Any) -> list[Any]:
    """Of a part that failed there are none: the others stand for themselves."""
    return [] if isinstance(answer, Failure) else answer["candidates"]


def start_networks(handle: StudyHandle) -> tuple[tuple[NetworkTask, ...], str]:
    """The networks a search starts from, the recommended one first, and the key of the recommended model.

    Beside it, where the engine is lm, the best networks of one node, of two and of three. Raises StudyError without a model.
    """
    records = handle.records()
    choice = recommend(handle, records, read_validation(handle.optuna.user_attrs)).choice
    if choice is None or choice.model is None:
        raise StudyError(say("The study '{name}' has no complete trial yet; run it first.", name=handle.name))
    chosen = [choice.model] if isinstance(choice.model, CompletedTrial) else []
    done = completed(records)
    if not chosen and done:  # another family is recommended; the best network is what a formula is held against
        chosen = [min(done, key=lambda r: (r.aicc, r.number))]
    if chosen and not ENGINES[handle.spec.engine].needs_torch:
        for nodes in range(1, _FEW_NODES + 1):
            same = [r for r in done if r.cell.neuron_num == nodes and r.cell.depth == 1 and r.cell != chosen[0].cell]
            if same and len(chosen) < MOST_NETWORKS:
                chosen.append(min(same, key=lambda r: (r.aicc, r.number)))
    return tuple(_network_task(handle, record) for record in chosen), str(choice.key)


def _network_task(handle: StudyHandle, record: CompletedTrial) -> NetworkTask:
    spec = handle.spec
    return NetworkTask(
        cell=record.cell,
        engine=spec.engine,
        options=spec.options,
        seed=spec.seed,
        below=record.below if isinstance(record, ReducedTrial) else nested_below(handle, record.cell, handle.failed()),
        columns=record.key.columns,
        gone=record.key.gone,
    )


# ---- in the background


_runs = BackgroundRuns()


def start_search(handle: StudyHandle, options: FormulaOptions | None = None, dask: Dask | None = None) -> BackgroundRun:
    """Search in the background, on this machine or a cluster; the search already at it where there is one."""
    wanted = options or FormulaOptions(seed=handle.spec.seed)

    def write(state: str, total: int = 0, detail: str = "") -> None:
        found = earlier_formulas(handle)
        said = FormulaSearch(state, total=total, written=time.time(), detail=detail, found=found)
        handle.optuna.set_user_attr(FORMULAS, said.to_dict())

    def make() -> BackgroundRun:
        write("running", total=1)
        return BackgroundRun(
            handle,
            "search for formulas",
            lambda stop: search(handle, wanted, dask=dask, stop=stop),
            lambda detail: write("failed", detail=detail),
        )

    return _runs.start(handle, make)


def stop_search(handle: StudyHandle) -> None:
    """End a search that this process makes."""
    _runs.stop(handle)


def found_formulas(
    handle: StudyHandle,
    options: FormulaOptions | None = None,
    *,
    workers: int | None = None,
    dask: Dask | None = None,
    on_progress: Callable[[FormulaSearch], None] | None = None,
) -> FormulaSearch:
    """The search that is kept with a study, made now where there is none or `options` ask for one. Raises FitError."""
    kept = read_search(handle)
    if options is None and kept is not None and kept.found is not None:
        return kept
    wanted = options or FormulaOptions(seed=handle.spec.seed)
    made = search(handle, wanted, workers=workers, dask=dask, on_progress=on_progress)
    if made.found is None or made.state != "done":
        raise FitError(
            say(
                "No formula was found for the study '{name}': {reason}.",
                name=handle.name,
                reason=retold(made.detail or made.state),
            )
        )
    return made
