"""The options of the command line that say how a table is read and made ready."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kanlab.data.preparation import Preparation
    from kanlab.data.reading.dialect import ReadOptions


def add_table_options(command: argparse.ArgumentParser) -> None:
    """Two groups of options; each default leaves it to the reader, or the table as it is."""
    add_reading_options(command)
    _add_preparing_options(command)


def add_reading_options(command: argparse.ArgumentParser) -> None:
    """How the table is read."""
    reading = command.add_argument_group("reading the table (all of it is recognised; these overrule)")
    reading.add_argument("--delimiter", metavar="SIGN", help="what separates the fields ('tab' for a tab)")
    reading.add_argument("--decimal", choices=[".", ","], help="the decimal sign")
    reading.add_argument("--encoding", metavar="NAME", help="for example utf-8, gb18030, latin-1")
    reading.add_argument("--no-header", action="store_true", help="the first row is data")
    reading.add_argument("--skip-lines", type=int, metavar="N", help="lines before the header")
    reading.add_argument("--skip-last", type=int, metavar="N", help="rows at the end, such as totals and footnotes")
    reading.add_argument("--missing", metavar="A,B", help="more words that stand for a missing value")
    reading.add_argument("--part", metavar="NAME", help="which sheet of a workbook, or file of a zip archive")


def _add_preparing_options(command: argparse.ArgumentParser) -> None:
    preparing = command.add_argument_group("making it ready")
    preparing.add_argument(
        "--fill-gaps", action="store_true", help="fill missing features instead of dropping their rows"
    )
    preparing.add_argument("--drop-copies", action="store_true", help="leave out rows that repeat others")
    preparing.add_argument("--pool", action="store_true", help="pool the rare levels of text of many values")
    preparing.add_argument("--log", metavar="A,B", help="features to take the logarithm of")
    preparing.add_argument("--rank", metavar="A,B", help="features to take the rank of")
    preparing.add_argument("--target-scale", default="none", help="none, log or rank; predictions come back in units")
    preparing.add_argument(
        "--keep", type=int, metavar="N", help="the N features with the most mutual information alone"
    )
    preparing.add_argument("--task", default="auto", help="auto (default), regression or classification (two classes)")
    preparing.add_argument("--positive", metavar="LEVEL", help="of two classes the one that counts as 1")
    preparing.add_argument("--split", default="random", help="random, stratified, time or group")
    preparing.add_argument("--split-by", metavar="COL", help="column of the times or groups")


def read_options(arguments: argparse.Namespace) -> ReadOptions:
    """What the options say about reading."""
    from kanlab.data.reading.column_types import MISSING
    from kanlab.data.reading.dialect import ReadOptions

    return ReadOptions(
        delimiter="\t" if arguments.delimiter == "tab" else arguments.delimiter,
        decimal=arguments.decimal,
        encoding=arguments.encoding,
        header=False if arguments.no_header else None,
        skip_lines=arguments.skip_lines,
        skip_last=arguments.skip_last,
        missing=(*MISSING, *names(arguments.missing)) if arguments.missing else None,
        part=arguments.part,
    )


def preparation(arguments: argparse.Namespace) -> Preparation:
    """What the options say about preparing."""
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
    )


def names(text: str | None) -> list[str]:
    """Comma-separated names."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]
