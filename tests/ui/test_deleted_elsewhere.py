"""A page whose study another process deletes says so, whenever that happens."""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.storage import default_url
from tests.helpers.pages import go, healthy, text_of
from tests.helpers.sentences import assert_sentence
from tests.helpers.validations import study as made_study

PAGES = ["live", "choose", "model", "export"]


def delete_elsewhere(name: str) -> None:
    """As the command line does it: by a storage object of its own."""
    optuna.delete_study(study_name=name, storage=optuna.storages.RDBStorage(default_url()))


@pytest.fixture
def handle(small: Dataset) -> StudyHandle:
    return made_study(small, {}, space=SearchSpace((1, 2), (2, 3), (1, 1)))


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("successor", [False, True])
def test_when_the_page_is_drawn_again(
    app: AppTest, handle: StudyHandle, small: Dataset, where: str, successor: bool
) -> None:
    """successor: another study has its number by then, as SQLite gives it."""
    app.query_params["study"] = handle.name
    go(app, where)
    assert not app.error
    delete_elsewhere(handle.name)
    if successor:
        assert create_study(small, handle.spec, name="the next").id == handle.id
    healthy(app.run())
    (error,) = app.error
    assert "is no longer there" in error.value
    assert_sentence(error.value.replace("\\", ""))


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("successor", [False, True])
def test_while_the_page_is_drawn(
    app: AppTest, small: Dataset, where: str, successor: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what a fragment draws later, of the study it has in its hands."""
    handle = made_study(small, {Cell(1, 2, 1): 5.0}, space=SearchSpace((1, 2), (2, 3), (1, 1)))

    def load_and_lose(name: str) -> StudyHandle:
        found = load_study(name)
        delete_elsewhere(name)
        if successor:
            create_study(small, found.spec, name="the next")
        return found

    monkeypatch.setattr("kanlab.ui.study_header.load_study", load_and_lose)
    app.query_params["study"] = handle.name
    go(app, where)
    assert any("is no longer there" in e.value for e in app.error)


def test_in_the_list_of_studies(app: AppTest, handle: StudyHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    go(app, "studies")
    delete_elsewhere(handle.name)
    assert "There is no study yet" in text_of(healthy(app.run()))


@pytest.mark.parametrize("use", [lambda h: h.optuna.user_attrs, lambda h: h.optuna.set_user_attr("a", 1)])
def test_what_optuna_says_of_a_study_that_is_gone(handle: StudyHandle, use: Callable[[StudyHandle], object]) -> None:
    from kanlab.study.optuna_adapter import is_gone

    delete_elsewhere(handle.name)
    with pytest.raises(KeyError) as caught:
        use(handle)
    assert is_gone(caught.value)
    assert not is_gone(KeyError("Record"))
