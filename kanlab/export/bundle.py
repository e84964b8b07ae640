"""A model to take away: one zip that unpacks to a folder whose predict.py needs NumPy alone.

    model.json        the network or the linear model and the recipe of its data, as numbers and text
    predict.py        python predict.py IN.csv OUT.csv; see predict_source
    README.md         a model card: what it is, what for, why it was chosen, the warnings, how to predict
    report.html       the same with pictures, on one page that needs nothing else
    formula.py        the recommended formula of the study, or that of the network, with NumPy alone (networks)
    network.svg       the network drawn (networks)
    study.json        the study as `kanlab show --json` prints it
    trials.csv        all its trials
    requirements.txt  numpy
    Dockerfile        serves it, by `kanlab serve`

Of several targets each has such a folder, within one that holds a predict.py for all of them.

The same study and model give the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kanlab.data.dataset import Dataset
from kanlab.data.examples import told_name
from kanlab.data.writing import to_csv
from kanlab.errors import StudyError
from kanlab.explain.bands import bands_of
from kanlab.explain.constraints_kept import statement
from kanlab.explain.contributions import with_reference
from kanlab.explain.diagnostics import diagnostics_of
from kanlab.explain.diagram import diagram, standing_alone
from kanlab.explain.formula import errors, remarks
from kanlab.explain.formula_code import python
from kanlab.explain.formulas import formulas_in, read_search
from kanlab.explain.interactions import interactions
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor
from kanlab.export.card import dockerfile
from kanlab.export.document import MODEL, document, document_text
from kanlab.export.effects_html import MOST_FEATURES, effects_of
from kanlab.export.exported import Exported
from kanlab.export.predict_source import predict_source
from kanlab.export.readme import plain, readme
from kanlab.export.report import Drawing, report
from kanlab.export.study_json import study_json
from kanlab.files import write_whole
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.language import say, use
from kanlab.selection.ranking import trial_table
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.study.handle import StudyHandle
from kanlab.text import series

REQUIREMENTS = "numpy>=1.26\n"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of every file, so that equal bundles have equal bytes


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


def bundle(handle: StudyHandle, predictor: Predictor, data: Dataset, *, explain: bool = False) -> Bundle:
    """The bundle of a fitted model. data: that of the study.  explain: with some training rows, against which predict.py
    explains its predictions on request.

    Raises StudyError for a model that cannot be exported.
    """
    records = handle.records()
    found = recommend(handle, records, read_validation(handle.optuna.user_attrs))
    versions = {str(name): str(v) for name, v in handle.optuna.user_attrs.get("versions", {}).items()}
    engine = (handle.spec.engine, say("seed {seed}", seed=handle.spec.seed), handle.spec.starts_words)
    facts = {
        say("Study"): handle.name,
        say("Data"): say("{name}, {rows:,} rows", name=told_name(handle.data.name), rows=handle.data.rows),
        say("SHA-256 of the data"): handle.data.sha256,
        say("Engine"): series([*filter(None, engine)]),
        say("Versions"): series([f"{name} {v}" for name, v in versions.items()]),
    }
    if handle.spec.constraints:
        facts[say("Constraints")] = statement(predictor.fitted, handle.spec.constraints, data)
    about = {"study": handle.name, "data_sha256": handle.data.sha256, "versions": versions}
    predictor = with_reference(predictor, data) if explain else predictor
    files = {MODEL: document_text(document(predictor, about))}
    files["predict.py"] = predict_source()
    drawing = Drawing()
    if isinstance(predictor.fitted, FittedKan):
        curves = curves_of(predictor.fitted, data.X_train)
        drawn = diagram(curves, data.features, data.output_names)
        search = read_search(handle)
        kept = formulas_in(handle, search, data) if search and search.found else []
        formula = kept[search.found.used] if search and search.found else formula_of(curves, data)
        what = "A formula" if kept else f"An approximation of {predictor.label}"
        code = python(formula, f"{what}, of the study {handle.name}.")
        drawing = Drawing(drawn.svg, drawn.note, code, (*remarks(formula), errors(formula)))
        files["formula.py"] = code
        files["network.svg"] = standing_alone(drawn.svg)
    bands = bands_of(predictor.fitted, data)
    drawing = replace(
        drawing,
        effects=effects_of(lambda X: predictor.fitted.predict_flagged(X)[0], data, bands),
        diagnostics=diagnostics_of(predictor.fitted, data, bands),
    )
    if data.d <= MOST_FEATURES:
        drawing = replace(drawing, interactions=interactions(handle, predictor, data, fit=False).sentence)
    exported = Exported(handle, found, predictor.name, predictor.key, facts, predictor.interval)
    files["README.md"] = readme(exported, predictor.recipe, "formula.py" in files)
    files["report.html"] = report(exported, drawing)
    with use("en"):  # as every study.json is
        content = study_json(handle, records, recommend(handle, records, found.validation))
    files["study.json"] = json.dumps(content, indent=2, allow_nan=False)
    files["trials.csv"] = to_csv(trial_table(records))
    files["requirements.txt"] = REQUIREMENTS
    files["Dockerfile"] = dockerfile()
    return Bundle(folder_name(handle.name), files)


def joint_bundle(name: str, parts: Sequence[tuple[str, Bundle]]) -> Bundle:
    """A bundle for several targets: the bundle of each in a folder of its own, and above them a predict.py for all.

    name: of the group.  parts: the targets and their bundles.
    """
    files = {"predict.py": predict_source()}
    lines = []
    for number, (target, made) in enumerate(parts, 1):
        folder = f"{number:02}-{folder_name(target)[:40]}"
        files |= {f"{folder}/{part}": text for part, text in made.files.items() if part != "Dockerfile"}
        lines.append(f"- `{folder}`: {plain(target)}")
    files["README.md"] = "\n".join(
        [
            say("# {name}: {count} targets", name=plain(name), count=len(parts)),
            "",
            say(
                "Each target has a model of its own, in a folder of its own with its README, report, "
                "formula and predict.py:"
            ),
            "",
            *lines,
            "",
            say("All of them at once, with NumPy alone:"),
            "",
            "    pip install -r requirements.txt",
            "    python predict.py IN.csv OUT.csv",
            "",
            say("OUT.csv holds the rows of IN.csv as they are and beside them the columns that each target adds."),
            "",
        ]
    )
    files["requirements.txt"] = REQUIREMENTS
    files["Dockerfile"] = dockerfile()
    return Bundle(folder_name(name), files)


def write(made: Bundle, path: Path) -> None:
    """Write the zip. Raises StudyError where that cannot be done, and what was there stays."""
    write_whole(path, made.zipped(), StudyError)


def folder_name(study: str) -> str:
    """A study's name as the name of a folder on any system."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", study).strip("-")[:60] or "model"
