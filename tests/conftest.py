"""Fixtures for every test: a kanlab home of its own, and small data sets."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from optuna.storages._rdb.storage import _VersionManager

from kanlab.data.dataset import Dataset
from kanlab.execution import worker_process
from kanlab.study import storage
from kanlab.study.optuna_adapter import database
from tests.helpers import fake_worker, fork_server, postgres

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.helpers.dask_programs import DaskPrograms

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as of a job in a shell's background; programs begun here inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# one for the homes of all tests: each would else have the loops compiled anew, in a process of its own
os.environ["KANLAB_COMPILED"] = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")

os.environ["LC_ALL"] = "C.UTF-8"  # sentences are English, whatever the terminal speaks

settings.register_profile("kanlab", deadline=None, derandomize=True)
settings.load_profile("kanlab")


@pytest.fixture(scope="session", autouse=True)
def _tables_history() -> Iterator[None]:
    """Optuna's scripts of the history of its tables are read once, not three times for each new storage of a test."""
    read = _VersionManager._create_alembic_script
    found: list[Any] = []

    def once(manager: _VersionManager) -> Any:
        if not found:
            found.append(read(manager))
        return found[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "_create_alembic_script", once)
        yield


_START, _WORKER = worker_process._start, worker_process.PROGRAM


def _start_forked(preload_pykan: bool, program: tuple[str, ...]) -> worker_process._Started:
    if program != _WORKER:
        return _START(preload_pykan, program)
    forked = _START(preload_pykan, tuple(fork_server.command("kanlab.execution.worker")[1:]))
    return replace(forked, program=program)


@pytest.fixture(scope="session", autouse=True)
def _forked_workers() -> Iterator[None]:
    """Workers that fit come from a process that has loaded what they need, on Linux; but for `real_workers`."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            patch.setattr(worker_process, "_start", _start_forked)
        yield


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are started as a user has them."""
    monkeypatch.setattr(worker_process, "_start", _START)


def pytest_collection_finish() -> None:
    """What collection made stays until the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def kanlab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home; at the end no study runs on and no storage stays open."""
    home = tmp_path / "home"
    monkeypatch.setenv("KANLAB_HOME", str(home))
    monkeypatch.delenv("KANLAB_STORAGE", raising=False)
    monkeypatch.delenv("KANLAB_DASK", raising=False)
    monkeypatch.delenv("KANLAB_LANG", raising=False)
    storage._storages.clear()
    yield home
    if "kanlab.execution.manager" in sys.modules:
        from kanlab.execution.manager import manager

        for supervisor in list(manager()._supervisors.values()):
            if supervisor.is_alive():
                manager().stop(supervisor.handle)
                supervisor.join(20)
    for opened in storage._storages.values():
        database(opened).dispose()
    storage._storages.clear()


@pytest.fixture
def frame() -> pd.DataFrame:
    """60 rows of y = sin(2 a) + b^2 with noise, a category and a column with gaps."""
    rng = np.random.default_rng(7)
    a, b = rng.uniform(-1, 1, 60), rng.uniform(-1, 1, 60)
    gaps = rng.normal(size=60)
    gaps[[3, 17, 40]] = np.nan
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "kind": rng.choice(["red", "green", "blue"], 60),
            "gaps": gaps,
            "y": np.sin(2 * a) + b**2 + 0.1 * rng.normal(size=60),
        }
    )


@pytest.fixture
def small(frame: pd.DataFrame) -> Dataset:
    """Two features, 48 training and 12 test rows."""
    return Dataset.from_frame(frame, "y", ["a", "b"], name="small.csv")


@pytest.fixture
def csv(frame: pd.DataFrame, tmp_path: Path) -> str:
    """The two features and the target as a file."""
    path = tmp_path / "small.csv"
    frame[["a", "b", "y"]].to_csv(path, index=False)
    return str(path)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app, just opened."""
    from streamlit.testing.v1 import AppTest

    from tests.helpers.pages import APP, ServedPages

    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", ServedPages)
    return AppTest.from_file(APP, default_timeout=30).run()


@pytest.fixture
def fake_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Studies of this test are fitted by tests/helpers/fake_worker.py; call it with a plan, get the log of the fits."""
    log = tmp_path / "fits.log"
    log.touch()

    def use(**plan: Any) -> Path:
        for name, value in fake_worker.environment(log=str(log), **plan).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(worker_process, "PROGRAM", (fake_worker.__file__,))
        return log

    return use


@pytest.fixture
def one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies that do not say how many workers they want have one, as on a machine of one core.

    To start a second one takes longer than all fits of a study of a test.
    """
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskPrograms]:
    """A Dask scheduler and workers, as programs."""
    from tests.helpers.dask_programs import DaskPrograms

    started = DaskPrograms(tmp_path_factory.mktemp("dask"))
    yield started
    started.close()


@pytest.fixture
def plan(programs: DaskPrograms, fake_workers: Callable[..., Path]) -> Callable[..., Path]:
    """Have the fits of the cluster's workers made up by this plan; returns the log of the fits."""

    def use(workers: int = 2, **content: Any) -> Path:
        log = fake_workers(**content)
        programs.ready(workers)
        programs.use(fake_worker.environment(log=str(log), **content))
        return log

    return use


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A running PostgreSQL. Without Debian's package its tests skip, unless KANLAB_REQUIRE_POSTGRESQL is set."""
    if not (postgres.BINARIES / "initdb").exists():
        if os.environ.get("KANLAB_REQUIRE_POSTGRESQL"):
            pytest.fail("PostgreSQL is missing, and KANLAB_REQUIRE_POSTGRESQL asks for it")
        pytest.skip("PostgreSQL is missing")
    server = postgres.Server()
    server.start()
    yield server
    server.close()


@pytest.fixture
def url(postgres_server: postgres.Server) -> str:
    """Storage URL of the PostgreSQL server."""
    return postgres_server.url
