"""What a pool of workers is: the jobs it does, the queue it takes them from, and the workers it has."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any, Protocol

from kanlab.errors import KanlabError
from kanlab.execution.messages import Answer, AnyTask, Message, Request

TICK_SECONDS = 0.1


@dataclass(eq=False)
class Job:
    """A task for one worker. key: what its queue knows it by.  time_limit: seconds an answer may take."""

    task: AnyTask
    key: Any = None
    time_limit: float | None = None


@dataclass(frozen=True)
class Failure:
    """A job that has no answer, and why."""

    reason: str


class WorkersFailed(KanlabError):
    """Workers die faster than they work, so the pool has given up."""


class ClusterLost(KanlabError):
    """The cluster that did the jobs no longer answers; they can be done elsewhere."""


class Queue(Protocol):
    """Where a pool takes jobs from and says what came of them, in the thread that calls `step`."""

    def left(self) -> int:
        """Jobs that could be begun now or soon: workers are started for so many."""

    def take(self) -> Job | None:
        """The next job; None where there is none for now."""

    def answered(self, job: Job, answer: Answer) -> bool:
        """Take one answer. False ends the job here, whatever else it would answer."""

    def ended(self, job: Job, reason: str) -> None:
        """Its worker has died in the middle of the job."""

    def late(self, job: Job) -> None:
        """Its worker was ended because the job took far longer than its time limit."""

    def returned(self, job: Job) -> None:
        """Nobody does the job any more, through no fault of its own; it comes again."""


class WorkerPool(Protocol):
    """Workers that do jobs, replaced where they die. All is called from one thread.

    A job is done by one worker from beginning to end, and handed out once: its queue decides whether it comes again.
    """

    @property
    def is_busy(self) -> bool:
        """Whether a job is in hand."""

    @property
    def is_starting(self) -> bool:
        """Whether a worker is not ready yet."""

    @property
    def waits_for(self) -> str:
        """What keeps every job from being done just now, in one sentence; "" where a worker could take one, or has one."""

    def step(self, jobs: Queue, workers: int) -> None:
        """Hand out jobs, hear answers for a moment, end late jobs, replace dead workers. Call it again and again.

        workers: how many may be busy at most.  Raises WorkersFailed; OSError where no worker can be started.
        """

    def recall(self, jobs: Queue) -> None:
        """Give the jobs back that no worker has begun."""

    def cancel(self) -> None:
        """End the jobs in hand at once, unheard; the pool can be stepped again."""

    def close(self) -> None:
        """End every worker at once, in the middle of a job if need be."""


class Worker(Protocol):
    """One worker as a pool has it; what it says arrives in the pool's inbox."""

    def send(self, request: Request) -> None:
        """Hand over a request; a worker has one at a time."""

    def kill(self) -> None:
        """End it at once."""


Inbox = queue.Queue[tuple[Worker, Message]]
