"""The worker program, `python -m kanlab.execution.worker SCRATCH`: fits units of work that arrive as JSON lines.

    in    {"dataset": path, "engine": str, "unit": {...}, "options": {...}, "seed": int}
    out   {"event": "ready"}, then for each unit an {"event": "fit", ...Outcome} a cell and {"event": "done"}

A request {"task": name, "arguments": ...} of kanlab.execution.tasks is answered by one {"event": "result", "value": ...} or
{"event": "error", "message": ...}, and {"event": "done"}.

It is a program of its own, not a child of multiprocessing, because that would run the Streamlit script again. It ends
when its standard input closes, so no worker outlives its supervisor; what a library prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# one thread a worker, and no progress bars: both are read when the libraries are imported
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["MPLBACKEND"] = "agg"

import kanlab.solver.fit  # noqa: E402, F401, what nearly every request needs, loaded before the first one comes
from kanlab.data.dataset import Dataset  # noqa: E402
from kanlab.engines.registry import FitOptions, Unit, fit_unit  # noqa: E402
from kanlab.errors import KanlabError  # noqa: E402


def _read_requests(requests: queue.SimpleQueue[str], scratch: str) -> None:
    """Forward lines until the supervisor is gone; then leave nothing and end at once, even in the middle of a fit."""
    for line in sys.stdin:
        requests.put(line)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


def main(scratch: str, preload_pykan: bool) -> None:
    """Serve requests until standard input closes. scratch: the folder to work in, removed at the end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # from here on, whatever is printed goes to standard error
    os.chdir(scratch)  # whatever pykan might write lands there

    def answer(event: str, **content: object) -> None:
        print(json.dumps({"event": event, **content}), file=answers, flush=True)

    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests, scratch), daemon=True).start()
    if preload_pykan:
        _preload_pykan()
    answer("ready")
    path, data = None, None
    while True:
        request = json.loads(requests.get())
        if request["dataset"] != path or data is None:
            path = request["dataset"]
            data = Dataset.load(Path(path))
        if "task" in request:
            _answer_task(answer, data, request["task"], request["arguments"])
        else:
            unit = Unit.from_dict(request["unit"])
            options = FitOptions(**request["options"])
            for outcome in fit_unit(data, unit, request["engine"], options, request["seed"]):
                answer("fit", **outcome.to_dict())
        answer("done")


def _answer_task(answer: Callable[..., None], data: Dataset, task: str, arguments: dict[str, Any]) -> None:
    """Do a task of kanlab.execution.tasks; misuse and breakdown are answers too."""
    from kanlab.execution.tasks import TASKS

    try:
        answer("result", value=TASKS[task](data, arguments))
    except (KanlabError, ArithmeticError, ValueError) as error:
        answer("error", message=f"{error}" if isinstance(error, KanlabError) else f"{type(error).__name__}: {error}")


def _preload_pykan() -> None:
    import torch

    import kanlab.engines.pykan_training  # noqa: F401

    torch.set_num_threads(1)


if __name__ == "__main__":
    main(sys.argv[1], preload_pykan="--preload-pykan" in sys.argv)
