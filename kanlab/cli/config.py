"""Options of a command from a file, for a study that is made again and again.

    [tune]
    data = "patients.csv"            # paths count from the folder of the file
    target = "progression"
    features = ["age", "bmi"]
    neuron-num = "1:5"
    minutes = 5
    fill = true
    monotone = { price = "down" }
    no-interaction = [["age", "bmi"]]

What stands on the command line has precedence.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kanlab.errors import StudyError
from kanlab.language import say
from kanlab.text import listing


def named_file(argv: Sequence[str]) -> Path | None:
    """The file of --config, where a command line has one."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--config", type=Path)
    try:
        found: Path | None = finder.parse_known_args(list(argv))[0].config
    except SystemExit:
        return None
    return found


def use(parser: argparse.ArgumentParser, command: str, file: Path) -> dict[str, Any]:
    """Make the options of a file the defaults of a command's parser. Raises StudyError where it has others.

    Returns those that can be given several times, for which argparse would add what the command line says to a default: to be
    set where that says nothing.
    """
    several: dict[str, Any] = {}
    actions = {action.dest if not action.option_strings else o.lstrip("-"): action
               for action in parser._actions for o in (action.option_strings or [""])}  # fmt: skip
    for key, value in _read(file, command).items():
        action = actions.get(key.replace("_", "-")) or actions.get(key)
        if action is None or isinstance(action, argparse._HelpAction) or action.dest == "config":
            known = sorted(name for name in actions if len(name) > 1 and name not in ("help", "config"))
            raise StudyError(
                say(
                    "{file}: '{command}' has no option '{key}'; it has {known}.",
                    file=file,
                    command=command,
                    key=key[:40],
                    known=listing(known, len(known)),
                )
            )
        if value is not False and isinstance(action, argparse._AppendAction):
            several[action.dest], action.required = _value(action, key, value, file), False
        elif value is not False:
            action.default, action.required = _value(action, key, value, file), False
    return several


def _read(file: Path, command: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(say("{file} cannot be read: {reason}.", file=file, reason=error.strerror or error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(say("{file} is no TOML: {error}.", file=file, error=error)) from error
    options = content.get(command)
    if not isinstance(options, dict) or len(content) > 1:
        raise StudyError(
            say(
                '{file} must hold one table, [{command}], with options such as target = "y".',
                file=file,
                command=command,
            )
        )
    return options


def _value(action: argparse.Action, key: str, value: Any, file: Path) -> Any:
    """A value of TOML as the command line has it."""
    if action.nargs == 0:  # a switch
        if value is not True:
            raise StudyError(say("{file}: '{key}' is true or false, not {value!r}.", file=file, key=key, value=value))
        return action.const
    several = isinstance(action, argparse._AppendAction)
    if several and isinstance(value, dict):  # monotone = { price = "down" }
        value = [f"{name}:{way}" for name, way in value.items()]
    if isinstance(value, list):
        texts = [",".join(map(str, v)) if isinstance(v, list) else str(v) for v in value]
        return texts if several else ",".join(texts)
    if isinstance(value, (dict, bool)):
        raise _takes(action.metavar or say("a value"), key, value, file)
    if action.dest == "data":
        return Path(value) if str(value) == "-" else file.parent / str(value)
    if action.choices and value not in action.choices:
        raise StudyError(
            say(
                "{file}: '{key}' must be one of {choices}, not {value!r}.",
                file=file,
                key=key,
                choices=", ".join(map(str, action.choices)),
                value=value,
            )
        )
    try:
        converted = action.type(str(value)) if callable(action.type) else str(value)
    except ValueError:
        raise _takes(action.metavar or say("a number"), key, value, file) from None
    return [converted] if several else converted


def _takes(what: object, key: str, value: Any, file: Path) -> StudyError:
    return StudyError(say("{file}: '{key}' takes {what}, not {value!r}.", file=file, key=key, what=what, value=value))
