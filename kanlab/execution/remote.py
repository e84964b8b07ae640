"""Workers on other machines: they offer slots to a study in its storage and get their work by mail through it.

To the supervisor a slot is one more worker process (`RemoteWorker`): it hands over units and hears of fits. Each machine runs
`kanlab worker NAME --storage URL` (`serve`), which passes the mail on to worker processes of its own. Whichever of them finds
that nobody runs the study takes its lease and becomes the supervisor; so any machine may go, and any may come.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, literal, select, update

from kanlab.engines.registry import FitOptions, Unit
from kanlab.execution.worker_process import Message, WorkerProcess
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.lease import BEAT_SECONDS, STALE_SECONDS, Watch
from kanlab.study.processes import Process, this_process
from kanlab.study.schema import MAIL, SLOTS, engine
from kanlab.study.state import StudyState, read_state
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

POLL_SECONDS = 0.25
ENDED = ("paused", "stopped", "finished", "failed")
STORAGE_PATIENCE = 600.0


class RemoteWorker:
    """The supervisor's end of one slot; it has the manners of a WorkerProcess."""

    local = False

    def __init__(self, post: RemoteSlots, slot: str) -> None:
        self.ready = True
        self.fit_started = 0.0
        self.slot = slot
        self.errand = 0  # which of the units we sent, so that late words of an earlier one are told apart
        self._post = post

    def submit(self, unit: Unit, *, dataset: Path, engine: str, options: FitOptions, seed: int) -> None:
        self.errand, self.fit_started = self._post.next_errand(), time.monotonic()
        request = {"unit": asdict(unit), "engine": engine, "options": asdict(options), "seed": seed}
        self._post.send(self.slot, request | {"errand": self.errand})

    def last_words(self) -> str:
        return "its machine is not heard of any more"

    def kill(self) -> None:
        """End the fit in hand; the slot may come again."""
        self._post.send(self.slot, {"errand": 0})
        self._post.forget(self)


class RemoteSlots:
    """The slots offered to one study, as its supervisor sees them."""

    def __init__(self, handle: StudyHandle, inbox: queue.Queue[Message]) -> None:
        self._study_id = handle.optuna._study_id
        self._engine = engine(handle.optuna._storage)
        self._inbox = inbox
        self._workers: dict[str, RemoteWorker] = {}
        self._heard: dict[str, tuple[int, float]] = {}  # beats, and when they last changed
        self._polled = 0.0
        self._errands = int(time.time_ns() // 1_000_000)  # beyond those of a supervisor before us

    def next_errand(self) -> int:
        self._errands += 1
        return self._errands

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
            self._inbox.put((self._workers.pop(slot), {"event": "exit"}))  # type: ignore[arg-type]
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
            connection.execute(delete(MAIL).where(MAIL.c.slot == slot))

    def _hear(self) -> None:
        for slot, content in _take_mail(self._engine, list(self._workers), to_slot=0):
            worker, errand = self._workers[slot], content.pop("errand")
            if errand == worker.errand:
                self._inbox.put((worker, content))  # type: ignore[arg-type]

    def send(self, slot: str, content: dict[str, Any]) -> None:
        """Write to a slot, if it is still there."""
        row = select(SLOTS.c.slot, literal(1), literal(json.dumps(content))).where(SLOTS.c.slot == slot)
        with self._engine.begin() as connection:
            connection.execute(insert(MAIL).from_select(["slot", "to_slot", "content"], row))

    def forget(self, worker: RemoteWorker) -> None:
        """Meet the slot as a new one."""
        self._workers.pop(worker.slot, None)


def _take_mail(database: Any, slots: list[str], to_slot: int) -> list[tuple[str, dict[str, Any]]]:
    mine = (MAIL.c.slot.in_(slots), MAIL.c.to_slot == to_slot)
    with database.connect() as connection:
        rows = connection.execute(select(MAIL.c.id, MAIL.c.slot, MAIL.c.content).where(*mine).order_by(MAIL.c.id)).all()
    if rows:
        with database.begin() as connection:
            connection.execute(delete(MAIL).where(MAIL.c.id.in_([r.id for r in rows])))
    return [(slot, json.loads(content)) for _, slot, content in rows]


# ---- the other machine


class _Offer:
    """The slots this process offers to a study, each with a worker process behind it."""

    def __init__(self, handle: StudyHandle, workers: int) -> None:
        self._handle, self._engine = handle, engine(handle.optuna._storage)
        token = this_process().token()
        self._slots: dict[str, WorkerProcess | None] = {f"{token}#{i}": None for i in range(workers)}
        self._errands: dict[str, int] = dict.fromkeys(self._slots, 0)
        self._inbox: queue.Queue[Message] = queue.Queue()
        self._beaten = time.monotonic()
        rows = [{"slot": slot, "study_id": handle.optuna._study_id, "beat": 0} for slot in self._slots]
        with self._engine.begin() as connection:
            connection.execute(insert(SLOTS), rows)

    def step(self) -> None:
        """Say that we are here, take what has come, pass on what the fits say."""
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            change = update(SLOTS).where(SLOTS.c.slot.in_(list(self._slots))).values(beat=SLOTS.c.beat + 1)
            with self._engine.begin() as connection:
                if connection.execute(change).rowcount == 0:  # given up for lost, as after a long sleep
                    raise _Forgotten
            self._beaten = time.monotonic()
        for slot, request in _take_mail(self._engine, list(self._slots), to_slot=1):
            self._begin(slot, request)
        try:
            message = self._inbox.get(timeout=POLL_SECONDS)
            while True:
                self._pass_on(*message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _begin(self, slot: str, request: dict[str, Any]) -> None:
        worker, self._errands[slot] = self._slots[slot], request["errand"]
        if worker is not None and (worker.unit is not None or not request["errand"]):
            worker.kill()
            worker = self._slots[slot] = None
        if not request["errand"]:
            return
        if worker is None:
            worker = WorkerProcess(self._inbox, preload_pykan=request["engine"].startswith("pykan"))
            self._slots[slot] = worker
        data = self._handle.data.sha256
        unit = Unit.from_dict(request["unit"])
        worker.submit(
            unit,
            dataset=local_data(self._handle.optuna, data),
            engine=request["engine"],
            options=FitOptions(**request["options"]),
            seed=request["seed"],
        )

    def _pass_on(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        slot = next((s for s, w in self._slots.items() if w is worker), None)
        if slot is None or message["event"] == "ready":
            return
        if message["event"] == "done":
            worker.unit = None
        if message["event"] == "exit":
            self._slots[slot] = None
            worker.kill()
        content = json.dumps(message | {"errand": self._errands[slot]})
        with self._engine.begin() as connection:
            connection.execute(insert(MAIL).values(slot=slot, to_slot=0, content=content))

    def close(self) -> None:
        for worker in filter(None, self._slots.values()):
            worker.kill()
        with self._engine.begin() as connection:
            connection.execute(delete(SLOTS).where(SLOTS.c.slot.in_(list(self._slots))))
            connection.execute(delete(MAIL).where(MAIL.c.slot.in_(list(self._slots))))


class _Forgotten(Exception):
    """The supervisor has taken our slots away."""


def serve(handle: StudyHandle, workers: int, say: Callable[[str], None] = lambda text: None) -> StudyState:
    """Work on a study with `workers` processes until it ends, is paused or stopped; returns its state.

    Storages out of reach are waited for.
    """
    reached = time.monotonic()
    while True:
        try:
            return _serve(handle, workers, say)
        except _Forgotten:
            reached = time.monotonic()
        except STORAGE_ERRORS as error:
            if time.monotonic() - reached > STORAGE_PATIENCE:
                raise
            say(storage_trouble(error))
            time.sleep(1.0)


def _serve(handle: StudyHandle, workers: int, say: Callable[[str], None]) -> StudyState:
    from kanlab.execution.supervisor import Supervisor

    watch, offer, watched = Watch(handle.optuna), None, 0.0
    try:
        while True:
            state = read_state(handle.optuna.user_attrs)
            if state.name in ENDED:
                return state
            if time.monotonic() - watched > 1.0:
                watched = time.monotonic()
                lease = watch.claim()
                if lease is not None:
                    if offer is not None:
                        offer.close()
                        offer = None
                    say(f"Running the study '{handle.name}'.")
                    supervisor = Supervisor(handle, lambda: workers, lease=lease)
                    supervisor.start()
                    while supervisor.is_alive():  # a wait that Ctrl-C can end
                        supervisor.join(0.5)
                    watch = Watch(handle.optuna)
                    continue
            if offer is None:
                say(f"Working for the study '{handle.name}' with {workers} processes.")
                offer = _Offer(handle, workers)
            offer.step()
    finally:
        if offer is not None:
            offer.close()
