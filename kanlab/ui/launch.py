"""Start the app: Streamlit, in its own process."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from kanlab import programs, settings
from kanlab.errors import KanlabError

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
        storage = {settings.STORAGE.name: storage_url} if storage_url else {}
        return subprocess.call(command, cwd=folder, env=programs.environment(**storage))
    except KeyboardInterrupt:
        return 130
