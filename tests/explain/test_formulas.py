"""The formulas of a study: searched by workers, kept, read back, printed; a search that is stopped, and what is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
from scipy.optimize import curve_fit

from kanlab.api import Study, load_data, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.explain.formula import compared, front_table, is_much_worse, mark
from kanlab.explain.formulas import FORMULAS, read_search, search, start_search
from kanlab.formulas.options import FormulaOptions
from kanlab.kan.search_space import SearchSpace
from tests.helpers.sentences import refused

RNG = np.random.default_rng(1)
FRAME = pd.DataFrame(RNG.uniform(0.5, 2, (150, 2)), columns=["mass (kg)", "v"])
FRAME["energy"] = FRAME["mass (kg)"] * FRAME["v"] ** 2 / 2


@pytest.fixture
def study() -> Study:
    data = Dataset.from_frame(FRAME, "energy")
    return tune(data, SearchSpace(neuron_num=(1, 1), grid=(3, 3), k=(3, 3)), name="energy", workers=1)


def test_a_study_has_its_formulas(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    edited_and_used(study, tmp_path, capsys)
    assert main(["formula", "energy", "--functions", "magic"]) == 2
    assert "There is no function 'magic' in the library" in capsys.readouterr().err


def edited_and_used(study: Study, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edited formula is fitted, kept with the study, chosen, exported; units are said of every formula."""
    front, best = study.formulas(), study.formula
    data = load_data(study.handle)
    places = {p.text: p.number for p in best.parts}
    edited = study.edit_formula(best, switch={places["v**2"]: "exp"})
    p, _ = curve_fit(lambda X, a, b: a * X[0] * np.exp(b * X[1]), data.X_train.T, data.y_train, [0.1, 1.0])
    left = data.y_train - p[0] * data.X_train[:, 0] * np.exp(p[1] * data.X_train[:, 1])
    assert edited.rmse_train == pytest.approx(np.sqrt(np.mean(left**2)))
    assert edited.aicc is not None
    assert edited.found.held_out is not None
    assert mark(edited, False) == "edited"
    assert [str(f) for f in open_study("energy").formulas() if f.found.origin != "edited"] == [str(f) for f in front]

    study.use_formula(edited)
    np.testing.assert_allclose(study.formula.predict(FRAME), edited.predict(FRAME))
    content = study.to_dict()["formulas"]
    assert content["formulas"][content["used"]]["formula"] == str(edited)
    assert "Math.exp" in study.export(folder / "formula.js", formula=True).read_text(encoding="utf-8")
    number = [str(f) for f in study.formulas()].index(str(edited))
    capsys.readouterr()
    assert main(["formula", "energy"]) == 0
    words = capsys.readouterr().out
    assert f"chosen: energy = {edited}" in words
    assert "It was edited by hand." in words
    assert main(["formula", "energy", "--edit", str(number), "--drop", "0"]) == 2
    assert "Part 0 of the formula cannot be edited so (drop)" in capsys.readouterr().err
    assert main(["formula", "energy", "--parts", str(number)]) == 0
    assert "mass (kg)*exp" in capsys.readouterr().out
    study.use_formula(None)
    assert str(study.formula) == str(best)
    study.remove_formula(edited)
    assert [str(f) for f in study.formulas()] == [str(f) for f in front]
    with refused(StudyError, "only edited ones are removed"):
        study.remove_formula(best)
    with refused(StudyError, "There is no formula 99"):
        study.use_formula(99)

    assert main(["formula", "energy", "--units", "mass (kg)=kg, v=m/s, energy=J"]) == 0
    assert "Its units add up." in capsys.readouterr().out
    assert study.units == {"mass (kg)": "kg", "v": "m/s", "energy": "J"}
    study.set_units({"mass (kg)": "kg", "v": "s", "energy": "J"})
    assert study.formula.units is not None
    assert "1/2 in J/kg/s²" in study.formula.units.sentence
    assert main(["formula", "energy", "--units", "v=smoots"]) == 2
    assert "is no unit that is known" in capsys.readouterr().err
    study.set_units({})
    assert study.formula.units is None


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
