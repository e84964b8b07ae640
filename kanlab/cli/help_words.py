"""argparse in the language of the reader: its own words, and lines that are broken where a terminal is full."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kanlab.language import marked, say
from kanlab.text import columns_of, wrapped

# what a reader meets of argparse in Python 3.11 to 3.13; its percent signs are filled in by argparse itself
WORDS = (
    marked("usage: "),
    marked("positional arguments"),
    marked("options"),
    marked("show this help message and exit"),
    marked("%(heading)s:"),
    marked(" (default: %(default)s)"),
    marked("%(prog)s: error: %(message)s\n"),
    marked("%(prog)s: warning: %(message)s\n"),
    marked("argument %(argument_name)s: %(message)s"),
    marked("the following arguments are required: %s"),
    marked("one of the arguments %s is required"),
    marked("unrecognized arguments: %s"),
    marked("ambiguous option: %(option)s could match %(matches)s"),
    marked("not allowed with argument %s"),
    marked("ignored explicit argument %r"),
    marked("unexpected option string: %s"),
    marked("expected one argument"),
    marked("expected at most one argument"),
    marked("expected at least one argument"),
    marked("expected %s argument"),
    marked("expected %s arguments"),
    marked("invalid %(type)s value: %(value)r"),
    marked("invalid choice: %(value)r (choose from %(choices)s)"),
    marked("unknown parser %(parser_name)r (choices: %(choices)s)"),
    marked("can't open '%(filename)s': %(error)s"),
)


@contextmanager
def said() -> Iterator[None]:
    """Within, argparse says its words as kanlab does; gettext, which it asks, knows neither KANLAB_LANG nor the catalogue."""
    before = {name: getattr(argparse, name) for name in _ASKED}
    try:
        vars(argparse).update(_ASKED)
        yield
    finally:
        vars(argparse).update(before)


def _told(message: str | None) -> str | None:
    return say(message) if message else message  # it asks for the word for None, too


def _counted(one: str, more: str, count: int) -> str:
    return say(one if count == 1 else more)


_ASKED = {"_": _told, "ngettext": _counted}  # the names under which argparse imports gettext


class Formatter(argparse.HelpFormatter):
    """argparse's own, which leaves the lines of examples as they are, and knows that Chinese characters take two columns."""

    def format_help(self) -> str:
        """The help as argparse makes it, the colons of headings said where it does not ask for them (before Python 3.13)."""
        return re.sub(
            r"(?m)^(\S.*):$", lambda found: say("%(heading)s:") % {"heading": found[1]}, super().format_help()
        )

    def _split_lines(self, text: str, width: int) -> list[str]:
        narrow = columns_of(text) == len(text)
        return super()._split_lines(text, width) if narrow else wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return text
        narrow = columns_of(text) == len(text)
        return (
            super()._fill_text(text, width, indent) if narrow else "\n".join(indent + t for t in wrapped(text, width))
        )

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None) -> str:
        begin = say("usage: ") if prefix is None else prefix
        blank = " " * columns_of(begin)
        return str(super()._format_usage(usage, actions, groups, blank)).replace(blank, begin, 1)
