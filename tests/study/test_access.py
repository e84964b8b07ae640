"""Everybody looks, the owner steers; a login only where one is set up."""

from __future__ import annotations

import tomllib

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.study.access import derived_key, earlier_key, is_owned, may_steer, new_secret, own
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.optuna_adapter import delete_study
from kanlab.study.spec import StudySpec
from kanlab.study.state import StudyState, write_state
from tests.helpers.pages import APP, go, healthy, text_of

ROOT = APP.parent


@pytest.fixture
def stopped(small: Dataset) -> StudyHandle:
    handle = create_study(small, StudySpec(), name="mine")
    write_state(handle.optuna, StudyState("stopped"))
    return handle


def test_keys(stopped: StudyHandle, small: Dataset) -> None:
    study = stopped.optuna
    assert may_steer(study.user_attrs, None)
    assert not is_owned(study.user_attrs)
    secret = new_secret()
    key = derived_key(secret, stopped.uid)
    own(study, key)
    assert may_steer(study.user_attrs, key)
    for wrong in (None, "", key[:-1], secret, derived_key(new_secret(), stopped.uid)):
        assert not may_steer(study.user_attrs, wrong)
    assert key not in str(study.user_attrs)
    assert secret not in str(study.user_attrs)
    other = create_study(small, StudySpec())
    assert derived_key(secret, other.uid) != key  # a link gives away one study


def test_the_key_of_a_deleted_study_opens_no_other(stopped: StudyHandle, small: Dataset) -> None:
    secret, number = new_secret(), stopped.id
    old = (derived_key(secret, stopped.uid), earlier_key(secret, stopped.optuna))
    delete_study(stopped.optuna)
    following = create_study(small, StudySpec(), name="following")
    assert following.id == number
    own(following.optuna, derived_key(secret, following.uid))
    assert not any(may_steer(following.optuna.user_attrs, key) for key in old)


def test_a_study_owned_by_an_earlier_version_stays_its_owners(
    app: AppTest, stopped: StudyHandle, small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = new_secret()
    own(stopped.optuna, earlier_key(secret, stopped.optuna))
    app.query_params["study"] = "mine"
    assert "Delete" not in labels(go(app, "live"))
    app.session_state["kanlab_secret"] = secret
    assert "Delete" in labels(go(app, "live"))


def labels(app: AppTest) -> set[str]:
    """What can be pressed, entries of menus included."""
    entries = [option for menu in app.menu_button for option in menu.options]
    return {b.label for b in app.button} | {e.partition(": ")[2] for e in entries}


def test_the_pages_let_the_owner_steer(app: AppTest, stopped: StudyHandle) -> None:
    app.query_params["study"] = "mine"
    assert {"Resume", "Delete", "Duplicate with other ranges"} <= labels(go(app, "live"))
    own(stopped.optuna, "the key")
    go(app, "live")
    assert not {"Resume", "Delete", "Rename or note", "Raise the budget"} & labels(app)
    assert "Duplicate with other ranges" in labels(app)
    app.query_params["key"] = "the key"
    assert {"Resume", "Delete"} <= labels(go(app, "live"))
    assert "key" not in app.query_params
    assert "study" in app.query_params
    go(app, "studies")
    assert app.dataframe[0].value["owner"][0] == "you"


def test_a_budget_is_raised_from_the_menu(app: AppTest, stopped: StudyHandle) -> None:
    app.query_params["study"] = "mine"
    go(app, "live")
    menu = app.menu_button[0]
    menu._value = next(option for option in menu.options if "Raise" in option)  # AppTest has no way to choose one
    app.run()
    assert "already fits all" in text_of(healthy(app))  # its budget covers them all


def test_there_is_no_login_by_default(app: AppTest) -> None:
    assert "Log in" not in labels(healthy(app))
    assert "auth" not in tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert not (ROOT / ".streamlit" / "secrets.toml").exists()


def test_where_a_login_is_set_up_nothing_is_shown_without(app: AppTest, stopped: StudyHandle) -> None:
    app.secrets["auth"] = {"cookie_secret": "x", "client_id": "y"}
    app.query_params["study"] = "mine"
    go(app, "live")
    assert labels(app) == {"Log in"}
    assert "mine" not in text_of(app)
