"""The options that say what is known of the effects of the features."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kanlab.cli.arguments import Options, names
from kanlab.errors import StudyError
from kanlab.language import marked, say

if TYPE_CHECKING:
    from kanlab.kan.constraints import Constraints

_LISTS = {
    "convex": marked("features whose effect is convex: it bends upwards"),
    "concave": marked("features whose effect is concave: it bends downwards"),
    "linear": marked("features whose effect is a straight line, added to the rest"),
    "no-effect": marked("features that no model may use"),
}


def add_constraints(options: Options) -> None:
    """--monotone, --convex, --concave, --linear, --no-effect, --no-interaction and --of-class."""
    options.add_argument(
        "--monotone",
        action="append",
        metavar="COL:WAY[,COL:WAY]",
        help=say("features with which the prediction never falls (price:up) or never rises (price:down)"),
    )
    for name, text in _LISTS.items():
        options.add_argument(f"--{name}", metavar="A,B", help=say(text))
    options.add_argument(
        "--no-interaction",
        action="append",
        metavar="A,B",
        help=say("features of which none changes the effect of another; may be given several times"),
    )
    options.add_argument(
        "--of-class",
        metavar="LABEL",
        default="",
        help=say(
            "of three and more classes, the one whose log-odds against each other class are monotone, convex or concave"
        ),
    )


def constraints(arguments: argparse.Namespace) -> Constraints:
    """What these options demand."""
    from kanlab.kan.constraints import Constraints

    ways: dict[str, str] = {}
    for text in [pair for given in arguments.monotone or [] for pair in names(given)]:
        column, sign, way = text.rpartition(":")
        if not (sign and column and way):
            raise StudyError(
                say("'{text}' of --monotone is not COL:up or COL:down, for example price:down.", text=text[:80])
            )
        if ways.setdefault(column.strip(), way.strip()) != way.strip():
            raise StudyError(
                say(
                    "'{column}' cannot be monotone up and down at once; keep one of the two.",
                    column=column.strip()[:60],
                )
            )
    lists = {name.replace("-", "_"): names(getattr(arguments, name.replace("-", "_"))) for name in _LISTS}
    groups = [names(group) for group in arguments.no_interaction or []]
    return Constraints.of(monotone=ways, no_interaction=groups, of_class=arguments.of_class, **lists)
