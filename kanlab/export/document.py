"""A model as a document that needs no pickle and no kanlab: written into bundles, read back from them with suspicion."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from kanlab.arrays import Array, Mask
from kanlab.baselines.protocol import Affine, Portable
from kanlab.errors import KanlabError, StudyError
from kanlab.explain.average import AveragedModel
from kanlab.explain.models import HeldFamily, Model
from kanlab.explain.predictor import Predictor
from kanlab.export.document_check import Damaged, check_content
from kanlab.export.predict_template import FORMAT, evaluate
from kanlab.export.schema import Document, Layer, Linear, Network
from kanlab.kan.layers import STRETCH
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION
from kanlab.study.several_targets import MOST_TARGETS
from kanlab.text import harmless, series

MODEL = "model.json"
LINKS: dict[str, Literal["logit", "softmax", "log"] | UnsetType] = {
    REGRESSION: UNSET,
    CLASSIFICATION: "logit",
    MULTICLASS: "softmax",
    COUNTS: "log",
}
MAX_FILES = 150
MAX_BYTES = 64 * 2**20  # of the archive
MAX_MODEL_BYTES = 16 * 2**20  # of its model unpacked, which takes twenty times as much once it is read


@dataclass(frozen=True, eq=False)
class StoredModel:
    """The model of a document, evaluated as the bundle's own predict.py evaluates it."""

    content: Mapping[str, Any]

    @property
    def extends(self) -> bool:
        """Whether it is linear."""
        return bool(self.content["kind"] == "linear")

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]:
        return evaluate(self.content, X)


def model_document(model: Model) -> dict[str, Any]:
    """The numbers of a fitted model as JSON knows them. Raises StudyError for a family that has none to keep."""
    if isinstance(model, StoredModel):
        return dict(model.content)
    if isinstance(model, AveragedModel):
        members = [model_document(member) for member in model.members]
        return {"kind": "average", "weights": list(model.weights), "members": members}
    content: Network | Linear
    if isinstance(model, FittedKan):
        content = Network(
            layer_widths=list(model.spec.layer_widths),
            grid=model.spec.grid,
            k=model.spec.k,
            x_offset=model.x_offset.tolist(),
            x_scale=model.x_scale.tolist(),
            y_offset=model.y_offset.tolist(),
            y_scale=model.y_scale.tolist(),
            layers=[
                Layer(layer.knots.tolist(), layer.coef.tolist(), layer.scale_base.tolist(), held.tolist())
                for layer, held in zip(model.layers, model.ranges, strict=True)
            ],
            output_range=model.output_range.tolist() if np.isfinite(model.output_range).all() else UNSET,
            reach=model.reach,
            stretch=UNSET if model.stretch == STRETCH else model.stretch,
            link=LINKS[model.task],
        )
    elif isinstance(model, HeldFamily) and isinstance(model.fitted.predict, Affine):
        affine = model.fitted.predict
        content = Linear(
            offset=np.asarray(affine.offset).tolist(),
            center=affine.center.tolist(),
            scale=affine.scale.tolist(),
            weights=affine.weights.tolist(),
            low=model.low.tolist(),
            high=model.high.tolist(),
            link=LINKS[affine.task],
        )
    elif isinstance(model, HeldFamily) and isinstance(model.fitted.predict, Portable):
        return (
            model.fitted.predict.numbers()
            | {"low": model.low.tolist(), "high": model.high.tolist()}
            | ({} if model.task == REGRESSION else {"link": LINKS[model.task]})
        )
    else:
        raise StudyError(
            say(
                "Models of this family cannot be exported, because they have no numbers to write; choose another model."
            )
        )
    return dict(msgspec.to_builtins(content))


def document(predictor: Predictor, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a prediction needs. about: what else to say, such as the study's name."""
    return (
        {
            "format": FORMAT,
            **about,
            "label": predictor.label,
            "trial": predictor.trial,
            "recipe": predictor.recipe.to_dict(),
            "model": model_document(predictor.fitted),
        }
        | {name: value for name in ("smearing", "interval") if (value := getattr(predictor, name)) is not None}
        | _reference(predictor)
    )


def _reference(predictor: Predictor) -> dict[str, Any]:
    """What the predictions are explained against, where the bundle is to say why."""
    if predictor.reference is None:
        return {}
    return {"reference": {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in predictor.reference.items()}}


def document_text(content: Mapping[str, Any]) -> str:
    """A document as JSON. Raises StudyError for one so large that it would be refused where it is read."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
    if (size := len(text.encode())) > MAX_MODEL_BYTES:
        raise StudyError(
            say(
                "The model takes {size:.1f} MB, and bundles hold models of at most {max_model_bytes} "
                "MB; choose a smaller one.",
                size=size / 2**20,
                max_model_bytes=MAX_MODEL_BYTES >> 20,
            )
        )
    return text


def is_bundle(path: Path) -> bool:
    """Whether a path is a zip archive there is, or a file that says so by its name."""
    return path.is_file() and (path.suffix.casefold() == ".zip" or zipfile.is_zipfile(path))


def read_bundle(path: Path) -> Predictor:
    """The model of a bundle of one target; see `read_models`."""
    models = read_models(path)
    if len(models) > 1:
        targets = series([f"'{model.recipe.target[:40]}'" for model in models])
        raise StudyError(
            say(
                "{name} holds a model for each of {models} targets: {targets}.",
                name=path.name,
                models=len(models),
                targets=targets,
            )
        )
    return models[0]


def read_models(path: Path) -> list[Predictor]:
    """The models of a bundle, one for each target. Nothing is written to disk and nothing in it is executed.

    Raises StudyError, with one sentence, for what is no bundle of kanlab or has been damaged.
    """
    name = path.name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise StudyError(
                say(
                    "{name} is larger than {max_bytes} MB, which no bundle is; export it again.",
                    name=name,
                    max_bytes=MAX_BYTES >> 20,
                )
            )
        texts = _model_texts(path.read_bytes(), name)
    except OSError as error:
        reason = error.strerror or error
        raise StudyError(say("{name} cannot be read: {reason}.", name=name, reason=reason)) from error
    models = [_read(text, name) for text in texts]
    if len({model.recipe.target for model in models}) < len(models):
        raise StudyError(
            say(
                "{name} is no bundle of kanlab: it has no {model} for each of several targets; make "
                "one with 'kanlab export'.",
                name=name,
                model=MODEL,
            )
        )
    return models


def _read(text: bytes, name: str) -> Predictor:
    """The model of a document. name: of the bundle."""
    try:
        content = msgspec.json.decode(text)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise StudyError(
                say(
                    "{name} holds a model of another version of kanlab; export it again, or use its predict.py.",
                    name=name,
                )
            )
        found = msgspec.convert(content, Document)
        check_content(content)
    except StudyError:
        raise
    except (ValueError, RecursionError, OverflowError, KanlabError, Damaged) as error:
        raise _damaged(name, error) from error
    model = StoredModel(msgspec.to_builtins(found.model))
    more = {name: _plain(getattr(found, name)) for name in ("interval", "reference")}
    return Predictor(harmless(found.label), found.recipe, model, trial=found.trial, smearing=found.smearing, **more)


def _plain(part: msgspec.Struct | None) -> Any:
    return None if part is None else msgspec.to_builtins(part)


def _damaged(name: str, error: Exception) -> StudyError:
    """One sentence, with the place where it is known: msgspec ends its message with it, `check_content` raises it."""
    text = str(error)
    place = text if isinstance(error, Damaged) else text.partition("`$.")[2].rstrip("`")
    if place:
        return StudyError(say("The model in {name} is damaged at {place}; export it again.", name=name, place=place))
    return StudyError(say("The model in {name} is damaged; export it again.", name=name))


def _model_texts(packed: bytes, name: str) -> list[bytes]:
    """The text of the model.json of an archive whose names stay within it, or of one in each of several folders beside one
    another, by name.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if len(members) > MAX_FILES or any(not _is_plain(m) for m in members):
                raise StudyError(
                    say("{name} is no bundle of kanlab: its files have names that no bundle has.", name=name)
                )
            found = sorted((m for m in members if PurePosixPath(m.filename).name == MODEL), key=lambda m: m.filename)
            folders = {PurePosixPath(m.filename).parent for m in found}
            joined = len(found) == len(folders) <= MOST_TARGETS and len({folder.parent for folder in folders}) == 1
            if not joined or any(m.flag_bits & 1 for m in found):
                raise StudyError(
                    say(
                        "{name} is no bundle of kanlab: it has no {model}; make one with 'kanlab export'.",
                        name=name,
                        model=MODEL,
                    )
                )
            texts, left = [], MAX_MODEL_BYTES
            for member in found:
                with archive.open(member) as unpacked:
                    texts.append(unpacked.read(left + 1))  # counted, whatever the archive says of its size
                left -= len(texts[-1])
                if left < 0:
                    break
    except StudyError:
        raise
    except Exception as error:  # zipfile raises seven kinds of error at least on bytes it did not expect
        raise StudyError(say("{name} is a damaged zip archive; export it again.", name=name)) from error
    if left < 0:
        raise StudyError(
            say(
                "{name} unpacks to more than {max_model_bytes} MB, which no bundle does; export it again.",
                name=name,
                max_model_bytes=MAX_MODEL_BYTES >> 20,
            )
        )
    return texts


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """A file or folder whose path stays within the archive, and no link."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    link = stat.S_ISLNK(member.external_attr >> 16)
    return not (path.is_absolute() or ".." in path.parts or ":" in member.filename or link)
