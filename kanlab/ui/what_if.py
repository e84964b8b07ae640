"""The Model page: set the features of a row, and see its prediction, the contributions and the nearest rows move along.

What is set stands in the address (`x.FEATURE=VALUE`), and so does the model that is chosen (`model=`), so that a copied link
shows the same.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from kanlab.explain.contributions import Explanation
from kanlab.explain.what_if import MISSING_VALUE, Control, Value, controls_of, row_of
from kanlab.language import percent, say
from kanlab.text import short
from kanlab.ui import session, why
from kanlab.ui.model import ModelView
from kanlab.ui.widgets import literal, sentences

_FIRST = 8  # controls shown at once; the others are behind a line
_GONE = "missing-"  # before the key of a control: whether its cell is empty
_LOOKED_AT = 24  # training rows that say how much each feature contributes


def is_asked_for() -> bool:
    """Whether the address says what to set."""
    return any(name.startswith(session.SETTING) for name in st.query_params)


def what_if(view: ModelView) -> None:
    """The whole panel. A change draws the panel anew and nothing else."""
    explainer = why.explainer(view)
    if not explainer.used:
        st.info(say("The model predicts the same whatever the features are, so there is nothing to try."))
        return
    controls = view.once("controls", lambda: controls_of(view.data, _ranked(view)))
    _panel(view, controls)


@st.fragment
@sentences()
def _panel(view: ModelView, controls: list[Control]) -> None:
    large = st.toggle(
        say("Large type"),
        key="what-if-large-type",
        persist_state="page",
        help=say("For a meeting room: figures that are read from afar."),
    )
    with st.container(key="what-if-large" if large else "what-if"):
        answer = st.container(key="what-if-answer")
        left, right = st.columns([2, 3], gap="large")
        with left:
            values = _set(view, controls)
        _write_address(controls, values, view.key[1])
        made = why.explainer(view)
        found: Explanation = made.explain(row_of(view.data, controls, values))
        with answer:
            _answer(found)
        with right:
            why.details(found, key="what-if")


def _ranked(view: ModelView) -> list[str]:
    """The features the model uses, the largest contributions first."""
    made, data = why.explainer(view), view.data
    some = np.linspace(0, data.n - 1, min(data.n, _LOOKED_AT)).round().astype(int)
    sizes = np.abs(made.explain_inputs(data.X_train[some]).values).mean(axis=(0, 2))
    return [made.features[i] for i in np.argsort(-sizes, kind="stable") if made.features[i] in made.used]


def _set(view: ModelView, controls: list[Control]) -> list[Value]:
    """The widgets, and what they are set to."""
    keys = [f"what-if-{view.key[0]}-{control.feature}" for control in controls]
    for key, control in zip(keys, controls, strict=True):
        if key not in st.session_state:
            asked = control.read(st.query_params.get(session.SETTING + control.feature))
            st.session_state[key] = control.start if asked is None else asked
            st.session_state[_GONE + key] = asked is None
    st.button(
        say("The typical row"),
        icon=":material/restart_alt:",
        key="what-if-reset",
        help=say("Every number at the median of the training rows, every category at its most frequent level."),
        on_click=_reset,
        args=(keys, controls),
    )
    values = [_widget(control, key) for control, key in zip(controls[:_FIRST], keys, strict=False)]
    if len(controls) > _FIRST:
        with st.expander(say("{count:,} more features, which contribute less", count=len(controls) - _FIRST)):
            values += [_widget(c, k) for c, k in zip(controls[_FIRST:], keys[_FIRST:], strict=True)]
    return values


def _reset(keys: list[str], controls: list[Control]) -> None:
    for key, control in zip(keys, controls, strict=True):
        st.session_state[key] = control.start
        st.session_state[_GONE + key] = False


def _widget(control: Control, key: str) -> Value:
    """The control, and beside it, where the recipe fills a gap, whether the cell is empty."""
    if not control.may_be_missing:
        return _choice(control, key)
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    with right:
        text = say(
            "{feature} has no value. It is filled in and marked as in the training rows.",
            feature=short(control.feature, 60),
        )
        gone = st.checkbox(say(MISSING_VALUE), key=_GONE + key, help=literal(text))
    with left:
        value = _choice(control, key, disabled=gone)
    return None if gone else value


def _choice(control: Control, key: str, disabled: bool = False) -> Value:
    label = literal(short(control.feature, 60))
    if control.kind == "level":
        return st.selectbox(
            label, control.options, key=key, format_func=lambda level: short(str(level), 60), disabled=disabled
        )
    if control.kind == "date":
        return st.date_input(label, min_value=control.low, max_value=control.high, key=key, disabled=disabled)
    if control.kind == "values":
        chosen: float = st.select_slider(
            label, control.options, key=key, format_func=lambda value: f"{value:.6g}", disabled=disabled
        )
        return chosen
    digits = f"%.{control.digits}f"
    return st.slider(label, control.low, control.high, step=control.step, format=digits, key=key, disabled=disabled)


def _write_address(controls: list[Control], values: list[Value], which: object) -> None:
    """What differs from the typical row goes into the address, and the model that is not the recommended one."""
    kept = {k: v for k, v in st.query_params.items() if not k.startswith(session.SETTING)}
    others = {k: v for k, v in kept.items() if k != session.MODEL} | (
        {} if which is None else {session.MODEL: str(which)}
    )
    changed = {
        session.SETTING + control.feature: control.text(value)
        for control, value in zip(controls, values, strict=True)
        if value != control.start
    }
    if st.query_params.to_dict() != others | changed:  # the same in another order is the same
        st.query_params.from_dict(others | changed)


def _answer(found: Explanation) -> None:
    """The prediction, as large as it is important."""
    made, recipe = found.predictions, found.recipe
    row = made.frame.iloc[0]
    value = row[made.predicted]
    figure = short(str(value), 60) if recipe.levels else f"{float(value):,.5g}"
    st.metric(literal(say("Predicted {target}", target=short(recipe.target))), literal(figure))
    if made.bounds and made.interval is not None:
        share = f"{100 * made.interval:.4g}%"
        if recipe.levels:
            st.caption(literal(say("{share} set of classes: {classes}", share=share, classes=row[made.bounds[0]])))
        else:
            low, high = (f"{float(row[name]):,.5g}" for name in made.bounds)
            st.caption(literal(say("{share} interval: {low} to {high}", share=share, low=low, high=high)))
    if made.probability:
        sentence = say(
            "Probability of {level}: {share:.1%}", level=short(recipe.levels[1]), share=float(row[made.probability])
        )
        st.caption(literal(sentence))
    elif made.probabilities:
        shares = sorted(zip(recipe.levels, row[list(made.probabilities)], strict=True), key=lambda s: -s[1])
        st.caption(literal("; ".join(f"{short(level, 30)}: {percent(float(p), 1)}" for level, p in shares[:4])))
    why.support(found)
