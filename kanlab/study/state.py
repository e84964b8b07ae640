"""The state of a study, written to its storage by the supervisor and read, like the wish to stop, by any process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import optuna

from kanlab.language import say
from kanlab.study.lease import STALE_SECONDS
from kanlab.study.processes import Process, this_process

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
    us = this_process()
    stamped = replace(state, heartbeat=time.time(), host=us.host, pid=us.pid, started=us.started)
    study.set_user_attr(STATE, stamped.to_dict())


def read_state(attributes: Mapping[str, Any]) -> StudyState:
    """The state among a study's user attributes; "interrupted" where its supervisor is gone without saying so."""
    if STATE not in attributes:
        return StudyState("queued")
    state = StudyState(**attributes[STATE])
    if not state.is_live or not state.pid:
        return state
    if Process(state.host, state.pid, state.started).is_gone:
        return replace(
            state, name="interrupted", detail=say("The process that ran this study ended before it was done.")
        )
    if _pulse(attributes, state) != "beats":
        detail = say("The process that ran this study no longer responds.")
        return replace(state, name="interrupted", detail=detail)
    return state


def is_awaited(attributes: Mapping[str, Any]) -> bool:
    """Whether to look again soon: the study runs, or it is too early to say that its process is gone."""
    if STATE not in attributes:
        return True
    state = StudyState(**attributes[STATE])
    if not state.is_live or not state.pid:
        return state.is_live
    gone = Process(state.host, state.pid, state.started).is_gone
    return not gone and _pulse(attributes, state) != "silent"


@dataclass(frozen=True)
class _Look:
    """What this process saw of a supervisor's beats. Times are of our own monotonic clock."""

    beat: float
    last: float  # when we looked
    since: float  # from when on this beat was seen
    followed: bool  # upon another one, while we watched


_looks: dict[tuple[str, str, int, str], _Look] = {}


def _pulse(attributes: Mapping[str, Any], state: StudyState) -> Literal["beats", "doubtful", "silent"]:
    """Whether the supervisor still beats. Clocks of two machines are compared at the first look only, and not believed."""
    key, now = (str(attributes.get("uid", "")), state.host, state.pid, state.started), time.monotonic()
    seen = _looks.get(key)
    if seen is None or now - seen.last > STALE_SECONDS:
        look = _Look(state.heartbeat, now, now, followed=False)
    elif seen.beat != state.heartbeat:
        look = _Look(state.heartbeat, now, now, followed=True)
    else:
        look = replace(seen, last=now)
    _looks[key] = look
    if now - look.since > STALE_SECONDS:
        return "silent"
    if look.followed or abs(time.time() - state.heartbeat) <= STALE_SECONDS:
        return "beats"
    return "doubtful"


def request(study: optuna.Study, wish: Wish) -> None:
    """Ask whichever process runs the study to stop, to pause, or to go on."""
    study.set_user_attr(DESIRED, wish)


def request_stop(study: optuna.Study) -> None:
    """Ask for the end at once, in the middle of the running fits."""
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
