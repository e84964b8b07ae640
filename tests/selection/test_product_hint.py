"""The hint to let a node multiply: where two features interact strongly and none could, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kanlab.data.dataset import Dataset
from kanlab.kan.constraints import Constraints
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.product_hint import INTERACTIONS, STRONGEST, StrongestPair, product_hint
from kanlab.selection.recommendation import recommend
from kanlab.study.spec import StudySpec
from tests.helpers.sentences import assert_sentence
from tests.helpers.validations import study

SPACE = SearchSpace((1, 4), (2, 5), (1, 3))
PAIR = StrongestPair("a", "b", 0.4, 0.05)


def test_the_same_ranges_with_a_node_that_multiplies() -> None:
    hint = product_hint(StudySpec(SPACE), PAIR)
    assert hint is not None
    sentence, space = hint
    assert_sentence(sentence)
    assert "a and b interact strongly (beyond the sum of both 40% of the spread" in sentence
    assert space == replace(SPACE, multiplication=(0, 1))
    StudySpec(space)  # which can be searched


@pytest.mark.parametrize("pair", [None, replace(PAIR, p=0.1), replace(PAIR, share=0.05)], ids=str)
def test_no_hint_without_a_strong_interaction(pair: StrongestPair | None) -> None:
    assert product_hint(StudySpec(SPACE), pair) is None


@pytest.mark.parametrize(
    "spec",
    [
        StudySpec(replace(SPACE, multiplication=(0, 1))),
        StudySpec(replace(SPACE, k=(1, 1))),
        StudySpec(replace(SPACE, depth=(2, 3))),
        StudySpec(SPACE, engine="pykan-adam"),
        StudySpec(SPACE, constraints=Constraints(up=("a",))),
    ],
)
def test_no_hint_where_a_study_had_products_or_cannot_have_them(spec: StudySpec) -> None:
    assert product_hint(spec, PAIR) is None


def test_a_study_warns_as_soon_as_its_test_is_done(small: Dataset) -> None:
    handle = study(small, {Cell(2, 3, 2): -300.0, Cell(1, 4, 2): -270.0}, space=SPACE)

    def spaces() -> list[SearchSpace | None]:
        warnings = recommend(handle, handle.records(), None).warnings
        return [w.widen for w in warnings if "interact strongly" in w.sentence]

    assert spaces() == []
    for state, expected in (("running", []), ("done", [replace(SPACE, multiplication=(0, 1))])):
        handle.optuna.set_user_attr(INTERACTIONS, {"state": state, STRONGEST: PAIR.to_dict()})
        assert spaces() == expected
    handle.optuna.set_user_attr(INTERACTIONS, {"state": "done", "nulls": []})  # of an earlier version
    assert spaces() == []
