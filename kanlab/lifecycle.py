"""The state of a study, written to its storage by the supervisor and read, like the wish to stop, by any process."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import optuna

from kanlab.lease import STALE_SECONDS
from kanlab.processes import process_started

Name = Literal["queued", "running", "pausing", "paused", "stopping", "stopped", "finished", "failed", "interrupted"]
Wish = Literal["run", "pause", "stop"]
LIVE: tuple[Name, ...] = ("queued", "running", "pausing", "stopping")
RESUMABLE: tuple[Name, ...] = ("paused", "stopped", "failed", "interrupted")

STATE, DESIRED = "state", "desired"


@dataclass(frozen=True)
class StudyState:
    """Where a study stands. elapsed: seconds spent running, earlier sessions included. detail: one sentence."""

    name: Name
    detail: str = ""
    elapsed: float = 0.0
    heartbeat: float = 0.0
    host: str = ""
    pid: int = 0
    started: str = ""

    @property
    def is_live(self) -> bool:
        return self.name in LIVE

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def write_state(study: optuna.Study, state: StudyState) -> None:
    """Set the state, stamped with this process and the time."""
    pid = os.getpid()
    started = process_started(pid) or ""
    stamped = replace(state, heartbeat=time.time(), host=socket.gethostname(), pid=pid, started=started)
    study.set_user_attr(STATE, stamped.to_dict())


def read_state(attributes: Mapping[str, Any]) -> StudyState:
    """The state among a study's user attributes; "interrupted" where its supervisor is gone without saying so."""
    if STATE not in attributes:
        return StudyState("queued")
    state = StudyState(**attributes[STATE])
    if state.is_live and state.pid:
        if _is_gone(state):
            return replace(
                state, name="interrupted", detail="The process that ran this study ended before it was done."
            )
        silence = abs(time.time() - state.heartbeat)  # in the future where a clock was set back
        if silence > STALE_SECONDS:
            detail = "The process that ran this study has not been heard of for a while."
            return replace(state, name="interrupted", detail=detail)
    return state


def _is_gone(state: StudyState) -> bool:
    """Whether the supervisor's process, of this machine, has ended."""
    if state.host != socket.gethostname():
        return False
    started = process_started(state.pid)
    return started is None or bool(state.started and started and started != state.started)


def request(study: optuna.Study, wish: Wish) -> None:
    """Ask whichever process runs the study to stop, to pause, or to go on."""
    study.set_user_attr(DESIRED, wish)


def request_stop(study: optuna.Study) -> None:
    """Ask for the end at once, in the middle of the fits in hand."""
    request(study, "stop")


def request_run(study: optuna.Study) -> None:
    """Withdraw a wish to stop or to pause."""
    request(study, "run")


def wish(attributes: Mapping[str, Any]) -> Wish:
    """What somebody asked for last."""
    found: Wish = attributes.get(DESIRED, "run")
    return found


def stop_requested(attributes: Mapping[str, Any]) -> bool:
    """Whether somebody asked for the study to stop."""
    return wish(attributes) == "stop"
