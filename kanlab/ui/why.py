"""The Model page: why one row is predicted as it is, and the training rows nearest to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from kanlab.charts.waterfall import waterfall
from kanlab.data.writing import to_csv
from kanlab.explain.contributions import Explanation, RowExplainer
from kanlab.language import marked, say
from kanlab.text import counted, short, together
from kanlab.ui import columns, drawing
from kanlab.ui.model import ModelView
from kanlab.ui.widgets import download, literal, table

MOST_ROWS = 500  # explained at once for a download
_ORDERS = {"table": marked("As in the data"), "error": marked("Largest error first")}


def explainer(view: ModelView) -> RowExplainer:
    """What explains the predictions of the model, made once per session."""
    found: RowExplainer = view.once("explainer", lambda: RowExplainer(view.model, view.data))
    return found


def why(view: ModelView) -> None:
    """One training or test row: what each feature contributes, and the rows nearest to it."""
    data = view.data
    first, second, third = st.columns(3, gap="medium")
    with first:
        X, y, kind = _rows(view)
    with second:
        order = _order(view, X, y, kind)
    with third:
        most = len(X)
        number = (
            st.number_input(say("Row, 1 to {most:,}", most=most), 1, most, key=f"why-row-{kind}", persist_state="page")
            if most > 1
            else 1
        )
    at = int(order[int(number) - 1])
    made = explainer(view)
    found: Explanation = view.once("why", lambda: made.explain_inputs(X[at : at + 1]), kind, at)
    observed = data.levels[int(y[at])] if data.levels else f"{float(data.recipe.to_units(y[at])):,.5g}"
    st.markdown(say("{prediction} Observed: **{value}**.", prediction=_headline(found), value=literal(observed)))
    support(found)
    details(found, key="why")
    some = np.linspace(0, len(X) - 1, min(len(X), MOST_ROWS)).round().astype(int)
    download(
        say(
            "Download the contributions in {rows}",
            rows=counted(len(some), "test row" if kind == "test" else "training row"),
        ),
        lambda: to_csv(made.explain_inputs(X[some]).frame),
        f"contributions-{kind}.csv",
        help=say(
            "One line for each row, one column for each feature. Of new rows: kanlab predict "
            "--explain, or Predict new rows on the Choose page."
        ),
    )


def _rows(view: ModelView) -> tuple[Any, Any, str]:
    """Inputs and targets of the rows that are looked at, and what they are."""
    data = view.data
    if not len(data.y_test):
        return data.X_train, data.y_train, "training"
    kinds = {"test": say("Test rows"), "training": say("Training rows")}
    kind = st.segmented_control(
        say("Rows"),
        list(kinds),
        default="test",
        format_func=lambda k: kinds[k],
        key="why-kind",
        required=True,
        persist_state="page",
    )
    return (data.X_train, data.y_train, "training") if kind == "training" else (data.X_test, data.y_test, "test")


def _order(view: ModelView, X: Any, y: Any, kind: str) -> Any:
    chosen = st.segmented_control(
        say("Order"),
        list(_ORDERS),
        default="table",
        format_func=lambda k: say(_ORDERS[k]),
        key="why-order",
        persist_state="page",
        required=True,
    )
    if chosen != "error":
        return np.arange(len(X))
    return view.once(
        "why-order", lambda: np.argsort(-view.data.likelihood.losses(view.outputs(X), y), kind="stable"), kind
    )


def _headline(found: Explanation) -> str:
    frame, name = found.predictions.frame, found.predictions.predicted
    value = frame[name].iloc[0]
    what = literal(short(str(found.recipe.target)))
    told = literal(value if found.recipe.levels else f"{float(value):,.5g}")
    return say("Predicted {target}: **{value}**.", target=what, value=told)


def details(found: Explanation, key: str) -> None:
    """The waterfall of the first row of an explanation, and the training rows nearest to it."""
    class_ = None
    if found.classes:
        likeliest = found.classes[found.output_of(0)]
        class_ = st.selectbox(
            say("Log-odds of"),
            found.classes,
            index=found.classes.index(likeliest),
            format_func=short,
            key=f"{key}-class",
            persist_state="page",
        )
    drawing.chart(waterfall(found, 0, class_, drawing.look()), f"{key}-waterfall")
    st.caption(literal(together([found.method, _reading(found)])))
    near = found.neighbours(0)
    st.markdown(say("**The nearest training rows**"))
    numbers = [c for c in near if near[c].dtype.kind == "f"]
    whole = {c for c in numbers if (near[c].dropna() % 1 == 0).all()}
    titles = {near.columns[0]: say("distance")}
    formats = {c: columns.number(titles.get(c, c), near[c], fmt="%.0f" if c in whole else None) for c in numbers}
    table(near, f"{key}-nearest", column_config=formats)
    st.caption(
        say(
            "Distance: the root of the squared differences added up over the features the model "
            "uses; each is scaled so that the squared difference of two training rows drawn at random is 2 on average."
        )
    )


def support(found: Explanation) -> None:
    """Whether training rows stand behind the first row of an explanation, in one sentence."""
    assert found.nearest is not None
    sentence = literal(found.support(0))
    if found.nearest.far[0] or found.nearest.outside[0]:
        st.warning(sentence, icon=":material/explore_off:")
    else:
        st.caption(sentence)


def _reading(found: Explanation) -> str:
    if found.scale.times:
        return say(
            "A contribution c multiplies {times} by exp(c); contributions add up on this scale.",
            times=say(found.scale.times),
        )
    return say("Contributions add up from the mean prediction of the training rows to this prediction.")
