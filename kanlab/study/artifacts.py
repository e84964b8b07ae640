"""How the data of a study reach other machines: through one of Optuna's artifact stores.

Which one is in $KANLAB_ARTIFACTS when a study is made: a folder all machines see, or s3://BUCKET (needs boto3, which reads
its credentials as usual). Without it, the data go into the database of the study itself. The study remembers the place.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import optuna
from optuna.storages import BaseStorage
from sqlalchemy import delete, insert, select

from kanlab import settings
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.files import OWNERS_FILE, private_folder, written_whole
from kanlab.language import say
from kanlab.study.optuna_adapter import add_artifact, all_studies, database, storage_of
from kanlab.study.schema import BLOBS
from kanlab.study.storage import data_path, default_url, own_url

if TYPE_CHECKING:
    from optuna.artifacts import Boto3ArtifactStore, FileSystemArtifactStore

# optuna.artifacts loads boto3 where that is installed, so the functions load it, which a study of one machine never calls

ARTIFACT = "artifact"  # the study's attribute: {"id", "location", "sha256"}
IN_DATABASE = "database"
ATTACHED = ("bundle.zip", "report.html", "network.svg")  # files that are kept with a study on request


class DatabaseArtifactStore:
    """Optuna's protocol of an artifact store, kept by the database of the studies."""

    def __init__(self, storage: BaseStorage) -> None:
        self._database = database(storage)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        with self._database.connect() as connection:
            content = connection.execute(select(BLOBS.c.content).where(BLOBS.c.id == artifact_id)).scalar()
        if content is None:
            from optuna.artifacts.exceptions import ArtifactNotFound

            raise ArtifactNotFound(artifact_id)
        return io.BytesIO(content)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(BLOBS).where(BLOBS.c.id == artifact_id))
            connection.execute(insert(BLOBS).values(id=artifact_id, content=content_body.read()))

    def remove(self, artifact_id: str) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(BLOBS).where(BLOBS.c.id == artifact_id))


def open_store(
    location: str, storage: BaseStorage
) -> DatabaseArtifactStore | FileSystemArtifactStore | Boto3ArtifactStore:
    """The artifact store of a place: a folder, s3://BUCKET, or the database."""
    from optuna.artifacts import Boto3ArtifactStore, FileSystemArtifactStore

    if location == IN_DATABASE:
        return DatabaseArtifactStore(storage)
    if location.startswith("s3://"):
        try:
            return Boto3ArtifactStore(urlsplit(location).netloc)
        except ImportError as error:
            raise StudyError(
                say(
                    "Data in {location} need the package boto3; install it with 'pip install boto3'.", location=location
                )
            ) from error
    folder = Path(location)
    if not folder.is_dir():
        raise StudyError(
            say(
                "The folder of artifacts {folder} does not exist; create it, or mount it on this machine.",
                folder=folder,
            )
        )
    return FileSystemArtifactStore(folder)


@contextlib.contextmanager
def _reaching(location: str) -> Iterator[None]:
    """Say in one sentence what a folder or a bucket has against it. Raises StudyError."""
    from optuna.artifacts.exceptions import ArtifactNotFound

    errors: tuple[type[Exception], ...] = (OSError,)
    if location.startswith("s3://") and importlib.util.find_spec("boto3"):
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        errors += (Boto3Error, BotoCoreError, ClientError)
    try:
        yield
    except ArtifactNotFound as error:
        raise StudyError(say("The data of this study are no longer in {location}.", location=location)) from error
    except errors as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise StudyError(
            say("The place of artifacts {location} cannot be used ({reason}).", location=location, reason=reason)
        ) from error


def attached_id(uid: str, name: str) -> str:
    """The id of a file of a study. uid: the study's, which tells it from others that had its name."""
    return str(uuid5(NAMESPACE_URL, f"kanlab:{uid}/{name}"))


def attach(study: optuna.Study, uid: str, name: str, mimetype: str, content: bytes) -> None:
    """Keep a file with a study, in the database, as an artifact by which optuna.artifacts and the dashboard find it.

    name: one of ATTACHED; a file of this name that was there is replaced.
    """
    if name not in ATTACHED:
        raise ValueError(
            say("{name} is none of {attached}, which are kept with a study", name=name, attached=", ".join(ATTACHED))
        )
    identity = attached_id(uid, name)
    DatabaseArtifactStore(storage_of(study)).write(identity, io.BytesIO(content))
    add_artifact(study, identity, name, mimetype)


def publish(study: optuna.Study, data: Dataset, storage_url: str | None) -> None:
    """Put the data of a study where other machines find them, unless its storage is this machine's own file."""
    location = settings.ARTIFACTS()
    if location is None and (storage_url or default_url()) == own_url():
        return
    location = location or IN_DATABASE
    for other in all_studies(storage_of(study)):
        found = other.attributes.get(ARTIFACT)
        if found and (found["sha256"], found["location"]) == (data.sha256, location):
            study.set_user_attr(ARTIFACT, found)
            return
    from optuna.artifacts import upload_artifact

    with _reaching(location):
        store = open_store(location, storage_of(study))
        identity = upload_artifact(artifact_store=store, file_path=str(data_path(data.sha256)), study_or_trial=study)
    study.set_user_attr(ARTIFACT, {"id": identity, "location": location, "sha256": data.sha256})


def local_data(study: optuna.Study, sha256: str) -> Path:
    """The file of a study's data on this machine, fetched if need be. Raises StudyError where they are nowhere."""
    path = data_path(sha256)
    if path.exists():
        return path
    found = study.user_attrs.get(ARTIFACT)
    if found is None:
        raise StudyError(
            say("The data of this study, {name}, are no longer in {parent}.", name=path.name, parent=path.parent)
        )
    with _reaching(found["location"]):
        private_folder(path.parent)
        with written_whole(path, OWNERS_FILE) as partial:
            store = open_store(found["location"], storage_of(study))
            with store.open_reader(found["id"]) as reader, partial.open("wb") as writer:
                shutil.copyfileobj(reader, writer)
            if Dataset.load(partial).sha256 != sha256:
                raise StudyError(
                    say("The data of this study in {found} are not the data it was made with.", found=found["location"])
                )
    return path
