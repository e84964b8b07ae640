"""What commands for existing studies share: the study or studies of a name, and lines for whoever asked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from kanlab.language import say

if TYPE_CHECKING:
    from kanlab.study.handle import StudyHandle

Run = Callable[[argparse.Namespace], int]
AddCommand = Callable[..., argparse.ArgumentParser]  # name, run, text, more
WithStorage = Callable[[argparse.ArgumentParser], None]


def open_study(arguments: argparse.Namespace) -> StudyHandle:
    """The study of a name."""
    from kanlab.study.handle import load_study

    return load_study(arguments.name, storage_url=arguments.storage)


def open_all(arguments: argparse.Namespace) -> list[StudyHandle]:
    """The study of a name, or those of several targets that have it together."""
    from kanlab.study.several_targets import load_studies

    return load_studies(arguments.name, storage_url=arguments.storage)


def open_one(arguments: argparse.Namespace) -> StudyHandle:
    """The study of a name. Raises StudyError where several targets have it together."""
    from kanlab.errors import StudyError

    handles = open_all(arguments)
    if len(handles) > 1:
        own = ", ".join(f"'{handle.name}'" for handle in handles)
        raise StudyError(
            say(
                "'{name}' is a study for each of {count} targets; name one of them: {own}.",
                name=arguments.name,
                count=len(handles),
                own=own,
            )
        )
    return handles[0]


def check_one_trial(arguments: argparse.Namespace, handles: list[StudyHandle]) -> None:
    """Raises StudyError where a trial is asked for and there are several studies."""
    from kanlab.errors import StudyError

    if arguments.trial is not None and len(handles) > 1:
        own = ", ".join(f"'{handle.name}'" for handle in handles)
        raise StudyError(
            say(
                "'{name}' is a study for each of {count} targets; name one with --trial: {own}.",
                name=arguments.name,
                count=len(handles),
                own=own,
            )
        )


def told(text: str) -> int:
    """Say that it is done; the exit code."""
    print(text, file=sys.stderr)
    return 0


def refused(text: str) -> int:
    """Say why it is not done; the exit code."""
    print(f"kanlab: {text}", file=sys.stderr)
    return 2


def of_a_study(command: AddCommand, with_storage: WithStorage) -> AddCommand:
    """What adds a command for one study, named first."""

    def add(name: str, run: Run, text: str, more: str = "") -> argparse.ArgumentParser:
        sub = command(name, run, text, more)
        sub.add_argument("name", metavar="NAME", help=say("name of the study"))
        with_storage(sub)
        return sub

    return add
