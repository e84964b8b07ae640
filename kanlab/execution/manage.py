"""What is done to a study beside running it: extend, rename, note, duplicate, delete; and how much room it takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.starts_budget import settled
from kanlab.language import marked, say, use
from kanlab.study.artifacts import local_data
from kanlab.study.handle import GROUP, StudyHandle, checked_name, create_study, load_study, taken_names
from kanlab.study.lease import claim
from kanlab.study.optuna_adapter import delete_study, rename_study, storage_of
from kanlab.study.several_targets import Group, member_name
from kanlab.study.state import StudyState, read_state, write_state
from kanlab.study.storage import data_path
from kanlab.study.trials import TrialRecord
from kanlab.study.unfinished import SPEC, discard

NOTE = "note"
MAX_NOTE = 2000


@contextlib.contextmanager
def _idle(handle: StudyHandle) -> Iterator[None]:
    """Hold the study's lease, so that nobody runs it meanwhile. Raises StudyError where somebody does."""
    lease = claim(handle.optuna)
    try:
        yield
    finally:
        lease.release()


def extend(handle: StudyHandle, *, trials: int | None = None, minutes: float | None = None) -> StudyHandle:
    """Raise the budget of a study that is not running; what is not given stays. It can be resumed then.

    trials, minutes: the new budget in all, of which the trials done and the time spent are part.
    The starts per configuration stay what they are, also where they filled the minutes there were.
    """
    with _idle(handle):
        handle = load_study(handle.name, storage_url=handle.storage_url)
        old = handle.spec
        changes: dict[str, Any] = {}
        for name, value in ((marked("trials"), trials), (marked("minutes"), minutes)):
            before = getattr(old, name)
            if value is None:
                continue
            if before is None:
                raise StudyError(
                    say(
                        "The study '{name}' has no limit on {limit} that could be raised.",
                        name=handle.name,
                        limit=say(name),
                    )
                )
            if value <= before:
                raise StudyError(
                    say(
                        "The study '{name}' already has a budget of {before:g} {limit}; give a larger number.",
                        name=handle.name,
                        before=before,
                        limit=say(name),
                    )
                )
            changes[name] = value
        if not changes:
            raise StudyError(say("Give the new total number of trials or minutes."))
        spec = replace(old, **changes, starts_fill=old.starts_fill and "minutes" not in changes)
        handle.optuna.set_user_attr(SPEC, spec.to_dict())
        state = read_state(handle.optuna.user_attrs)
        if state.name == "finished":
            with use("en"):
                detail = say("The budget was raised. Resume continues the study.")
            write_state(handle.optuna, StudyState("stopped", detail, state.elapsed))
    return replace(handle, spec=spec)


def rename(handle: StudyHandle, name: str) -> StudyHandle:
    """Give a study that is not running another name. Raises StudyError where that is taken."""
    name = checked_name(name)
    with _idle(handle):
        discard(storage_of(handle.optuna), name)
        rename_study(handle.optuna, name)
    return load_study(name, storage_url=handle.storage_url)


def rename_together(handles: Sequence[StudyHandle], name: str) -> str:
    """Give the studies of several targets another name together, and each its own after that. One alone is renamed itself."""
    if len(handles) == 1:
        return rename(handles[0], name).name
    name = checked_name(name)
    if name in taken_names(storage_of(handles[0].optuna)):
        raise StudyError(say("There is a study '{name}' already; choose another name.", name=name))
    taken: set[str] = set()
    for handle in handles:
        group = Group.of(handle.optuna.user_attrs)
        taken.add(rename(handle, member_name(name, handle.data.target, taken)).name)
        handle.optuna.set_user_attr(GROUP, Group(name, group.targets if group else ()).to_dict())
    return name


def annotate(handle: StudyHandle, text: str) -> None:
    """Keep a note with a study, or none."""
    text = text.strip()
    if len(text) > MAX_NOTE:
        raise StudyError(
            say("A note has at most {max_note:,} characters, not {text:,}.", max_note=MAX_NOTE, text=len(text))
        )
    handle.optuna.set_user_attr(NOTE, text)


def note(handle: StudyHandle) -> str:
    """The note kept with a study, "" where there is none."""
    return str(handle.optuna.user_attrs.get(NOTE, ""))


def duplicate(
    handle: StudyHandle, *, name: str | None = None, at_hand: int | None = None, **changes: Any
) -> StudyHandle:
    """A new study on the same data, with the same specification but for `changes` (fields of StudySpec).

    A number of starts that fills the minutes is found anew where it follows from something that has changed. at_hand: workers
    there are, as of starts_budget.workers_of.
    """
    data = load_data(handle)
    spec = settled(data, replace(handle.spec, **changes), handle.spec, at_hand)
    return create_study(data, spec, name=name, storage_url=handle.storage_url)


def load_data(handle: StudyHandle) -> Dataset:
    """The data of a study, from wherever they are."""
    return Dataset.load(local_data(handle.optuna, handle.data.sha256))


def delete(handle: StudyHandle) -> None:
    """Remove a study that is not running, its trials and its note for good. Its data stay for other studies."""
    with _idle(handle):
        delete_study(handle.optuna)


# ---- comparing


def differences(one: list[TrialRecord], other: list[TrialRecord]) -> list[str]:
    """Where two studies of the same specification differ in any bit of any number, one line a cell."""
    first, second = ({r.cell: r for r in records if r.state != "running"} for records in (one, other))
    lines = []
    for cell in sorted(first.keys() | second.keys()):
        a, b = first.get(cell), second.get(cell)
        where = say("neuron_num {neuron_num}, grid {grid}, k {k}", neuron_num=cell.neuron_num, grid=cell.grid, k=cell.k)
        where += say(", depth {depth}", depth=cell.depth) * (cell.depth > 1)
        where += say(", multiplication {count}", count=cell.multiplication) * (cell.multiplication > 0)
        if a is None or b is None:
            lines.append(
                say("{where}: only in the second study", where=where)
                if a is None
                else say("{where}: only in the first study", where=where)
            )
            continue
        for name in ("state", "status", "n_params", "rss_train", "rss_test", "aicc", "iterations", "loss_curve"):
            x, y = getattr(a, name), getattr(b, name)
            if x != y:
                lines.append(
                    say("{where}: {name} is {first!r} and {second!r}", where=where, name=name, first=x, second=y)
                )
                break
    return lines


# ---- room


def data_size(handle: StudyHandle) -> int:
    """Bytes of a study's data on this machine, which it may share with other studies; 0 where they are elsewhere."""
    path = data_path(handle.data.sha256)
    return path.stat().st_size if path.exists() else 0
