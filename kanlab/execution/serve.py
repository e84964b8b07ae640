"""`kanlab worker NAME --storage URL`: work on a study from another machine.

Whichever machine finds that nobody runs the study takes its lease and becomes the supervisor; so any machine may go, and any
may come. The others offer it their worker processes (kanlab.execution.remote).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kanlab.execution.remote import Forgotten, Offer
from kanlab.execution.supervisor import Supervisor
from kanlab.study.handle import StudyHandle
from kanlab.study.lease import Watch
from kanlab.study.patience import STORAGE_PATIENCE
from kanlab.study.state import StudyState, read_state
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

ENDED = ("paused", "stopped", "finished", "failed")


def serve(handle: StudyHandle, workers: int, say: Callable[[str], None] = lambda text: None) -> StudyState:
    """Work on a study with `workers` processes until it ends, is paused or stopped; returns its state.

    Storages out of reach are waited for.
    """
    reached = time.monotonic()
    while True:
        try:
            return _serve(handle, workers, say)
        except Forgotten:
            reached = time.monotonic()
        except STORAGE_ERRORS as error:
            if time.monotonic() - reached > STORAGE_PATIENCE:
                raise
            say(storage_trouble(error))
            time.sleep(1.0)


def _serve(handle: StudyHandle, workers: int, say: Callable[[str], None]) -> StudyState:
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
                offer = Offer(handle, workers)
            offer.step()
    finally:
        if offer is not None:
            offer.close()
