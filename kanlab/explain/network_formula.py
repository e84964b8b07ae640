"""A fitted network as a formula: its edges by the functions they are most like, all constants then fitted to the target.

It needs no search, and is one of the candidates of every search (`kanlab.formulas.search`).
"""

from __future__ import annotations

from kanlab.data.dataset import Dataset
from kanlab.explain.formula import Formula
from kanlab.formulas.evaluation import evaluated
from kanlab.formulas.networks import network_expressions
from kanlab.kan.edges import Curves


def formula_of(curves: Curves, data: Dataset, *, count_sigma2: bool = True) -> Formula:
    """The formula of a network that was fitted to the training rows of `data`."""
    found = evaluated(network_expressions(curves), data, count_sigma2=count_sigma2, origin="network")
    return Formula.of(found, data, data.errors(curves.network.predict))
