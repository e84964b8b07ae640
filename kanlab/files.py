"""Files and folders of the user's: written whole or not at all, and kanlab's own for their owner alone.

Modes and owners are those of POSIX; on Windows folders are made in the profile of their user, and nothing is checked.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from kanlab.errors import KanlabError
from kanlab.language import say

OWNERS_FOLDER, OWNERS_FILE = 0o700, 0o600
_OTHERS, _OTHERS_WRITE = 0o077, 0o022


# ---- written whole


@contextlib.contextmanager
def written_whole(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place once that is done; on any error `path` stays as it was.

    A link is followed, permissions stay, and a device or a pipe is written to itself. mode: of a new file, before the
    umask. Raises OSError.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        yield path
        return
    partial = path.with_name(f".{path.name[:40]}-{secrets.token_hex(6)}.partial")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL, mode))
    try:
        yield partial
        if path.exists():
            partial.chmod(path.stat().st_mode & 0o777)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, error: type[KanlabError] = KanlabError) -> None:
    """Write a file as `written_whole` does. Raises the error where that cannot be done."""
    try:
        with written_whole(path) as partial:
            partial.write_bytes(content)
    except OSError as refused:
        raise error(
            say("{path} cannot be written: {reason}.", path=path, reason=refused.strerror or refused)
        ) from refused


# ---- for their owner alone


def private_folder(path: Path) -> Path:
    """Make a folder that nobody but its owner can look into; the mode of one that is there stays. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=OWNERS_FOLDER)
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))
    return path


def private_file(path: Path) -> None:
    """Make an empty file for its owner alone where there is none. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, OWNERS_FILE))


def narrow(path: Path) -> None:
    """Take a file or folder of ours from all others; what cannot be changed stays."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if _is_ours(found) and found.st_mode & _OTHERS and not stat.S_ISLNK(found.st_mode):
            path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def is_open_to_others(path: Path) -> bool:
    """Whether another user of the machine may read or write it."""
    return os.name == "posix" and bool(path.lstat().st_mode & _OTHERS)


def who_else_may_write(path: Path) -> str:
    """How another user could put something into a folder, in words; "" where nobody can.

    The folder and all in it must be ours, and every folder above ours or the system's; where others may write to one of
    those, as to /tmp, none but the owner may rename what is in it (the sticky bit).
    """
    if os.name != "posix":
        return ""
    try:
        path = path.resolve(strict=True)
        found = path.stat()
        if _others_may_write(found):
            return say("others may write to {path}", path=path)
        for above in path.parents:
            over = above.stat()
            if over.st_uid not in (0, os.geteuid()):
                return say("{path} belongs to another user", path=above)
            if _others_may_write(over) and not over.st_mode & stat.S_ISVTX:
                return say("others may write to {path}", path=above)
        closed = not found.st_mode & _OTHERS
        for folder, folders, names in os.walk(path):
            for entry in (Path(folder), *(Path(folder, name) for name in (*folders, *names))):
                inner = entry.lstat()
                if not _is_ours(inner):
                    return say("{path} belongs to another user", path=entry)
                if not closed and not stat.S_ISLNK(inner.st_mode) and _others_may_write(inner):
                    return say("others may write to {path}", path=entry)
    except FileNotFoundError:  # replaced while we looked: by us, or by whom the next look finds
        return "" if path.exists() else say("{path} is not there", path=path)
    except OSError as error:
        return say("{path} cannot be used ({reason})", path=path, reason=error.strerror or error)
    return ""


def _is_ours(found: os.stat_result) -> bool:
    return os.name == "posix" and found.st_uid == os.geteuid()


def _others_may_write(found: os.stat_result) -> bool:
    """Not a group that is named after its one user, as many systems make them."""
    if not found.st_mode & _OTHERS_WRITE:
        return False
    if found.st_mode & stat.S_IWOTH or found.st_gid != os.getegid():
        return True
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(found.st_gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    return group.gr_name != user.pw_name or any(member != user.pw_name for member in group.gr_mem)
