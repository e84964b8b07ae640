"""Faults at random moments, many times over, and many users at once: results lost and doubled, the slowdown, the memory.

    python benchmarks/nights.py kills      20 studies of 4 kill -9 each
    python benchmarks/nights.py postgres   PostgreSQL started anew: immediate, fast, kill -9, 6 times each
    python benchmarks/nights.py frozen     the lead frozen for 40 s while another takes over; everything frozen for 40 s
    python benchmarks/nights.py disk       a disk that is full from each of 6 moments on (as root)
    python benchmarks/nights.py many       30 `kanlab tune` at once, without a name
    python benchmarks/nights.py watchers   a study with 1 and with 50 sessions on its Live page, side by side
    python benchmarks/nights.py reruns     200 runs of a page: memory of the server

Each prints rows for docs/reliability.md. Fits of kills, postgres, frozen and disk are those of tests/helpers/fake_worker.py, whose length
can be chosen; the processes, the storage and the signals are real. Lost are results there were before a fault and not after,
doubled are cells with two results.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kanlab.data.dataset import Dataset  # noqa: E402
from kanlab.errors import StudyError  # noqa: E402
from kanlab.kan.search_space import SearchSpace  # noqa: E402
from kanlab.study.handle import create_study, load_study, study_names  # noqa: E402
from kanlab.study.patience import patiently  # noqa: E402
from kanlab.study.spec import StudySpec  # noqa: E402
from kanlab.study.state import StudyState, read_state, write_state  # noqa: E402
from kanlab.study.storage import get_storage, own_url  # noqa: E402
from tests.helpers import fake_cli, fake_worker  # noqa: E402
from tests.helpers.app_server import AppServer  # noqa: E402
from tests.helpers.postgres import Server  # noqa: E402
from tests.helpers.sessions import Session  # noqa: E402
from tests.helpers.studies import by_cell  # noqa: E402

TUNE = [
    "--target",
    "y",
    "--engine",
    "pykan-lbfgs",
    "--neuron-num",
    "1:3",
    "--grid",
    "2:6",
    "--k",
    "1:2",
    "--workers",
    "2",
]
Row = tuple[object, ...]


def table(path: Path, rows: int = 60) -> pd.DataFrame:
    """y = sin(3 a) + b^2 with noise, as a CSV file."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, rows))
    frame = pd.DataFrame({"a": a, "b": b, "y": np.sin(3 * a) + b**2 + 0.1 * rng.normal(size=rows)})
    frame.to_csv(path, index=False)
    return frame


@contextlib.contextmanager
def a_home() -> Iterator[Path]:
    """A folder for kanlab's files that is thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="kanlab-nights-"))
    os.environ["KANLAB_HOME"] = str(folder / "home")
    table(folder / "table.csv")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Command:
    """`kanlab ARGUMENTS` in a process group of its own, its fits of so many seconds made by fake workers."""

    def __init__(self, folder: Path, *arguments: str, seconds: float = 0.15) -> None:
        log = folder / "fits.log"
        log.touch()
        plan = fake_worker.environment(log=str(log), seconds=seconds, jitter=seconds)
        self.said = Path(tempfile.mkstemp(dir=folder)[1])
        self.process = subprocess.Popen(
            [sys.executable, fake_cli.__file__, *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | plan,
            stdout=subprocess.DEVNULL,
            stderr=self.said.open("w"),
            start_new_session=True,
        )

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the process, or to its workers as well."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self) -> int:
        """Wait for it; its exit code, or 1 where it printed a traceback."""
        code = self.process.wait(600)
        return 1 if "Traceback" in self.said.read_text() else code


def results(name: str, url: str | None = None) -> list[Row]:
    """Cells with a result, and their numbers; none where there is no study yet."""
    try:
        handle = patiently(lambda: load_study(name, storage_url=url))
    except StudyError:
        return []
    return by_cell([r for r in patiently(handle.records) if r.state != "running"])


def wait_for_results(name: str, count: int, command: Command, url: str | None = None) -> list[Row]:
    """Its results as soon as there are so many, or the command has ended."""
    while len(found := results(name, url)) < count and command.process.poll() is None:
        time.sleep(0.1)
    return found


class Account:
    """What has been lost and doubled in all studies of a fault."""

    def __init__(self, fault: str) -> None:
        self.fault, self.lost, self.doubled, self.runs, self.least, self.most = fault, 0, 0, 0, 10**9, 0
        self.codes: Counter[int] = Counter()
        self.began = time.monotonic()

    def fault_at(self, before: list[Row], after: list[Row]) -> None:
        """Compare the results before a fault with those after it."""
        self.least, self.most = min(self.least, len(before)), max(self.most, len(before))
        self.lost += sum(row not in after for row in before)

    def end(self, name: str, url: str | None, codes: list[int]) -> None:
        """A study is over, and with it the commands that ran it."""
        handle = load_study(name, storage_url=url)
        found = Counter(row[0] for row in results(name, url))
        cells = handle.spec.admissible(handle.data.n_train, handle.data.d)
        self.lost += (
            len(set(cells) - found.keys()) if read_state(handle.optuna.user_attrs).name == "finished" else 10**6
        )
        self.doubled += sum(count - 1 for count in found.values())
        self.runs += 1
        self.codes.update(codes)

    def show(self) -> None:
        """A row."""
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.codes.items()))
        print(
            f"| {self.fault} | {self.runs} | {self.least} to {self.most} | {self.lost} | {self.doubled} | exit {codes} |"
            f" {time.monotonic() - self.began:.0f} s",
            flush=True,
        )


def kills(studies: int = 20, each: int = 4) -> None:
    """The lead is killed at random moments, every other time with its workers, and the study resumed."""
    account, moments = Account(f"kill -9, {studies} studies of {each}"), random.Random(12)
    with a_home() as folder:
        for i in range(studies):
            name, codes = f"killed {i}", []
            for kill in range(each):
                known = results(name)
                verb = (
                    ["resume", name]
                    if name in study_names(get_storage())
                    else ["tune", str(folder / "table.csv"), *TUNE]
                )
                command = Command(folder, *verb, *(["--study", name] if verb[0] == "tune" else []))
                if kill:  # the first one strikes at any moment, also while the study is made
                    wait_for_results(name, len(known) + 1, command)
                time.sleep(moments.uniform(0, 0.8 if kill else 3.0))
                before = results(name)
                command.signal(signal.SIGKILL, group=kill % 2 == 1)
                command.process.wait()
                account.fault_at(before, results(name))
            there = name in study_names(get_storage())
            verb = ["resume", name] if there else ["tune", str(folder / "table.csv"), *TUNE, "--study", name]
            codes.append(Command(folder, *verb, seconds=0.01).end())
            account.end(name, None, codes)
    account.show()


def postgres(each: int = 6) -> None:
    """PostgreSQL goes in the middle of a study and is there again after 1 to 5 s."""
    for how in ("immediate", "fast", "kill -9"):
        account, moments = Account(f"PostgreSQL {how}, {each} times"), random.Random(3)
        with a_home() as folder:
            server = Server()
            server.start()
            data = Dataset.from_frame(pd.read_csv(folder / "table.csv"), "y", name="table.csv")
            for i in range(each):
                name, verb = f"restarted {i}", ("tune", "resume", "rerun")[i % 3]
                spec = StudySpec(space=SearchSpace((1, 3), (2, 6), (1, 2)), engine="pykan-lbfgs", workers=2)
                if verb == "tune":
                    arguments = ["tune", str(folder / "table.csv"), *TUNE, "--study", name]
                else:
                    create_study(data, spec, name=name, storage_url=server.url)
                    arguments = ["resume", name]
                if verb == "rerun":
                    Command(folder, "resume", name, "--storage", server.url, seconds=0.0).end()
                    arguments = ["rerun", name, "--study", name := f"{name} again"]
                command = Command(folder, *arguments, "--storage", server.url)
                before = wait_for_results(name, 5, command, server.url)
                server.stop(how)
                time.sleep(moments.uniform(1, 5))
                server.start()
                code = command.end()
                account.fault_at(before, results(name, server.url))
                account.end(name, server.url, [code])
            server.close()
        account.show()


def frozen(seconds: float = 40.0) -> None:
    """The lead sleeps while another command takes its study over; then all there is sleeps, the server as well."""
    account = Account(f"lead frozen for {seconds:g} s, another takes over")
    for short in (True, False):  # whether the other is done when the lead wakes up
        with a_home() as folder:
            first = Command(folder, "tune", str(folder / "table.csv"), *TUNE, "--study", "slept")
            before = wait_for_results("slept", 5, first)
            first.signal(signal.SIGSTOP)
            began = time.monotonic()
            second = None
            while second is None or (second.process.poll() == 2 and time.monotonic() - began < seconds):
                second = Command(folder, "resume", "slept", seconds=0.15 if short else 3.0)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    second.process.wait(20)
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            first.signal(signal.SIGCONT)
            codes = [first.end(), second.end()]
            account.fault_at(before, results("slept"))
            account.end("slept", None, codes)
    account.show()
    account = Account(f"everything frozen for {seconds:g} s: lead, workers, PostgreSQL")
    with a_home() as folder:
        server = Server()
        server.start()
        command = Command(folder, "tune", str(folder / "table.csv"), *TUNE, "--study", "slept", "--storage", server.url)
        before = wait_for_results("slept", 5, command, server.url)
        processes = server.processes()
        for number in (signal.SIGSTOP, signal.SIGCONT):
            command.signal(number, group=True)
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            time.sleep(seconds if number == signal.SIGSTOP else 0)
        code = command.end()
        account.fault_at(before, results("slept", server.url))
        account.end("slept", server.url, [code])
        server.close()
    account.show()


def disk() -> None:
    """A file system of 16 MB is full from a moment on, for 5 s: before the study is made, or after so many results."""
    account = Account("disk full for 5 s from each of 6 moments on")
    for moment in (None, 0, 5, 10, 15, 20):
        with a_home() as folder:
            home = folder / "home"
            home.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(home)], check=True)
            try:
                get_storage(own_url()).get_all_studies()
                arguments = ["tune", str(folder / "table.csv"), *TUNE, "--study", "full"]
                command = None if moment is None else Command(folder, *arguments)
                if moment is not None:
                    while "full" not in study_names(get_storage()):
                        time.sleep(0.05)
                before = wait_for_results("full", moment, command) if moment is not None and command is not None else []
                filler = home / "other people's data"
                with filler.open("wb", buffering=0) as file:
                    for block in (2**16, 2**9):
                        with contextlib.suppress(OSError):
                            while file.write(b"x" * block):
                                pass
                if command is None:
                    refused = Command(folder, *arguments).end()
                    assert refused == 2, refused
                    assert study_names(get_storage()) == []
                time.sleep(5)
                filler.unlink()
                code = (command or Command(folder, *arguments)).end()
                account.fault_at(before, results("full"))
                account.end("full", None, [code])
            finally:
                from kanlab.study import storage
                from kanlab.study.optuna_adapter import database

                database(storage._storages.pop(own_url())).dispose()
                subprocess.run(["umount", "--lazy", str(home)], check=True)
    account.show()


def many(count: int = 30) -> None:
    """So many commands at once on a home that is empty."""
    account = Account(f"{count} studies at once, no name given")
    with a_home() as folder:
        commands = [Command(folder, "tune", str(folder / "table.csv"), *TUNE, seconds=0.01) for _ in range(count)]
        codes = [command.end() for command in commands]
        for name in study_names(get_storage()):
            account.fault_at([], [])
            account.end(name, None, [])
        account.codes.update(codes)
    account.show()


# ---- the app


async def _run_watched(server: AppServer, name: str, watchers: int) -> tuple[float, float]:
    """Seconds a study takes with so many sessions on its page, all of them open before it starts, and looks a second."""
    until = asyncio.Event()
    sessions = [Session(server.port, "live", f"study={name}") for _ in range(watchers)]
    tasks = [asyncio.create_task(session.live(until)) for session in sessions]
    while not all(s.runs and s.buttons for s in sessions):
        await asyncio.sleep(0.1)
    sessions[0].press("Resume")
    handle = load_study(name)

    def state() -> StudyState:
        return read_state(handle.optuna.user_attrs)

    while not state().is_live:
        await asyncio.sleep(0.1)
    for session in sessions[1:]:
        session.rerun()  # the page does not poll a study that does not run
    before = sum(s.runs for s in sessions)
    while state().name != "finished":
        await asyncio.sleep(0.5)
    looks = sum(s.runs for s in sessions) - before
    problems = [p for s in sessions for p in s.problems]
    until.set()
    await asyncio.gather(*tasks)
    assert not problems, (problems[:3], server.log.read_text()[-4000:])
    return state().elapsed, looks / state().elapsed


def watchers(pairs: int = 3, count: int = 50) -> None:
    """The same study of the app, lm on 1,000 rows, watched by one and by many, in turn."""
    with a_home() as folder:
        frame = table(folder / "large.csv", 1250)
        data = Dataset.from_frame(frame, "y", name="large.csv")
        server = AppServer(folder / "home", command=True)
        space = SearchSpace((1, 6), (2, 8), (1, 3))
        taken: dict[int, list[float]] = {1: [], count: []}
        try:
            for pair in range(pairs + 1):  # the first one warms up
                for number in taken:
                    handle = create_study(data, StudySpec(space=space, workers=1), name=f"watched {pair} by {number}")
                    write_state(handle.optuna, StudyState("stopped", "To be watched."))
                    seconds, looks = asyncio.run(_run_watched(server, handle.name, number))
                    if pair:
                        taken[number].append(seconds)
                    print(f"watched by {number}: {seconds:.1f} s, {looks:.1f} looks/s", flush=True)
        finally:
            server.close()
        ratios = [b / a for a, b in zip(*taken.values(), strict=True)]
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {count} watchers over 1, pairs side by side | {listed} | median {statistics.median(ratios):.2f} |")


async def _rerun(server: AppServer, name: str, runs: int) -> list[float]:
    """Memory of the server in MB after each tenth of so many runs of a page."""
    until, found = asyncio.Event(), []
    session = Session(server.port, "live", f"study={name}")
    task = asyncio.create_task(session.live(until))
    for run in range(runs):
        while session.runs <= run:
            await asyncio.sleep(0.01)
        if run % (runs // 10) == 0:
            found.append(psutil.Process(server.ui_pid).memory_info().rss / 1e6)
        session.rerun()
    until.set()
    await task
    return found


def reruns(runs: int = 200) -> None:
    """One session, its page run again and again."""
    with a_home() as folder:
        command = Command(folder, "tune", str(folder / "table.csv"), *TUNE, "--study", "shown", seconds=0.0)
        assert command.end() == 0
        server = AppServer(folder / "home", command=True)
        try:
            found = asyncio.run(_rerun(server, "shown", runs))
        finally:
            server.close()
        print(f"| {runs} reruns, MB after each tenth | {', '.join(f'{mb:.0f}' for mb in found)} |")


if __name__ == "__main__":
    parts = {f.__name__: f for f in (kills, postgres, frozen, disk, many, watchers, reruns)}
    if len(sys.argv) < 2 or not set(sys.argv[1:]) <= parts.keys():
        sys.exit(f"python benchmarks/nights.py {' | '.join(parts)}")
    for part in sys.argv[1:]:
        parts[part]()
