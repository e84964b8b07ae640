"""predict.py: made of kanlab's own functions, NumPy and the standard library alone, and the same numbers as kanlab."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kanlab.baselines.registry import BASELINES, fit_named
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import EncodedColumn
from kanlab.data.preparation import Preparation
from kanlab.data.reading.table import read_table
from kanlab.data.recipe import Recipe
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.explain.average import AveragedModel
from kanlab.explain.models import HeldFamily
from kanlab.explain.new_rows import read_new_rows
from kanlab.export.document import model_document
from kanlab.export.document_check import Damaged, check_model
from kanlab.export.predict_source import TEMPLATE, predict_source
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FitStatus, FittedKan, KanSpec
from tests.helpers.corpus import NEW_ROWS, NewRows
from tests.helpers.fuzzing import trained

RNG = np.random.default_rng(3)


def loaded() -> ModuleType:
    """predict.py as a bundle has it."""
    module = ModuleType("predict")
    exec(compile(predict_source(), "predict.py", "exec"), module.__dict__)
    return module


predict = loaded()


def training(n: int = 120) -> pd.DataFrame:
    """Every kind of column a recipe knows."""
    rng = np.random.default_rng(1)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900 * 24 * 60, n), unit="min")
    frame = pd.DataFrame(
        {
            "plain": rng.normal(size=n),
            "skewed": rng.lognormal(2, 1, n) - 1e-9,
            "ranked": rng.integers(0, 12, n).astype(float),
            "flag": rng.random(n) < 0.5,
            "kind": rng.choice(["red", "green", "blue"], n),
            "many": rng.choice([f"level {i}" for i in range(20)], n, p=np.arange(20, 0, -1) / 210),
            "size": rng.choice(["small", "medium", "large"], n),
            "when": when,
            "y": rng.normal(size=n),
        }
    )
    frame.loc[::11, ["plain", "kind"]] = np.nan
    return frame


@pytest.fixture(scope="module", params=["fill", "drop"])
def data(request: pytest.FixtureRequest) -> Dataset:
    wanted = Preparation(
        gaps=request.param,
        pool=True,
        max_levels=5,
        ordered={"size": ("small", "medium", "large")},
        date_parts=("year", "month", "weekday", "hour"),
        scales={"skewed": "log", "ranked": "rank"},
    )
    return Dataset.from_frame(training(), "y", preparation=wanted)


def both(data: Dataset, content: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the model of a CSV, by kanlab and by predict.py."""
    path.write_bytes(content)
    frame = read_new_rows(path, data.recipe).frame
    header, rows, decimal = predict.read_csv(path, data.recipe.sources)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    return data.recipe.apply(frame).X, predict.Encoder(data.recipe.to_dict(), columns, len(rows), decimal).inputs()


def defined(tree: ast.AST) -> dict[str, ast.AST]:
    """The functions and classes of a module, by name."""
    return {n.name: n for n in ast.iter_child_nodes(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def test_it_imports_numpy_and_the_standard_library_alone() -> None:
    tree = ast.parse(predict_source())
    modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    modules |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {m.partition(".")[0] for m in modules} - sys.stdlib_module_names == {"numpy"}


def test_it_is_what_its_sources_say() -> None:
    """Every function is that of the module it is said to be from, word for word; of the template, all of them are there."""
    text = predict_source()
    sections = re.split(r"(?m)^# ---- (kanlab\.[\w.]+)$", text)[1:]
    found = {module: defined(ast.parse(body)) for module, body in zip(sections[::2], sections[1::2], strict=True)}
    assert list(found)[-1] == TEMPLATE
    names = [name for functions in found.values() for name in functions]
    assert len(names) == len(set(names)) == len(defined(ast.parse(text)))
    for module, functions in found.items():
        source = Path(str(import_module(module).__file__)).read_text(encoding="utf-8")
        original = defined(ast.parse(source))
        assert {n: ast.unparse(f) for n, f in functions.items()} == {n: ast.unparse(original[n]) for n in functions}
        assert module != TEMPLATE or functions.keys() == original.keys()
    assert {"decimal_sign", "bspline_basis", "transformed", "held", "defused"} < set(names)


def test_it_runs_by_itself(tmp_path: Path) -> None:
    """Beside nothing but its model, without what the environment or the folder of the caller could add."""
    (tmp_path / "predict.py").write_text(predict_source(), encoding="utf-8")
    (tmp_path / "model.json").write_text(
        json.dumps(
            {
                "format": predict.FORMAT,
                "recipe": Recipe("y", (EncodedColumn("a"),)).to_dict(),
                "model": {"kind": "linear", "offset": 1.0, "center": [0.0], "scale": [1.0], "weights": [2.0]}
                | {"low": [0.0], "high": [3.0]},
            }
        )
    )
    (tmp_path / "new.csv").write_text("a\n1\n4\n")
    command = [sys.executable, "-I", str(tmp_path / "predict.py"), "new.csv", "out.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text() == "a,y_predicted,y_extrapolates\n1,3.0,False\n4,9.0,True\n"


def test_it_is_the_same_in_every_process() -> None:
    program = "from kanlab.export.predict_source import predict_source; print(predict_source(), end='')"
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", env=environment)
    assert done.stdout == predict_source()


def test_rows_as_kanlab_writes_them(data: Dataset, tmp_path: Path) -> None:
    frame = training().drop(columns="y")
    expected, found = both(data, frame.to_csv(index=False).encode(), tmp_path / "new.csv")
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.isnan(expected).any() == (data.preparation.gaps == "drop")


WAYS = {
    "semicolons and decimal commas": (";", "utf-8", lambda v: f"{v:.6f}".replace(".", ",")),
    "tabs in UTF-16": ("\t", "utf-16", lambda v: f"{v:.6g}"),
    "bars, marked UTF-8": ("|", "utf-8-sig", lambda v: f"{v:+.3e}"),
    "money": (";", "utf-8", lambda v: f"{'-' if v < 0 else ''}€{abs(v) * 1e5:,.2f}"),
    "percent": (",", "utf-8", lambda v: f"{v:.2f} %"),
    "brackets for a minus": (",", "utf-8", lambda v: f"({abs(v):.4f})" if v < 0 else f"{v:.4f}"),
    "typographic minus": (",", "utf-8", lambda v: f"{v:.5f}".replace("-", "−")),
    "thousands in quotes": (",", "utf-8", lambda v: f"{v * 1e7:,.0f}"),
}


@pytest.mark.parametrize("way", WAYS)
def test_numbers_however_they_are_written(data: Dataset, tmp_path: Path, way: str) -> None:
    delimiter, encoding, write = WAYS[way]
    frame = training(60).drop(columns="y")
    frame["plain"] = frame["plain"].map(lambda v: "" if np.isnan(v) else write(v))
    frame["skewed"] = frame["skewed"].map(write)
    text = frame.to_csv(index=False, sep=delimiter)
    expected, found = both(data, text.encode(encoding), tmp_path / "new.csv")
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y",
        "%d/%m/%Y %I:%M %p",
        "%d %b %Y",
        "%Y-%m-%dT%H:%M:%S+02:00",
        "%Y年%m月%d日",
    ],
)
def test_dates_however_they_are_written(data: Dataset, tmp_path: Path, form: str) -> None:
    frame = training(60).drop(columns="y")
    frame["when"] = frame["when"].dt.strftime(form)
    frame.loc[3, "when"] = "NA"
    expected, found = both(data, frame.to_csv(index=False).encode(), tmp_path / "new.csv")
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    year = next(i for i, c in enumerate(data.columns) if c.part == "year")
    assert np.isfinite(expected[:, year]).sum() >= 59


NUMBERS = st.one_of(
    st.floats(-1e6, 1e6).map(lambda v: f"{v:.6g}"),
    st.integers(-5, 15).map(str),
    st.sampled_from(["", "NA", " 3.5", "1e3", "-", "inf", "007", ".5", "2."]),
)
TEXTS = st.sampled_from(
    ["red", "green", "blue", "purple", "", "NA", "level 0", "level 1", "level 19", "medium", "large", "2"]
)
DAYS = st.sampled_from(["2021-02-03", "2020-12-31", "2024-02-29", ""])
FLAGS = st.sampled_from(["true", "false", "True", "NA"])
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, FLAGS, TEXTS, TEXTS, TEXTS, DAYS), min_size=1, max_size=8)
NAMES = ("plain", "skewed", "ranked", "flag", "kind", "many", "size", "when")


@settings(max_examples=40)
@given(rows=ROWS, delimiter=st.sampled_from(",;\t"))
@example(rows=[("inf", "007", "11", "True", "", "green", "green", "2021-02-03")] * 3, delimiter=",")
@example(rows=[("1", "2", "3", "true", "red", "level 0", "large", "2021-02-03")], delimiter=",")
def test_any_cells(
    data: Dataset, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], delimiter: str
) -> None:
    """What kanlab can read at all, predict.py reads alike."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([NAMES, *rows])
    path = tmp_path_factory.mktemp("any") / "new.csv"
    path.write_text(text.getvalue())
    try:
        data.recipe.apply(read_new_rows(path, data.recipe).frame)
    except DatasetError:
        return  # a column without any value, which it leaves out, or a file of gaps alone
    expected, found = both(data, text.getvalue().encode(), path)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", NEW_ROWS, ids=lambda c: c.name)
def test_rows_to_predict(case: NewRows, tmp_path: Path) -> None:
    """The corpus of files to predict: by the recipe, from a data frame of their cells, and by predict.py."""
    table = read_table(io.BytesIO(case.training.encode()), name="old.csv", **case.options)
    data = Dataset.from_frame(table.frame, case.target, test_fraction=0)
    expected, found = both(data, case.new.encode(), tmp_path / "new.csv")
    np.testing.assert_allclose(expected[:, 0], case.expected, rtol=1e-12)
    np.testing.assert_array_equal(found, expected)
    given = read_new_rows(tmp_path / "new.csv", data.recipe).frame
    cells = pd.DataFrame({c: given[c].tolist() for c in given})  # as text that comes from nowhere
    inputs = data.recipe.apply(cells)
    np.testing.assert_array_equal(inputs.X, expected)
    assert case.note in " ".join(inputs.notes)


AMOUNTS = st.sampled_from(
    ["1.500", "1.500,5", "12,5", "1,500.5", "-3", "(4)", "€ 7", "7 €", "$7", "9%", "-999", "-999,0", "NA", "", "x"]
)
DATED = st.sampled_from(
    ["02/11/2024", "25/12/2024", "12/25/2024", "2024-11-02", "2 Nov 2024", "02.11.24", "20241102", "", "soon"]
)
SHARES = st.sampled_from(["9,5%", "9.5%", "0,19", "1", "-", "half"])
STARTS = st.sampled_from(["15:30", "3:30 pm", "00:00:30", "25:61", "15.5", ""])
SIZES = st.sampled_from(["S", "M", "XXL", "s", "NA", ""])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(AMOUNTS, SIZES, DATED, st.sampled_from(["Yes", "no", "maybe", "1", ""]), AMOUNTS, SHARES, STARTS),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_any_cells_by_the_conventions_of_training(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], pooled: bool
) -> None:
    text = io.StringIO()
    names = ("amount", "size", "day", "flag", "price", "share", "start", "count")
    csv.writer(text, delimiter=";", lineterminator="\n").writerows([names, *((*row, "2") for row in rows)])
    data = replace(
        Dataset.from_frame(training(), "y"), columns=trained(pooled).columns, conventions=trained(pooled).conventions
    )
    expected, found = both(data, text.getvalue().encode(), tmp_path_factory.mktemp("any") / "new.csv")
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def network(widths: tuple[int, ...], grid: int, k: int) -> FittedKan:
    """A network of any depth with numbers drawn at random, the same for the same arguments."""
    rng = np.random.default_rng([*widths, grid, k])
    layers, ranges = [], []
    for n_in, n_out in pairwise(widths):
        knots = np.sort(rng.uniform(-6, 6, (n_in, grid + 2 * k + 1)), axis=1)
        layers.append(KanLayer(knots, rng.normal(size=(n_in, n_out, grid + k)), rng.normal(size=(n_in, n_out)) / 4))
        ranges.append(knots[:, [k, -k - 1]])
    output_range = np.tile([-1.0, 1.5], (widths[-1], 1))
    scales = (rng.normal(size=widths[0]), np.exp(rng.normal(size=widths[0])), rng.normal(size=1), np.array([3.0]))
    spec, record = KanSpec(widths, grid, k), (0.0, np.zeros(1), 10, FitStatus.CONVERGED)
    return FittedKan(spec, tuple(layers), tuple(ranges), output_range, *scales, *record, reach=0.5)


@pytest.mark.parametrize(("widths", "grid", "k"), [((3, 2, 1), 4, 3), ((1, 1), 2, 1), ((2, 3, 2, 1), 3, 2)])
def test_networks_of_any_depth(widths: tuple[int, ...], grid: int, k: int) -> None:
    fitted = network(widths, grid, k)
    X = 2 * RNG.normal(size=(500, widths[0])) * fitted.x_scale + fitted.x_offset
    expected, outside = fitted.predict_flagged(X)
    found, held = predict.evaluate(model_document(fitted), X)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(held, outside)
    assert held.any()


def test_an_average_of_models_of_every_family(small: Dataset) -> None:
    families = [HeldFamily(fit_named(name, small.X_train, small.y_train), small.X_train.min(axis=0), small.X_train.max(axis=0))
                for name in ("linear", "gam", "polynomial", "mlp", "boosting")]  # fmt: skip
    model = AveragedModel((network((small.d, 2, 1), 3, 3), *families), (0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    content = model_document(model)
    check_model(content, small.d, 0)
    X = RNG.uniform(-2, 2, (200, small.d))
    np.testing.assert_allclose(predict.evaluate(content, X)[0], model.predict_flagged(X)[0], rtol=1e-10)
    for number in range(2, 6):
        damaged = [dict(member) for member in content["members"]]
        damaged[number]["low"] = [1e300] * small.d
        with pytest.raises(Damaged, match=rf"^model.members\[{number}\].high$"):
            check_model(content | {"members": damaged}, small.d, 0)


def test_an_average(small: Dataset) -> None:
    """Networks and a linear model: the weighted mean, flagged where half of the weight is."""
    linear = BASELINES["linear"](small.X_train, small.y_train, 0)
    held = HeldFamily(linear, small.X_train.min(axis=0), small.X_train.max(axis=0))
    model = AveragedModel((network((small.d, 2, 1), 3, 3), network((small.d, 1, 1), 2, 2), held), (0.3, 0.3, 0.4))
    X = RNG.uniform(-2, 2, (200, small.d))
    expected, outside = model.predict_flagged(X)
    parts = [member.predict_flagged(X) for member in model.members]
    np.testing.assert_allclose(expected, 0.3 * parts[0][0] + 0.3 * parts[1][0] + 0.4 * parts[2][0])
    assert [bool(o) for o in outside] == [0.3 * a + 0.3 * b + 0.4 * c >= 0.5 for (_, a), (_, b), (_, c) in [
        tuple((p[0][i], p[1][i]) for p in parts) for i in range(200)]]  # fmt: skip
    content = model_document(model)
    found, mask = predict.evaluate(content, X)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(mask, outside)
    check_model(content, small.d, 0)
    for damage, place in (
        ({"weights": [0.3, 0.3, 0.5]}, "model.weights"),
        ({"weights": [0.5, 0.5]}, "model.weights"),
        ({"members": []}, "model.members"),
        ({"members": [*content["members"][:2], content]}, r"model.members\[2\]"),
        ({"members": [content["members"][2] | {"scale": [0.0] * small.d}] * 3}, r"model.members\[0\].scale"),
        ({"link": "logit"}, "model.link"),
    ):
        with pytest.raises(Damaged, match=f"^{place}$"):
            check_model(content | damage, small.d, 0)


@pytest.mark.parametrize("family", BASELINES)
def test_linear_models(small: Dataset, family: str) -> None:
    fitted = BASELINES[family](small.X_train, small.y_train, 0)
    held = HeldFamily(fitted, small.X_train.min(axis=0), small.X_train.max(axis=0))
    X = RNG.uniform(-2, 2, (200, small.d))
    expected, outside = held.predict_flagged(X)
    found, mask = predict.evaluate(model_document(held), X)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(mask, outside)


@pytest.mark.parametrize("scale", ["none", "log", "rank"])
def test_scales_and_back(scale: str) -> None:
    values = np.append(RNG.lognormal(size=300), 0.0)
    fitted = Transform.fit(values, scale, "x")
    x = np.append(RNG.lognormal(size=50), [np.nan, 0.0, 1e9])
    np.testing.assert_array_equal(predict.transformed(vars(fitted), x), fitted(x))
    z = np.append(RNG.normal(size=50), [np.nan, -5.0, 5.0])
    np.testing.assert_array_equal(predict.to_units(vars(fitted), z), fitted.inverse(z))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2,3\n", "has 3 fields and the header has 2"),
        (b"\xff\xfeo\xd8", "is not text in UTF-8"),
        (b"a,b\n\xe9,1\n", "is not text in UTF-8"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes(content)
    with pytest.raises(predict.BadInput, match=sentence):
        predict.read_csv(path, ["a", "b"])


def test_columns_it_cannot_use(data: Dataset) -> None:
    recipe = data.recipe.to_dict()
    if data.preparation.gaps == "drop":
        with pytest.raises(predict.BadInput, match="no column 'flag', 'kind'"):
            predict.Encoder(recipe, {"plain": ["1"]}, 1, ".")
    cells = {name: ["1"] for name in NAMES} | {"when": ["2020-01-01"]}
    for column, words in (("plain", "not numbers"), ("when", "not dates")):
        with pytest.raises(predict.BadInput, match=words):
            predict.Encoder(recipe, cells | {column: ["what"]}, 1, ".").inputs()
