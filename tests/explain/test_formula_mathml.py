"""Formulas as MathML: well formed, and with every sign of the LaTeX they come from."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from kanlab.explain.formula_mathml import mathml
from kanlab.formulas.functions import FUNCTIONS


def read(latex: str) -> ElementTree.Element:
    (line,) = mathml(latex)
    return ElementTree.fromstring(line)


def words(latex: str) -> str:
    return "".join(read(latex).itertext())


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_every_function_is_written(name: str) -> None:
    shown = words(FUNCTIONS[name].latex.format(r"\frac{x_{12}}{\sqrt{2}}"))
    assert "x122" in shown.replace("\u2061", "")
    assert "\\" not in shown
    assert "{" not in shown


def test_names_numbers_and_signs_stay() -> None:
    shown = read(
        r"\widehat{\text{price a\_b}} &= -3.5 \cdot 10^{-7} \, {\text{x < y}}^{2} + \varphi_{1}\left(\pi\right)"
    )
    assert "".join(shown.itertext()) == "price a_b^=−3.5⋅10−7x < y2+φ1(π)"
    (over,) = shown.findall("mover")
    assert over.get("accent") == "true"
    tags = [e.tag for e in shown.iter()]
    assert tags.count("msup") == 2
    assert tags.count("msub") == 1


def test_each_line_is_a_formula_of_its_own() -> None:
    lines = mathml(r"\begin{aligned} y &= a + b \\ &\quad + c \\[4pt] &0 \le a \le 1 \end{aligned}")
    assert ["".join(ElementTree.fromstring(line).itertext()) for line in lines] == ["y=a+b", "+c", "0≤a≤1"]
    assert lines[1].startswith('<math><mspace width="1em">')
