"""`kanlab ARGUMENTS` in a process of its own whose studies are fitted by the fake worker. Run as a program."""

import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    from kanlab.cli.main import main
    from kanlab.execution import crew, remote
    from kanlab.execution.worker_process import WorkerProcess

    program = (str(Path(__file__).with_name("fake_worker.py")),)
    for module in (crew, remote):
        module.WorkerProcess = partial(WorkerProcess, program=program)  # type: ignore[attr-defined]
    sys.exit(main())
