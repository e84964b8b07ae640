"""What a study is: its specification, its trials as records, and where both stand in an Optuna study."""

from __future__ import annotations

import math
import platform
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal
from uuid import uuid4

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from kanlab.artifacts import publish
from kanlab.complexity import RULES, CountingRule
from kanlab.criteria import aicc
from kanlab.dataset import Dataset
from kanlab.engines import ENGINES, FAILED_STATUSES, FitOptions, Outcome
from kanlab.errors import SpaceError, StudyError
from kanlab.families import Baseline, baselines
from kanlab.records import read_records
from kanlab.sampling import SAMPLERS
from kanlab.space import Cell, SearchSpace, cell_n_params
from kanlab.storage import get_storage, store_dataset

SPEC, DATA, BASELINES, UID = "spec", "data", "baselines", "uid"
INTERRUPTED = "interrupted"
MAX_NAME = 80
MAX_SEED = 2**31 - 1

State = Literal["complete", "failed", "running"]


@lru_cache(maxsize=32)
def _admissible(space: SearchSpace, n: int, d: int, rule: CountingRule, count_sigma2: bool) -> tuple[Cell, ...]:
    """A page asks every second."""
    return tuple(space.admissible(n, d, rule=rule, count_sigma2=count_sigma2))


@dataclass(frozen=True)
class StudySpec:
    """Everything that decides the numbers of a study, given its data.

    trials: cells to fit at most (None: all admissible ones).  minutes: wall time to spend at most.
    patience: end when the least AICc has not fallen for so many trials.  workers: processes (None: one a core).
    """

    space: SearchSpace = SearchSpace()
    engine: str = "lm"
    sampler: str = "auto"
    count: CountingRule = "identifiable"
    count_sigma2: bool = True
    trials: int | None = None
    minutes: float | None = None
    patience: int | None = None
    seed: int = 0
    test_fraction: float = 0.2
    workers: int | None = None
    options: FitOptions = FitOptions()

    def __post_init__(self) -> None:
        def require(ok: bool, sentence: str) -> None:
            if not ok:
                raise StudyError(sentence)

        require(self.engine in ENGINES, f"There is no engine '{self.engine}'; choose one of {', '.join(ENGINES)}.")
        require(self.sampler in SAMPLERS, f"There is no sampler '{self.sampler}'; choose one of {', '.join(SAMPLERS)}.")
        require(self.count in RULES, f"There is no counting rule '{self.count}'; choose one of {', '.join(RULES)}.")
        for name in ("trials", "minutes", "patience", "workers"):
            value = getattr(self, name)
            require(value is None or value > 0, f"The number of {name} must be above 0, not {value}.")
        for name in ("starts", "time_limit"):
            value = getattr(self.options, name)
            require(value is None or value > 0, f"The option {name} must be above 0, not {value}.")
        require(0 <= self.seed <= MAX_SEED, f"The seed must lie within 0 to {MAX_SEED:,}, not {self.seed}.")
        require(self.options.smoothing >= 0, f"The smoothing must be at least 0, not {self.options.smoothing}.")

    def admissible(self, n: int, d: int) -> list[Cell]:
        """Cells AICc can judge on n training rows and d features, fewest parameters first."""
        return list(_admissible(self.space, n, d, self.count, self.count_sigma2))

    def n_params(self, cell: Cell, d: int) -> int:
        """The K that enters AICc."""
        return cell_n_params(cell, d, rule=self.count, count_sigma2=self.count_sigma2)

    def resolved_sampler(self, admissible: int) -> str:
        """The sampler "auto" stands for: exhaustive where the budget covers every admissible cell, else TPE."""
        if self.sampler != "auto":
            return self.sampler
        return "exhaustive" if self.trials is None or self.trials >= admissible else "tpe"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"space": self.space.ranges()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> StudySpec:
        known = dict(content)
        space = SearchSpace(**{name: tuple(ends) for name, ends in known["space"].items()})
        return cls(**known | {"space": space, "options": FitOptions(**known["options"])})


@dataclass(frozen=True)
class DataSummary:
    """What a study keeps of its data beside the hash that finds them."""

    name: str
    rows: int
    n_train: int
    n_test: int
    features: list[str]
    target: str
    sha256: str
    y_std: float
    target_label: str = ""  # with the scale it is fitted on, where that is not its own
    aicc_offset: float | None = 0.0  # from AICc on that scale to AICc of the target itself; None where there is none

    @classmethod
    def of(cls, data: Dataset) -> DataSummary:
        features, std = list(data.features), float(data.y_train.std())
        offset = data.target_transform.aicc_offset(data.y_train)
        return cls(
            data.name,
            data.rows,
            data.n,
            len(data.y_test),
            features,
            data.target,
            data.sha256,
            std,
            data.target_label,
            offset,
        )

    @property
    def d(self) -> int:
        return len(self.features)

    @property
    def fitted_target(self) -> str:
        """What RSS and AICc are of, such as log(y)."""
        return self.target_label or self.target

    @property
    def is_transformed(self) -> bool:
        """Whether that is another scale than the target's own."""
        return self.fitted_target != self.target

    def rmse(self, rss: float | None, n: int) -> float | None:
        """RMSE in units of the data from an RSS, where the target was fitted as it is."""
        return None if rss is None or self.is_transformed or not n else math.sqrt(rss / n)


@dataclass(frozen=True)
class TrialRecord:
    """One trial as everything above the storage sees it. rss: on the scale of the fit; rmse: in units of the data.

    parameters: of the study's space, by which the cell is told from others.
    """

    number: int
    state: State
    cell: Cell
    n_params: int
    rss_train: float | None = None
    rss_test: float | None = None
    aicc: float | None = None
    seconds: float = 0.0
    status: str = ""
    iterations: int = 0
    loss_curve: list[float] = field(default_factory=list)
    trial_id: int = -1
    rmse_train: float | None = None
    rmse_test: float | None = None
    parameters: tuple[str, ...] = SearchSpace().parameters

    def to_dict(self) -> dict[str, Any]:
        """The trial as the JSON contract has it."""
        return {
            "number": self.number,
            "state": self.state,
            "params": {name: getattr(self.cell, name) for name in self.parameters},
            "n_params": self.n_params,
            "rss_train": self.rss_train,
            "rss_test": self.rss_test,
            "rmse_train": self.rmse_train,
            "rmse_test": self.rmse_test,
            "aicc": self.aicc,
            "seconds": self.seconds,
            "status": self.status,
        }


def judge(spec: StudySpec, data: DataSummary, cell: Cell, outcome: Outcome) -> tuple[float | None, str]:
    """AICc of a fitted cell and its status; None where the fit failed, and the status says why."""
    if outcome.rss_train is None or outcome.status.startswith(FAILED_STATUSES):
        return None, outcome.status
    if not math.isfinite(outcome.rss_train):
        return None, f"diverged: the residuals are not finite ({outcome.status})"
    value = aicc(outcome.rss_train, data.n_train, spec.n_params(cell, data.d))
    if not math.isfinite(value):
        return None, "interpolates: the residuals are 0 and AICc is not defined"
    return value, outcome.status


def record_outcome(
    study: optuna.Study, trial: optuna.Trial, spec: StudySpec, data: DataSummary, outcome: Outcome
) -> None:
    """Tell Optuna the result of a fit: AICc, or (K, rss) for the two objectives of nsga2."""
    cell = Cell(**trial.params)
    value, status = judge(spec, data, cell, outcome)
    n_params = spec.n_params(cell, data.d)
    rss_train, rss_test = _finite(outcome.rss_train), _finite(outcome.rss_test)
    # AICc is defined where K - (n - 2) <= 0: what Optuna and its dashboard take for the constraint of a trial
    study._storage.set_trial_system_attr(trial._trial_id, "constraints", [float(n_params - data.n_train + 2)])
    content = {"n_params": n_params, "rss_train": rss_train, "rss_test": rss_test, "aicc": value}
    for key, number in content.items():
        trial.set_user_attr(key, number)
    curve, seconds = [v for v in outcome.loss_curve if math.isfinite(v)], round(outcome.seconds, 4)
    fit = {"status": status, "seconds": seconds, "iterations": outcome.iterations, "curve": curve}
    if data.is_transformed:  # elsewhere it follows from the RSS
        fit["rmse"] = [_finite(outcome.rmse_train), _finite(outcome.rmse_test)]
    trial.set_user_attr("fit", fit)
    if value is None:
        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, [float(n_params), float(outcome.rss_train or 0.0)] if len(study.directions) == 2 else value)


def _finite(value: float | None) -> float | None:
    """A number JSON knows."""
    return value if value is not None and math.isfinite(value) else None


def record_failure(study: optuna.Study, trial: optuna.Trial | FrozenTrial, reason: str) -> None:
    """End a trial without a result. INTERRUPTED as the reason leaves its cell to be fitted again."""
    study._storage.set_trial_user_attr(trial._trial_id, "fit", {"status": reason})
    if isinstance(trial, FrozenTrial):  # another process's, or one that waits and cannot be told
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    else:
        study.tell(trial, state=TrialState.FAIL)


def make_record(
    number: int,
    trial_id: int,
    state: str,
    params: Mapping[str, int],
    attributes: Mapping[str, Any],
    spec: StudySpec,
    data: DataSummary,
) -> TrialRecord | None:
    """A stored trial as a record; None for one that was interrupted, or whose cell is not drawn yet.

    state: the name of Optuna's.
    """
    parameters = spec.space.parameters
    if len(params) < len(parameters):
        return None
    cell = Cell(**{name: params[name] for name in parameters})
    fit = attributes.get("fit", {})
    if state == "FAIL" and fit.get("status", INTERRUPTED) == INTERRUPTED:
        return None
    states: dict[str, State] = {"COMPLETE": "complete", "FAIL": "failed"}
    rss_train, rss_test = attributes.get("rss_train"), attributes.get("rss_test")
    rmse = fit.get("rmse") or (data.rmse(rss_train, data.n_train), data.rmse(rss_test, data.n_test))
    return TrialRecord(
        number=number,
        state=states.get(state, "running"),
        cell=cell,
        n_params=spec.n_params(cell, data.d),
        rss_train=rss_train,
        rss_test=rss_test,
        rmse_train=rmse[0],
        rmse_test=rmse[1],
        aicc=attributes.get("aicc"),
        seconds=fit.get("seconds", 0.0),
        status=fit.get("status", ""),
        iterations=fit.get("iterations", 0),
        loss_curve=fit.get("curve", []),
        trial_id=trial_id,
        parameters=parameters,
    )


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

    def records(self) -> list[TrialRecord]:
        """Trials by number, interrupted ones left out."""
        return read_records(self)


def study_names(storage: BaseStorage) -> list[str]:
    """Names of kanlab's studies in a storage, newest first."""
    studies = [s for s in storage.get_all_studies() if SPEC in s.user_attrs]
    return [s.study_name for s in sorted(studies, key=lambda s: -s._study_id)]


def free_name(data_name: str, storage: BaseStorage) -> str:
    """A name no study has yet: the file's name and a number."""
    stem = re.sub(r"\.\w{1,8}$", "", data_name).strip()[: MAX_NAME - 8] or "study"
    taken = {s.study_name for s in storage.get_all_studies()}
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def checked_name(name: str) -> str:
    """A name a study can have, stripped. Raises StudyError for any other."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise StudyError(f"A study's name has 1 to {MAX_NAME} printable characters; choose another one.")
    return name


def create_study(
    data: Dataset, spec: StudySpec, *, name: str | None = None, storage_url: str | None = None
) -> StudyHandle:
    """Write a new study, its specification, its baselines and its data to the storage; nothing is fitted yet.

    Raises SpaceError where no cell is admissible, StudyError where the name is taken.
    """
    storage = get_storage(storage_url)
    admissible = spec.admissible(data.n, data.d)
    if not admissible:
        smallest = min(spec.n_params(c, data.d) for c in spec.space.cells)
        raise SpaceError(
            f"No cell of the space can be judged: the smallest network has {smallest} parameters and AICc needs more than "
            f"{smallest + 1} training rows, there are {data.n}; lower the ranges, choose fewer features or bring more rows."
        )
    name = checked_name(name or free_name(data.name, storage))
    store_dataset(data)  # first: without its data there is no study
    two = spec.sampler == "nsga2"
    try:
        study = optuna.create_study(
            study_name=name, storage=storage, directions=["minimize"] * (2 if two else 1), load_if_exists=False
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise StudyError(f"There is a study '{name}' already; choose another name, or resume that one.") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(["n_params", "rss_train"] if two else ["AICc"])
    models, uid = baselines(data, count_sigma2=spec.count_sigma2), uuid4().hex
    handle = StudyHandle(study, spec, DataSummary.of(data), models, storage_url, uid)
    study.set_user_attr(UID, uid)
    try:
        publish(study, data, storage_url)
    except StudyError:
        storage.delete_study(study._study_id)  # its name is free again
        raise
    study.set_user_attr(DATA, asdict(handle.data))
    study.set_user_attr(BASELINES, [b.to_dict() for b in handle.baselines])
    study.set_user_attr("versions", current_versions())
    study.set_user_attr(SPEC, spec.to_dict())  # last: a study is kanlab's once it is whole
    return handle


def load_study(name: str, *, storage_url: str | None = None) -> StudyHandle:
    """Open a study by name. Raises StudyError where there is none, or where it is not kanlab's."""
    storage = get_storage(storage_url)
    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        names = study_names(storage)
        known = f"the newest are {', '.join(names[:5])}" if names else "there is none yet"
        raise StudyError(f"There is no study '{name}'; {known}.") from error
    attributes = study.user_attrs
    if SPEC not in attributes:
        raise StudyError(f"The study '{name}' was not made by kanlab, so its trials cannot be read as networks.")
    spec = StudySpec.from_dict(attributes[SPEC])
    data = DataSummary(**attributes[DATA])
    models = [stored_baseline(b, data) for b in attributes[BASELINES]]
    return StudyHandle(study, spec, data, models, storage_url, attributes.get(UID, ""))


def stored_baseline(content: Mapping[str, Any], data: DataSummary) -> Baseline:
    """A stored model of another family; its RMSE where an earlier version kept the RSS alone."""
    found = Baseline(**content)
    if found.rmse_train is not None:
        return found
    train, test = data.rmse(found.rss_train, data.n_train), data.rmse(found.rss_test, data.n_test)
    return replace(found, rmse_train=train, rmse_test=test)


def current_versions() -> dict[str, str]:
    """Of Python and the libraries the numbers depend on."""
    result = {"python": platform.python_version()}
    for package in ("kanlab", "pykan", "torch", "numpy", "scipy", "optuna"):
        try:
            result[package] = version(package)
        except PackageNotFoundError:
            continue
    return result


def versions_changed(handle: StudyHandle) -> list[str]:
    """Which libraries are of another version than when the study was made, one line each."""
    then, now = handle.optuna.user_attrs.get("versions", {}), current_versions()
    return [f"{name} was {then[name]} and is {now[name]}" for name in then if name in now and now[name] != then[name]]
