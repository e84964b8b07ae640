"""Validation of the finalists: refits from other seeds, cross-validation, other families, a permutation test.

A validation is a list of tasks for workers and what their answers come to. It is kept beside the study, as a user attribute,
and written as it grows, so that any page or process can show it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kanlab.baselines.registry import BASELINES_OF, COMPARISON_FAMILIES
from kanlab.engines.catalogue import ENGINES
from kanlab.errors import KanlabError, StudyError
from kanlab.execution import messages
from kanlab.execution.final_check import final_check_of, final_check_task, keep_final_check
from kanlab.execution.process_pool import run_tasks
from kanlab.execution.supervisor import default_workers
from kanlab.execution.worker_pool import Failure, Job
from kanlab.kan.search_space import Cell
from kanlab.stats.criteria import akaike_weights
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.spec import StudySpec
from kanlab.study.trials import CompletedTrial, TrialRecord, completed

VALIDATION = "validation"
_EARLIER = "judgement"  # the attribute of versions before
FINALISTS, SEEDS = 5, 5
VERIFIED, FOLDS = 8, 5
PERMUTATIONS, NULL_CELLS, NULL_ROWS = 20, 6, 3
DOF_FINALISTS, DOF_PAIRS = 3, 8
CONFIDENCE = 0.95
STALE_SECONDS = 120.0
WRITE_SECONDS = 1.0


@dataclass(frozen=True)
class Validation:
    """What is known so far. Cells are keyed "neuron_num,grid,k", and ",depth" where that is not 1; families by their
    name.

    written: when this was written, seconds since 1970.
    refits: of each finalist one entry a seed {seed, rss_train, rss_test, extrapolates}, of classes with deviance_train.
    folds: of each verified candidate the held-out mean squared error of every fold, in units of the data; of classes the
    log-loss.
    families: baselines of other families.  dof: of each finalist the draws of its generalised degrees of freedom (not of
    classes, which cannot be perturbed by a little).
    edf: of each finalist its effective degrees of freedom, where the engine is lm.
    null: AICc gain over the mean, of the study's own target and of permuted ones, on the same cells.
    average: errors of the averaged prediction of the confidence set.
    """

    state: str = "running"
    written: float = 0.0
    done: int = 0
    total: int = 0
    detail: str = ""
    refits: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    folds: dict[str, list[float]] = field(default_factory=dict)
    families: list[dict[str, Any]] = field(default_factory=list)
    dof: dict[str, list[float]] = field(default_factory=dict)
    edf: dict[str, float] = field(default_factory=dict)
    null: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_live(self) -> bool:
        """Whether it is being made; one that has not been written for long was left by a process that is gone."""
        return self.state == "running" and time.time() - self.written < STALE_SECONDS


def key_of(cell: Cell) -> str:
    """A cell as a key of a validation; depth only where it is not 1."""
    return ",".join(map(str, cell if cell.depth > 1 else cell[:-1]))


def read_validation(attributes: Mapping[str, Any]) -> Validation | None:
    """The validation among a study's user attributes."""
    content = attributes.get(VALIDATION, attributes.get(_EARLIER))
    return Validation(**content) if content is not None else None


def confidence_set(records: Sequence[TrialRecord], share: float = CONFIDENCE) -> list[tuple[CompletedTrial, float]]:
    """The fewest trials whose Akaike weights sum to `share`, and their weights renormalised among themselves."""
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    weights = akaike_weights([r.aicc for r in ranked])
    count = int(np.searchsorted(np.cumsum(weights), share) + 1) if len(ranked) else 0
    kept = weights[:count]
    return list(zip(ranked[:count], (float(w) for w in kept / kept.sum()), strict=True)) if count else []


def null_cells(spec: StudySpec, n: int, d: int) -> list[Cell]:
    """A few cells from small to large, chosen without a look at the target, so that permuted targets are treated alike.

    Those with at least NULL_ROWS training rows a parameter, or the smallest where there are none.
    """
    admissible = spec.admissible(n, d)
    roomy = [c for c in admissible if n >= NULL_ROWS * spec.n_params(c, d)] or admissible[:NULL_CELLS]
    sizes = np.log([spec.n_params(c, d) for c in roomy])
    steps = np.linspace(sizes[0], sizes[-1], NULL_CELLS)
    return [roomy[i] for i in sorted({int(np.argmin(np.abs(sizes - at))) for at in steps})]


def plan(handle: StudyHandle) -> list[Job]:
    """The tasks of a validation, those that say most first."""
    spec, records = handle.spec, handle.records()
    ranked = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    fit: dict[str, Any] = {"engine": spec.engine, "options": spec.options}
    final_check = final_check_task(handle, records)
    jobs = [Job(final_check, ("final check", "", 0))] if final_check else []

    for record in ranked[:FINALISTS]:
        for seed in range(spec.seed + 1, spec.seed + 1 + SEEDS):
            jobs.append(
                Job(messages.RefitTask(cell=record.cell, seed=seed, **fit), ("refit", key_of(record.cell), seed))
            )
    candidates: list[tuple[str, Cell, tuple[int, ...] | None]] = [
        (key_of(r.cell), r.cell, None) for r in ranked[:VERIFIED]
    ]
    known = final_check_of(handle, records)
    if known and known.reduced:
        candidates.append((known.reduced.key, known.reduced.cell, known.reduced.columns))
    for key, cell, columns in candidates:
        for fold in range(FOLDS):
            task = messages.FoldTask(cell=cell, columns=columns, fold=fold, folds=FOLDS, seed=spec.seed, **fit)
            jobs.append(Job(task, ("fold", key, fold)))
    for name in BASELINES_OF[handle.data.task]:
        for fold in range(FOLDS):
            held_out = messages.FamilyFoldTask(family=name, fold=fold, folds=FOLDS, seed=spec.seed)
            jobs.append(Job(held_out, ("fold", name, fold)))
    jobs += [
        Job(messages.FamilyTask(family=name, seed=spec.seed, count_sigma2=spec.count_sigma2), ("family", name, 0))
        for name in COMPARISON_FAMILIES
    ]
    kept = confidence_set(records)[:20]
    if kept:
        total = sum(w for _, w in kept)
        weights, cells = tuple(w / total for _, w in kept), tuple(r.cell for r, _ in kept)
        jobs.append(Job(messages.AverageTask(cells=cells, weights=weights, seed=spec.seed, **fit), ("average", "", 0)))
    fit |= {"seed": spec.seed}
    cells = tuple(null_cells(spec, handle.data.n_train, handle.data.d))
    counting: dict[str, Any] = {"count": spec.count, "count_sigma2": spec.count_sigma2}
    for number in range(PERMUTATIONS + 1):
        shuffle = None if number == 0 else spec.seed + number
        jobs.append(
            Job(messages.PermutationTask(cells=cells, shuffle=shuffle, **fit, **counting), ("null", "", number))
        )
    for record in ranked[:DOF_FINALISTS]:
        if spec.engine == "lm":
            jobs.append(Job(messages.EdfTask(cell=record.cell, **fit), ("edf", key_of(record.cell), 0)))
        for pair in range(0 if handle.data.levels else DOF_PAIRS):
            draw = messages.DofTask(cell=record.cell, pair=pair, rss_train=record.rss_train, **fit)
            jobs.append(Job(draw, ("dof", key_of(record.cell), pair)))
    return jobs


def collect(answers: Mapping[Any, Any], total: int, state: str, detail: str = "") -> Validation:
    """What the answers so far, by the keys of their tasks, come to. Failures count as done and leave a gap."""
    validation = Validation(state=state, written=time.time(), done=len(answers), total=total, detail=detail)
    gains: dict[int, float] = {}
    for (kind, key, number), answer in sorted(answers.items(), key=lambda item: str(item[0])):
        if isinstance(answer, Failure):
            continue
        if kind == "refit":
            validation.refits.setdefault(key, []).append({"seed": number} | answer)
        elif kind == "fold":
            loss = answer["deviance"] / 2 if "deviance" in answer else answer["rss"]
            validation.folds.setdefault(key, []).append(loss / answer["rows"])
        elif kind == "family":
            validation.families.append({k: v for k, v in answer.items() if k != "seconds"})
        elif kind == "dof":
            validation.dof.setdefault(key, []).append(answer["dof"])
        elif kind == "edf":
            validation.edf[key] = answer["edf"]
        elif kind == "null":
            gains[number] = answer["gain"]
        elif kind == "average":
            validation.average.update(answer)
    if 0 in gains:
        validation.null.update({"gain": gains.pop(0), "permuted": sorted(gains.values())})
    return validation


class ValidationRun:
    """Runs a validation in a thread of its own."""

    def __init__(self, handle: StudyHandle, workers: int | None = None) -> None:
        self.handle = handle
        self._workers = workers or handle.spec.workers or default_workers()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"kanlab-validation-{handle.name}")

    def start(self) -> None:
        self._write(Validation(total=len(plan(self.handle)), written=time.time()))
        self._thread.start()

    def stop(self) -> None:
        """End it; what is known stays."""
        self._stop.set()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            validate(self.handle, workers=self._workers, stop=self._stop.is_set)
        except KanlabError as error:
            self._write(Validation(state="failed", written=time.time(), detail=str(error)))

    def _write(self, validation: Validation) -> None:
        self.handle.optuna.set_user_attr(VALIDATION, validation.to_dict())


def validate(
    handle: StudyHandle,
    *,
    workers: int,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Validation], None] | None = None,
) -> Validation:
    """Do all tasks of a validation and write what they come to, every two seconds and at the end.

    Raises StudyError where there is nothing to validate.
    """
    path = local_data(handle.optuna, handle.data.sha256)
    if not completed(handle.records()):
        raise StudyError(f"No trial of the study '{handle.name}' is complete, so there is nothing to validate.")
    tasks = plan(handle)
    answers: dict[Any, Any] = {}
    written = time.monotonic()

    def write(state: str, detail: str = "") -> Validation:
        validation = collect(answers, len(tasks), state, detail)
        handle.optuna.set_user_attr(VALIDATION, validation.to_dict())
        if on_progress:
            on_progress(validation)
        return validation

    def take(job: Job, answer: Any) -> None:
        nonlocal written
        answers[job.key] = answer
        if isinstance(job.task, messages.FinalCheckTask) and not isinstance(answer, Failure):
            keep_final_check(handle, job.task, answer)
        if time.monotonic() - written > WRITE_SECONDS:
            written = time.monotonic()
            write("running")

    write("running")
    preload = ENGINES[handle.spec.engine].needs_torch
    try:
        run_tasks(tasks, path, workers=workers, preload_pykan=preload, on_answer=take, stop=stop)
    except BaseException:
        write("stopped")
        raise
    failures = [a.reason for a in answers.values() if isinstance(a, Failure)]
    detail = f"{len(failures)} of {len(tasks)} steps failed, one of them so: {failures[0]}" if failures else ""
    return write("stopped" if len(answers) < len(tasks) else "done", detail)


_runs: dict[tuple[int, int], ValidationRun] = {}
_lock = threading.Lock()


def start_validation(handle: StudyHandle) -> ValidationRun:
    """Validate a study in the background; the one already at it where there is one."""
    key = handle.key
    with _lock:
        running = _runs.get(key)
        if running is not None and running.is_alive():
            return running
        _runs[key] = ValidationRun(handle)
        _runs[key].start()
        return _runs[key]


def stop_validation(handle: StudyHandle) -> None:
    """End a validation that this process makes; what is known stays."""
    running = _runs.get(handle.key)
    if running is not None:
        running.stop()
