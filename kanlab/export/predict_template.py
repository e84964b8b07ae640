"""Predict the rows of a CSV file by the model in model.json beside this file:

    python predict.py IN.csv OUT.csv

OUT.csv holds the rows of IN.csv as they are and four columns more: the prediction, in units of the target, the two ends of
an interval that should hold 90% of rows like those the model was fitted to (--interval says how many), and whether the row
lies outside those rows: a network is held at their edge, or goes on straight for a while where its bundle says so, and a
linear model goes on. Where the target is a count, the prediction is its mean. Where it is one of two classes, the prediction
is the likelier one, a set of classes stands for the interval, and another column holds the probability of the second of
them; of more classes the prediction is the likeliest, and there is a column for the probability of each. Of several targets
each has its columns, by its own model in a folder beside this file. The cells are read as those of the training table were,
whose conventions are in model.json; options say otherwise (--help). Needs Python 3.11 and NumPy alone.

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
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.baselines.arithmetic import FAMILIES
from kanlab.data.preparation import DATE_PARTS
from kanlab.data.reading.cell_rules import MISSING, decimal_sign
from kanlab.data.reading.cells import (
    boolean_of,
    cells_as,
    date_of,
    guessed_reader,
    likelier_order,
    missing_words,
    number_of,
    order_of,
)
from kanlab.data.transforms import to_units, transformed
from kanlab.data.unknown_levels import UnknownLevel, predict_averaged, put_means
from kanlab.data.writing import defused, free_name, probability_names
from kanlab.explain.average import weighted
from kanlab.explain.interval_columns import (
    LEVEL,
    interval_cells,
    interval_names,
    interval_note,
    level_of,
    relative_weights,
)
from kanlab.explain.shapley import contribution_names, explainer_for, groups_of, variants_of
from kanlab.explain.terms import terms_of
from kanlab.export.document_check import Damaged, check_content
from kanlab.files import written_whole
from kanlab.kan.bspline import bspline_basis, silu
from kanlab.kan.layers import RANGE_TOLERANCE, STRETCH, continuation, held
from kanlab.kan.network import BLOCK_ROWS, MOST_VALUES
from kanlab.stats.likelihood import exponential, probabilities, probability

FORMAT = 1
DELIMITERS = ",;\t|"


NO_INTERVALS = "The model has no intervals, because its bundle was made before they were; export it again to have them."


class BadInput(Exception):
    """One sentence: what is wrong, where, and what to do."""


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
        blanks = re.search(re.escape(delimiter) + ' +"', text) is not None  # before quotes they are no part of a cell
        cut = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=blanks)
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
        rows.append(row)
    return header, rows, decimal_sign(rows[:200], delimiter)


# ---- columns to the inputs of the model


class Encoder:
    """The inputs of the model from columns of text, by the recipe that was decided on the training rows."""

    def __init__(
        self, recipe: Mapping[str, Any], columns: Mapping[str, Sequence[str]], rows: int, decimal: str
    ) -> None:
        self.columns = {name: [cell.strip() for cell in cells] for name, cells in columns.items()}
        self.recipe, self.rows = recipe, rows
        known = recipe.get("conventions", {})
        self.known, self.decimal = known.get("columns", {}), known.get("decimal") or decimal
        self.missing = missing_words(known.get("missing", MISSING))
        self.unknown: Mask = np.zeros(rows, dtype=bool)
        self.notes: list[str] = []
        self._read: dict[str, list[Any]] = {}
        self._new: dict[str, Mask] = {}  # by column, the rows that hold what training had not
        absent = {c["source"] for c in recipe["columns"]} - self.columns.keys()
        lost = sorted({c["source"] for c in recipe["columns"] if c["fill"] is None and c["part"] != "missing"} & absent)
        if lost:
            names = ", ".join(f"'{name[:60]}'" for name in lost[:8])
            raise BadInput(f"The rows have no column {names}, which the model needs.")

    def inputs(self) -> Array:
        """X (rows, d); nan where a cell is missing and nothing fills it."""
        columns = [self._encoded(column) for column in self.recipe["columns"]]
        X = np.column_stack(columns) if self.rows else np.empty((0, len(columns)))
        put_means(X, self.levels())
        return X

    def weights(self, record: Mapping[str, Any]) -> Sequence[str] | None:
        """The cells that say how precise each row is, where a record of intervals names such a column and it is there."""
        return self.columns.get((record.get("weight") or {}).get("column", ""))

    def levels(self) -> list[UnknownLevel]:
        """The categories over whose levels predictions are averaged, once the inputs are known."""
        found = []
        for source, rows in self._new.items():
            columns = [i for i, c in enumerate(self.recipe["columns"]) if c["source"] == source and c.get("shares")]
            if columns:
                settings = [self._at_levels(self.recipe["columns"][i]) for i in columns]
                shares = np.array(self.recipe["columns"][columns[0]]["shares"])
                found.append(UnknownLevel(rows, np.array(columns), np.column_stack(settings), shares))
        return found

    def _at_levels(self, column: Mapping[str, Any]) -> Array:
        """An input for each level of its category, or for false and true."""
        levels = column["levels"]
        if column["level"] is not None:
            values = np.array([float(name == column["level"]) for name in levels])
        else:
            values = np.arange(len(levels) or 2, dtype=float)
        return transformed(column["transform"], values)

    def _encoded(self, column: Mapping[str, Any]) -> Array:
        source = column["source"]
        if source in self.columns:
            values = self._values(column, source)
        else:
            values = np.full(self.rows, 1.0 if column["part"] == "missing" else np.nan)
        if column["fill"] is not None:
            values = np.where(np.isnan(values), column["fill"], values)
        return transformed(column["transform"], values)

    def _values(self, column: Mapping[str, Any], source: str) -> Array:
        level, part, levels = (column[name] for name in ("level", "part", "levels"))
        if part == "missing":
            return np.array([float(lost) for lost in self._lost(source, levels)])
        if level is None and not part:
            return np.array(self._cells(source, "number"), dtype=float)
        if part not in ("other", "order") and level is None:
            return np.array([_date_part(when, part) for when in self._cells(source, "date")], dtype=float)
        cells = self._words(source)
        if part == "order":
            places = {name: float(i) for i, name in enumerate(levels)}
            return np.array([np.nan if c is None else places.get(c, np.nan) for c in cells], dtype=float)
        known = set(levels)
        if part == "other":
            return np.array([np.nan if c is None else float(c not in known) for c in cells], dtype=float)
        return np.array(
            [np.nan if c is None or (known and c not in known) else float(c == level) for c in cells], dtype=float
        )

    def _lost(self, source: str, levels: Sequence[str]) -> list[bool]:
        """Where a column has no value; what cannot be read as it was in training counts, and an unknown level."""
        others = [c for c in self.recipe["columns"] if c["source"] == source and c["part"] != "missing"]
        how = self.known.get(source, {"kind": "text"})["kind"]
        if others and others[0]["level"] is None and others[0]["part"] not in ("other", "order"):
            how = "date" if others[0]["part"] else "number"
        if how != "text":
            return [v is None or v != v for v in self._cells(source, how)]
        return [c is None or (bool(levels) and c not in levels) for c in self._words(source)]

    def _cells(self, source: str, kind: str) -> list[Any]:
        """The cells of a column as numbers or dates, nan or None where one is missing or none."""
        if source not in self._read:
            cells, how = self.columns[source], self.known.get(source)
            present = [c for c in dict.fromkeys(cells) if not self.missing(c)]
            none: Any = None if kind == "date" else np.nan
            values, bad = cells_as(cells, self.missing, self._reader(present, how, kind), none)
            averaged = self._is_averaged(source)
            if bad and how is None and not averaged and all(v is None or v != v for v in values):
                what = "dates" if kind == "date" else "numbers"
                raise BadInput(f"The column '{source[:60]}' holds values such as '{bad[0][:40]}', not {what}.")
            if bad:
                words = ", ".join(f"'{c[:40]}'" for c in bad[:4]) + (" and more" if len(bad) > 4 else "")
                counts = "the average of the training rows" if averaged else "missing"
                said = f"'{source[:60]}' holds {words}, which are none of what it held in training: they count as {counts}."
                advice = {"boolean": "", "time": ""}.get(
                    str((how or {}).get("kind")), " --help tells how to read otherwise."
                )
                self.notes.append(said + advice)
                self._mark(source, set(bad), cells)
            self._read[source] = values
        return self._read[source]

    def _reader(self, present: Sequence[str], how: Mapping[str, Any] | None, kind: str) -> Callable[[str], Any]:
        """What turns a cell into a number or a date, by the conventions of training, or else as most cells are written."""
        how = how or {}
        decimal = how.get("decimal") or self.decimal
        if kind == "date" or how.get("kind") == "date":
            form = how.get("date", "")
            order = order_of(form) or likelier_order(present, decimal)
            return lambda cell: date_of(cell, form, order)
        if not how:
            return guessed_reader(present, decimal) or (lambda cell: number_of(cell, decimal))
        if how["kind"] == "boolean":
            return lambda cell: boolean_of(cell, how["words"])
        number = "number" if how["kind"] == "text" else how["kind"]
        return lambda cell: number_of(cell, decimal, how["unit"], number)

    def _words(self, source: str) -> list[str | None]:
        """The cells of a category, None where one is missing; notes the levels that were not in training."""
        encoded = [c for c in self.recipe["columns"] if c["source"] == source]
        every = {name for c in encoded for name in c["levels"]}
        cells = [None if self.missing(c) and c not in every else c for c in self.columns[source]]
        if source not in self._read:
            self._read[source] = cells
            pooled = [c.get("pooled", []) for c in encoded if c["part"] == "other"]
            known = every.union(*pooled)
            new = {c for c in cells if c is not None and c not in known} if every and pooled != [[]] else set()
            if new:
                words = ", ".join(f"'{c[:40]}'" for c in sorted(new)[:4]) + (" and more" if len(new) > 4 else "")
                counts = "one of the pooled ones" if pooled else "missing"
                counts = "the average of the training rows" if self._is_averaged(source) else counts
                self.notes.append(
                    f"'{source[:60]}' holds {words}, not in the training rows: such cells count as {counts}."
                )
                self._mark(source, new, cells)
        return self._read[source]

    def _is_averaged(self, source: str) -> bool:
        """Whether what training had not counts as the average of the training rows."""
        return any(c["source"] == source and c.get("shares") for c in self.recipe["columns"])

    def _mark(self, source: str, new: set[str], cells: Sequence[str | None]) -> None:
        """Note the rows of a column that hold what training had not."""
        self._new[source] = np.array([c in new for c in cells], dtype=bool)
        self.unknown |= self._new[source]


# ---- the model


def evaluate(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """Outputs (rows,) on the scale of the fit, and True where a row lies outside the training rows and was held there.

    Of a model of two classes the outputs are probabilities; of more they are those of every class, (rows, classes); of counts
    they are their means.
    """
    if model["kind"] == "average":
        return weighted([evaluate(member, X) for member in model["members"]], model["weights"])
    kind: Callable[[Mapping[str, Any], Array], tuple[Array, Mask]] = {
        "kan": _network,
        "linear": _linear,
    }.get(model["kind"], _family)
    step = max(1, min(BLOCK_ROWS, MOST_VALUES // _widest(model)))
    blocks = [kind(model, X[i : i + step]) for i in range(0, len(X), step)]
    if not blocks:
        blocks = [kind(model, X)]
    outputs, outside = (np.concatenate([b[i] for b in blocks]) for i in (0, 1))
    link = {"logit": probability, "softmax": probabilities, "log": exponential}.get(model.get("link", ""))
    return (link(outputs) if link else outputs), outside


def _widest(model: Mapping[str, Any]) -> int:
    """The most values that a layer makes of a row."""
    splines = [len(layer["knots"]) * len(layer["knots"][0]) for layer in model.get("layers", [])]
    return max([1, *splines, *(len(biases) for biases in model.get("biases", []))])


def _network(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """A Kolmogorov-Arnold network: z'_j = sum_i phi_ij(z_i), phi_ij(z) = scale_base_ij silu(z) + sum_b coef_ijb B_ib(z)."""
    z = ((X - np.array(model["x_offset"])) / np.array(model["x_scale"])).T  # (inputs, rows)
    outside = np.zeros(len(X), dtype=bool)
    for layer in model["layers"]:
        knots, coef, scale_base = (np.array(layer[name]) for name in ("knots", "coef", "scale_base"))
        bounds = np.array(layer["range"])
        edge, moved = held(z, bounds)
        outside |= moved
        splines = np.einsum("ijb,ibn->jn", coef, bspline_basis(edge, knots, knots.shape[1] - coef.shape[2] - 1))
        out = splines + scale_base.T @ silu(edge)
        if moved.any() and "reach" in model:  # bundles made before had flat edges there
            out[:, moved] += continuation(
                z[:, moved], bounds, model["reach"], knots, coef, scale_base, model.get("stretch", STRETCH)
            )
        z = out
    if "output_range" in model:
        z, moved = held(z, np.array(model["output_range"]))
        outside |= moved
    outputs = z.T * np.array(model["y_scale"]) + np.array(model["y_offset"])
    return (outputs[:, 0] if outputs.shape[1] == 1 else outputs), outside


def _linear(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """offset + ((x - center) / scale) weights, flagged where x lies outside the range of the training rows."""
    low, high, center, scale, weights = (np.array(model[n]) for n in ("low", "high", "center", "scale", "weights"))
    slack = RANGE_TOLERANCE * np.maximum(high - low, 1.0)
    outside = ((low - slack > X) | (high + slack < X)).any(axis=1)
    return np.array(model["offset"]) + ((X - center) / scale) @ weights, outside


def _family(model: Mapping[str, Any], X: Array) -> tuple[Array, Mask]:
    """A model of another family, its inputs held to the range of the training rows."""
    low, high = np.array(model["low"]), np.array(model["high"])
    slack = RANGE_TOLERANCE * np.maximum(high - low, 1.0)
    outside = ((low - slack > X) | (high + slack < X)).any(axis=1)
    return FAMILIES[model["kind"]](model, np.clip(X, low, high)), outside


# ---- the whole way


def overruled(
    recipe: Mapping[str, Any], decimal: str | None, day_first: bool | None, missing: Sequence[str]
) -> Mapping[str, Any]:
    """A recipe that reads as somebody says of a table; None leaves it as it was in training."""
    known = dict(recipe.get("conventions", {}))
    columns = {name: dict(how) for name, how in known.get("columns", {}).items()}
    if day_first is not None:  # also of dates that were typed in training
        for column in recipe["columns"]:
            if column["part"] in DATE_PARTS:
                columns.setdefault(
                    column["source"], {"kind": "date", "decimal": "", "unit": "", "date": "", "words": []}
                )
    for how in columns.values():
        if decimal:
            how["decimal"] = decimal
        if day_first is not None and how["kind"] == "date":
            how["date"] = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    words = [*known.get("missing", MISSING), *missing]
    known |= {"columns": columns, "missing": words, "decimal": decimal or known.get("decimal", "")}
    return {**recipe, "conventions": known}


def predict_file(
    content: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    source: Path,
    target: Path,
    encoding: str | None = None,
    *,
    decimal: str | None = None,
    day_first: bool | None = None,
    missing: Sequence[str] = (),
    explain: bool = False,
    interval: float | None = LEVEL,
) -> list[str]:
    """Predict the rows of a file and write them with the predictions; what there is to say, in sentences.

    content: of model.json, or of one for each of several targets.  decimal, day_first, missing: how the file is written, where
    that is not as in training.  explain: with a column for what each feature contributes.  interval: the share of rows that
    intervals should hold, None for predictions alone.
    """
    contents = [content] if isinstance(content, Mapping) else list(content)
    recipes = [overruled(each["recipe"], decimal, day_first, missing) for each in contents]
    wanted = dict.fromkeys(c["source"] for recipe in recipes for c in recipe["columns"])
    header, rows, found_sign = read_csv(source, list(wanted), encoding)
    if target.exists() and target.samefile(source):
        raise BadInput(f"{target.name} would be written over the rows themselves; give another name.")
    columns: dict[str, list[str]] = {}
    for i, name in enumerate(header):
        columns.setdefault(name, [row[i] for row in rows])
    names, notes = list(header), [f"{len(rows):,} rows are in {target.name}."]
    added: list[list[Any]] = [[] for _ in rows]
    for each, recipe in zip(contents, recipes, strict=True):
        encoder = Encoder(recipe, columns, len(rows), found_sign)
        for add in (partial(_predicted, level=interval), _explained)[: 2 if explain else 1]:
            more, cells, said = add(each, recipe, encoder, set(names))
            names += more
            for row, known in zip(added, cells, strict=True):
                row += known
            notes += said
    try:
        with written_whole(target) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([defused(name) for name in names])
            for row, known in zip(rows, added, strict=True):
                writer.writerow([*(defused(cell) for cell in row), *known])
    except OSError as error:
        raise BadInput(f"{target.name} cannot be written: {error.strerror or error}.") from error
    return list(dict.fromkeys(notes))


def _predicted(
    content: Mapping[str, Any], recipe: Mapping[str, Any], encoder: Encoder, taken: set[str], level: float | None
) -> tuple[list[str], list[list[Any]], list[str]]:
    """The names of the columns that a model adds, their cells by row, and what there is to say.

    taken: names in use.  level: of intervals, None for none.
    """
    model, X = content["model"], encoder.inputs()
    ready: Mask = np.asarray(np.isfinite(X).all(axis=1))
    unknown = [level._replace(rows=level.rows[ready]) for level in encoder.levels()]
    values, outside = predict_averaged(lambda inputs: evaluate(model, inputs), X[ready], unknown)
    flagged = outside | encoder.unknown[ready]
    levels = recipe.get("levels", [])
    found: list[list[Any]] = [*np.atleast_2d(to_units(recipe["target_transform"], values).T).tolist(), flagged.tolist()]
    if levels:
        likeliest = values.argmax(axis=1) if values.ndim == 2 else values >= 0.5
        found.insert(0, [defused(levels[int(i)]) for i in likeliest])
    words = ["predicted", "probability", "extrapolates"] if len(levels) == 2 else ["predicted", "extrapolates"]
    names = [free_name(f"{recipe['target']}_{word}", taken) for word in words]
    if len(levels) > 2:
        names[1:1] = probability_names(recipe["target"], levels, taken)
    within, record, weights = list[str](), content.get("interval"), None
    if level is not None and record is not None:
        within = interval_names(recipe["target"], levels, taken)
        back = partial(to_units, recipe["target_transform"])
        weights = relative_weights(record, encoder.weights(record), encoder.decimal)
        of_ready = None if weights is None else weights[ready]
        bounds = interval_cells(record, levels, values, X[ready], level, back, of_ready)
        found[1:1] = [[defused(c) if isinstance(c, str) else c for c in np.asarray(b).tolist()] for b in bounds]
        names[1:1] = within
    predicted = iter(zip(*found, strict=True))
    cells = [
        list(next(predicted)) if is_ready else [""] * (len(names) - 1) + ([True] if is_new else [""])
        for is_ready, is_new in zip(ready, encoder.unknown, strict=True)
    ]
    notes, first = list(encoder.notes), 1 + len(within)
    if within:
        any_outside = bool(outside.any() or encoder.unknown.any())
        notes.append(interval_note(content["interval"], within, level or LEVEL, outside=any_outside, weights=weights))
    elif level is not None:
        notes.append(NO_INTERVALS)
    if len(levels) > 2:
        notes.append(f"The columns '{names[first]}' to '{names[-2]}' hold the probability of each class.")
    elif levels:
        notes.append(f"'{names[first]}' is the probability of '{levels[1][:60]}', against '{levels[0][:60]}'.")
    if content.get("smearing") is not None:
        notes.append(
            f"'{names[0]}' is a median, for the model was fitted to a logarithm; the mean is about {content['smearing']:.4g} "
            "times as large (Duan's smearing estimate)."
        )
    if not ready.all():
        notes.append(
            f"{int((~ready).sum()):,} of them have a missing value, or a level that was not in the training rows, and "
            "no prediction."
        )
    if outside.any():
        notes.append(f"{int(outside.sum()):,} of them lie outside the training rows; trust their predictions less.")
    return names, cells, notes


def _explained(
    content: Mapping[str, Any], recipe: Mapping[str, Any], encoder: Encoder, taken: set[str]
) -> tuple[list[str], list[list[Any]], list[str]]:
    """The same for what each feature contributes to the difference to the mean prediction."""
    if content.get("reference") is None:
        raise BadInput(
            "The bundle holds nothing to explain its predictions with; export it again with 'kanlab export --explain'."
        )
    explainer = explainer_for(
        terms_of(content["model"], lambda model, X: evaluate(model, X)[0]), recipe, content["reference"]
    )
    X = encoder.inputs()
    ready: Mask = np.asarray(np.isfinite(X).all(axis=1))
    unknown = [level._replace(rows=level.rows[ready]) for level in encoder.levels()]
    features = list(groups_of(recipe))
    names = [name for of_output in contribution_names(recipe, features, taken) for name in of_output]
    cells: list[list[Any]] = [[""] * len(names) for _ in X]
    for row, variants in zip(np.flatnonzero(ready), variants_of(X[ready], unknown), strict=True):
        phi = explainer.explain(variants)[0]
        cells[row] = np.vstack([explainer.mean, phi]).T.ravel().tolist()
    scale = "as log-odds" if recipe.get("levels") else "on the scale the model was fitted on"
    note = f"'{names[1]}' and so on are what each feature adds to the mean prediction, '{names[0]}', {scale}."
    return names, cells, [note]


def read_model(path: Path) -> dict[str, Any]:
    """The content of model.json."""
    again = "it belongs beside this file, so unpack the bundle again."
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not there or damaged; {again}") from error
    version = content.get("format") if isinstance(content, dict) else None
    if type(version) is not int or not 0 < version < 1000:
        raise BadInput(f"{path.name} holds no model; {again}")
    if version != FORMAT:
        raise BadInput(f"{path.name} has format {version} and this file reads {FORMAT}; export it again.")
    try:
        check_content(content)
    except Damaged as error:
        raise BadInput(f"{path.name} is damaged at {error}; {again}") from error
    return content


def read_models(folder: Path) -> list[dict[str, Any]]:
    """The content of model.json in a folder, or where there is none of those in the folders within it, one for each target."""
    inner = [] if (folder / "model.json").exists() else sorted(folder.glob("*/model.json"))
    return [read_model(path) for path in inner or [folder / "model.json"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 done, 2 bad input."""
    parser = argparse.ArgumentParser(description="Predict the rows of a CSV file by the model in model.json.")
    parser.add_argument("source", metavar="IN.csv", type=Path)
    parser.add_argument("target", metavar="OUT.csv", type=Path)
    parser.add_argument("--encoding", help="of IN.csv (default: UTF-8, or UTF-16 with its mark)")
    parser.add_argument("--decimal", choices=[".", ","], help="its decimal sign (default: as in training)")
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--day-first", action="store_true", default=None, help="3/4/2024 is in April")
    order.add_argument("--month-first", dest="day_first", action="store_false", help="3/4/2024 is in March")
    parser.add_argument("--missing", default="", metavar="A,B", help="further words that mean a missing value")
    parser.add_argument(
        "--interval", type=level_of, default=LEVEL, metavar="SHARE", help="of rows that intervals hold (0.9), or none"
    )
    parser.add_argument("--explain", action="store_true", help="also what each feature contributes, a column each")
    given = parser.parse_args(arguments)
    try:
        content = read_models(Path(__file__).parent)
        words = [word.strip() for word in given.missing.split(",") if word.strip()]
        how = {"decimal": given.decimal, "day_first": given.day_first, "missing": words, "explain": given.explain}
        how["interval"] = given.interval
        print(*predict_file(content, given.source, given.target, given.encoding, **how), sep="\n", file=sys.stderr)
    except BadInput as error:
        print(f"predict: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
