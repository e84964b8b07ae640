"""A bundle predicts as the study does, in a process that has NumPy alone; bundles that are none, or mean harm, are refused."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.api import Study, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import StudyError
from kanlab.explain.new_rows import read_new_rows
from kanlab.export import document as bundles
from kanlab.export.bundle import folder_name
from kanlab.export.document import model_document, read_bundle
from kanlab.export.predict_source import predict_source
from kanlab.export.predict_template import BadInput, predict_file, read_model
from kanlab.kan.search_space import SearchSpace
from kanlab.solver.fit import LmOptions, fit_cell
from tests.helpers.sentences import refused

# runs predict.py as a program and says which modules it has loaded
WATCHED = """
import runpy, sys
before = set(sys.modules)
sys.argv = ["predict.py", *sys.argv[1:]]
try:
    runpy.run_path("predict.py", run_name="__main__")
finally:
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
    print(*sorted(loaded - sys.stdlib_module_names))
"""


def table(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    a, kind = rng.uniform(-1, 1, n), rng.choice(["yes", "no", "maybe"], n)
    gap = rng.lognormal(size=n)
    gap[::9] = np.nan
    when = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    y = np.exp(2 * np.sin(2 * a) + (kind == "yes") + 0.1 * rng.normal(size=n)) * 1000
    return pd.DataFrame({"a": a, "kind": kind, "gap": gap, "when": when, "y": y})


NEW = "who;kind;a;gap;when\n=1+1;yes;0,1;1,5;2021-05-06\nAnn;never;0,2;;2022-01-01\nBob;no;9;0,7;2021-07-01\n;NA;-0,4;2,25;\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
def studies(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Study]:
    """Studies of every kind of data, each made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    ways = {
        "filled, log": Preparation(gaps="fill", target_scale="log", scales={"gap": "log", "a": "rank"},
                                   date_parts=("year", "month")),
        "dropped": Preparation(),
        "noise": Preparation(),
    }  # fmt: skip

    def open_or_make(kind: str) -> Study:
        try:
            return open_study(kind)
        except StudyError:
            frame = table()
            if kind == "noise":
                frame["y"] = 3 * frame["a"] + np.random.default_rng(0).normal(size=len(frame))
            data = Dataset.from_frame(frame, "y", preparation=ways[kind])
            return tune(data, SearchSpace((1, 2), (2, 2), (1, 2)), name=kind, workers=1)

    return open_or_make


def unpacked(study: Study, folder: Path, trial: int | None = None) -> Path:
    path = study.export(folder / "bundle.zip", trial)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder / folder_name(study.name)


def run_predict(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """predict.py in its folder, isolated from the environment and from kanlab."""
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-I", "-c", WATCHED, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("kind", "trial"), [("filled, log", None), ("filled, log", 0), ("dropped", 1), ("noise", None)]
)
def test_it_predicts_as_the_study_does(
    studies: Callable[[str], Study], tmp_path: Path, kind: str, trial: int | None
) -> None:
    study = studies(kind)
    folder = unpacked(study, tmp_path, trial)
    for name, content in (("new.csv", NEW), ("old.csv", table().to_csv(index=False))):
        (folder / name).write_text(content)
        done = run_predict(folder, name, "out.csv")
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["numpy"]
        out = pd.read_csv(folder / "out.csv")
        model = study.predictor(trial)
        expected = model.predict(read_new_rows(folder / name, model.recipe).frame).frame
        for column in ("y_predicted", "y_lower", "y_upper"):
            np.testing.assert_allclose(out[column], expected[column], rtol=1e-9)
        flags = expected["y_extrapolates"].astype("object")
        assert out["y_extrapolates"].astype("object").tolist() == pytest.approx(
            flags.where(flags.notna(), np.nan).tolist(), nan_ok=True
        )
        assert list(out.columns) == [*pd.read_csv(folder / name, sep=None, engine="python").columns, *out.columns[-4:]]
    if kind == "filled, log" and trial is None:
        assert "lie outside the training rows" in done.stderr or "rows are in" in done.stderr


def test_both_ways_write_the_same(
    studies: Callable[[str], Study], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """kanlab predict of the study, of its bundle, and predict.py."""
    study = studies("filled, log")
    assert main(["export", study.name, "-o", str(tmp_path / "b.zip")]) == 0
    assert "The bundle is in" in capsys.readouterr().err
    (tmp_path / "new.csv").write_text(NEW)
    for name in (study.name, str(tmp_path / "b.zip")):
        assert main(["predict", name, str(tmp_path / "new.csv"), "-o", str(tmp_path / f"{len(name)}.csv")]) == 0
        assert "predicted by" in capsys.readouterr().err
    first, second = (pd.read_csv(tmp_path / f"{len(n)}.csv") for n in (study.name, str(tmp_path / "b.zip")))
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)
    assert first["who"].iloc[0] == "'=1+1"
    folder = unpacked(study, tmp_path)
    (folder / "new.csv").write_text(NEW)
    run_predict(folder, "new.csv", "out.csv")
    third = pd.read_csv(folder / "out.csv")
    assert third["who"].tolist()[:3] == first["who"].tolist()[:3]
    np.testing.assert_allclose(third["y_predicted"], first["y_predicted"], rtol=1e-9)
    assert main(["predict", str(tmp_path / "b.zip"), str(tmp_path / "new.csv"), "--trial", "0"]) == 2
    assert "holds one model" in capsys.readouterr().err


@pytest.mark.parametrize("trial", [0, None])
def test_it_explains_as_the_study_does(
    studies: Callable[[str], Study], tmp_path: Path, capsys: pytest.CaptureFixture[str], trial: int | None
) -> None:
    """On request: by predict.py with NumPy alone, by kanlab from the bundle, and by the study; a network, a linear model."""
    study = studies("noise")
    which = [] if trial is None else ["--trial", str(trial)]
    bundle = tmp_path / "why.zip"
    assert main(["export", study.name, "-o", str(bundle), "--explain", *which]) == 0
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(tmp_path)
    folder = tmp_path / folder_name(study.name)
    (folder / "new.csv").write_text(NEW)
    done = run_predict(folder, "new.csv", "out.csv", "--explain")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["numpy"]
    assert "adds to the mean prediction" in done.stderr
    out = pd.read_csv(folder / "out.csv").filter(regex="mean_pred|contrib")
    assert (
        main(["predict", study.name, str(folder / "new.csv"), "--explain", "-o", str(tmp_path / "a.csv"), *which]) == 0
    )
    assert main(["predict", str(bundle), str(folder / "new.csv"), "--explain", "-o", str(tmp_path / "b.csv")]) == 0
    for name in ("a.csv", "b.csv"):
        other = pd.read_csv(tmp_path / name)
        pd.testing.assert_frame_equal(other[out.columns], out, rtol=1e-8, atol=1e-10)
        whole = other["y_predicted"].notna()
        np.testing.assert_allclose(out[whole].sum(axis=1), other["y_predicted"][whole], rtol=1e-8)
    assert main(["explain", str(bundle), str(folder / "new.csv"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["explained"][0]["contributions"]["a"] == pytest.approx(out["y_contribution_a"].iloc[0])
    content = json.loads((folder / "model.json").read_text())["reference"]
    assert content.keys() == ({"mean_terms"} if trial is None else {"rows", "pairs", "seed"})


def test_a_bundle_without_training_rows_explains_nothing(
    studies: Callable[[str], Study], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unpacked(studies("noise"), tmp_path)
    (folder / "new.csv").write_text(NEW)
    done = run_predict(folder, "new.csv", "out.csv", "--explain")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert main(["explain", str(tmp_path / "bundle.zip"), str(folder / "new.csv")]) == 2
    for said in (done.stderr, capsys.readouterr().err):
        assert "holds nothing to explain its predictions with; export it again with 'kanlab export --explain'" in said


def test_what_is_in_it(studies: Callable[[str], Study], tmp_path: Path) -> None:
    study = studies("filled, log")
    trial = study.best.number  # type: ignore[union-attr]
    folder = unpacked(study, tmp_path, trial)
    assert {p.name for p in folder.iterdir()} == {
        "model.json", "predict.py", "README.md", "report.html", "formula.py", "network.svg", "study.json", "trials.csv",
        "Dockerfile", "requirements.txt",
    }  # fmt: skip
    assert json.loads((folder / "study.json").read_text())["study"] == study.name
    assert study.handle.data.sha256 in (folder / "README.md").read_text()
    assert len(pd.read_csv(folder / "trials.csv")) == len(study.table)
    assert (folder / "predict.py").read_bytes() == predict_source().encode()
    assert study.bundle(trial).zipped() == study.bundle(trial).zipped()
    assert read_bundle(tmp_path / "bundle.zip").label == study.predictor(trial).label


def test_the_program_refuses_in_one_sentence(studies: Callable[[str], Study], tmp_path: Path) -> None:
    folder = unpacked(studies("dropped"), tmp_path)
    (folder / "new.csv").write_text("a,kind\n1,yes\n")
    for arguments, words in (
        (("nowhere.csv", "out.csv"), "cannot be read"),
        (("new.csv", "out.csv"), "no column 'gap', 'when'"),
        (("new.csv", "new.csv"), "another name"),
        (("new.csv", "no/out.csv"), "cannot be written"),
    ):
        if words in ("another name", "cannot be written"):
            (folder / "new.csv").write_text(table(20).to_csv(index=False))
        done = run_predict(folder, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("predict: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    model = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(model | {"format": 99}))
    assert "has format 99" in run_predict(folder, "new.csv", "out.csv").stderr
    for text in ("{", None):
        (folder / "model.json").unlink() if text is None else (folder / "model.json").write_text(text)
        done = run_predict(folder, "new.csv", "out.csv")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "unpack the bundle again" in done.stderr


# ---- bundles that are none


def archive(files: dict[str, str | bytes], **attributes: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, attributes.get("mode", 0o644) << 16
            made.writestr(member, content)
    return packed.getvalue()


LINEAR: dict[str, Any] = {
    "kind": "linear",
    "offset": 1.0,
    "center": [0.0],
    "scale": [1.0],
    "weights": [2.0],
    "low": [-1.0],
    "high": [1.0],
}
RECIPE = Dataset.from_frame(pd.DataFrame({"a": np.arange(20.0), "y": np.arange(20.0) ** 2}), "y").recipe.to_dict()
GOOD: dict[str, Any] = {"format": 1, "label": "the linear model", "trial": None, "recipe": RECIPE, "model": LINEAR}


def test_a_bundle_made_by_hand(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": json.dumps(GOOD)}))
    found = read_bundle(tmp_path / "b.zip").predict(pd.DataFrame({"a": [0.5, 3.0]})).frame
    assert found["y_predicted"].tolist() == [2.0, 7.0]  # a straight line goes on
    assert found["y_extrapolates"].tolist() == [False, True]


def network_document() -> dict[str, Any]:
    """Of a network whose outputs are held closely."""
    x = np.arange(20.0)
    fitted = fit_cell(x[:, None], x**2, 1, 2, 2, options=LmOptions(kernels="numpy"))
    return model_document(replace(fitted, output_range=np.array([[-0.1, 0.1]])))


def test_a_bundle_from_before_outputs_were_held(tmp_path: Path) -> None:
    rows, model = pd.DataFrame({"a": [0.0, 11.0, 19.0]}), network_document()
    for name, content in (("new", model), ("old", {k: v for k, v in model.items() if k != "output_range"})):
        (tmp_path / name).write_bytes(archive({"x/model.json": json.dumps(GOOD | {"model": content})}))
    new, old = (read_bundle(tmp_path / name).predict(rows).frame for name in ("new", "old"))
    np.testing.assert_allclose(old["y_predicted"], [0.0, 121.0, 361.0], atol=2.0)
    assert not old["y_extrapolates"].any()
    assert np.ptp(new["y_predicted"]) < 0.25 * np.std(np.arange(20.0) ** 2)
    assert new["y_extrapolates"].tolist() == [True, False, True]


@pytest.mark.parametrize("damage", [[[0.0]], [[0.0, float("nan")]], [[0.0, 1.0], [0.0, 1.0]], None, "a"])
def test_a_damaged_range_of_outputs_is_refused(tmp_path: Path, damage: Any) -> None:
    content = GOOD | {"model": network_document() | {"output_range": damage}}
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": json.dumps(content)}))
    with refused(StudyError, "b.zip", "is damaged"):
        read_bundle(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"../model.json": json.dumps(GOOD)}, "names that no bundle has"),
        ({"/tmp/model.json": json.dumps(GOOD)}, "names that no bundle has"),
        ({"..\\model.json": json.dumps(GOOD)}, "names that no bundle has"),
        ({"C:/model.json": json.dumps(GOOD)}, "names that no bundle has"),
        ({f"x/{i}": "" for i in range(200)}, "names that no bundle has"),
        ({"x/other.txt": ""}, "has no model.json"),
        ({"x/model.json": json.dumps(GOOD), "y/model.json": json.dumps(GOOD)}, "has no model.json"),
        ({"x/model.json": b"\x80\x04\x95pickle"}, "is damaged"),
        ({"x/model.json": "[" * 200_000}, "is damaged"),
        ({"x/model.json": "[]"}, "another version"),
        ({"x/model.json": json.dumps(GOOD | {"format": 2})}, "another version"),
        ({"x/model.json": json.dumps(GOOD | {"recipe": None})}, "is damaged"),
        ({"x/model.json": json.dumps(GOOD | {"model": LINEAR | {"weights": [1.0, 2.0]}})}, "is damaged"),
        ({"x/model.json": json.dumps(GOOD | {"model": LINEAR | {"offset": float("nan")}})}, "is damaged"),
        ({"x/model.json": json.dumps(GOOD | {"model": LINEAR | {"offset": 10**400}})}, "is damaged"),
        ({"x/model.json": json.dumps(GOOD | {"model": LINEAR | {"kind": "os.system"}})}, "is damaged"),
    ],
)  # fmt: skip
def test_harm_is_refused(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    (tmp_path / "b.zip").write_bytes(archive(files))
    with refused(StudyError, "b.zip", words):
        read_bundle(tmp_path / "b.zip")
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["b.zip"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"k": "2"}, "model.k"),
        ({"k": 99}, "model.k"),
        ({"grid": 3}, "model.layers[0].knots"),
        ({"grid": 10**30}, "model.layers[0].knots"),
        ({"layer_widths": [2, 1, 1]}, "model.layer_widths"),
        ({"x_scale": [1.0, 1.0]}, "model.x_scale"),
        ({"y_offset": [None]}, "model.y_offset[0]"),
        ({"y_scale": [1.0, 2.0]}, "model.y_scale"),
        ({"layers": []}, "model.layer_widths"),
        ({"link": "logit"}, "model.link"),
        ({"link": "probit"}, "model.link"),
    ],
)
def test_damage_is_named_by_its_place(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    content = GOOD | {"model": network_document() | change}
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": json.dumps(content)}))
    with refused(StudyError, f"The model in b.zip is damaged at {place}; export it again."):
        read_bundle(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"target": 5}, "recipe.target"),
        ({"levels": ["a", 2]}, "recipe.levels[1]"),
        ({"levels": ["a", "b"]}, "model.link"),
        ({"columns": [{"source": "a", "fill": "0"}]}, "recipe.columns[0].fill"),
        ({"target_transform": {"scale": "sine"}}, "recipe.target_transform.scale"),
    ],
)
def test_a_damaged_recipe_is_refused(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": json.dumps(GOOD | {"recipe": RECIPE | change})}))
    with refused(StudyError, f"damaged at {place};"):
        read_bundle(tmp_path / "b.zip")


def test_links_and_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(archive({"x/model.json": "/etc/passwd"}, mode=0o120777))
    with refused(StudyError, "names that no bundle has"):
        read_bundle(path)
    monkeypatch.setattr(bundles, "MAX_BYTES", 2**20)
    monkeypatch.setattr(bundles, "MAX_MODEL_BYTES", 2**20)
    path.write_bytes(archive({"x/model.json": b" " * 2**21}))
    with refused(StudyError, "unpacks to more than"):
        read_bundle(path)
    path.write_bytes(archive({"x/model.json": json.dumps(GOOD)}) + b"\0" * 2**20)
    with refused(StudyError, "larger than"):
        read_bundle(path)


def test_a_damaged_archive(tmp_path: Path) -> None:
    whole = archive({"x/model.json": json.dumps(GOOD)})
    (tmp_path / "b.zip").write_bytes(whole[:40] + bytes(len(whole) - 100) + whole[-60:])
    with pytest.raises(StudyError):
        read_bundle(tmp_path / "b.zip")
    (tmp_path / "c.zip").write_bytes(whole.replace(whole[45:60], bytes(15)))
    with pytest.raises(StudyError):
        read_bundle(tmp_path / "c.zip")
    (tmp_path / "d.zip").write_bytes(b"\x80\x04\x95 no archive at all")
    assert bundles.is_bundle(tmp_path / "d.zip")  # not the name of a study
    with refused(StudyError, "d.zip is a damaged zip archive"):
        read_bundle(tmp_path / "d.zip")


@pytest.mark.parametrize(
    ("name", "folder"),
    [("plain-1", "plain-1"), ("../../etc", "etc"), ("日本", "model"), ("a b/c\\d:e", "a-b-c-d-e"), ("..", "model")],
)
def test_the_folder_is_a_name_anywhere(name: str, folder: str) -> None:
    assert folder_name(name) == folder


# ---- output that could not be written


def test_what_fails_leaves_the_old_output(
    studies: Callable[[str], Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exports, predictions of a study and of a bundle, and those of predict.py, on a disk that gets full at the end."""
    study = studies("noise")
    bundle, old = study.export(tmp_path / "b.zip"), tmp_path / "old"
    (tmp_path / "new.csv").write_text(table(20).to_csv(index=False))
    old.write_bytes(b"old")
    before = sorted(p.name for p in tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for arguments in (
        ["export", study.name],
        ["predict", study.name, str(tmp_path / "new.csv")],
        ["predict", str(bundle), str(tmp_path / "new.csv")],
    ):
        assert main([*arguments, "-o", str(old)]) == 2
        assert f"{old} cannot be written: No space left on device." in capsys.readouterr().err
    content = read_model(unpacked_model(bundle, tmp_path))
    with pytest.raises(BadInput, match="No space left"):
        predict_file(content, tmp_path / "new.csv", old)
    assert old.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "model.json") == before


def unpacked_model(bundle: Path, folder: Path) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("model.json"))
        (folder / "model.json").write_bytes(archive.read(name))
    return folder / "model.json"


def test_a_model_too_large_to_be_read_is_not_written(
    studies: Callable[[str], Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = studies("dropped")
    size = len(study.bundle().files["model.json"].encode())
    monkeypatch.setattr(bundles, "MAX_MODEL_BYTES", size - 1)
    with refused(StudyError, "choose a smaller one"):
        study.export(tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()
    monkeypatch.setattr(bundles, "MAX_MODEL_BYTES", size)
    study.export(tmp_path / "b.zip")
    assert read_bundle(tmp_path / "b.zip").label
