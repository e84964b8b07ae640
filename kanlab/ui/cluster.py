"""Where a study of this session runs: on this machine, or on a Dask cluster that is configured or typed in."""

from __future__ import annotations

import streamlit as st

from kanlab import settings
from kanlab.errors import KanlabError
from kanlab.execution.dask_cluster import cluster_workers
from kanlab.language import marked, say, use
from kanlab.text import counted
from kanlab.ui.widgets import literal

HERE, CLUSTER = marked("This machine"), marked("Cluster")
_WHERE, _TYPED = "where", "dask-address"
_OWN_ADDRESSES = ("127.0.0.1", "localhost", "::1")


def may_type() -> bool:
    """Whether a user may name a cluster. A scheduler can run code in its clients, so not where others reach the app."""
    return st.get_option("server.address") in _OWN_ADDRESSES and not settings.HOSTS()


def named() -> str:
    """The address that is typed in, or configured; "" where there is none."""
    typed = st.session_state.get(_TYPED, "") if may_type() else ""
    return str(typed or settings.DASK() or "").strip()


def place() -> str | None:
    """The cluster that does the fits of this session; None: this machine."""
    address = named()
    return address if address and st.session_state.get(_WHERE, CLUSTER) == CLUSTER else None


def address_input() -> None:
    """The field for an address, where a user may type one."""
    if may_type():
        st.text_input(
            say("Dask scheduler"),
            key=_TYPED,
            placeholder=settings.DASK() or "tcp://host:8786",
            persist_state="session",
            help=say(
                "Address of the scheduler of a Dask cluster, or the path of its scheduler file. "
                "Connect only to a cluster you trust: it can run code on this machine."
            ),
        )


def _workers(address: str) -> int | str:
    """How many workers it has, or why that is not known, in English."""
    with st.spinner(say("Asking the cluster for its workers…")):
        return _asked(address)


@st.cache_data(ttl=10, max_entries=16, show_spinner=False)
@use("en")
def _asked(address: str) -> int | str:
    try:
        return cluster_workers(address) or 0
    except KanlabError as error:
        return str(error)


def workers() -> int | None:
    """Workers of the cluster of this session, where it has any; None: this machine."""
    address = place()
    found = _workers(address) if address else None
    return found if isinstance(found, int) and found > 0 else None


def choice() -> None:
    """The choice between this machine and the cluster, with the number of its workers. Nothing where no cluster is named."""
    address = named()
    if not address:
        return
    st.radio(
        say("Where to run"),
        (HERE, CLUSTER),
        1,
        format_func=say,
        key=_WHERE,
        horizontal=True,
        persist_state="session",
        help=say("The cluster fits as many configurations at once as it has workers. The numbers are the same."),
    )
    if place() is None:
        return
    found = _workers(address)
    if isinstance(found, str):
        st.warning(literal(found), icon=":material/warning:")
    elif found == 0:
        st.caption(say("{cluster} has no worker yet. The study waits for one.", cluster=literal(address)))
    else:
        st.caption(say("{cluster} has {workers}.", cluster=literal(address), workers=counted(found, "worker")))
