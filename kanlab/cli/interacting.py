"""The command `kanlab interactions`: which features interact in a model of a study, and whether that is more than chance."""

from __future__ import annotations

import argparse
import json
import shlex
from typing import TYPE_CHECKING

from kanlab.cli.arguments import add_json, add_trial
from kanlab.cli.opening import AddCommand, WithStorage
from kanlab.cli.printing import columns
from kanlab.language import active, percent, say, use

if TYPE_CHECKING:
    from kanlab.explain.interactions import Interactions
    from kanlab.selection.headline import Use

MOST_SHOWN = 20  # pairs, as text


def _interactions(arguments: argparse.Namespace) -> int:
    from kanlab.api import open_study
    from kanlab.errors import StudyError
    from kanlab.selection.product_hint import product_hint

    if arguments.nulls < 0:
        raise StudyError(say("The number of networks of --nulls is at least 0, not {nulls}.", nulls=arguments.nulls))
    study = open_study(arguments.name, storage=arguments.storage)
    wanted: Use | None = arguments.use or ("read" if arguments.trial is None and arguments.family is None else None)
    with use("en" if arguments.json else active()):
        found = study.interactions(arguments.trial, family=arguments.family, use=wanted, nulls=arguments.nulls)
    if arguments.json:
        with use("en"):
            content = found.to_dict()
        print(json.dumps(content, indent=2, allow_nan=False))
    else:
        print(_shown(found))
        if hint := product_hint(study.spec, found.tested_pair):
            print(hint[0])
            print(
                say("To search so: {command}", command=f"kanlab rerun {shlex.quote(study.name)} --multiplication 0:1")
            )
    return 0


def _shown(found: Interactions) -> str:
    """The sentence and the pairs, the strongest first."""
    if not found.pairs:
        return found.sentence
    header = (say("first"), say("second"), "H", say("strength"), say("of the spread"), *["p"] * bool(found.nulls))
    lines = [
        (
            pair.first[:30],
            pair.second[:30],
            f"{pair.h:.3f}",
            f"{pair.strength:.4g}",
            percent(pair.strength / (found.spread or 1.0), 1),
            *([] if pair.p is None else [f"{pair.p:.2f}"]),
        )
        for pair in found.pairs[:MOST_SHOWN]
    ]
    left = len(found.pairs) - len(lines)
    more = [say("and {left} weaker pairs; --json has all of them", left=left)] if left else []
    return "\n".join(
        [found.sentence, columns([header, *lines]), say("strengths are of the {scale}", scale=found.scale), *more]
    )


def add_command(command: AddCommand, with_storage: WithStorage) -> None:
    """Add `kanlab interactions` to the parser."""
    asked = command(
        "interactions",
        _interactions,
        say("say which features interact in a model, how strongly, and whether that is more than chance"),
        say(
            "Friedman's H of every pair, its strength beyond the sum of both, and p-values by "
            "networks fitted to targets without interactions, which are kept with the study."
        ),
    )
    asked.add_argument("name", metavar="NAME", help=say("name of a study"))
    asked.add_argument(
        "--nulls",
        type=int,
        default=19,
        metavar="N",
        help=say("networks to fit to targets without interactions, 0 for none and no p-values (default: %(default)s)"),
    )
    add_json(asked)
    add_trial(asked)
    with_storage(asked)
