"""Which process this is, and whether another one of this machine is still there."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Process:
    """One process of one machine. started: when it began, so that a number used again is told from its former owner.

    "" where the system did not say, as versions before this one wrote it on macOS and Windows: then the number alone counts.
    """

    host: str
    pid: int
    started: str

    @property
    def is_gone(self) -> bool:
        """Whether it has surely ended; False as well where this machine cannot tell."""
        if self.host != host():
            return False
        started = process_started(self.pid)
        return started is None or bool(self.started and started and started != self.started)

    def token(self) -> str:
        """A line that names it and is new with each call."""
        return f"{self.host}|{self.pid}|{self.started}|{uuid.uuid4().hex}"

    @classmethod
    def of_token(cls, token: str) -> Process:
        name, pid, started, _ = token.split("|")
        return cls(name, int(pid), started)


def this_process() -> Process:
    """The process that asks."""
    return Process(host(), os.getpid(), process_started(os.getpid()) or "")


def host() -> str:
    """The machine: its name and, where there is one, the namespace of its process numbers (containers share names)."""
    try:
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def process_started(pid: int) -> str | None:
    """When a process of this machine began, the same text whoever asks; "" where the system hides it; None: it has ended."""
    if os.name == "posix":  # elsewhere os.kill(pid, 0) would end the process
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:  # of another user, whose processes psutil may not see at all
            pass
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):  # its parent has only not asked yet
            return None
        # psutil's hash is of the number and the raw start, which no change of the clock moves, as it does create_time
        return _clock_ticks(pid) or str(hash(process))
    except psutil.ZombieProcess:
        return None
    except psutil.NoSuchProcess:
        return "" if os.name == "posix" else None
    except psutil.AccessDenied:
        return ""


def _clock_ticks(pid: int) -> str:
    """On Linux, when the process began in clock ticks since boot, as every version has written it; elsewhere ""."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
