"""A Dask cluster of programs on 127.0.0.1: `dask scheduler` and `dask worker`, as a user starts them."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.helpers import fake_worker
from tests.helpers.studies import wait_for

ROOT = Path(__file__).parents[2]
_FITS = "KANLAB_FAKE_WORKER"


class DaskPrograms:
    """One scheduler and its workers, each worker a process of one thread. folder: for their files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.file = folder / "scheduler.json"
        self._folder = folder
        self._plan: dict[str, str] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(self.file))
        wait_for(lambda: self.file.exists() and self.file.read_text().endswith("}"), 60)
        self.address = str(json.loads(self.file.read_text())["address"])

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        options = ["--host", "127.0.0.1", "--no-dashboard", *arguments]
        log = (self._folder / f"{program}.log").open("ab")
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{program}", *options],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | self._plan,
            cwd=self._folder,
            stdout=log,
            stderr=log,
        )

    def join(self, count: int = 1) -> None:
        """Start workers; they arrive when they are ready."""
        options = ["--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny", "--preload", __name__]
        self.workers += [self._start("worker", *options) for _ in range(count)]

    def living(self) -> list[subprocess.Popen[bytes]]:
        return [w for w in self.workers if w.poll() is None]

    def ready(self, count: int) -> None:
        """Have so many workers, and wait until they are there."""
        from distributed import Client

        self.join(max(0, count - len(self.living())))
        with Client(self.address, set_as_default=False) as client:
            wait_for(lambda: set(client.nthreads()) and len(client.nthreads()) == count, 120)

    def use(self, plan: Mapping[str, str]) -> None:
        """Have fits as the plan says, of fake_worker.environment, or real ones where it is empty; no program is left."""
        from distributed import Client

        self._plan = dict(plan)
        with Client(self.address, set_as_default=False) as client:
            client.run(obey, self._plan)

    @contextmanager
    def changed(self, **values: float) -> Iterator[None]:
        """With another value of IDLE_SECONDS or GRACE_SECONDS in the workers that are there."""
        from distributed import Client

        from kanlab.execution import dask_task, process_pool

        homes = {"IDLE_SECONDS": dask_task, "GRACE_SECONDS": process_pool}
        with Client(self.address, set_as_default=False) as client:
            for name, value in values.items():
                client.run(change, homes[name].__name__, name, value)
            try:
                yield
            finally:
                for name in values:
                    client.run(change, homes[name].__name__, name, getattr(homes[name], name))

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        for process in [*self.living(), self.scheduler]:
            process.kill()
            process.wait()


def obey(plan: dict[str, str]) -> None:
    """In a Dask worker: its fits are made by the fake worker, or by the real one."""
    from kanlab.execution import dask_task, worker_process

    dask_task.end_idle_programs()
    os.environ.pop(_FITS, None)
    os.environ.update(plan)
    program = (fake_worker.__file__,) if plan else ("-P", "-m", "kanlab.execution.worker")
    worker_process.PROGRAM = program  # type: ignore[assignment]


def change(module: str, name: str, value: float) -> None:
    """In a Dask worker: a constant of a module."""
    setattr(importlib.import_module(module), name, value)


def dask_setup(worker: object) -> None:
    """Called by Dask as a worker starts that was given this module as its preload."""
    if _FITS in os.environ:
        obey({_FITS: os.environ[_FITS]})


def gone(pids: set[int]) -> bool:
    """Whether no program of these is left."""

    def lives(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return not any(map(lives, pids))
