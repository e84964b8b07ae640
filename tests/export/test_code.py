"""Models and formulas in other languages: run by what a user would run them with, they say what kanlab says."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.api import fit
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import StudyError
from kanlab.explain.average import AveragedModel
from kanlab.explain.formula import Formula
from kanlab.explain.models import held_family
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor
from kanlab.export.code_excel import workbook
from kanlab.export.code_forms import FORMS, form_of
from kanlab.export.code_javascript import javascript_code
from kanlab.export.code_lowering import of_formula, of_model
from kanlab.export.code_program import Program
from kanlab.export.code_sql import sql_code
from kanlab.export.document import StoredModel
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, Variable, exact
from kanlab.formulas.functions import FUNCTIONS
from kanlab.kan.edges import curves_of
from tests.export.test_predict_source import network as random_network
from tests.export.test_predict_source import training
from tests.helpers import counts, many_classes, two_classes
from tests.helpers.run_code import RUNS, by_office

HOSTILE = {
    "plain": "a \"b\" 'c' */ \\",
    "skewed": "=1+1",
    "ranked": "</script>`${1}",
    "kind": "kind; DROP TABLE rows; --",
    "many": "名前\n2",
    "size": "?? /size",
    "y": "[target] '\" \\",
}
HOSTILE_WEIGHT = 'w"; -- */ \n</script>'
ODD_LEVELS = {"red": "=SUM(A1)", "green": 'it\'s "green"', "blue": "blau?\\\n</script>ü"}


def mixed(target_scale: str = "none") -> tuple[Dataset, pd.DataFrame]:
    """Every kind of column under names that are code somewhere, and rows to predict, half of them beyond the training rows."""
    frame = training()
    frame["y"] = np.exp(frame["ranked"] / 6 + 0.3 * frame["y"])
    frame["kind"] = frame["kind"].map(ODD_LEVELS)
    frame = frame.rename(columns=HOSTILE)
    wanted = Preparation(
        pool=True,
        max_levels=5,
        ordered={HOSTILE["size"]: ("small", "medium", "large")},
        date_parts=("year", "month", "weekday", "hour"),
        scales={HOSTILE["skewed"]: "log", HOSTILE["ranked"]: "rank"},
        target_scale=target_scale,
        gaps="fill",
    )
    data = Dataset.from_frame(frame, HOSTILE["y"], preparation=wanted)
    rows = frame.drop(columns=HOSTILE["y"]).iloc[:48].reset_index(drop=True)
    for name in ("plain", "skewed", "ranked"):
        rows.loc[24:, HOSTILE[name]] *= 3.0
    rows.loc[3, HOSTILE["skewed"]] = np.nan
    rows.loc[5, HOSTILE["size"]] = None
    return data, rows


@dataclass(frozen=True)
class Case:
    """A program, the rows it is run on, and what kanlab says of them."""

    program: Program
    rows: pd.DataFrame
    expected: pd.DataFrame
    predictor: Predictor | None = None

    @property
    def model(self) -> Predictor:
        assert self.predictor is not None
        return self.predictor


def interval(task: str, tails: int = 1, of: str = "", columns: int = 1) -> dict[str, Any]:
    """What intervals are made of. of: "output" or "inputs" where they fan out."""
    scores = np.linspace(-1.5, 2.0, 60) if tails == 2 else np.linspace(0.0, 0.95, 60)
    each = {"center": [0.5] * columns, "width": [2.0] * columns, "linear": [0.3] * columns, "square": [-0.1] * columns}
    scale = {"of": of, "offset": -0.2, "low": -0.5, "high": 0.3} | each if of else None
    record = {"task": task, "rows": 60, "scores": scores.tolist(), "tails": tails, "scale": scale}
    return record | {"held": [], "held_rows": 0}


def case_of(predictor: Predictor, rows: pd.DataFrame) -> Case:
    program = of_model(predictor)
    expected = predictor.predict(rows).frame[[output.name for output in program.outputs]]
    return Case(program, with_dates(predictor, rows), expected, predictor)


def with_dates(predictor: Predictor, rows: pd.DataFrame) -> pd.DataFrame:
    """The parts of dates as columns, as a program reads them."""
    parts = [c for c in predictor.recipe.columns if c.part in ("year", "month", "weekday", "hour")]
    return rows.assign(**{f"{c.source} ({c.part})": replace(c, fill=None).encode(rows) for c in parts})


def of_network(target_scale: str, depth: int) -> Case:
    data, rows = mixed(target_scale)
    fitted = replace(fit(data, 2 if depth == 1 else 1, 3, 3, depth=depth, starts=1), reach=0.5)
    return case_of(Predictor("a network", data.recipe, fitted), rows)


def of_products() -> Case:
    data, rows = mixed("none")
    fitted = replace(fit(data, 2, 3, 3, multiplication=1, starts=1), reach=0.5)
    return case_of(Predictor("a network", data.recipe, fitted), rows)


def of_average() -> Case:
    data, rows = mixed("log")
    members = (random_network((data.d, 2, 1), 3, 2), random_network((data.d, 1), 2, 1), held_family(data, "linear", 0))
    return case_of(Predictor("an average", data.recipe, AveragedModel(members, (0.25, 0.25, 0.5))), rows)


def of_families(*families: str) -> Case:
    """An average with a model of each family."""
    data, rows = mixed("log")
    members: list[Any] = [random_network((data.d, 1), 2, 1), *(held_family(data, name, 0) for name in families)]
    weights = [0.1, *np.full(len(families), 0.9 / len(families)).tolist()]
    promise = interval("regression", 2, "inputs", data.d)
    return case_of(Predictor("an average", data.recipe, AveragedModel(members, weights), interval=promise), rows)


def of_classes(table: pd.DataFrame, target: str, family: str = "kan") -> Case:
    data = Dataset.from_frame(table, target)
    rows = table.drop(columns=target).iloc[:40].assign(a=lambda t: 1.5 * t["a"])
    rows.iloc[2, 0] = np.nan
    model = fit(data, 2, 3, 3) if family == "kan" else held_family(data, family, 0)
    made = {"classification": interval("classification"), "counts": interval("counts", 2, "output")}
    promise = made.get(data.task) if family != "kan" else None
    return case_of(Predictor("a model", data.recipe, model, interval=promise), rows)


def of_precise_rows() -> Case:
    """Rows with weights of their own: any, none, and cells that are no weight."""
    data, rows = mixed("log")
    record = interval("regression", 2, "output") | {"weight": {"column": HOSTILE_WEIGHT, "unit": 2.5}}
    weights = np.random.default_rng(0).choice([0.3, 2.5, 40.0, 0.0, -1.0, np.nan], len(rows))
    rows[HOSTILE_WEIGHT] = weights
    return case_of(Predictor("a line", data.recipe, held_family(data, "linear", 0), interval=record), rows)


def of_found_formula(expression: Callable[[int], Expression] | None = None) -> Case:
    """The formula of a network, or one that is made up of three features."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.uniform(-1.4, 1.4, (90, 3)), columns=list(HOSTILE.values())[:3])
    frame["y"] = np.exp(np.sin(2 * frame.iloc[:, 0]) + 0.3 * frame.iloc[:, 1] ** 2)
    data = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale="log"))
    found: Formula = formula_of(curves_of(fit(data, 1, 3, 3), data.X_train), data)
    if expression is not None:
        found = replace(found, found=replace(found.found, expressions=(expression(data.d),)))
    rows = frame.drop(columns="y").iloc[:30] * 1.3
    rows.iloc[1, 0] = np.nan
    expected = pd.DataFrame({"y_predicted": found.predict(rows), "y_extrapolates": found.extrapolates(rows)})
    return Case(of_formula(found), rows, expected)


def every_function(_: int) -> Expression:
    """A sum of every function, of powers of many kinds, and of a curve; not defined in some of the rows."""
    v, w = Variable(0), Variable(1)
    half = Product((exact("1/2"), v))
    parts = [Call(name, Sum((exact(3), w)) if name == "log" else half) for name in FUNCTIONS]
    powers = [Power(w, exact(n)) for n in ("2", "3", "6")] + [Power(Sum((exact(3), w)), exact(n)) for n in ("-1", "-2")]
    roots = [Power(Sum((exact("6/5"), v)), e) for e in (exact("1/2"), Constant(1.37), exact("-1/2"))]
    return Sum((*parts, *powers, *roots, Curve(Variable(2), (-1.0, 0.2, 1.0), (0.5, 2.0, -1.0))))


CASES: dict[str, Callable[[], Case]] = {
    "network": lambda: of_network("none", 1),
    "network with a product": of_products,
    "deep network of ranks": lambda: of_network("rank", 2),
    "average on a logarithm": of_average,
    "two classes": lambda: of_classes(two_classes.table(), "state"),
    "three classes": lambda: of_classes(many_classes.table(), "state"),
    "counts": lambda: of_classes(counts.table(), "events"),
    "average of every family": lambda: of_families("gam", "polynomial", "mlp", "boosting", "linear"),
    "GAM of two classes": lambda: of_classes(two_classes.table(), "state", "gam"),
    "polynomial of counts": lambda: of_classes(counts.table(), "events", "polynomial"),
    "neural network of three classes": lambda: of_classes(many_classes.table(), "state", "mlp"),
    "trees of three classes": lambda: of_classes(many_classes.table(), "state", "boosting"),
    "rows of their own weight": of_precise_rows,
    "formula of a network": of_found_formula,
    "every function": lambda: of_found_formula(every_function),
}


@cache
def case(name: str) -> Case:
    return CASES[name]()


def compare(found: list[list[Any]], wanted: Case, rtol: float = 1e-11) -> None:
    """Number by number, relative to the largest prediction; what is missing is missing in both."""
    assert [o.name for o in wanted.program.outputs] == list(wanted.expected.columns)
    assert len(found) == len(wanted.expected)
    for (name, expected), output, values in zip(
        wanted.expected.items(), wanted.program.outputs, zip(*found, strict=True), strict=True
    ):
        if output.kind == "text":
            assert [v or None for v in values] == [None if pd.isna(v) else v for v in expected], name
            continue
        numbers = np.array([np.nan if v is None or v == "" else float(v) for v in values])
        known = expected.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        if output is wanted.program.outputs[-1]:
            known[wanted.expected.iloc[:, 0].isna().to_numpy()] = np.nan
            np.testing.assert_array_equal(numbers, known, err_msg=str(name))
        else:
            atol = rtol * np.nanmax(np.abs(known))
            np.testing.assert_allclose(numbers, known, rtol=0, atol=atol, err_msg=str(name))


@pytest.mark.parametrize("language", RUNS)
@pytest.mark.parametrize("name", CASES)
def test_it_says_what_kanlab_says(name: str, language: str, tmp_path: Path) -> None:
    wanted = case(name)
    assert wanted.expected.iloc[:, 0].notna().any()
    compare(RUNS[language](wanted.program, wanted.rows, tmp_path), wanted)


def test_the_cases_hold_what_is_hard() -> None:
    flags = {name: case(name).expected.iloc[:, -1].dropna() for name in CASES}
    assert all(
        0 < flag.astype(bool).sum() < len(flag) for name, flag in flags.items() if name != "average on a logarithm"
    )
    assert case("every function").expected.iloc[:, 0].isna().sum() > 1
    assert case("two classes").expected.iloc[:, 0].isna().sum() == 1


def few(name: str) -> Case:
    """Every third row."""
    whole = case(name)
    return Case(whole.program, whole.rows.iloc[1::3], whole.expected.iloc[1::3])


def test_workbooks_compute_what_kanlab_says(tmp_path: Path) -> None:
    """LibreOffice reads the numbers of a formula with 15 digits."""
    from openpyxl import load_workbook

    books = []
    for number, name in enumerate(CASES):
        wanted = few(name)
        book = load_workbook(io.BytesIO(workbook(wanted.program, rows=len(wanted.rows))))
        sheet = book["Predict"]
        for i, row in enumerate(wanted.rows[[c.name for c in wanted.program.columns]].itertuples(index=False), 2):
            for j, value in enumerate(row, 1):
                cell = sheet.cell(i, j)
                cell.value = None if pd.isna(value) else value
                if isinstance(value, str):
                    cell.data_type = "s"
        books.append(tmp_path / f"{number}.xlsx")
        book.save(books[-1])
    for name, found in zip(CASES, by_office(books, tmp_path), strict=True):
        outputs = found.iloc[:, -len(few(name).program.outputs) :].astype(object)
        rows = [[None if pd.isna(v) else v for v in row] for row in outputs.itertuples(index=False)]
        compare(rows, few(name), rtol=1e-9)


@pytest.mark.parametrize("language", RUNS)
def test_a_table_may_lack_the_weights(language: str, tmp_path: Path) -> None:
    """Intervals are those of the mean weight then, as kanlab's."""
    whole = case("rows of their own weight")
    rows = whole.rows.drop(columns=HOSTILE_WEIGHT)
    names = [output.name for output in whole.program.outputs]
    expected = whole.model.predict(rows).frame[names]
    assert not expected.iloc[:, 1].equals(whole.expected.iloc[:, 1])
    compare(RUNS[language](whole.program, rows, tmp_path), Case(whole.program, rows, expected))


# ---- names and refusals


def test_what_the_languages_cannot_write_is_refused_in_a_sentence(small: Dataset) -> None:
    n = 300  # levels of a tree
    tree = {"feature": [0] * (2 * n + 1), "threshold": [0.0] * (2 * n + 1), "value": [1.0] * (2 * n + 1)}
    tree |= {"left": [i + 1 if i % 2 == 0 and i < 2 * n else 0 for i in range(2 * n + 1)]}
    tree |= {"right": [i + 2 if i % 2 == 0 and i < 2 * n else 0 for i in range(2 * n + 1)]}
    ends = {"low": [0.0] * small.d, "high": [1.0] * small.d}
    deep = StoredModel({"kind": "trees", "offset": 0.0, "trees": [tree]} | ends)
    with pytest.raises(StudyError, match="trees of more than 200 levels"):
        of_model(Predictor("trees", small.recipe, deep))
    with pytest.raises(StudyError, match=r"the endings are \.zip for a bundle, \.onnx, \.sql, \.xlsx, \.py, \.js, \.c"):
        form_of(".exe")


def test_the_same_model_gives_the_same_bytes_but_for_the_time_in_a_workbook(small: Dataset) -> None:
    predictor = Predictor("a network", small.recipe, random_network((small.d, 1), 2, 2))
    for form in FORMS:
        made = form.write(predictor)
        assert form.ending == ".xlsx" or made == form.write(predictor)


def test_a_level_that_training_had_not(small: Dataset) -> None:
    """kanlab averages over those it knows; code says that it has no prediction."""
    wanted = case("two classes")
    (kind,) = (c for c in wanted.program.columns if c.kind == "text")
    rows = wanted.rows.head(2).assign(**{kind.name: ["new", "r"]})
    found = RUNS["SQLite"](wanted.program, rows, Path())
    assert [value is None for value in found[0]] == [True] * 3
    assert found[1][0] is not None
    assert any("no training row had" in note for note in wanted.program.notes)


def test_hostile_names_stay_names() -> None:
    program = case("network").program
    script = javascript_code(program)
    assert "</script" not in script
    assert sql_code(program, 'x"; DROP TABLE y; --').count('"x""; DROP TABLE y; --"') == 2
