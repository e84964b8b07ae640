"""Who runs a study: a lease in its storage, taken atomically, so that no two supervisors ever run one study.

The holder counts `beat` up every few seconds. Whether it is still there is judged by watching that count, or by its
process where that is of this machine: never by comparing clocks, which jump and differ between machines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import optuna
import sqlalchemy
from sqlalchemy import delete, insert, select, update

from kanlab.errors import StudyError
from kanlab.language import say
from kanlab.study.optuna_adapter import database, storage_of, study_id
from kanlab.study.processes import Process, this_process
from kanlab.study.schema import LEASES

BEAT_SECONDS = 2.0
STALE_SECONDS = 15.0  # without a beat, after which another may take over
_WATCH_SECONDS = 0.2

_ours: set[str] = set()  # leases this process holds; one whose release did not reach the storage is none of them


class LeaseLost(StudyError):
    """Another process runs the study now."""


@dataclass
class Lease:
    """The right to run one study, held by this process until it is released or not renewed for STALE_SECONDS."""

    study: optuna.Study
    owner: str

    def renew(self) -> None:
        """Say that we are still here. Raises LeaseLost where somebody else has taken over in the meantime."""
        change = update(LEASES).where(*self._mine()).values(beat=LEASES.c.beat + 1)
        with database(storage_of(self.study)).begin() as connection:
            if connection.execute(change).rowcount != 1:
                raise LeaseLost(say("Another process runs the study '{name}' now.", name=self.study.study_name))

    def release(self) -> None:
        """Let anybody run the study."""
        _ours.discard(self.owner)
        with database(storage_of(self.study)).begin() as connection:
            connection.execute(delete(LEASES).where(*self._mine()))

    def _mine(self) -> tuple[sqlalchemy.ColumnElement[bool], ...]:
        return LEASES.c.study_id == study_id(self.study), LEASES.c.owner == self.owner


class Watch:
    """Looks after the lease of a study until it can be taken: from nobody, or from a holder that has ended."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._seen: Holder | None = None
        self._since = time.monotonic()
        self.has_beaten = False

    def claim(self) -> Lease | None:
        """Take it where that is possible now; ask again every while."""
        held, now = holder(self._study), time.monotonic()
        if held != self._seen:
            self.has_beaten = self._seen is not None and held is not None
            self._seen, self._since = held, now
        if held is not None and not held.is_gone and now - self._since < STALE_SECONDS:
            return None
        return _take(self._study, held)


def claim(study: optuna.Study, *, wait: float = STALE_SECONDS + 1) -> Lease:
    """Take the lease of a study, from a holder that has ended if need be. Raises StudyError where it is held.

    wait: for how long to watch a holder that cannot be asked, a process of another machine or one that hangs.
    """
    watch, began = Watch(study), time.monotonic()
    while True:
        lease = watch.claim()
        if lease is not None:
            return lease
        if watch.has_beaten or time.monotonic() - began >= wait:
            raise _running(study, holder(study))
        time.sleep(_WATCH_SECONDS)


def _take(study: optuna.Study, held: Holder | None) -> Lease | None:
    """Exchange the holder for ourselves in one statement: of many that try at once, one succeeds."""
    lease = Lease(study, this_process().token())
    _ours.add(lease.owner)
    row = {"study_id": study_id(study), "owner": lease.owner, "beat": 0}
    try:
        with database(storage_of(study)).begin() as connection:
            if held is None:
                connection.execute(insert(LEASES).values(row))
                return lease
            same = (LEASES.c.study_id == study_id(study), LEASES.c.owner == held.owner, LEASES.c.beat == held.beat)
            if connection.execute(update(LEASES).where(*same).values(row)).rowcount == 1:
                return lease
    except sqlalchemy.exc.IntegrityError:
        pass
    _ours.discard(lease.owner)
    return None


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, and how often they have beaten."""

    owner: str
    beat: int

    @property
    def process(self) -> Process:
        return Process.of_token(self.owner)

    @property
    def is_gone(self) -> bool:
        """Whether it has surely ended without releasing."""
        return self.process.is_gone or (self.process == this_process() and self.owner not in _ours)


def holder(study: optuna.Study) -> Holder | None:
    """Who holds the lease of a study, alive or not."""
    query = select(LEASES.c.owner, LEASES.c.beat).where(LEASES.c.study_id == study_id(study))
    with database(storage_of(study)).connect() as connection:
        row = connection.execute(query).first()
    return Holder(*row) if row else None


def _running(study: optuna.Study, held: Holder | None) -> StudyError:
    name = study.study_name
    return StudyError(
        say("The study '{name}' is running already; stop it first.", name=name)
        if held is None or held.process.host == this_process().host
        else say("The study '{name}' is running already on another machine; stop it first.", name=name)
    )
