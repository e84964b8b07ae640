"""The command line. Progress goes to standard error, results to standard output.

Exit codes: 0 done, 2 bad input (one line says what, where, and what to do), 130 interrupted (the study can be resumed).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kanlab.cli import studies
from kanlab.cli.arguments import add_fill, add_ranges, ranges
from kanlab.cli.printing import columns, print_study, run_and_print
from kanlab.cli.table_options import add_table_options, preparation, read_options
from kanlab.errors import KanlabError

if TYPE_CHECKING:
    from kanlab.selection.validation import Judgement


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        sys.stdout.flush()  # here, where a reader that has gone can be told from an error
        return code
    except KanlabError as error:
        print(f"kanlab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("kanlab: interrupted; 'kanlab studies' lists what can be resumed.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone; so do we, quietly
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if sentence := _storage_trouble(error):
            print(f"kanlab: {sentence}", file=sys.stderr)
            return 2
        raise


def _storage_trouble(error: Exception) -> str:
    """What is wrong with the storage of the studies, where that is what `error` says."""
    if "kanlab.study.storage" not in sys.modules:
        return ""
    from kanlab.study.storage import STORAGE_ERRORS, storage_trouble

    return storage_trouble(error) if isinstance(error, STORAGE_ERRORS) else ""


# ---- commands


def _app(arguments: argparse.Namespace) -> int:
    from kanlab.ui.launch import run_app

    return run_app(arguments.address, arguments.port, arguments.headless, arguments.storage)


def _tune(arguments: argparse.Namespace) -> int:
    from kanlab.execution.worker_process import spare_worker

    with spare_worker(preload_pykan=arguments.engine.startswith("pykan")):
        _create_and_run(arguments)
    return 0


def _create_and_run(arguments: argparse.Namespace) -> None:
    from kanlab.data.dataset import Dataset
    from kanlab.data.reading.table import read_table
    from kanlab.engines.registry import FitOptions
    from kanlab.execution.starts_budget import settled
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.handle import create_study
    from kanlab.study.spec import StudySpec

    table = read_table(arguments.data, options=read_options(arguments))
    features = _names(arguments.features)
    data = Dataset.from_frame(
        table.frame,
        arguments.target,
        features,
        arguments.test_fraction,
        arguments.seed,
        name=table.report.source,
        preparation=preparation(arguments),
        task=arguments.task,
        positive=arguments.positive,
    )
    spec = StudySpec(
        space=SearchSpace(**ranges(arguments)),
        engine=arguments.engine,
        sampler=arguments.sampler,
        count=arguments.count,
        count_sigma2=not arguments.no_sigma2,
        trials=arguments.trials,
        minutes=arguments.minutes,
        patience=arguments.patience,
        seed=arguments.seed,
        test_fraction=arguments.test_fraction,
        workers=arguments.workers,
        options=FitOptions(arguments.starts, arguments.time_limit, smoothing=arguments.smoothing),
        starts_fill=arguments.fill,
    )
    handle = create_study(data, settled(data, spec), name=arguments.study, storage_url=arguments.storage)
    print(f"{table.report}", *table.report.notes, *data.notes, sep="\n", file=sys.stderr)
    run_and_print(handle, arguments.json)


def _studies(arguments: argparse.Namespace) -> int:
    from kanlab.api import open_study
    from kanlab.study.handle import study_names
    from kanlab.study.storage import get_storage

    rows = []
    for name in study_names(get_storage(arguments.storage)):
        study = open_study(name, storage=arguments.storage)
        content = study.to_dict()
        rows.append(
            (name, content["state"], len(content["trials"]), content["data"]["target_label"], study.handle.data.name)
        )
    if not rows:
        print("There is no study yet; start one with 'kanlab tune DATA.csv --target COLUMN'.", file=sys.stderr)
        return 0
    print(columns([("study", "state", "trials", "target", "data"), *rows]))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from kanlab.api import open_study

    print_study(open_study(arguments.name, storage=arguments.storage), arguments.json)
    return 0


def _judge(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kanlab.api import open_study

    study = open_study(arguments.name, storage=arguments.storage)
    with tqdm(unit="step", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(judgement: Judgement) -> None:
            bar.total = judgement.total
            bar.update(judgement.done - bar.n)

        judgement = study.judge(arguments.workers, show)
    print(f"judged: {judgement.done} of {judgement.total} steps. {judgement.detail}".rstrip(), file=sys.stderr)
    print_study(study, arguments.json)
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    from kanlab.study.dashboard import serve

    return serve(arguments.storage, arguments.port, writable=arguments.writable)


# ---- arguments


def _names(text: str | None) -> list[str] | None:
    """Comma-separated column names."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kanlab", description="From a CSV to the right-sized Kolmogorov-Arnold network."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    def with_storage(sub: argparse.ArgumentParser) -> None:
        default = "$KANLAB_STORAGE, or kanlab's own file"
        sub.add_argument("--storage", metavar="URL", help=f"Optuna storage URL (default: {default})")

    app = command("app", _app, "open the app in a browser")
    app.add_argument("--address", default="127.0.0.1", help="address to listen on (default: this machine only)")
    app.add_argument("--port", type=int, default=8501)
    app.add_argument("--headless", action="store_true", help="do not open a browser")
    with_storage(app)

    tune = command("tune", _tune, "fit the networks of a search space to a CSV and rank them")
    tune.add_argument("data", metavar="DATA.csv", type=Path)
    tune.add_argument("--target", required=True, metavar="COL", help="column to predict")
    tune.add_argument("--features", metavar="A,B", help="columns to predict it from (default: all others)")
    add_ranges(tune, neuron_num="1:10", grid="2:10", k="1:3", depth="1")
    tune.add_argument("--trials", type=int, metavar="N", help="cells to fit at most (default: all admissible ones)")
    tune.add_argument("--minutes", type=float, metavar="M", help="wall time at most")
    add_fill(tune)
    tune.add_argument("--patience", type=int, metavar="N", help="end when the least AICc has not fallen for N trials")
    tune.add_argument("--sampler", default="auto", help="auto, exhaustive, tpe, random or nsga2")
    tune.add_argument("--engine", default="lm", help="lm (default), pykan-lbfgs or pykan-adam")
    tune.add_argument("--count", default="identifiable", help="identifiable, trainable, coefficients or article")
    tune.add_argument("--no-sigma2", action="store_true", help="do not count the noise variance as a parameter")
    tune.add_argument("--smoothing", type=float, default=1000.0, help="roughness penalty of the lm engine")
    tune.add_argument("--test-fraction", type=float, default=0.2)
    add_table_options(tune)
    tune.add_argument("--starts", type=int, metavar="N", help="initialisations a cell")
    tune.add_argument("--time-limit", type=float, metavar="SECONDS", help="a fit at most")
    tune.add_argument("--seed", type=int, default=0)
    tune.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one a core)")
    tune.add_argument("--study", metavar="NAME", help="name of the study (default: after the file)")
    tune.add_argument("--family", default="kan", choices=["kan"], help="model family")
    tune.add_argument("--json", action="store_true", help="print the study as one JSON object")
    with_storage(tune)

    for name, run, text in (
        ("show", _show, "print a study"),
        ("judge", _judge, "judge a finished study: refits, cross-validation, other families, chance"),
    ):
        sub = command(name, run, text)
        sub.add_argument("name", metavar="NAME")
        sub.add_argument("--json", action="store_true", help="print the study as one JSON object")
        if name == "judge":
            sub.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one a core)")
        with_storage(sub)
    with_storage(command("studies", _studies, "list the studies"))

    dashboard = command("dashboard", _dashboard, "serve optuna-dashboard on the studies, read-only")
    dashboard.add_argument("--port", type=int, default=8080)
    dashboard.add_argument("--writable", action="store_true", help="allow it to change and delete studies")
    with_storage(dashboard)
    studies.add_commands(command, with_storage)
    return parser
