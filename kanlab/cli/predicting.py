"""The command `kanlab predict`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kanlab.cli.arguments import add_interval, add_trial, source
from kanlab.cli.table_options import add_reading_options
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.text import counted

if TYPE_CHECKING:
    pass
from kanlab.cli import explaining
from kanlab.cli.opening import AddCommand, WithStorage, check_one_trial, open_all, told

_NO_INTERVALS = marked(  # kanlab.export.predict_template.NO_INTERVALS, which a bundle says in English
    "The model has no intervals, because its bundle was made before they were; export it again to have them."
)


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
        handles = open_all(arguments)
        check_one_trial(arguments, handles)
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
    return told(say("{file} holds {rows}.", file=target, rows=counted(len(found.frame), "row")))


def add_commands(command: AddCommand, with_storage: WithStorage) -> None:
    """Add these commands to the parser."""
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
