"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import BinaryIO

from kanlab.errors import SpaceError
from kanlab.language import marked, say

_RANGES = {
    "neuron_num": marked("hidden neurons"),
    "grid": marked("grid intervals of every spline"),
    "k": marked("spline order: 1 piecewise linear, 2 quadratic, 3 cubic"),
    "depth": marked("hidden layers"),
    "multiplication": marked(
        "0, or 0:1: beside plain networks those one of whose neurons multiplies two sums of curves"
    ),
}

STANDARD_INPUT = marked("standard input")  # where a table has no other name

Options = argparse._ActionsContainer  # a parser, or one group of its options


def add_ranges(parser: Options, **defaults: str | None) -> None:
    """The options --neuron-num, --grid, --k, --depth and --multiplication."""
    for name, meaning in _RANGES.items():
        default = defaults[name]
        text = say("{meaning} (default: {default})", meaning=say(meaning), default=default or say("as before"))
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, metavar="LO:HI", help=text)


def add_fill(parser: Options) -> None:
    """The option --fill."""
    text = say(
        "fit every configuration from as many random starts as the minutes allow and keep "
        "its best fit; kanlab times a few fits first, and the study stores the number"
    )
    parser.add_argument("--fill", action="store_true", help=text)


def add_json(parser: Options) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", help=say("print the study as one JSON object"))


def add_trial(parser: Options) -> None:
    """The options --trial and --family."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--trial", type=int, metavar="N", help=say("use the network of trial N (default: the recommended model)")
    )
    which.add_argument(
        "--family", metavar="NAME", help=say("use another family that the study has, such as linear or gam")
    )
    which.add_argument(
        "--use",
        choices=["read", "predict"],
        help=say(
            "use the recommended model that can be read, or the one that predicts best, often an "
            "average of networks (default: what the evidence speaks for, which 'kanlab show' "
            "tells)"
        ),
    )


def add_interval(parser: Options) -> None:
    """The option --interval."""
    text = say(
        "share of rows like those of the training that the interval of a prediction should "
        "hold, or the set of classes (default: 0.9); none: predictions alone"
    )
    parser.add_argument("--interval", type=_level, default=0.9, metavar="SHARE", help=text)


def _level(text: str) -> float | None:
    from kanlab.explain.interval_columns import level_of

    return level_of(text)


def add_workers(parser: Options) -> None:
    """The option --workers."""
    text = say("worker processes (default: one per core; on a cluster: as many as it has)")
    parser.add_argument("--workers", type=int, metavar="N", help=text)


def add_dask(parser: Options) -> None:
    """The option --dask."""
    text = say(
        "fit on a Dask cluster: the address of its scheduler, such as tcp://host:8786, or "
        "its scheduler file (default: $KANLAB_DASK, or this machine; '': this machine)"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help=text)


def port(text: str) -> int:
    """A port to listen on; 0 is any that is free."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(say("a port is a number from 0 to 65535, not '{text}'", text=text[:40]))
    return int(text)


def source(path: Path) -> tuple[Path | BinaryIO, str | None]:
    """What to read a table from, and what to call it where that is no file: - is standard input."""
    if str(path) != "-":
        return path, None
    return io.BytesIO(sys.stdin.buffer.read()), STANDARD_INPUT


def names(text: str | None) -> list[str]:
    """Comma-separated names."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def ranges(arguments: argparse.Namespace) -> dict[str, tuple[int, int]]:
    """The ranges that were given, by name."""
    texts = {name: getattr(arguments, name) for name in _RANGES}
    return {name: _range(name, text) for name, text in texts.items() if text is not None}


def _range(name: str, text: str) -> tuple[int, int]:
    """LO:HI, or one number for both."""
    parts = text.split(":")
    try:
        numbers = [int(p) for p in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SpaceError(
            say(
                "The range '{text}' of --{option} is not LO:HI, for example 1:10.",
                text=text,
                option=name.replace("_", "-"),
            )
        )
    return numbers[0], numbers[-1]
