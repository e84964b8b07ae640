"""The study that the first screen shows: what it is made from, how it is written, and how it is read.

`shown_study.json` is what the search found, not drawn by hand: `python benchmarks/first_screen.py` does the study again, and
tests/ui/test_first_screen.py compares.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kanlab.baselines.registry import Baseline
from kanlab.data.dataset import Dataset
from kanlab.data.examples import EXAMPLES
from kanlab.kan.search_space import SearchSpace

if TYPE_CHECKING:
    from kanlab.api import Study

EXAMPLE = EXAMPLES["hidden-formula"]
SPACE = SearchSpace((1, 3), (2, 8), (1, 3))
RECORDED = Path(__file__).with_name("shown_study.json")
_DIGITS = 6


@dataclass(frozen=True)
class ShownStudy:
    """What the first screen shows.

    trials: as `selection.ranking.trial_table`.  formula: LaTeX.  error, formula_error: RMSE on the test rows, in units of y.
    """

    trials: pd.DataFrame
    baselines: list[Baseline]
    recommended: int
    n_params: int
    formula: str
    error: float
    formula_error: float


def dataset() -> Dataset:
    """The data of the study."""
    return Dataset.from_frame(EXAMPLE.load().frame, EXAMPLE.target, name=EXAMPLE.title)


def study() -> Study:
    """Do the study: some seconds."""
    from kanlab.api import tune

    return tune(dataset(), SPACE)


def recorded(found: Study) -> str:
    """What the first screen shows of a study, as JSON."""
    model, choice, formula = found.predictor(use="read"), found.recommendation.choice, found.formula
    assert choice is not None
    order = ["neuron_num", "grid", "k"]  # trials are numbered as they come back from the workers
    table = found.table.sort_values(order).drop(columns=["seconds", "status"]).reset_index(drop=True)
    table["number"], before = range(len(table)), table["number"].tolist()
    content = {
        "trials": {name: [_short(v) for v in column.tolist()] for name, column in table.items()},
        "baselines": [b.to_dict() for b in found.baselines],
        "recommended": before.index(model.trial),
        "n_params": choice.n_params,
        "formula": formula.latex,
        "error": _short(formula.network.rmse_test if formula.network else None),
        "formula_error": _short(formula.rmse_test),
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _short(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def read() -> ShownStudy:
    """What was written."""
    content = json.loads(RECORDED.read_text(encoding="utf-8"))
    trials = pd.DataFrame(content.pop("trials")).assign(seconds=0.0, status="converged")
    return ShownStudy(trials, [Baseline.from_dict(b) for b in content.pop("baselines")], **content)
