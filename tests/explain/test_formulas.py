"""The formulas of a study: searched by workers, kept, read back, printed; a search that is stopped, and what is damaged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import sympy

from kanlab.api import Study, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.explain.formula import compared, front_table, is_much_worse
from kanlab.explain.formulas import FORMULAS, read_search, search, start_search
from kanlab.formulas.options import FormulaOptions
from kanlab.kan.search_space import SearchSpace

RNG = np.random.default_rng(1)
FRAME = pd.DataFrame(RNG.uniform(0.5, 2, (150, 2)), columns=["mass (kg)", "v"])
FRAME["energy"] = FRAME["mass (kg)"] * FRAME["v"] ** 2 / 2


@pytest.fixture
def study() -> Study:
    data = Dataset.from_frame(FRAME, "energy")
    return tune(data, SearchSpace(neuron_num=(1, 1), grid=(3, 3), k=(3, 3)), name="energy", workers=1)


def test_a_study_has_its_formulas(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    steps: list[tuple[int, int]] = []
    front = study.formulas(0.03, workers=1, on_progress=lambda s: steps.append((s.done, s.total)))
    assert steps[0] == (0, 3)
    assert steps[-1] == (3, 3)
    best = study.formula
    mass, v = (sympy.Symbol(name, real=True) for name in ("mass (kg)", "v"))
    assert sympy.simplify(best.sympy - mass * v**2 / 2) == 0
    assert best.rmse_test == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(best.predict(FRAME), FRAME["energy"])
    table = front_table(front, [str(f) for f in front].index(str(best)))
    assert table["choice"].tolist().count("recommended") == 1
    assert table["train"].tolist() == [f.rmse_train for f in front]
    assert table["held_out"].tolist() == pytest.approx([f.found.held_out**0.5 for f in front])  # type: ignore[operator]
    shortest = front[0]
    assert shortest.network is not None
    times = shortest.rmse_test / shortest.network.rmse_test  # type: ignore[operator]
    assert compared(shortest) == f"Its error on the test rows is {times:,.2f} times the network's."
    assert is_much_worse(shortest)
    assert not is_much_worse(best)
    assert best.legend == {"x_{1}": "mass (kg)", "x_{2}": "v"}
    assert [f.complexity for f in front] == sorted(f.complexity for f in front)
    again = open_study("energy")
    assert [str(f) for f in again.formulas()] == [str(f) for f in front]  # kept, not searched again

    assert main(["formula", "energy"]) == 0
    assert "recommended: energy = mass (kg)*v**2/2" in capsys.readouterr().out
    assert main(["formula", "energy", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    chosen = content["formulas"][content["recommended"]]
    assert chosen["formula"] == "mass (kg)*v**2/2"
    assert set(chosen["domain"]) == {"mass (kg)", "v"}
    assert study.to_dict()["formulas"]["recommended"] == content["recommended"]
    assert main(["formula", "energy", "--functions", "magic"]) == 2
    assert "There is no function 'magic' in the library" in capsys.readouterr().err


def test_a_search_that_is_stopped_keeps_nothing_and_can_be_made_again(study: Study) -> None:
    stopped = search(study.handle, FormulaOptions(effort=0.1), workers=1, stop=lambda: True)
    assert stopped.state == "stopped"
    assert stopped.found is None
    run = start_search(study.handle, FormulaOptions(effort=0.1))
    run.join()
    found = read_search(study.handle)
    assert found is not None
    assert found.state == "done"
    again = search(study.handle, FormulaOptions(effort=0.1), workers=1, stop=lambda: True)
    assert again.state == "stopped"
    assert again.found == found.found  # what was found before stays
    assert read_search(study.handle) == again
    with pytest.raises(RuntimeError):
        search(study.handle, FormulaOptions(effort=0.1), workers=1, stop=interrupted)
    kept = read_search(study.handle)
    assert kept is not None
    assert kept.state == "stopped"
    assert kept.found == found.found


def interrupted() -> bool:
    raise RuntimeError("interrupted")


@pytest.mark.parametrize("content", [{"state": "done"}, {"version": 0}, "text"])
def test_formulas_that_are_damaged_are_as_none(study: Study, content: object) -> None:
    whole = {"state": "done", "done": 1, "total": 1, "detail": "", "model": "", "written": 0.0, "found": content}
    study.handle.optuna.set_user_attr(FORMULAS, whole)
    assert read_search(study.handle) is None
