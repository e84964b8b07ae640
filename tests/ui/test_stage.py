"""Who may see a presentation: everybody without a login, else whoever has logged in or has the owner's link."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kanlab.errors import StudyError
from kanlab.language import use
from kanlab.study.share import SHARED
from kanlab.ui import stage
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE

COOKIE = "kanlab_browser_8501"
TOKEN = "t" * 43


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> None:
    """One study, with a link."""
    from kanlab.study import share

    monkeypatch.setattr(stage, "secret_cookie", lambda: COOKIE)
    shared = {SHARED: share._hash(TOKEN)}

    def load(name: str) -> Any:
        if name != "flats":
            raise StudyError("There is none.")
        return SimpleNamespace(name=name, attributes=shared)

    monkeypatch.setattr(stage, "load_study", load)


@pytest.mark.usefixtures("studies")
@pytest.mark.parametrize("login", [False, True])
def test_a_link_opens_one_study_where_the_operator_allows_it(login: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "login_required", lambda: login)
    right, wrong = {"study": "flats", "link": TOKEN}, {"study": "flats", "link": "u" * 43}
    monkeypatch.delenv("KANLAB_SHARE", raising=False)
    assert stage._refused(right, {}) == 404
    monkeypatch.setenv("KANLAB_SHARE", "1")
    assert stage._refused(right, {}) == 0
    assert stage._refused(wrong, {}) == 404
    assert stage._refused(right | {"study": "other"}, {}) == 404


@pytest.mark.usefixtures("studies")
def test_with_a_login_an_address_is_of_use_in_one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"study": "flats"}
    monkeypatch.setattr(stage, "login_required", lambda: False)
    assert stage._refused(asked, {}) == 0
    monkeypatch.setattr(stage, "login_required", lambda: True)
    assert stage._refused(asked, {COOKIE: "mine"}) == 303
    context = SimpleNamespace(cookies={COOKIE: "mine"})
    monkeypatch.setattr(stage.st, "context", context)
    address = urlsplit(stage.address(stage.load_study("flats"), "dark"))
    given = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert stage._refused(given, {COOKIE: "mine"}) == 0
    assert stage._refused(given, {COOKIE: "theirs"}) == 303
    assert stage._refused(given, {}) == 303
    assert stage._refused(given | {"study": "other"}, {COOKIE: "mine"}) == 303
    for odd in ("é", "\ud800", "\x00"):
        assert stage._refused(given | {"pass": odd}, {COOKIE: "mine"}) == 303


@pytest.mark.parametrize(
    ("path", "query", "page"),
    [
        ("/present", "study=a", "present"),
        ("/model", "study=a&view=present", "model"),
        ("/", "study=a&view=present", ""),
        ("/model", "study=a", None),
        ("/model", "view=present", None),
        ("/_stcore/health", "study=a&view=present", None),
    ],
)
def test_which_requests_are_answered_here(path: str, query: str, page: str | None) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode()}
    found = stage._asked(scope)
    assert (found and found[0]) == page
    assert stage._asked(scope | {"method": "POST"}) is None
    assert stage._asked(scope | {"type": "websocket"}) is None


def test_a_long_or_odd_query_is_no_error_of_any_page() -> None:
    many = "&".join(f"f{i}={i}" for i in range(100))
    scope = {"type": "http", "method": "GET", "path": "/model", "query_string": many.encode()}
    assert stage._asked(scope) is None
    odd = b"study=%ff%00&study=b&theme=\xe9&" + many.encode()
    found = stage._asked(scope | {"path": "/present", "query_string": odd})
    assert found is not None
    assert found[1]["study"] == "b"


def test_a_presentation_is_in_the_language_of_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANLAB_LANG", raising=False)

    def language(**headers: str) -> str:
        return stage._language({"headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]})

    assert language() == "en"
    assert language(accept_language="zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert language(accept_language="zh-CN", cookie=f"{LANGUAGE_COOKIE}=en") == "en"
    with use("zh"):
        page = stage._sentence(stage.say(stage._NOTHING))
    assert 'lang="zh-CN"' in page
    assert stage._NOTHING not in page
