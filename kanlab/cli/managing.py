"""The commands that rename, annotate and delete a study."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from kanlab.language import say
from kanlab.text import quoted

if TYPE_CHECKING:
    pass
from kanlab.cli.opening import AddCommand, WithStorage, of_a_study, open_all, refused, told


def _rename(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import rename_together

    return told(
        say(
            "The study '{name}' is now called '{new}'.",
            name=arguments.name,
            new=rename_together(open_all(arguments), arguments.new),
        )
    )


def _note(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import annotate, note

    handles = open_all(arguments)
    if arguments.text is None:
        print(note(handles[0]))
        return 0
    for handle in handles:
        annotate(handle, arguments.text)
    return told(say("The note of '{name}' is saved.", name=arguments.name))


def _delete(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import delete
    from kanlab.study.handle import HalfMade
    from kanlab.study.storage import get_storage
    from kanlab.study.unfinished import discard

    try:
        handles = open_all(arguments)
    except HalfMade:
        discard(get_storage(arguments.storage), arguments.name)
        return told(say("'{name}', a study that was never whole, is deleted.", name=arguments.name))
    if not arguments.yes:
        done = sum(len(handle.records()) for handle in handles)
        what = (
            quoted(arguments.name, len(arguments.name))
            if len(handles) == 1
            else say("the {count} studies of '{name}'", count=len(handles), name=arguments.name)
        )
        if not sys.stdin.isatty():
            return refused(say("{what} has {done} trials; add --yes to delete it for good.", what=what, done=done))
        print(
            say("Delete the study {what} with its {done} trials for good? [y/N] ", what=what, done=done),
            end="",
            file=sys.stderr,
        )
        if input().strip().lower() not in ("y", "yes"):
            return told(say("Nothing was deleted."))
    for handle in handles:
        delete(handle)
        told(say("The study '{name}' is deleted. 'kanlab gc' removes data that no study uses.", name=handle.name))
    return 0


def add_commands(command: AddCommand, with_storage: WithStorage) -> None:
    """Add these commands to the parser."""
    on_a_study = of_a_study(command, with_storage)
    on_a_study("rename", _rename, say("rename a study")).add_argument("new", metavar="NEW", help=say("its new name"))
    note = on_a_study("note", _note, say("print or replace the note of a study"))
    note.add_argument("text", metavar="TEXT", nargs="?", help=say("the new note (default: print the note)"))
    delete = on_a_study("delete", _delete, say("delete a study for good"))
    delete.add_argument("--yes", action="store_true", help=say("do not ask"))
