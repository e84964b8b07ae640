"""A dialog stays open while its page is drawn anew, and is gone when another page is drawn."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from tests.helpers.pages import go, healthy, text_of

LINKS = ":material/link: Links"
SAID = "To view the study:"


def test_a_dialog_outlives_a_run_of_its_page_alone(app: AppTest, small: Dataset) -> None:
    handle = create_study(small, StudySpec(), name="mine")
    app.query_params["study"] = "mine"
    go(app, "live")
    assert SAID not in text_of(app)
    app.session_state["kanlab_dialog"] = (handle.uid, LINKS)  # as a click in the menu sets it
    for _ in range(2):  # the second run is that of a poll
        assert SAID in text_of(healthy(app.run()))
    go(app, "choose")
    go(app, "live")
    assert SAID not in text_of(app)


def test_a_dialog_of_another_study_is_not_drawn(app: AppTest, small: Dataset) -> None:
    create_study(small, StudySpec(), name="mine")
    app.query_params["study"] = "mine"
    go(app, "live")
    app.session_state["kanlab_dialog"] = ("another", LINKS)
    assert SAID not in text_of(healthy(app.run()))
