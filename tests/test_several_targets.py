"""Several targets of one table: a study for each, and one thing to those who use them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kanlab
from kanlab.api import open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import DatasetError, StudyError
from kanlab.export.document import read_bundle, read_models
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import study_names
from kanlab.study.several_targets import MOST_TARGETS, Group, create_studies, member_name
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage
from kanlab.targets import StudyGroup, open_group, tune_targets
from tests.helpers.sentences import refused

SPACE = SearchSpace((1, 1), (2, 3), (2, 2))
TARGETS = ["up", "kind", "near up"]
ADDED = ["up_predicted", "up_lower", "up_upper", "up_extrapolates", "kind_predicted", "kind_set", "kind_probability_a",
         "kind_probability_b", "kind_probability_c", "kind_extrapolates", "near up_predicted", "near up_lower",
         "near up_upper", "near up_extrapolates"]  # fmt: skip


def table(n: int = 90) -> pd.DataFrame:
    """A number, three classes, and nearly the number again, some of its cells missing."""
    rng = np.random.default_rng(6)
    p, q = rng.uniform(-1, 1, (2, n)).round(3)
    up, kind = np.sin(2 * p) + q, np.array(["a", "b", "c"])[np.digitize(p + rng.normal(0, 0.3, n), [-0.4, 0.4])]
    near = (2 * up).round(3)
    near[::30] = np.nan
    return pd.DataFrame({"p": p, "up": up.round(3), "q": q, "kind": kind, "near up": near})


NEW = pd.DataFrame({"q": [0.5, -0.25, 9.0], "p": [0.1, None, 0.2], "key": ["007", "x", "y"]}, index=[4, 4, 7])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("targets")


@pytest.fixture
def group(home: Path, monkeypatch: pytest.MonkeyPatch) -> StudyGroup:
    """Made once for the module, by the command line."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    try:
        return open_group("three")
    except StudyError:
        table().to_csv(home / "table.csv", index=False)
        NEW.to_csv(home / "new.csv", index=False)
        space = ["--neuron-num", "1", "--grid", "2:3", "--k", "2", "--workers", "1"]
        assert main(["tune", str(home / "table.csv"), "--target", ",".join(TARGETS), "--study", "three", *space]) == 0
        return open_group("three")


def test_each_is_the_study_of_one_target(group: StudyGroup) -> None:
    """Of the columns that are no target, to the last bit."""
    assert group.targets == tuple(TARGETS)
    assert [study.name for study in group.studies.values()] == ["three.up", "three.kind", "three.near up"]
    written = kanlab.read_table(io.BytesIO(table().to_csv(index=False).encode()), name="table.csv").frame
    for target, study in group.studies.items():
        alone = Dataset.from_frame(written[["p", "q", target]], target, name="table.csv")
        assert study.handle.data.sha256 == alone.sha256
    fitted = tune(Dataset.from_frame(written[["p", "up", "q"]], "up"), SPACE, name="alone", workers=1)
    assert fitted.table["aicc"].tolist() == group["up"].table["aicc"].tolist()


def test_predictions_stand_beside_one_another(group: StudyGroup) -> None:
    found = group.predict(NEW)
    assert found.columns == ADDED
    pd.testing.assert_frame_equal(found.frame[list(NEW.columns)], NEW)
    for target, study in group.studies.items():
        alone = study.predict(NEW)
        pd.testing.assert_frame_equal(found.frame[alone.columns], alone.frame[alone.columns])
        assert found.targets[target].columns == alone.columns
    assert found.frame["up_extrapolates"].tolist() == [False, pd.NA, True]
    assert len(found.notes) == len(set(found.notes))
    by_line = group.predict(NEW, family="linear").frame["up_predicted"].iloc[0]
    assert by_line == group["up"].predict(NEW, family="linear").frame["up_predicted"].iloc[0]


def test_on_the_command_line_and_in_one_bundle(
    group: StudyGroup, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = group.predict(home / "new.csv").frame
    assert main(["export", "three", "-o", str(home / "three.zip")]) == 0
    with zipfile.ZipFile(home / "three.zip") as archive:
        archive.extractall(home / "unpacked")
    folder = home / "unpacked" / "three"
    for program, name in ((folder / "predict.py", "alone.csv"), (folder / "02-kind" / "predict.py", "kind.csv")):
        command = [sys.executable, "-P", str(program), str(home / "new.csv"), str(home / name)]
        subprocess.run(command, check=True, capture_output=True)
    for source in ("three", str(home / "three.zip")):
        assert main(["predict", source, str(home / "new.csv"), "-o", str(home / f"{Path(source).name}.csv")]) == 0
    for name in ("three.csv", "three.zip.csv", "alone.csv"):
        found = pd.read_csv(home / name, dtype={"key": str})
        assert found.columns.tolist() == ["q", "p", "key", *ADDED]
        assert found["key"].tolist() == ["007", "x", "y"]
        numbers = [c for c in ADDED if c.endswith(("up_predicted", "lower", "upper")) or "probability" in c]
        np.testing.assert_allclose(found[numbers], expected[numbers].astype(float), rtol=1e-9)
        assert found["kind_predicted"].fillna("").tolist() == expected["kind_predicted"].fillna("").tolist()
    assert pd.read_csv(home / "kind.csv").columns.tolist() == ["q", "p", "key", *ADDED[4:10]]
    assert [model.recipe.target for model in read_models(home / "three.zip")] == TARGETS
    with refused(StudyError, "a model for each of 3 targets: 'up', 'kind', 'near up'"):
        read_bundle(home / "three.zip")
    capsys.readouterr()


def test_show_and_its_json(group: StudyGroup, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "three", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["study"], content["targets"]) == ("three", TARGETS)
    assert [study["data"]["target"] for study in content["studies"]] == TARGETS
    assert content["studies"][0] == json.loads(json.dumps(open_study("three.up").to_dict()))
    assert main(["show", "three"]) == 0
    assert capsys.readouterr().out.count("recommended:") == 3


def test_the_name_is_taken_and_says_what_it_stands_for(group: StudyGroup, capsys: pytest.CaptureFixture[str]) -> None:
    data = Dataset.from_frame(table()[["p", "up"]], "up")
    with refused(StudyError, "'three' already"):
        tune(data, SPACE, name="three")
    with refused(StudyError, "'three' already"):
        create_studies([data, Dataset.from_frame(table()[["p", "q"]], "q")], [StudySpec()] * 2, name="three")
    with refused(StudyError, "a study for each of several targets; name one of them: three.up"):
        open_study("three")
    assert main(["predict", "three", "new.csv", "--trial", "1"]) == 2
    assert "name one with --trial: 'three.up'" in capsys.readouterr().err


def test_it_is_resumed_renamed_noted_and_deleted_as_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(home / "other"))
    settings = {"workers": 1, "trials": 1, "sampler": "exhaustive", "minutes": 90.0}
    made = tune_targets(table()[["p", "q", "up"]], ["up", "q"], SPACE, name="two", **settings)
    assert [study.spec.minutes for study in made.studies.values()] == [45, 45]  # the minutes are for all
    assert [len(study.table) for study in made.studies.values()] == [1, 1]
    assert [study.handle.data.features for study in made.studies.values()] == [["p"], ["p"]]
    assert main(["resume", "two", "--trials", "2"]) == 0
    assert [len(study.table) for study in open_group("two").studies.values()] == [2, 2]
    assert main(["note", "two", "looked at"]) == 0
    assert main(["rename", "two", "pair"]) == 0
    again = open_group("pair")
    assert (again.name, again.targets) == ("pair", ("up", "q"))
    assert set(study_names(get_storage())) == {"pair.up", "pair.q"}
    assert Group.of(again["q"].handle.optuna.user_attrs) == Group("pair", ("up", "q"))
    assert main(["delete", "pair", "--yes"]) == 0
    assert study_names(get_storage()) == []


@pytest.mark.parametrize(
    ("targets", "options", "part"),
    [
        (["up", "gone"], {}, "no column 'gone' to predict"),
        (["up", "kind"], {"features": ["p", "kind"]}, "The target 'kind' cannot be a feature as well"),
        (["up", "kind"], {"positive": "z"}, "No target has a class 'z'"),
    ],
)
def test_bad_targets_are_one_sentence(targets: list[str], options: dict[str, object], part: str) -> None:
    with refused(DatasetError, part):
        Dataset.for_targets(table(), targets, **options)  # type: ignore[arg-type]


def test_too_many_targets_and_names_of_studies() -> None:
    data = Dataset.from_frame(table()[["p", "up"]], "up")
    with refused(StudyError, "named twice"):
        create_studies([data, data], [StudySpec()] * 2)
    wide = table()[["p"]].assign(**{f"y{i}": table()["up"] for i in range(MOST_TARGETS + 1)})
    many = Dataset.for_targets(wide, [f"y{i}" for i in range(MOST_TARGETS + 1)])
    with refused(StudyError, f"at most {MOST_TARGETS}"):
        create_studies(many, [StudySpec()] * len(many))
    names: set[str] = set()
    for target in ("x" * 300, "x" * 301, "a\nb"):
        names.add(member_name("g" * 80, target, names))
    assert len(names) == 3
    assert all(len(name) <= 80 and name.isprintable() for name in names)


def test_a_target_with_a_comma_in_its_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone as it is, and beside another by a second --target."""
    monkeypatch.setenv("KANLAB_HOME", str(home / "comma"))
    path = home / "comma.csv"
    table()[["p", "q", "up"]].rename(columns={"up": "a,b"}).to_csv(path, index=False)
    space = ["--neuron-num", "1", "--grid", "2", "--k", "2", "--workers", "1"]
    assert main(["tune", str(path), "--target", "a,b", "--study", "one", *space]) == 0
    assert open_study("one").handle.data.target == "a,b"
    assert main(["tune", str(path), "--target", "a,b", "--target", "q", "--study", "both", *space]) == 0
    assert kanlab.open_group("both").targets == ("a,b", "q")
