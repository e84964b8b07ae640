"""The button that presents a study, and the read-only link of its owner."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from kanlab import settings
from kanlab.language import marked, say
from kanlab.study import share
from kanlab.study.handle import StudyHandle
from kanlab.ui import drawing, identity, stage

_HELP = marked(
    "The study in five large pictures: data, search, choice, formula, and what if. Arrow keys move, Esc leaves."
)
_NOT_ALLOWED = marked(
    "A read-only link for people without a login is not allowed on this server; its operator can set KANLAB_SHARE=1."
)


def present_button(handle: StudyHandle) -> None:
    """Opens the presentation in a tab of its own."""
    st.link_button(
        say("Present"),
        stage.address(handle, drawing.look().name),
        icon=":material/slideshow:",
        help=say(_HELP),
        width="content",
    )


def read_only_link(handle: StudyHandle, base: str) -> None:
    """Make, show once, and revoke the link, for the owner. base: the address before the page, with its slash."""
    st.markdown(say("To present it:"))
    st.code(f"{base}{stage.PAGE}?{urlencode({'study': handle.name})}", language=None, wrap_lines=True)
    if not identity.controls(handle):
        return
    if not settings.SHARE():
        st.caption(say(_NOT_ALLOWED))
        return
    st.markdown(
        say(
            "**Read-only link.** Whoever has it sees the presentation of this study and nothing "
            "else, without a login: counts of rows, ranges of features, scores, and the model. "
            "It changes nothing, and you can revoke it."
        )
    )
    made = f"kanlab_link_{handle.uid}"
    shared = share.is_shared(handle.attributes)
    if token := st.session_state.get(made) if shared else None:
        query = urlencode({"study": handle.name, stage.LINK: token})
        st.code(f"{base}{stage.PAGE}?{query}", language=None, wrap_lines=True)
        st.caption(say("Copy it now: it is not shown again."))
    with st.container(horizontal=True):
        label = say("Make a new link") if shared else say("Make a link")
        if st.button(
            label, key="share", icon=":material/link:", help=say("A link made before opens nothing any more.")
        ):
            st.session_state[made] = share.share(handle.optuna)
            st.rerun(scope="fragment")
        if shared and st.button(say("Revoke it"), key="revoke", icon=":material/link_off:"):
            share.revoke(handle.optuna)
            st.rerun(scope="fragment")
