"""The trials of a study as records, read little by little: a finished trial never changes, so it is read once a process.

Optuna reads trials as well, and its samplers need them so; but opening a study of 10,000 trials takes it many seconds. Here
three plain queries of its tables read what is new since the last time.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from optuna.storages import BaseStorage
from sqlalchemy import bindparam, text

from kanlab.study.schema import engine
from kanlab.study.trials import TrialRecord, make_record

if TYPE_CHECKING:
    from kanlab.study.handle import StudyHandle

_NEW = "t.study_id = :study AND (t.trial_id > :last OR t.trial_id IN :open)"
_TRIALS = f"SELECT t.trial_id, t.number, t.state FROM trials t WHERE {_NEW}"
_PARAMS = (
    f"SELECT p.trial_id, p.param_name, p.param_value FROM trial_params p JOIN trials t USING (trial_id) WHERE {_NEW}"
)
_ATTRIBUTES = (
    f"SELECT a.trial_id, a.key, a.value_json FROM trial_user_attributes a JOIN trials t USING (trial_id) WHERE {_NEW}"
)


class _Reader:
    """What this process has read of one study."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.lock = threading.Lock()
        self.finished: dict[int, TrialRecord | None] = {}  # by number, in no order
        self.last = -1  # the greatest trial_id among them
        self.open: set[int] = set()  # lower ones that were not finished when they were read
        self.ordered: list[TrialRecord] = []

    def read(self, handle: StudyHandle) -> list[TrialRecord]:
        values = {"study": handle.optuna._study_id, "last": self.last, "open": [*self.open, -1]}

        def rows(query: str) -> Any:
            return connection.execute(text(query).bindparams(bindparam("open", expanding=True)), values).all()

        with engine(handle.optuna._storage).connect() as connection:
            trials = rows(_TRIALS)
            params: dict[int, dict[str, int]] = defaultdict(dict)
            attributes: dict[int, dict[str, Any]] = defaultdict(dict)
            if trials:
                for trial_id, name, value in rows(_PARAMS):
                    params[trial_id][name] = int(value)
                for trial_id, key, value in rows(_ATTRIBUTES):
                    attributes[trial_id][key] = json.loads(value)
        running, changed = [], False
        for trial_id, number, state in trials:
            made = make_record(
                number, trial_id, str(state), params[trial_id], attributes[trial_id], handle.spec, handle.data
            )
            if state in ("COMPLETE", "FAIL", "PRUNED"):
                self.finished[number] = made
                self.last = max(self.last, trial_id)
                self.open.discard(trial_id)
                changed = True
            else:
                self.open.add(trial_id)
                running += [made] if made is not None else []
        if changed:
            self.ordered = [r for _, r in sorted(self.finished.items()) if r is not None]
        return sorted([*self.ordered, *running], key=lambda r: r.number) if running else list(self.ordered)


_readers: weakref.WeakKeyDictionary[BaseStorage, dict[int, _Reader]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def read_records(handle: StudyHandle) -> list[TrialRecord]:
    """Trials by number, interrupted ones left out."""
    storage, study_id = handle.optuna._storage, handle.optuna._study_id
    with _lock:
        readers = _readers.setdefault(storage, {})
        reader = readers.get(study_id)
        if reader is None or reader.uid != handle.uid:
            if reader is not None:  # SQLite gives the number of a deleted study to a new one
                storage._studies.pop(study_id, None)  # type: ignore[attr-defined]
            reader = readers[study_id] = _Reader(handle.uid)
    with reader.lock:
        return reader.read(handle)
