"""`kanlab serve BUNDLE.zip`: a page that predicts, and a JSON route, by the standard library's HTTP server.

    GET /         the page
    GET /schema   columns, targets, limits
    GET /health   {"status": "ok"}
    POST /predict {"rows": [{"column": value, ...}]} -> {"predictions": [...], "notes": [...]}

It listens on 127.0.0.1 unless asked, and answers to its own name alone (KANLAB_HOSTS names further ones), so that no page
elsewhere reaches it through a browser. Bodies, rows, the time for a request and predictions at once are limited. The bundle is
read as numbers and text (kanlab.export.document): nothing in it is executed.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kanlab import settings
from kanlab.errors import StudyError
from kanlab.export.document import read_models
from kanlab.export.served import MOST_BYTES, RefusedError, ServedModel
from kanlab.export.server_page import page
from kanlab.fonts import ALLOWED
from kanlab.hosts import is_local, is_served, parse_host, parse_origin, plain_address
from kanlab.language import of_browser, say, use

AT_ONCE = 4  # predictions
SECONDS = 20.0  # for a request to arrive
_JSON = "application/json; charset=utf-8"


def serve(bundle: Path, address: str, port: int, on_ready: Callable[[str], None]) -> int:
    """Serve until interrupted. port 0 takes any free one.  on_ready: is told the address of the page.

    Raises StudyError where the file is no bundle, or the port cannot be used.
    """
    with server(ServedModel(read_models(bundle)), address, port) as running:
        shown = f"[{address}]" if ":" in address else address
        on_ready(f"http://{shown}:{running.server_port}/")
        running.serve_forever()
    return 0


def server(model: ServedModel, address: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """A server that listens. Raises StudyError where the port cannot be used."""

    class Handler(_Handler):
        pass

    Handler.model, Handler.at_once = model, threading.BoundedSemaphore(AT_ONCE)
    try:
        return _Server((address, port), Handler)
    except (OSError, OverflowError) as error:
        raise StudyError(
            say(
                "{address}, port {port} cannot be used ({reason}); choose another with --address and --port.",
                address=address,
                port=port,
                reason=getattr(error, "strerror", None) or error,
            )
        ) from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    model: ServedModel
    at_once: threading.BoundedSemaphore
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    server_version, sys_version = "kanlab", ""

    def do_GET(self) -> None:
        with use(self._language()):
            self._get()

    def do_POST(self) -> None:
        with use(self._language()):
            self._post()

    do_HEAD = do_GET  # noqa: N815

    def _language(self) -> str:
        """What is asked for; of a program, which asks for none, English."""
        return of_browser(self.headers.get("Accept-Language"))

    def _get(self) -> None:
        routes: dict[str, Callable[[], None]] = {
            "/": self._page,
            "/schema": lambda: self._json(200, self.model.schema()),
            "/health": lambda: self._json(200, {"status": "ok"}),
        }
        path = self.path.partition("?")[0]
        if not self._is_ours():
            self._refuse(
                403, say("This server does not answer to that host or origin; KANLAB_HOSTS names further ones.")
            )
        elif path in routes:
            routes[path]()
        elif path == "/predict":
            self._refuse(405, say("Send rows with POST."), [("Allow", "POST")])
        else:
            self._refuse(404, say("There is /, /schema, /health and /predict."))

    def _post(self) -> None:
        if not self._is_ours():
            self._refuse(
                403, say("This server does not answer to that host or origin; KANLAB_HOSTS names further ones.")
            )
        elif self.path.partition("?")[0] != "/predict":
            self._refuse(404, say("Rows go to /predict."))
        elif self.headers.get_content_type() != "application/json":
            self._refuse(415, say("Send JSON, with the header Content-Type: application/json."))
        elif (length := self._length()) is None:
            self._refuse(411, say("The request must say its Content-Length."))
        elif length > MOST_BYTES:
            self._refuse(
                413,
                say(
                    "The request is larger than {most_bytes} MB; send fewer rows at once.", most_bytes=MOST_BYTES >> 20
                ),
            )
        elif not self.at_once.acquire(timeout=SECONDS):
            self._refuse(503, say("The server has too many predictions to make; send this again."))
        else:
            try:
                self._predict(self.rfile.read(length))
            finally:
                self.at_once.release()

    def _predict(self, body: bytes) -> None:
        try:
            self._json(200, self.model.answer(body))
        except RefusedError as error:
            self._json(error.status, {"error": str(error)})

    def _length(self) -> int | None:
        """How long the body is; None where that is not said, or said twice."""
        said = self.headers.get_all("Content-Length") or []
        if len(said) != 1 or not said[0].isascii() or not said[0].isdigit() or self.headers.get("Transfer-Encoding"):
            return None
        return int(said[0][:12])

    def _is_ours(self) -> bool:
        """Whether Host, and Origin where there is one, name this server."""
        address, port = self.connection.getsockname()[:2]
        hosts, origins = self.headers.get_all("Host") or [], self.headers.get_all("Origin") or []
        names, others = {plain_address(address)}, settings.HOSTS()
        known = [parse_host(host) for host in hosts]
        if len(known) != 1 or not (is_local(known[0]) or is_served(known[0], names, port, others)):
            return False
        return all(
            origin is not None and origin.name == known[0].name for origin in map(parse_origin, origins) if known[0]
        )

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        rules = f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        rules += f"img-src data:; {ALLOWED}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        text = page(self.model, nonce)
        self._send(
            200,
            text.encode(),
            "text/html; charset=utf-8",
            [("Content-Security-Policy", rules), ("Vary", "Accept-Language")],
        )

    def _json(self, status: int, content: Any, more: list[tuple[str, str]] | None = None) -> None:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        self._send(status, text.encode("utf-8", "replace"), _JSON, more or [])

    def _refuse(self, status: int, sentence: str, more: list[tuple[str, str]] | None = None) -> None:
        """Answer without having read the body, and hang up."""
        self.close_connection = True
        self._json(status, {"error": sentence}, [*(more or []), ("Connection", "close")])

    def _send(self, status: int, content: bytes, kind: str, more: list[tuple[str, str]]) -> None:
        self.send_response(status)
        given = [("Content-Type", kind), ("Content-Length", str(len(content))), ("X-Content-Type-Options", "nosniff")]
        for name, value in [*given, ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"), *more]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """No line a request: rows are nobody's business."""
