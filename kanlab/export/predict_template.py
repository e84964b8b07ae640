"""Predict the rows of a CSV file by the model in model.json beside this file:

    python predict.py IN.csv OUT.csv

OUT.csv holds the rows of IN.csv as they are and two columns more: the prediction, in units of the target, and whether the
row lies outside the rows the model was fitted to, where it is held at their edge. Where the target is one of two classes,
the prediction is the likelier one, and a third column holds the probability of the second of them. Needs Python 3.11 and
NumPy alone.

Made by kanlab.export.predict_source: the program kanlab/export/predict_template.py, and above it whatever it imports from
kanlab, each function word for word as kanlab itself runs it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.data.reading.cell_rules import (
    AROUND_DIGITS,
    BELOW_ZERO,
    BOOLEAN_NUMBERS,
    CURRENCY,
    DATES,
    ISO_TIME,
    MISSING,
    PLAIN_NUMBER,
    SAMPLE,
    TIMES,
    amount_pattern,
    conventions,
    decimal_sign,
    group_pattern,
)
from kanlab.data.transforms import to_units, transformed
from kanlab.data.writing import defused, free_name
from kanlab.kan.bspline import bspline_basis, silu
from kanlab.kan.network import BLOCK_ROWS, RANGE_TOLERANCE, held

FORMAT = 1
DELIMITERS = ",;\t|"
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


class BadInput(Exception):
    """One sentence: what is wrong, where, and what to do."""


def _as_numbers(cells: Sequence[str], decimal: str, name: str) -> Array:
    """Cells as numbers, nan where one is missing or infinite."""
    cells = ["" if _INFINITE.fullmatch(c) else c for c in cells]
    present = [c for c in cells if c not in MISSING]
    if all(PLAIN_NUMBER.fullmatch(c) for c in present):
        return _finite([float(c) if c not in MISSING else np.nan for c in cells])
    folded = {c.casefold() for c in present}
    if folded <= BOOLEAN_NUMBERS.keys():
        return np.array([BOOLEAN_NUMBERS.get(c.casefold(), np.nan) for c in cells])
    best: tuple[int, str, str] | None = None
    for point, group in conventions(decimal):
        whole = re.compile(amount_pattern(point, group))
        hits = sum(whole.match(c) is not None for c in present[:SAMPLE])
        if hits == len(present[:SAMPLE]) and all(whole.match(c) for c in present):
            best = (hits, point, group)
            break
        if hits and (best is None or hits > best[0]):
            best = (hits, point, group)
    symbols = {m[0] for c in present for m in re.finditer(CURRENCY, c)}
    if best is None or len(symbols) > 1 or (symbols and any("%" in c for c in present)):
        raise BadInput(f"The column '{name[:60]}' holds values such as '{present[0][:40]}', not numbers.")
    return _finite([np.nan if c in MISSING else _amount(c, best[1], best[2]) for c in cells])


def _amount(cell: str, decimal: str, thousands: str) -> float:
    bare = re.sub(AROUND_DIGITS, "", cell)
    if thousands:
        bare = re.sub(group_pattern(thousands), "", bare)
    bare = bare.replace(decimal, ".").strip()
    if not PLAIN_NUMBER.fullmatch(bare):
        return np.nan
    return -float(bare) if re.match(BELOW_ZERO, cell) else float(bare)


def _finite(values: Sequence[float]) -> Array:
    array = np.array(values, dtype=float)
    return np.where(np.isfinite(array), array, np.nan)


def _as_dates(cells: Sequence[str], decimal: str, name: str) -> list[datetime | None]:
    """Cells as dates by the format that reads most of them; None where one is missing or is no date."""
    present = list(dict.fromkeys(c for c in cells if c not in MISSING))
    if not present:
        return [None] * len(cells)
    if all(re.match(ISO_TIME, c) for c in present):
        known = {c: _iso(c) for c in present}
        if all(known.values()):
            return [known.get(c) for c in cells]
    hits = {
        form: sum(_date(c, form) is not None for c in present[:SAMPLE])
        for form in (d + t for d in DATES for t in TIMES)
    }
    ranked = sorted((f for f in hits if hits[f]), key=lambda f: -hits[f])
    if not ranked:
        raise BadInput(f"The column '{name[:60]}' holds values such as '{present[0][:40]}', not dates.")
    best = [f for f in ranked[:4] if hits[f] == hits[ranked[0]]]
    days, months = [f for f in best if f.startswith("%d")], [f for f in best if f.startswith("%m")]
    form = (days if decimal == "," else months)[0] if days and months else best[0]
    return [_date(c, form) for c in cells]


def _date(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)
    except ValueError:
        return None


def _iso(cell: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when


def _date_part(when: datetime | None, part: str) -> float:
    """year: with its fraction; month 1 to 12; weekday 0 (Monday) to 6; hour with its fraction."""
    if when is None:
        return np.nan
    if part == "year":
        leap = when.year % 4 == 0 and (when.year % 100 != 0 or when.year % 400 == 0)
        passed = when.timetuple().tm_yday - 1 + when.hour / 24 + when.minute / 1440
        return when.year + passed / (365 + leap)
    if part == "hour":
        return when.hour + when.minute / 60 + when.second / 3600
    return float(when.month if part == "month" else when.weekday())


# ---- a CSV to columns of text


def read_csv(path: Path, wanted: Sequence[str], encoding: str | None = None) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and decimal sign. wanted: columns the model needs; the delimiter is the one that finds most of them."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror or error}.") from error
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = raw.decode(encoding or ("utf-16" if wide else "utf-8-sig"))
    except (UnicodeError, LookupError) as error:
        raise BadInput(
            f"{path.name} is not text in UTF-8; name its encoding with --encoding, or save it again."
        ) from error

    def rows_by(delimiter: str) -> list[list[str]]:
        cut = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        return [row for row in cut if any(cell.strip() for cell in row)]

    def found(delimiter: str) -> int:
        head = next(
            (r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True) if r), []
        )
        return len({name.strip() for name in head} & set(wanted))

    try:
        delimiter = max(DELIMITERS, key=found)
        table = rows_by(delimiter)
    except csv.Error as error:
        raise BadInput(f"{path.name} is not a table of rows and columns ({error}); save it as CSV again.") from error
    if not table:
        raise BadInput(f"{path.name} is empty; it needs a header row and data below it.")
    header = [name.strip() for name in table[0]]
    rows = []
    for number, row in enumerate(table[1:], 2):
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            raise BadInput(
                f"Row {number} of {path.name} has {len(row)} fields and the header has {len(header)}; correct that row."
            )
        row = (row + [""] * len(header))[: len(header)]
        if any(cell.strip() not in MISSING for cell in row):
            rows.append(row)
    return header, rows, decimal_sign(rows[:200], delimiter)


# ---- columns to the inputs of the model


class Encoder:
    """The inputs of the model from columns of text, by the recipe that was decided on the training rows."""

    def __init__(
        self, recipe: Mapping[str, Any], columns: Mapping[str, Sequence[str]], rows: int, decimal: str
    ) -> None:
        self.columns = {name: [cell.strip() for cell in cells] for name, cells in columns.items()}
        self.recipe, self.rows, self.decimal = recipe, rows, decimal
        self._dates: dict[str, list[datetime | None]] = {}
        absent = {c["source"] for c in recipe["columns"]} - self.columns.keys()
        lost = sorted({c["source"] for c in recipe["columns"] if c["fill"] is None and c["part"] != "missing"} & absent)
        if lost:
            names = ", ".join(f"'{name[:60]}'" for name in lost[:8])
            raise BadInput(f"The rows have no column {names}, which the model needs.")

    def inputs(self) -> Array:
        """X (rows, d); nan where a cell is missing and nothing fills it."""
        X = [self._encoded(column) for column in self.recipe["columns"]]
        return np.column_stack(X) if self.rows else np.empty((0, len(X)))

    def _encoded(self, column: Mapping[str, Any]) -> Array:
        source = column["source"]
        if source in self.columns:
            values = self._values(column, self.columns[source])
        else:
            values = np.full(self.rows, 1.0 if column["part"] == "missing" else np.nan)
        if column["fill"] is not None:
            values = np.where(np.isnan(values), column["fill"], values)
        return transformed(column["transform"], values)

    def _values(self, column: Mapping[str, Any], cells: Sequence[str]) -> Array:
        source, level, part, levels = (column[name] for name in ("source", "level", "part", "levels"))
        if part == "missing":
            return np.array([float(lost) for lost in self._lost(source)])
        if level is None and not part:
            return _as_numbers(cells, self.decimal, source)
        if part not in ("other", "order") and level is None:
            if source not in self._dates:
                self._dates[source] = _as_dates(cells, self.decimal, source)
            return np.array([_date_part(when, part) for when in self._dates[source]], dtype=float)
        if part == "order":
            places = {name: float(i) for i, name in enumerate(levels)}
            return np.array([places.get(c, np.nan) for c in cells], dtype=float)
        known = set(levels)
        if part == "other":
            return np.array([np.nan if c in MISSING else float(c not in known) for c in cells], dtype=float)
        return np.array(
            [np.nan if c in MISSING or (known and c not in known) else float(c == level) for c in cells], dtype=float
        )

    def _lost(self, source: str) -> list[bool]:
        """Where a column has no value: of numbers, infinities and words count too."""
        cells = self.columns[source]
        others = [c for c in self.recipe["columns"] if c["source"] == source and c["part"] != "missing"]
        if others and others[0]["level"] is None and not others[0]["part"]:
            return np.isnan(_as_numbers(cells, self.decimal, source)).tolist()
        return [c in MISSING for c in cells]


# ---- the model


def evaluate(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """Outputs (rows,) on the scale of the fit, and True where a row lies outside the training rows and was held there.

    Of a model of two classes the outputs are probabilities.
    """
    kind: Callable[[Mapping[str, Any], Array], tuple[Array, Mask]] = {"kan": _network, "linear": _linear}[model["kind"]]
    blocks = [kind(model, X[i : i + BLOCK_ROWS]) for i in range(0, len(X), BLOCK_ROWS)]
    if not blocks:
        return np.zeros(0), np.zeros(0, dtype=bool)
    outputs, outside = (np.concatenate([b[i] for b in blocks]) for i in (0, 1))
    return (probability(outputs) if model.get("link") == "logit" else outputs), outside


def probability(log_odds: Array) -> Array:
    """1 / (1 + exp(-log-odds)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def _network(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """A Kolmogorov-Arnold network: z'_j = sum_i phi_ij(z_i), phi_ij(z) = scale_base_ij silu(z) + sum_b coef_ijb B_ib(z)."""
    z = ((X - np.array(model["x_offset"])) / np.array(model["x_scale"])).T  # (inputs, rows)
    outside = np.zeros(len(X), dtype=bool)
    for layer in model["layers"]:
        knots, coef, scale_base = (np.array(layer[name]) for name in ("knots", "coef", "scale_base"))
        z, moved = held(z, np.array(layer["range"]))
        outside |= moved
        splines = np.einsum("ijb,ibn->jn", coef, bspline_basis(z, knots, knots.shape[1] - coef.shape[2] - 1))
        z = splines + scale_base.T @ silu(z)
    if "output_range" in model:
        z, moved = held(z, np.array(model["output_range"]))
        outside |= moved
    return z[0] * model["y_scale"][0] + model["y_offset"][0], outside


def _linear(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """offset + ((x - center) / scale) weights, the inputs held to the range of the training rows."""
    low, high, center, scale, weights = (np.array(model[n]) for n in ("low", "high", "center", "scale", "weights"))
    slack = RANGE_TOLERANCE * np.maximum(high - low, 1.0)
    outside = ((low - slack > X) | (high + slack < X)).any(axis=1)
    return model["offset"] + ((np.clip(X, low, high) - center) / scale) @ weights, outside


# ---- the whole way


def predict_file(content: Mapping[str, Any], source: Path, target: Path, encoding: str | None = None) -> list[str]:
    """Predict the rows of a file and write them with the predictions; what there is to say, in sentences."""
    recipe = content["recipe"]
    header, rows, decimal = read_csv(source, [c["source"] for c in recipe["columns"]], encoding)
    if target.exists() and target.samefile(source):
        raise BadInput(f"{target.name} would be written over the rows themselves; give another name.")
    columns: dict[str, list[str]] = {}
    for i, name in enumerate(header):
        columns.setdefault(name, [row[i] for row in rows])
    X = Encoder(recipe, columns, len(rows), decimal).inputs()
    ready: Mask = np.asarray(np.isfinite(X).all(axis=1))
    values, outside = evaluate(content["model"], X[ready])
    levels = recipe.get("levels", [])
    found: list[list[Any]] = [to_units(recipe["target_transform"], values).tolist(), outside.tolist()]
    if levels:
        found.insert(0, [defused(levels[int(p >= 0.5)]) for p in found[0]])
    predicted = iter(zip(*found, strict=True))
    words = ["predicted", "probability", "extrapolates"] if levels else ["predicted", "extrapolates"]
    names = [free_name(f"{recipe['target']}_{word}", set(header)) for word in words]
    try:
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([defused(name) for name in [*header, *names]])
            for row, is_ready in zip(rows, ready, strict=True):
                known = next(predicted) if is_ready else [""] * len(words)
                writer.writerow([*(defused(cell) for cell in row), *known])
    except OSError as error:
        raise BadInput(f"{target.name} cannot be written: {error.strerror or error}.") from error
    notes = [f"{len(rows):,} rows are in {target.name}."]
    if levels:
        notes.append(f"'{names[1]}' is the probability of '{levels[1][:60]}', against '{levels[0][:60]}'.")
    if not ready.all():
        notes.append(
            f"{int((~ready).sum()):,} of them have a missing value, or a level that was not in the training rows, and "
            "no prediction."
        )
    if outside.any():
        notes.append(f"{int(outside.sum()):,} of them lie outside the training rows; trust their predictions less.")
    return notes


def read_model(path: Path) -> dict[str, Any]:
    """The content of model.json."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path.name} is not there or damaged; it belongs beside this file, so unpack the bundle again."
        ) from error
    if content.get("format") != FORMAT:
        raise BadInput(f"{path.name} has format {content.get('format')} and this file reads {FORMAT}; export it again.")
    return content


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 done, 2 bad input."""
    parser = argparse.ArgumentParser(description="Predict the rows of a CSV file by the model in model.json.")
    parser.add_argument("source", metavar="IN.csv", type=Path)
    parser.add_argument("target", metavar="OUT.csv", type=Path)
    parser.add_argument("--encoding", help="of IN.csv (default: UTF-8, or UTF-16 with its mark)")
    given = parser.parse_args(arguments)
    try:
        content = read_model(Path(__file__).with_name("model.json"))
        print(*predict_file(content, given.source, given.target, given.encoding), sep="\n", file=sys.stderr)
    except BadInput as error:
        print(f"predict: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
