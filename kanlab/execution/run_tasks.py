"""Jobs that are all known beforehand: a list of tasks done by a worker pool, wherever its workers are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kanlab.arrays import Array
from kanlab.engines.catalogue import ENGINES, trouble
from kanlab.errors import FitError
from kanlab.execution.messages import Answer, AnyTask, Error, FittingTask, NetworksTask, NetworkTask, Result
from kanlab.execution.process_pool import ProcessPool
from kanlab.execution.worker_pool import Failure, Job, WorkerPool, WorkersFailed
from kanlab.kan.network import FittedKan
from kanlab.language import say

if TYPE_CHECKING:
    from kanlab.execution.dask_cluster import Dask


def make_pool(dataset: Path, *, preload_pykan: bool = False, dask: Dask | None = None) -> WorkerPool:
    """A pool of this machine, or of a Dask cluster. dataset: the file of the data, on this machine.

    Raises KanlabError where the cluster cannot be reached, or stock pykan is needed and not installed here.
    """
    if dask is None:
        if preload_pykan and (sentence := trouble("pykan-lbfgs")):
            raise FitError(sentence.replace("pykan-lbfgs", say("of this study")))
        return ProcessPool(dataset, preload_pykan=preload_pykan)
    from kanlab.execution.dask_pool import DaskPool  # which loads Dask

    return DaskPool(dask, dataset, preload_pykan=preload_pykan)


class TaskQueue:
    """A `Queue` of jobs that are handed out in order, once each; answers are kept by job.

    on_answer: told of each answer, which is what the task's function gave, or a Failure.
    """

    def __init__(self, jobs: Sequence[Job], on_answer: Callable[[Job, Any], None] | None = None) -> None:
        self.answers: dict[Job, Any] = {}
        self._waiting = deque(jobs)
        self._on_answer = on_answer

    def left(self) -> int:
        return len(self._waiting)

    def take(self) -> Job | None:
        return self._waiting.popleft() if self._waiting else None

    def answered(self, job: Job, answer: Answer) -> bool:
        if isinstance(answer, Result):
            self._settle(job, answer.value)
        elif isinstance(answer, Error):
            self._settle(job, Failure(answer.message))
        return True

    def ended(self, job: Job, reason: str) -> None:
        self._settle(job, Failure(say("the process ended: {reason}", reason=reason)))

    def late(self, job: Job) -> None:
        self._settle(job, Failure(say("it took longer than {time_limit:g} s", time_limit=job.time_limit)))

    def returned(self, job: Job) -> None:
        self._waiting.appendleft(job)

    def _settle(self, job: Job, answer: Any) -> None:
        if job not in self.answers:
            self.answers[job] = answer
            if self._on_answer:
                self._on_answer(job, answer)


def run_tasks(
    jobs: Sequence[Job],
    dataset: Path,
    *,
    workers: int,
    preload_pykan: bool = False,
    dask: Dask | None = None,
    on_answer: Callable[[Job, Any], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Answers in the order of the jobs: a dict, a Failure, or None for what `stop` left undone.

    Raises KanlabError where a cluster cannot be reached, or no longer answers.
    """
    pool = make_pool(dataset, preload_pykan=preload_pykan, dask=dask)
    waiting = TaskQueue(jobs, on_answer)
    otherwise: Failure | None = None
    try:
        while (waiting.left() or pool.is_busy) and not stop():
            pool.step(waiting, workers)
    except WorkersFailed as error:
        otherwise = Failure(str(error))
    finally:
        pool.close()
    return [waiting.answers.get(job, otherwise) for job in jobs]


def run_task(task: AnyTask, dataset: Path) -> dict[str, Any]:
    """The answer to one task, given by a process of its own. Raises FitError where it has none."""
    preload = isinstance(task, FittingTask) and ENGINES[task.engine].needs_torch
    (answer,) = run_tasks([Job(task)], dataset, workers=1, preload_pykan=preload)
    if isinstance(answer, Failure):
        raise FitError(answer.reason)
    found: dict[str, Any] = answer
    return found


def fit_in_worker(task: NetworkTask, dataset: Path) -> tuple[FittedKan, Array | None]:
    """The network of a cell, fitted by a process of its own, and what it predicts of each training row had it not been
    fitted, where the task asks for that. Raises FitError.
    """
    return read_network(run_task(task, dataset))


def fit_all_in_worker(task: NetworksTask, dataset: Path) -> list[tuple[FittedKan, Array | None]]:
    """The networks of some cells, each as `fit_in_worker`. Raises FitError."""
    return [read_network(found) for found in run_task(task, dataset)["networks"]]


def read_network(found: dict[str, Any]) -> tuple[FittedKan, Array | None]:
    """The answer to a NetworkTask: the network, and what it predicts of rows left out, where that was asked for."""
    arrays = {name: np.array(values, dtype=kind) for name, (kind, values) in found.items()}
    left_out = arrays.pop("left_out", None)
    if left_out is not None:
        left_out.setflags(write=False)  # several models may be made of them
    return FittedKan.from_arrays(arrays), left_out
