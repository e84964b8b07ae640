"""A study that is being made: under a name of its own until it is whole, and a leftover where its maker was killed.

Earlier versions made studies under their own names and marked them as whole by the last attribute, so a kill left a name that
nobody could use. Those are found as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage

from kanlab.study.optuna_adapter import StoredStudy, all_studies, database
from kanlab.study.processes import Process, this_process
from kanlab.study.storage import own_file

SPEC, UID = "spec", "uid"  # attributes: the last and the first that a study is given

_PREFIX = "kanlab makes a study: "
_METRICS = (["AICc"], ["n_params", "rss_train"], ["n_params", "deviance"])
_LONG_SECONDS = 24 * 3600.0  # beyond doubt, whatever the clocks of two machines say


def provisional_name() -> str:
    """The name of a study until it is whole; it tells who makes it, and since when."""
    return f"{_PREFIX}{time.time():.0f} {this_process().token()}"


def is_provisional(name: str) -> bool:
    """Whether a name is that of a study being made, which no user can give."""
    return name.startswith(_PREFIX)


def half_made(storage: BaseStorage) -> list[StoredStudy]:
    """The studies of a storage that nobody will finish: their maker has ended, or was of an earlier version."""
    return [s for s in all_studies(storage) if _is_left(storage, s)]


def _is_left(storage: BaseStorage, study: StoredStudy) -> bool:
    if is_provisional(study.name):
        since, _, token = study.name.removeprefix(_PREFIX).partition(" ")
        return Process.of_token(token).is_gone or time.time() - float(since) > _LONG_SECONDS
    ours = is_ours_unfinished(study.attributes, study.metric_names)
    # one without any mark may be another program's, but not in our own file
    bare = not study.attributes and study.metric_names is None and database(storage).url.database == str(own_file())
    return (ours or bare) and storage.get_n_trials(study.id) == 0


def is_ours_unfinished(attributes: Mapping[str, Any], metric_names: list[str] | None) -> bool:
    """Whether a study bears the marks of one that kanlab began, and not that of a whole one."""
    return SPEC not in attributes and (UID in attributes or metric_names in _METRICS)


def discard(storage: BaseStorage, name: str) -> bool:
    """Remove the half-made study of a name, so that another may have it. Returns whether there was one."""
    found = [s for s in half_made(storage) if s.name == name]
    for study in found:
        storage.delete_study(study.id)
    return bool(found)
