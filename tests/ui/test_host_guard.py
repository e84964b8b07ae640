"""Host and Origin of every request: what is refused, by rule and by the app as it is started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanlab.hosts import Host, parse_host, parse_origin
from kanlab.ui.host_guard import HostGuard

ROOT = Path(__file__).parents[2]
OWN = "127.0.0.1:8501"


def passes(
    host: str | None, *origins: str, kind: str = "http", address: str | None = "127.0.0.1", came_to: str = "127.0.0.1"
) -> bool:
    """Whether the guard lets a request through; what it answers otherwise is checked."""
    inside, sent = [], []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        inside.append(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the guard reads no body")

    headers = [(b"host", host.encode("latin-1"))] if host is not None else []
    headers += [(b"origin", origin.encode("latin-1")) for origin in origins]
    scope = {"type": kind, "server": (came_to, 8501), "headers": headers, "path": "/"}
    with pytest.raises(StopIteration):  # it waits for nothing, so it needs no event loop
        HostGuard(application, address)(scope, receive, send).send(None)
    if not inside:
        kinds = ["websocket.close"] if kind == "websocket" else ["http.response.start", "http.response.body"]
        assert [message["type"] for message in sent] == kinds
        assert sent[0].get("status", 403) == 403
    return bool(inside)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("host", "through"),
    [
        (OWN, True),
        ("localhost:8501", True),
        ("LOCALHOST:8501", True),
        ("[::1]:8501", True),
        ("localhost", False),
        ("localhost:8502", False),
        ("evil.example:8501", False),
        ("127.0.0.1.evil.example:8501", False),
        ("user@localhost:8501", False),
        ("localhost:8501/", False),
        ("localhost:8501, evil.example", False),
        ("[::1", False),
        ("[::2]:8501", False),
        ("10.0.0.1:8501", False),
        ("localhost:\xb2", False),
        ("", False),
        (None, False),
    ],
)
def test_hosts(host: str | None, through: bool, kind: str) -> None:
    assert passes(host, kind=kind) == through


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "through"),
    [
        ("http://127.0.0.1:8501", True),
        ("http://localhost:8501", True),
        ("http://[::1]:8501", True),
        ("http://localhost:3000", False),
        ("http://localhost", False),
        ("http://evil.example:8501", False),
        ("https://evil.example", False),
        ("localhost:8501", False),
        ("file://localhost:8501", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str, through: bool, kind: str) -> None:
    assert passes(OWN, origin, kind=kind) == through
    assert not passes("evil.example:8501", origin, kind=kind)
    assert not passes(OWN, "http://localhost:8501", "http://evil.example", kind=kind)  # all of them count


def test_the_address_that_is_served() -> None:
    assert passes("10.0.0.7:8501", "http://10.0.0.7:8501", address="10.0.0.7", came_to="10.0.0.7")
    assert passes("kanlab.lan:8501", address="kanlab.lan", came_to="10.0.0.7")
    for every in (None, "", "0.0.0.0", "::"):
        assert passes("10.0.0.7:8501", address=every, came_to="10.0.0.7")
        assert passes("10.0.0.7:8501", address=every, came_to="::ffff:10.0.0.7")
        assert not passes("10.0.0.8:8501", address=every, came_to="10.0.0.7")
        assert not passes(OWN, "http://10.0.0.8:8501", address=every)
        assert not passes("0.0.0.0:8501", address=every)


def test_names_the_operator_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not passes("kanlab.example.org", "https://kanlab.example.org")
    monkeypatch.setenv("KANLAB_HOSTS", "kanlab.example.org, localhost:9000,[fd00::1]:9000")
    assert passes("kanlab.example.org", "https://kanlab.example.org", kind="websocket")
    assert passes("Kanlab.example.org:8501", "http://kanlab.example.org:8501")
    assert passes("localhost:9000", "http://localhost:9000")
    assert passes("[fd00::1]:9000")
    assert passes(OWN)
    for host in ("kanlab.example.org:3000", "localhost:9001", "localhost", "www.kanlab.example.org", "[fd00::1]"):
        assert not passes(host)
    assert not passes("kanlab.example.org", "https://kanlab.example.org:3000")


def test_what_they_say() -> None:
    assert parse_host("[::1]:8501") == Host("::1", 8501)
    assert parse_host("Name") == Host("name", None)
    assert parse_origin("https://name") == Host("name", 443)
    assert parse_origin("http://name:1") == Host("name", 1)


@pytest.fixture(scope="module", params=["kanlab app", "streamlit run app.py"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the app, started as a user starts it."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    if request.param == "kanlab app":
        command = ["kanlab", "app", "--headless", "--port", str(number)]
    else:
        options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={number}"]
        command = ["streamlit", "run", str(ROOT / "app.py"), *options]
    environment = os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                handshake(number, "/_stcore/health", f"127.0.0.1:{number}")
                break
            except OSError:
                assert process.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.3)
        yield number
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the app is a child of the command
        process.wait(30)


def handshake(port: int, path: str, host: str, origin: str | None = None, *, upgrade: bool = False) -> int:
    """The status of the answer to a request written by hand."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"] + ([f"Origin: {origin}"] if origin else [])
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: streamlit"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = connection.recv(4096)
    if not answer:
        raise ConnectionError
    return int(answer.split()[1])


def test_the_app_as_it_is_started(port: int) -> None:
    own, page = f"127.0.0.1:{port}", f"http://localhost:{port}"
    for path in ("/", "/_stcore/health"):
        assert handshake(port, path, own) == 200
        assert handshake(port, path, own, page) == 200
        assert handshake(port, path, f"evil.example:{port}") == 403
        assert handshake(port, path, own, "http://localhost:1") == 403
    assert handshake(port, "/_stcore/stream", own, page, upgrade=True) == 101
    assert (
        handshake(port, "/_stcore/stream", f"evil.example:{port}", f"http://evil.example:{port}", upgrade=True) == 403
    )
    for foreign in (f"http://evil.example:{port}", "http://localhost:1", "null"):
        assert handshake(port, "/_stcore/stream", own, foreign, upgrade=True) == 403
