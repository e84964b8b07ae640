"""Workers on other machines: they offer slots to a study in its storage, through which messages go to and fro.

To the pool of the supervisor a slot is one more worker (`RemoteWorker`). Each machine runs `kanlab worker NAME --storage URL`
(kanlab.execution.serve), whose `Offer` passes the messages on to worker processes of its own.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass

import sqlalchemy
from msgspec import Struct
from sqlalchemy import delete, insert, literal, select, update

from kanlab.engines.catalogue import ENGINES
from kanlab.execution.messages import (
    AnyTask,
    Done,
    Exit,
    FittingTask,
    Message,
    MessageError,
    Ready,
    Request,
    encode,
    read,
)
from kanlab.execution.worker_pool import Inbox, Worker
from kanlab.execution.worker_process import WorkerProcess
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.lease import BEAT_SECONDS, STALE_SECONDS
from kanlab.study.optuna_adapter import database, storage_of
from kanlab.study.processes import Process, this_process
from kanlab.study.schema import MESSAGES, SLOTS

POLL_SECONDS = 0.25


class Order(Struct, frozen=True):
    """What a slot is to do; no task: to end the one in hand. number: tells requests apart."""

    number: int
    task: AnyTask | None = None


class Report(Struct, frozen=True):
    """What the worker behind a slot says of a request."""

    number: int
    message: Message


class RemoteWorker:
    """The supervisor's end of one slot, as a worker of its pool."""

    local = False

    def __init__(self, slots: RemoteSlots, slot: str) -> None:
        self.slot = slot
        self.number = 0  # of the request in hand, so that late answers to an earlier one are told apart
        self._slots = slots

    def send(self, request: Request) -> None:
        """Hand over a task; the file of the data is the other machine's own."""
        self.number = self._slots.next_number()
        self._slots.send(self.slot, Order(self.number, request.task))

    def kill(self) -> None:
        """End the fit in hand; the slot may come again."""
        self._slots.send(self.slot, Order(0))
        self._slots.forget(self)


class RemoteSlots:
    """The slots offered to one study, as its supervisor sees them."""

    def __init__(self, handle: StudyHandle, inbox: Inbox) -> None:
        self._study_id = handle.id
        self._engine = database(storage_of(handle.optuna))
        self._inbox = inbox
        self._workers: dict[str, RemoteWorker] = {}
        self._heard: dict[str, tuple[int, float]] = {}  # beats, and when they last changed
        self._polled = 0.0
        self._numbers = int(time.time_ns() // 1_000_000)  # beyond those of a supervisor before us

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def poll(self) -> list[RemoteWorker]:
        """Slots that are new; what the others say goes to the inbox, the exit of those that are gone as well."""
        now = time.monotonic()
        if now - self._polled < POLL_SECONDS:
            return []
        self._polled = now
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(SLOTS.c.slot, SLOTS.c.beat).where(SLOTS.c.study_id == self._study_id)
            ).all()
        living = {slot for slot, beat in rows if self._is_alive(slot, beat, now)}
        if self._workers:
            self._hear()
        for slot in [s for s in self._workers if s not in living]:
            self._inbox.put((self._workers.pop(slot), Exit("its machine no longer responds")))
        arrived = [slot for slot in sorted(living) if slot not in self._workers]
        for slot in arrived:
            self._workers[slot] = RemoteWorker(self, slot)
        return [self._workers[slot] for slot in arrived]

    def _is_alive(self, slot: str, beat: int, now: float) -> bool:
        before, since = self._heard.get(slot, (None, now))
        if before != beat:
            self._heard[slot] = beat, now
        elif now - since > STALE_SECONDS:
            self._remove(slot)
            return False
        if Process.of_token(slot.rpartition("#")[0]).is_gone:
            self._remove(slot)
            return False
        return True

    def _remove(self, slot: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(SLOTS).where(SLOTS.c.slot == slot))
            connection.execute(delete(MESSAGES).where(MESSAGES.c.slot == slot))

    def _hear(self) -> None:
        for slot, content in _take(self._engine, list(self._workers), to_slot=0):
            worker = self._workers[slot]
            try:
                report = read(content, Report)
            except MessageError as error:
                report = Report(worker.number, Exit(str(error)))
            if report.number == worker.number:
                self._inbox.put((worker, report.message))

    def send(self, slot: str, order: Order) -> None:
        """Write to a slot, if it is still there."""
        row = select(SLOTS.c.slot, literal(1), literal(encode(order))).where(SLOTS.c.slot == slot)
        with self._engine.begin() as connection:
            connection.execute(insert(MESSAGES).from_select(["slot", "to_slot", "content"], row))

    def forget(self, worker: RemoteWorker) -> None:
        """Meet the slot as a new one."""
        self._workers.pop(worker.slot, None)


def _take(database: sqlalchemy.Engine, slots: list[str], to_slot: int) -> list[tuple[str, str]]:
    """What has been written to slots, or by them; it is removed."""
    mine = (MESSAGES.c.slot.in_(slots), MESSAGES.c.to_slot == to_slot)
    with database.connect() as connection:
        rows = connection.execute(
            select(MESSAGES.c.id, MESSAGES.c.slot, MESSAGES.c.content).where(*mine).order_by(MESSAGES.c.id)
        ).all()
    if rows:
        with database.begin() as connection:
            connection.execute(delete(MESSAGES).where(MESSAGES.c.id.in_([r.id for r in rows])))
    return [(slot, content) for _, slot, content in rows]


# ---- the other machine


class Forgotten(Exception):
    """The supervisor has taken the slots of an offer away."""


@dataclass
class _Slot:
    """worker: behind the slot, None before its first request. number: of the request in hand."""

    worker: WorkerProcess | None = None
    number: int = 0
    busy: bool = False


class Offer:
    """The slots this process offers to a study, each with a worker process behind it."""

    def __init__(self, handle: StudyHandle, workers: int) -> None:
        self._handle, self._engine = handle, database(storage_of(handle.optuna))
        token = this_process().token()
        self._slots = {f"{token}#{i}": _Slot() for i in range(workers)}
        self._inbox: Inbox = queue.Queue()
        self._beaten = time.monotonic()
        rows = [{"slot": slot, "study_id": handle.id, "beat": 0} for slot in self._slots]
        with self._engine.begin() as connection:
            connection.execute(insert(SLOTS), rows)

    def step(self) -> None:
        """Say that we are here, take what has come, pass on what the fits say.

        Raises Forgotten, and MessageError where the supervisor is of another version.
        """
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            change = update(SLOTS).where(SLOTS.c.slot.in_(list(self._slots))).values(beat=SLOTS.c.beat + 1)
            with self._engine.begin() as connection:
                if connection.execute(change).rowcount == 0:  # given up for lost, as after a long sleep
                    raise Forgotten
            self._beaten = time.monotonic()
        for name, content in _take(self._engine, list(self._slots), to_slot=1):
            self._begin(self._slots[name], read(content, Order))
        try:
            heard = self._inbox.get(timeout=POLL_SECONDS)
            while True:
                self._pass_on(*heard)
                heard = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _begin(self, slot: _Slot, order: Order) -> None:
        slot.number, task = order.number, order.task
        if slot.worker is not None and (slot.busy or task is None):
            slot.worker.kill()
            slot.worker, slot.busy = None, False
        if task is None:
            return
        if slot.worker is None:
            preload = isinstance(task, FittingTask) and ENGINES[task.engine].needs_torch
            slot.worker = WorkerProcess(self._inbox, preload_pykan=preload)
        slot.busy = True
        slot.worker.send(Request(str(local_data(self._handle.optuna, self._handle.data.sha256)), task))

    def _pass_on(self, worker: Worker, message: Message) -> None:
        name, slot = next(((n, s) for n, s in self._slots.items() if s.worker is worker), (None, None))
        if slot is None or isinstance(message, Ready):
            return
        if isinstance(message, Done | Exit):
            slot.busy = False
        if isinstance(message, Exit):
            slot.worker = None
            worker.kill()
        content = encode(Report(slot.number, message))
        with self._engine.begin() as connection:
            connection.execute(insert(MESSAGES).values(slot=name, to_slot=0, content=content))

    def close(self) -> None:
        """End the workers and take the slots back."""
        for slot in self._slots.values():
            if slot.worker is not None:
                slot.worker.kill()
        with self._engine.begin() as connection:
            connection.execute(delete(SLOTS).where(SLOTS.c.slot.in_(list(self._slots))))
            connection.execute(delete(MESSAGES).where(MESSAGES.c.slot.in_(list(self._slots))))
