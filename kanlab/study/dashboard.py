"""optuna-dashboard on the same storage: read-only, and for this machine only, unless asked otherwise.

The dashboard has no login and open routes that delete studies, so by default every method but GET and HEAD is refused,
and so is a Host header that is not this machine's (a page elsewhere cannot reach it through the user's browser).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from kanlab import programs
from kanlab.errors import StudyError
from kanlab.hosts import is_local, parse_host
from kanlab.language import say
from kanlab.settings import STORAGE
from kanlab.study.artifacts import DatabaseArtifactStore
from kanlab.study.storage import default_url, get_storage

_READY = "listening on "

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def guarded(application: WSGIApplication, *, writable: bool) -> WSGIApplication:
    """The application behind a check of the Host and, unless writable, of the method."""

    def guard(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refused = ""
        if not is_local(parse_host(environ.get("HTTP_HOST", ""))):
            refused = "This server answers on 127.0.0.1 only.\n"
        elif not writable and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            refused = "This dashboard is read-only; 'kanlab dashboard --writable' can change studies.\n"
        if refused:
            start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [refused.encode()]
        return application(environ, start_response)

    return guard


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No line a request."""


def serve(storage_url: str | None, port: int, *, writable: bool = False) -> int:
    """Serve until interrupted. port 0 takes any free one; the address is the first line on standard output."""
    from optuna_dashboard import wsgi

    storage = get_storage(storage_url)
    application = guarded(wsgi(storage, artifact_store=DatabaseArtifactStore(storage)), writable=writable)
    try:
        server = make_server("127.0.0.1", port, application, server_class=_Server, handler_class=_QuietHandler)
    except OSError as error:
        raise StudyError(
            say(
                "Port {port} cannot be used ({strerror}); choose another one with --port.",
                port=port,
                strerror=error.strerror,
            )
        ) from error
    print(f"{_READY}http://127.0.0.1:{server.server_port}", flush=True)
    with server:
        server.serve_forever()
    return 0


class DashboardServer:
    """A dashboard in a process of its own, which ends with this one. Starting it does not wait for it."""

    def __init__(self, storage_url: str | None) -> None:
        self._url: str | None = None
        self._process = subprocess.Popen(
            programs.command("kanlab.study.dashboard"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=programs.environment(**{STORAGE.name: storage_url or default_url()}),
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True, name="kanlab-dashboard-reader").start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(_READY):
                self._url = line.removeprefix(_READY).strip()

    def url(self) -> str | None:
        """Its address once it answers."""
        return self._url if self._process.poll() is None else None

    def failed(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(serve(None, 0))
