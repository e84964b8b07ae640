"""Who uses this browser (a secret in a cookie, or a login), and which studies they own."""

from __future__ import annotations

import json

import streamlit as st

from kanlab.study.access import derived_key, is_owned, may_steer, new_secret, own
from kanlab.study.handle import StudyHandle

_SECRET, _KEYS = "kanlab_secret", "kanlab_keys"
_COOKIE = "kanlab_browser"
KEY = "key"  # in the address, beside study


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
    st.markdown("Log in to see the studies of this server.")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def _secret() -> str:
    """The secret of this browser, or of the user who has logged in."""
    if login_required():
        return f"{st.secrets['auth']['cookie_secret']}:{st.user['sub']}"
    if _SECRET not in st.session_state:
        st.session_state[_SECRET] = st.context.cookies.get(_COOKIE) or new_secret()
    return str(st.session_state[_SECRET])


def remember_browser() -> None:
    """Give a browser without a cookie its own, once per session."""
    place = st.empty()  # in every run, so that nothing below it moves
    if login_required() or st.context.cookies.get(_COOKIE) or st.session_state.get("kanlab_remembered"):
        return
    st.session_state["kanlab_remembered"] = True
    cookie = f"{_COOKIE}={_secret()}; path=/; max-age=31536000; SameSite=Strict"
    place.html(f"<script>document.cookie = {json.dumps(cookie)};</script>", unsafe_allow_javascript=True)


def take(handle: StudyHandle) -> None:
    """Make this browser the owner of a new study."""
    own(handle.optuna, derived_key(_secret(), handle.optuna))


def key_of(handle: StudyHandle) -> str | None:
    """This browser's key to the study: its own, or that of the link it was opened with."""
    keys: dict[int, str] = st.session_state.setdefault(_KEYS, {})
    if st.query_params.get(KEY):
        keys[handle.id] = st.query_params[KEY]
    attributes = handle.optuna.user_attrs
    found = (derived_key(_secret(), handle.optuna), keys.get(handle.id))
    return next((key for key in found if may_steer(attributes, key)), None)


def controls(handle: StudyHandle) -> bool:
    """Whether this browser may control the study: pause, stop, change and delete it."""
    return key_of(handle) is not None


def link_key(handle: StudyHandle) -> str | None:
    """The key for the address of this study; None if nobody owns it."""
    return key_of(handle) if is_owned(handle.optuna.user_attrs) else None
