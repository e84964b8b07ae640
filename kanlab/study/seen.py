"""What has been shown to somebody once and is not shown again, remembered in kanlab's own folder."""

from __future__ import annotations

import contextlib
import hashlib

from kanlab.errors import StudyError
from kanlab.files import private_folder
from kanlab.study.storage import home

FOLDER = "seen"


def has_seen(owner: str, what: str) -> bool:
    """Whether somebody has. owner: of `kanlab.ui.identity.owner`.  Where the folder cannot be read: yes."""
    try:
        return (home() / FOLDER / _name(owner, what)).exists()
    except (OSError, StudyError):
        return True


def remember(owner: str, what: str) -> None:
    """Not to be shown again; a folder that cannot be written to changes nothing."""
    with contextlib.suppress(OSError, StudyError):
        (private_folder(home() / FOLDER) / _name(owner, what)).touch(mode=0o600)


def _name(owner: str, what: str) -> str:
    return hashlib.sha256(f"{what}\n{owner}".encode()).hexdigest()[:32]
