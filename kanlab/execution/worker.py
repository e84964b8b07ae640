"""The worker program, `python -m kanlab.execution.worker SCRATCH`: does what arrives on standard input, a request a line.

What it reads and answers is said in kanlab.execution.messages. It is a program of its own, not a child of multiprocessing,
because that would run the Streamlit script again. It ends when its standard input closes, so no worker outlives its
supervisor; what a library prints goes to standard error.
"""

from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
from pathlib import Path

# one thread a worker, and no progress bars: both are read when the libraries are imported
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["MPLBACKEND"] = "agg"

from kanlab.execution import late_pandas  # noqa: E402

late_pandas.install()

import kanlab.solver.fit  # noqa: E402, F401, what nearly every request needs, loaded before the first one comes
from kanlab.data.dataset import Dataset  # noqa: E402
from kanlab.engines.registry import fit_unit  # noqa: E402
from kanlab.errors import KanlabError  # noqa: E402
from kanlab.execution.messages import (  # noqa: E402
    AnyTask,
    Done,
    Error,
    Fit,
    Message,
    MessageError,
    Ready,
    Result,
    UnitTask,
    decode_request,
    encode,
)
from kanlab.language import use  # noqa: E402


def _read_requests(requests: queue.SimpleQueue[str], scratch: str) -> None:
    """Forward lines until the supervisor is gone; then leave nothing and end at once, even in the middle of a fit."""
    for line in sys.stdin:
        requests.put(line)
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


@use("en")
def main(scratch: str, preload_pykan: bool) -> None:
    """Serve requests until standard input closes. scratch: the folder to work in, removed at the end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # from here on, whatever is printed goes to standard error
    os.chdir(scratch)  # whatever pykan might write lands there

    def say(message: Message) -> None:
        print(encode(message), file=answers, flush=True)

    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests, scratch), daemon=True).start()
    if preload_pykan:
        _preload_pykan()
    say(Ready())
    path, data = None, None
    while True:
        try:
            request = decode_request(requests.get())
        except MessageError as error:
            say(Error(str(error)))
            say(Done())
            continue
        if request.dataset != path or data is None:
            path = request.dataset
            data = Dataset.load(Path(path))
        task = request.task
        if isinstance(task, UnitTask):
            for outcome in fit_unit(data, task.unit, task.engine, task.options, task.seed):
                say(Fit(outcome))
        else:
            say(_answer(data, task))
        say(Done())


def _answer(data: Dataset, task: AnyTask) -> Result | Error:
    """Do a task of kanlab.execution.tasks; misuse and breakdown are answers too."""
    from kanlab.execution.tasks import answer

    try:
        return Result(answer(data, task))
    except KanlabError as error:
        return Error(str(error))
    except (ArithmeticError, ValueError) as error:
        return Error(f"{type(error).__name__}: {error}")


def _preload_pykan() -> None:
    import torch

    import kanlab.engines.pykan_training  # noqa: F401

    torch.set_num_threads(1)


if __name__ == "__main__":
    main(sys.argv[1], preload_pykan="--preload-pykan" in sys.argv)
