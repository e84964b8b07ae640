"""Tasks done by worker processes, several at once, in any order, with progress and a way out."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanlab.execution.worker_process import Message, WorkerProcess

TICK_SECONDS = 0.2
MAX_CRASHES = 3


@dataclass(frozen=True)
class Task:
    """A task of kanlab.execution.tasks and its arguments. key: what the caller knows it by."""

    name: str
    arguments: Mapping[str, Any]
    key: Any = None


@dataclass(frozen=True)
class Failure:
    """A task that has no answer, and why."""

    reason: str


def run_tasks(
    tasks: Sequence[Task],
    dataset: Path,
    *,
    workers: int,
    preload_pykan: bool = False,
    on_answer: Callable[[Task, Any], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Answers in the order of the tasks: a dict, a Failure, or None for what `stop` left undone.

    A task whose process dies is a Failure, and a new process takes its place.
    """
    inbox: queue.Queue[Message] = queue.Queue()
    answers: list[Any] = [None] * len(tasks)
    waiting = list(range(len(tasks)))[::-1]
    hands: dict[WorkerProcess, int | None] = {}
    crashes = 0

    def settle(worker: WorkerProcess, answer: Any) -> None:
        index = hands.get(worker)
        if index is not None and answers[index] is None:
            answers[index] = answer
            if on_answer:
                on_answer(tasks[index], answer)

    try:
        while (waiting or any(i is not None for i in hands.values())) and not stop():
            wanted = min(workers, len(waiting) + sum(i is not None for i in hands.values()))
            while len(hands) < wanted:
                hands[WorkerProcess(inbox, preload_pykan=preload_pykan)] = None
            for worker, index in hands.items():
                if worker.ready and index is None and waiting:
                    hands[worker] = waiting.pop()
                    task = tasks[hands[worker] or 0]
                    worker.submit_task(task.name, task.arguments, dataset=dataset)
            try:
                worker, message = inbox.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            if worker not in hands:
                continue
            event = message["event"]
            if event == "ready":
                worker.ready = True
            elif event == "result":
                settle(worker, message["value"])
            elif event == "error":
                settle(worker, Failure(message["message"]))
            elif event == "done":
                hands[worker], crashes = None, 0
            elif event == "exit":
                reason = Failure(f"the process ended: {worker.last_words()}")
                settle(worker, reason)
                del hands[worker]
                worker.kill()
                crashes += 1
                if crashes >= MAX_CRASHES:
                    return [reason if answer is None else answer for answer in answers]
    finally:
        for worker in hands:
            worker.kill()
    return answers
