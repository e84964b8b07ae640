"""Models as ONNX graphs: onnxruntime says what kanlab says, to 1e-12 in float64 and to 1e-5 in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.explain.models import held_family
from kanlab.explain.predictor import Predictor
from kanlab.export.onnx_graph import onnx_model
from kanlab.export.onnx_nodes import Precision
from tests.export.test_code import CASES, HOSTILE_WEIGHT, Case, case

ort = pytest.importorskip("onnxruntime")
MODELS = [name for name in CASES if name not in ("formula of a network", "every function")]


def fed(wanted: Case, precision: Precision) -> dict[str, np.ndarray]:
    """The columns as a caller hands them over."""
    given: dict[str, np.ndarray] = {}
    for column in wanted.program.columns:
        cells = wanted.rows[column.name]
        if column.kind == "text":
            given[column.name] = np.array([["" if pd.isna(c) else c] for c in cells], dtype=object)
        else:
            given[column.name] = cells.astype("Float64").to_numpy(dtype=precision, na_value=np.nan)[:, None]
    return given


def run(model: bytes, given: dict[str, np.ndarray]) -> dict[str, Any]:
    """By onnxruntime, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    may_be_given = {value.name for value in session.get_overridable_initializers()}
    assert {value.name for value in session.get_inputs()} == set(given) - may_be_given
    names = [value.name for value in session.get_outputs()]
    return {n: v[:, 0] for n, v in zip(names, session.run(names, given), strict=True)}


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("name", MODELS)
def test_it_says_what_kanlab_says(name: str, precision: Precision, tolerance: float) -> None:
    wanted = case(name)
    given, expected = fed(wanted, precision), wanted.expected
    if precision == "float32":  # what it says of the inputs as float32 has them
        rounded = {name: v.astype(float) if v.dtype == np.float32 else v for name, v in given.items()}
        expected = pd.DataFrame(run(onnx_model(wanted.model, "float64"), rounded))
        expected = expected.mask(expected == "", None)
    found = run(onnx_model(wanted.model, precision), given)
    assert list(found) == list(expected.columns)
    lost = expected.iloc[:, 0].isna().to_numpy()
    for output in wanted.program.outputs[:-1]:
        known = expected[output.name]
        if output.kind == "text":
            assert found[output.name].tolist() == ["" if pd.isna(v) else v for v in known]
        else:
            numbers = known.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
            atol = tolerance * np.nanmax(np.abs(numbers))
            np.testing.assert_allclose(found[output.name], numbers, rtol=0, atol=atol)
    flags = wanted.expected.iloc[:, -1].fillna(False).to_numpy(dtype=bool) & ~lost  # of the inputs as they were
    np.testing.assert_array_equal(found[wanted.program.outputs[-1].name], flags)


def test_a_level_that_training_had_not_and_no_rows_at_all() -> None:
    wanted = case("two classes")
    model, given = onnx_model(wanted.model), fed(wanted, "float32")
    (kind,) = (c.name for c in wanted.program.columns if c.kind == "text")
    given[kind][0] = "new"
    found = run(model, given)
    assert [found["state_predicted"][0], np.isnan(found["state_probability"][0])] == ["", True]
    assert found["state_predicted"][1] != ""
    assert all(len(v) == 0 for v in run(model, {name: values[:0] for name, values in given.items()}).values())


def test_rows_without_their_weights() -> None:
    whole = case("rows of their own weight")
    given = fed(whole, "float64")
    given.pop(HOSTILE_WEIGHT)
    found = run(onnx_model(whole.model, "float64"), given)
    expected = whole.model.predict(whole.rows.drop(columns=HOSTILE_WEIGHT)).frame
    for name in [output.name for output in whole.program.outputs[:-1]]:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
        assert len(found[name]) == len(whole.rows)


def test_the_same_model_gives_the_same_bytes() -> None:
    predictor = case("counts").model
    assert onnx_model(predictor) == onnx_model(predictor)


def test_what_a_tree_compares_is_rounded_as_its_rows_are() -> None:
    """Of many values the thresholds are values of the training rows, which float32 may put on the other side."""
    x = np.random.default_rng(0).normal(size=900)
    data = Dataset.from_frame(pd.DataFrame({"x": x, "y": np.floor(4 * x)}), "y", test_fraction=0.0)
    predictor = Predictor("trees", data.recipe, held_family(data, "boosting", 0))
    found = run(onnx_model(predictor), {"x": x.astype(np.float32)[:, None]})["y_predicted"]
    known = predictor.predict(pd.DataFrame({"x": x})).frame["y_predicted"]
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-5 * np.abs(known).max())
    assert len(run(onnx_model(predictor), {"x": np.zeros((0, 1), np.float32)})["y_predicted"]) == 0
