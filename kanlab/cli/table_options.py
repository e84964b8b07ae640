"""The options that say how a table is read and prepared."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kanlab.cli.arguments import Options, names
from kanlab.language import say

if TYPE_CHECKING:
    from kanlab.data.preparation import Preparation
    from kanlab.data.reading.dialect import ReadOptions


def add_table_options(command: argparse.ArgumentParser) -> None:
    """Two groups of options. By default the reader recognises everything, and the table stays as it is."""
    add_reading_options(command)
    _add_preparation_options(command.add_argument_group(say("preparing the table")))


def add_reading_options(command: argparse.ArgumentParser) -> None:
    """How the table is read."""
    reading = command.add_argument_group(say("reading the table (recognised by default)"))
    reading.add_argument("--delimiter", metavar="SIGN", help=say("delimiter of the fields ('tab' for a tab)"))
    reading.add_argument("--decimal", choices=[".", ","], help=say("decimal sign"))
    reading.add_argument(
        "--encoding", metavar="NAME", help=say("character encoding, for example utf-8, gb18030 or latin-1")
    )
    reading.add_argument("--no-header", action="store_true", help=say("the first row is data"))
    reading.add_argument("--skip-lines", type=int, metavar="N", help=say("number of lines before the header"))
    reading.add_argument(
        "--skip-last", type=int, metavar="N", help=say("number of rows to drop at the end, such as totals")
    )
    reading.add_argument("--missing", metavar="A,B", help=say("further words that mean a missing value"))
    reading.add_argument(
        "--present", metavar="A,B", help=say("words that are values here, though they usually mean a missing one: None")
    )
    order = reading.add_mutually_exclusive_group()
    order.add_argument("--day-first", action="store_true", default=None, help=say("3/4/2024 is in April"))
    order.add_argument("--month-first", dest="day_first", action="store_false", help=say("3/4/2024 is in March"))
    reading.add_argument(
        "--read",
        metavar="COL=KIND",
        action="append",
        help=say(
            "what a column is read as: number, text, date, boolean, fraction (9.5%% is 0.095), "
            "limit (<0.5 is 0.5), time (15:30 is 15.5) or 'leave out'; may be given several times"
        ),
    )
    reading.add_argument("--part", metavar="NAME", help=say("sheet of a workbook, or file of a zip archive"))


def _add_preparation_options(preparing: Options) -> None:
    preparing.add_argument(
        "--fill-gaps", action="store_true", help=say("fill missing features instead of dropping their rows")
    )
    preparing.add_argument("--drop-copies", action="store_true", help=say("drop rows that repeat others"))
    preparing.add_argument(
        "--pool",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=say("pool the rare levels of text columns with many levels (default), or leave such columns out"),
    )
    preparing.add_argument("--log", metavar="A,B", help=say("features to replace by their logarithm"))
    preparing.add_argument("--rank", metavar="A,B", help=say("features to replace by their rank"))
    preparing.add_argument(
        "--target-scale",
        default="auto",
        help=say(
            "scale on which the target is fitted: auto (default), none, log or rank; predictions "
            "are in its own units. auto is log where the target spans decades and its logarithm "
            "fits far better"
        ),
    )
    preparing.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help=say("keep only the N features with the highest mutual information with the target"),
    )
    preparing.add_argument("--task", default="auto", help=say("auto (default), regression, classification or counts"))
    preparing.add_argument(
        "--weights", metavar="COL", help=say("column of weights of the rows; --weights-are says what they mean")
    )
    preparing.add_argument(
        "--weights-are",
        default="frequency",
        metavar="MEANING",
        help=say(
            "frequency (default): how often each row was seen, it counts as so many rows; "
            "precision: how precise its target is, in inverse proportion to the variance of its "
            "error"
        ),
    )
    preparing.add_argument("--positive", metavar="LEVEL", help=say("of two classes, the one that counts as 1"))
    preparing.add_argument(
        "--split", default="random", help=say("how test rows are chosen: random (default), stratified, time or group")
    )
    preparing.add_argument("--split-by", metavar="COL", help=say("column of the times or groups to split by"))


def read_options(arguments: argparse.Namespace) -> ReadOptions:
    """The options of reading."""
    from kanlab.data.reading.cell_rules import MISSING
    from kanlab.data.reading.dialect import ReadOptions

    present = names(arguments.present) if arguments.present else ()
    words = tuple(w for w in (*MISSING, *(names(arguments.missing) if arguments.missing else ())) if w not in present)
    return ReadOptions(
        delimiter="\t" if arguments.delimiter == "tab" else arguments.delimiter,
        decimal=arguments.decimal,
        encoding=arguments.encoding,
        header=False if arguments.no_header else None,
        skip_lines=arguments.skip_lines,
        skip_last=arguments.skip_last,
        missing=None if words == MISSING else words,
        part=arguments.part,
        day_first=arguments.day_first,
        kinds=_kinds(arguments.read or []),
    )


def _kinds(texts: list[str]) -> dict[str, str]:
    """COL=KIND, given several times."""
    from kanlab.errors import DatasetError

    found = {}
    for text in texts:
        column, sign, kind = text.rpartition("=")
        if not (sign and column and kind):
            raise DatasetError(say("'{text}' of --read is not COL=KIND, for example zip=text.", text=text[:80]))
        found[column.strip()] = kind.strip()
    return found


def preparation(arguments: argparse.Namespace) -> Preparation:
    """The options of preparing."""
    from kanlab.data.preparation import Preparation

    return Preparation(
        gaps="fill" if arguments.fill_gaps else "drop",
        copies="drop" if arguments.drop_copies else "keep",
        pool=arguments.pool,
        scales=dict.fromkeys(names(arguments.log), "log") | dict.fromkeys(names(arguments.rank), "rank"),
        target_scale=arguments.target_scale,
        screen=arguments.keep,
        split=arguments.split,
        split_by=arguments.split_by,
        weights=arguments.weights or "",
        weights_are=arguments.weights_are,
    )
