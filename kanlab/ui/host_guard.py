"""Refuses what another site sends through a user's browser: a foreign Host (a name bound anew to this machine) or Origin.

An Origin at another port of this machine is foreign too.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from kanlab import settings
from kanlab.hosts import is_served, parse_host, parse_origin, plain_address
from kanlab.language import marked, say

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_EVERY_ADDRESS = (None, "", "0.0.0.0", "::")
_REFUSED = marked("This server does not answer to that host or origin; KANLAB_HOSTS names further ones.")


class HostGuard:
    """An ASGI application behind a check of Host and Origin. address: the one it listens on, None for every one."""

    def __init__(self, app: ASGIApp, address: str | None = None) -> None:
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._passes(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        else:
            body = f"{say(_REFUSED)}\n".encode()
            plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": plain})
            await send({"type": "http.response.body", "body": body})

    def _passes(self, scope: MutableMapping[str, Any]) -> bool:
        address, port = scope.get("server") or ("", None)
        # On every address, the one this connection came to: any other could be a stranger's
        names = {plain_address(address if self._address in _EVERY_ADDRESS else self._address or "")}
        others = settings.HOSTS()
        hosts = [parse_host(value.decode("latin-1")) for key, value in scope["headers"] if key == b"host"]
        origins = [parse_origin(value.decode("latin-1")) for key, value in scope["headers"] if key == b"origin"]
        return len(hosts) == 1 and all(is_served(host, names, port, others) for host in hosts + origins)
