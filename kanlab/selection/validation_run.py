"""A validation done by workers: here and now, or in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kanlab.engines.catalogue import ENGINES
from kanlab.errors import StudyError
from kanlab.execution import messages
from kanlab.execution.background import BackgroundRun, BackgroundRuns
from kanlab.execution.final_check import keep_final_check
from kanlab.execution.run_tasks import run_tasks
from kanlab.execution.supervisor import default_workers
from kanlab.execution.worker_pool import Failure, Job
from kanlab.language import say, use
from kanlab.selection.validation import VALIDATION, Step, Validation, collect
from kanlab.selection.validation_plan import plan
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.patience import patiently
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.study.trials import completed

if TYPE_CHECKING:
    from kanlab.execution.dask_cluster import Dask

WRITE_SECONDS = 1.0

logger = logging.getLogger(__name__)


def validate(
    handle: StudyHandle,
    *,
    families: Sequence[str] | None = None,
    workers: int | None = None,
    dask: Dask | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Validation], None] | None = None,
) -> Validation:
    """Do all tasks of a validation and write what they come to, every two seconds and at the end.

    families: the other ones to compare with; by default those that need no extra.
    workers: at most; by default as the study had, or one a core.  dask: the cluster to fit on in place of this machine.
    A storage that does not answer is waited for. Raises StudyError where there is nothing to validate, or no cluster.
    """
    path = local_data(handle.optuna, handle.data.sha256)
    if not completed(handle.records()) and handle.spec.admissible(handle.data.n_train, handle.data.d):
        raise StudyError(
            say("No trial of the study '{name}' is complete, so there is nothing to validate.", name=handle.name)
        )
    tasks = plan(handle, families)
    answers: dict[Step, Any] = {}
    written = time.monotonic()

    def write(state: str, detail: str = "") -> Validation:
        validation = collect(answers, len(tasks), state, detail)
        patiently(lambda: handle.optuna.set_user_attr(VALIDATION, validation.to_dict()), logger.warning)
        if on_progress:
            on_progress(validation)
        return validation

    def take(job: Job, answer: Any) -> None:
        nonlocal written
        answers[job.key] = answer
        task = job.task
        if isinstance(task, messages.FinalCheckTask) and not isinstance(answer, Failure):
            patiently(lambda: keep_final_check(handle, task, answer), logger.warning)
        if time.monotonic() - written > WRITE_SECONDS:
            written = time.monotonic()
            write("running")

    write("running")
    preload = ENGINES[handle.spec.engine].needs_torch
    most = workers or handle.spec.workers or (default_workers() if dask is None else sys.maxsize)
    try:
        run_tasks(tasks, path, workers=most, preload_pykan=preload, dask=dask, on_answer=take, stop=stop)
    except BaseException:
        with contextlib.suppress(*STORAGE_ERRORS):  # which does not keep anybody who wants to leave
            handle.optuna.set_user_attr(VALIDATION, collect(answers, len(tasks), "stopped").to_dict())
        raise
    failures = [a.reason for a in answers.values() if isinstance(a, Failure)]
    detail = ""
    if failures:
        with use("en"):  # as it is stored
            detail = say(
                "{failures} of {tasks} steps failed, one of them so: {reason}",
                failures=len(failures),
                tasks=len(tasks),
                reason=failures[0],
            )
    return write("stopped" if len(answers) < len(tasks) else "done", detail)


_runs = BackgroundRuns()


def start_validation(
    handle: StudyHandle, dask: Dask | None = None, families: Sequence[str] | None = None
) -> BackgroundRun:
    """Validate a study in the background, on this machine or a cluster; the one already at it where there is one.

    families: as of `validate`.
    """

    def write(validation: Validation) -> None:
        handle.optuna.set_user_attr(VALIDATION, validation.to_dict())

    def make() -> BackgroundRun:
        write(Validation(total=len(plan(handle, families)), written=time.time()))
        return BackgroundRun(
            handle,
            "validation",
            lambda stop: validate(handle, families=families, dask=dask, stop=stop),
            lambda detail: write(Validation(state="failed", written=time.time(), detail=detail)),
        )

    return _runs.start(handle, make)


def stop_validation(handle: StudyHandle) -> None:
    """End a validation that this process makes; what is known stays."""
    _runs.stop(handle)
