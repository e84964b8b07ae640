"""A PostgreSQL server of the tests' own, started from Debian's package and thrown away."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), Path("/nowhere")).parent


def _unprivileged() -> str | None:
    """The user to run as: PostgreSQL refuses root. None where we are none."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its SQLAlchemy URL and its process; it listens on 127.0.0.1 alone and trusts whoever asks."""
    folder = Path(tempfile.mkdtemp(prefix="kanlab-test-postgres-"))
    user = _unprivileged()
    if user:
        shutil.chown(folder, user)
    account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    name = user or getpass.getuser()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    process = None
    try:
        command = [BINARIES / "initdb", "-D", data, "-A", "trust", "-U", name, "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(command, check=True, **quiet, **account)  # type: ignore[call-overload]
        command = [BINARIES / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
        process = subprocess.Popen([*command, "-c", "fsync=off"], **quiet, **account)  # type: ignore[call-overload]
        deadline = time.monotonic() + 30
        while subprocess.run([BINARIES / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], **quiet).returncode:  # type: ignore[call-overload]
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)
        yield f"postgresql+psycopg://{name}@127.0.0.1:{port}/postgres", process
    finally:
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
