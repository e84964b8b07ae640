"""The Model page: which features interact, whether that is more than chance, and the strongest pairs as heat maps."""

from __future__ import annotations

import time

import streamlit as st

from kanlab.charts.interactions import heat_map
from kanlab.explain import interactions as found_in
from kanlab.explain.interactions import Interactions
from kanlab.explain.predictor import Predictor
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.product_hint import product_hint
from kanlab.study.handle import StudyHandle
from kanlab.text import short
from kanlab.ui import drawing, identity, search_ranges, widgets
from kanlab.ui.choose import open_search
from kanlab.ui.model import ModelView
from kanlab.ui.widgets import literal

POLL_SECONDS = 1.0
_SILENT = 60.0  # seconds after which a test that says nothing is over
_SHOWN = 10  # pairs
_H_HELP = marked(
    "Friedman's H (Friedman & Popescu 2008): 0 where the effects of the two features add "
    "up, 1 where neither has an effect of its own."
)
_P_HELP = marked(
    "The share of networks fitted to targets without interactions that have a pair as "
    "unusual as this one, all pairs taken together."
)


def interactions(view: ModelView, handle: StudyHandle) -> None:
    """The sentence, the test, the pairs, and the heat map of one."""
    kept = found_in.read_test(handle, view.model)
    stamp = (kept or {}).get("written", 0.0) if (kept or {}).get("state") == "done" else 0.0
    with st.spinner(say("Comparing the features two by two…")):
        found: Interactions = view.once(
            "interactions", lambda: found_in.interactions(handle, view.model, view.data), stamp
        )
    st.markdown(literal(found.sentence))
    if not found.pairs:
        return
    _test(view, handle, found, _is_live(kept))
    _hint(handle, found)
    table = found.table.head(_SHOWN)
    config = {
        "first": say("first"),
        "second": say("second"),
        "H": st.column_config.NumberColumn("H", format="%.3f", help=say(_H_HELP)),
        "strength": st.column_config.NumberColumn(
            say("strength"),
            format="%.4g",
            help=say("What the pair adds beyond the sum of both, root mean square, as {scale}.", scale=found.scale),
        ),
        "share": st.column_config.NumberColumn(
            say("of the spread"),
            format="percent",
            help=say("The strength over the standard deviation of the predictions."),
        ),
        "p": st.column_config.NumberColumn("p", format="%.2f", help=say(_P_HELP)),
    }
    widgets.table(table, "interactions", column_config=config)
    if len(found.pairs) > _SHOWN:
        st.caption(
            say(
                "The {shown} strongest of {pairs} pairs of the {features} features looked at.",
                shown=_SHOWN,
                pairs=len(found.pairs),
                features=len(found.features),
            )
        )
    chosen = st.selectbox(
        say("Pair"),
        range(min(len(found.pairs), _SHOWN)),
        key="interaction-pair",
        persist_state="page",
        format_func=lambda i: say(
            "{first} and {second}", first=short(found.pairs[i].first, 40), second=short(found.pairs[i].second, 40)
        ),
    )
    pair = found.pairs[chosen]
    output = 0
    if view.data.outputs > 1:
        levels = view.data.levels
        output = st.selectbox(
            say("Log-odds of"),
            range(len(levels)),
            format_func=lambda i: short(levels[i]),
            key="interaction-class",
            persist_state="page",
        )
    surface = view.once(
        "surface",
        lambda: found_in.surface(view.model.fitted, view.data, pair.first, pair.second, output),
        pair.key,
        output,
    )
    drawing.chart(heat_map(surface, drawing.look()), "interaction-map")
    st.caption(
        say(
            "The mean prediction over training rows when both features are set. Where the "
            "features go together, some of these combinations do not occur. If the effects add "
            "up, all rows of the map change alike from left to right."
        )
    )


def _hint(handle: StudyHandle, found: Interactions) -> None:
    """Where a pair interacts strongly and no node could multiply: the search in which one may, by a click."""
    hint = product_hint(handle.spec, found.tested_pair)
    if hint is None:
        return
    sentence, space = hint
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(literal(sentence), icon=":material/lightbulb:")
        label, more = search_ranges.with_products_words()
        if identity.controls(handle) and st.button(label, key="search-products", help=more):
            open_search(handle, space)


def _is_live(kept: dict[str, object] | None) -> bool:
    written = (kept or {}).get("written", 0.0)
    return bool(kept) and (kept or {}).get("state") == "running" and time.time() - float(str(written)) < _SILENT


def _test(view: ModelView, handle: StudyHandle, found: Interactions, was_live: bool) -> None:
    """Start the test, for the owner of the study; watch it, for everybody."""
    if found.nulls or not found_in.can_be_tested(handle, view.model):
        return

    @st.fragment(run_every=POLL_SECONDS if was_live else None)
    def bar() -> None:
        kept = found_in.read_test(handle, view.model)
        live = _is_live(kept)
        if live != was_live:
            st.rerun()
        if live and kept is not None:
            done, total = kept["done"], kept["total"]
            st.progress(
                done / max(1, total),
                say("Fitting networks without interactions: {done} of {total}", done=done, total=total),
            )
        elif identity.controls(handle):
            st.button(
                say("Test against chance"),
                icon=":material/casino:",
                key="test-interactions",
                help=say(
                    "Fits {nulls} networks of the same size to targets without interactions; {time}.",
                    nulls=found_in.NULLS,
                    time=found_in.seconds_a_null(handle),
                ),
                on_click=_start,
                args=(handle, view.model),
            )
            if kept is not None and kept["state"] == "failed":
                st.caption(literal(say("The test failed: {reason}", reason=retold(kept["detail"]))))

    bar()


def _start(handle: StudyHandle, model: Predictor) -> None:
    found_in.start_test(handle, model)
