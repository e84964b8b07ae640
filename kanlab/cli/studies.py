"""The commands for existing studies, from resume and predict to delete, and for the machine: doctor, gc."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanlab.cli import explaining, interacting
from kanlab.cli.arguments import add_dask, add_fill, add_interval, add_json, add_ranges, add_trial, port, ranges, source
from kanlab.cli.printing import exit_code, run_and_print
from kanlab.cli.table_options import add_reading_options
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.text import counted, padded, quoted

if TYPE_CHECKING:
    from kanlab.study.handle import StudyHandle

# kanlab.export.code_forms.ENDINGS, which takes a second to load
_ENDINGS = (".onnx", ".sql", ".xlsx", ".py", ".js", ".c")
_NO_INTERVALS = marked(  # kanlab.export.predict_template.NO_INTERVALS, which a bundle says in English
    "The model has no intervals, because its bundle was made before they were; export it again to have them."
)
Run = Callable[[argparse.Namespace], int]
AddCommand = Callable[..., argparse.ArgumentParser]  # name, run, text, more


def _open(arguments: argparse.Namespace) -> StudyHandle:
    from kanlab.study.handle import load_study

    return load_study(arguments.name, storage_url=arguments.storage)


def _open_all(arguments: argparse.Namespace) -> list[StudyHandle]:
    """The study of a name, or those of several targets that have it together."""
    from kanlab.study.several_targets import load_studies

    return load_studies(arguments.name, storage_url=arguments.storage)


def _open_one(arguments: argparse.Namespace) -> StudyHandle:
    """The study of a name. Raises StudyError where several targets have it together."""
    from kanlab.errors import StudyError

    handles = _open_all(arguments)
    if len(handles) > 1:
        own = ", ".join(f"'{handle.name}'" for handle in handles)
        raise StudyError(
            say(
                "'{name}' is a study for each of {count} targets; name one of them: {own}.",
                name=arguments.name,
                count=len(handles),
                own=own,
            )
        )
    return handles[0]


def _say(text: str) -> int:
    print(text, file=sys.stderr)
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    from kanlab.execution.dask_cluster import chosen, cluster_workers
    from kanlab.execution.manage import extend

    handles = _open_all(arguments)
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

    handle = _open(arguments)
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
        return _say(
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

    handles = _open_all(arguments)
    live = [(handle, read_state(handle.optuna.user_attrs)) for handle in handles]
    running = [handle for handle, state in live if state.is_live and state.pid]
    if not running:
        raise StudyError(
            say("The study '{name}' is not running: it is {state}.", name=arguments.name, state=say(live[0][1].name))
        )
    for handle in running:
        if wanted == "pause":
            manager().pause(handle)
            _say(say("The study '{name}' was asked to pause.", name=handle.name))
        else:
            manager().stop(handle)
            _say(say("The study '{name}' was asked to stop.", name=handle.name))
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import rename_together

    return _say(
        say(
            "The study '{name}' is now called '{new}'.",
            name=arguments.name,
            new=rename_together(_open_all(arguments), arguments.new),
        )
    )


def _note(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import annotate, note

    handles = _open_all(arguments)
    if arguments.text is None:
        print(note(handles[0]))
        return 0
    for handle in handles:
        annotate(handle, arguments.text)
    return _say(say("The note of '{name}' is saved.", name=arguments.name))


def _delete(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import delete
    from kanlab.study.handle import HalfMade
    from kanlab.study.storage import get_storage
    from kanlab.study.unfinished import discard

    try:
        handles = _open_all(arguments)
    except HalfMade:
        discard(get_storage(arguments.storage), arguments.name)
        return _say(say("'{name}', a study that was never whole, is deleted.", name=arguments.name))
    if not arguments.yes:
        done = sum(len(handle.records()) for handle in handles)
        what = (
            quoted(arguments.name, len(arguments.name))
            if len(handles) == 1
            else say("the {count} studies of '{name}'", count=len(handles), name=arguments.name)
        )
        if not sys.stdin.isatty():
            return _refuse(say("{what} has {done} trials; add --yes to delete it for good.", what=what, done=done))
        print(
            say("Delete the study {what} with its {done} trials for good? [y/N] ", what=what, done=done),
            end="",
            file=sys.stderr,
        )
        if input().strip().lower() not in ("y", "yes"):
            return _say(say("Nothing was deleted."))
    for handle in handles:
        delete(handle)
        _say(say("The study '{name}' is deleted. 'kanlab gc' removes data that no study uses.", name=handle.name))
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from kanlab.cli.table_options import read_options
    from kanlab.data.writing import to_csv
    from kanlab.errors import DatasetError
    from kanlab.execution.intervals import TOO_FEW_ROWS
    from kanlab.explain.several_targets import predict_together, read_rows_of
    from kanlab.explain.study_predictor import predictor
    from kanlab.export.document import is_bundle, read_models
    from kanlab.files import write_whole

    target: Path | None = arguments.output
    given: Path = arguments.data
    if target is not None and target.exists() and given.exists() and target.samefile(given):
        raise DatasetError(say("{target} is the input file itself; give another name after -o.", target=target))
    packed = Path(arguments.name)
    if is_bundle(packed):
        asked = {"--trial": arguments.trial, "--family": arguments.family, "--use": arguments.use}
        if option := next((name for name, value in asked.items() if value is not None), ""):
            raise DatasetError(say("{name} holds one model only; leave out {option}.", name=packed.name, option=option))
        models, handles = read_models(packed), []
    else:
        handles = _open_all(arguments)
        _check_one_trial(arguments, handles)
        models = [predictor(handle, arguments.trial, arguments.family, arguments.use) for handle in handles]
    options = read_options(arguments)
    rows, called = source(given)
    table = read_rows_of(rows, models, name=called, options=options)
    found = predict_together(models, table, options, arguments.interval)
    if arguments.explain:
        from kanlab.explain.contributions import with_contributions

        found = with_contributions(found, explaining.explainers(models, handles), table, options)
    by = [
        (
            say("{target} is predicted by {model}", target=model.recipe.target, model=model.name)
            if len(models) > 1
            else say("predicted by {model}", model=model.name),
            *model.notes,
        )
        for model in models
    ]
    lacks = arguments.interval is not None and any(model.interval is None for model in models)
    lines = (f"{table.report}", *table.report.notes, *(line for lines in by for line in lines), *found.notes)
    lines += (say(_NO_INTERVALS if is_bundle(packed) else TOO_FEW_ROWS),) if lacks else ()
    print(*map(retold, lines), sep="\n", file=sys.stderr)
    if target is None:
        print(to_csv(found.frame), end="")
        return 0
    write_whole(target, to_csv(found.frame).encode("utf-8"), DatasetError)
    return _say(say("{file} holds {rows}.", file=target, rows=counted(len(found.frame), "row")))


def _check_one_trial(arguments: argparse.Namespace, handles: list[StudyHandle]) -> None:
    """Raises StudyError where a trial is asked for and there are several studies."""
    from kanlab.errors import StudyError

    if arguments.trial is not None and len(handles) > 1:
        own = ", ".join(f"'{handle.name}'" for handle in handles)
        raise StudyError(
            say(
                "'{name}' is a study for each of {count} targets; name one with --trial: {own}.",
                name=arguments.name,
                count=len(handles),
                own=own,
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
    handles = _open_all(arguments)
    _check_one_trial(arguments, handles)
    if len(handles) == 1:
        study = Study(handles[0])
        made = study.export(
            arguments.output, arguments.trial, arguments.family, arguments.use, explain=arguments.explain
        )
    else:
        made = StudyGroup(handles).export(arguments.output, arguments.family, arguments.use, explain=arguments.explain)
    return _say(
        say(
            "The bundle is in {file}. Unpack it and run 'python predict.py IN.csv OUT.csv'; that needs NumPy alone.",
            file=made,
        )
    )


def _present(arguments: argparse.Namespace) -> int:
    from kanlab.api import Study

    made = Study(_open_one(arguments)).present(arguments.output, arguments.theme)
    return _say(
        say(
            "The presentation is in {file}. Open it in any browser; it needs no network, and arrow keys move.",
            file=made,
        )
    )


def _attach(arguments: argparse.Namespace) -> int:
    """Keep the files of a model with its study."""
    from kanlab.api import Study

    handles = _open_all(arguments)
    _check_one_trial(arguments, handles)
    for handle in handles:
        kept = Study(handle).attach(arguments.trial, arguments.family, arguments.use)
        _say(
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
        study, which = Study(_open_one(arguments)), (arguments.trial, arguments.family, arguments.use)
        what = study.formula if arguments.formula else study.predictor(*which)
    level = arguments.interval
    write_whole(target, form.write(what, level), StudyError)
    promise = (
        "" if level is None else lacks_intervals(what) or say("Its intervals are of {share:.4g}%.", share=100 * level)
    )
    if arguments.formula:
        return _say(say("{file} holds the formula for {readers}.", file=target, readers=say(form.readers)))
    said = say("{file} holds the model for {readers}.", file=target, readers=say(form.readers))
    return _say(say("{first} {second}", first=said, second=promise) if promise else said)


def _serve(arguments: argparse.Namespace) -> int:
    from kanlab.export.server import serve

    return serve(arguments.bundle, arguments.address, arguments.port, _is_ready)


def _is_ready(url: str) -> None:
    print(say("Predictions at {url}; end with Ctrl+C.", url=url), flush=True)


def _doctor(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import doctor

    worst = 0
    for finding in doctor(arguments.storage, arguments.port):
        status = padded(say("ok") if finding.ok else say("FAIL"), 4)
        print(
            say("{status}  {what}: {detail}", status=status, what=say(finding.what), detail=finding.detail), flush=True
        )
        worst = max(worst, 0 if finding.ok else 1)
    return worst


def _gc(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import in_bytes
    from kanlab.study.leftovers import leftovers, remove
    from kanlab.study.storage import get_storage

    storage = get_storage(arguments.storage)
    found = leftovers(storage)
    for path in found.files:
        print(path)
    counts: dict[str, Any] = {
        "files": len(found.files),
        "size": in_bytes(found.size),
        "blobs": len(found.blobs),
        "leases": len(found.leases),
        "unfinished": len(found.unfinished),
    }
    if arguments.dry_run:
        return _say(
            say(
                "{files} files ({size}), {blobs} data sets in the database, {leases} leases and {unfinished} "
                "unfinished studies would be removed; no study uses them.",
                **counts,
            )
        )
    remove(storage, found)
    return _say(
        say(
            "{files} files ({size}), {blobs} data sets in the database, {leases} leases and {unfinished} "
            "unfinished studies were removed; no study uses them.",
            **counts,
        )
    )


def _refuse(text: str) -> int:
    print(f"kanlab: {text}", file=sys.stderr)
    return 2


def add_commands(command: AddCommand, with_storage: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the commands of this module to the parser."""

    def on_a_study(name: str, run: Run, text: str, more: str = "") -> argparse.ArgumentParser:
        sub = command(name, run, text, more)
        sub.add_argument("name", metavar="NAME", help=say("name of the study"))
        with_storage(sub)
        return sub

    predict = command(
        "predict",
        _predict,
        say("predict new rows with the model of a study or of a bundle"),
        say(
            "The rows come back as they are with their predictions, in units of the target, and "
            "the interval that should hold 90% of rows like those of the training (of classes a "
            "set of them). Their cells are read as those of the training table were: its decimal "
            "sign, order of day and month, words for missing and kinds; the options of reading "
            "say otherwise."
        ),
    )
    predict.add_argument("name", metavar="NAME|BUNDLE.zip", help=say("name of a study, or file of a bundle"))
    predict.add_argument(
        "data", metavar="NEW.csv", type=Path, help=say("table with the features of the study; - for standard input")
    )
    predict.add_argument(
        "-o", "--output", metavar="OUT.csv", type=Path, help=say("file to write (default: standard output)")
    )
    predict.add_argument(
        "--explain", action="store_true", help=say("add a column for what each feature contributes to the prediction")
    )
    add_trial(predict)
    add_interval(predict)
    with_storage(predict)
    add_reading_options(predict)
    explaining.add_command(command, with_storage)
    interacting.add_command(command, with_storage)
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

    on_a_study("rename", _rename, say("rename a study")).add_argument("new", metavar="NEW", help=say("its new name"))
    note = on_a_study("note", _note, say("print or replace the note of a study"))
    note.add_argument("text", metavar="TEXT", nargs="?", help=say("the new note (default: print the note)"))
    delete = on_a_study("delete", _delete, say("delete a study for good"))
    delete.add_argument("--yes", action="store_true", help=say("do not ask"))

    doctor = command("doctor", _doctor, say("check that this machine has everything a study needs"))
    doctor.add_argument("--port", type=port, default=8501, help=say("port of the app to check (default: %(default)s)"))
    with_storage(doctor)
    gc = command("gc", _gc, say("remove data that no study uses, and what killed processes left behind"))
    gc.add_argument("--dry-run", action="store_true", help=say("only list what would be removed"))
    with_storage(gc)
