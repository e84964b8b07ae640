"""Several targets of one table: a study for each, made together and found by one name.

Each target has a network of its own size, so each is a study of its own. What joins them is an attribute that each bears: the
name of the group, and its targets in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.language import say
from kanlab.study.handle import (
    GROUP,
    MAX_NAME,
    StudyHandle,
    checked_name,
    create_study,
    free_name,
    load_study,
    taken_names,
)
from kanlab.study.optuna_adapter import all_studies, storage_of
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage
from kanlab.study.unfinished import SPEC, is_provisional
from kanlab.text import listing

MOST_TARGETS = 10
_MOST_OF_A_NAME = 60  # of the name of the group in those of its studies


@dataclass(frozen=True)
class Group:
    """The studies of one table that belong together: their common name, and the targets in their order."""

    name: str
    targets: tuple[str, ...]

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Group | None:
        """That of a study; None where it is alone. attributes: the user's of the study."""
        found = attributes.get(GROUP)
        return cls(found["name"], tuple(found["targets"])) if found else None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "targets": list(self.targets)}


def create_studies(
    datasets: Sequence[Dataset], specs: Sequence[StudySpec], *, name: str | None = None, storage_url: str | None = None
) -> list[StudyHandle]:
    """A study for each data set, of one table and a target each; nothing is fitted yet. One alone is a plain study.

    name: of the group, by default after the data; each study is named after it and its target.
    Raises StudyError where the name is taken, or a target is there twice.
    """
    if len(datasets) == 1:
        return [create_study(datasets[0], specs[0], name=name, storage_url=storage_url)]
    targets = tuple(data.target for data in datasets)
    if len(set(targets)) < len(targets):
        raise StudyError(say("A target is named twice in {targets}; name each once.", targets=listing(targets)))
    if len(targets) > MOST_TARGETS:
        raise StudyError(
            say(
                "There are {count} targets, and at most {most_targets} belong to one group; name fewer.",
                count=len(targets),
                most_targets=MOST_TARGETS,
            )
        )
    storage = get_storage(storage_url)
    group = free_name(datasets[0].name, storage) if name is None else checked_name(name)
    if group in taken_names(storage):
        raise StudyError(say("There is a study '{name}' already; choose another name.", name=group))
    attributes = {GROUP: Group(group, targets).to_dict()}
    made: list[StudyHandle] = []
    for data, spec in zip(datasets, specs, strict=True):
        own = member_name(group, data.target, {handle.name for handle in made})
        made.append(create_study(data, spec, name=own, storage_url=storage_url, attributes=attributes))
    return made


def member_name(group: str, target: str, taken: set[str]) -> str:
    """Of the study of a target in a group. taken: by the others."""
    words = "".join(c if c.isprintable() else " " for c in target).strip()
    name = f"{group[:_MOST_OF_A_NAME]}.{words}"[:MAX_NAME].strip()
    number = 2
    while name in taken:
        name, number = f"{name[: MAX_NAME - 4]}~{number}", number + 1
    return name


def load_studies(name: str, *, storage_url: str | None = None) -> list[StudyHandle]:
    """The study of a name, or those of the group of this name. Raises StudyError where there is neither."""
    members = group_members(name, get_storage(storage_url))
    return [load_study(n, storage_url=storage_url) for n in members or [name]]


def group_members(name: str, storage: BaseStorage) -> list[str]:
    """The names of the studies of a group, in the order of its targets; none where there is no such group."""
    found: dict[int, str] = {}
    for study in all_studies(storage):
        if SPEC not in study.attributes or is_provisional(study.name):
            continue
        group = Group.of(study.attributes)
        if group is not None and group.name == name:
            target = str(study.attributes.get("data", {}).get("target", ""))
            place = group.targets.index(target) if target in group.targets else len(group.targets) + len(found)
            found[place] = study.name
    return [found[place] for place in sorted(found)]


def together(handle: StudyHandle) -> list[StudyHandle]:
    """The studies of the group of a study, itself among them; itself alone where it has none."""
    group = Group.of(handle.optuna.user_attrs)
    if group is None:
        return [handle]
    names = group_members(group.name, storage_of(handle.optuna))
    return [handle if n == handle.name else load_study(n, storage_url=handle.storage_url) for n in names] or [handle]
