"""Units of the columns of a study, and whether those of a formula add up.

Units are a user's text: pint's parser reads them (nothing is evaluated), of at most so many characters, with exponents of two
digits. What adds up is for `kanlab.formulas.dimensions` to say.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.errors import StudyError
from kanlab.formulas.dimensions import Clash, dimensions
from kanlab.formulas.expression import Call, Constant, Expression, walk
from kanlab.language import marked, say
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import StudyHandle
from kanlab.text import series, short

UNITS = "units"  # the study's attribute
MOST_CHARACTERS = 40
_SIGNS = re.compile(r"[\w .·*/^()%°²³⁻¹+-]*")
_POWERS = re.compile(r"\*\*|\^")
# powers of powers, long numbers, and an exponent in brackets that is no number or fraction
_TOO_MUCH = re.compile(r"\d{3}|\)\s*\^|\^\s*-?[\d.]+\s*\^|\(\s*\(\s*\(|\^\s*\((?!-?\d{1,2}(/\d{1,2}|\.\d{1,2})?\))")
_NUMBER = "a number"  # in place of a unit
_EXAMPLES = marked("m, km/h, kg*m^2, J/(kg*K) or %")


@dataclass(frozen=True)
class UnitsCheck:
    """Whether the units of a formula add up. sentence: so, with the constants that carry a unit.

    constants: units by the place of a constant among all of the formula.
    """

    adds_up: bool
    sentence: str
    constants: Mapping[int, str]


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # which takes half a second, and is needed where there are units alone

    return pint.UnitRegistry(cache_folder=None)


@lru_cache(maxsize=512)
def _parsed(text: str) -> Any:
    """A unit of pint. Raises StudyError for what is none."""
    text = " ".join(text.split())
    plain = _POWERS.sub("^", text).replace("·", "*")
    refused = say(
        "'{text}' is no unit that is known; write it as {examples}.", text=short(text, 40), examples=say(_EXAMPLES)
    )
    if len(plain) > MOST_CHARACTERS or not _SIGNS.fullmatch(plain) or "_" in plain or _TOO_MUCH.search(plain):
        raise StudyError(refused)
    try:
        return _registry().parse_units("" if plain == "1" else plain)
    except Exception as error:  # of its tokenizer as of its registry
        raise StudyError(refused) from error


def units_of_text(text: str) -> dict[str, str]:
    """Units as they are typed, `length=m, time=s`: column to unit. A name with a comma stands in double quotes.

    >>> units_of_text('length=m, "time, in all"=s')
    {'length': 'm', 'time, in all': 's'}
    """
    found = {}
    quoted = re.sub(r'"([^"]*)"(\s*=[^,]*)', r'"\1\2"', text)  # as CSV has it
    for item in next(csv.reader([quoted.replace("\n", ",")], skipinitialspace=True), []):
        if not item.strip():
            continue
        name, sign, unit = item.rpartition("=")
        if not sign or not name.strip():
            raise StudyError(say("'{item}' is no unit of a column; write length=m, time=s.", item=short(item, 40)))
        found[name.strip()] = unit.strip()
    return found


def text_of_units(units: Mapping[str, str]) -> str:
    """What `units_of_text` reads."""
    return ", ".join(f'"{name}"={unit}' if "," in name else f"{name}={unit}" for name, unit in units.items())


def read_units(handle: StudyHandle) -> dict[str, str]:
    """The units that were given for the columns of a study."""
    kept = handle.optuna.user_attrs.get(UNITS)
    columns = [*handle.data.features, handle.data.target]
    return {str(k): str(v) for k, v in kept.items() if k in columns} if isinstance(kept, dict) else {}


def set_units(handle: StudyHandle, units: Mapping[str, str]) -> None:
    """Keep units with a study, in place of those before; an empty text is none. Raises StudyError for what is no unit."""
    columns = [*handle.data.features, handle.data.target]
    for name, unit in units.items():
        if name not in columns:
            raise StudyError(
                say(
                    "There is no column '{name}'; the columns are {columns}.",
                    name=short(name, 40),
                    columns=", ".join(columns[:20]),
                )
            )
        _parsed(unit)
    handle.optuna.set_user_attr(UNITS, {name: unit for name, unit in units.items() if unit.strip()})


def check(expressions: Sequence[Expression], data: DataSummary, units: Mapping[str, str]) -> UnitsCheck | None:
    """Whether the units of a formula add up; None where no column has one.

    The target's own counts where it is fitted as it is; log-odds and logarithms are numbers, of a rank nothing is known.
    """
    if not units:
        return None
    names = [*data.features, data.target]
    parsed = [_parsed(units[name]) if name in units else None for name in names]
    bases = sorted({base for unit in parsed if unit is not None for base in _bases(unit)})
    known: list[Array | None] = [
        None if unit is None else np.array([float(_bases(unit).get(base, 0)) for base in bases] or [0.0])
        for unit in parsed
    ]
    if data.has_deviance or data.is_transformed:
        known[-1], parsed[-1] = (None if data.fitted_target.startswith("rank") else np.zeros(max(1, len(bases)))), None
    found = dimensions(expressions, known[:-1], known[-1])
    if found.clash:
        return UnitsCheck(False, say("Its units do not add up: {words}.", words=_words(found.clash, names, parsed)), {})
    carried = {place: _text(unit, parsed) for place, unit in found.constants.items()}
    if not carried:
        return UnitsCheck(True, say("Its units add up."), {})
    from kanlab.explain.formula_sympy import part_written  # which takes half a second

    every = [c for e in expressions for c in walk(e) if isinstance(c, Constant)]
    listed = series(
        [
            say("{constant} in {unit}", constant=part_written(every[place], names), unit=unit)
            for place, unit in list(carried.items())[:6]
        ]
    )
    if len(carried) > 6:
        listed = say("{names} and {more} more", names=listed, more=len(carried) - 6)
    words = say("Its units add up where its constants carry theirs: {listed}.", listed=listed)
    return UnitsCheck(True, words, carried)


def _bases(unit: Any) -> Mapping[str, float]:
    return dict(_registry().get_dimensionality(unit))


def _text(exponents: Array, units: Sequence[Any]) -> str:
    """A product of powers of the columns' units."""
    made = _registry().dimensionless
    for exponent, unit in zip(exponents.tolist(), units, strict=True):
        if exponent and unit is not None:
            made = made * unit ** round(exponent, 4)
    return f"{made:~P}" or _NUMBER


def _words(clash: Clash, names: Sequence[str], units: Sequence[Any]) -> str:
    from kanlab.explain.formula_sympy import part_written

    texts = ["" if unit is None else _text(unit, units) for unit in clash.units]
    one = short(part_written(clash.parts[0], names), 40)
    if len(clash.parts) == 1:
        target = short(names[-1], 40)
        if all(texts):
            own, wanted = (say("no unit") if unit == _NUMBER else unit for unit in texts)
            return say("it is in {own}, and {target} in {wanted}", own=own, target=target, wanted=wanted)
        return say("it is not in the unit of {target}", target=target)
    whole = clash.parts[1]
    if isinstance(whole, Call) and whole.argument is clash.parts[0]:
        function = whole.function
        if texts[0]:
            return say(
                "{function} takes a number without unit, and {one} is in {unit}",
                function=function,
                one=one,
                unit=texts[0],
            )
        return say("{function} takes a number without unit, and {one} is none", function=function, one=one)
    other = short(part_written(whole, names), 40)
    if all(texts):
        first, second = texts
        if first == _NUMBER:
            return say("{one} is a number and {other} in {unit}, and they are added", one=one, other=other, unit=second)
        if second == _NUMBER:
            return say("{one} is in {unit} and {other} a number, and they are added", one=one, other=other, unit=first)
        return say(
            "{one} is in {unit} and {other} in {second}, and they are added",
            one=one,
            unit=first,
            other=other,
            second=second,
        )
    return say("{one} and {other} are added, and cannot be in the same unit", one=one, other=other)
