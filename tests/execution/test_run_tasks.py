"""Tasks in worker processes: order, crashes, stopping."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kanlab.data.dataset import Dataset
from kanlab.execution import process_pool, worker_process
from kanlab.execution.messages import FamilyFoldTask, FamilyTask, Task
from kanlab.execution.process_pool import MAX_CRASHES
from kanlab.execution.run_tasks import run_tasks
from kanlab.execution.worker_pool import Failure, Job
from kanlab.study.storage import store_dataset

# A worker that answers with the family of a task; "die" ends it, "slow" takes its time, "bad" is an error
WORKER = r"""
import json, os, sys, time
def answer(**content):
    print(json.dumps(content), flush=True)
if os.environ.get("STILLBORN"):
    sys.exit("ImportError: no such library")
answer(event="ready")
for line in sys.stdin:
    request = json.loads(line)
    say = request["task"]["family"]
    if say == "die":
        print("MemoryError: no more room", file=sys.stderr, flush=True)
        os._exit(3)
    if say == "slow":
        time.sleep(0.3)
    if say == "forever":
        time.sleep(600)
    if say == "bad":
        answer(event="error", message="This cannot be done.")
    else:
        answer(event="result", value={"said": say, "pid": os.getpid()})
    answer(event="done")
"""


@pytest.fixture
def pool(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    program = tmp_path / "worker.py"
    program.write_text(WORKER)
    monkeypatch.setattr(worker_process, "PROGRAM", (str(program),))
    return partial(run_tasks, dataset=store_dataset(small))


class Nothing(Task, frozen=True):
    """A task no worker knows."""


def tasks(*says: str) -> list[Job]:
    return [Job(FamilyTask(family=say, seed=0, count_sigma2=True), number) for number, say in enumerate(says)]


def test_answers_come_in_the_order_of_the_tasks(pool: Any) -> None:
    says = ["slow", "a", "b", "slow", "c"]
    heard: list[Any] = []
    found = pool(tasks(*says), workers=2, on_answer=lambda job, answer: heard.append(job.key))
    assert [a["said"] for a in found] == says
    assert sorted(heard) == list(range(5))
    assert heard[0] != 0  # they were done in another order
    assert len({a["pid"] for a in found}) == 2


def test_no_more_processes_than_tasks(pool: Any) -> None:
    found = pool(tasks("a", "b"), workers=8)
    assert len({a["pid"] for a in found}) <= 2
    assert pool([], workers=8) == []


def test_an_error_is_an_answer(pool: Any) -> None:
    found = pool(tasks("bad", "a"), workers=1)
    assert found[0] == Failure("This cannot be done.")
    assert found[1]["said"] == "a"


def test_a_task_that_kills_its_process_fails_alone(pool: Any) -> None:
    found = pool(tasks("a", "die", "b", "die", "c"), workers=1)
    assert [isinstance(a, Failure) for a in found] == [False, True, False, True, False]
    assert "no more room" in found[1].reason
    assert found[0]["pid"] != found[2]["pid"]


def test_workers_that_never_start_end_it(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLBORN", "1")
    found = pool(tasks("a", "b", "c", "d", "e"), workers=2)
    assert all(isinstance(a, Failure) for a in found)
    assert "no such library" in found[0].reason
    assert MAX_CRASHES < 5


def test_a_task_far_beyond_its_time_limit_fails_alone(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "GRACE_SECONDS", 0.1)
    jobs = tasks("a", "forever", "b")
    jobs[1].time_limit = 0.2
    found = pool(jobs, workers=1)
    assert found[1] == Failure("it took longer than 0.2 s")
    assert [found[0]["said"], found[2]["said"]] == ["a", "b"]


def test_stop_ends_the_tasks_in_hand(pool: Any) -> None:
    answered: list[Any] = []
    began = time.monotonic()
    found = pool(
        tasks("a", "forever", "b"),
        workers=1,
        on_answer=lambda job, answer: answered.append(job.key),
        stop=lambda: bool(answered),
    )
    assert found[0]["said"] == "a"
    assert found[1:] == [None, None]
    assert time.monotonic() - began < 60


def test_real_workers(small: Dataset) -> None:
    task = FamilyFoldTask(family="linear", fold=0, folds=5, seed=0)
    tasks = (task, replace(task, family="nothing"), Nothing())
    found = run_tasks([Job(t) for t in tasks], store_dataset(small), workers=1)  # type: ignore[arg-type]
    assert found[0]["rows"] == 10
    assert isinstance(found[1], Failure)
    assert isinstance(found[2], Failure)
    assert "no message of this version" in found[2].reason
