"""Specifications, and studies and trials as the storage keeps them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState
from statsmodels.tools import eval_measures

from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES
from kanlab.engines.registry import FitOptions, Outcome
from kanlab.errors import StudyError
from kanlab.kan.parameter_count import RULES, n_params
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.stats.metrics import Scores
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import StudyHandle, create_study, free_name, load_study, study_names
from kanlab.study.sampler import SAMPLERS, distributions
from kanlab.study.spec import MAX_SEED, StudySpec
from kanlab.study.storage import get_storage, load_dataset
from kanlab.study.trials import (
    INTERRUPTED,
    CompletedTrial,
    TrialRecord,
    best_trial,
    record_failure,
    record_outcome,
    score,
)
from tests.helpers.sentences import refused
from tests.kan.test_search_space import spaces

positive = st.integers(1, 1000)
specs = st.builds(
    StudySpec,
    space=spaces(multiplying=False),
    engine=st.sampled_from(list(ENGINES)),
    sampler=st.sampled_from(SAMPLERS),
    count=st.sampled_from(RULES),
    count_sigma2=st.booleans(),
    trials=st.none() | positive,
    minutes=st.none() | st.floats(0.1, 1e4),
    patience=st.none() | positive,
    seed=st.integers(0, MAX_SEED),
    test_fraction=st.floats(0, 0.9),
    workers=st.none() | positive,
    options=st.builds(
        FitOptions,
        starts=st.none() | positive,
        time_limit=st.none() | st.floats(0.1, 1e4),
        early_stopping=st.booleans(),
        smoothing=st.floats(0, 1e6),
    ),
)

# ---- specification


@given(specs)
def test_a_specification_survives_json(spec: StudySpec) -> None:
    assert StudySpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"engine": "nn"}, ["engine 'nn'", *ENGINES]),
        ({"sampler": "grid"}, ["sampler 'grid'", *SAMPLERS]),
        ({"count": "exact"}, ["counting rule 'exact'", *RULES]),
        ({"trials": 0}, ["trials", "0"]),
        ({"minutes": -1.5}, ["minutes", "-1.5"]),
        ({"minutes": math.nan}, ["minutes"]),
        ({"starts_fill": True}, ["how many minutes"]),
        ({"patience": 0}, ["patience"]),
        ({"workers": 0}, ["workers"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": MAX_SEED + 1}, ["seed", f"{MAX_SEED:,}"]),
        ({"options": FitOptions(starts=0)}, ["starts"]),
        ({"options": FitOptions(time_limit=0.0)}, ["time_limit"]),
        ({"options": FitOptions(smoothing=-1.0)}, ["smoothing"]),
    ],
)
def test_impossible_specifications(settings: dict, parts: list[str]) -> None:
    with refused(StudyError, *parts):
        StudySpec(**settings)


BROKEN: dict[str, dict] = {
    "knows no 'families'": {"families": ["gam"]},
    "knows no 'space.width'": {"space": {"neuron_num": [1, 2], "grid": [2, 3], "k": [1, 3], "width": [1, 2]}},
    "'space.grid' is missing": {"space": {"neuron_num": [1, 2], "k": [1, 3]}},
    "'options' is no object": {"options": None},
    "array` of length 2": {"space": {"neuron_num": [1, 2], "grid": [2, 3], "k": [3]}},
    "runs backwards": {"space": {"neuron_num": [1, 2], "grid": [2, 3], "k": [3, 1]}},
    "Expected `int | null`, got `str` - at `$.trials`": {"trials": "5"},
    "got `bool` - at `$.seed`": {"seed": True},
    "got `str` - at `$.options.starts`": {"options": {"starts": "x"}},
    "engine 'kan3'": {"engine": "kan3"},
    "'spent'": {"count": "spent"},
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_stored_specification_that_is_damaged_or_of_a_later_version_is_refused(words: str) -> None:
    content = json.loads(json.dumps(StudySpec().to_dict()))
    assert StudySpec.from_dict(content) == StudySpec()
    with refused(StudyError, words, "cannot be read", "open it with the version of kanlab that made it"):
        StudySpec.from_dict(content | BROKEN[words])


@pytest.mark.parametrize("content", [None, [], "spec", {}])
def test_what_is_no_specification_at_all(content: object) -> None:
    with refused(StudyError, "cannot be read"):
        StudySpec.from_dict(content)


def test_starts_that_fill_the_minutes_survive_json_and_older_specifications_have_none() -> None:
    spec = StudySpec(minutes=5, starts_fill=True, options=FitOptions(starts=12))
    content = json.loads(json.dumps(spec.to_dict()))
    assert StudySpec.from_dict(content) == spec
    del content["starts_fill"]
    assert StudySpec.from_dict(content) == replace(spec, starts_fill=False)


def test_what_auto_stands_for() -> None:
    assert StudySpec().resolved_sampler(270) == "exhaustive"
    assert StudySpec(trials=270).resolved_sampler(270) == "exhaustive"
    assert StudySpec(trials=269).resolved_sampler(270) == "gp"
    assert StudySpec(trials=1, sampler="random").resolved_sampler(270) == "random"
    assert StudySpec(sampler="nsga2").resolved_sampler(1) == "nsga2"


@given(specs, st.integers(10, 500), st.integers(1, 9))
def test_the_parameters_that_enter_aicc(spec: StudySpec, n: int, d: int) -> None:
    for cell in spec.space.cells[:20]:
        assert (
            spec.n_params(cell, d)
            == n_params((d, *[cell.neuron_num] * cell.depth, 1), cell.grid, cell.k, spec.count) + spec.count_sigma2
        )
    assert set(spec.admissible(n, d)) == {c for c in spec.space.cells if n - spec.n_params(c, d) - 1 > 0}


def test_a_specification_of_one_hidden_layer_is_written_as_before_there_were_more() -> None:
    content = StudySpec().to_dict()
    assert content["space"] == {"neuron_num": (1, 10), "grid": (2, 10), "k": (1, 3)}
    assert StudySpec.from_dict(json.loads(json.dumps(content))) == StudySpec()
    deep = StudySpec(space=SearchSpace(depth=(1, 3)))
    assert deep.to_dict()["space"]["depth"] == (1, 3)
    assert StudySpec.from_dict(json.loads(json.dumps(deep.to_dict()))) == deep


# ---- making and opening studies


def test_create_and_load(small: Dataset) -> None:
    spec = StudySpec(space=SearchSpace((1, 2), (2, 3), (1, 1)), trials=3, seed=9, options=FitOptions(starts=2))
    made = create_study(small, spec, name="mine")
    opened = load_study("mine")
    assert opened.spec == made.spec == spec
    assert opened.data == made.data == DataSummary.of(small)
    assert opened.baselines == made.baselines == baselines(small)
    assert opened.records() == []
    assert load_dataset(opened.data.sha256).sha256 == small.sha256
    assert (opened.data.n_train, opened.data.n_test, opened.data.rows, opened.data.d) == (48, 12, 60, 2)


def test_names_are_made_of_the_file_and_a_number(small: Dataset) -> None:
    assert [create_study(small, StudySpec()).name for _ in range(3)] == ["small-1", "small-2", "small-3"]
    assert create_study(replace(small, name="x" * 300), StudySpec()).name == "x" * 72 + "-1"
    assert create_study(replace(small, name=".csv"), StudySpec()).name == "study-1"
    assert free_name("a.b.csv", get_storage()) == "a.b-1"


def test_newest_first_and_only_ours(small: Dataset) -> None:
    for name in ("b", "a", "c"):
        create_study(small, StudySpec(), name=name)
    optuna.create_study(study_name="foreign", storage=get_storage())
    assert study_names(get_storage()) == ["c", "a", "b"]


@pytest.mark.parametrize("name", [" ", "x" * 81, "a\nb", "a\x00b"])
def test_impossible_names(small: Dataset, name: str) -> None:
    with refused(StudyError, "1 to 80 printable characters"):
        create_study(small, StudySpec(), name=name)


def test_a_name_that_is_taken(small: Dataset) -> None:
    create_study(small, StudySpec(), name="mine")
    with refused(StudyError, "'mine' already", "resume"):
        create_study(small, StudySpec(), name="mine")


def test_studies_that_do_not_exist(small: Dataset) -> None:
    with refused(StudyError, "no study 'x'", "there is none yet"):
        load_study("x")
    create_study(small, StudySpec(), name="mine")
    with refused(StudyError, "no study 'x'", "mine"):
        load_study("x")
    optuna.create_study(study_name="foreign", storage=get_storage())
    with refused(StudyError, "'foreign' was not made by kanlab"):
        load_study("foreign")


def test_no_admissible_cell(small: Dataset) -> None:
    space = SearchSpace((10, 10), (10, 10), (3, 3))
    smallest = n_params((2, 10, 1), 10, 3) + 1
    spec = create_study(small, StudySpec(space=space), name="mine").spec
    assert spec.admissible(48, 2) == []
    words = spec.few_rows_words(48, 2)
    assert f"the smallest has {smallest} parameters, and AICc needs more than {smallest + 1} training rows" in words
    assert f"of one feature it has {n_params((1, 10, 1), 10, 3) + 1}" in words
    assert words.startswith("There are 48 training rows, too few for a network")


# ---- trials

SPACE = SearchSpace((1, 3), (2, 4), (1, 2))


@pytest.fixture(params=["one objective", "two objectives"])
def handle(small: Dataset, request: pytest.FixtureRequest) -> StudyHandle:
    sampler = "random" if request.param == "one objective" else "nsga2"
    return create_study(small, StudySpec(space=SPACE, sampler=sampler), name="mine")


def ask(handle: StudyHandle) -> optuna.Trial:
    """A trial of an admissible cell."""
    handle.optuna.enqueue_trial(handle.spec.admissible(48, 2)[0]._asdict())
    return handle.optuna.ask(distributions(SPACE))  # type: ignore[arg-type]


def only_record(handle: StudyHandle) -> object:
    (record,) = load_study(handle.name).records()
    return record


@given(st.floats(1e-9, 1e9), st.integers(12, 400), st.sampled_from(RULES), st.booleans())
def test_judging_is_aicc_of_the_counting_rule(rss: float, n: int, rule: str, count_sigma2: bool) -> None:
    spec = StudySpec(count=rule, count_sigma2=count_sigma2)  # type: ignore[arg-type]
    data = DataSummary("x", n, n, 0, ["a", "b"], "y", "0" * 64, 1.0)
    cell = Cell(1, 2, 1)
    K = n_params((2, 1, 1), 2, 1, rule) + count_sigma2  # type: ignore[arg-type]
    value, status = score(spec, data, cell, Outcome(1, "stalled", 0.1, Scores(rss_train=rss)))
    if n - K - 1 <= 0:
        assert value is None
        return
    llf = -n / 2 * math.log(rss / n)
    assert value == pytest.approx(eval_measures.aicc(llf, n, K), rel=1e-9, abs=1e-7)
    assert status == "stalled"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(1, "diverged", 0.1), "diverged"),
        (Outcome(1, "diverged: singular matrix", 0.1, Scores(rss_train=3.0)), "diverged: singular matrix"),
        (Outcome(1, "stalled", 0.1, Scores(rss_train=0.0)), "interpolates"),
    ],
)
def test_a_failed_fit_is_a_failed_trial_with_its_reason(handle: StudyHandle, outcome: Outcome, reason: str) -> None:
    record_outcome(handle.optuna, ask(handle), handle.spec, handle.data, outcome)
    record = only_record(handle)
    assert (record.state, record.aicc) == ("failed", None)  # type: ignore[attr-defined]
    assert record.status.startswith(reason)  # type: ignore[attr-defined]


def test_a_complete_trial(handle: StudyHandle) -> None:
    trial = ask(handle)
    outcome = Outcome(
        trial.params["neuron_num"], "stalled", 1.5, Scores(None, 2.5, 0.7), iterations=7, loss_curve=[9.0, 2.5]
    )
    record_outcome(handle.optuna, trial, handle.spec, handle.data, outcome)
    record = only_record(handle)
    cell = Cell(**trial.params)
    expected, _ = score(handle.spec, handle.data, cell, outcome)
    assert record.to_dict() == {  # type: ignore[attr-defined]
        "number": 0,
        "state": "complete",
        "params": {"neuron_num": cell.neuron_num, "grid": cell.grid, "k": cell.k},
        "n_params": handle.spec.n_params(cell, 2),
        "rss_train": 2.5,
        "rss_test": 0.7,
        "rmse_train": pytest.approx(math.sqrt(2.5 / handle.data.n_train)),
        "rmse_test": pytest.approx(math.sqrt(0.7 / handle.data.n_test)),
        "aicc": expected,
        "seconds": 1.5,
        "status": "stalled",
    }
    assert (record.loss_curve, record.iterations) == ([9.0, 2.5], 7)  # type: ignore[attr-defined]
    stored = handle.optuna.trials[0]
    assert stored.values == ([expected] if len(handle.optuna.directions) == 1 else [handle.spec.n_params(cell, 2), 2.5])


def test_a_running_trial(handle: StudyHandle) -> None:
    ask(handle)
    assert only_record(handle).state == "running"  # type: ignore[attr-defined]


def test_a_failure_with_a_reason_stays(handle: StudyHandle) -> None:
    record_failure(handle.optuna, ask(handle), "killed by signal 9")
    record = only_record(handle)
    assert (record.state, record.status) == ("failed", "killed by signal 9")  # type: ignore[attr-defined]


def test_an_interrupted_trial_is_no_record(handle: StudyHandle) -> None:
    ask(handle)
    (running,) = handle.optuna.get_trials(states=(TrialState.RUNNING,))
    record_failure(handle.optuna, running, INTERRUPTED)
    assert load_study(handle.name).records() == []


def test_a_trial_that_died_between_its_result_and_its_end_is_no_record(handle: StudyHandle) -> None:
    trial = ask(handle)
    for key, value in {"aicc": -5.0, "rss_train": 1.0, "fit": {"status": "stalled", "seconds": 1.0}}.items():
        trial.set_user_attr(key, value)
    (running,) = handle.optuna.get_trials(states=(TrialState.RUNNING,))
    record_failure(handle.optuna, running, INTERRUPTED)
    assert load_study(handle.name).records() == []


def test_a_trial_that_waits_can_be_ended(handle: StudyHandle) -> None:
    handle.optuna.enqueue_trial(Cell(1, 2, 1)._asdict())
    (waiting,) = handle.optuna.get_trials(states=(TrialState.WAITING,))
    record_failure(handle.optuna, waiting, INTERRUPTED)
    assert handle.optuna.trials[0].state is TrialState.FAIL
    assert load_study(handle.name).records() == []


def test_a_complete_trial_is_of_its_own_type() -> None:
    scores = Scores(9, 2.0, None, -3.0)
    assert best_trial([CompletedTrial(0, "complete", Cell(1, 2, 1), scores)]).aicc == -3.0  # type: ignore[union-attr]
    for kind, state in ((TrialRecord, "complete"), (CompletedTrial, "failed"), (CompletedTrial, "running")):
        with pytest.raises(ValueError, match="complete"):
            kind(0, state, Cell(1, 2, 1), scores)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="AICc"):
        CompletedTrial(0, "complete", Cell(1, 2, 1), Scores(9, 2.0))
