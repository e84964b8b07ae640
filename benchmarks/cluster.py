"""A Dask cluster beside the local pool, and a simulated one of many workers. Prints the tables of benchmarks/cluster.md.

    python benchmarks/cluster.py ratio                     # a study by 1 and 2 workers here: local pool, Dask
    python benchmarks/cluster.py stop                      # seconds from a wish to stop until the program of a long fit is gone
    python benchmarks/cluster.py simulate SLOTS UNITS [SECONDS]  # tasks that sleep in place of fits

The simulated cluster has a real scheduler and four real workers of very many threads, whose tasks sleep; so four connections to the
scheduler stand for those of many machines. Units go through the pool alone first, then those of a study with its SQLite file.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).parents[1]


def table(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (n, 4)), columns=list("abcd"))
    return frame.assign(y=np.sin(3 * frame.a) + frame.b * frame.c + 0.1 * rng.normal(size=n))


def scheduler(folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--scheduler-file", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (file.exists() and file.read_text().endswith("}")):
        time.sleep(0.1)
    return process, file


def worker(file: Path, threads: int = 1) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        "--scheduler-file",
        str(file),
        "--host",
        "127.0.0.1",
    ]
    command += ["--nthreads", str(threads), "--no-nanny", "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def await_workers(file: Path, count: int) -> None:
    from kanlab.execution.dask_cluster import cluster_workers

    while cluster_workers(file) != count:
        time.sleep(0.2)


def ratio(rounds: int = 3) -> None:
    """The same study side by side, local and Dask in turn, so that both have the load of the moment."""
    from kanlab.api import tune
    from kanlab.data.dataset import Dataset
    from kanlab.kan.search_space import SearchSpace

    data = Dataset.from_frame(table(), "y")
    space = SearchSpace((1, 4), (2, 6), (2, 3))
    print("| workers | local pool, s | Dask, s | ratio, median |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        process, file = scheduler(Path(folder))
        workers: list[subprocess.Popen[bytes]] = []
        try:
            for count in (1, 2):
                workers.append(worker(file))
                await_workers(file, count)
                tune(
                    data, SearchSpace((1, 1), (2, 3), (3, 3)), workers=count, dask=file
                )  # loads what a worker loads once
                seconds: dict[str, list[float]] = {"": [], "dask": []}
                for _ in range(rounds):
                    for where in seconds:
                        began = time.perf_counter()
                        tune(data, space, workers=count, dask=file if where else "")
                        seconds[where].append(time.perf_counter() - began)
                here, there = (", ".join(f"{s:.1f}" for s in times) for times in seconds.values())
                middle = np.median(np.divide(seconds["dask"], seconds[""]))
                print(f"| {count} | {here} | {there} | {middle:.2f} |", flush=True)
        finally:
            for started in [*workers, process]:
                started.kill()
                started.wait()


def stop(rounds: int = 5) -> None:
    """From the wish to stop to the end of the study, and of the program of a fit that would take minutes."""
    from kanlab.data.dataset import Dataset
    from kanlab.engines.registry import FitOptions
    from kanlab.execution.manager import manager
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.handle import create_study
    from kanlab.study.spec import StudySpec

    data = Dataset.from_frame(table(3000), "y")
    spec = StudySpec(space=SearchSpace((10, 10), (10, 10), (3, 3)), options=FitOptions(starts=64, time_limit=None))
    with tempfile.TemporaryDirectory() as folder:
        process, file = scheduler(Path(folder))
        dask = worker(file)
        try:
            await_workers(file, 1)
            for _ in range(rounds):
                handle = create_study(data, spec)
                supervisor = manager().start(handle, file)
                busy: list[psutil.Process] = []
                while not busy or busy[0].cpu_times().user < 4:  # in the midst of the fit
                    time.sleep(0.2)
                    busy = psutil.Process(dask.pid).children()
                began = time.perf_counter()
                manager().stop(handle)
                while busy[0].is_running() and busy[0].status() != psutil.STATUS_ZOMBIE:
                    time.sleep(0.005)
                program = time.perf_counter() - began
                supervisor.join()
                print(
                    f"program gone after {program:.2f} s, study stopped after {time.perf_counter() - began:.2f} s",
                    flush=True,
                )
        finally:
            for started in (dask, process):
                started.kill()
                started.wait()


# ---- simulated


def asleep(data: bytes | None, sha256: str, versions: dict[str, str], topic: str, order: str) -> None:
    """Stands for kanlab.execution.dask_task.work: says what that says, of fits that are only waited for."""
    from distributed import get_worker

    from kanlab.engines.registry import Outcome
    from kanlab.execution.messages import Begun, Done, Fit, Order, UnitTask, encode, read
    from kanlab.stats.metrics import Scores

    dask = get_worker()
    key, task = str(dask.get_current_task()), read(order, Order).task
    assert isinstance(task, UnitTask)
    dask.log_event(topic, [key, 0, encode(Begun(dask.address))])
    time.sleep(float(os.environ["SIMULATED_SECONDS"]) * random.uniform(0.5, 1.5))
    number = 1
    for neuron_num in task.unit.neuron_nums:
        curve = [20.0 / (1 + i) for i in range(20)]
        scores = Scores(rss_train=20 / (1 + neuron_num), rss_test=7.0)
        fit = Fit(Outcome(neuron_num, "iteration limit", 0.1, scores, iterations=20, loss_curve=curve))
        dask.log_event(topic, [key, number, encode(fit)])
        number += 1
    dask.log_event(topic, [key, number, encode(Done())])


class Units:
    """A `Queue` of so many units, which counts the answers and keeps nothing."""

    def __init__(self, task: Any, count: int) -> None:
        self._task, self._count, self.done = task, count, 0

    def left(self) -> int:
        return self._count

    def take(self) -> Any:
        from kanlab.execution.worker_pool import Job

        if not self._count:
            return None
        self._count -= 1
        return Job(self._task)

    def answered(self, job: Any, answer: Any) -> bool:
        self.done += 1
        return True

    def returned(self, job: Any) -> None:
        self._count += 1

    def ended(self, job: Any, reason: str) -> None:
        raise RuntimeError(reason)

    def late(self, job: Any) -> None:
        raise RuntimeError("late")


def megabytes(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 1e6


def simulate(slots: int, units: int, seconds: float, workers: int = 4) -> None:
    """Units through the pool alone, then a study of 270 configurations with its storage."""
    from benchmarks.cluster import asleep as stand_in  # by the name its workers import it by
    from kanlab.api import tune
    from kanlab.data.dataset import Dataset
    from kanlab.engines.registry import FitOptions, Unit
    from kanlab.execution import dask_pool
    from kanlab.execution.messages import UnitTask
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.storage import store_dataset

    os.environ["SIMULATED_SECONDS"] = str(seconds)
    dask_pool.work = stand_in  # type: ignore[attr-defined]
    data = Dataset.from_frame(table(20_000), "y")
    with tempfile.TemporaryDirectory() as folder:
        process, file = scheduler(Path(folder))
        started = [worker(file, slots // workers) for _ in range(workers)]
        try:
            while True:
                from kanlab.execution.dask_cluster import cluster_workers

                if cluster_workers(file) == slots // workers * workers:
                    break
                time.sleep(0.2)
            queue = Units(UnitTask(unit=Unit(3, 3, (2,)), engine="lm", options=FitOptions(), seed=0), units)
            pool = dask_pool.DaskPool(file, store_dataset(data))
            before, held, clock, cpu = (
                megabytes(os.getpid()),
                megabytes(process.pid),
                time.perf_counter(),
                time.process_time(),
            )
            asked = sum(psutil.Process(process.pid).cpu_times()[:2])
            most = before
            while queue.left() or pool.is_busy:
                pool.step(queue, sys.maxsize)
                most = max(most, megabytes(os.getpid()))
            took, cpu = time.perf_counter() - clock, time.process_time() - cpu
            asked = sum(psutil.Process(process.pid).cpu_times()[:2]) - asked
            print(
                f"pool: {slots} slots, {queue.done} units of {seconds:g} s in {took:.1f} s, {queue.done / took:.0f} a second "
                f"({slots / seconds:.0f} if nothing cost anything); processor time a unit: supervisor {1e3 * cpu / units:.2f} ms, "
                f"scheduler {1e3 * asked / units:.2f} ms; memory: supervisor {before:.0f} to {most:.0f} MB, scheduler "
                f"{held:.0f} to {megabytes(process.pid):.0f} MB",
                flush=True,
            )
            pool.close()
            clock = time.perf_counter()
            space = SearchSpace((1, 10), (2, 10), (1, 3), (1, 3))
            study = tune(
                data, space, engine="pykan-lbfgs", sampler="random", dask=file, name=f"simulated {slots} {units}"
            )
            took = time.perf_counter() - clock
            done = len(study.table)
            print(f"study: {done} trials with their storage in {took:.1f} s, {done / took:.0f} a second", flush=True)
        finally:
            for each in [*started, process]:
                each.kill()
                each.wait()


if __name__ == "__main__":
    os.environ.setdefault("KANLAB_HOME", tempfile.mkdtemp())
    match sys.argv[1:]:
        case ["ratio"]:
            ratio()
        case ["stop"]:
            stop()
        case ["simulate", slots, units, *rest]:
            simulate(int(slots), int(units), float(rest[0]) if rest else 1.0)
        case _:
            sys.exit(__doc__)
