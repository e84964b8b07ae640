"""The commands that act on studies there are, from resume and predict to delete, and on the machine: worker, doctor, gc."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanlab.cli.arguments import add_fill, add_ranges, ranges
from kanlab.cli.printing import run_and_print
from kanlab.cli.table_options import add_reading_options

if TYPE_CHECKING:
    from kanlab.study.handle import StudyHandle

Run = Callable[[argparse.Namespace], int]
AddCommand = Callable[[str, Run, str], argparse.ArgumentParser]


def _open(arguments: argparse.Namespace) -> StudyHandle:
    from kanlab.study.handle import load_study

    return load_study(arguments.name, storage_url=arguments.storage)


def _say(text: str) -> int:
    print(text, file=sys.stderr)
    return 0


def _resume(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import extend

    handle = _open(arguments)
    if arguments.trials is not None or arguments.minutes is not None:
        handle = extend(handle, trials=arguments.trials, minutes=arguments.minutes)
    run_and_print(handle, arguments.json)
    return 0


def _rerun(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import differences, duplicate
    from kanlab.study.handle import versions_changed

    handle = _open(arguments)
    changed: dict[str, Any] = {}
    if ends := ranges(arguments):
        changed["space"] = replace(handle.spec.space, **ends)
    if arguments.minutes is not None:
        changed["minutes"] = arguments.minutes
    if arguments.fill:
        changed["starts_fill"] = True
    again = duplicate(handle, name=arguments.study, **changed)
    study = run_and_print(again, arguments.json)
    if changed:
        return 0
    lines = differences(handle.records(), study.handle.records())
    if not lines:
        return _say(f"'{again.name}' agrees with '{handle.name}' in every bit of every trial.")
    print(
        f"'{again.name}' differs from '{handle.name}' in {len(lines)} cells:", *lines[:20], sep="\n  ", file=sys.stderr
    )
    for words in versions_changed(handle):
        print(words, file=sys.stderr)
    return 1


def _pause(arguments: argparse.Namespace) -> int:
    return _wish(arguments, "pause")


def _stop(arguments: argparse.Namespace) -> int:
    return _wish(arguments, "stop")


def _wish(arguments: argparse.Namespace, wanted: str) -> int:
    from kanlab.errors import StudyError
    from kanlab.execution.manager import manager
    from kanlab.study.state import read_state

    handle = _open(arguments)
    state = read_state(handle.optuna.user_attrs)
    if not state.is_live or not state.pid:
        raise StudyError(f"The study '{handle.name}' does not run: it is {state.name}.")
    (manager().pause if wanted == "pause" else manager().stop)(handle)
    return _say(f"The study '{handle.name}' was asked to {wanted}.")


def _rename(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import rename

    return _say(f"The study '{arguments.name}' is '{rename(_open(arguments), arguments.new).name}' now.")


def _note(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import annotate, note

    handle = _open(arguments)
    if arguments.text is None:
        print(note(handle))
        return 0
    annotate(handle, arguments.text)
    return _say(f"The note of '{handle.name}' is kept.")


def _delete(arguments: argparse.Namespace) -> int:
    from kanlab.execution.manage import delete

    handle = _open(arguments)
    if not arguments.yes:
        done = len(handle.records())
        if not sys.stdin.isatty():
            return _refuse(f"'{handle.name}' has {done} trials; add --yes to delete it for good.")
        print(f"Delete the study '{handle.name}' with its {done} trials for good? [y/N] ", end="", file=sys.stderr)
        if input().strip().lower() not in ("y", "yes"):
            return _say("Nothing was deleted.")
    delete(handle)
    return _say(f"The study '{handle.name}' is deleted; 'kanlab gc' removes data no study refers to.")


def _predict(arguments: argparse.Namespace) -> int:
    from kanlab.cli.table_options import read_options
    from kanlab.data.writing import to_csv
    from kanlab.errors import DatasetError
    from kanlab.explain.predictor import predictor, read_new_rows
    from kanlab.export.document import is_bundle, read_bundle

    target: Path | None = arguments.output
    if target is not None and target.exists() and target.samefile(arguments.data):
        raise DatasetError(f"{target} would be written over the rows themselves; give another name after -o.")
    packed = Path(arguments.name)
    if is_bundle(packed):
        if arguments.trial is not None:
            raise DatasetError(f"{packed.name} holds one model, so --trial means nothing; leave it out.")
        model = read_bundle(packed)
    else:
        model = predictor(_open(arguments), arguments.trial)
    table = read_new_rows(arguments.data, model.recipe, options=read_options(arguments))
    found = model.predict(table.frame)
    lines = (f"{table.report}", *table.report.notes, f"predicted by {model.label}", *model.notes, *found.notes)
    print(*lines, sep="\n", file=sys.stderr)
    if target is None:
        print(to_csv(found.frame), end="")
        return 0
    try:
        target.write_text(to_csv(found.frame), encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{target} cannot be written: {error.strerror or error}.") from error
    return _say(f"{len(found.frame):,} rows are in {target}.")


def _export(arguments: argparse.Namespace) -> int:
    from kanlab.api import Study

    made = Study(_open(arguments)).export(arguments.output, arguments.trial)
    return _say(f"The bundle is in {made}; unpacked, 'python predict.py IN.csv OUT.csv' predicts with NumPy alone.")


def _worker(arguments: argparse.Namespace) -> int:
    from kanlab.errors import StudyError
    from kanlab.execution.remote import ENDED, serve
    from kanlab.execution.supervisor import default_workers
    from kanlab.study.state import read_state

    handle = _open(arguments)
    name = read_state(handle.optuna.user_attrs).name
    if name in ENDED:
        raise StudyError(f"The study '{handle.name}' is {name}; 'kanlab resume' lets it go on where something is left.")
    state = serve(handle, arguments.workers or default_workers(), lambda text: print(text, file=sys.stderr, flush=True))
    return _say(f"The study '{handle.name}' is {state.name}. {state.detail}")


def _doctor(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import doctor

    worst = 0
    for finding in doctor(arguments.storage, arguments.port):
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.words}", flush=True)
        worst = max(worst, 0 if finding.ok else 1)
    return worst


def _gc(arguments: argparse.Namespace) -> int:
    from kanlab.execution.doctor import in_bytes, leftovers, remove
    from kanlab.study.storage import get_storage

    storage = get_storage(arguments.storage)
    found = leftovers(storage)
    for path in found.files:
        print(path)
    words = f"{len(found.files)} files ({in_bytes(found.size)}), {len(found.blobs)} data sets in the database"
    words += f" and {len(found.leases)} leases"
    if not arguments.dry_run:
        remove(storage, found)
    return _say(f"{words} {'would be' if arguments.dry_run else 'were'} removed; no study refers to them.")


def _refuse(text: str) -> int:
    print(f"kanlab: {text}", file=sys.stderr)
    return 2


def add_commands(command: AddCommand, with_storage: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the commands of this module to the parser."""

    def on_a_study(name: str, run: Run, text: str) -> argparse.ArgumentParser:
        sub = command(name, run, text)
        sub.add_argument("name", metavar="NAME")
        with_storage(sub)
        return sub

    def with_json(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--json", action="store_true", help="print the study as one JSON object")

    resume = on_a_study("resume", _resume, "go on with a study that was paused, stopped or interrupted")
    resume.add_argument("--trials", type=int, metavar="N", help="raise its budget to N trials in all")
    resume.add_argument("--minutes", type=float, metavar="M", help="raise its budget to M minutes in all")
    with_json(resume)
    rerun = on_a_study("rerun", _rerun, "run a study once more on the same data and compare every number")
    rerun.add_argument("--study", metavar="NEW", help="name of the new study (default: after the file)")
    add_ranges(rerun, neuron_num=None, grid=None, k=None, depth=None)
    rerun.add_argument("--minutes", type=float, metavar="M", help="wall time at most (default: as before)")
    add_fill(rerun)
    with_json(rerun)
    on_a_study("pause", _pause, "ask a running study to finish the fits in hand and wait")
    on_a_study("stop", _stop, "ask a running study to stop at once; its open cells are fitted on resume")
    predict = command("predict", _predict, "predict new rows by the model of a study or bundle, in units of its target")
    predict.add_argument("name", metavar="NAME|BUNDLE.zip")
    with_storage(predict)
    predict.add_argument("data", metavar="NEW.csv", type=Path)
    predict.add_argument(
        "-o", "--output", metavar="OUT.csv", type=Path, help="file to write (default: standard output)"
    )
    predict.add_argument(
        "--trial", type=int, metavar="N", help="the network of trial N (default: the recommended model)"
    )
    add_reading_options(predict)
    export = on_a_study("export", _export, "write a study's model as a zip that predicts with NumPy alone")
    export.add_argument("-o", "--output", metavar="BUNDLE.zip", type=Path, required=True, help="file to write")
    export.add_argument(
        "--trial", type=int, metavar="N", help="the network of trial N (default: the recommended model)"
    )
    worker = on_a_study("worker", _worker, "fit for a study on this machine too, until its budget is spent")
    worker.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one a core)")
    on_a_study("rename", _rename, "give a study another name").add_argument("new", metavar="NEW")
    note = on_a_study("note", _note, "show the note of a study, or keep another one")
    note.add_argument("text", metavar="TEXT", nargs="?")
    delete = on_a_study("delete", _delete, "delete a study for good")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    doctor = command("doctor", _doctor, "look whether everything a study needs is there")
    doctor.add_argument("--port", type=int, default=8501, help="port of the app to look at")
    with_storage(doctor)
    gc = command("gc", _gc, "remove data no study refers to, and what killed processes have left")
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    with_storage(gc)
