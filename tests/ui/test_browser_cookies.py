"""Cookies set by the server: the secret of a browser, the key of a link, which leaves the address, and a language."""

from __future__ import annotations

from typing import Any

import pytest

from kanlab.ui.browser_cookies import LANGUAGE_COOKIE, BrowserCookies, keys_cookie, keys_in, secret_cookie

KEY, OTHER = "0123456789abcdef" * 2, "f" * 32


def answer(
    query: str = "", cookie: str = "", content: bytes = b"text/html; charset=utf-8"
) -> tuple[int, dict[bytes, str]]:
    """Status and headers of a page that is asked for."""
    sent = sent_for(query, cookie, content)
    return sent[0]["status"], {name: value.decode() for name, value in sent[0]["headers"]}


def all_headers(query: str) -> list[tuple[bytes, str]]:
    """Those too that have the same name."""
    return [(name, value.decode()) for name, value in sent_for(query)[0]["headers"]]


def sent_for(query: str, cookie: str = "", content: bytes = b"text/html", *, kept: bool = False) -> list[Any]:
    """What is sent for a page that is asked for. kept: the browser has kept it, and asks whether it is another one now."""
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if (b"if-none-match", b'"x"') in scope["headers"]:
            await send({"type": "http.response.start", "status": 304, "headers": []})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content)]})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"cookie", cookie.encode())] if cookie else []
    headers += [(b"if-none-match", b'"x"')] if kept else []
    scope = {"type": "http", "method": "GET", "path": "/live", "query_string": query.encode(), "headers": headers}
    with pytest.raises(StopIteration):
        BrowserCookies(application)(scope, None, send).send(None)  # type: ignore[arg-type, attr-defined]
    return sent


def test_a_browser_gets_its_secret_once_with_a_page() -> None:
    cookie = answer()[1][b"set-cookie"]
    assert cookie.startswith(f"{secret_cookie()}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert cookie != answer()[1][b"set-cookie"]
    assert b"set-cookie" not in answer(cookie=cookie.split(";")[0])[1]
    assert b"set-cookie" not in answer(content=b"text/css")[1]


def test_a_browser_that_has_kept_the_page_but_no_cookie_gets_its_secret_too() -> None:
    (begun,) = sent_for("", kept=True)
    cookie = dict(begun["headers"])[b"set-cookie"].decode()
    assert begun["status"] == 200
    assert cookie.startswith(f"{secret_cookie()}=")
    (begun,) = sent_for("", cookie.split(";")[0], kept=True)
    assert (begun["status"], begun["headers"]) == (304, [])


def test_the_earlier_cookie_is_taken_over() -> None:
    assert f"={'a' * 32};" in answer(cookie=f"kanlab_browser={'a' * 32}")[1][b"set-cookie"]
    assert "bad" not in answer(cookie="kanlab_browser=bad")[1][b"set-cookie"]


def test_a_key_leaves_the_address() -> None:
    status, headers = answer(f"study=a+b&key={KEY}", f"{keys_cookie()}={OTHER}")
    assert (status, headers[b"location"]) == (303, "?study=a+b")
    assert f"{keys_cookie()}={OTHER}.{KEY};" in headers[b"set-cookie"]
    assert "HttpOnly" in headers[b"set-cookie"]
    assert answer("study=a&key=none")[0] == 200
    assert keys_in(f"{OTHER}.{KEY}.x") == [OTHER, KEY]


def test_a_language_leaves_the_address_and_is_kept() -> None:
    status, headers = answer("study=a+b&lang=zh")
    assert (status, headers[b"location"]) == (303, "?study=a+b")
    assert headers[b"set-cookie"].startswith(f"{LANGUAGE_COOKIE}=zh; Path=/; Max-Age=31536000;")
    assert answer("study=a+b&lang=zh-CN") == answer("study=a+b&lang=zh_CN") == (status, headers)
    assert answer("lang=tlh")[0] == answer("lang=zh%0d%0aset-cookie:x")[0] == 200
    both = [value for name, value in all_headers(f"key={KEY}&lang=en") if name == b"set-cookie"]
    assert [value.partition("=")[0] for value in both] == [keys_cookie(), LANGUAGE_COOKIE]
