"""The presentation of a study at /present, a page of its own: it has no session, and nothing in it changes anything.

present?study=NAME              for whoever may see the studies of this server
present?study=NAME&link=TOKEN   for whoever has the link its owner made, where the operator allows that (KANLAB_SHARE)
PAGE?study=NAME&view=present    leads there
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from functools import cache
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from kanlab import settings
from kanlab.colours import DARK, LIGHT
from kanlab.errors import KanlabError
from kanlab.fonts import ALLOWED, FONTS, font_face
from kanlab.language import TAGS, active, marked, of_browser, say, use
from kanlab.retelling import retold
from kanlab.study import share
from kanlab.study.handle import StudyHandle, load_study
from kanlab.study.state import read_state
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.ui.browser_cookies import cookies_of, secret_cookie
from kanlab.ui.identity import login_required
from kanlab.ui.reader_language import chosen

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from kanlab.export.present import Story

PAGE, LINK = "present", "link"
_PASS = "pass"
_KEPT = 8  # presentations
_THREADS = 4
_RULES = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
_RULES += ALLOWED
_SECRET = secrets.token_bytes(32)  # of this process
_stories: OrderedDict[str, Story] = OrderedDict()
_building = threading.Lock()

_NOTHING = marked("There is no such presentation. The link may have been revoked, or the study was deleted or renamed.")
_RUNNING = marked("The study is still running. Its presentation appears here when it has ended.")
_NO_MODEL = marked("No trial of this study is complete, so there is nothing to present yet.")


class Stage:
    """An ASGI application that answers to /present, and leaves everything else to the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        if asked is None:
            await self._app(scope, receive, send)
            return
        with use(_language(scope)):  # which threads of anyio speak as well
            given = await self._given(*asked, scope)
        given.headers.update(
            {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
        )
        given.headers["X-Robots-Tag"] = "noindex"
        await given(scope, receive, send)

    async def _given(self, page: str, query: dict[str, str], scope: Scope) -> Response:
        """The answer to a request."""
        from anyio import to_thread
        from starlette.responses import HTMLResponse, RedirectResponse

        if page != PAGE:
            return RedirectResponse(f"{PAGE}?{urlencode({'study': query['study']})}", 303)
        if (status := await to_thread.run_sync(_refused, query, cookies_of(scope), limiter=_few())) == 303:
            return RedirectResponse(f"choose?{urlencode({'study': query.get('study', '')})}", 303)
        text, rules, status = (
            (_sentence(say(_NOTHING)), _RULES, 404)
            if status
            else await to_thread.run_sync(_answer, query, limiter=_few())
        )
        return HTMLResponse(text, status, {"Content-Security-Policy": rules})


@cache
def _few() -> CapacityLimiter:
    """How many threads answer: few of their own, so that many who look leave the app's to the app."""
    from anyio import CapacityLimiter

    return CapacityLimiter(_THREADS)


def address(handle: StudyHandle, theme: str) -> str:
    """The address of the presentation beside the pages of the app, for the browser that asks."""
    query = {"study": handle.name, "theme": theme}
    if login_required():
        query[_PASS] = _pass(st.context.cookies.get(secret_cookie()) or "", handle.name)
    return f"{PAGE}?{urlencode(query)}"


def _asked(scope: Scope) -> tuple[str, dict[str, str]] | None:
    """The page and the query of a request that is answered here."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    page = str(scope["path"]).strip("/").removeprefix(base).strip("/")
    if page == PAGE or (query.get("view") == PAGE and query.get("study") and "/" not in page):
        return page, query
    return None


def _language(scope: Scope) -> str:
    """The language of whoever looks: what they chose for the pages, else what their browser asks for."""
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    return chosen(cookies_of(scope), of_browser(asked))


def _refused(query: dict[str, str], cookies: dict[str, str]) -> int:
    """0 for who may see it; 303 for who must log in first; 404 where a link opens nothing."""
    name = query.get("study", "")
    if LINK in query:
        try:
            may = settings.SHARE() and share.opens(load_study(name).attributes, query[LINK])
        except (KanlabError, *STORAGE_ERRORS):
            may = False
        return 0 if may else 404
    if not login_required():
        return 0
    secret = cookies.get(secret_cookie(), "")
    # as bytes: of texts it compares ASCII alone
    given = query.get(_PASS, "").encode(errors="replace")
    return 0 if secret and hmac.compare_digest(_pass(secret, name).encode(), given) else 303


def _pass(secret: str, name: str) -> str:
    """What lets the browser with this secret see a study, until the server ends; of no use in any other."""
    return hmac.new(_SECRET, f"{secret}\n{name}".encode(), hashlib.sha256).hexdigest()


def _answer(query: dict[str, str]) -> tuple[str, str, int]:
    """The page, its rules, and the status."""
    name, theme = query.get("study", ""), query.get("theme", "")
    leave = "" if LINK in query else f"choose?{urlencode({'study': name})}"
    try:
        handle = load_study(name)
        if read_state(handle.attributes).is_live:
            return _sentence(say(_RUNNING), refresh=5), _RULES, 200
        if not handle.has_model(handle.records()):
            return _sentence(say(_NO_MODEL)), _RULES, 200
        text, rules = _story(handle).page(leave, theme if theme in (LIGHT.name, DARK.name) else "")
    except KanlabError as error:
        return (
            _sentence(retold(str(error)) if leave else say(_NOTHING)),
            _RULES,
            404,
        )  # a link tells nothing of the server
    except STORAGE_ERRORS:
        return _sentence(say("The studies cannot be read just now. Try again in a while.")), _RULES, 503
    return text, rules, 200


def _story(handle: StudyHandle) -> Story:
    """The presentation of a study as it is now, made once for all who look."""
    # here, so that the server starts without what fits and draws
    from kanlab.execution.manage import load_data
    from kanlab.explain.study_predictor import predictor
    from kanlab.export.present import story
    from kanlab.ui.fitted_model import model_key

    key = active() + repr(model_key(handle, handle.records(), None))  # which holds what has no hash
    with _building:
        if key not in _stories:
            _stories[key] = story(handle, predictor(handle, use="read"), load_data(handle))
        _stories.move_to_end(key)
        while len(_stories) > _KEPT:
            _stories.popitem(last=False)
        return _stories[key]


def as_file(handle: StudyHandle, language: str) -> bytes:
    """The presentation as a file that needs no server, in a language."""
    with use(language):
        return _story(handle).page()[0].encode("utf-8")


def _sentence(text: str, refresh: int = 0) -> str:
    """A page that says one thing."""
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    style = (
        f":root {{ color-scheme: light; {LIGHT.css} }} @media (prefers-color-scheme: dark) {{ :root {{ {DARK.css} }} }}"
    )
    style += font_face(text)
    style += f"body {{ font: 20px/1.5 {FONTS}; margin: 20vh auto; max-width: 34rem; padding: 0 1.5rem; }}"
    style += "body { color: var(--text); background: var(--page); }"
    return (
        f'<!DOCTYPE html><html lang="{TAGS[active()]}"><head><meta charset="utf-8"><title>kanlab</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}<style>{style}</style></head>'
        f"<body><p>{escape(text)}</p></body></html>"
    )
