"""Units of columns: what is read and refused, and what is said of formulas."""

from __future__ import annotations

import pytest

from kanlab.errors import StudyError
from kanlab.explain.units import check, text_of_units, units_of_text
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable, exact
from kanlab.study.data_summary import DataSummary
from tests.helpers.sentences import refused

X, T, C = Variable(0), Variable(1), Constant(4.905)
UNITS = {"way": "km", "time": "h", "speed": "m/s"}


def summary(**changes: object) -> DataSummary:
    plain = {"name": "a", "rows": 9, "n_train": 9, "n_test": 0, "features": ["way", "time"], "target": "speed"}
    return DataSummary(**(plain | {"sha256": "", "y_std": 1.0} | changes))  # type: ignore[arg-type]


def said(formula: Expression, units: dict[str, str] = UNITS, **changes: object) -> str:
    found = check([formula], summary(**changes), units)
    assert found is not None
    return found.sentence


CASES: list[tuple[Expression, str]] = [
    (Product((X, Power(T, exact(-1)))), "Its units add up."),
    (Product((C, X)), "Its units add up where its constants carry theirs: 4.905 in m/km/s."),
    (Sum((X, T)), "Its units do not add up: way is in km and time in h, and they are added."),
    (Sum((X, exact(1))), "Its units do not add up: way is in km and 1 a number, and they are added."),
    (Call("log", X), "Its units do not add up: log takes a number without unit, and way is in km."),
    (Product((X, T)), "Its units do not add up: it is in h·km, and speed in m/s."),
    (Product((C, Call("exp", Product((exact(-1), T))))), "exp takes a number without unit, and -time is in h."),
]


@pytest.mark.parametrize(("formula", "words"), CASES)
def test_what_is_said_of_a_formula(formula: Expression, words: str) -> None:
    assert words in said(formula)


def test_the_target_counts_on_the_scale_it_is_fitted_on() -> None:
    log_odds = Product((Constant(2.0), X))
    assert "2.000 in 1/km" in said(log_odds, levels=("no", "yes"))
    assert "in 1/km" in said(log_odds, target_label="log(speed)")
    assert said(Product((X, T)), target_label="rank of speed") == "Its units add up."
    assert check([X], summary(), {}) is None
    assert said(X, {"time": "s"}) == "Its units add up."


@pytest.mark.parametrize(
    "unit", ["m", "km/h", "kg*m**2", "J/(kg*K)", "%", "1", "1/s", "m^-2", "µm", "degC", "m²", "kg·m"]
)
def test_units_that_are_read(unit: str) -> None:
    assert said(Product((C, X)), {"way": unit, "speed": "s"})


@pytest.mark.parametrize(
    "unit",
    ["smoots of it", "3*m", "__import__('os')", "m^999", "m^9^9^9", "(m^9)^9^9", "m" * 50, "m;s", "lambda: 0",
     "m**9**9", "m^(9^9)", "((((m))))", "os.system", "m)", "m^^2", "1e9"],
)  # fmt: skip
def test_what_is_no_unit_is_one_sentence(unit: str) -> None:
    with refused(StudyError, "is no unit that is known; write it as"):
        said(X, {"way": unit})


def test_units_are_typed_as_they_are_shown() -> None:
    units = {"length": "m", "time, in all": "km/h", "a=b": "s"}
    assert units_of_text(text_of_units(units)) == units
    assert units_of_text(" length = m ,\n time=s,") == {"length": "m", "time": "s"}
    assert units_of_text("") == {}
    with refused(StudyError, "length=m, time=s"):
        units_of_text("length")
