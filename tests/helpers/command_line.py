"""The command line in the process of the test, and its JSON."""

from __future__ import annotations

import json
from typing import Any

from kanlab.cli.main import main

STOCK = ["--engine", "pykan-lbfgs"]
RANGES = ["--neuron-num", "1:3", "--grid", "2:5", "--k", "1:2"]


def strict_json(text: str) -> dict[str, Any]:
    """One JSON object and nothing else, without NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(text, parse_constant=refuse)
    assert isinstance(content, dict)
    return content


def run(*arguments: str, code: int = 0) -> None:
    """One command, which ends with this code."""
    assert main(list(arguments)) == code
