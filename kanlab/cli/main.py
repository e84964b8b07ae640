"""The program `kanlab`: its parser, and the commands that create, validate and show studies.

Exit codes: 0 done, 2 bad input (one line says what, where, and what to do), 130 interrupted (the study can be resumed).
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kanlab import language
from kanlab.cli import (
    explaining,
    exporting,
    formulas,
    help_words,
    interacting,
    machine,
    managing,
    predicting,
    running,
)
from kanlab.cli.arguments import (
    STANDARD_INPUT,
    add_dask,
    add_fill,
    add_json,
    add_ranges,
    add_workers,
    names,
    port,
    ranges,
    source,
)
from kanlab.cli.completion import SHELLS, complete, shell_code
from kanlab.cli.config import named_file, use
from kanlab.cli.constraint_options import add_constraints, constraints
from kanlab.cli.examples import examples
from kanlab.cli.printing import columns, exit_code, run_and_print, shown
from kanlab.cli.table_options import add_table_options, preparation, read_options
from kanlab.errors import KanlabError, StudyError
from kanlab.language import marked, say
from kanlab.retelling import retold

if TYPE_CHECKING:
    from kanlab.data.dataset import Dataset
    from kanlab.data.reading.typed import Table
    from kanlab.selection.validation import Validation


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command in the language of the terminal; returns its exit code."""
    with language.use(language.of_terminal()), help_words.said():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    given = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    complete(parser)
    try:
        several = {}
        if given[:1] == ["tune"] and (file := named_file(given)) is not None:
            several = use(_commands(parser)["tune"], "tune", file)
        arguments = parser.parse_args(given)
        for name, value in several.items():
            setattr(arguments, name, getattr(arguments, name) or value)
        run: Callable[[argparse.Namespace], int] = arguments.run
        code = run(arguments)
        sys.stdout.flush()  # here, so that a closed pipe is caught below
        return code
    except KanlabError as error:
        print(f"kanlab: {retold(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(say("kanlab: interrupted; 'kanlab studies' lists what can be resumed."), file=sys.stderr)
        return 130
    except BrokenPipeError:  # nobody reads our output any more: end quietly
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if sentence := _storage_trouble(error):
            print(f"kanlab: {retold(sentence)}", file=sys.stderr)
            return 2
        raise


def _storage_trouble(error: Exception) -> str:
    """The sentence for an error of the storage, or a study that is gone; "" for any other error."""
    if "kanlab.study.storage" not in sys.modules:
        return ""
    from kanlab.study.storage import study_trouble

    return study_trouble(error)


# ---- commands


def _app(arguments: argparse.Namespace) -> int:
    from kanlab.ui.launch import run_app

    more = {"base_path": arguments.base_path, "study": arguments.study or ""}
    return run_app(arguments.address, arguments.port, arguments.headless, arguments.storage, **more)


def _tune(arguments: argparse.Namespace) -> int:
    from kanlab.engines.catalogue import ENGINES, trouble
    from kanlab.errors import FitError
    from kanlab.execution.dask_cluster import chosen
    from kanlab.execution.worker_process import spare_worker

    if chosen(arguments.dask) is not None:  # whose machines start workers of their own
        return _create_and_run(arguments)
    if arguments.engine in ENGINES and (sentence := trouble(arguments.engine)):
        raise FitError(sentence)
    with spare_worker(preload_pykan=arguments.engine in ENGINES and ENGINES[arguments.engine].needs_torch):
        return _create_and_run(arguments)


def _create_and_run(arguments: argparse.Namespace) -> int:
    from kanlab.data.dataset import Dataset
    from kanlab.data.reading.table import read_table
    from kanlab.engines.registry import FitOptions
    from kanlab.execution.dask_cluster import chosen, cluster_workers
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.spec import StudySpec
    from kanlab.targets import create_group
    from kanlab.text import listing

    if arguments.mlflow:
        from kanlab.export.mlflow_run import check_installed

        check_installed()  # before a study is made
    if arguments.data is None:
        raise StudyError(say("There is no table: name a file, or give 'data' in the file of --config."))
    where, called = source(arguments.data)
    table = read_table(where, name=called, options=read_options(arguments))
    columns = list(table.frame.columns)
    if not arguments.target:
        raise StudyError(
            say(
                "Say which column to predict, such as --target {column}; {source} has {columns}.",
                column=shlex.quote(columns[-1]),
                source=table.report.source,
                columns=listing(columns),
            )
        )
    targets = [[text] if text in columns else names(text) or [text] for text in arguments.target]
    datasets = Dataset.for_targets(
        table.frame,
        [target for several in targets for target in several],
        None if arguments.features is None else names(arguments.features),
        test_fraction=arguments.test_fraction,
        seed=arguments.seed,
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
        constraints=constraints(arguments),
    )
    at_hand = cluster_workers(chosen(arguments.dask))  # before a study is made that could not run
    handles = create_group(datasets, spec, name=arguments.study, storage=arguments.storage, at_hand=at_hand)
    said = dict.fromkeys(retold(note) for data in datasets for note in (*data.notes, *_warnings(data, table)))
    print(f"{table.report}", *map(retold, table.report.notes), *said, sep="\n", file=sys.stderr)
    code = exit_code(run_and_print(handles, arguments.json, arguments.dask))
    if arguments.mlflow and not code:
        from kanlab.api import Study

        for handle in handles:
            run = Study(handle).to_mlflow(arguments.mlflow)
            print(say("'{name}' is the run {run} of MLflow.", name=handle.name, run=run), file=sys.stderr)
    if arguments.open:
        from kanlab.ui.launch import open_study

        return open_study(handles[0].name, arguments.storage)
    return code


def _warnings(data: Dataset, table: Table) -> Iterator[str]:
    """Of rows lost to gaps, and of features that number the rows, or nearly are the target."""
    import pandas as pd

    from kanlab.cli.gaps import rows_lost
    from kanlab.data.checks import leaks_among
    from kanlab.data.profile import profile

    frame = table.frame
    if lost := rows_lost(data, table):
        yield f"! {lost}"
    whole = [name for name in data.recipe.sources if pd.api.types.is_integer_dtype(frame[name])]
    for warning in profile(frame[whole]).warnings if whole else ():
        if warning.kind == "identifier":
            yield f"! {warning.sentence}"
    if not data.levels:
        for warning in leaks_among(dict(zip(data.features, data.X_train.T, strict=True)), data.y_train):
            yield f"! {warning.sentence}"


def _studies(arguments: argparse.Namespace) -> int:
    from kanlab.api import open_study
    from kanlab.study.handle import study_names
    from kanlab.study.storage import get_storage

    rows = []
    for name in study_names(get_storage(arguments.storage)):
        try:
            study = open_study(name, storage=arguments.storage)
        except StudyError as error:  # of another version: the rest can be listed
            print(f"kanlab: '{name}': {retold(str(error))}", file=sys.stderr)
            continue
        content, table = study.to_dict(), study.handle.data.name
        source_said = say(table) if table == STANDARD_INPUT else table
        state, target = say(content["state"]), content["data"]["target_label"]
        rows.append((name, state, len(content["trials"]), target, source_said))
    if not rows:
        print(say("There is no study yet. Start one with 'kanlab tune DATA.csv --target COLUMN'."), file=sys.stderr)
        return 0
    print(columns([(say("study"), say("state"), say("trials"), say("target"), say("data")), *rows]))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from kanlab.api import Study
    from kanlab.study.several_targets import load_studies

    found = [Study(handle) for handle in load_studies(arguments.name, storage_url=arguments.storage)]
    print(shown(found, arguments.json))
    return 0


def _validate(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from kanlab.api import Study
    from kanlab.baselines.registry import chosen_families
    from kanlab.study.patience import patiently
    from kanlab.study.several_targets import load_studies

    families = None if arguments.families is None else chosen_families(arguments.families.split(","))
    studies = [Study(handle) for handle in load_studies(arguments.name, storage_url=arguments.storage)]
    for study in studies:
        with tqdm(unit=say("step"), file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

            def show(validation: Validation, bar: tqdm[NoReturn] = bar) -> None:
                bar.total = validation.total
                bar.update(validation.done - bar.n)

            validation = study.validate(arguments.workers, show, dask=arguments.dask, families=families)
        steps = {"done": validation.done, "total": validation.total, "detail": retold(validation.detail)}
        told = (
            say("validation: {done} of {total} steps. {detail}", **steps)
            if len(studies) == 1
            else say(
                "validation of {target}: {done} of {total} steps. {detail}", target=study.handle.data.target, **steps
            )
        )
        print(told.rstrip(), file=sys.stderr)
    print(patiently(lambda: shown(studies, arguments.json)))
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    from kanlab.study.dashboard import serve

    return serve(arguments.storage, arguments.port, writable=arguments.writable)


def _completion(arguments: argparse.Namespace) -> int:
    print(shell_code(arguments.shell))
    return 0


# ---- arguments


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands, by name."""
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kanlab",
        description=say(
            "kanlab fits Kolmogorov-Arnold networks (KANs) of many sizes to your table and recommends the size that "
            "suits it."
        ),
        formatter_class=help_words.Formatter,
        epilog=say(
            "Start with 'kanlab app', or with 'kanlab tune DATA.csv --target COLUMN'. 'kanlab "
            "COMMAND --help' lists the options of a command. Exit codes: 0 done, 2 bad input, "
            "130 interrupted."
        ),
    )
    commands = parser.add_subparsers(title=say("commands"), required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, more: str = "", alias: Sequence[str] = ()
    ) -> argparse.ArgumentParser:
        """A command with its line in the list of commands. more: what its own help says beyond that line."""
        line = f"{text[0].upper()}{text[1:]}"
        description = say("{line}. {more}", line=line, more=more) if more else say("{line}.", line=line)
        sub = commands.add_parser(
            name,
            help=text,
            description=description,
            aliases=alias,
            epilog=examples(name),
            formatter_class=help_words.Formatter,
        )
        sub.set_defaults(run=run)
        return sub

    def with_storage(sub: argparse.ArgumentParser) -> None:
        default = say("$KANLAB_STORAGE, or a file in kanlab's own folder")
        sub.add_argument(
            "--storage",
            metavar="URL",
            help=say("database of the studies, an SQLAlchemy URL (default: {default})", default=default),
        )

    app = command("app", _app, say("open the app in a browser"))
    app.add_argument(
        "--address", default="127.0.0.1", help=say("address to listen on (default: %(default)s, this machine only)")
    )
    app.add_argument("--port", type=port, default=8501, help=say("port to listen on (default: %(default)s)"))
    app.add_argument("--headless", action="store_true", help=say("do not open a browser"))
    app.add_argument("--study", metavar="NAME", help=say("study to open the browser on"))
    app.add_argument(
        "--base-path",
        metavar="PATH",
        default="",
        help=say("path under which a reverse proxy serves the app, such as /kanlab"),
    )
    with_storage(app)

    _add_tune(
        command("tune", _tune, say("fit the networks of a search space to a table and rank them"), say(_TUNE)),
        with_storage,
    )
    validate = command(
        "validate",
        _validate,
        say("validate the finalists of a finished study"),
        say(
            "The best networks are refitted from other seeds and cross-validated beside the "
            "linear models, other model families are fitted, and a permutation test shuffles the "
            "target. The study is then printed with what this says of the choice."
        ),
        alias=["judge"],
    )
    show = command("show", _show, say("print a study: its best trials, the recommended model and the reasons"))
    formula = formulas.add_command(command)
    validate.add_argument(
        "--families",
        metavar="A,B",
        help=say(
            "model families to compare with, or none: polynomial, gam, mlp, boosting (default: "
            "these four), and ebm, which takes kanlab[ebm]"
        ),
    )
    for sub in (validate, show, formula):
        sub.add_argument("name", metavar="NAME", help=say("name of the study"))
        add_json(sub)
        with_storage(sub)
    for sub in (validate, formula):
        add_workers(sub)
        add_dask(sub)
    with_storage(command("studies", _studies, say("list all studies")))
    predicting.add_commands(command, with_storage)
    explaining.add_command(command, with_storage)
    interacting.add_command(command, with_storage)
    for commands_of in (exporting, running, managing, machine):
        commands_of.add_commands(command, with_storage)

    dashboard = command("dashboard", _dashboard, say("serve optuna-dashboard for the studies, read-only"))
    dashboard.add_argument("--port", type=port, default=8080, help=say("port to listen on (default: %(default)s)"))
    dashboard.add_argument("--writable", action="store_true", help=say("let the dashboard change and delete studies"))
    with_storage(dashboard)
    completion = command(
        "completion",
        _completion,
        say("print what makes a shell complete kanlab's commands and options"),
        say(
            'Bash: eval "$(kanlab completion bash)" in ~/.bashrc; zsh: the same with zsh; '
            "fish: kanlab completion fish | source."
        ),
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=say("bash, zsh, fish or powershell"))
    return parser


_TUNE = marked(
    "A configuration is a number of hidden neurons, grid intervals and a spline order; a "
    "trial fits one configuration. RSS is the sum of squared residuals on the training "
    "rows, K the number of parameters. AICc, the corrected Akaike information criterion, "
    "weighs RSS against K: the lower, the better. A configuration is admissible, and "
    "fitted, only if K is small enough for AICc to be defined."
)


def _add_tune(tune: argparse.ArgumentParser, with_storage: Callable[[argparse.ArgumentParser], None]) -> None:
    """The options of `kanlab tune`, in groups."""
    tune.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        type=Path,
        help=say("CSV (also compressed), Parquet or Excel file; - for standard input"),
    )
    tune.add_argument(
        "--config", metavar="FILE", type=Path, help=say("TOML file with options of this command in a table [tune]")
    )
    tune.add_argument(
        "--mlflow",
        metavar="URI",
        help=say("write the finished study as a run of MLflow there, such as sqlite:///mlflow.db"),
    )
    tune.add_argument("--open", action="store_true", help=say("open the app on the study when it is done"))
    tune.add_argument(
        "--target",
        action="append",
        metavar="COL[,COL]",
        help=say(
            "column to predict, needed; of several, separated by commas or given one by one, "
            "each gets a study of its own"
        ),
    )
    tune.add_argument("--features", metavar="A,B", help=say("columns to predict it from (default: all others)"))
    tune.add_argument("--study", metavar="NAME", help=say("name of the study (default: after the file)"))
    add_json(tune)
    with_storage(tune)

    add_ranges(
        tune.add_argument_group(say("search space")),
        neuron_num="1:10",
        grid="2:10",
        k="1:3",
        depth="1",
        multiplication="0",
    )

    budget = tune.add_argument_group(say("budget"))
    budget.add_argument(
        "--trials", type=int, metavar="N", help=say("largest number of trials (default: every configuration)")
    )
    budget.add_argument("--minutes", type=float, metavar="M", help=say("longest time the study may take, in minutes"))
    add_fill(budget)
    budget.add_argument("--patience", type=int, metavar="N", help=say("end after N trials without a lower AICc"))
    budget.add_argument(
        "--sampler",
        default="auto",
        help=say(
            "which configurations to try: auto (default: exhaustive if the budget covers all of "
            "them, else gp, a Gaussian process), exhaustive, gp, tpe, random or nsga2"
        ),
    )
    add_workers(budget)
    add_dask(budget)

    fit = tune.add_argument_group(say("fitting and counting"))
    fit.add_argument("--engine", default="lm", help=say("lm (default, fast), pykan-lbfgs or pykan-adam (stock pykan)"))
    fit.add_argument(
        "--starts", type=int, metavar="N", help=say("starts per configuration, of which the best fit counts")
    )
    fit.add_argument(
        "--time-limit", type=float, metavar="SECONDS", help=say("longest time one fit may take, in seconds")
    )
    fit.add_argument(
        "--smoothing",
        type=float,
        metavar="X",
        default=1000.0,
        help=say("roughness penalty of the lm engine (default: %(default)g; 0: none)"),
    )
    fit.add_argument(
        "--count",
        default="effective",
        help=say(
            "rule that counts K: effective (default: networks are ranked by what each fit has "
            "spent, all else goes by identifiable), identifiable, trainable, coefficients or "
            "article"
        ),
    )
    fit.add_argument("--no-sigma2", action="store_true", help=say("do not count the noise variance as a parameter"))
    fit.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        help=say("seed of the test rows and the starts (default: %(default)s)"),
    )
    fit.add_argument(
        "--test-fraction",
        metavar="X",
        type=float,
        default=0.2,
        help=say("share of the rows held out for the test (default: %(default)s)"),
    )
    fit.add_argument("--family", default="kan", choices=["kan"], help=say("model family"))
    add_constraints(tune.add_argument_group(say("what is known of the effects (docs/constraints.md)")))
    add_table_options(tune)
