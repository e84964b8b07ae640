"""Formulas as MathML: well formed, and with every sign of the LaTeX they come from."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from kanlab.explain.formula_mathml import mathml, pieces
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
    assert "".join(shown.itertext()) == "price a_b=−3.5⋅10−7x < y2+φ1(π)"
    (over,) = shown.findall("mover")
    assert over.get("accent") == "true"
    name, hat = over
    assert (name.tag, name.text) == ("mtext", "price a_b")
    (drawn,) = hat
    assert drawn.get("aria-label") == "^"
    assert drawn.get("width") == "4.5em"  # as wide as nine letters
    tags = [e.tag for e in shown.iter()]
    assert tags.count("msup") == 2
    assert tags.count("msub") == 1


@pytest.mark.parametrize("latex", [r"\hat{y}", r"\widehat{\text{y}}"])
def test_a_letter_wears_a_hat_above_it(latex: str) -> None:
    over = read(latex)[0][1]
    assert (over.tag, over.text, over.get("stretchy")) == ("mo", "ˆ", "false")


def test_a_name_in_chinese_wears_a_hat_as_wide_as_it_is() -> None:
    assert read(r"\widehat{\text{房价}}")[0][1][0].get("width") == "2.0em"


def test_each_line_is_a_formula_of_its_own() -> None:
    lines = mathml(r"\begin{aligned} y &= a + b \\ &\quad + c \\[4pt] &0 \le a \le 1 \end{aligned}")
    assert ["".join(ElementTree.fromstring(line).itertext()) for line in lines] == ["y=a+b", "+c", "0≤a≤1"]
    assert lines[1].startswith('<math><mspace width="1em">')


def test_a_long_formula_is_broken_before_its_terms() -> None:
    found = pieces(r"\widehat{\text{y}} = 2 \cdot 10^{-9} \, \allowbreak (-a + 3 \sin(b - 1) - \frac{1}{c})^{3} + 4")
    assert [math.count("<math>") for math in found] == [1] * 5
    signs = ['<math><mo form="infix">' + sign + "</mo>" for sign in "+−−+"]
    assert [math[: len(sign)] for math, sign in zip(found[1:], signs, strict=True)] == signs
    assert "10" in found[0]  # a power, a sign after a bracket and a short product stay with what they belong to
    assert found[0].endswith('<mo stretchy="false">(</mo><mo>−</mo><mi>a</mi></math>')
    assert '<msup><mo stretchy="false">)</mo><mn>3</mn></msup>' in found[3]
    for math in found:
        ElementTree.fromstring(math.replace("&#8289;", ""))
    long = r"(" + " + ".join("abcdefgh") + r") \, \allowbreak z"
    assert len(pieces(long)) == 8
    assert len(pieces(r"12345678901234567890123456 \, \allowbreak z")) == 2
