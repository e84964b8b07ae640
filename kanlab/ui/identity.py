"""Who uses this browser (a secret in a cookie, or a login), and which studies they own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from kanlab.language import say
from kanlab.study.access import derived_key, earlier_key, may_steer, new_secret, own
from kanlab.study.handle import StudyHandle
from kanlab.ui.browser_cookies import EARLIER, KEY, keys_cookie, keys_in, secret_cookie

_SECRET, _KEYS = "kanlab_secret", "kanlab_keys"


def login_required() -> bool:
    """Whether the administrator has set up a login ([auth] in .streamlit/secrets.toml); by default there is none."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def require_login() -> None:
    """If a login is set up, stop here until the user has logged in."""
    if not login_required() or st.user.get("is_logged_in", False):
        return
    st.title("kanlab", anchor=False)
    st.markdown(say("Log in to see the studies of this server."))
    st.button(say("Log in"), type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _secret() -> str:
    """The secret of this browser, or of the user who has logged in."""
    if login_required():
        return f"{st.secrets['auth']['cookie_secret']}:{st.user['sub']}"
    if _SECRET not in st.session_state:
        cookies = st.context.cookies
        st.session_state[_SECRET] = cookies.get(secret_cookie()) or cookies.get(EARLIER) or new_secret()
    return str(st.session_state[_SECRET])


def owner() -> str:
    """The name under which this browser's uploads are kept; it does not tell the secret."""
    return derived_key(_secret(), "tables")


def taker() -> Callable[[StudyHandle], None]:
    """What makes this browser the owner of a new study, without a look at the session."""
    secret = _secret()
    return lambda handle: own(handle.optuna, derived_key(secret, handle.uid))


def key_of(handle: StudyHandle, attributes: Mapping[str, Any] | None = None) -> str | None:
    """This browser's key to the study: its own, or that of a link opened in it. attributes: of the study, where just read."""
    linked: list[str] = st.session_state.setdefault(_KEYS, [])
    if st.query_params.get(KEY):  # only where no cookie could be set before the page was drawn
        linked.append(st.query_params.pop(KEY))
    attributes = handle.attributes if attributes is None else attributes
    own_keys = (derived_key(_secret(), handle.uid), earlier_key(_secret(), handle.optuna))
    found = (*own_keys, *linked, *keys_in(st.context.cookies.get(keys_cookie())))
    return next((key for key in found if may_steer(attributes, key)), None)


def controls(handle: StudyHandle, attributes: Mapping[str, Any] | None = None) -> bool:
    """Whether this browser may control the study: pause, stop, change and delete it. attributes: as of `key_of`."""
    return key_of(handle, attributes) is not None
