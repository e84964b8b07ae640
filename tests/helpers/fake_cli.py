"""`kanlab ARGUMENTS` in a process of its own whose studies are fitted by the fake worker. Run as a program."""

import sys
from pathlib import Path

if __name__ == "__main__":
    from kanlab.cli.main import main
    from kanlab.execution import worker_process

    worker_process.PROGRAM = (str(Path(__file__).with_name("fake_worker.py")),)  # type: ignore[assignment]
    sys.exit(main())
