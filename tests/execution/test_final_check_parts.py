"""The final check in parts that any worker may do: the same numbers, on all workers at once, to be stopped and resumed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.execution import averaging, final_check, final_check_tasks, messages, networks, tasks
from kanlab.execution.final_check import FINAL_CHECK, REDUCED, final_check_parts, final_check_task, path_name
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.spec import StudySpec
from kanlab.study.state import read_state, request_run, request_stop
from kanlab.study.trials import completed
from tests.execution.test_supervisor import Fake
from tests.helpers.fits import release
from tests.helpers.studies import wait_for

SPACE = SearchSpace((1, 2), (2, 3), (2, 2))


def data_of(target: str) -> Dataset:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (150, 3))
    y = np.sin(3 * X[:, 0]) + X[:, 1] + 0.2 * rng.normal(size=150)
    classes = np.where(y > 0.5, "high", np.where(y < -0.5, "low", "middle"))
    frame = pd.DataFrame(X).add_prefix("x").assign(y=y if target == "number" else classes)
    return Dataset.from_frame(frame, "y")


def checked(data: Dataset, fake_workers: Fake) -> tuple[StudyHandle, messages.FinalCheckTask]:
    """A study of known errors, and what its final check asks."""
    fake_workers()
    handle = create_study(data, StudySpec(SPACE, workers=1))
    supervisor = Supervisor(handle)
    supervisor.start()
    supervisor.join(30)
    handle.optuna.set_user_attr(FINAL_CHECK, {"cell": []})
    task = final_check_task(handle, handle.records())
    assert task is not None
    return handle, task


def without_seconds(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: without_seconds(v) for k, v in content.items() if k != "seconds"}
    return [without_seconds(v) for v in content] if isinstance(content, list) else content


@pytest.mark.parametrize("target", ["number", "classes"])
def test_parts_come_to_the_same_numbers(target: str, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (averaging, final_check):
        monkeypatch.setattr(module, "LEAST_ROWS", 100)
        monkeypatch.setattr(module, "JOINING", ("gam",))
    monkeypatch.setattr(final_check_tasks, "JOINING", ("gam",))
    data = data_of(target)
    handle, task = checked(data, fake_workers)
    parts = final_check_parts(task, handle.data)
    assert [p.part for p in parts] == [REDUCED, path_name(0), "gam", path_name(1)]
    whole = tasks.answer(data, task)
    assert whole["average"] is not None

    done = {}
    for part in parts:  # as they go from worker to worker
        sent = messages.decode_request(messages.encode(messages.Request("data.parquet", part))).task
        result = messages.decode(messages.encode(messages.Result(tasks.answer(data, sent))))
        assert isinstance(result, messages.Result)
        done[part.part] = result.value

    def again(*_: object, **__: object) -> None:
        raise AssertionError("what is known is done again")

    for module, name in ((networks, "lm_path"), (final_check_tasks, "reduced"), (averaging, "reach")):
        monkeypatch.setattr(module, name, again)
    monkeypatch.setattr(
        averaging, "left_out_by", lambda f, d, of=averaging.left_out_by: again() if f == "gam" else of(f, d)
    )
    together = tasks.answer(data, msgspec.structs.replace(task, parts=done))
    assert without_seconds(json.loads(json.dumps(together))) == without_seconds(json.loads(json.dumps(whole)))


def test_a_part_that_failed_is_done_with_the_rest(fake_workers: Fake) -> None:
    data = data_of("number")
    handle, task = checked(data, fake_workers)
    assert [p.part for p in final_check_parts(task, handle.data)] == [REDUCED, path_name(0), path_name(1)]  # few rows
    one = final_check_parts(task, handle.data)[1]
    together = tasks.answer(data, msgspec.structs.replace(task, parts={one.part: tasks.answer(data, one)}))
    assert without_seconds(together) == without_seconds(tasks.answer(data, task))


def test_parts_are_done_at_once_and_can_be_stopped(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_final_check=True)
    handle = create_study(small, StudySpec(SPACE, workers=2))
    first = Supervisor(handle, share=lambda: 2)
    first.start()
    begun = log.with_suffix(".parts")
    wait_for(lambda: begun.exists() and len(begun.read_text().splitlines()) == 2)
    workers = {line.split()[0] for line in begun.read_text().splitlines()}
    assert len(workers) == 2
    request_stop(handle.optuna)
    first.join(30)
    state = read_state(handle.optuna.user_attrs)
    assert state.name == "stopped"
    assert "not the final check" in state.detail
    assert FINAL_CHECK not in handle.optuna.user_attrs

    trials = len(completed(handle.records()))
    release(log)
    request_run(handle.optuna)
    resumed = Supervisor(handle)
    resumed.start()
    resumed.join(30)
    assert read_state(handle.optuna.user_attrs).name == "finished"
    assert FINAL_CHECK in handle.optuna.user_attrs
    assert len(completed(handle.records())) == trials
