"""A process that forks supervisors to be killed: it has loaded kanlab once, so that each child begins at once.

Reads "NAME" lines, forks a child that runs that study to its end, and answers with the child's number. Run as a program.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _run(name: str) -> None:
    from kanlab.errors import KanlabError
    from kanlab.execution import worker_process
    from kanlab.execution.supervisor import Supervisor
    from kanlab.study.handle import load_study

    worker_process.PROGRAM = (str(Path(__file__).with_name("fake_worker.py")),)  # type: ignore[assignment]
    try:
        running = Supervisor(load_study(name))
        running.start()
    except KanlabError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(2)
    running.join()
    os._exit(0)


if __name__ == "__main__":
    import kanlab.execution.supervisor  # noqa: F401, loaded before the forks

    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(line.strip())
        print(child, flush=True)
