"""Whatever holds a table as a pandas data frame in types that are read here: the door of every function that takes one."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import agreeing, counted, listing, quoted

_PLAIN = (str, bytes, bool, int, float, np.generic)


def as_frame(rows: Any, names: Sequence[str] = ()) -> pd.DataFrame:
    """A table as a pandas data frame with names of text, its columns numbers, booleans, dates or text.

    Parameters
    ----------
    rows : object
        A data frame of pandas, polars, Arrow or any other library narwhals knows, a mapping of names to columns, or an array
        of shape (n, d) or with named fields. The index of a pandas data frame is kept.
    names : sequence of str
        Of the columns of an array without any.

    Raises
    ------
    DatasetError
        Where it is none of these, or a column holds what is no cell.

    Examples
    --------
    >>> from decimal import Decimal
    >>> as_frame({"x": [Decimal("1.5"), None]})["x"].tolist()
    [1.5, nan]
    >>> as_frame(np.ones((2, 2)), names=("a", "b")).columns.tolist()
    ['a', 'b']
    """
    frame = _to_pandas(rows, names)
    if isinstance(frame.columns, pd.MultiIndex):
        frame = frame.set_axis([" ".join(map(str, name)) for name in frame.columns], axis="columns")
    frame = frame.rename(columns=str)
    changed = {}
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        plain = as_column(column)
        if plain is not column:
            changed[place] = plain
    if not changed:
        return frame
    attributes = frame.attrs
    columns = [changed.get(i, frame.iloc[:, i]) for i in range(frame.shape[1])]
    frame = pd.concat(columns, axis="columns", keys=None).set_axis(frame.columns, axis="columns")
    frame.attrs = attributes
    return frame


def _to_pandas(rows: Any, names: Sequence[str]) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, pd.Series):
        return rows.to_frame()
    if isinstance(rows, dict):
        try:
            return pd.DataFrame(rows)
        except ValueError as error:
            raise DatasetError(say("The columns are no table: {error}.", error=error)) from error
    if isinstance(rows, (np.ndarray, list, tuple)):
        return _of_array(rows, names)
    import narwhals as nw

    try:
        found = nw.from_native(rows)
        found = found.collect() if isinstance(found, nw.LazyFrame) else found
        return _exactly(found)
    except TypeError as error:
        what = type(rows).__name__
        raise DatasetError(
            say("A table must be a data frame, a mapping of columns or an array, not {what}.", what=what)
        ) from error


def _exactly(found: Any) -> pd.DataFrame:
    """A data frame of narwhals; whole numbers and texts keep what gaps would take from them."""
    import pyarrow as pa

    table: pa.Table = found.to_arrow()
    integers = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.int16(): pd.Int16Dtype(),
                pa.int8(): pd.Int8Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.uint32(): pd.UInt32Dtype(),
                pa.uint16(): pd.UInt16Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.bool_(): pd.BooleanDtype()}  # fmt: skip
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        kept = integers.get(column.type) if column.null_count else None
        columns[name] = column.to_pandas(types_mapper=lambda kind, kept=kept: kept)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _of_array(rows: Any, names: Sequence[str]) -> pd.DataFrame:
    if isinstance(rows, np.ndarray) and rows.dtype.names:
        return pd.DataFrame({name: rows[name] for name in rows.dtype.names})
    if isinstance(rows, (list, tuple)) and rows and all(isinstance(row, dict) for row in rows):
        return pd.DataFrame(list(rows))
    try:
        array = np.asarray(rows) if isinstance(rows, np.ndarray) else np.array(rows, dtype=object)
    except ValueError as error:
        raise DatasetError(
            say("The rows of an array must have the same length; make it one of shape (n, d).")
        ) from error
    if array.ndim != 2:
        raise DatasetError(say("A table must have two dimensions, rows and columns, not {ndim}.", ndim=array.ndim))
    if not len(names):
        names = [f"column_{i}" for i in range(1, array.shape[1] + 1)]
    if array.shape[1] != len(names):
        raise DatasetError(
            say(
                "An array without names has {columns}, and {needed} {are} needed: give {names} in this order, or "
                "a data frame.",
                columns=counted(array.shape[1], "column"),
                needed=counted(len(names), "column"),
                are=agreeing(len(names), "is", "are"),
                names=listing(names),
            )
        )
    frame = pd.DataFrame(array, columns=list(names))
    return frame.infer_objects() if array.dtype == object else frame


def as_column(column: pd.Series) -> pd.Series:
    """A column as numbers, booleans, dates or text; itself where it is that already.

    Raises DatasetError where a cell is no number, no date and no text.
    """
    kind = column.dtype
    if isinstance(kind, pd.ArrowDtype):
        return as_column(_from_arrow(column))
    if isinstance(kind, pd.SparseDtype):
        return column.sparse.to_dense()
    if isinstance(kind, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if isinstance(kind, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC").dt.tz_localize(None)
    if isinstance(kind, pd.IntervalDtype):
        return column.astype("str").where(column.notna())
    if isinstance(kind, pd.CategoricalDtype):
        return as_column(column.astype(kind.categories.dtype) if len(kind.categories) else column.astype("object"))
    if pd.api.types.is_timedelta64_dtype(kind):
        return column / pd.Timedelta(hours=1)
    if pd.api.types.is_complex_dtype(kind):
        raise _no_cell(column, column.iloc[0])
    if not pd.api.types.is_object_dtype(kind):
        return column
    present = column.dropna()
    kinds = set(map(type, present))
    if not kinds or kinds == {str}:
        return column
    if all(issubclass(k, (bool, np.bool_)) for k in kinds):
        return column.astype("boolean")
    if all(issubclass(k, (decimal.Decimal, int, float, np.number)) for k in kinds):
        return column.map(_number, na_action="ignore").astype(float) if len(present) else column
    if all(issubclass(k, (datetime.date, np.datetime64)) for k in kinds):
        when = pd.to_datetime(column.where(column.notna(), None), errors="coerce", utc=_has_zone(present))
        return when.dt.tz_localize(None) if when.dt.tz is not None else when
    if all(issubclass(k, datetime.time) for k in kinds):
        return column.map(lambda t: t.hour + t.minute / 60 + t.second / 3600, na_action="ignore").astype(float)
    if all(issubclass(k, datetime.timedelta) for k in kinds):
        return pd.to_timedelta(column) / pd.Timedelta(hours=1)
    odd = next(
        (v for v in present if not isinstance(v, (*_PLAIN, decimal.Decimal, datetime.date, datetime.time))), None
    )
    if odd is not None:
        raise _no_cell(column, odd)
    return column.map(str, na_action="ignore").astype("object").where(column.notna(), None)


def _from_arrow(column: pd.Series) -> pd.Series:
    """A column of Arrow's types in those of pandas; whole numbers with gaps stay whole."""
    import pyarrow as pa

    kind = column.dtype.pyarrow_dtype  # type: ignore[union-attr]
    if pa.types.is_boolean(kind):
        return column.astype("boolean")
    if pa.types.is_integer(kind):
        return column.astype("UInt64" if pa.types.is_unsigned_integer(kind) else "Int64")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.astype(float)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = pa.types.is_timestamp(kind) and kind.tz is not None
        when = pd.to_datetime(column.astype("object"), utc=zone)
        return when.dt.tz_localize(None) if zone else when
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.astype("str").where(column.notna())
    return column.astype("object")


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf


def _has_zone(present: pd.Series) -> bool:
    return any(getattr(v, "tzinfo", None) is not None for v in present)


def _no_cell(column: pd.Series, value: Any) -> DatasetError:
    what = say("{kind} such as {example}", kind=type(value).__name__, example=quoted(value, 40))
    return DatasetError(
        say(
            "The column {name} holds {what}, which is no number, date or text; turn it into one, "
            "or leave the column out.",
            name=quoted(column.name),
            what=what,
        )
    )
