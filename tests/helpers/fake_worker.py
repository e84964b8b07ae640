"""A worker program that speaks the messages of kanlab.execution.messages and fits nothing: each cell has a known RSS.

Run as `python fake_worker.py SCRATCH [--preload-pykan]`. What else it should do is in the environment (`environment`).
Standard library only, so that it starts at once.
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

_VARIABLE = "KANLAB_FAKE_WORKER"

Cell = tuple[int, ...]  # neuron_num, grid, k, and depth where it is not 1


def environment(
    *,
    log: str,
    seconds: float = 0.0,
    jitter: float = 0.0,
    hold_after: int | None = None,
    crash: list[Cell] | None = None,
    garbage: list[Cell] | None = None,
    nonsense: list[Cell] | None = None,
    hang: list[Cell] | None = None,
    diverge: list[Cell] | None = None,
    interpolate: list[Cell] | None = None,
    nan: list[Cell] | None = None,
    oom: list[Cell] | None = None,
    stillborn: bool = False,
    crash_all: bool = False,
    crash_final_check: bool = False,
    hold_final_check: bool = False,
) -> dict[str, str]:
    """Environment variables of a plan.

    log: file that gets a line "neuron_num grid k seed pid depth" as each fit begins.  seconds: of a fit, jitter: at most
    so many more.  hold_after: fits after so many in the log end only once `fits.release(log)` lets them, however slow the
    machine is.  crash, garbage, nonsense, hang, diverge, interpolate, nan: cells whose fit ends so.  oom: those that ask for
    more memory than the process may have.  crash_all: every fit crashes, crash_final_check: that one.
    stillborn: no worker becomes ready.  hold_final_check: its parts get a line "pid name" each in the log with the suffix
    .parts and end once released.
    """
    return {
        _VARIABLE: json.dumps(
            {name: value for name, value in locals().items() if value or (value == 0 and name == "hold_after")}
        )
    }


def _whole(cell: Cell) -> Cell:
    return (*cell, 1)[:4]


def rss(cell: Cell) -> float:
    """What a fit of this cell leaves; no two cells of the default space leave the same."""
    neuron_num, grid, k, depth = _whole(cell)
    rough = random.Random(1000 * neuron_num + 10 * grid + k + 10**6 * (depth - 1)).uniform(0.5, 1.5)
    return 20 * rough / (1 + neuron_num * grid * k * depth)


def _answer(event: str, **content: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **content}) + "\n")
    sys.stdout.flush()


def _answer_fit(**outcome: Any) -> None:
    scores = {name: outcome.pop(name) for name in ("rss_train", "rss_test") if name in outcome}
    _answer("fit", outcome=outcome | {"scores": scores})


def _free(log: Path, hold_after: int) -> float:
    """How many of the fits in the log may end."""
    try:
        said = log.with_suffix(".go").read_text()
    except FileNotFoundError:
        return hold_after
    return int(said) if said else math.inf


def _hold_part(log: Path, name: str) -> None:
    with log.with_suffix(".parts").open("a") as out:
        out.write(f"{os.getpid()} {name}\n")
    while not _free(log, 0):
        time.sleep(0.01)


def _fit(plan: dict[str, Any], cell: Cell, seed: int) -> None:
    path = Path(plan["log"])
    with path.open("a") as log:
        log.write(f"{cell[0]} {cell[1]} {cell[2]} {seed} {os.getpid()} {cell[3]}\n")
    if "hold_after" in plan:
        number = len(path.read_text().splitlines())
        while number > _free(path, plan["hold_after"]):
            time.sleep(0.01)

    def planned(name: str) -> bool:
        return cell in [_whole(c) for c in plan.get(name, [])]

    if planned("crash") or plan.get("crash_all"):
        print("MemoryError: no more room", file=sys.stderr, flush=True)
        os._exit(3)
    if planned("garbage"):
        sys.stdout.write('{"event": "fi')
        sys.stdout.flush()
        os._exit(0)
    if planned("nonsense"):
        print("a library prints what it likes", flush=True)
    if planned("oom"):
        resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
        bytearray(2**30)
    if planned("hang"):
        time.sleep(600)
    time.sleep(plan.get("seconds", 0.0) + random.uniform(0, plan.get("jitter", 0.0)))
    if planned("diverge"):
        _answer_fit(neuron_num=cell[0], status="diverged", seconds=0.0)
        return
    if planned("nan"):
        _answer_fit(neuron_num=cell[0], status="stalled", seconds=0.0, rss_train=math.nan, loss_curve=[math.nan])
        return
    left = 0.0 if planned("interpolate") else rss(cell)
    _answer_fit(
        neuron_num=cell[0],
        status="iteration limit",
        seconds=0.01,
        rss_train=left,
        rss_test=left / 3,
        iterations=3,
        loss_curve=[9.0, 3.0, left],
    )


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """The answer to a task of kanlab.execution.messages that is no unit."""
    left = rss(tuple(task["cell"])) if "cell" in task else 12.0
    answers: dict[str, dict[str, Any]] = {
        "refit": {"rss_train": left * (1 + 1e-4 * task["seed"]) if "seed" in task else left,
                  "rss_test": left / 3, "extrapolates": 0.0, "seconds": 0.01},
        "fold": {"rss": left / 4, "loss": left / 4, "rows": 9},
        "familyfold": {"rss": left / 4, "loss": left / 4, "rows": 9},
        "family": {"family": task.get("family"), "n_params": 7.5, "rss_train": 15.0, "rss_test": 5.0, "aicc": -5.0},
        "permutation": {"gain": 50.0 if task.get("shuffle") is None else 1.0},
        "average": {"rss_train": 2.0, "rss_test": 1.0},
        "dof": {"dof": 10.0 + task.get("pair", 0)},
        "edf": {"edf": 9.0},
        "finalcheckpart": {},
        "finalcheck": {"press": None, "press_se": None, "reduced": None},
        "timing": {"seconds": 0.01},
    }  # fmt: skip
    return answers[task["task"]]


def main(scratch: str) -> None:
    plan = json.loads(os.environ[_VARIABLE])
    if plan.get("stillborn"):
        print("ImportError: no such library", file=sys.stderr, flush=True)
        sys.exit(1)
    lines: list[str] = []
    arrived = threading.Condition()

    def read() -> None:
        for line in sys.stdin:
            with arrived:
                lines.append(line)
                arrived.notify()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    _answer("ready")
    while True:
        with arrived:
            arrived.wait_for(lambda: lines)
            request = json.loads(lines.pop(0))
        assert Path(request["dataset"]).exists()
        task = request["task"]
        if task["task"] == "unit":
            unit = task["unit"]
            for neuron_num in unit["neuron_nums"]:
                _fit(plan, (neuron_num, unit["grid"], unit["k"], unit["depth"]), task["seed"])
        elif task["task"] == "finalcheck" and plan.get("crash_final_check"):
            os._exit(3)
        else:
            if task["task"] == "finalcheckpart" and plan.get("hold_final_check"):
                _hold_part(Path(plan["log"]), task["part"])
            _answer("result", value=answer(task))
        _answer("done")


if __name__ == "__main__":
    main(sys.argv[1])
