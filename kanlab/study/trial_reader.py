"""The trials of a study as records, read little by little: a finished trial never changes, so it is read once a process.

Optuna reads trials as well, and its samplers need them so; but opening a study of 10,000 trials takes it many seconds.
"""

from __future__ import annotations

import threading
import weakref

import optuna
from optuna.storages import BaseStorage

from kanlab.study.data_summary import DataSummary
from kanlab.study.optuna_adapter import forget_study, read_trials, storage_of, study_id
from kanlab.study.spec import StudySpec
from kanlab.study.trials import TrialRecord, make_record


class _Reader:
    """What this process has read of one study."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.lock = threading.Lock()
        self.finished: dict[int, TrialRecord | None] = {}  # by number, in no order
        self.last = -1  # the greatest id among them
        self.open: set[int] = set()  # lower ones that were not finished when they were read
        self.ordered: list[TrialRecord] = []

    def read(self, study: optuna.Study, spec: StudySpec, data: DataSummary) -> list[TrialRecord]:
        running, changed = [], False
        for trial in read_trials(study, after=self.last, among=self.open):
            made = make_record(trial, spec, data)
            if trial.is_finished:
                self.finished[trial.number] = made
                self.last = max(self.last, trial.id)
                self.open.discard(trial.id)
                changed = True
            else:
                self.open.add(trial.id)
                running += [made] if made is not None else []
        if changed:
            self.ordered = [r for _, r in sorted(self.finished.items()) if r is not None]
        return sorted([*self.ordered, *running], key=lambda r: r.number) if running else list(self.ordered)


_readers: weakref.WeakKeyDictionary[BaseStorage, dict[int, _Reader]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def read_records(study: optuna.Study, uid: str, spec: StudySpec, data: DataSummary) -> list[TrialRecord]:
    """Trials by number, interrupted ones left out. uid: of the study, which its number is not."""
    storage, number = storage_of(study), study_id(study)
    with _lock:
        readers = _readers.setdefault(storage, {})
        reader = readers.get(number)
        if reader is None or reader.uid != uid:
            if reader is not None:  # SQLite gives the number of a deleted study to a new one
                forget_study(storage, number)
            reader = readers[number] = _Reader(uid)
    with reader.lock:
        return reader.read(study, spec, data)
