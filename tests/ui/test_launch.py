"""Where the app is found, how it is started and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url

from kanlab.errors import KanlabError
from kanlab.study.storage import from_here
from kanlab.ui import launch

ROOT = Path(launch.__file__).parents[2]


def test_a_checkout_has_the_app_beside_the_package() -> None:
    assert launch.app_folder() == ROOT


def test_a_wheel_has_the_app_within_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files it takes with it are those that `kanlab app` needs."""
    monkeypatch.setattr(launch, "_PACKAGE", tmp_path / "kanlab")
    with pytest.raises(KanlabError, match="install kanlab again"):
        launch.app_folder()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for source, target in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, tmp_path / target)
    folder = launch.app_folder()
    assert folder == tmp_path / "kanlab" / "_app"
    assert {p.name for p in folder.glob("pages/*.py")} == {p.name for p in ROOT.glob("pages/*.py")}
    assert (folder / ".streamlit" / "config.toml").is_file()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_too(kanlab_home: Path, number: signal.Signals) -> None:
    """The signal goes to the command alone, as a service manager sends it; afterwards the port is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kanlab", "app", "--headless", "--port", str(port)]
    started = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not _listens(port):
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        family = psutil.Process(started.pid).children(recursive=True)
        assert family
        started.send_signal(number)
        started.wait(30)
        _, left = psutil.wait_procs(family, timeout=10)
        assert left == []
        assert not _listens(port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("url", "path"), [("sqlite:///my%20own.db", "my own.db"), ("sqlite+pysqlite:///d/s.db?timeout=3", "d/s.db")]
)
def test_a_relative_path_of_sqlite_is_one_of_the_folder_the_command_was_started_in(
    url: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "odd 100% #1?"
    folder.mkdir()
    monkeypatch.chdir(folder)
    meant, found = make_url(url), make_url(from_here(url))
    assert found.database == str(folder / (meant.database or ""))
    assert Path(meant.database or "") == Path(path)
    assert found.set(database=meant.database) == meant


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:////a/b.db", "postgresql://u:p%40w@host/name", "no address"]
)
def test_any_other_address_stays_as_it_is(url: str) -> None:
    assert from_here(url) == url


@pytest.mark.parametrize("by_option", [True, False])
def test_the_server_is_told_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_option: bool) -> None:
    told = []

    class Server:
        def __init__(self, command: list[str], *, cwd: Path, env: dict[str, str]) -> None:
            told.append(env["KANLAB_STORAGE"])

        def wait(self, timeout: float | None = None) -> int:
            return 0

        def terminate(self) -> None:
            pass

    monkeypatch.setattr(subprocess, "Popen", Server)
    monkeypatch.chdir(tmp_path)
    if not by_option:
        monkeypatch.setenv("KANLAB_STORAGE", "sqlite:///mine.db")
    assert launch.run_app("127.0.0.1", 0, True, "sqlite:///mine.db" if by_option else None) == 0
    assert told == [f"sqlite:///{tmp_path}/mine.db"]
