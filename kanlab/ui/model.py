"""The Model page: the diagram of the network, its edges, features and residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.baselines.protocol import Affine
from kanlab.charts import model as model_charts
from kanlab.data.dataset import Dataset
from kanlab.explain.average import AveragedModel
from kanlab.explain.bands import Bands, bands_of, no_bands, what_bands_are_of
from kanlab.explain.diagram import diagram, standing_alone, working
from kanlab.explain.diagram_words import node_name
from kanlab.explain.effects import partial_dependence, permutation_importance, residual_table, sources_of
from kanlab.explain.formula import Formula
from kanlab.explain.models import HeldFamily
from kanlab.explain.network_formula import formula_of
from kanlab.explain.predictor import Predictor
from kanlab.kan.edges import Curves, curves_of
from kanlab.kan.network import FittedKan
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.feature_weights import FeatureWeights
from kanlab.selection.measures import MEASURES
from kanlab.text import beginning, short
from kanlab.ui import drawing, session, widgets
from kanlab.ui.widgets import download, literal

MOST_CURVES = 12
_PER_ROW = 3
IMPORTANCE_HELP = marked(
    "The increase in RMSE (for classes, in log-loss; for counts, in mean deviance) on "
    "the training rows when the values of this feature are shuffled: mean and standard "
    "deviation of 8 shuffles (Breiman 2001; Fisher, Rudin & Dominici 2019)."
)


BAND = marked(
    "The light band holds the mean prediction with 95% confidence, at one value at a "
    "time, if the model has the right form (delta method with the penalty's Bayesian "
    "covariance, Wood 2017); a new row lies further away."
)
AVERAGE_BAND = marked(
    "The light band is at 95% confidence, at one value at a time, and includes how far "
    "the averaged models lie apart (Buckland, Burnham & Augustin 1997); a new row lies "
    "further away."
)
EDGE_BANDS = marked(
    "The light band is at 95% confidence, at one value at a time, with the mean of each "
    "curve and the range of each hidden node held, for only the rest can be told from "
    "data (delta method, Wood 2017). A band much wider than its curve, cut off at the "
    "edge of the chart, says that the curve may as well be flat, or that other edges "
    "could do its part; the Features tab shows what is known of them together."
)


class ModelView:
    """One fitted model and its data, with results that are computed once per session. key: identifies the model."""

    def __init__(self, model: Predictor, data: Dataset, key: tuple[object, ...]) -> None:
        self.model, self.data, self.key = model, data, key
        self.network = model.fitted if isinstance(model.fitted, FittedKan) else None

    def once(self, name: str, compute: Callable[[], Any], *more: object) -> Any:
        """The result of `compute` for this model, computed once."""
        return session.remember(f"model-{name}", (*self.key, *more), compute)

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
    def bands(self) -> Bands | None:
        """The bands of the model's curves."""
        found: Bands | None = self.once("bands", lambda: bands_of(self.model.fitted, self.data))
        return found

    @property
    def edge_bands(self) -> dict[tuple[int, int, int], tuple[Any, Any]]:
        """Those of its edges."""
        bands = self.bands
        if bands is None:
            return {}
        found: dict[tuple[int, int, int], tuple[Any, Any]] = self.once("edge-bands", lambda: bands.edges(self.curves))
        return found

    @property
    def residuals(self) -> pd.DataFrame:
        """Predictions and residuals of the training and test rows."""
        found: pd.DataFrame = self.once("residuals", lambda: residual_table(self.outputs, self.data))
        return found

    @property
    def range(self) -> tuple[float, float]:
        """The minimum and the maximum of the predictions of the training rows, in its units; 0 and 1 of many classes."""
        if self.data.outputs > 1:
            return 0.0, 1.0
        found = self.residuals.loc[self.residuals["rows"] == "training", "predicted"]
        return float(found.min()), float(found.max())

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
    drawn = view.once("diagram", lambda: diagram(view.curves, view.data.features, view.data.output_names))
    with st.container(key="diagram"):
        picture = standing_alone(drawn.svg, dark=st.context.theme.type == "dark")
        st.image(picture, width=drawn.width, alt=drawn.words)
    st.caption(
        say(
            "The inputs are on the left, the output on the right. Each edge carries one curve, "
            "drawn over the range of the training rows, and a node is the sum of its curves. "
            "Faint edges contribute little (edge scores, Liu et al. 2024). "
        )
        + literal(drawn.note)
    )
    with st.container(horizontal=True):
        download(say("Download the diagram"), standing_alone(drawn.svg), "network.svg", "image/svg+xml")
        st.button(
            say("As PNG"),
            key="diagram-png",
            icon=":material/image:",
            help=say("As it is on this page, three times as large."),
        )


def _linear(view: ModelView) -> None:
    held = view.model.fitted
    affine = held.fitted.predict if isinstance(held, HeldFamily) else None
    if not isinstance(affine, Affine):
        st.info(no_network(view, say("has coefficients")), icon=":material/info:")
        return
    slopes = affine.weights.reshape(view.data.d, -1) / affine.scale[:, None]
    intercepts = np.atleast_1d(affine.offset) - affine.center @ slopes
    several = view.data.outputs > 1
    names = [literal(short(name)) for name in view.data.output_names] if several else [say("coefficient")]
    columns = dict(zip(names, np.vstack([intercepts, slopes]).T, strict=True))
    table = pd.DataFrame({say("term"): [say("intercept"), *view.data.features]} | columns)
    what = (
        say("the log-odds of each class against {levels}", levels=short(view.data.levels[0]))
        if several
        else short(view.data.output_label)
    )
    st.markdown(
        say(
            "A linear model of {target}: the intercept plus each feature times its coefficient. "
            "It goes on as a straight line outside the range of the training rows. Choose a "
            "trial above to see a network.",
            target=literal(what),
        )
    )
    widgets.table(
        table,
        "coefficients",
        column_config={
            name: st.column_config.NumberColumn(
                format="%.5g", help=say("What one unit of the feature adds to {target}.", target=literal(what))
            )
            for name in names
        },
    )


def no_network(view: ModelView, linear: str) -> str:
    """Why a panel of the network is empty. linear: what it says of a linear model."""
    held = view.model.fitted
    if isinstance(held, HeldFamily) and isinstance(held.fitted.predict, Affine):
        return say("A linear model {linear}. Its coefficients are under Network.", linear=linear)
    model = literal(beginning(retold(view.model.name)))
    if isinstance(held, AveragedModel):
        return say(
            "{model} is the mean of several models, so it has no single formula, diagram or "
            "edge. Features shows what it makes of each of them, Diagnostics where it errs; to "
            "read a network, choose another model above.",
            model=model,
        )
    return say(
        "{model} is no network, so it has no diagram and no edges. Features shows what it "
        "makes of each of them, Diagnostics where it errs; it predicts under Choose and can "
        "be exported.",
        model=model,
    )


def edges(view: ModelView) -> None:
    """The curve of every edge, the strongest first."""
    if view.network is None:
        st.info(no_network(view, say("has no curves")), icon=":material/show_chart:")
        return
    curves, last = view.curves, view.curves.depth - 1
    layers = {i: _layer_name(i, last) for i in range(curves.depth)}
    index = st.segmented_control(
        say("Layer"),
        list(layers),
        default=0,
        format_func=lambda i: layers[i],
        key="edge-layer",
        persist_state="page",
        label_visibility="collapsed",
    )
    index = 0 if index is None else index
    every = curves.layer(index)
    ranked = sorted(working(every), key=lambda e: -e.share)
    if len(ranked) > MOST_CURVES:
        st.caption(say("These are the {shown} strongest of {count} edges.", shown=MOST_CURVES, count=len(every)))
    elif len(ranked) < len(every):
        st.caption(
            say(
                "The other {others} of {count} edges are constant and hand on nothing.",
                others=len(every) - len(ranked),
                count=len(every),
            )
        )
    shown = ranked[:MOST_CURVES]
    with st.spinner(say("Finding the bands of the curves…")):
        bands = view.edge_bands
    targets = [short(name, 24) for name in view.data.output_names]
    for start in range(0, len(shown), _PER_ROW):
        for place, edge in zip(st.columns(_PER_ROW, gap="medium"), shown[start : start + _PER_ROW], strict=False):
            source = (
                view.data.features[edge.source] if index == 0 else node_name(curves, index, edge.source, leaving=True)
            )
            into = targets[edge.target] if index == last else node_name(curves, index + 1, edge.target)
            added = say("adds to {node}", node=into)
            key = f"edge-{edge.layer}-{edge.source}-{edge.target}"
            with place:
                band = bands.get((edge.layer, edge.source, edge.target))
                drawing.chart(model_charts.edge(edge, source, added, drawing.look(), band), key, has_table=False)
    st.caption(
        say(
            "Each curve is drawn without its mean over the training rows, because only the sum "
            "of the means at a node matters. The bars show where the training rows lie. Inputs "
            "are in units of the data, and the last layer is in units of {unit}. Hidden nodes have no unit.",
            unit=literal(short(view.data.output_names[0], 80)) if len(targets) == 1 else say("log-odds"),
        )
    )
    st.caption(say(EDGE_BANDS) if bands else no_bands(view.model.fitted))


def _layer_name(index: int, last: int) -> str:
    first = say("Hidden layer {number}", number=index) if last > 1 else say("Hidden nodes")
    second = say("hidden layer {number}", number=index + 1) if last > 1 else say("hidden nodes")
    return say(
        "{first} to {second}",
        first=say("Features") if index == 0 else first,
        second=say("output") if index == last else second,
    )


def features(view: ModelView, support: FeatureWeights | None = None) -> None:
    """Permutation importance and partial dependence. support: the summed Akaike weights of the features."""
    data, look = view.data, drawing.look()
    with st.spinner(say("Shuffling the features…")):
        table = view.once("importance", lambda: permutation_importance(view.outputs, data))
    left, right = st.columns(2, gap="medium")
    with left:
        unit = say(MEASURES[data.task].unit).format(data.target)
        drawing.chart(model_charts.importance(table, MEASURES[data.task].error, unit, look=look), "importance")
        st.caption(say(IMPORTANCE_HELP))
        if support is not None:
            _support(support)
        if view.network is not None:
            _scores(view)
    with right:
        known = sources_of(data.recipe)
        ranked = [f for f in table["feature"] if f in known]
        feature = st.selectbox(say("Feature"), ranked, key="dependence-of", format_func=short, persist_state="page")
        predict, what, level = view.outputs, data.prediction_label, 0
        if data.outputs > 1:
            level = st.selectbox(
                say("Probability of"),
                range(len(data.levels)),
                format_func=lambda i: short(data.levels[i]),
                key="dependence-class",
                persist_state="page",
            )
            what = say("probability of {level}", level=data.levels[level])

            def predict(X: Any) -> Any:
                return view.outputs(X)[:, level]

        bands = view.bands

        def dependence() -> Any:
            return partial_dependence(predict, data, feature) if bands is None else bands.dependence(feature, level)

        found = view.once("dependence", dependence, feature, level)
        drawing.chart(model_charts.dependence(found, what, look, view.range), "dependence")
        st.caption(
            say(
                "The mean prediction over the training rows when this feature has the same value in "
                "all of them and the other features stay as they are (Friedman 2001). If features "
                "are correlated, some of these rows cannot occur. "
            )
            + (no_bands(view.model.fitted) if bands is None else say(AVERAGE_BAND) if bands.averaged else say(BAND))
        )
        if bands is not None and (of := what_bands_are_of(view.model.fitted)):
            st.caption(of)


def _support(support: FeatureWeights) -> None:
    st.markdown(literal(support.sentence))
    with st.expander(say("Akaike weight of each feature")):
        widgets.table(
            support.table,
            "feature-weights",
            column_config={
                "feature": say("feature"),
                "weight": st.column_config.ProgressColumn(
                    say("summed Akaike weight"), format="%.3f", min_value=0.0, max_value=1.0
                ),
            },
        )
        st.caption(
            say(
                "The models of this study use {sets} sets of features. The model of lowest AICc "
                "stands for each set, and the Akaike weights of those with the feature are added up "
                "(Burnham & Anderson 2002, section 4.2.2): near 1 every model with support uses it, "
                "near 0 none does.",
                sets=support.sets,
            )
        )


def _scores(view: ModelView) -> None:
    shares = pd.DataFrame({"input": view.data.features, "share": view.curves.inputs})
    with st.expander(say("Importance by the edge scores of KAN 2.0")):
        widgets.table(
            shares.sort_values("share", ascending=False),
            "edge-scores",
            column_config={
                "input": say("input"),
                "share": st.column_config.ProgressColumn(
                    say("share of the edge scores"), format="percent", min_value=0.0, max_value=1.0
                ),
            },
        )
        st.caption(
            say(
                "How much the edges of an input change the nodes they lead to, followed through to "
                "the output (Liu et al. 2024, arXiv 2408.10205). These scores depend on the network "
                "only; permutation importance depends on the error."
            )
        )
