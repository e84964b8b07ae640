"""Start, pause, stop and resume studies: the one manager of a process, which owns a supervisor thread a running study."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING

from kanlab import settings
from kanlab.errors import StudyError
from kanlab.execution.supervisor import Supervisor, default_workers
from kanlab.language import say
from kanlab.study.handle import StudyHandle
from kanlab.study.state import StudyState, read_state, request, request_run, request_stop, wish, write_state

if TYPE_CHECKING:
    from kanlab.execution.dask_cluster import Dask

_SLOT = "_kanlab_job_manager"


class JobManager:
    """The supervisors of this process, first come first served: worker processes are its slots.

    slots: how many may be busy at once (None: one a core).  While there are no more studies than slots they share them
    evenly; of more, the first ones have one each and the others wait for their turn.
    """

    def __init__(self, slots: int | None = None) -> None:
        self._lock = threading.Lock()
        self._supervisors: dict[tuple[int, int], Supervisor] = {}
        self._slots = slots

    @property
    def slots(self) -> int:
        """Worker processes at once, all studies together."""
        return self._slots or default_workers()

    def serve(self) -> None:
        """Leave one core to whatever else this process does: the pages, for several users."""
        if self._slots is None:
            self._slots = max(1, settings.SLOTS() or default_workers() - 1)

    def start(self, handle: StudyHandle, dask: Dask | None = None) -> Supervisor:
        """Run a study, new or not finished, in the background, on this machine or on a Dask cluster.

        Raises StudyError where it runs already.
        """
        key = handle.key
        with self._lock:
            self._supervisors = {k: s for k, s in self._supervisors.items() if s.is_alive()}
            attributes = handle.optuna.user_attrs
            state = read_state(attributes)
            if key in self._supervisors or (state.is_live and state.pid):
                if wish(attributes) == "pause":
                    request_run(handle.optuna)
                    if key in self._supervisors:
                        return self._supervisors[key]
                raise StudyError(say("The study '{name}' is running already; stop it first.", name=handle.name))
            supervisor = Supervisor(handle, lambda: self._share(key), lambda: self._waiting(key), dask=dask)
            supervisor.claim()
            try:
                request_run(handle.optuna)  # before the thread runs, so that a wish to stop from now on is heard
                write_state(handle.optuna, StudyState("queued", elapsed=state.elapsed))
            except BaseException:
                supervisor.give_back()  # else nobody could start it, this process neither
                raise
            self._supervisors[key] = supervisor
            supervisor.start()
            return supervisor

    def pause(self, handle: StudyHandle) -> None:
        """Wish a study to finish the running fits and start no others."""
        request(handle.optuna, "pause")

    def stop(self, handle: StudyHandle) -> None:
        """Wish a study to stop; its supervisor, wherever it runs, ends the running fits within moments."""
        request_stop(handle.optuna)

    def trouble(self, handle: StudyHandle) -> str:
        """What keeps a study of this process from going on just now, in one sentence; "" where nothing does."""
        supervisor = self._supervisors.get(handle.key)
        return supervisor.trouble if supervisor is not None and supervisor.is_alive() else ""

    def _place(self, key: tuple[int, int]) -> tuple[int, int]:
        """How many studies that run on this machine came before this one, and how many there are."""
        alive = [k for k, s in list(self._supervisors.items()) if s.is_alive() and s.dask is None]
        return (alive.index(key) if key in alive else len(alive)), max(1, len(alive))

    def _share(self, key: tuple[int, int]) -> int:
        place, count = self._place(key)
        return self.slots // count + (place < self.slots % count)

    def _waiting(self, key: tuple[int, int]) -> str:
        place, _ = self._place(key)
        ahead = place - self.slots + 1
        return say("Number {ahead} in the queue for a free slot.", ahead=ahead) if ahead > 0 else ""


def manager() -> JobManager:
    """The process's manager. It hangs on a module of its own, so that reloading this source does not lose it."""
    holder = sys.modules.setdefault(_SLOT, ModuleType(_SLOT))
    if not hasattr(holder, "manager"):
        holder.manager = JobManager()  # type: ignore[attr-defined]
    return holder.manager  # type: ignore[attr-defined, no-any-return]
