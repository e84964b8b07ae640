"""Work on a study in a thread of its own: of a kind, such as validations, at most one a study is at it in this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from kanlab.errors import KanlabError
from kanlab.language import use
from kanlab.study.handle import StudyHandle
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

logger = logging.getLogger(__name__)


class BackgroundRun:
    """A thread that does a work which can be stopped.

    kind: what it is called, such as "validation".  work: called with what tells whether to stop.  failed: called with the
    sentence of a KanlabError that ended it.
    """

    def __init__(
        self,
        handle: StudyHandle,
        kind: str,
        work: Callable[[Callable[[], bool]], object],
        failed: Callable[[str], None],
    ) -> None:
        self.handle, self._kind, self._work, self._failed = handle, kind, work, failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"kanlab-{kind}-{handle.name}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; what is known stays, and a worker in the middle of a task is ended too."""
        self._stop.set()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    @use("en")
    def _run(self) -> None:
        try:
            self._work(self._stop.is_set)
        except KanlabError as error:
            self._failed(str(error))
        except STORAGE_ERRORS as error:  # for longer than is waited
            logger.warning("the %s of study %s ends: %s", self._kind, self.handle.name, storage_trouble(error))


class BackgroundRuns:
    """The runs of one kind in this process."""

    def __init__(self) -> None:
        self._runs: dict[tuple[int, int], BackgroundRun] = {}
        self._lock = threading.Lock()

    def start(self, handle: StudyHandle, make: Callable[[], BackgroundRun]) -> BackgroundRun:
        """The run that is at a study, or a new one, started. make: writes that it begins, and makes it."""
        with self._lock:
            running = self._runs.get(handle.key)
            if running is None or not running.is_alive():
                running = self._runs[handle.key] = make()
                running.start()
            return running

    def of(self, handle: StudyHandle) -> BackgroundRun | None:
        """The newest run at a study, ended or not."""
        return self._runs.get(handle.key)

    def stop(self, handle: StudyHandle) -> None:
        """End the run at a study, if this process has one."""
        running = self.of(handle)
        if running is not None:
            running.stop()
