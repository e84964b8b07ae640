"""What goes over the pipe: every message arrives as it was sent, and nothing else arrives at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from kanlab.engines.registry import FitOptions, Outcome, Unit
from kanlab.execution.messages import (
    AnyTask,
    AverageTask,
    DofTask,
    Done,
    EdfTask,
    Error,
    Exit,
    FamilyFoldTask,
    FamilyTask,
    FinalCheckPartTask,
    FinalCheckTask,
    Fit,
    FoldTask,
    Message,
    MessageError,
    NetworkTask,
    PermutationTask,
    Ready,
    RefitTask,
    Request,
    Result,
    TimingTask,
    UnitTask,
    decode,
    decode_request,
    encode,
)
from kanlab.kan.search_space import Cell
from kanlab.stats.metrics import ClassScores, Scores

FIT: dict[str, Any] = {"engine": "lm", "options": FitOptions(3, 1.5, smoothing=10.0), "seed": 7}
CELL: dict[str, Any] = FIT | {"cell": Cell(2, 3, 1, 2)}
COUNT: dict[str, Any] = {"count": "article", "count_sigma2": False}
TASKS: list[AnyTask] = [
    UnitTask(**FIT, unit=Unit(3, 2, (1, 4), 2)),
    TimingTask(**FIT, unit=Unit(3, 2, (1,))),
    NetworkTask(**CELL, below=(1,), columns=(0, 2)),
    RefitTask(**CELL),
    FoldTask(**CELL, fold=1, folds=5),
    FamilyFoldTask(family="ridge", fold=0, folds=5, seed=3),
    FamilyTask(family="gam", seed=0, count_sigma2=True),
    PermutationTask(**FIT, **COUNT, cells=(Cell(1, 2, 3),), shuffle=None),
    AverageTask(**FIT, cells=(Cell(1, 2, 3), Cell(2, 2, 3)), weights=(0.25, 0.75)),
    DofTask(**CELL, pair=2, rss_train=1.5),
    EdfTask(**CELL),
    FinalCheckTask(**CELL, **COUNT, below=(1,), neuron_nums=(1, 4), parts={"gam": {"predicted": "AA=="}}),
    FinalCheckPartTask(check=FinalCheckTask(**CELL, **COUNT, below=(1,), neuron_nums=(1, 4)), part="path 0"),
]
CLASSES = ClassScores(1.0, 0.5, None, 0.1, None, 0.9, None, 0.95, None)
MESSAGES: list[Message] = [
    Ready(),
    Fit(Outcome(2, "stalled", 0.5, Scores(rss_train=0.1, classes=CLASSES), 9, 8, [2.0, 1.0])),
    Result({"rss": 0.1 + 0.2, "rows": 9, "press": None}),
    Error("This cannot be done."),
    Done(),
    Exit("killed by signal 9"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda t: type(t).__name__)
def test_every_task_arrives_as_it_was_sent(task: AnyTask) -> None:
    line = encode(Request("data.parquet", task))
    assert "\n" not in line
    assert decode_request(line) == Request("data.parquet", task)
    assert type(decode_request(line.encode()).task) is type(task)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_every_message_arrives_as_it_was_sent(message: Message) -> None:
    line = encode(message)
    assert "\n" not in line
    found = decode(line)
    assert (type(found), found) == (type(message), message)


def test_what_diverged_arrives_as_that() -> None:
    found = decode(encode(Fit(Outcome(1, "diverged", 0.0, Scores(rss_train=math.nan, rss_test=math.inf)))))
    assert isinstance(found, Fit)
    assert math.isnan(found.outcome.scores.rss_train or 0.0)
    assert found.outcome.scores.rss_test == math.inf


def test_numbers_of_numpy_arrive_as_pythons() -> None:
    found = decode(encode(Result({"rss": np.float64(0.1), "rows": np.int64(3)})))
    assert asdict(found) == {"value": {"rss": 0.1, "rows": 3}}


@pytest.mark.parametrize(
    "line",
    [
        "", "\n", "Traceback (most recent call last):", '{"event": "fi', "[]", "3", "null", "{}", '{"event": "fitted"}',
        '{"event": "fit"}', '{"event": "fit", "outcome": {"neuron_num": "two", "status": "stalled", "seconds": 0.1}}',
        '{"event": "ready", "more": 1}', '{"event": "error"}', b"\xff\xfe{", "[" * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_is_no_message_is_said_to_be_one(line: str | bytes) -> None:
    for read in (decode, decode_request):
        with pytest.raises(MessageError, match="is no message of this version of kanlab") as caught:
            read(line)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("changed", "where"),
    [({"cell": [1, 2]}, "cell"), ({"seed": "7"}, "seed"), ({"options": {"starts": 1.5}}, "starts"), ({"task": "fly"}, "task")],
)  # fmt: skip
def test_a_task_is_checked_when_it_arrives(changed: dict[str, Any], where: str) -> None:
    import json

    content = json.loads(encode(Request("data.parquet", RefitTask(**CELL))))
    content["task"] |= changed
    with pytest.raises(MessageError, match=where):
        decode_request(json.dumps(content))


@given(st.text() | st.binary())
def test_no_line_breaks_the_reader(line: str | bytes) -> None:
    with pytest.raises(MessageError):
        decode(line)
