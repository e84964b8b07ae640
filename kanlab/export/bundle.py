"""A model to take away: one zip that unpacks to a folder whose predict.py needs NumPy alone.

    model.json        the network or the linear model and the recipe of its data, as numbers and text
    predict.py        python predict.py IN.csv OUT.csv; see predict_source
    README.md         what it is, why it was chosen, what to worry about, how to predict
    report.html       the same with pictures, on one page that needs nothing else
    formula.py        the formula that comes nearest to the network, with NumPy alone (networks)
    network.svg       the network drawn (networks)
    study.json        the study as `kanlab show --json` prints it
    trials.csv        all its trials
    requirements.txt  numpy

The same study and model give the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.data.recipe import Recipe
from kanlab.data.writing import to_csv
from kanlab.errors import StudyError
from kanlab.explain.diagram import diagram, standing_alone
from kanlab.explain.formula import errors, formula_of, remarks
from kanlab.explain.formula_code import python
from kanlab.explain.predictor import Predictor
from kanlab.export.document import MODEL, document
from kanlab.export.predict_source import predict_source
from kanlab.export.report import Drawing, error_columns, error_words, identity, is_recommended, model_rows, report
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.selection.measures import four_digits
from kanlab.selection.ranking import trial_table
from kanlab.study.handle import StudyHandle

_LISTED = 12
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of every file, so that equal bundles have equal bytes
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")


@dataclass(frozen=True, eq=False)
class Bundle:
    """The files of a bundle by name, and the name of its folder."""

    folder: str
    files: Mapping[str, str]

    def zipped(self) -> bytes:
        """The folder as a zip archive."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files.items():
                member = zipfile.ZipInfo(f"{self.folder}/{name}", _LONG_AGO)
                member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(member, text.encode("utf-8"))
        return packed.getvalue()


def bundle(handle: StudyHandle, predictor: Predictor, data: Dataset, content: Mapping[str, Any]) -> Bundle:
    """The bundle of a fitted model. data: that of the study.  content: of Study.to_dict.

    Raises StudyError for a model that cannot be exported.
    """
    chosen = _chosen(content, predictor)
    versions = {str(name): str(v) for name, v in handle.optuna.user_attrs.get("versions", {}).items()}
    facts = {
        "Study": handle.name,
        "Data": f"{handle.data.name}, {handle.data.rows:,} rows",
        "SHA-256 of the data": handle.data.sha256,
        "Engine": ", ".join(filter(None, (content["engine"], f"seed {content['seed']}", handle.spec.starts_words))),
        "Versions": ", ".join(f"{name} {v}" for name, v in versions.items()),
    }
    about = {"study": handle.name, "data_sha256": handle.data.sha256, "versions": versions}
    files = {MODEL: json.dumps(document(predictor, about), ensure_ascii=False, allow_nan=False, indent=1)}
    files["predict.py"] = predict_source()
    drawing = Drawing()
    if isinstance(predictor.fitted, FittedKan):
        curves = curves_of(predictor.fitted, data.X_train)
        drawn = diagram(curves, data.features, data.output_label)
        formula = formula_of(curves, data)
        code = python(formula, f"An approximation of {predictor.label}, of the study {handle.name}.")
        drawing = Drawing(drawn.svg, drawn.note, code, (*remarks(formula), errors(formula)))
        files["formula.py"] = code
        files["network.svg"] = standing_alone(drawn.svg)
    files["README.md"] = _readme(content, predictor, chosen, facts, list(files))
    files["report.html"] = report(content, predictor.label, chosen, drawing, facts)
    files["study.json"] = json.dumps(content, indent=2, allow_nan=False)
    files["trials.csv"] = to_csv(trial_table(handle.records()))
    files["requirements.txt"] = "numpy>=1.26\n"
    return Bundle(folder_name(handle.name), files)


def write(made: Bundle, path: Path) -> None:
    """Write the zip. Raises StudyError where that cannot be done."""
    try:
        path.write_bytes(made.zipped())
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror or error}.") from error


def folder_name(study: str) -> str:
    """A study's name as the name of a folder on any system."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", study).strip("-")[:60] or "model"


def _chosen(content: Mapping[str, Any], predictor: Predictor) -> dict[str, Any]:
    """The row of the exported model: its family, and its number if it is a trial."""
    if predictor.trial is not None:
        return {"family": "kan", "number": predictor.trial, "without": list(predictor.without)}
    return {"family": content["recommended"]["family"], "number": None}


# ---- README.md


def _readme(
    content: Mapping[str, Any],
    predictor: Predictor,
    chosen: Mapping[str, Any],
    facts: Mapping[str, str],
    files: list[str],
) -> str:
    data, recipe = content["data"], predictor.recipe
    reasons = content["reasons"] if is_recommended(content, chosen) else []
    lines = [
        f"# {_plain(content['study'])}: {_plain(predictor.label)}",
        "",
        f"A model of {_plain(data['target_label'])}, chosen among {len(model_rows(content))} by AICc with kanlab, and all it "
        "takes to predict with it. Open `report.html` for pictures.",
        "",
        "## Predict",
        "",
        "    python -m pip install -r requirements.txt      # NumPy; Python 3.11 or newer",
        "    python predict.py IN.csv OUT.csv",
        "",
        "`IN.csv` is a table with a header row in UTF-8, separated by commas, semicolons, tabs or bars, with these columns:",
        "",
        *_columns(recipe),
        "",
        f"`OUT.csv` has its rows as they are and {_added(recipe)}, and `{_code(recipe.target)}_extrapolates`, True where the "
        "row lies outside the training rows and the model was held at their edge. A row that cannot be predicted has neither.",
        "",
        "With kanlab installed, `kanlab predict BUNDLE.zip IN.csv -o OUT.csv` does the same, from any kind of table.",
        "",
        "## Why this model",
        "",
    ]
    lines += [f"- {_plain(reason)}" for reason in reasons] or [
        "- It was asked for by its number; it is not the one the study recommends."
    ]
    if content["warnings"]:
        lines += ["", "## What to worry about", "", *(f"- {_plain(warning)}" for warning in content["warnings"])]
    rows = model_rows(content)
    lowest = rows[0]["aicc"] if rows else 0.0
    lines += [
        "",
        "## Models by AICc",
        "",
        f"| model | K | AICc | ΔAICc | {' | '.join(error_columns(data))} |",
        "|---|---|---|---" + "|---" * len(error_columns(data)) + "|",
    ]
    for r in rows[:_LISTED]:
        mark = " (this one)" if identity(r) == identity(chosen) else ""
        errors = " | ".join(four_digits(r[n]) for n in error_columns(data).values())
        lines.append(
            f"| {_plain(r['model'])}{mark} | {r['n_params']:.4g} | {r['aicc']:.2f} | {r['aicc'] - lowest:.2f} | {errors} |"
        )
    lines += [
        "",
        f"K is counted as {content['count']}; AICc on {data['n_train']:,} training rows. "
        f"{_plain(error_words(data))}. The {data['n_test']:,} test rows were never used to choose.",
        "",
        "## Where it comes from",
        "",
        *(f"- {name}: {_plain(value)}" for name, value in facts.items()),
        "",
        f"`model.json` holds the model as numbers and text, nothing pickled; `study.json` the study; `trials.csv` all its "
        f"trials.{' `formula.py` is a formula that comes near the network.' if 'formula.py' in files else ''}",
        "",
    ]
    return "\n".join(lines)


def _added(recipe: Recipe) -> str:
    """The columns of the prediction."""
    name = _code(recipe.target)
    if recipe.levels:
        zero, one = map(_plain, recipe.levels)
        return (
            f"three columns more: `{name}_predicted`, the likelier of {zero} and {one}, `{name}_probability`, the probability "
            f"of {one}"
        )
    median = " (a median: the model was fitted on another scale)" if recipe.target_transform.scale != "none" else ""
    return f"two columns more: `{name}_predicted`, in units of the target{median}"


def _columns(recipe: Recipe) -> Sequence[str]:
    lines = []
    for source in recipe.sources:
        columns = [c for c in recipe.columns if c.source == source and c.part != "missing"]
        levels = dict.fromkeys(level for c in columns for level in c.levels)
        kind = "a number" if any(c.is_number for c in columns) else "a date"
        if levels or any(c.level is not None for c in columns):
            names = [*levels, *(c.level for c in columns if c.level is not None and c.level not in levels)]
            kind = "one of " + ", ".join(_plain(str(n)) for n in names[:12])
        gaps = "may be missing" if all(c.fill is not None for c in columns) else "needed"
        lines.append(f"- {_plain(source)}: {kind}; {gaps}")
    return lines


def _plain(text: str) -> str:
    """Text as data in Markdown."""
    return _MARKDOWN.sub(r"\\\1", str(text).replace("\n", " ").replace("\r", " "))


def _code(text: str) -> str:
    """Text within backticks."""
    return text.replace("`", "'").replace("\n", " ").replace("\r", " ")
