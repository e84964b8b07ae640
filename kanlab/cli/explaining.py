"""The command `kanlab explain`, and the columns that `kanlab predict --explain` adds: what each feature contributes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kanlab.cli.arguments import add_trial, source
from kanlab.cli.opening import AddCommand, WithStorage
from kanlab.cli.printing import columns
from kanlab.cli.table_options import add_reading_options
from kanlab.language import active, say, use
from kanlab.retelling import retold

if TYPE_CHECKING:
    from kanlab.explain.contributions import Explanation, RowExplainer
    from kanlab.explain.predictor import Predictor
    from kanlab.study.handle import StudyHandle


def explainers(models: Sequence[Predictor], handles: Sequence[StudyHandle]) -> list[RowExplainer]:
    """What explains the predictions of models. handles: their studies; none of a bundle."""
    from kanlab.execution.manage import load_data
    from kanlab.explain.contributions import RowExplainer

    if not handles:
        return [RowExplainer(model) for model in models]
    return [RowExplainer(model, load_data(handle)) for model, handle in zip(models, handles, strict=True)]


def _explain(arguments: argparse.Namespace) -> int:
    with use("en" if arguments.json else active()):  # the names of quantities are in the JSON
        return _explain_rows(arguments)


def _explain_rows(arguments: argparse.Namespace) -> int:
    from kanlab.cli.table_options import read_options
    from kanlab.errors import DatasetError
    from kanlab.execution.manage import load_data
    from kanlab.explain.contributions import RowExplainer
    from kanlab.explain.new_rows import read_new_rows
    from kanlab.explain.study_predictor import predictor
    from kanlab.export.document import is_bundle, read_bundle
    from kanlab.study.handle import load_study

    packed, options = Path(arguments.name), read_options(arguments)
    if is_bundle(packed):
        explainer = RowExplainer(read_bundle(packed))
    else:
        handle = load_study(arguments.name, storage_url=arguments.storage)
        model = predictor(handle, arguments.trial, arguments.family, arguments.use)
        explainer = RowExplainer(model, load_data(handle))
    rows, called = source(arguments.data)
    table = read_new_rows(rows, explainer.predictor.recipe, name=called, options=options)
    found = explainer.explain(table, options)
    by = say("predicted by {model}", model=explainer.predictor.name)
    print(by, *map(retold, found.predictions.notes), sep="\n", file=sys.stderr)
    if arguments.row is not None and not 1 <= arguments.row <= len(found.totals):
        raise DatasetError(
            say(
                "There is no row {row}; {file} holds {rows:,}.",
                row=arguments.row,
                file=arguments.data,
                rows=len(found.totals),
            )
        )
    chosen = range(len(found.totals)) if arguments.row is None else [arguments.row - 1]
    if arguments.json:
        content = {"target": found.recipe.target, "rows": [{"row": row + 1} | found.to_dict(row) for row in chosen]}
        print(json.dumps(content, indent=2, allow_nan=False))
        return 0
    print("\n\n".join(_shown(found, row) for row in chosen))
    return 0


def _shown(found: Explanation, row: int) -> str:
    """One row as text: its features by the size of their contributions, and the nearest training rows."""
    if row not in found.ready:
        return say("row {row}: a value is missing, so there is no prediction to explain", row=row + 1)
    output = found.output_of(row)
    head = say(
        "row {row}: {quantity} {total:.5g}, {mean:.5g} in the mean",
        row=row + 1,
        quantity=found.scale.words[output],
        total=found.totals[row, output],
        mean=found.mean[output],
    )
    table = found.table(row)
    sampled = bool(table["standard_error"].any())
    header = [say("feature"), say("value"), say("contribution")]
    header += [say("standard error")] * sampled + [say("times")] * ("times" in table)
    lines = [
        (
            r["feature"],
            "" if r["value"] is None else f"{r['value']}"[:30],
            f"{r['contribution']:+.5g}",
            *[f"{r['standard_error']:.2g}"] * sampled,
            *([f"{r['times']:.4g}"] if "times" in r else []),
        )
        for r in table.to_dict("records")
    ]
    text = [head, columns([header, *lines]), found.method]
    if found.nearest is not None:
        near = found.neighbours(row)
        cells = [[f"{v:.4g}" if isinstance(v, float) else f"{v}"[:30] for v in line] for line in near.to_numpy(object)]
        header = [say("distance") if name == "distance" else name for name in near.columns]
        text += [found.support(row), say("nearest training rows:"), columns([header, *cells])]
    return "\n".join(text)


def add_command(command: AddCommand, with_storage: WithStorage) -> None:
    """Add `kanlab explain` to the parser."""
    explain = command(
        "explain",
        _explain,
        say("say why rows are predicted as they are: what each feature contributes, and the nearest training rows"),
        say(
            "Contributions are Shapley values: they add up to the prediction less the mean "
            "prediction, for classes as log-odds and for counts as the logarithm of the mean."
        ),
    )
    explain.add_argument("name", metavar="NAME|BUNDLE.zip", help=say("name of a study, or file of a bundle"))
    explain.add_argument(
        "data", metavar="NEW.csv", type=Path, help=say("table with the features; - for standard input")
    )
    explain.add_argument("--row", type=int, metavar="N", help=say("one row alone, counted from 1 (default: all)"))
    explain.add_argument("--json", action="store_true", help=say("print them as one JSON object"))
    add_trial(explain)
    with_storage(explain)
    add_reading_options(explain)
