"""The commands that run, pause, stop and repeat an existing study."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kanlab.cli.arguments import add_dask, add_fill, add_json, add_ranges, ranges
from kanlab.cli.printing import exit_code, run_and_print
from kanlab.language import say
from kanlab.text import counted

if TYPE_CHECKING:
    pass
from kanlab.cli.opening import AddCommand, WithStorage, of_a_study, open_all, open_study, told


def _resume(arguments: argparse.Namespace) -> int:
    from kanlab.execution.dask_cluster import chosen, cluster_workers
    from kanlab.execution.manage import extend

    handles = open_all(arguments)
    cluster_workers(chosen(arguments.dask))  # raises where none answers, before anything changes
    if arguments.trials is not None or arguments.minutes is not None:
        minutes = None if arguments.minutes is None else arguments.minutes / len(handles)
        handles = [extend(handle, trials=arguments.trials, minutes=minutes) for handle in handles]
    return exit_code(run_and_print(handles, arguments.json, arguments.dask))


def _rerun(arguments: argparse.Namespace) -> int:
    from kanlab.execution.dask_cluster import chosen, cluster_workers
    from kanlab.execution.manage import differences, duplicate
    from kanlab.study.handle import versions_changed
    from kanlab.study.patience import patiently

    handle = open_study(arguments)
    changed: dict[str, Any] = {}
    if ends := ranges(arguments):
        changed["space"] = replace(handle.spec.space, **ends)
    if arguments.minutes is not None:
        changed["minutes"] = arguments.minutes
    if arguments.fill:
        changed["starts_fill"] = True
    at_hand = cluster_workers(chosen(arguments.dask))
    again = duplicate(handle, name=arguments.study, at_hand=at_hand, **changed)
    [study] = run_and_print([again], arguments.json, arguments.dask)
    code = exit_code([study])
    if changed or code:
        return code
    lines = patiently(lambda: differences(handle.records(), study.handle.records()))
    if not lines:
        return told(
            say("'{name}' agrees with '{other}' in every bit of every trial.", name=again.name, other=handle.name)
        )
    count = counted(len(lines), "configuration")
    print(
        say("'{name}' differs from '{other}' in {count}:", name=again.name, other=handle.name, count=count),
        *lines[:20],
        sep="\n  ",
        file=sys.stderr,
    )
    for sentence in versions_changed(handle):
        print(sentence, file=sys.stderr)
    return 1


def _pause(arguments: argparse.Namespace) -> int:
    return _wish(arguments, "pause")


def _stop(arguments: argparse.Namespace) -> int:
    return _wish(arguments, "stop")


def _wish(arguments: argparse.Namespace, wanted: str) -> int:
    from kanlab.errors import StudyError
    from kanlab.execution.manager import manager
    from kanlab.study.state import read_state

    handles = open_all(arguments)
    live = [(handle, read_state(handle.optuna.user_attrs)) for handle in handles]
    running = [handle for handle, state in live if state.is_live and state.pid]
    if not running:
        raise StudyError(
            say("The study '{name}' is not running: it is {state}.", name=arguments.name, state=say(live[0][1].name))
        )
    for handle in running:
        if wanted == "pause":
            manager().pause(handle)
            told(say("The study '{name}' was asked to pause.", name=handle.name))
        else:
            manager().stop(handle)
            told(say("The study '{name}' was asked to stop.", name=handle.name))
    return 0


def add_commands(command: AddCommand, with_storage: WithStorage) -> None:
    """Add these commands to the parser."""
    on_a_study = of_a_study(command, with_storage)
    resume = on_a_study("resume", _resume, say("continue a study that was paused, stopped or interrupted"))
    resume.add_argument("--trials", type=int, metavar="N", help=say("raise the budget to N trials in total"))
    resume.add_argument("--minutes", type=float, metavar="M", help=say("raise the budget to M minutes in total"))
    add_dask(resume)
    add_json(resume)
    on_a_study("pause", _pause, say("pause a running study as soon as its running fits are done"))
    on_a_study(
        "stop",
        _stop,
        say("stop a running study at once"),
        say("Its running fits are ended; 'kanlab resume' repeats them."),
    )
    rerun = on_a_study(
        "rerun",
        _rerun,
        say("repeat a study on the same data and compare every number"),
        say("With other ranges or minutes it starts a new study on the same data instead, and compares nothing."),
    )
    rerun.add_argument("--study", metavar="NEW", help=say("name of the new study (default: after the file)"))
    add_ranges(rerun, neuron_num=None, grid=None, k=None, depth=None, multiplication=None)
    rerun.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help=say("longest time the study may take, in minutes (default: as before)"),
    )
    add_fill(rerun)
    add_dask(rerun)
    add_json(rerun)
