"""Data that reach another machine: one with a home of its own and the storage's address alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.study.artifacts import ARTIFACT, local_data
from kanlab.study.handle import StudyHandle, create_study, load_study, study_names
from kanlab.study.spec import StudySpec
from kanlab.study.storage import data_path, get_storage, own_url
from tests.helpers.sentences import refused


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shared.db'}"


def elsewhere(handle: StudyHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The data as a machine reads them that has never seen them."""
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "another machine"))
    monkeypatch.delenv("KANLAB_ARTIFACTS", raising=False)
    path = local_data(load_study(handle.name, storage_url=handle.storage_url).optuna, handle.data.sha256)
    assert path == data_path(handle.data.sha256)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    return Dataset.load(path)


@pytest.mark.parametrize("folder", [False, True])
def test_through_the_database_or_a_folder(
    folder: bool, url: str, small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if folder:
        (tmp_path / "mounted").mkdir()
        monkeypatch.setenv("KANLAB_ARTIFACTS", str(tmp_path / "mounted"))
    first, second = (create_study(small, StudySpec(), storage_url=url) for _ in range(2))
    assert first.optuna.user_attrs[ARTIFACT] == second.optuna.user_attrs[ARTIFACT]  # once, however many studies
    assert folder == bool(list((tmp_path / "mounted").glob("*")))
    assert elsewhere(second, tmp_path, monkeypatch).sha256 == small.sha256


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 within this process, with one bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="tables")
        yield client


def test_through_a_bucket(url: str, small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    monkeypatch.setenv("KANLAB_ARTIFACTS", "s3://tables")
    first, second = (create_study(small, StudySpec(), storage_url=url) for _ in range(2))
    assert first.optuna.user_attrs[ARTIFACT] == second.optuna.user_attrs[ARTIFACT]
    (kept,) = s3.list_objects_v2(Bucket="tables")["Contents"]
    assert kept["Key"] == first.optuna.user_attrs[ARTIFACT]["id"]
    assert kept["Size"] == data_path(small.sha256).stat().st_size
    assert elsewhere(second, tmp_path, monkeypatch).sha256 == small.sha256
    data_path(small.sha256).unlink()
    s3.delete_object(Bucket="tables", Key=kept["Key"])
    with pytest.raises(StudyError, match="no longer in s3://tables"):
        elsewhere(second, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("place", "words"), [("s3://nowhere", "bucket does not exist"), ("{full}", "No space left on device")]
)
def test_a_place_that_does_not_take_them_leaves_no_study(
    place: str, words: str, url: str, small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: Any
) -> None:
    if place == "{full}":
        (tmp_path / "mounted").mkdir()
        place = str(tmp_path / "mounted")

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("optuna.artifacts.FileSystemArtifactStore.write", full)
    monkeypatch.setenv("KANLAB_ARTIFACTS", place)
    with refused(StudyError, words):
        create_study(small, StudySpec(), name="mine", storage_url=url)
    monkeypatch.delenv("KANLAB_ARTIFACTS")
    assert get_storage(url).get_all_studies() == []
    assert create_study(small, StudySpec(), name="mine", storage_url=url).name == "mine"


def test_a_storage_named_by_the_environment_is_the_default_and_shares_its_data(
    url: str, small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANLAB_STORAGE", url)
    handle = create_study(small, StudySpec(), name="here")
    assert study_names(get_storage(url)) == ["here"]
    assert study_names(get_storage(own_url())) == []
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "another machine"))
    assert local_data(load_study("here").optuna, handle.data.sha256) == data_path(small.sha256)


def test_a_study_in_the_own_file_keeps_its_data_in_the_own_folder(small: Dataset) -> None:
    handle = create_study(small, StudySpec())
    assert ARTIFACT not in handle.optuna.user_attrs
    data_path(small.sha256).unlink()
    with refused(StudyError, "no longer in"):
        local_data(handle.optuna, small.sha256)


def test_artifacts_that_are_gone_or_wrong(
    url: str, small: Dataset, frame: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = create_study(small, StudySpec(), storage_url=url)
    other = Dataset.from_frame(frame, "y", ["a"])  # type: ignore[arg-type]
    wrong = create_study(other, StudySpec(), storage_url=url)
    found = handle.optuna.user_attrs[ARTIFACT]
    handle.optuna.set_user_attr(ARTIFACT, found | {"id": wrong.optuna.user_attrs[ARTIFACT]["id"]})
    with pytest.raises(StudyError, match="not the data it was made with"):
        elsewhere(handle, tmp_path, monkeypatch)
    handle.optuna.set_user_attr(ARTIFACT, found | {"id": "nothing"})
    with pytest.raises(StudyError, match="no longer in database"):
        elsewhere(handle, tmp_path, monkeypatch)


@pytest.mark.parametrize(("place", "words"), [("/nowhere/at/all", "does not exist"), ("s3://bucket", "boto3")])
def test_places_that_cannot_be_used(
    place: str, words: str, url: str, small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANLAB_ARTIFACTS", place)

    def missing(*_: object) -> None:
        raise ImportError("No module named 'boto3'")

    monkeypatch.setattr("optuna.artifacts.Boto3ArtifactStore", missing)
    with refused(StudyError, words):
        create_study(small, StudySpec(), storage_url=url)
