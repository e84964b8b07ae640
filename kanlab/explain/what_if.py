"""What can be set of a row, and how: a range for a number, the levels of a category, days for a date; and the row they make.

Everything stays within what the training rows had. Values travel in the address of a page, as text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.encoders import ANY_OTHER, MISSING, ORDER, OTHER, EncodedColumn
from kanlab.explain.nearest import TRUTHS, decoded
from kanlab.explain.shapley import groups_of

MOST_VALUES = 12  # different values of a number that are offered one by one
_STEPS = 200  # of a range, about
MISSING_VALUE = "missing"  # in an address, and in the box beside a control

Value = float | str | dt.date | None  # None: the cell is empty


@dataclass(frozen=True)
class Control:
    """One feature that can be set.

    kind: "number" between low and high by `step`; "values", one of a few numbers; "level" of a category; "date".
    start: what the typical training row has.  cells: of a level what a table would hold, where that is another word.
    may_be_missing: whether training rows had gaps, which the recipe fills and marks, so that the value can be None.
    """

    feature: str
    kind: Literal["number", "values", "level", "date"]
    start: Value
    low: Any = 0.0
    high: Any = 0.0
    step: float = 1.0
    options: tuple[Any, ...] = ()
    cells: Mapping[str, Any] | None = None
    may_be_missing: bool = False

    @property
    def digits(self) -> int:
        """Decimals that the step asks for."""
        return max(0, -int(np.floor(np.log10(self.step) + 1e-9)))

    def text(self, value: Value) -> str:
        """A value as an address holds it.

        >>> Control("x", "number", 1.0, 0.0, 2.0, 0.01).text(1.25)
        '1.25'
        """
        if value is None:
            return MISSING_VALUE
        if isinstance(value, float):
            return f"{value:.{self.digits}f}" if self.kind == "number" else f"{value:.12g}"
        return value.isoformat() if isinstance(value, dt.date) else value

    def read(self, text: str | None) -> Value:
        """What the text of an address says, held to what can be set; the start where it says nothing."""
        try:
            if text is None:
                return self.start
            if self.kind == "level" and text in self.options:
                return text
            if text == MISSING_VALUE and self.may_be_missing:
                return None
            if self.kind == "level":
                return self.start
            if self.kind == "date":
                return self._held(dt.date.fromisoformat(text))
            number = float(text)
            if not np.isfinite(number):
                return self.start
            if self.kind == "values":
                return min(self.options, key=lambda value: abs(float(value) - number))
            return self._held(number)
        except ValueError:
            return self.start

    def _held(self, value: Any) -> Value:
        held: Value = min(max(value, self.low), self.high)
        return held


def controls_of(data: Dataset, used: Sequence[str]) -> list[Control]:
    """What can be set of the features that a model uses, in their order."""
    groups = groups_of(data.recipe.to_dict())
    table = decoded(data.recipe, data.X_train)
    kinds = {feature: [data.columns[i] for i in groups[feature]] for feature in used}
    found = [_control(data, feature, kinds[feature], table) for feature in used]
    return [
        replace(control, may_be_missing=any(kind.part == MISSING for kind in kinds[control.feature]))
        for control in found
    ]


def _control(data: Dataset, feature: str, kinds: Sequence[EncodedColumn], table: pd.DataFrame) -> Control:
    if any(kind.level is not None or kind.part in (ORDER, OTHER) for kind in kinds):
        return _level_control(feature, kinds, table[feature])
    if kinds[0].shares:
        most = str(table[feature].mode().iloc[0])
        return Control(feature, "level", most, options=TRUTHS, cells={"false": False, "true": True})
    dates = [kind for kind in kinds if kind.part not in ("", MISSING)]
    if dates:
        return _date_control(feature, table)
    values = table[feature].dropna().to_numpy(dtype=float)
    distinct = np.unique(values)
    if len(distinct) <= MOST_VALUES:
        start = float(distinct[np.abs(distinct - np.median(values)).argmin()])
        return Control(feature, "values", start, options=tuple(float(v) for v in distinct))
    return _number_control(feature, values)


def _number_control(feature: str, values: Array) -> Control:
    low, high = float(values.min()), float(values.max())
    step = 10.0 ** np.floor(np.log10((high - low) / _STEPS))
    if (values == np.round(values)).all():
        step = max(1.0, step)
    digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))

    def on_grid(value: float) -> float:
        return round(round(value / step) * step, digits)

    first, last = (
        round(float(np.ceil(low / step - 1e-9) * step), digits),
        round(float(np.floor(high / step + 1e-9) * step), digits),
    )
    start = min(max(on_grid(float(np.median(values))), first), last)
    return Control(feature, "number", start, first, last, float(step))


def _level_control(feature: str, kinds: Sequence[EncodedColumn], column: pd.Series) -> Control:
    known = column.dropna().astype(str)
    ordered = next((kind.levels for kind in kinds if kind.part == ORDER), ())
    levels = ordered or tuple(
        dict.fromkeys([*next((k.levels for k in kinds if k.levels), ()), *sorted(known.unique())])
    )
    pooled = next((kind.pooled for kind in kinds if kind.part == OTHER), ())
    cells = {ANY_OTHER: pooled[0] if pooled else ANY_OTHER} if ANY_OTHER in levels else None
    options = tuple(level for level in levels if level == ANY_OTHER or level in set(known) or ordered)
    return Control(feature, "level", str(known.mode().iloc[0]), options=options, cells=cells)


def _date_control(feature: str, table: pd.DataFrame) -> Control:
    year = f"{feature} (year)"
    if year not in table.columns:
        this = dt.date(2024, 1, 1)  # any year will do, since only the month, the weekday or the hour are used
        return Control(feature, "date", this, this, dt.date(2024, 12, 31))
    years = table[year].dropna().to_numpy(dtype=float)
    low, middle, high = (_day(float(v)) for v in (years.min(), np.median(years), years.max()))
    return Control(feature, "date", middle, low, high)


def _day(year: float) -> dt.date:
    """The day of a year with its fraction."""
    whole = int(np.floor(year + 1e-9))
    days = 366 if (whole % 4 == 0 and whole % 100 != 0) or whole % 400 == 0 else 365
    return dt.date(whole, 1, 1) + dt.timedelta(days=min(days - 1, int((year - whole) * days + 1e-6)))


def row_of(data: Dataset, controls: Sequence[Control], values: Sequence[Value]) -> pd.DataFrame:
    """A table of the one row that is set; features the model does not use are as in the typical row."""
    others = [source for source in data.recipe.sources if source not in {c.feature for c in controls}]
    rest = controls_of(data, others)
    settings = [*zip(controls, values, strict=True), *((control, control.start) for control in rest)]
    cells = {control.feature: [_cell(control, value)] for control, value in settings}
    return pd.DataFrame(cells)


def _cell(control: Control, value: Value) -> Any:
    if value is None:
        return {"date": pd.NaT, "level": None}.get(control.kind, np.nan)
    if isinstance(value, dt.date):
        return pd.Timestamp(value)
    return (control.cells or {}).get(value, value) if isinstance(value, str) else value


def values_of(controls: Sequence[Control], row: pd.Series) -> list[Value]:
    """What the controls show for a decoded training row (kanlab.explain.nearest.decoded)."""
    found: list[Value] = []
    for control in controls:
        cell = row.get(control.feature)
        year = row.get(f"{control.feature} (year)")
        if control.kind == "date":
            empty = None if control.may_be_missing and year is not None else control.start
            found.append(empty if year is None or np.isnan(year) else control.read(_day(float(year)).isoformat()))
        elif cell is None or (isinstance(cell, float) and np.isnan(cell)):
            found.append(None if control.may_be_missing else control.start)
        else:
            found.append(control.read(f"{cell:.15g}" if isinstance(cell, float) else str(cell)))
    return found
