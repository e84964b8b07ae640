"""Networks ranked by what their fits have spent, and what stays with the count known before any fit."""

from __future__ import annotations

import json
import math

import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import Outcome
from kanlab.export.study_json import study_json
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.candidates import candidates
from kanlab.selection.ranking import EFFECTIVE_COLUMNS, by_rank, front, trial_table
from kanlab.selection.recommendation import recommend
from kanlab.stats.criteria import aicc
from kanlab.stats.metrics import Scores
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.sampler import distributions
from kanlab.study.spec import StudySpec
from kanlab.study.trials import best_trial, first_ranked, ranked, record_outcome
from tests.helpers.sentences import assert_sentence
from tests.helpers.validations import rss_of

SMALL, MIDDLE, LARGE = Cell(1, 2, 1), Cell(1, 4, 2), Cell(2, 4, 2)
SPACE = SearchSpace((1, 4), (2, 5), (1, 3))
FAR = -300.0  # an AICc no other model comes near to


def study(data: Dataset, fits: dict[Cell, tuple[float, float | None]], count: str = "effective") -> StudyHandle:
    """A study whose cells were fitted to these AICc with these effective degrees of freedom."""
    handle = create_study(data, StudySpec(space=SPACE, count=count))  # type: ignore[arg-type]
    for cell, (value, edf) in fits.items():
        handle.optuna.enqueue_trial(cell._asdict())
        trial = handle.optuna.ask(distributions(handle.spec.space))  # type: ignore[arg-type]
        rss = rss_of(value, data.n, handle.spec.n_params(cell, data.d))
        outcome = Outcome(cell.neuron_num, "stalled", 0.1, Scores(None, rss, rss / 4, edf=edf))
        record_outcome(handle.optuna, trial, handle.spec, handle.data, outcome)
    return handle


# the larger ones pay for parameters that the penalty holds
FITS: dict[Cell, tuple[float, float | None]] = {SMALL: (FAR, 8.0), MIDDLE: (FAR + 5, 9.0), LARGE: (FAR + 30, 40.0)}


def test_the_first_network_is_that_of_lowest_aicc_by_what_was_spent(small: Dataset) -> None:
    handle = study(small, FITS)
    records = handle.records()
    for record in records:
        spent = effective_count(record.edf or 0.0, 2, record.cell.neuron_num, count_sigma2=True)
        assert record.n_params_effective == spent
        expected = aicc(record.rss_train or 0.0, small.n, spent) if (record.edf or 0) < MOST_EDF * small.n else math.inf
        assert record.aicc_effective == pytest.approx(expected)
        assert record.criterion == record.aicc_effective
        assert record.n_params == handle.spec.n_params(record.cell, 2)
    assert [r.cell for r in ranked(records)] == [MIDDLE, SMALL, LARGE]
    assert best_trial(records).cell == SMALL  # type: ignore[union-attr]
    assert first_ranked(records) == ranked(records)[0]
    found = recommend(handle, records, None)
    assert found.choice is not None
    assert found.choice.trial == first_ranked(records)
    assert [c.trial.cell for c in found.candidates if c.trial] == [MIDDLE, SMALL, LARGE]
    assert "lowest AICc by what its fit has spent" in found.reasons[0]
    for sentence in found.reasons:
        assert_sentence(sentence)


def test_a_fit_that_follows_its_rows_comes_last(small: Dataset) -> None:
    records = study(small, FITS | {LARGE: (FAR - 50, MOST_EDF * small.n)}).records()
    last = ranked(records)[-1]
    assert (last.cell, last.aicc_effective) == (LARGE, math.inf)
    assert last.scores.effective()["aicc_effective"] is None  # JSON knows no infinity
    assert best_trial(records).cell == LARGE  # type: ignore[union-attr]


def test_that_there_is_something_at_all_is_claimed_by_the_count_known_before(small: Dataset) -> None:
    """All effective AICc lie far below the linear model's, and no AICc does."""
    handle = study(small, {SMALL: (300.0, 3.0), MIDDLE: (310.0, 3.0)})
    linear = next(b for b in handle.baselines if b.family == "linear")
    found = recommend(handle, handle.records(), None)
    assert all((r.aicc_effective or 0.0) < 300.0 for r in ranked(handle.records()))
    assert linear.aicc is not None
    assert linear.aicc < 300.0
    assert found.choice is not None
    assert not found.choice.is_network


def test_one_network_makes_the_claim_and_another_may_be_taken(small: Dataset) -> None:
    handle = study(small, {SMALL: (FAR, 12.0), LARGE: (200.0, None)})
    records = handle.records()
    assert first_ranked(records).cell == SMALL  # type: ignore[union-attr]
    spent = study(small, {SMALL: (-20.0, 15.0), MIDDLE: (120.0, 0.1)})
    found = recommend(spent, spent.records(), None)
    if found.choice is not None and found.choice.trial is not None and found.choice.trial.cell == MIDDLE:
        assert any("all parameters counted in full" in reason for reason in found.reasons)


@pytest.mark.parametrize("count", ["identifiable", "article"])
def test_another_rule_ranks_by_itself(small: Dataset, count: str) -> None:
    handle = study(small, FITS, count)
    records = handle.records()
    assert first_ranked(records) == best_trial(records)
    assert all(r.aicc_effective is None and r.criterion == r.aicc for r in records)
    assert not set(EFFECTIVE_COLUMNS) & set(trial_table(records).columns)
    assert handle.spec.rule == count


def test_a_study_of_an_earlier_version_ranks_as_it_did() -> None:
    """Its specification names its rule, and its trials know no effective degrees of freedom."""
    earlier = StudySpec(count="identifiable").to_dict()
    del earlier["values"]
    read = StudySpec.from_dict(json.loads(json.dumps(earlier)))
    assert (read.count, read.ranks_by_spent, read.values) == ("identifiable", False, ())
    assert (StudySpec().rule, StudySpec().ranks_by_spent) == ("identifiable", True)


def test_the_json_names_both(small: Dataset) -> None:
    handle = study(small, FITS)
    records = handle.records()
    content = study_json(handle, records, recommend(handle, records, None))
    assert (content["count"], content["ranking"]) == ("identifiable", "effective")
    by_number = {t["number"]: t for t in content["trials"]}
    for record in ranked(records):
        trial = by_number[record.number]
        assert trial["edf"] == record.edf
        assert trial["n_params_effective"] == record.n_params_effective
        assert trial["aicc"] == pytest.approx(aicc(trial["rss_train"], small.n, trial["n_params"]))
    assert content["best"]["aicc"] == min(t["aicc"] for t in content["trials"])
    assert content["pareto"] == [r.number for r in front(records)]
    assert content["recommended"]["number"] == ranked(records)[0].number
    json.dumps(content, allow_nan=False)


def test_optuna_is_told_what_networks_are_ranked_by(small: Dataset) -> None:
    handle = study(small, FITS)
    told = {t.number: t.value for t in handle.optuna.get_trials()}
    assert told == {
        r.number: pytest.approx(r.criterion if math.isfinite(r.criterion) else r.aicc) for r in ranked(handle.records())
    }


def test_the_table_of_trials_by_rank(small: Dataset) -> None:
    handle = study(small, FITS)
    table = trial_table(handle.records())
    assert by_rank(table)["number"].tolist() == [r.number for r in ranked(handle.records())]
    assert list(table.columns).index("aicc_effective") == list(table.columns).index("aicc") + 2
    unknown = table.drop(columns=list(EFFECTIVE_COLUMNS))
    assert by_rank(unknown)["aicc"].is_monotonic_increasing


def test_the_effective_degrees_of_freedom_of_a_candidate(small: Dataset) -> None:
    listed = candidates(study(small, FITS), study(small, FITS).records(), None)
    assert {c.edf for c in listed if c.is_network} == {8.0, 9.0, 40.0}
