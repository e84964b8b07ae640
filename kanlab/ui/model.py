"""The Model page: the network drawn, its edges, its features, its residuals, its formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from kanlab.baselines.protocol import Affine
from kanlab.charts import model as model_charts
from kanlab.data.dataset import Dataset
from kanlab.explain.diagram import diagram, node_name, standing_alone
from kanlab.explain.effects import partial_dependence, permutation_importance, residual_table, sources_of
from kanlab.explain.formula import Formula, formula_of, remarks
from kanlab.explain.formula_code import python
from kanlab.explain.formula_latex import latex
from kanlab.explain.predictor import HeldFamily, Predictor
from kanlab.explain.symbolic import FUNCTIONS, MATCHED
from kanlab.kan.edges import Curves, curves_of
from kanlab.kan.network import FittedKan
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.ui import session
from kanlab.ui.widgets import literal, short

MOST_CURVES = 12
_PER_ROW = 3
IMPORTANCE_HELP = (
    "By how much the RMSE, of classes the log-loss, on the training rows rises when the values of this feature are shuffled "
    "among them, mean and standard deviation of 8 shuffles (Breiman 2001; Fisher, Rudin & Dominici 2019)."
)


class ModelView:
    """One fitted model and its data, and what is computed of them once a session. key: what it stays the same for."""

    def __init__(self, model: Predictor, data: Dataset, key: tuple[object, ...]) -> None:
        self.model, self.data, self._key = model, data, key
        self.network = model.fitted if isinstance(model.fitted, FittedKan) else None

    def once(self, name: str, compute: Callable[[], Any], *more: object) -> Any:
        """What `compute` gave for this model the last time."""
        return session.remember(f"model-{name}", (*self._key, *more), compute)

    def outputs(self, X: Any) -> Any:
        """Predictions on the scale of the fit."""
        return self.model.fitted.predict_flagged(X)[0]

    @property
    def curves(self) -> Curves:
        """The edges of the network."""
        assert self.network is not None
        found: Curves = self.once("curves", lambda: curves_of(self.network, self.data.X_train))  # type: ignore[arg-type]
        return found

    @property
    def formula(self) -> Formula:
        """The network as a formula."""
        found: Formula = self.once("formula", lambda: formula_of(self.curves, self.data))
        return found


def network(view: ModelView) -> None:
    """The diagram of a network, or the coefficients of a linear model."""
    if view.network is None:
        _linear(view)
        return
    drawn = view.once("diagram", lambda: diagram(view.curves, view.data.features, view.data.output_label))
    with st.container(horizontal_alignment="center"):
        st.image(standing_alone(drawn.svg, dark=st.context.theme.type == "dark"))
    st.caption(
        "Inputs on the left, the output on the right; on each edge the curve it adds to its node, over the range of the "
        "training rows. An edge is the fainter the less it accounts for (the edge score of KAN 2.0, Liu et al. 2024). "
        + literal(drawn.note)
    )
    st.download_button(
        "Download the diagram",
        standing_alone(drawn.svg),
        "network.svg",
        "image/svg+xml",
        icon=":material/download:",
        on_click="ignore",
    )


def _linear(view: ModelView) -> None:
    held = view.model.fitted
    affine = held.fitted.predict if isinstance(held, HeldFamily) else None
    if not isinstance(affine, Affine):
        st.info("This model has no curves to draw; see its features and residuals.", icon=":material/info:")
        return
    slopes = affine.weights / affine.scale
    intercept = affine.offset - float(slopes @ affine.center)
    table = pd.DataFrame({"term": ["intercept", *view.data.features], "coefficient": [intercept, *slopes]})
    st.markdown(
        f"A linear model of {literal(short(view.data.output_label))}, which is the sum of the intercept and of each "
        "feature times its coefficient. The features are held to their range in the training rows. Choose a trial above to "
        "look into a network."
    )
    st.dataframe(
        table,
        hide_index=True,
        key="coefficients",
        column_config={
            "coefficient": st.column_config.NumberColumn(
                format="%.5g", help="What it adds for one unit of the feature."
            )
        },
    )


def edges(view: ModelView) -> None:
    """Every edge function as a curve, the strongest first."""
    if view.network is None:
        st.info("A linear model has no curves; its coefficients stand under Network.", icon=":material/show_chart:")
        return
    curves, last = view.curves, view.curves.depth - 1
    layers = {i: _layer_words(i, last) for i in range(curves.depth)}
    index = st.segmented_control(
        "Layer",
        list(layers),
        default=0,
        format_func=lambda i: layers[i],
        key="edge-layer",
        label_visibility="collapsed",
    )
    index = 0 if index is None else index
    ranked = sorted(curves.layer(index), key=lambda e: -e.share)
    if len(ranked) > MOST_CURVES:
        st.caption(f"The {MOST_CURVES} strongest of {len(ranked)} edges.")
    shown = ranked[:MOST_CURVES]
    target = short(view.data.output_label, 24)
    for start in range(0, len(shown), _PER_ROW):
        for place, edge in zip(st.columns(_PER_ROW, gap="medium"), shown[start : start + _PER_ROW], strict=False):
            source = view.data.features[edge.source] if index == 0 else node_name(curves.depth, index, edge.source)
            added = f"adds to {target if index == last else node_name(curves.depth, index + 1, edge.target)}"
            key = f"edge-{edge.layer}-{edge.source}-{edge.target}"
            place.altair_chart(model_charts.edge(edge, source, added), key=key, width="stretch")
    st.caption(
        "Each curve is drawn less its mean over the training rows, because a constant can be moved from one edge into a node "
        "to another; the bars below are the training rows. Inputs are in units of the data, what the last layer adds in "
        + literal(f"those of {target}; hidden nodes have no unit.")
    )


def _layer_words(index: int, last: int) -> str:
    first = "Features" if index == 0 else f"Hidden layer {index}" if last > 1 else "Hidden nodes"
    second = "output" if index == last else f"hidden layer {index + 1}" if last > 1 else "hidden nodes"
    return f"{first} to {second}"


def features(view: ModelView) -> None:
    """Importance and partial dependence."""
    data = view.data
    with st.spinner("Shuffling the features…"):
        table = view.once("importance", lambda: permutation_importance(view.outputs, data))
    left, right = st.columns(2, gap="medium")
    with left:
        st.altair_chart(
            model_charts.importance(table, MEASURES[data.task].error, "nats" if data.levels else data.target),
            key="importance",
            width="stretch",
        )
        st.caption(IMPORTANCE_HELP)
        if view.network is not None:
            _scores(view)
    with right:
        known = sources_of(data.recipe)
        ranked = [f for f in table["feature"] if f in known]
        feature = st.selectbox("Feature", ranked, key="dependence-of", format_func=lambda f: short(f))
        found = view.once("dependence", lambda: partial_dependence(view.outputs, data, feature), feature)
        st.altair_chart(model_charts.dependence(found, data.prediction_label), key="dependence", width="stretch")
        st.caption(
            "The mean prediction over the training rows with this feature set to the value in all of them and the others left "
            "as they are (Friedman 2001). Where features go together, some of those rows do not exist."
        )


def _scores(view: ModelView) -> None:
    shares = pd.DataFrame({"input": view.data.features, "share": view.curves.inputs})
    with st.expander("By the edge scores of KAN 2.0"):
        st.dataframe(
            shares.sort_values("share", ascending=False),
            hide_index=True,
            key="edge-scores",
            column_config={
                "share": st.column_config.ProgressColumn(
                    "share of the edge scores", format="percent", min_value=0.0, max_value=1.0
                )
            },
        )
        st.caption(
            "How much the edges that leave an input move the nodes they enter, followed to the output (Liu et al. 2024, arXiv "
            "2408.10205). It looks at the network alone; shuffling looks at the error."
        )


def residuals(view: ModelView) -> None:
    """Residuals on training and test rows."""
    table = view.once("residuals", lambda: residual_table(view.outputs, view.data))
    st.altair_chart(model_charts.residuals(table, view.data.prediction_label), key="residuals", width="stretch")
    if view.data.levels:
        st.caption(
            "Of classes each residual is 0 or 1 less the probability, so that two bands are all there can be; Calibration, on "
            "the Choose page, says whether the probabilities are right."
        )
        return
    st.caption(
        "A band of equal width around 0 is what a good model leaves. A bend says that a shape is missing; a funnel says that "
        "the error grows with the prediction, and a logarithm of the target may help (Data, under Prepare)."
    )


def formula(view: ModelView) -> None:
    """The network as a formula, beside its error."""
    if view.network is None:
        st.info(
            "The linear model is its own formula; its coefficients stand under Network.", icon=":material/function:"
        )
        return
    with st.spinner("Matching the edges…"):
        found = view.formula
    text, legend = view.once("latex", lambda: latex(found))
    st.markdown("  \n".join(literal(line) for line in remarks(found)))
    st.latex(text)
    if legend:
        names = ", ".join(f"${symbol}$ is {literal(short(name))}" for symbol, name in legend.items())
        st.markdown(names)
    rows = "test rows" if found.on_test else "training rows"
    columns = st.columns(3)
    unit = literal("In nats a row." if found.levels else f"In units of {short(view.data.target)}.")
    what, own, theirs = MEASURES[view.data.task].error, four_digits(found.error), four_digits(found.network_error)
    columns[0].metric(f"{what} of the formula, {rows}", own or "none", help=unit, border=True)
    columns[1].metric(f"{what} of the network, {rows}", theirs or "none", help=unit, border=True)
    columns[2].metric(
        "Edges matched",
        f"{len(found.terms) - len(found.unmatched)} of {len(found.terms)}",
        help=literal(f"To one of {len(FUNCTIONS)} functions with R² of at least {MATCHED}."),
        border=True,
    )
    title = f"An approximation of {view.model.label}, by kanlab."
    code = view.once("python", lambda: python(found, title))
    with st.expander("As Python", icon=":material/code:"):
        st.code(code, language="python")
        st.caption("Inputs are encoded as kanlab encodes them, and held to the range of the training rows.")
    with st.expander("Edge by edge"):
        st.dataframe(
            matches_table(found),
            hide_index=True,
            key="matches",
            column_config={"R²": st.column_config.NumberColumn(format="%.4f"), "function": "most like"},
        )
        st.caption(
            "R² is the share of the variance of an edge, over the training rows, that c f(ax + b) + d explains. Of the "
            "functions that do as well as any the simplest is taken, in the manner of pykan's suggest_symbolic (Liu et al. "
            "2024)."
        )


def matches_table(found: Formula) -> pd.DataFrame:
    """One row an edge of a formula."""
    depth = len(found.nodes)
    rows = [
        {
            "layer": t.edge.layer + 1,
            "from": found.features[t.edge.source]
            if not t.edge.layer
            else node_name(depth, t.edge.layer, t.edge.source),
            "to": found.target if t.edge.layer == depth - 1 else node_name(depth, t.edge.layer + 1, t.edge.target),
            "function": t.match.name,
            "R²": t.match.r2,
            "matched": t.match.matched,
        }
        for t in found.terms
    ]
    return pd.DataFrame(rows, columns=["layer", "from", "to", "function", "R²", "matched"])
