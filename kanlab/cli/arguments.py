"""Arguments several commands have in common."""

from __future__ import annotations

import argparse

from kanlab.errors import SpaceError

_WORDS = {"neuron_num": "hidden neurons", "grid": "grid intervals", "k": "spline order", "depth": "hidden layers"}


def add_ranges(parser: argparse.ArgumentParser, **defaults: str | None) -> None:
    """The options --neuron-num, --grid, --k and --depth."""
    for name, words in _WORDS.items():
        default = defaults[name]
        text = f"{words} (default {default or 'as before'})"
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, metavar="LO:HI", help=text)


def add_fill(parser: argparse.ArgumentParser) -> None:
    """The option --fill."""
    text = (
        "use the minutes for more starts a cell, of which the best counts: a few cells are timed on this machine, and the "
        "number that fits becomes part of the study"
    )
    parser.add_argument("--fill", action="store_true", help=text)


def ranges(arguments: argparse.Namespace) -> dict[str, tuple[int, int]]:
    """The ranges that were given, by name."""
    texts = {name: getattr(arguments, name) for name in _WORDS}
    return {name: _range(name, text) for name, text in texts.items() if text is not None}


def _range(name: str, text: str) -> tuple[int, int]:
    """LO:HI, or one number for both."""
    parts = text.split(":")
    try:
        numbers = [int(p) for p in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SpaceError(f"The range '{text}' of --{name.replace('_', '-')} is not LO:HI, for example 1:10.")
    return numbers[0], numbers[-1]
