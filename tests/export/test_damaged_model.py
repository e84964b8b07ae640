"""Whatever stands in a model.json, kanlab and predict.py read it as a model or refuse it in one sentence."""

from __future__ import annotations

import copy
import io
import json
import math
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.baselines.registry import COMPARISON_FAMILIES, fit_named
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.reading.table import read_table
from kanlab.errors import DatasetError, KanlabError, StudyError
from kanlab.explain.models import HeldFamily
from kanlab.explain.predictor import Predictor
from kanlab.export import predict_template
from kanlab.export.document import document, read_bundle
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.text import quoted
from tests.helpers.sentences import assert_sentence, refused


def rows(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    frame = pd.DataFrame(
        {
            "a": rng.uniform(1, 2, n),
            "gap": rng.lognormal(size=n),
            "kind": rng.choice(["red", "green", "blue"], n),
            "size": rng.choice(["small", "medium", "large"], n),
            "many": rng.choice([f"level {i}" for i in range(6)], n, p=np.arange(6, 0, -1) / 21),
            "when": when,
        }
    )
    frame["y"] = np.exp(frame["a"]) + (frame["kind"] == "red")
    frame["flag"] = np.where(rng.random(n) < 0.5, "yes", "no")
    frame["price"] = [f"$ {v:.2f}" for v in rng.uniform(1, 9, n)]
    frame.loc[::9, ["gap", "kind"]] = np.nan
    return frame


def written(frame: pd.DataFrame) -> pd.DataFrame:
    """As it comes back from a file, with the conventions its cells were written by."""
    return read_table(io.BytesIO(frame.to_csv(index=False).encode()), name="rows.csv").frame


def documents() -> dict[str, dict[str, Any]]:
    """A model of every kind that is written, of every kind of column, scale and task."""
    wanted = Preparation(
        gaps="fill", pool=True, max_levels=3, ordered={"size": ("small", "medium", "large")}, date_parts=("year", "month"),
        scales={"gap": "log", "a": "rank"}, target_scale="log",
    )  # fmt: skip
    data, options = Dataset.from_frame(written(rows()), "y", preparation=wanted), LmOptions(kernels="numpy", starts=1)
    two = rows().assign(y=np.where(rows()["a"] > 1.5, "yes", "no"))
    classes = Dataset.from_frame(written(two), "y", ["a", "gap"], preparation=Preparation(gaps="fill"))
    three = rows().assign(y=pd.cut(rows()["a"], 3, labels=["low", "middle", "high"]))
    many = Dataset.from_frame(written(three), "y", ["a", "gap"], preparation=Preparation(gaps="fill"))
    data_of = {"classes": classes, "many": many, "many networks": many}
    found: dict[str, dict[str, Any]] = {}
    for name in ("network", "linear", *COMPARISON_FAMILIES, *data_of):
        of = data_of.get(name, data)
        X, y = of.X_train, of.fit_target(of.y_train)
        if "network" in name:
            model: Any = fit_cell(X, y, 2, 2, 2, options=options, task=of.task)
        else:
            family = "linear" if name in data_of else name
            model = HeldFamily(fit_named(family, X, y, 0, of.task), X.min(axis=0), X.max(axis=0), of.task)
        found[name] = json.loads(json.dumps(document(Predictor(f"the {name}", of.recipe, model), {})))
    return found


DOCUMENTS = documents()
TABLE = rows(12).drop(columns="y")


def packed(content: object) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/model.json", json.dumps(content))
    return made.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("damaged")
    TABLE.to_csv(made / "in.csv", index=False)
    return made


def by_kanlab(content: object, folder: Path) -> pd.DataFrame | None:
    """The predictions, or None where the bundle is refused."""
    (folder / "b.zip").write_bytes(packed(content))
    try:
        return read_bundle(folder / "b.zip").predict(TABLE).frame
    except (StudyError, DatasetError) as error:
        assert_sentence(str(error))
        return None


def by_its_program(content: object, folder: Path) -> pd.DataFrame | None:
    """The same of predict.py."""
    (folder / "model.json").write_text(json.dumps(content))
    try:
        predict_template.predict_file(
            predict_template.read_model(folder / "model.json"), folder / "in.csv", folder / "out.csv"
        )
    except predict_template.BadInput as error:
        assert_sentence(str(error))
        return None
    return pd.read_csv(folder / "out.csv")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_as_written_they_are_read(name: str, folder: Path) -> None:
    ours, theirs = by_kanlab(DOCUMENTS[name], folder), by_its_program(DOCUMENTS[name], folder)
    assert ours is not None
    assert theirs is not None
    column = {"classes": "y_probability"}.get(name, "y_probability_low" if "many" in name else "y_predicted")
    np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-9)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document; of long lists of numbers the ends."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for i in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from places(value[i], (*path, i))


PLACES = {name: [p for p in places(content) if p] for name, content in DOCUMENTS.items()}
DAMAGE = [
    None, True, "", "\ud800", "word", -1, 0, 1, 3, 10**9, 10**30, 10**400, -0.5, 1e308, 5e-324, math.nan, math.inf,
    -math.inf, [], [[]], {}, [1.0] * 9, [None], {"scale": "log"},
]  # fmt: skip


def changed(content: dict[str, Any], path: tuple[Any, ...], how: object) -> dict[str, Any]:
    """A copy with one place dropped, doubled or replaced."""
    out = copy.deepcopy(content)
    inner: Any = out
    for step in path[:-1]:
        inner = inner[step]
    if how == "drop":
        del inner[path[-1]]
    elif how == "double" and isinstance(inner, list):
        inner.insert(path[-1], copy.deepcopy(inner[path[-1]]))
    else:
        inner[path[-1]] = how
    return out


@given(st.data())
@settings(max_examples=250)
def test_damage_anywhere_is_refused_or_predicts(folder: Path, data: st.DataObject) -> None:
    """Never a traceback; and what predict.py refuses, kanlab does not compute with."""
    content = DOCUMENTS[data.draw(st.sampled_from(list(DOCUMENTS)))]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from([p for p in places(content) if p]))
        content = changed(content, path, data.draw(st.sampled_from(["drop", "double", *DAMAGE])))
        if not isinstance(content, dict):
            return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers of 1e308 overflow
        ours, theirs = by_kanlab(content, folder), by_its_program(content, folder)
    assert ours is None or theirs is not None


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("network", ("model", "layers", 0, "knots", 0), sorted(range(7), reverse=True)),
        ("network", ("model", "layers", 0, "knots", 0), [1.0] * 7),
        ("network", ("model", "layers", 1, "range", 0), [1.0, -1.0]),
        ("network", ("model", "output_range", 0), [1.0, -1.0]),
        ("network", ("model", "x_scale", 0), 0.0),
        ("network", ("model", "y_scale", 0), -1.0),
        ("network", ("model", "layer_widths"), [9, 10**9, 1]),
        ("network", ("model", "layers", 0), None),
        ("linear", ("model", "scale", 0), 0.0),
        ("linear", ("model", "high", 0), -1e9),
        ("linear", ("model", "low", 0), math.nan),
        ("linear", ("model", "kind"), "forest"),
        ("polynomial", ("model", "scale", 0), 0.0),
        ("polynomial", ("model", "high", 0), -1e9),
        ("polynomial", ("model", "powers", 0, 0), -1),
        ("polynomial", ("model", "powers", 0, 0), 10**9),
        ("polynomial", ("model", "powers", 0, 0), 1.5),
        ("polynomial", ("model", "powers"), []),
        ("polynomial", ("model", "weights", 0), math.inf),
        ("gam", ("model", "breaks"), []),
        ("gam", ("model", "breaks", 0), [1.0]),
        ("gam", ("model", "breaks", 0, 0), 1e9),
        ("gam", ("model", "coef"), [[]]),
        ("gam", ("model", "coef", 0, 0), [1.0]),
        ("gam", ("model", "offset"), None),
        ("mlp", ("model", "weights"), []),
        ("mlp", ("model", "weights", 1), [[1.0]]),
        ("mlp", ("model", "biases"), [[0.0]]),
        ("mlp", ("model", "biases", 2), [0.0, 0.0]),
        ("mlp", ("model", "biases", 0), []),
        ("mlp", ("model", "y_scale"), 0.0),
        ("mlp", ("model", "scale", 0), -1.0),
        ("boosting", ("model", "trees", 0), None),
        ("boosting", ("model", "trees", 0, "value"), []),
        ("boosting", ("model", "trees", 0, "feature", 0), 10**9),
        ("boosting", ("model", "trees", 0, "feature", 0), -1),
        ("boosting", ("model", "trees", 0, "left", 0), 10**9),
        ("boosting", ("model", "trees", 0, "right", 0), -1),
        ("boosting", ("model", "trees", 0, "right", 0), 0),
        ("boosting", ("model", "trees", 0, "left", 1), 1),
        ("boosting", ("model", "trees", 0, "threshold", 0), math.nan),
        ("boosting", ("model", "high", 0), -1e9),
        ("linear", ("recipe", "target_transform", "shift"), -1e9),
        ("linear", ("recipe", "target_transform", "low"), math.inf),
        ("linear", ("recipe", "columns"), []),
        ("linear", ("recipe", "columns", 0, "transform", "points"), []),
        ("linear", ("recipe", "columns", 0, "transform", "points"), [1.0, 1.0]),
        ("linear", ("recipe", "columns", 0, "transform", "points"), [1.0, math.nan]),
        ("linear", ("recipe", "columns", 0, "part"), "century"),
        ("linear", ("recipe", "columns", 0, "fill"), math.inf),
        ("linear", ("recipe", "format"), 2),
        ("classes", ("recipe", "levels"), ["yes", "yes"]),
        ("classes", ("recipe", "levels"), ["yes"]),
        ("classes", ("model", "link"), "softmax"),
        ("many", ("model", "link"), "logit"),
        ("many", ("model", "offset"), 0.0),
        ("many", ("model", "weights", 0), [0.0]),
        ("many networks", ("model", "y_scale"), [1.0]),
        ("many networks", ("model", "output_range"), [[0.0, 1.0]]),
        ("many networks", ("recipe", "levels"), [f"class {i}" for i in range(51)]),
    ],
)
def test_each_field_is_checked_and_named(name: str, path: tuple[Any, ...], value: Any, folder: Path) -> None:
    content = changed(DOCUMENTS[name], path, value)
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    named = {"".join(steps[:n])[1:] for n in range(2, len(steps) + 1)} | {
        "model.layer_widths"
    }  # the place, or what it is in
    (folder / "b.zip").write_bytes(packed(content))
    with pytest.raises(KanlabError) as ours:
        read_bundle(folder / "b.zip")
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(predict_template.BadInput) as theirs:
        predict_template.read_model(folder / "model.json")
    for error in (ours, theirs):
        assert_sentence(str(error.value))
        no_json = error is ours and ("NaN" in json.dumps(value) or "Infinity" in json.dumps(value))
        assert no_json or any(f"damaged at {p};" in str(error.value) for p in named), str(error.value)


def test_a_wide_network_is_evaluated_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The splines of a layer are never more than so many values at once, and the predictions are the same."""
    whole = by_its_program(DOCUMENTS["network"], folder)
    seen: list[int] = []
    basis = predict_template.bspline_basis

    def watched(x: Any, knots: Any, k: int) -> Any:
        seen.append(x.shape[1] * knots.size)
        return basis(x, knots, k)

    monkeypatch.setattr(predict_template, "bspline_basis", watched)
    monkeypatch.setattr(predict_template, "MOST_VALUES", 300)
    pieces = by_its_program(DOCUMENTS["network"], folder)
    assert max(seen) <= 300
    assert whole is not None
    assert pieces is not None
    np.testing.assert_allclose(pieces["y_predicted"], whole["y_predicted"], rtol=1e-12)


def test_what_a_terminal_would_obey_is_left_out_of_a_label(folder: Path) -> None:
    content = json.loads(json.dumps(DOCUMENTS["network"])) | {"label": "\x1b[2J\x1b]0;pwned\x07 a network"}
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("x/model.json", json.dumps(content))
    assert read_bundle(folder / "b.zip").label == " [2J ]0;pwned  a network"
    assert quoted("a\x1b[31m\x9b1m") == "'a [31m 1m'"


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[" * 9_000_000, b"{}", b"[]", b"\xff", b'{"format": 1}'])
def test_text_that_is_no_model(text: bytes, folder: Path) -> None:
    (folder / "model.json").write_bytes(text)
    with pytest.raises(predict_template.BadInput) as caught:
        predict_template.read_model(folder / "model.json")
    assert caught.value.args[0].count("\n") == 0
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/model.json", text)
    (folder / "b.zip").write_bytes(made.getvalue())
    with refused(StudyError, "b.zip"):
        read_bundle(folder / "b.zip")
