"""A model as a document that needs no pickle and no kanlab: written into bundles, read back from them with suspicion."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.baselines.protocol import Affine
from kanlab.data.reading import standalone
from kanlab.data.recipe import Recipe
from kanlab.errors import StudyError
from kanlab.explain.predictor import HeldFamily, Model, Predictor
from kanlab.kan.network import FittedKan
from kanlab.stats.likelihood import CLASSIFICATION, TaskName

MODEL = "model.json"
MAX_FILES = 100
MAX_BYTES = 64 * 2**20  # of the archive, and of its model unpacked
_SCALES = ("x_offset", "x_scale", "y_offset", "y_scale")


@dataclass(frozen=True, eq=False)
class StoredModel:
    """The model of a document, evaluated as the bundle's own predict.py evaluates it."""

    content: Mapping[str, Any]

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]:
        return standalone.evaluate(self.content, X)


def model_document(model: Model) -> dict[str, Any]:
    """The numbers of a fitted model as JSON knows them. Raises StudyError for a family that has none to keep.

    link: "logit" where the outputs are log-odds, and the predictions probabilities.  output_range: only where they are held.
    """
    if isinstance(model, StoredModel):
        return dict(model.content)
    if isinstance(model, FittedKan):
        layers = [
            {"knots": layer.knots, "coef": layer.coef, "scale_base": layer.scale_base, "range": held}
            for layer, held in zip(model.layers, model.ranges, strict=True)
        ]
        return _link(model.task) | {
            "kind": "kan",
            "layer_widths": list(model.spec.layer_widths),
            "grid": model.spec.grid,
            "k": model.spec.k,
            **{name: getattr(model, name).tolist() for name in _SCALES},
            **({"output_range": model.output_range.tolist()} if np.isfinite(model.output_range).all() else {}),
            "layers": [{name: array.tolist() for name, array in layer.items()} for layer in layers],
        }
    if isinstance(model, HeldFamily) and isinstance(model.fitted.predict, Affine):
        affine = model.fitted.predict
        arrays = {"center": affine.center, "scale": affine.scale, "weights": affine.weights}
        arrays |= {"low": model.low, "high": model.high}
        content = {"kind": "linear", "offset": float(affine.offset)} | {n: a.tolist() for n, a in arrays.items()}
        return _link(affine.task) | content
    raise StudyError("Models of this family cannot be exported; choose a network or a linear model.")


def _link(task: TaskName) -> dict[str, str]:
    return {"link": "logit"} if task == CLASSIFICATION else {}


def document(predictor: Predictor, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a prediction needs. about: what else to say, such as the study's name."""
    return {
        "format": standalone.FORMAT,
        **about,
        "label": predictor.label,
        "trial": predictor.trial,
        "recipe": predictor.recipe.to_dict(),
        "model": model_document(predictor.fitted),
    }


def is_bundle(path: Path) -> bool:
    """Whether a path is a zip archive there is."""
    return path.is_file() and zipfile.is_zipfile(path)


def read_bundle(path: Path) -> Predictor:
    """The model of a bundle. Nothing is written to disk and nothing in it is executed.

    Raises StudyError, with one sentence, for what is no bundle of kanlab or has been damaged.
    """
    name = path.name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StudyError(f"{name} is larger than {MAX_BYTES >> 20} MB, which no bundle is; export it again.")
        content = json.loads(_model_text(path.read_bytes(), name))
    except OSError as error:
        raise StudyError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise StudyError(f"The model in {name} is damaged; export it again.") from error
    if not isinstance(content, dict) or content.get("format") != standalone.FORMAT:
        raise StudyError(f"{name} holds a model of another version of kanlab; export it again, or use its predict.py.")
    try:
        recipe = Recipe.from_dict(content["recipe"])
        _check(content["model"], len(recipe.columns))
        levels = [level for level in recipe.levels if isinstance(level, str)]
        if (len(levels) == 2, content["model"].get("link")) not in ((True, "logit"), (False, None)) or (
            len(levels) != len(recipe.levels)
        ):
            raise ValueError("link")
        return Predictor(str(content["label"]), recipe, StoredModel(content["model"]), trial=content.get("trial"))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StudyError(f"The model in {name} is damaged; export it again.") from error


def _model_text(packed: bytes, name: str) -> str:
    """The text of the one model.json of an archive whose names stay within it."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if len(members) > MAX_FILES or any(not _is_plain(m) for m in members):
                raise StudyError(f"{name} is no bundle of kanlab: its files have names that no bundle has.")
            found = [m for m in members if PurePosixPath(m.filename).name == MODEL]
            if len(found) != 1 or found[0].flag_bits & 1:
                raise StudyError(f"{name} is no bundle of kanlab: it has no {MODEL}; make one with 'kanlab export'.")
            with archive.open(found[0]) as unpacked:
                text = unpacked.read(MAX_BYTES + 1)  # counted, whatever the archive says of its size
    except StudyError:
        raise
    except Exception as error:  # zipfile raises seven kinds of error at least on bytes it did not expect
        raise StudyError(f"{name} is a damaged zip archive; export it again.") from error
    if len(text) > MAX_BYTES:
        raise StudyError(f"{name} unpacks to more than {MAX_BYTES >> 20} MB, which no bundle does; export it again.")
    return text.decode("utf-8")


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """A file or folder whose path stays within the archive, and no link."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    link = stat.S_ISLNK(member.external_attr >> 16)
    return not (path.is_absolute() or ".." in path.parts or ":" in member.filename or link)


def _check(model: Any, d: int) -> None:
    """Refuse numbers that do not fit together. Raises ValueError, KeyError or TypeError."""

    def finite(value: Any, shape: tuple[int, ...]) -> None:
        array = np.array(value, dtype=float)
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError("shape")

    if model["kind"] == "linear":
        finite(model["offset"], ())
        for name in ("center", "scale", "weights", "low", "high"):
            finite(model[name], (d,))
        return
    widths, grid, k = model["layer_widths"], model["grid"], model["k"]
    if model["kind"] != "kan" or widths[0] != d or widths[-1] != 1 or not 1 <= k <= 20 or len(widths) < 2:
        raise ValueError("structure")
    for name, size in zip(_SCALES, (d, d, 1, 1), strict=True):
        finite(model[name], (size,))
    if "output_range" in model:  # bundles made before outputs were held have none
        finite(model["output_range"], (1, 2))
    if len(model["layers"]) != len(widths) - 1:
        raise ValueError("layers")
    for layer, n_in, n_out in zip(model["layers"], widths[:-1], widths[1:], strict=True):
        finite(layer["knots"], (n_in, grid + 2 * k + 1))
        finite(layer["coef"], (n_in, n_out, grid + k))
        finite(layer["scale_base"], (n_in, n_out))
        finite(layer["range"], (n_in, 2))
