"""Completion of commands and options by the shell, by argcomplete, which is loaded when a shell asks and not before."""

from __future__ import annotations

import argparse
import os

SHELLS = ("bash", "zsh", "fish", "powershell")


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what may come next, and end; otherwise do nothing."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


def shell_code(shell: str) -> str:
    """What a shell evaluates so that it asks kanlab."""
    import argcomplete

    return str(argcomplete.shellcode(["kanlab"], shell=shell))
