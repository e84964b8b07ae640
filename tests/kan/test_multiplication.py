"""Multiplication nodes as configurations: what there is, how it is counted, kept and told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kanlab.errors import SpaceError, StudyError
from kanlab.explain.diagram import diagram
from kanlab.formulas.networks import network_expressions
from kanlab.formulas.program import outputs
from kanlab.kan.constraints import Constraints
from kanlab.kan.edges import curves_of
from kanlab.kan.parameter_count import RULES, CountingRule
from kanlab.kan.search_space import Cell, SearchSpace, cell_n_params
from kanlab.selection.candidates import cell_words
from kanlab.solver.fit import fit_cell
from kanlab.study.model_key import ModelKey
from kanlab.study.spec import StudySpec

SPACE = SearchSpace((1, 2), (3, 3), (1, 2), (1, 2), (0, 1))


def test_cells_multiply_with_one_layer_and_splines_that_can_be_squares() -> None:
    multiplying = [c for c in SPACE.cells if c.multiplication]
    assert multiplying == [Cell(1, 3, 2, 1, 1), Cell(2, 3, 2, 1, 1)]
    assert len(SPACE) == len(SPACE.cells) == 2 * 2 * 2 + 2
    assert SPACE.parameters == Cell._fields
    assert replace(SPACE, depth=(1, 1)).parameters == ("neuron_num", "grid", "k", "multiplication")
    assert SearchSpace().parameters == ("neuron_num", "grid", "k")
    with pytest.raises(SpaceError, match="multiplication nodes and more need"):
        SearchSpace(k=(1, 1), multiplication=(1, 1))


@pytest.mark.parametrize("rule", RULES)
def test_counts(rule: CountingRule) -> None:
    """(2, [1 sum, 1 product], 1), G + k = 5: 6 edges in, one curve and one line out; a constant a node."""
    by_hand = {
        "identifiable": 3 * (2 * 6 - 1) + 6 + 1 - 2, "trainable": 7 * 7 + 1, "coefficients": 7 * 5 + 1, "article": 8 * 4,
    }  # fmt: skip
    assert cell_n_params(Cell(2, 3, 2, 1, 1), 2, rule=rule, count_sigma2=False) == by_hand[rule]


def test_keys_and_specifications_there_and_back() -> None:
    for cell in (Cell(2, 3, 2, 1, 1), Cell(2, 3, 2, 2), Cell(2, 3, 2)):
        for key in (ModelKey(cell=cell), ModelKey(cell=cell, columns=(0, 2)), ModelKey(cell=cell, gone=(3,))):
            assert ModelKey.parse(str(key)) == key
    assert str(ModelKey(cell=Cell(2, 3, 2, 1, 1))) == "2,3,2,1,1"
    spec = StudySpec(SPACE)
    assert StudySpec.from_dict(spec.to_dict()) == spec
    assert "multiplication" not in StudySpec().to_dict()["space"]
    assert cell_words(Cell(2, 3, 2, 1, 1)) == "2 hidden neurons, one of which multiplies, grid 3, k 2"


def test_what_cannot_multiply_is_refused_in_a_sentence() -> None:
    with pytest.raises(StudyError, match="Stock pykan is trained here without"):
        StudySpec(SPACE, engine="pykan-adam")
    with pytest.raises(StudyError, match="keep no constraints"):
        StudySpec(SPACE, constraints=Constraints(up=("a",)))


def test_a_product_is_drawn_and_written_down_as_one() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (80, 3))
    network = fit_cell(X, X[:, 0] * X[:, 1] + 1e-3 * rng.normal(size=80), 1, 2, 2, multiplication=1)
    assert str(network).startswith("KAN [3, [0, 1], 1], grid 2, k 2")
    curves = curves_of(network, X)
    drawn = diagram(curves, ("a", "b", "c"), "y")
    assert "z1 is the product of z1a and z1b." in drawn.words
    assert drawn.words.startswith("A network from 3 features over 1 hidden node to y")
    assert "×" in drawn.svg
    formula = outputs(network_expressions(curves)[0], X)
    np.testing.assert_allclose(formula, X[:, 0] * X[:, 1], atol=0.05)
