"""All that kanlab uses of Optuna beyond its public interface: numbers of studies and trials, the database, its tables.

Written for Optuna 5 (pyproject: optuna>=5,<6). tests/study/test_optuna_adapter.py holds each function against what Optuna's
public interface says, so that a version in which one of the private fields has changed fails there and by name.
"""

from __future__ import annotations

import contextlib
import json
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import DateTime, bindparam, delete, insert, text

from kanlab.errors import StudyError
from kanlab.language import say


def _private(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        kind = type(owner).__name__
        raise RuntimeError(
            say(
                "Optuna {version} has no {kind}.{name}, which kanlab needs; install a version from 5 to below 6.",
                version=optuna.__version__,
                kind=kind,
                name=name,
            )
        ) from None


_quiet = threading.Lock()  # two that enter and leave in another order would leave the filters of one


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without Optuna's notes on what it makes and its warnings of what is experimental; both are as they were afterwards."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
        try:
            yield
        finally:
            optuna.logging.set_verbosity(before)


# ---- studies


def study_id(study: optuna.Study) -> int:
    """Number of a study in its storage."""
    return int(_private(study, "_study_id"))


def storage_of(study: optuna.Study) -> BaseStorage:
    """The storage a study is kept in."""
    found: BaseStorage = _private(study, "_storage")
    return found


@dataclass(frozen=True)
class StoredStudy:
    """A study as its storage lists it, kanlab's or not. attributes: the user's. metric_names: of its objectives."""

    id: int
    name: str
    attributes: dict[str, Any]
    metric_names: list[str] | None = None


class NameTaken(StudyError):
    """A study of this name is there already."""


def all_studies(storage: BaseStorage) -> list[StoredStudy]:
    """Every study of a storage, oldest first; in one query, where Optuna's public summaries take several a study."""
    studies = _private(storage, "get_all_studies")()
    found = [
        StoredStudy(_private(s, "_study_id"), s.study_name, s.user_attrs, s.system_attrs.get("study:metric_names"))
        for s in studies
    ]
    return sorted(found, key=lambda s: s.id)


def is_gone(error: BaseException) -> bool:
    """Whether Optuna raised this because a study is no longer in its storage: it was deleted, by whatever process."""
    return isinstance(error, KeyError) and error.args == (models.NOT_FOUND_MSG,)


def delete_study(study: optuna.Study) -> None:
    """Remove a study and its trials. By its number: its name may be another's by now."""
    storage_of(study).delete_study(study_id(study))


def rename_study(study: optuna.Study, name: str) -> None:
    """Give a study another name, which Optuna has no way to do. Raises NameTaken."""
    storage, number = storage_of(study), study_id(study)
    change = text("UPDATE studies SET study_name = :name WHERE study_id = :id")
    try:
        with database(storage).begin() as connection:
            connection.execute(change, {"name": name, "id": number})
    except sqlalchemy.exc.IntegrityError as error:
        raise NameTaken(say("There is a study '{name}' already; choose another name.", name=name)) from error
    study.study_name = name
    remembered = _private(storage, "_studies").get(number)
    if remembered is not None:
        _private(remembered, "name")
        remembered.name = name


def forget_study(storage: BaseStorage, number: int) -> None:
    """Drop what this process remembers of the study of a number: another process may have changed or replaced it."""
    _private(storage, "_studies").pop(number, None)


def add_artifact(study: optuna.Study, identity: str, name: str, mimetype: str) -> None:
    """Name a file of an artifact store as one of a study, under an id of our own; optuna.artifacts would draw one."""
    meta = {"artifact_id": identity, "filename": name, "mimetype": mimetype, "encoding": None}
    storage_of(study).set_study_system_attr(study_id(study), f"artifacts:{identity}", json.dumps(meta))


def with_sampler(study: optuna.Study, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """The same study, asked through another sampler."""
    return optuna.load_study(study_name=study.study_name, storage=storage_of(study), sampler=sampler)


# ---- trials


def set_constraints(trial: optuna.Trial, values: Sequence[float]) -> None:
    """Constraints of a trial, met where they are not above 0.

    In the form of Optuna 4, a list, which optuna-dashboard reads; Trial.set_constraint writes another.
    """
    trial.storage.set_trial_system_attr(_private(trial, "_trial_id"), "constraints", list(values))


def write_trial(trial: optuna.Trial, attributes: Mapping[str, Any], curve: Sequence[float] = ()) -> None:
    """User attributes of a trial that runs, and its intermediate values, finite and one a step from 0 on.

    All in one transaction, where Trial.set_user_attr and Trial.report take one for each value.
    """
    number, steps = _private(trial, "_trial_id"), models.TrialIntermediateValueModel
    finite = steps.TrialIntermediateValueType.FINITE
    values = [
        {"trial_id": number, "step": i, "intermediate_value": float(v), "intermediate_value_type": finite}
        for i, v in enumerate(curve)
    ]
    written = [{"trial_id": number, "key": key, "value_json": json.dumps(v)} for key, v in attributes.items()]
    kept = models.TrialUserAttributeModel
    with database(trial.storage).begin() as connection:
        connection.execute(delete(kept).where(kept.trial_id == number, kept.key.in_(list(attributes))))
        connection.execute(delete(steps).where(steps.trial_id == number))
        for table, rows in ((kept, written), (steps, values)):
            if rows:
                connection.execute(insert(table), rows)
    remembered = _private(trial, "_cached_frozen_trial")  # what trial.user_attrs says
    remembered.user_attrs = remembered.user_attrs | dict(attributes)
    remembered.intermediate_values = dict(enumerate(map(float, curve)))


def fail_trial(study: optuna.Study, trial: optuna.Trial | FrozenTrial, attributes: dict[str, Any]) -> None:
    """End a trial of any process as failed, with some user attributes; `tell` takes none that waits or is another's."""
    storage, number = storage_of(study), _private(trial, "_trial_id")
    for key, value in attributes.items():
        storage.set_trial_user_attr(number, key, value)
    if isinstance(trial, FrozenTrial):
        storage.set_trial_state_values(number, TrialState.FAIL)
    else:
        study.tell(trial, state=TrialState.FAIL)


@dataclass(frozen=True)
class StoredTrial:
    """A trial as it is stored. state: the name of Optuna's. params: of integer parameters. attributes: the user's."""

    id: int
    number: int
    state: str
    params: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        return TrialState[self.state].is_finished()


_TRIALS = "SELECT t.trial_id, t.number, t.state FROM trials t"
_PARAMS = "SELECT p.trial_id, p.param_name, p.param_value FROM trial_params p JOIN trials t USING (trial_id)"
_ATTRIBUTES = "SELECT a.trial_id, a.key, a.value_json FROM trial_user_attributes a JOIN trials t USING (trial_id)"


def read_trials(study: optuna.Study, *, after: int = -1, among: Collection[int] = ()) -> list[StoredTrial]:
    """The trials of ids above `after`, and those of `among`. Optuna's get_trials takes many seconds for 10,000 trials."""
    return _read(study, "(t.trial_id > :last OR t.trial_id IN :open)", last=after, open=[*among, -1])


def read_trial(study: optuna.Study, number: int) -> StoredTrial | None:
    """One trial; None where there is none of this number."""
    return next(iter(_read(study, "t.number = :number", number=number)), None)


def read_failed(study: optuna.Study) -> list[StoredTrial]:
    """The trials that failed."""
    return _read(study, "t.state = 'FAIL'")


@dataclass(frozen=True)
class TrialTimes:
    """When a trial was begun, and when it ended; end is None while it runs. Local times of whoever fitted it, as Optuna's."""

    number: int
    start: datetime
    end: datetime | None


def read_times(study: optuna.Study) -> list[TrialTimes]:
    """The times of all trials that were begun, by number."""
    query = text(
        "SELECT t.number, t.datetime_start, t.datetime_complete FROM trials t "
        "WHERE t.study_id = :study AND t.datetime_start IS NOT NULL ORDER BY t.number"
    ).columns(datetime_start=DateTime, datetime_complete=DateTime)
    with database(storage_of(study)).connect() as connection:
        return [TrialTimes(*row) for row in connection.execute(query, {"study": study_id(study)})]


def _read(study: optuna.Study, condition: str, **values: Any) -> list[StoredTrial]:
    """The trials of a study that meet a condition: three queries, one where there are none."""
    lists: list[Any] = [bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)]
    values["study"] = study_id(study)
    with database(storage_of(study)).connect() as connection:

        def rows(query: str) -> Any:
            chosen = text(f"{query} WHERE t.study_id = :study AND {condition}").bindparams(*lists)
            return connection.execute(chosen, values).all()

        found = {i: StoredTrial(i, number, str(state)) for i, number, state in rows(_TRIALS)}
        if found:  # a trial that was begun between the queries is left to the next time
            for i, name, value in rows(_PARAMS):
                if i in found:
                    found[i].params[name] = int(value)
            for i, key, value in rows(_ATTRIBUTES):
                if i in found and not key[:1].isupper():  # those are for people (kanlab.study.in_words)
                    found[i].attributes[key] = json.loads(value)
    return list(found.values())


# ---- the database


class OtherSchema(Exception):
    """The tables of a storage are of another version of Optuna. made_by: the version of Optuna that made them."""

    def __init__(self, version: str, made_by: str, *, is_older: bool) -> None:
        super().__init__(version)
        self.version, self.made_by, self.is_older = version, made_by, is_older


def connect(url: str, engine_options: dict[str, Any] | None) -> BaseStorage:
    """Optuna's storage of a URL, which remembers finished trials. Raises OtherSchema."""
    try:
        return optuna.storages.get_storage(RDBStorage(url, engine_kwargs=engine_options))
    except RuntimeError as error:
        with _unchecked(url, engine_options) as storage:
            current = storage.get_current_version()
            if current == storage.get_head_version():  # another process has upgraded it in between
                return optuna.storages.get_storage(RDBStorage(url, engine_kwargs=engine_options))
            with storage.engine.connect() as connection:
                made_by = connection.execute(text("SELECT library_version FROM version_info")).scalar()
            raise OtherSchema(current, str(made_by), is_older=current in storage.get_all_versions()) from error


def is_current(url: str) -> bool:
    """Whether the tables of a storage are of the version of today."""
    with _unchecked(url, None) as storage:
        return storage.get_current_version() == storage.get_head_version()


def upgrade_tables(url: str) -> None:
    """Bring the tables of an earlier version of Optuna to that of today."""
    with _unchecked(url, None) as storage:
        storage.upgrade()


@contextlib.contextmanager
def _unchecked(url: str, engine_options: dict[str, Any] | None) -> Iterator[RDBStorage]:
    """A storage of whatever version, for a moment."""
    storage = RDBStorage(url, engine_kwargs=engine_options, skip_compatibility_check=True)
    try:
        yield storage
    finally:
        storage.engine.dispose()


def database(storage: BaseStorage) -> sqlalchemy.Engine:
    """The database of a storage that `connect` gave."""
    found: sqlalchemy.Engine = _private(_private(storage, "_backend"), "engine")
    return found


def trial_sizes(storage: BaseStorage) -> dict[int, int]:
    """Bytes of the attributes of each study's trials, by the number of the study."""
    query = text(
        "SELECT t.study_id, SUM(LENGTH(a.value_json) + LENGTH(a.key)) FROM trial_user_attributes a "
        "JOIN trials t ON t.trial_id = a.trial_id GROUP BY t.study_id"
    )
    with database(storage).connect() as connection:
        return {int(number): int(size) for number, size in connection.execute(query)}
