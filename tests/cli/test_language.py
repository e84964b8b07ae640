"""The command line in the language of the terminal: its own words, argparse's, and tables of wide characters."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kanlab import language
from kanlab.cli import help_words
from kanlab.cli import main as cli
from kanlab.cli.printing import columns
from kanlab.study.handle import load_study
from kanlab.text import columns_of
from tests.helpers.command_line import RANGES, STOCK, run, strict_json

# of argparse's words, those that only a programmer who defines a parser meets
OF_PROGRAMMERS = (
    "conflicting ", ".__call__", "'required'", "mutually", "%r is not callable", "cannot ", "invalid option string",
    "invalid conflict_resolution", "dest=", 'argument "-"', "show program's", "subcommands", "command '", "option '",
    "argument '",
)  # fmt: skip


def terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in ("KANLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_a_command_speaks_the_language_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for variables in ({"LANG": "C"}, {"LANG": "zh_CN.UTF-8"}, {"LANG": "zh_CN.UTF-8", "KANLAB_LANG": "en"}):
        terminal(monkeypatch, **variables)
        run("studies")
        said.append(capsys.readouterr().err)
    assert said[0].startswith("There is no study yet.")
    assert "kanlab tune DATA.csv --target" in said[1]
    assert said[1] != said[0]
    assert said[2] == said[0]
    assert language.active() == "en"  # nothing is left behind
    assert argparse.ArgumentParser().format_help().startswith("usage: ")


def test_every_word_that_a_reader_meets_of_argparse_is_known() -> None:
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(argparse))) if isinstance(node, ast.Call))
    asked = (call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("_", "ngettext"))
    words = {a.value for args in asked for a in args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    assert {word for word in words if not word.startswith(OF_PROGRAMMERS)} <= {*help_words.WORDS}
    assert "usage: " in words


@pytest.mark.parametrize("name", ["", "tune", "formula", "completion"])
def test_help_and_its_lines_fit_the_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every percent sign is one that argparse can fill in, and no line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    texts = {}
    for told in ("en", "zh", language.PSEUDO):
        with language.use(told), help_words.said():
            parser = cli._parser()
            texts[told] = (cli._commands(parser)[name] if name else parser).format_help()
    lines = [line for line in texts["zh"].splitlines() if not line.isascii()]
    assert max(columns_of(line) for line in lines) <= 78
    assert "show this help message and exit" in texts["en"]
    assert all("show this help" not in texts[told] for told in ("zh", language.PSEUDO))


@pytest.mark.parametrize(
    "given", [[], ["nothing"], ["tune", "--trials", "x"], ["completion", "dos"], ["show"], ["show", "a", "--row", "1"]]
)
def test_errors_of_arguments_are_told(given: list[str], monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    said = {}
    for told in ("en", "zh"):
        terminal(monkeypatch, KANLAB_LANG=told)
        with pytest.raises(SystemExit):
            cli.main(given)
        said[told] = capsys.readouterr().err
    assert ": error: " in said["en"]
    assert "error" not in said["zh"]
    assert not set(said["zh"].split()) & {"usage:", "argument", "invalid", "required:", "unrecognized"}


def test_columns_of_wide_characters_are_under_one_another() -> None:
    lines = columns([("研究", "n"), ("a", "b"), ("糖尿病", "c")]).splitlines()
    assert [columns_of(line) for line in lines] == [9, 9, 9]


def test_json_and_what_is_stored_are_english(
    csv: str, fake_workers: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_workers()
    terminal(monkeypatch, LANG="zh_CN.UTF-8")
    run("tune", csv, "--target", "y", *RANGES, *STOCK, "--trials", "3", "--study", "mine", "--json")
    made = capsys.readouterr()
    assert strict_json(made.out)["study"] == "mine"
    assert made.out.isascii()
    assert not made.err.isascii()
    run("predict", "mine", csv)
    assert capsys.readouterr().out.isascii()
    kept = load_study("mine").optuna
    stored = [kept.user_attrs, *(trial.user_attrs for trial in kept.trials)]
    assert json.dumps(stored, ensure_ascii=False, default=str).isascii()
    run("show", "mine")
    assert not capsys.readouterr().out.isascii()
