"""A network as a formula: a known function found again, the code against the formula, names that are code."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kanlab.api import fit
from kanlab.data.dataset import Dataset
from kanlab.data.examples import EXAMPLES
from kanlab.data.preparation import Preparation
from kanlab.explain.formula import Formula, errors, formula_of, remarks
from kanlab.explain.formula_code import python
from kanlab.explain.formula_latex import latex
from kanlab.kan.edges import curves_of
from tests.export.test_predict_source import network as random_network


def made(data: Dataset, neuron_num: int = 1, grid: int = 6, k: int = 3) -> Formula:
    return formula_of(curves_of(fit(data, neuron_num, grid, k), data.X_train), data)


def run(formula: Formula, data: Dataset, title: str = "A formula.") -> np.ndarray:
    """What the code says of the test rows."""
    names: dict[str, object] = {}
    exec(python(formula, title), names)
    return names["predict"](*[data.X_test[:, i] for i in formula.used])  # type: ignore[operator]


@pytest.fixture(scope="module")
def paper() -> Dataset:
    example = EXAMPLES["exp-sin"]
    return Dataset.from_frame(example.load().frame, example.target)


def test_the_function_of_the_paper_is_found(paper: Dataset) -> None:
    """exp(sin(pi x1) + x2^2), from its values alone."""
    found = made(paper)
    assert [t.match.name for t in found.terms] == ["sin", "square", "exp"]
    sine, square, outer = (t.match for t in found.terms)
    assert (sine.a, sine.b, sine.c) == pytest.approx((np.pi, 0.0, 1.0), abs=2e-3)
    assert (square.b, square.c) == pytest.approx((0.0, 1.0), abs=2e-3)
    assert (outer.a, outer.b, outer.c) == pytest.approx((1.0, 0.0, 1.0), abs=2e-3)
    assert found.error is not None
    assert found.network_error is not None
    assert found.error < found.network_error < 0.01
    text, legend = latex(found)
    assert legend == {}
    assert r"\sin\left(3.142\,\text{x1}\right)" in text
    assert r"{\text{x2}}^2" in text
    assert r"\exp\left(z_{1}\right)" in text
    assert "3 of 3" not in " ".join(remarks(found))
    assert errors(found).startswith("RMSE on the test rows: formula 0.000")


@pytest.mark.parametrize("scale", ["none", "log", "rank"])
def test_the_code_says_what_the_formula_says(scale: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(0.1, 3, (200, 3)), columns=["a", "b", "c"])
    frame["y"] = np.exp(np.sin(3 * frame["a"]) + np.where(frame["b"] > 1.5, 1, 0) + 0.05 * rng.normal(size=200))
    data = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale=scale))
    found = made(data, neuron_num=2)
    np.testing.assert_allclose(run(found, data), data.target_transform.inverse(found.predict(data.X_test)), rtol=1e-6)
    assert found.error == pytest.approx(data.rmse(found.predict(data.X_test), data.y_test))


def test_an_edge_that_is_like_nothing_stays_a_table() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, 400)
    frame = pd.DataFrame({"a": x, "b": rng.uniform(-1, 1, 400), "y": np.floor(x) % 2 * x**2})
    data = Dataset.from_frame(frame, "y")
    found = made(data, grid=10, k=1)
    assert found.unmatched
    text, _ = latex(found)
    assert r"\varphi_{1}" in text
    assert "none of the 11 functions" in " ".join(remarks(found))
    assert "np.interp" in python(found, "It")
    np.testing.assert_allclose(run(found, data), found.predict(data.X_test), rtol=1e-5, atol=1e-6)
    assert found.error is not None
    assert found.network_error is not None
    assert found.error < 1.5 * found.network_error


def test_what_accounts_for_nothing_is_left_out() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (300, 4)), columns=list("abcd"))
    data = Dataset.from_frame(frame.assign(y=np.exp(frame["a"])), "y")
    found = made(data, grid=3)
    assert found.used == [0]
    assert found.left_out == 3
    assert "3 edges are left out because each contributes less than 1%" in " ".join(remarks(found))


NASTY = [r"}\href{javascript:alert(1)}{x", '"""\nimport os', "$x$ <b>", "n" * 200]


def test_names_are_data(paper: Dataset) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (200, 4)), columns=NASTY)
    target = 'y"""\\n#}'
    frame[target] = frame.sum(axis=1) ** 2
    data = Dataset.from_frame(frame, target)
    found = made(data)
    text, legend = latex(found)
    assert set(legend.values()) == {NASTY[i] for i in found.used}
    assert re.fullmatch(r"[A-Za-z0-9_\\{}()\[\]^&+\-=.,|* ]*", text)
    assert not any(name in text for name in NASTY)
    assert "href" not in text
    assert run(found, data, '"""\nraise SystemExit').shape == (len(data.y_test),)


@pytest.mark.parametrize("scale", ["none", "log"])
def test_its_output_is_held_as_the_network_holds_its_own(paper: Dataset, scale: str) -> None:
    example = EXAMPLES["exp-sin"]
    data = Dataset.from_frame(example.load().frame, example.target, preparation=Preparation(target_scale=scale))
    network = fit(data, 1, 6, 3)
    network = replace(network, output_range=np.array([[-0.5, 0.5]]))  # deviations of the target about its mean
    low, high = network.y_offset[0] + np.array([-0.5, 0.5]) * network.y_scale[0]
    found = formula_of(curves_of(network, data.X_train), data)
    values = found.predict(data.X_test)
    assert (values.min(), values.max()) == pytest.approx((low, high))
    np.testing.assert_allclose(run(found, data), data.target_transform.inverse(values), rtol=1e-6)


def test_any_depth() -> None:
    """Three layers of edges, and a title for each node."""
    network = random_network((2, 3, 2, 1), 3, 2)
    fitted = replace(
        network, output_range=np.array([[-1e3, 1e3]])
    )  # wide: what is drawn may all lie on one side of less
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) * fitted.x_scale + fitted.x_offset
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=fitted.predict(X))
    data = Dataset.from_frame(frame, "y")
    found = formula_of(curves_of(fitted, data.X_train), data)
    assert len(found.nodes) == 3
    assert "z^{(2)}_{" in latex(found)[0]
    np.testing.assert_allclose(run(found, data), found.predict(data.X_test), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (0.2, ""),
        (0.25, ""),
        (0.5, "its error is 2.5 times as large"),
        (float("nan"), "its error is not finite"),
        (None, ""),
    ],
)
def test_a_formula_far_worse_than_its_network_says_so_first(error: float | None, said: str) -> None:
    data = Dataset.from_frame(pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2}), "y")
    formula = replace(made(data), error=error, network_error=0.2)
    first, *_ = remarks(formula)
    assert said in first
    assert first.startswith("It does not stand for its network") == bool(said)
