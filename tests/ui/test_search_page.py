"""The Search page: minutes that are used for more starts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution import cost_model
from kanlab.execution.manager import manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study.access import is_owned
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.several_targets import create_studies
from kanlab.study.spec import StudySpec
from kanlab.ui import search_plan, start
from tests.helpers.pages import go, healthy, text_of, upload

Fake = Callable[..., Path]


@pytest.fixture
def search(app: AppTest, frame: pd.DataFrame, fake_workers: Fake) -> AppTest:
    """The page with a small table, ten minutes and few cells."""
    fake_workers()
    search_plan._timing.clear()
    upload(app, "mine.csv", frame[["a", "b", "y"]].to_csv(index=False).encode())
    go(app, "search")
    app.slider(key="neuron_num").set_range(1, 3)
    app.slider(key="grid").set_range(2, 3)
    return healthy(app.run())


def fill(search: AppTest, minutes: float) -> None:
    """Give minutes and have them used."""
    search.number_input(key="minutes").set_value(minutes)
    search.run().toggle(key="fill").set_value(True)
    healthy(search.run())


def test_there_is_nothing_to_use_without_minutes(search: AppTest) -> None:
    assert search.toggle(key="fill").disabled
    assert not search.number_input(key="starts").disabled
    search.number_input(key="minutes").set_value(10.0)
    healthy(search.run())
    assert not search.toggle(key="fill").disabled
    assert "starts per configuration" not in text_of(search)
    search.toggle(key="fill").set_value(True)
    healthy(search.run())
    assert search.number_input(key="starts").disabled
    search.number_input(key="minutes").set_value(0.0)
    healthy(search.run())
    assert search.toggle(key="fill").disabled
    assert not search.number_input(key="starts").disabled


def test_the_number_is_said_and_is_that_of_the_study(search: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the timing the page has anyway; starts set by hand before do not count."""
    monkeypatch.setattr(cost_model, "run_task", lambda *_, **__: pytest.fail("timed twice"))
    search.number_input(key="starts").set_value(3)
    fill(search, 10.0)
    assert "64 starts per configuration, as many as 10 minutes allow" in text_of(search)
    search.button(key="start").click()
    healthy(search.run())
    spec = load_study("mine-1").spec
    assert (spec.options.starts, spec.starts_fill, spec.minutes) == (64, True, 10)
    assert "64 starts per configuration, as many as 10 minutes allow" in text_of(search).replace("\\", "")


def test_minutes_too_few_leave_the_engine_its_own_number(search: AppTest) -> None:
    fill(search, 0.001)
    assert "the engine's own number of starts, since 0.001 minutes allow no more" in text_of(search)
    search.button(key="start").click()
    healthy(search.run())
    assert load_study("mine-1").spec.options == FitOptions(time_limit=120)


def test_starts_that_cannot_be_found_are_asked_for(search: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    search_plan._timing.clear()
    monkeypatch.setattr(cost_model, "calibrate", lambda data, spec: None)
    fill(search, 10.0)
    assert "duration cannot be predicted" in text_of(search)
    search.button(key="start").click()
    healthy(search.run())
    assert "the number of starts must be given" in search.error[0].value.replace("\\", "")


@pytest.mark.parametrize(("fill", "starts"), [(True, 12), (False, 12), (False, None)])
def test_a_duplicate_asks_for_the_same(
    app: AppTest, small: Dataset, fake_workers: Fake, fill: bool, starts: int | None
) -> None:
    fake_workers()
    space = SearchSpace((1, 12), (1, 3), (2, 2), multiplication=(1, 1))
    spec = StudySpec(space, minutes=3, starts_fill=fill, options=FitOptions(starts))
    create_study(small, spec, name="one")
    app.query_params["study"] = "one"
    go(app, "live")
    assert ("12 starts per configuration" in text_of(app).replace("\\", "")) == (starts == 12)
    menu = app.menu_button[0]
    menu._value = next(o for o in menu.options if "Duplicate" in o)  # AppTest has no way to choose one
    app.run()
    go(app, "search")
    assert (app.toggle(key="fill").value, app.number_input(key="starts").value) == (fill, 0 if fill else starts or 0)
    assert [app.slider(key=name).value for name in ("neuron_num", "grid", "k", "depth")] == [
        (1, 12), (2, 3), (2, 2), (1, 1)]  # fmt: skip
    assert app.checkbox(key="multiplication").value


def test_constraints_are_kept_with_the_study_and_contradictions_are_one_sentence(search: AppTest) -> None:
    names = ["a", "b"]
    assert [search.multiselect(key=f"constraint-{kind}").options for kind in ("up", "convex", "no_effect")] == [
        names
    ] * 3
    search.multiselect(key="constraint-up").set_value(["a"])
    search.multiselect(key="constraint-down").set_value(["a"])
    search.run()
    assert [e.value.replace("\\", "") for e in search.error] == [
        "'a' cannot be monotone up and monotone down at once; keep one of the two."
    ]
    search.multiselect(key="constraint-down").set_value(["b"])
    search.multiselect(key="constraint-apart-1").set_value(names)
    healthy(search.run())
    assert "of the" in text_of(search)  # two groups need two hidden neurons, so that fewer are admissible
    search.button(key="start").click()
    healthy(search.run())
    spec = load_study("mine-1").spec
    assert (spec.constraints.up, spec.constraints.down, spec.constraints.no_interaction) == (
        ("a",),
        ("b",),
        (("a", "b"),),
    )
    assert min(c.neuron_num for c in spec.admissible(100, 2)) == 2


def test_of_three_classes_the_demands_are_of_one_that_is_chosen(
    app: AppTest, frame: pd.DataFrame, fake_workers: Fake
) -> None:
    fake_workers()
    search_plan._timing.clear()
    table = frame[["a", "b", "kind"]]
    upload(app, "kinds.csv", table.to_csv(index=False).encode())
    go(app, "search")
    healthy(app.run())
    assert app.selectbox(key="constraint-of-class").options == sorted(set(table["kind"]))
    app.multiselect(key="constraint-up").set_value(["a"])
    app.selectbox(key="constraint-of-class").set_value("green")
    app.multiselect(key="constraint-apart-1").set_value(["a", "b"])
    healthy(app.run())
    app.button(key="start").click()
    healthy(app.run())
    known = load_study("kinds-1").spec.constraints
    assert (known.up, known.of_class, known.no_interaction) == (("a",), "green", (("a", "b"),))


def test_a_node_may_multiply(search: AppTest) -> None:
    """With any ranges: where k is 1 alone there is no such network, and no error."""

    def count() -> int:
        found = re.search(r"will fit all \**([\d,]+)", text_of(search))
        assert found
        return int(found[1].replace(",", ""))

    plain = count()
    search.checkbox(key="multiplication").check()
    healthy(search.run())
    assert count() > plain
    search.slider(key="k").set_value((1, 1))
    healthy(search.run())
    search.slider(key="k").set_value((2, 2))
    healthy(search.run())
    search.button(key="start").click()
    healthy(search.run())
    assert load_study("mine-1").spec.space.multiplication == (0, 1)


def test_a_study_begins_though_its_reader_leaves_while_it_is_made(
    search: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit ends a run at its next look at the session; a study of many classes takes seconds to be made."""
    begun: list[str] = []

    def make(*arguments: Any, **named: Any) -> list[StudyHandle]:
        made = create_studies(*arguments, **named)
        run = get_script_run_ctx()
        assert run is not None
        assert run.script_requests is not None
        run.script_requests.request_stop()
        return made

    monkeypatch.setattr(start, "create_studies", make)
    monkeypatch.setattr(type(manager()), "start", lambda jobs, handle, dask=None: begun.append(handle.name))
    search.button(key="start").click()
    search.run()
    assert begun == ["mine-1"]
    assert is_owned(load_study("mine-1").optuna.user_attrs)
