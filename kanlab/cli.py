"""The command line. Progress goes to standard error, results to standard output.

Exit codes: 0 done, 2 bad input (one line says what, where, and what to do), 130 interrupted (the study can be resumed).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanlab import cli_studies
from kanlab.cli_arguments import add_ranges, ranges
from kanlab.cli_table import add_table_options, preparation, read_options
from kanlab.errors import KanlabError

if TYPE_CHECKING:
    from kanlab.judging import Judgement
    from kanlab.study import StudyHandle
    from kanlab.tuning import Study


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
    if "kanlab.storage" not in sys.modules:
        return ""
    from kanlab.storage import STORAGE_ERRORS, storage_trouble

    return storage_trouble(error) if isinstance(error, STORAGE_ERRORS) else ""


# ---- commands


def _app(arguments: argparse.Namespace) -> int:
    from kanlab.launch import run_app

    return run_app(arguments.address, arguments.port, arguments.headless, arguments.storage)


def _tune(arguments: argparse.Namespace) -> int:
    from kanlab.worker_process import spare_worker

    with spare_worker(preload_pykan=arguments.engine.startswith("pykan")):
        _create_and_run(arguments)
    return 0


def _create_and_run(arguments: argparse.Namespace) -> None:
    from kanlab.dataset import Dataset, read_table
    from kanlab.engines import FitOptions
    from kanlab.space import SearchSpace
    from kanlab.study import StudySpec, create_study

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
    )
    handle = create_study(data, spec, name=arguments.study, storage_url=arguments.storage)
    print(f"{table.report}", *table.report.notes, *data.notes, sep="\n", file=sys.stderr)
    run_and_print(handle, arguments.json)


def run_and_print(handle: StudyHandle, as_json: bool) -> Study:
    """Run a study with a bar of its progress, then print it."""
    from tqdm import tqdm

    from kanlab.tuning import run_study

    spec, data = handle.spec, handle.data
    admissible = len(spec.admissible(data.n_train, data.d))
    total = min(spec.trials or admissible, admissible)
    print(
        f"study '{handle.name}': {admissible} of {len(spec.space.cells)} cells can be judged with {data.n_train} training "
        f"rows, {total} to fit with {spec.engine}",
        file=sys.stderr,
    )
    with tqdm(total=total, unit="trial", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(study: Study) -> None:
            records = [r for r in study.handle.records() if r.state != "running"]
            scores = [r.aicc for r in records if r.aicc is not None]
            bar.set_postfix_str(f"least AICc {min(scores):.2f}" if scores else "starting the workers")
            bar.update(len(records) - bar.n)

        study = run_study(handle, show)
    print(study.state.detail, file=sys.stderr)
    _print_study(study, as_json)
    return study


def _studies(arguments: argparse.Namespace) -> int:
    from kanlab.storage import get_storage
    from kanlab.study import study_names
    from kanlab.tuning import open_study

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
    print(_columns([("study", "state", "trials", "target", "data"), *rows]))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from kanlab.tuning import open_study

    _print_study(open_study(arguments.name, storage=arguments.storage), arguments.json)
    return 0


def _judge(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kanlab.tuning import open_study

    study = open_study(arguments.name, storage=arguments.storage)
    with tqdm(unit="step", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(judgement: Judgement) -> None:
            bar.total = judgement.total
            bar.update(judgement.done - bar.n)

        judgement = study.judge(arguments.workers, show)
    print(f"judged: {judgement.done} of {judgement.total} steps. {judgement.detail}".rstrip(), file=sys.stderr)
    _print_study(study, arguments.json)
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    from kanlab.dashboard import serve

    return serve(arguments.storage, arguments.port, writable=arguments.writable)


# ---- output

# columns of the printed table: where the value stands, and its digits
QUANTITY_SCORES = {"RSS train": ("rss_train", 5), "RMSE train": ("rmse_train", 5), "RMSE test": ("rmse_test", 5)}
CLASS_SCORES = {
    "deviance": ("deviance_train", 5),
    "log-loss test": ("log_loss_test", 4),
    "accuracy train": ("accuracy_train", 3),
    "accuracy test": ("accuracy_test", 3),
    "AUC test": ("auc_test", 3),
}


def _print_study(study: Study, as_json: bool) -> None:
    if as_json:
        print(json.dumps(study.to_dict(), indent=2, allow_nan=False))
        return
    from kanlab.candidates import cell_words
    from kanlab.families import label
    from kanlab.space import Cell

    content = study.to_dict()
    chosen, data = content["recommended"], content["data"]
    table = study.table.query("state == 'complete'").sort_values("aicc").head(10)
    shown = CLASS_SCORES if data["task"] == "classification" else QUANTITY_SCORES
    names = study.spec.space.parameters
    header = ("trial", *names, "K", "AICc", "delta", *shown)
    rows = [
        (r["number"], *(r[name] for name in names), r["n_params"], f"{r['aicc']:.2f}", f"{r['delta_aicc']:.2f}",
         *(_short(r[name], digits) for name, digits in shown.values()))
        for r in table.to_dict("records")
    ]  # fmt: skip
    rows += [
        (b["family"], *[""] * len(names), _short(b["n_params"]), "" if b["aicc"] is None else f"{b['aicc']:.2f}", "",
         *(_short(b[name], digits) for name, digits in shown.values()))
        for b in content["baselines"]
    ]  # fmt: skip
    print(f"study {content['study']}: {content['state']}, K counted as {content['count']}")
    if data["task"] == "classification":
        zero, one = data["levels"]
        print(f"{data['target']}: probabilities of {one!r}, against {zero!r}; AICc from the deviance")
    elif data["target_label"] != data["target"]:
        print(f"AICc and RSS are of {data['target_label']}, RMSE is in units of {data['target']}")
    print(_columns([header, *rows]))
    if chosen is None:
        print("no trial is complete yet")
    elif chosen["family"] == "kan":
        without = f" without {', '.join(chosen['without'])}" if "without" in chosen else ""
        print(f"recommended: trial {chosen['number']}{without}, {cell_words(Cell(**chosen['params']))}")
    else:
        print(f"recommended: the {label(chosen['family'], data['task'])} model")
    print(*(f"  {reason}" for reason in content["reasons"]), sep="\n", end="\n" * bool(content["reasons"]))
    print(*(f"! {alarm}" for alarm in content["alarms"]), sep="\n", end="\n" * bool(content["alarms"]))


def _short(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _columns(rows: Sequence[Sequence[Any]]) -> str:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in texts)


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
    cli_studies.add_commands(command, with_storage)
    return parser
