"""What kanlab uses of Optuna beyond its public interface does what the public interface says, function by function."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.storages import BaseStorage
from optuna.trial import TrialState

import kanlab
from kanlab.errors import StudyError
from kanlab.study import optuna_adapter as adapter

SPACE = {"a": IntDistribution(1, 9), "b": IntDistribution(1, 9)}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def storage(url: str) -> BaseStorage:
    return adapter.connect(url, None)


@pytest.fixture
def study(storage: BaseStorage) -> optuna.Study:
    """A complete trial, a failed one, one that runs and one that waits."""
    optuna.create_study(study_name="another", storage=storage)
    made = optuna.create_study(study_name="one", storage=storage)
    made.set_user_attr("spec", {"k": [1, 3]})
    for number, state in enumerate((TrialState.COMPLETE, TrialState.FAIL, None)):
        trial = made.ask(SPACE)  # type: ignore[arg-type]
        trial.set_user_attr("rss", number + 0.5)
        trial.set_user_attr("curve", [1.0, number])
        if state is not None:
            made.tell(trial, 3.25 if state == TrialState.COMPLETE else None, state=state)
    made.enqueue_trial({"a": 1, "b": 2})
    return made


def test_the_number_of_a_study(study: optuna.Study, storage: BaseStorage) -> None:
    assert adapter.study_id(study) == storage.get_study_id_from_name("one")
    assert storage.get_study_name_from_id(adapter.study_id(study)) == "one"


def test_the_storage_of_a_study(study: optuna.Study) -> None:
    again = optuna.load_study(study_name="one", storage=adapter.storage_of(study))
    assert again.get_trials() == study.get_trials()


def test_all_studies(study: optuna.Study, storage: BaseStorage) -> None:
    found = adapter.all_studies(storage)
    public = optuna.get_all_study_summaries(storage, include_best_trial=False)
    assert [(s.name, s.attributes) for s in found] == [(s.study_name, s.user_attrs) for s in public]
    assert [storage.get_study_name_from_id(s.id) for s in found] == ["another", "one"]


def test_a_study_is_deleted(study: optuna.Study, storage: BaseStorage) -> None:
    adapter.delete_study(study)
    assert optuna.get_all_study_names(storage) == ["another"]


def test_a_study_is_renamed_for_this_process_and_for_others(
    study: optuna.Study, storage: BaseStorage, url: str
) -> None:
    assert study.study_name == "one"  # remembered by the storage from now on
    adapter.rename_study(study, "two")
    for place in (storage, url):
        assert optuna.get_all_study_names(place) == ["another", "two"]
        renamed = optuna.load_study(study_name="two", storage=place)
        assert renamed.study_name == "two"
        assert len(renamed.get_trials()) == 4
        with pytest.raises(KeyError):
            optuna.load_study(study_name="one", storage=place)
    with pytest.raises(StudyError, match="There is a study 'another' already"):
        adapter.rename_study(study, "another")


def test_a_deleted_study_is_forgotten(study: optuna.Study, storage: BaseStorage, url: str) -> None:
    """Another process deletes it, and SQLite gives its number to a new one."""
    assert len(study.get_trials()) == 4
    optuna.delete_study(study_name="one", storage=url)
    other = optuna.create_study(study_name="new", storage=url)
    assert adapter.study_id(other) == adapter.study_id(study)
    adapter.forget_study(storage, adapter.study_id(study))
    assert optuna.load_study(study_name="new", storage=storage).get_trials() == []


def test_another_sampler(study: optuna.Study) -> None:
    sampler = optuna.samplers.RandomSampler()
    again = adapter.with_sampler(study, sampler)
    assert again.sampler is sampler
    assert again.get_trials() == study.get_trials()


def test_constraints(study: optuna.Study) -> None:
    trial = study.ask(SPACE)  # type: ignore[arg-type]
    adapter.set_constraints(trial, [-2.0, 0.5])
    assert trial.constraints == {"0": -2.0, "1": 0.5}
    study.tell(trial, 1.0)
    assert study.get_trials()[-1].constraints == trial.constraints


def test_what_a_trial_is_said_of_at_once_is_what_optuna_says_one_by_one(study: optuna.Study, url: str) -> None:
    attributes = {"fit": {"status": "converged"}, "AICc": -12.5, "rss": 0.25}
    at_once, one_by_one = study.ask(SPACE), study.ask(SPACE)  # type: ignore[arg-type]
    at_once.set_user_attr("rss", 9.0)
    for _ in range(2):  # what was there is replaced
        adapter.write_trial(at_once, attributes, [3.0, 2.5, 2.25])
    for key, value in attributes.items():
        one_by_one.set_user_attr(key, value)
    for step, value in enumerate([3.0, 2.5, 2.25]):
        one_by_one.report(value, step)
    assert at_once.user_attrs == one_by_one.user_attrs
    for trial in (at_once, one_by_one):
        study.tell(trial, 1.0)
    *_, first, second = optuna.load_study(study_name="one", storage=url).get_trials()
    assert (first.user_attrs, first.intermediate_values) == (second.user_attrs, second.intermediate_values)
    assert first.intermediate_values == {0: 3.0, 1: 2.5, 2: 2.25}
    assert study.get_trials()[-2].user_attrs == attributes
    adapter.write_trial(study.ask(SPACE), {}, [])  # type: ignore[arg-type]
    assert adapter.read_trials(study)[-3].attributes == {"fit": {"status": "converged"}, "rss": 0.25}


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.WAITING])
def test_a_trial_that_is_open_is_failed(study: optuna.Study, state: TrialState, url: str) -> None:
    other = optuna.load_study(study_name="one", storage=adapter.connect(url, None))  # as another process sees it
    (trial,) = other.get_trials(states=[state])
    adapter.fail_trial(other, trial, {"fit": {"status": "interrupted"}})
    found = study.get_trials()[trial.number]
    assert (found.state, found.user_attrs["fit"]) == (TrialState.FAIL, {"status": "interrupted"})
    asked = study.ask(SPACE)  # type: ignore[arg-type]
    adapter.fail_trial(study, asked, {"fit": {"status": "diverged"}})
    assert study.get_trials()[asked.number].state == TrialState.FAIL


def of_optuna(study: optuna.Study) -> list[tuple[int, str, dict[str, int], dict[str, object]]]:
    return [(t.number, t.state.name, t.params, t.user_attrs) for t in study.get_trials()]


def test_trials_are_read_as_optuna_reads_them(study: optuna.Study) -> None:
    found = adapter.read_trials(study)
    assert [(t.number, t.state, t.params, t.attributes) for t in found] == of_optuna(study)
    assert [t.is_finished for t in found] == [t.state.is_finished() for t in study.get_trials()]


def test_trials_are_read_from_where_the_last_reading_ended(study: optuna.Study) -> None:
    first, second, third, fourth = adapter.read_trials(study)
    assert adapter.read_trials(study, after=fourth.id) == []
    assert adapter.read_trials(study, after=second.id) == [third, fourth]
    assert adapter.read_trials(study, after=third.id, among=[first.id]) == [first, fourth]
    study.tell(third.number, 2.0)
    (changed,) = adapter.read_trials(study, after=fourth.id, among=[third.id])
    assert (changed.state, changed.params) == ("COMPLETE", third.params)


def test_times_are_those_of_optuna(study: optuna.Study) -> None:
    begun = [t for t in study.get_trials() if t.datetime_start is not None]
    found = [(t.number, t.start, t.end) for t in adapter.read_times(study)]
    assert found == [(t.number, t.datetime_start, t.datetime_complete) for t in begun]
    assert [end is None for _, _, end in found] == [False, False, True]


def test_the_database(study: optuna.Study, storage: BaseStorage, url: str) -> None:
    assert str(adapter.database(storage).url) == url


def test_sizes(study: optuna.Study, storage: BaseStorage) -> None:
    trials = study.get_trials()
    expected = sum(len(k) + len(json.dumps(v)) for t in trials for k, v in t.user_attrs.items())
    assert adapter.trial_sizes(storage) == {adapter.study_id(study): expected}


@pytest.mark.parametrize(
    ("act", "name"),
    [
        (adapter.study_id, "_study_id"),
        (adapter.storage_of, "_storage"),
        (adapter.database, "_backend"),
        (lambda other: adapter.forget_study(other, 1), "_studies"),
    ],
)
def test_what_optuna_has_no_more_is_named(act: Callable[..., object], name: str) -> None:
    with pytest.raises(
        RuntimeError, match=rf"no SimpleNamespace\.{name}, which kanlab needs; install a version from 5"
    ):
        act(SimpleNamespace())


# ---- and nothing else does

PRIVATE = {"_study_id", "_storage", "_backend", "_studies", "_trial_id"}
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\s")


def test_the_rest_of_kanlab_knows_optuna_by_its_public_interface() -> None:
    root = Path(kanlab.__file__).parent
    for path in [*root.rglob("*.py"), *root.parent.glob("pages/*.py"), root.parent / "app.py"]:
        if path == Path(adapter.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in PRIVATE:
                assert isinstance(node.value, ast.Name), f"{path.name}:{node.lineno} uses {node.attr}"
                assert node.value.id == "self", f"{path.name}:{node.lineno} uses {node.attr}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or ""
                names = [module, *(f"{module}.{a.name}" for a in node.names)]
                private = [n for n in names if n.startswith("optuna.") and "._" in n]
                assert not private, f"{path.name}:{node.lineno} imports {private}"
            writes_sql = path.name == "code_sql.py"  # a model as a query, which touches no storage of studies
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not writes_sql:
                assert not SQL.match(node.value), f"{path.name}:{node.lineno} has SQL as text"
