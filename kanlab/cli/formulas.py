"""`kanlab formula`: search for formulas of a study, print them, edit them, and choose the one in use."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from kanlab.cli.arguments import names
from kanlab.cli.printing import columns, short_number
from kanlab.errors import StudyError
from kanlab.language import marked, say, use
from kanlab.retelling import retold

if TYPE_CHECKING:
    from kanlab.api import Study
    from kanlab.explain.formula import Formula
    from kanlab.explain.formulas import FormulaSearch

_MORE = marked(
    "The formulas are kept with the study; another call prints them again, and searches "
    "anew where an option asks for it. The options that edit take the number of a "
    "formula and of a part, as the list and --parts show them."
)
RECOMMENDED = "recommended"


def add_command(command: Callable[..., argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """`kanlab formula` without the arguments it shares with other commands."""
    text = say("search for formulas of a study's target, print the front of them, and edit them")
    sub = command("formula", run, text, say(_MORE))
    search = sub.add_argument_group(say("search"))
    search.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help=say("about how many minutes of one processor to search (default: 0.1)"),
    )
    search.add_argument(
        "--functions", metavar="A,B", help=say("functions a formula may hold (default: all of the library)")
    )
    search.add_argument("--forbid", metavar="A,B", help=say("functions a formula may not hold"))
    search.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="FEATURE=FUNCTION",
        help=say("recommend a formula only if it holds the feature inside the function; may be given several times"),
    )
    search.add_argument(
        "--repeats",
        type=int,
        metavar="N",
        default=0,
        help=say("searches of resampled rows, for how stable the formula is"),
    )
    sub.add_argument(
        "--units", metavar="A=U,B=V", help=say("units of columns, such as length=m,time=s, to see whether they add up")
    )
    editing = sub.add_argument_group(say("edit"))
    editing.add_argument("--parts", type=int, metavar="N", help=say("print the parts of formula N, by number"))
    editing.add_argument(
        "--edit", type=int, metavar="N", help=say("change formula N by the next four, fit it, and keep it")
    )
    for name, metavar, help_text in (
        ("switch", "PART=FUNCTION", say("another function for a part, or none for its argument alone")),
        ("drop", "PART", say("a term or a factor that goes")),
        ("fix", "PART=NUMBER", say("a constant that is held at a number such as 9.81, 1/3 or pi/2")),
        ("free", "PART", say("a held constant that is fitted")),
    ):
        editing.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=help_text)
    editing.add_argument(
        "--use",
        metavar="N",
        help=say("export and predict with formula N, or with the one {recommended}", recommended=RECOMMENDED),
    )
    editing.add_argument("--remove", type=int, metavar="N", help=say("take the edited formula N off the list"))
    return sub


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked, and print the formulas. Raises StudyError."""
    from kanlab.api import open_study
    from kanlab.explain.formulas import found_formulas

    study = open_study(arguments.name, storage=arguments.storage)
    if arguments.units is not None:
        from kanlab.explain.units import units_of_text

        study.set_units(units_of_text(arguments.units))
    changes = {name: getattr(arguments, name) for name in ("switch", "drop", "fix", "free")}
    if arguments.edit is None and any(changes.values()):
        raise StudyError(say("Say which formula is edited: --edit N, as the list numbers them."))
    _search(study, arguments)
    if arguments.parts is not None:
        print(_parts_shown(study, arguments.parts, arguments.json))
        return 0
    if arguments.edit is not None:
        edited = study.edit_formula(
            arguments.edit,
            switch=dict(map(_pair, changes["switch"])),
            drop=[_number(text) for text in changes["drop"]],
            fix=dict(map(_pair, changes["fix"])),
            free=[_number(text) for text in changes["free"]],
        )
        print(say("edited: {formula}", formula=edited), file=sys.stderr)
    if arguments.remove is not None:
        study.remove_formula(arguments.remove)
    if arguments.use is not None:
        study.use_formula(None if arguments.use == RECOMMENDED else _number(arguments.use))
    print(formulas_shown(study, found_formulas(study.handle), arguments.json))
    return 0


def _search(study: Study, arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    with tqdm(unit=say("step"), file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(search: FormulaSearch) -> None:
            bar.total = search.total
            bar.update(search.done - bar.n)

        study.formulas(
            arguments.minutes,
            functions=None if arguments.functions is None else names(arguments.functions),
            forbidden=names(arguments.forbid) if arguments.forbid else (),
            required=dict(map(_requirement, arguments.require)),
            repeats=arguments.repeats,
            workers=arguments.workers,
            dask=arguments.dask,
            on_progress=show,
        )


def _requirement(text: str) -> tuple[str, str]:
    feature, sign, function = text.rpartition("=")
    if not sign:
        raise StudyError(say("--require takes FEATURE=FUNCTION, not {text!r}.", text=text[:40]))
    return feature.strip(), function.strip()


def _number(text: str) -> int:
    if not text.strip().isdecimal():
        raise StudyError(say("{text!r} is no number of a formula or of a part.", text=text[:40]))
    return int(text)


def _pair(text: str) -> tuple[int, str]:
    part, sign, to = text.partition("=")
    if not sign:
        raise StudyError(
            say("An edit of a part is written PART=WHAT, such as 2=tanh or 5=9.81, not {text!r}.", text=text[:40])
        )
    return _number(part), to.strip()


def _parts_shown(study: Study, place: int, as_json: bool) -> str:
    front = study.formulas()
    if not 0 <= place < len(front):
        raise StudyError(
            say("There is no formula {place}; they are numbered 0 to {last}.", place=place, last=len(front) - 1)
        )
    parts = front[place].parts
    if as_json:
        return json.dumps([part._asdict() for part in parts], indent=2)
    rows = [(p.number, retold(p.kind), ", ".join(p.can), p.text[:120]) for p in parts]
    head = say("formula {place}: {formula}", place=place, formula=front[place])
    return "\n".join([head, columns([(say("part"), say("kind"), say("can"), say("text")), *rows])])


def formulas_shown(study: Study, search: FormulaSearch, as_json: bool) -> str:
    """The front of formulas, the one in use, and what to know of it; or JSON."""
    from kanlab.api import load_data
    from kanlab.explain.formula import errors, remarks
    from kanlab.explain.formulas import formulas_in, formulas_json

    data = load_data(study.handle)
    if as_json:
        with use("en"):
            content = {"study": study.name} | formulas_json(study.handle, search, data)
        return json.dumps(content, indent=2, allow_nan=False)
    found, front = search.found, formulas_in(study.handle, search, data)
    assert found is not None
    train_error, test_error = (
        (say("log-loss train"), say("log-loss test")) if data.levels else (say("RMSE train"), say("RMSE test"))
    )
    header = ["", "", say("complexity"), "K", "AICc", train_error, test_error]
    extra = _extra(front, found.repeats)
    rows = [
        [i, _marks(f, i == found.recommended, i == found.chosen), f.complexity, short_number(f.n_params),
         "" if f.aicc is None else f"{f.aicc:.2f}",
         short_number(f.classes.log_loss_train if f.classes else f.rmse_train, 5), short_number(f.error_test, 5),
         *(of[i] for of in extra.values()), str(f)[:120]]
        for i, f in enumerate(front)
    ]  # fmt: skip
    chosen = front[found.used]
    used = f"{data.output_label if data.levels else data.target} = {chosen}"
    is_recommended = found.used == found.recommended
    lines = [
        say(
            "study {name}: formulas of {quantity}; * recommended, = a held-out error no "
            "worse than the lowest within its standard error, e edited, > chosen",
            name=study.name,
            quantity=data.output_label,
        ),
        columns([[*header, *extra, say("formula")], *rows]),
        say("recommended: {model}", model=used) if is_recommended else say("chosen: {model}", model=used),
        *([f"  {retold(found.reason)}"] if is_recommended else []),
        f"  {errors(chosen)}",
        *(f"  {line}" for line in remarks(chosen)),
    ]
    return "\n".join(lines)


def _marks(formula: Formula, is_recommended: bool, is_chosen: bool) -> str:
    first = "*" if is_recommended else "=" if formula.found.tied else ""
    return first + "e" * (formula.found.origin == "edited") + ">" * is_chosen


def _extra(front: list[Formula], repeats: int) -> dict[str, list[str]]:
    """Columns that are shown where they say something."""
    found: dict[str, list[str]] = {}
    if repeats:
        times = [f.found.found_in for f in front]
        found[say("found in")] = [
            "" if n is None else say("{found} of {repeats}", found=n, repeats=repeats) for n in times
        ]
    if any(f.units for f in front):
        found[say("units")] = [
            "" if f.units is None else say("add up") if f.units.adds_up else say("do not") for f in front
        ]
    return found
