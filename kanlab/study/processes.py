"""Which process this is, and whether another one of this machine is still there."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process of one machine. started: when it began, so that a number used again is told from its former owner."""

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
    """When a process of this machine began, "" where the system does not say; None where it has ended."""
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return None if fields[0] in "ZX" else fields[19]  # a zombie has ended: its parent has only not asked yet
