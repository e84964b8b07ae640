"""A study in its storage: made, opened and named."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from uuid import uuid4

import msgspec
import optuna
from optuna.storages import BaseStorage

from kanlab.baselines.registry import Baseline, baselines
from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES, NO_WEIGHTS
from kanlab.errors import StudyError
from kanlab.language import say, use
from kanlab.study import in_words
from kanlab.study.artifacts import publish
from kanlab.study.data_summary import DataSummary
from kanlab.study.optuna_adapter import (
    NameTaken,
    TrialTimes,
    all_studies,
    delete_study,
    is_gone,
    quietly,
    read_failed,
    read_times,
    read_trial,
    rename_study,
    storage_of,
    study_id,
)
from kanlab.study.spec import StudySpec
from kanlab.study.storage import STORAGE_ERRORS, get_storage, store_dataset
from kanlab.study.trial_reader import read_records
from kanlab.study.trials import TrialRecord, completed, make_record
from kanlab.study.unfinished import SPEC, UID, discard, is_ours_unfinished, is_provisional, provisional_name
from kanlab.study.versions import current_versions

DATA, BASELINES = "data", "baselines"
GROUP = "group"  # of studies of one table with several targets: kanlab.study.several_targets
MAX_NAME = 80


class HalfMade(StudyError):
    """The study of this name was never finished by the process that made it."""


class StudyView(Protocol):
    """What the choice of a model sees of a study, in a storage (`StudyHandle`) or in memory (kanlab.execution.in_memory)."""

    @property
    def spec(self) -> StudySpec: ...

    @property
    def data(self) -> DataSummary: ...

    @property
    def baselines(self) -> list[Baseline]: ...

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What was written beside its trials."""


@dataclass(frozen=True)
class StudyHandle:
    """An open study: Optuna's object with kanlab's own view of it."""

    optuna: optuna.Study
    spec: StudySpec
    data: DataSummary
    baselines: list[Baseline]
    storage_url: str | None = None
    uid: str = ""

    @property
    def name(self) -> str:
        return self.optuna.study_name

    @property
    def id(self) -> int:
        """Its number in the storage, which a later study may have once this one is deleted."""
        return study_id(self.optuna)

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from other studies in this process."""
        return id(storage_of(self.optuna)), self.id

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is written beside its trials, as it is now."""
        return self.optuna.user_attrs

    def records(self) -> list[TrialRecord]:
        """Trials by number, interrupted ones left out."""
        return read_records(self.optuna, self.uid, self.spec, self.data)

    def has_model(self, records: Sequence[TrialRecord]) -> bool:
        """Whether there is something to recommend: a complete trial, or no network that its rows carry."""
        return bool(completed(records)) or not self.spec.admissible(self.data.n_train, self.data.d)

    def record(self, number: int) -> TrialRecord | None:
        """One trial, and no other is read; None where there is none, or it was interrupted."""
        stored = read_trial(self.optuna, number)
        return make_record(stored, self.spec, self.data) if stored else None

    def times(self) -> list[TrialTimes]:
        """When each trial was begun and ended, by number."""
        return read_times(self.optuna)

    def failed(self) -> list[TrialRecord]:
        """The trials whose fit failed, and no other is read."""
        made = [make_record(stored, self.spec, self.data) for stored in read_failed(self.optuna)]
        return [record for record in made if record is not None]


def study_names(storage: BaseStorage) -> list[str]:
    """Names of kanlab's studies in a storage, newest first."""
    return [s.name for s in reversed(all_studies(storage)) if SPEC in s.attributes and not is_provisional(s.name)]


def free_name(data_name: str, storage: BaseStorage) -> str:
    """A name no study has yet: the file's name and a number."""
    stem = re.sub(r"\.\w{1,8}$", "", data_name).strip()[: MAX_NAME - 8] or "study"
    taken = taken_names(storage)
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def taken_names(storage: BaseStorage) -> set[str]:
    """The names of all studies, and those that groups of them have together."""
    studies = all_studies(storage)
    return {s.attributes[GROUP]["name"] for s in studies if GROUP in s.attributes} | {s.name for s in studies}


def checked_name(name: str) -> str:
    """A name a study can have, stripped. Raises StudyError for any other."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable() or is_provisional(name):
        raise StudyError(
            say("A study's name has 1 to {max_name} printable characters; choose another one.", max_name=MAX_NAME)
        )
    return name


GAM_FEATURES = 100  # more have more splines than any few rows tell apart


def settled(data: Dataset, spec: StudySpec) -> tuple[StudySpec, list[Baseline]]:
    """The specification with what follows from the data, and the models of other families that stand beside its networks.

    A likelihood without a noise variance has none to count, and the outputs of a network follow from the data, whatever the
    specification says. Where the rows carry no network of all features it becomes one for few rows
    (StudySpec.for_few_rows), and a spline GAM joins the other families; where they carry none at all the study is
    one of these families alone.
    """
    spec = spec.of(data)
    carries_all = bool(spec.admissible(data.n, data.d))
    spec = spec.for_few_rows(data.n, data.d)
    also = () if carries_all or data.d > GAM_FEATURES else ("gam",)
    return spec, baselines(data, count_sigma2=spec.count_sigma2, also=also, shape=spec.options.shape)


@use("en")
def create_study(
    data: Dataset,
    spec: StudySpec,
    *,
    name: str | None = None,
    storage_url: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> StudyHandle:
    """Write a new study, its specification, its baselines and its data to the storage; nothing is fitted yet.

    It is whole or not there: it gets its name in one statement when everything else is written (kanlab.study.unfinished).
    The specification becomes what `settled` makes of it.
    attributes: more to keep with it.
    Raises StudyError where the name is taken, and where the engine cannot weigh rows as the data ask for.
    """
    if data.w_train is not None and ENGINES[spec.engine].needs_torch:
        raise StudyError(say(NO_WEIGHTS))
    storage, data = get_storage(storage_url), spec.constraints.without_idle(data)
    if name is not None:
        name = checked_name(name)
        if not discard(storage, name) and name in taken_names(storage):  # before anything is done
            raise _taken(name)
    store_dataset(data)  # first: without its data there is no study
    spec, models = settled(data, spec)
    uid = uuid4().hex
    metrics = ["n_params", "deviance" if data.has_deviance else "rss_train"] if spec.sampler == "nsga2" else ["AICc"]
    making = provisional_name()
    with quietly():
        study = optuna.create_study(study_name=making, storage=storage, directions=["minimize"] * len(metrics))
    handle = StudyHandle(study, spec, DataSummary.of(data), models, storage_url, uid)
    try:
        with quietly():
            study.set_metric_names(metrics)
        for word, value in in_words.of_study(spec, handle.data).items():
            study.set_user_attr(word, value)
        study.set_user_attr(UID, uid)
        publish(study, data, storage_url)
        study.set_user_attr(DATA, asdict(handle.data))
        study.set_user_attr(BASELINES, [b.to_dict() for b in handle.baselines])
        study.set_user_attr("versions", current_versions())
        for key, value in (attributes or {}).items():
            study.set_user_attr(key, value)
        study.set_user_attr(SPEC, spec.to_dict())
        _give_name(study, name, data.name)
    except BaseException:
        with contextlib.suppress(*STORAGE_ERRORS):  # what stays then is a leftover
            delete_study(study)
        raise
    return handle


def _give_name(study: optuna.Study, name: str | None, data_name: str) -> None:
    """The name asked for, or the first that is free: of many that take one at once, each gets another."""
    while True:
        try:
            return rename_study(study, name or free_name(data_name, storage_of(study)))
        except NameTaken as error:
            if name is not None:
                raise _taken(name) from error


def _taken(name: str) -> StudyError:
    return StudyError(say("There is a study '{name}' already; choose another name, or resume that one.", name=name))


def load_study(name: str, *, storage_url: str | None = None) -> StudyHandle:
    """Open a study by name. Raises StudyError where there is none, or where it is not kanlab's."""
    storage = get_storage(storage_url)
    try:
        if is_provisional(name):
            raise KeyError(name)
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        joint = [s.name for s in all_studies(storage) if s.attributes.get(GROUP, {}).get("name") == name]
        if joint:
            raise StudyError(
                say(
                    "'{name}' is a study for each of several targets; name one of them: {names}.",
                    name=name,
                    names=", ".join(joint),
                )
            ) from error
        names = study_names(storage)
        raise StudyError(
            say("There is no study '{name}'; the newest are {names}.", name=name, names=", ".join(names[:5]))
            if names
            else say("There is no study '{name}'; there is none yet.", name=name)
        ) from error
    attributes = study.user_attrs
    if is_ours_unfinished(attributes, study.metric_names):
        raise HalfMade(
            say(
                "The study '{name}' is not whole, because the process that made it ended; a new "
                "study may have its name, and 'kanlab gc' removes it.",
                name=name,
            )
        )
    if SPEC not in attributes:
        raise StudyError(
            say("The study '{name}' was not made by kanlab, so its trials cannot be read as networks.", name=name)
        )
    spec = StudySpec.from_dict(attributes[SPEC])
    data = msgspec.convert(attributes[DATA], DataSummary)
    models = [stored_baseline(b, data) for b in attributes[BASELINES]]
    return StudyHandle(study, spec, data, models, storage_url, attributes.get(UID, ""))


def check_it_is_there(handle: StudyHandle, attributes: Mapping[str, Any] | None = None) -> None:
    """Raises StudyError where the study was deleted since it was opened, also where another has its number by now.

    attributes: the user's, where they were read just now.
    """
    try:
        found = handle.optuna.user_attrs if attributes is None else attributes
        if found.get(UID, "") == handle.uid:
            return
    except KeyError as error:
        if not is_gone(error):
            raise
    raise StudyError(say("The study '{name}' is no longer there: it was deleted elsewhere.", name=handle.name))


def stored_baseline(content: Mapping[str, Any], data: DataSummary) -> Baseline:
    """A stored model of another family; its RMSE where an earlier version kept the RSS alone."""
    found = Baseline.from_dict(content)
    if found.rmse_train is not None:
        return found
    train, test = data.rmse(found.rss_train, data.n_train), data.rmse(found.rss_test, data.n_test)
    return found.rescored(rmse_train=train, rmse_test=test)


def versions_changed(handle: StudyHandle) -> list[str]:
    """Which libraries are of another version than when the study was made, one line each."""
    then, now = handle.optuna.user_attrs.get("versions", {}), current_versions()
    return [
        say("{name} was {then} and is {now}", name=name, then=then[name], now=now[name])
        for name in then
        if name in now and now[name] != then[name]
    ]
