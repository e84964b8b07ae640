"""Start, stop and resume studies: the one manager of a process, which owns a supervisor thread a running study."""

from __future__ import annotations

import sys
import threading
from types import ModuleType

from kanlab.errors import StudyError
from kanlab.lifecycle import StudyState, read_state, request_run, request_stop, write_state
from kanlab.study import StudyHandle
from kanlab.supervisor import Supervisor, default_workers

_SLOT = "_kanlab_job_manager"


class JobManager:
    """The supervisors of this process. They share its cores evenly, at least one worker each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._supervisors: dict[tuple[int, str], Supervisor] = {}

    def start(self, handle: StudyHandle) -> Supervisor:
        """Run a study, new or not finished, in the background. Raises StudyError where it runs already."""
        key = (id(handle.optuna._storage), handle.name)
        with self._lock:
            self._supervisors = {k: s for k, s in self._supervisors.items() if s.is_alive()}
            state = read_state(handle.optuna.user_attrs)
            if key in self._supervisors or (state.is_live and state.pid):
                raise StudyError(f"The study '{handle.name}' is running already; stop it first.")
            request_run(handle.optuna)  # before the thread runs, so that a wish to stop from now on is heard
            write_state(handle.optuna, StudyState("queued", elapsed=state.elapsed))
            supervisor = Supervisor(handle, share=self._share)
            self._supervisors[key] = supervisor
            supervisor.start()
            return supervisor

    def stop(self, handle: StudyHandle) -> None:
        """Wish a study to stop; its supervisor, wherever it runs, ends the fits in hand within moments."""
        request_stop(handle.optuna)

    def _share(self) -> int:
        alive = sum(s.is_alive() for s in list(self._supervisors.values()))
        return -(-default_workers() // max(1, alive))


def manager() -> JobManager:
    """The process's manager. It hangs on a module of its own, so that reloading this source does not lose it."""
    holder = sys.modules.setdefault(_SLOT, ModuleType(_SLOT))
    if not hasattr(holder, "manager"):
        holder.manager = JobManager()  # type: ignore[attr-defined]
    return holder.manager  # type: ignore[attr-defined, no-any-return]
