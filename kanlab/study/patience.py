"""A storage that is out of reach for a while, as a server that is started anew, is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kanlab.language import say
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

STORAGE_PATIENCE = 600.0  # seconds a storage may be out of reach
RETRY_SECONDS = 0.5

T = TypeVar("T")


def patiently(action: Callable[[], T], warn: Callable[[str], None] = lambda sentence: None) -> T:
    """What an action on a storage returns, tried again for up to STORAGE_PATIENCE seconds where that does not answer.

    Parameters
    ----------
    action : function without arguments
        May be done twice: what it raised may have come after its work was done.
    warn : function of a sentence
        Called when the waiting begins and when it is over.

    Raises
    ------
    StorageInternalError, DBAPIError or TimeoutError
        What the action raised, where the storage does not come back.

    Examples
    --------
    >>> patiently(lambda: 2)
    2
    """
    deadline = None
    while True:
        try:
            result = action()
        except STORAGE_ERRORS as error:
            if deadline is None:
                deadline = time.monotonic() + STORAGE_PATIENCE
                warn(f"{storage_trouble(error)} {say('kanlab waits until it does.')}")
            elif time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
            continue
        if deadline is not None:
            warn(say("The storage answers again."))
        return result
