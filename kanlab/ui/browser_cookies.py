"""What a browser keeps of kanlab, in cookies that no script reads: its secret, keys of links, and a language."""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from kanlab.language import LANGUAGES, named
from kanlab.study.access import new_secret

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY, LANG = "key", "lang"  # in an address: beside study, and the language of the pages
LANGUAGE_COOKIE = "kanlab_lang"  # one for all ports
EARLIER = "kanlab_browser"  # one for all ports, which scripts could read
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}", re.ASCII)
_A_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_CONDITIONS = (b"if-none-match", b"if-modified-since")
_YEAR, _KEPT = 31536000, 50


def secret_cookie() -> str:
    """The name of the cookie with the browser's secret; browsers do not tell ports apart, so the name does."""
    return f"kanlab_browser_{st.get_option('server.port')}"


def keys_cookie() -> str:
    """The name of the cookie with the keys of links."""
    return f"kanlab_keys_{st.get_option('server.port')}"


def keys_in(text: str | None) -> list[str]:
    """The keys that its value holds."""
    return [key for key in (text or "").split(".") if _A_KEY.fullmatch(key)]


class BrowserCookies:
    """An ASGI application that gives a browser its secret with the first page, and takes keys and `lang` out of an address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        cookies = cookies_of(scope)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        keys = [value for name, value in query if name == KEY and _A_KEY.fullmatch(value)]
        chosen = [found for name, value in query if name == LANG and (found := named(value)) in LANGUAGES]
        if keys or chosen:
            kept = [key for key in keys_in(cookies.get(keys_cookie())) if key not in keys]
            # Relative to the page, and before anything is drawn: the address with the key is not in the history either
            location = "?" + urlencode([pair for pair in query if pair[0] not in (KEY, LANG)])
            set_keys = _cookie(scope, keys_cookie(), ".".join([*kept, *keys][-_KEPT:]))
            set_language = [_cookie(scope, LANGUAGE_COOKIE, each) for each in chosen[-1:]]
            headers = [(b"location", location.encode()), (b"cache-control", b"no-store"), *([set_keys] if keys else []),
                       *set_language]  # fmt: skip
            await send({"type": "http.response.start", "status": 303, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        if cookies.get(secret_cookie()):
            await self._app(scope, receive, send)
            return
        # The page itself, although the browser may have kept it: without it comes no secret
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _CONDITIONS]

        async def with_secret(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                if any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                    earlier = cookies.get(EARLIER, "")
                    value = earlier if _TOKEN.fullmatch(earlier) else new_secret()
                    message = {**message, "headers": [*headers, _cookie(scope, secret_cookie(), value)]}
            await send(message)

        await self._app({**scope, "headers": headers}, receive, with_secret)


def cookies_of(scope: Scope) -> dict[str, str]:
    """The cookies of a request by name."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):  # one bad cookie of another program spoils no other
                try:
                    found |= {key: morsel.value for key, morsel in SimpleCookie(part.strip()).items()}
                except CookieError:
                    continue
    return found


def _cookie(scope: Scope, name: str, value: str) -> tuple[bytes, bytes]:
    path = "/" + (st.get_option("server.baseUrlPath") or "").strip("/")
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    text = f"{name}={value}; Path={path}; Max-Age={_YEAR}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", text.encode()
