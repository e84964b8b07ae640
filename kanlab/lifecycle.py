"""The state of a study, written to its storage by the supervisor and read, like the wish to stop, by any process."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import optuna

Name = Literal["queued", "running", "stopping", "stopped", "finished", "failed", "interrupted"]
LIVE: tuple[Name, ...] = ("queued", "running", "stopping")
RESUMABLE: tuple[Name, ...] = ("stopped", "failed", "interrupted")

STATE, DESIRED = "state", "desired"
HEARTBEAT_SECONDS = 2.0
STALE_SECONDS = 15.0


@dataclass(frozen=True)
class StudyState:
    """Where a study stands. elapsed: seconds spent running, earlier sessions included. detail: one sentence."""

    name: Name
    detail: str = ""
    elapsed: float = 0.0
    heartbeat: float = 0.0
    host: str = ""
    pid: int = 0

    @property
    def is_live(self) -> bool:
        return self.name in LIVE

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def write_state(study: optuna.Study, state: StudyState) -> None:
    """Set the state, stamped with this process and the time."""
    stamped = replace(state, heartbeat=time.time(), host=socket.gethostname(), pid=os.getpid())
    study.set_user_attr(STATE, stamped.to_dict())


def read_state(attributes: Mapping[str, Any]) -> StudyState:
    """The state among a study's user attributes; "interrupted" where its supervisor is gone without saying so."""
    if STATE not in attributes:
        return StudyState("queued")
    state = StudyState(**attributes[STATE])
    if state.is_live and _is_gone(state):
        return replace(state, name="interrupted", detail="The process that ran this study ended before it was done.")
    return state


def _is_gone(state: StudyState) -> bool:
    """A supervisor of this machine is gone when its process is, one elsewhere when its heartbeat is old."""
    if state.host == socket.gethostname() and not _process_exists(state.pid):
        return True
    return time.time() - state.heartbeat > STALE_SECONDS


def _process_exists(pid: int) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there; the heartbeat decides alone
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def request_stop(study: optuna.Study) -> None:
    """Ask whichever process runs the study to stop it."""
    study.set_user_attr(DESIRED, "stop")


def request_run(study: optuna.Study) -> None:
    """Withdraw a wish to stop."""
    study.set_user_attr(DESIRED, "run")


def stop_requested(attributes: Mapping[str, Any]) -> bool:
    """Whether somebody asked for the study to stop."""
    return attributes.get(DESIRED) == "stop"
