"""Start the app: Streamlit, in its own process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kanlab import programs, settings
from kanlab.errors import KanlabError
from kanlab.study.storage import from_here

GRACE_SECONDS = 5.0  # in which the server may close what it has open
_PACKAGE = Path(__file__).resolve().parents[1]


def app_folder() -> Path:
    """The folder of app.py and pages/: beside the package in a checkout, inside it when installed from a wheel."""
    for folder in (_PACKAGE.parent, _PACKAGE / "_app"):
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder
    raise KanlabError(f"app.py is missing beside {_PACKAGE}; install kanlab again.")


def run_app(address: str, port: int, headless: bool, storage_url: str | None = None) -> int:
    """Run the app until it is interrupted; returns its exit code. storage_url: None leaves it to the environment."""
    settings.check()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise KanlabError(
                f"Port {port} of {address} cannot be used ({error.strerror}). Choose another one with --port."
            ) from error
    folder = app_folder()
    command = programs.command("streamlit", "run", str(folder / "app.py"))
    options = {"server.address": address, "server.port": port, "server.headless": str(headless).lower()}
    command += [f"--{name}={value}" for name, value in options.items()]
    shown = f"[{address}]" if ":" in address else address
    print(f"kanlab runs at http://{shown}:{port}. Press Ctrl-C to end it.", file=sys.stderr, flush=True)
    try:
        # cwd: the folder of .streamlit/config.toml; env: a URL may hold a password, which a list of processes must not show
        url = storage_url or settings.STORAGE()
        storage = {settings.STORAGE.name: from_here(url)} if url else {}
        with _ended_with_us(subprocess.Popen(command, cwd=folder, env=programs.environment(**storage))) as server:
            return server.wait()
    except KeyboardInterrupt:
        return 130


@contextmanager
def _ended_with_us(server: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A termination signal to this process reaches the server, and nothing of it is left at the end."""
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        yield server
    finally:
        signal.signal(signal.SIGTERM, before)
        server.terminate()
        try:
            server.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
