"""Start the app: Streamlit, in its own process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from kanlab import programs, settings
from kanlab.errors import KanlabError
from kanlab.language import say
from kanlab.study.storage import from_here

FIRST_PORT = 8501
GRACE_SECONDS = 5.0  # in which the server may close what it has open
_PACKAGE = Path(__file__).resolve().parents[1]


def app_folder() -> Path:
    """The folder of app.py and pages/: beside the package in a checkout, inside it when installed from a wheel."""
    for folder in (_PACKAGE.parent, _PACKAGE / "_app"):
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder
    raise KanlabError(say("app.py is missing beside {package}; install kanlab again.", package=_PACKAGE))


def run_app(
    address: str, port: int, headless: bool, storage_url: str | None = None, *, base_path: str = "", study: str = ""
) -> int:
    """Run the app until it is interrupted; returns its exit code.

    storage_url: None leaves it to the environment.  base_path: under which a reverse proxy serves it.  study: the one on which
    a browser is opened.
    """
    settings.check()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise KanlabError(
                say(
                    "Port {port} of {address} cannot be used ({strerror}). Choose another one with --port.",
                    port=port,
                    address=address,
                    strerror=error.strerror,
                )
            ) from error
    folder = app_folder()
    command = programs.command("streamlit", "run", str(folder / "app.py"))
    base = base_path.strip("/")
    opens = bool(study) and not headless
    options = {"server.address": address, "server.port": port, "server.headless": str(headless or opens).lower()}
    options |= {"server.baseUrlPath": base} if base else {}
    command += [f"--{name}={value}" for name, value in options.items()]
    shown = f"[{address}]" if ":" in address else address
    home = f"http://{shown}:{port}" + f"/{base}" * bool(base)
    print(say("kanlab runs at {home}. Press Ctrl-C to end it.", home=home), file=sys.stderr, flush=True)
    link = f"{home}/?{urlencode({'study': study})}"
    if study:
        print(say("The study is at {link}", link=link), file=sys.stderr, flush=True)
    try:
        # cwd: the folder of .streamlit/config.toml; env: a URL may hold a password, which a list of processes must not show
        url = storage_url or settings.STORAGE()
        storage = {settings.STORAGE.name: from_here(url)} if url else {}
        with _ended_with_us(subprocess.Popen(command, cwd=folder, env=programs.environment(**storage))) as server:
            if opens and _answers(server, f"{home}/_stcore/health"):
                webbrowser.open(link)
            return server.wait()
    except KeyboardInterrupt:
        return 130


def open_study(study: str, storage_url: str | None = None) -> int:
    """Run the app on the first free port from 8501 on, and open a browser on a study."""
    return run_app("127.0.0.1", _free_port(), False, storage_url, study=study)


def _free_port() -> int:
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise KanlabError(say("No port from {first_port} on is free; end an app that still runs.", first_port=FIRST_PORT))


def _answers(server: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server answers; False where it ends before."""
    while server.poll() is None:
        with suppress(OSError), urlopen(url, timeout=1):
            return True
        time.sleep(0.1)
    return False


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
