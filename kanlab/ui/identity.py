"""Who this browser is: a secret in a cookie of its own, or the person who has logged in; and which studies are theirs."""

from __future__ import annotations

import json

import streamlit as st

from kanlab.study.access import derived_key, is_owned, may_steer, new_secret, own
from kanlab.study.handle import StudyHandle

_SECRET, _KEYS = "kanlab_secret", "kanlab_keys"
_COOKIE = "kanlab_browser"
KEY = "key"  # in the address, beside study


def login_required() -> bool:
    """Whether the administrator has set up a login ([auth] in .streamlit/secrets.toml); not so by default."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def require_login() -> None:
    """Where a login is set up, go no further without it."""
    if not login_required() or st.user.get("is_logged_in", False):
        return
    st.title("kanlab", anchor=False)
    st.markdown("Log in to see the studies of this server.")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _secret() -> str:
    """The secret of this browser, or of the person who has logged in."""
    if login_required():
        return f"{st.secrets['auth']['cookie_secret']}:{st.user['sub']}"
    if _SECRET not in st.session_state:
        st.session_state[_SECRET] = st.context.cookies.get(_COOKIE) or new_secret()
    return str(st.session_state[_SECRET])


def remember_browser() -> None:
    """Give a browser that has none its cookie, once a session."""
    place = st.empty()  # in every run, so that nothing below it moves after the first
    if login_required() or st.context.cookies.get(_COOKIE) or st.session_state.get("kanlab_remembered"):
        return
    st.session_state["kanlab_remembered"] = True
    cookie = f"{_COOKIE}={_secret()}; path=/; max-age=31536000; SameSite=Strict"
    place.html(f"<script>document.cookie = {json.dumps(cookie)};</script>", unsafe_allow_javascript=True)


def take(handle: StudyHandle) -> None:
    """Make a new study this browser's own."""
    own(handle.optuna, derived_key(_secret(), handle.optuna))


def key_of(handle: StudyHandle) -> str | None:
    """The key to this study that this browser has: of its own, or from the link it was opened with."""
    keys: dict[int, str] = st.session_state.setdefault(_KEYS, {})
    if st.query_params.get(KEY):
        keys[handle.optuna._study_id] = st.query_params[KEY]
    attributes = handle.optuna.user_attrs
    found = (derived_key(_secret(), handle.optuna), keys.get(handle.optuna._study_id))
    return next((key for key in found if may_steer(attributes, key)), None)


def steers(handle: StudyHandle) -> bool:
    """Whether this browser may steer the study."""
    return key_of(handle) is not None


def link_key(handle: StudyHandle) -> str | None:
    """The key that belongs into the address of this study: none where nobody owns it."""
    return key_of(handle) if is_owned(handle.optuna.user_attrs) else None
