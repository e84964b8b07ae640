"""The commands for the machine: doctor, gc."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kanlab.cli.arguments import port
from kanlab.language import say
from kanlab.text import padded

if TYPE_CHECKING:
    pass
from kanlab.cli.opening import AddCommand, WithStorage, told


def _doctor(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import doctor

    worst = 0
    for finding in doctor(arguments.storage, arguments.port):
        status = padded(say("ok") if finding.ok else say("FAIL"), 4)
        print(
            say("{status}  {what}: {detail}", status=status, what=say(finding.what), detail=finding.detail), flush=True
        )
        worst = max(worst, 0 if finding.ok else 1)
    return worst


def _gc(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import in_bytes
    from kanlab.study.leftovers import leftovers, remove
    from kanlab.study.storage import get_storage

    storage = get_storage(arguments.storage)
    found = leftovers(storage)
    for path in found.files:
        print(path)
    counts: dict[str, Any] = {
        "files": len(found.files),
        "size": in_bytes(found.size),
        "blobs": len(found.blobs),
        "leases": len(found.leases),
        "unfinished": len(found.unfinished),
    }
    if arguments.dry_run:
        return told(
            say(
                "{files} files ({size}), {blobs} data sets in the database, {leases} leases and {unfinished} "
                "unfinished studies would be removed; no study uses them.",
                **counts,
            )
        )
    remove(storage, found)
    return told(
        say(
            "{files} files ({size}), {blobs} data sets in the database, {leases} leases and {unfinished} "
            "unfinished studies were removed; no study uses them.",
            **counts,
        )
    )


def add_commands(command: AddCommand, with_storage: WithStorage) -> None:
    """Add these commands to the parser."""
    doctor = command("doctor", _doctor, say("check that this machine has everything a study needs"))
    doctor.add_argument("--port", type=port, default=8501, help=say("port of the app to check (default: %(default)s)"))
    with_storage(doctor)
    gc = command("gc", _gc, say("remove data that no study uses, and what killed processes left behind"))
    gc.add_argument("--dry-run", action="store_true", help=say("only list what would be removed"))
    with_storage(gc)
