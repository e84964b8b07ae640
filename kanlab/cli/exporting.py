"""The commands that hand a model on: present, export, serve."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanlab.cli.arguments import add_interval, add_trial, port
from kanlab.language import say

if TYPE_CHECKING:
    pass
from kanlab.cli.opening import AddCommand, WithStorage, check_one_trial, of_a_study, open_all, open_one, told

# kanlab.export.code_forms.ENDINGS, which takes a second to load
_ENDINGS = (".onnx", ".sql", ".xlsx", ".py", ".js", ".c")


def _present(arguments: argparse.Namespace) -> int:
    from kanlab.api import Study

    made = Study(open_one(arguments)).present(arguments.output, arguments.theme)
    return told(
        say(
            "The presentation is in {file}. Open it in any browser; it needs no network, and arrow keys move.",
            file=made,
        )
    )


def _export(arguments: argparse.Namespace) -> int:
    from kanlab.api import Study
    from kanlab.errors import StudyError
    from kanlab.explain.interval_columns import LEVEL
    from kanlab.targets import StudyGroup

    if arguments.attach:
        return _attach(arguments)
    if arguments.to is not None:
        if arguments.explain:
            raise StudyError(say("--explain is for a bundle, whose predict.py explains; leave it out beside --to."))
        return _export_as(arguments)
    if arguments.interval != LEVEL:
        raise StudyError(
            say(
                "A bundle gives intervals of any share when it predicts; --interval goes with --to "
                "FILE, such as --to model.sql."
            )
        )
    if arguments.formula:
        raise StudyError(
            say("A bundle holds the formula anyway; --formula goes with --to FILE, such as --to formula.sql.")
        )
    handles = open_all(arguments)
    check_one_trial(arguments, handles)
    if len(handles) == 1:
        study = Study(handles[0])
        made = study.export(
            arguments.output, arguments.trial, arguments.family, arguments.use, explain=arguments.explain
        )
    else:
        made = StudyGroup(handles).export(arguments.output, arguments.family, arguments.use, explain=arguments.explain)
    return told(
        say(
            "The bundle is in {file}. Unpack it and run 'python predict.py IN.csv OUT.csv'; that needs NumPy alone.",
            file=made,
        )
    )


def _attach(arguments: argparse.Namespace) -> int:
    """Keep the files of a model with its study."""
    from kanlab.api import Study

    handles = open_all(arguments)
    check_one_trial(arguments, handles)
    for handle in handles:
        kept = Study(handle).attach(arguments.trial, arguments.family, arguments.use)
        told(
            say(
                "{files} are kept with the study '{name}'; 'kanlab dashboard' offers them.",
                files=", ".join(kept),
                name=handle.name,
            )
        )
    return 0


def _export_as(arguments: argparse.Namespace) -> int:
    """The model of a study or a bundle, or the formula of a study, in the form that the ending of --to names."""
    from kanlab.api import Study
    from kanlab.errors import StudyError
    from kanlab.export.code_forms import form_of, lacks_intervals
    from kanlab.export.document import is_bundle, read_bundle
    from kanlab.files import write_whole

    target, packed = arguments.to, Path(arguments.name)
    form = form_of(target.suffix)
    if is_bundle(packed):
        if arguments.formula:
            raise StudyError(say("{name} holds a model; name the study to have its formula.", name=packed.name))
        what: Any = read_bundle(packed)
    else:
        study, which = Study(open_one(arguments)), (arguments.trial, arguments.family, arguments.use)
        what = study.formula if arguments.formula else study.predictor(*which)
    level = arguments.interval
    write_whole(target, form.write(what, level), StudyError)
    promise = (
        "" if level is None else lacks_intervals(what) or say("Its intervals are of {share:.4g}%.", share=100 * level)
    )
    if arguments.formula:
        return told(say("{file} holds the formula for {readers}.", file=target, readers=say(form.readers)))
    said = say("{file} holds the model for {readers}.", file=target, readers=say(form.readers))
    return told(say("{first} {second}", first=said, second=promise) if promise else said)


def _serve(arguments: argparse.Namespace) -> int:
    from kanlab.export.server import serve

    return serve(arguments.bundle, arguments.address, arguments.port, _is_ready)


def _is_ready(url: str) -> None:
    print(say("Predictions at {url}; end with Ctrl+C.", url=url), flush=True)


def add_commands(command: AddCommand, with_storage: WithStorage) -> None:
    """Add these commands to the parser."""
    on_a_study = of_a_study(command, with_storage)
    present = on_a_study(
        "present",
        _present,
        say("write the presentation of a study as one HTML file"),
        say(
            "Five large pictures: the data, the search, the choice, the formula, and a what-if that asks the model. "
            "Any browser shows the file without kanlab and without a network; arrow keys move."
        ),
    )
    present.add_argument("-o", "--output", metavar="FILE.html", type=Path, required=True, help=say("file to write"))
    present.add_argument(
        "--theme", choices=("light", "dark"), default="", help=say("its colours (default: those of the browser)")
    )
    export = on_a_study(
        "export",
        _export,
        say("write the model of a study as a bundle (a zip file), or as code of another language"),
        say(
            "The bundle predicts new rows with NumPy alone: unpack it and run 'python predict.py "
            "IN.csv OUT.csv'. --to writes the model by itself; NAME may then be a bundle."
        ),
    )
    where = export.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--output", metavar="BUNDLE.zip", type=Path, help=say("the bundle to write"))
    where.add_argument(
        "--attach",
        action="store_true",
        help=say("keep the bundle and its report with the study: optuna-dashboard offers them"),
    )
    where.add_argument(
        "--to",
        metavar="FILE",
        type=Path,
        help=say("file to write the model to in the form its ending says: {endings}", endings=", ".join(_ENDINGS)),
    )
    export.add_argument(
        "--formula",
        action="store_true",
        help=say("write the formula of the study that is in use in place of the model"),
    )
    add_interval(export)
    export.add_argument(
        "--explain",
        action="store_true",
        help=say(
            "with some training rows (not their targets), so that 'predict.py --explain' says "
            "what each feature contributes"
        ),
    )
    add_trial(export)

    serve = command(
        "serve",
        _serve,
        say("serve the predictions of a bundle: a page, and a JSON route for programs"),
        say(
            'POST /predict takes {"rows": [...]}; /schema says which columns, /health whether '
            "it answers. Nothing in the bundle is executed."
        ),
    )
    serve.add_argument("bundle", metavar="BUNDLE.zip", type=Path, help=say("file of a bundle"))
    serve.add_argument(
        "--address", default="127.0.0.1", help=say("address to listen on (default: %(default)s, this machine only)")
    )
    serve.add_argument("--port", type=port, default=8600, help=say("port to listen on (default: %(default)s)"))
