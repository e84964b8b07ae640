"""A network as a formula: a known function found again, code and sympy against the formula, names that are code."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sympy

from kanlab.api import fit
from kanlab.data.dataset import Dataset
from kanlab.data.examples import EXAMPLES
from kanlab.data.preparation import Preparation
from kanlab.explain.formula import Formula, errors, remarks
from kanlab.explain.formula_code import python
from kanlab.explain.formula_latex import wrapping_latex
from kanlab.explain.network_formula import formula_of
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable, exact, held, walk
from kanlab.formulas.front import FoundFormula
from kanlab.kan.edges import curves_of
from kanlab.stats.metrics import Scores
from tests.export.test_predict_source import network as random_network


def made(data: Dataset, neuron_num: int = 1, grid: int = 6, k: int = 3) -> Formula:
    return formula_of(curves_of(fit(data, neuron_num, grid, k), data.X_train), data)


def run(formula: Formula, data: Dataset, title: str = "A formula.") -> np.ndarray:
    """What the code says of the test rows."""
    names: dict[str, object] = {}
    exec(python(formula, title), names)
    return names["predict"](*[data.X_test[:, i] for i in formula.used])  # type: ignore[operator]


def in_sympy(formula: Formula, data: Dataset) -> np.ndarray:
    """What sympy says of the test rows."""
    names = [sympy.Symbol(name, real=True) for name in formula.features]
    return np.asarray(sympy.lambdify(names, formula.sympy, "numpy")(*data.X_test.T), dtype=float)


@pytest.fixture(scope="module")
def paper() -> Dataset:
    example = EXAMPLES["exp-sin"]
    return Dataset.from_frame(example.load().frame, example.target)


def test_the_function_of_the_paper_is_found(paper: Dataset) -> None:
    """exp(sin(pi x1) + x2^2), from its values alone."""
    found = made(paper)
    (e,) = found.expressions
    assert [part.function for part in walk(e) if isinstance(part, Call)] == ["exp", "sin"]
    assert [part.exponent.exact for part in walk(e) if isinstance(part, Power)] == ["2"]
    assert found.network is not None
    assert found.network.rmse_test is not None
    assert found.rmse_test is not None
    assert found.rmse_test < found.network.rmse_test < 0.01
    x1, x2 = sympy.symbols("x1 x2", real=True)
    truth = sympy.lambdify([x1, x2], found.sympy - sympy.exp(sympy.sin(sympy.pi * x1) + x2**2), "numpy")
    assert np.abs(truth(*paper.X_test.T)).max() < 1e-6
    assert found.legend == {}
    assert r"\sin\left(3.142 \, \text{x1}" in found.latex
    assert r"{\text{x2}" in found.latex
    low, high = found.domain[0]
    assert (
        rf"&\text{{for}}\ {{{{{low:.4g}}} \le \text{{x1}} \le {{{high:.4g}}}}}" in found.latex
    )  # {-1}: a sign, no minus
    assert errors(found).startswith("RMSE on the test rows: formula ")


@pytest.mark.parametrize("scale", ["none", "log", "rank"])
def test_the_code_and_sympy_say_what_the_formula_says(scale: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(0.1, 3, (200, 3)), columns=["a", "b", "c"])
    frame["y"] = np.exp(np.sin(3 * frame["a"]) + 0.3 * frame["b"] ** 2 + 0.05 * rng.normal(size=200))
    data = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale=scale))
    found = made(data, neuron_num=2)
    values = found.predict_inputs(data.X_test)
    np.testing.assert_allclose(run(found, data), data.target_transform.inverse(values), rtol=1e-6)
    assert found.rmse_test == pytest.approx(data.rmse(values, data.y_test))
    if not found.curves:
        sure = values if scale == "rank" else found.predict(pd.DataFrame(data.X_test, columns=list(data.features)))
        np.testing.assert_allclose(in_sympy(found, data), sure, rtol=1e-10)


def test_an_edge_that_is_like_nothing_stays_a_table() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, 400)
    frame = pd.DataFrame({"a": x, "b": rng.uniform(-1, 1, 400), "y": np.floor(x) % 2 * x**2})
    data = Dataset.from_frame(frame, "y")
    found = made(data, grid=10, k=1)
    assert found.curves
    assert r"\varphi_{1}" in found.latex
    assert "match no function of the library, and stay tables" in " ".join(remarks(found))
    assert "np.interp" in python(found, "It")
    np.testing.assert_allclose(run(found, data), found.predict_inputs(data.X_test), rtol=1e-5, atol=1e-6)
    assert found.network is not None
    assert found.network.rmse_test is not None
    assert found.rmse_test is not None
    assert found.rmse_test < 1.5 * found.network.rmse_test


def test_what_accounts_for_nothing_is_left_out() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (300, 4)), columns=list("abcd"))
    data = Dataset.from_frame(frame.assign(y=np.exp(frame["a"])), "y")
    found = made(data, grid=3)
    assert found.used == [0]
    assert found.domain[0].tolist() == [data.X_train[:, 0].min(), data.X_train[:, 0].max()]
    assert remarks(found)[-1].startswith("It is fitted to a from -0.9")
    rows = pd.DataFrame({"a": [0.0, 1.5], "b": [0.0, 0.0], "c": [0.0, 0.0], "d": [0.0, 9.0]})
    assert found.extrapolates(rows).tolist() == [False, True]
    np.testing.assert_allclose(found.predict(rows), np.exp(rows["a"]), rtol=0.05)


NASTY = [r"}\href{javascript:alert(1)}{x", '"""\nimport os', "$x$ <b>", "n" * 200]


def test_names_are_data(paper: Dataset) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (200, 4)), columns=NASTY)
    target = 'y"""\\n#}'
    frame[target] = frame.sum(axis=1) ** 2
    data = Dataset.from_frame(frame, target)
    found = made(data)
    text, legend = found.latex, found.legend
    assert set(legend.values()) == {NASTY[i] for i in found.used}
    assert re.fullmatch(r"[A-Za-z0-9_\\{}()\[\]^&+\-=.,|* ]*", text)
    assert not any(name in text for name in NASTY)
    assert "href" not in text
    assert run(found, data, '"""\nraise SystemExit').shape == (len(data.y_test),)


def test_any_depth() -> None:
    """Three layers of edges."""
    network = random_network((2, 3, 2, 1), 3, 2)
    fitted = replace(
        network, output_range=np.array([[-1e3, 1e3]])
    )  # wide: what is drawn may all lie on one side of less
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) * fitted.x_scale + fitted.x_offset
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=fitted.predict(X))
    data = Dataset.from_frame(frame, "y")
    found = formula_of(curves_of(fitted, data.X_train), data)
    assert found.complexity > 20
    np.testing.assert_allclose(run(found, data), found.predict_inputs(data.X_test), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (0.2, ""),
        (0.25, ""),
        (0.5, "its error is 2.5 times as large"),
        (None, "its error is not finite"),
    ],
)
def test_a_formula_far_worse_than_its_network_says_so_first(error: float | None, said: str) -> None:
    data = Dataset.from_frame(pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2}), "y")
    plain = made(data)
    formula = replace(plain, found=replace(plain.found, scores=Scores(rmse_test=error)), network=Scores(rmse_test=0.2))
    first, *_ = remarks(formula)
    assert said in first
    assert first.startswith("It does not stand for its network") == bool(said)


def test_a_long_formula_can_be_broken_within_its_terms(paper: Dataset) -> None:
    """No bracket, root or fraction that holds together is longer than a phone is wide; the text is otherwise the same."""
    x, c = Variable(0), Constant(-1.234)
    long: Expression = Sum(tuple(Product((c, Call("sin", Product((Constant(2.5), x))))) for _ in range(4)))
    whole = Sum(
        (
            Product((c, long, Power(long, exact(-1)))),
            Power(long, exact("1/2")),
            Power(long, exact(2)),
            Call("exp", long),
        )
    )
    found = replace(made(paper), found=FoundFormula((whole,), Scores(1.0), 0.0))
    line, domain = wrapping_latex(found)
    assert line.count("{") == line.count("}")
    assert line.count(r"\left") == line.count(r"\right")
    assert r")^{\frac{1}{2}}" in line
    assert r"\sqrt" not in line
    assert line.count(")^{1/2}") == line.count(r")^{\frac{1}{2}}") == 0 or ")^{" in line
    together = re.findall(r"\\left\((.*?)\\right\)", line)
    assert all(len(part) < 60 for part in together)
    assert together
    assert domain.startswith("{")
    short = replace(found, found=FoundFormula((Power(Sum((x, exact(1))), exact("1/2")),), Scores(1.0), 0.0))
    assert wrapping_latex(short)[0].endswith(r"\sqrt{\text{x1} + 1}")
    held_at = replace(found, found=FoundFormula((Product((held("6.7e-11"), x)),), Scores(1.0), 0.0))
    assert r"6.7 \cdot 10^{-11} \, \text{x1}" in held_at.latex


def test_names_stand_in_the_code_in_their_script_and_end_no_docstring() -> None:
    rng = np.random.default_rng(0)
    names = ["面积", '"""; raise SystemExit\n', "back\\", "\u2028line\x00"]
    frame = pd.DataFrame(rng.uniform(-1, 1, (200, 4)), columns=names)
    data = Dataset.from_frame(frame.assign(价格=frame.sum(axis=1)), "价格")
    found = made(data, grid=2)
    code = python(found, 'Of "价格"\\')
    tree = ast.parse(code)
    assert [type(node) for node in tree.body] == [ast.Import, ast.FunctionDef]
    told = ast.get_docstring(tree.body[1])  # type: ignore[arg-type]
    assert told is not None
    assert told.startswith("Of '价格'/")
    assert ("x1: '面积'" in told, "Returns '价格'" in told, code.isascii()) == (True, True, False)
    np.testing.assert_allclose(run(found, data), found.predict_inputs(data.X_test), rtol=1e-5, atol=1e-6)
