"""The Search page: which configurations are admissible, and how long the study will take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from kanlab.charts import cells as cell_charts
from kanlab.data.dataset import Dataset
from kanlab.execution import cost_model
from kanlab.execution.starts_budget import filled, workers_of
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import marked, say
from kanlab.study.spec import StudySpec
from kanlab.text import counted
from kanlab.ui import cluster, drawing, search_ranges
from kanlab.ui.widgets import sentences

FEW_ROWS = 3.0
_SENT = 0.025  # seconds; Streamlit sends what has been drawn every 0.01


def networks_in_ranges(data: Dataset, networks_of: Callable[[SearchSpace], StudySpec]) -> StudySpec:
    """The sliders of the space and how much of it is admissible; returns what they say. networks_of: of a space.

    Whoever moves a slider sees the count at once: only this part is drawn anew, and then asks for the whole page.
    """
    shown: list[StudySpec] = []

    @st.fragment
    @sentences()
    def draw() -> None:
        place_of_note = st.container()
        space = search_ranges.ranges()
        with place_of_note:
            search_ranges.widened(space)
        networks = networks_of(space)
        how_many(space, networks.admissible(data.n, data.d), data, after_fit=networks.after_fit)
        if shown and shown[0] != networks:
            time.sleep(_SENT)  # a run of the whole page discards what this one has not sent yet
            st.rerun()
        shown[:] = [networks]

    draw()
    return shown[0]


def how_many(space: SearchSpace, admissible: Sequence[Cell], data: Dataset, *, after_fit: bool) -> None:
    """How much of the space is admissible with these rows, or may be. after_fit: as of StudySpec."""
    words = (
        marked("Of **{cells}** configurations, **{admissible}** may be admissible with your {n:,} training rows.")
        if after_fit
        else marked("Of **{cells}** configurations, **{admissible}** are admissible with your {n:,} training rows.")
    )
    sentence = say(words, cells=len(space.cells), admissible=len(admissible), n=data.n)
    if after_fit:
        sentence += say(" Which of them are is known after their fits.")
    if len(admissible) < len(space.cells):
        sentence += say(" The others have too many parameters for so few rows, and are never trained.")
    st.markdown(sentence)


def admissible_map(
    space: SearchSpace,
    admissible: Sequence[Cell],
    data: Dataset,
    n_params: Callable[[Cell], int],
    seconds: Callable[[Cell], float] | None = None,
    by_spent: bool = False,
) -> None:
    """The map of the space, and how many parameters its networks have. seconds: of one fit, if known.  by_spent: whether
    networks are ranked by their effective K, which the map cannot know.
    """
    fitted, parameters = set(admissible), {cell: n_params(cell) for cell in space.cells}

    def status(cell: Cell) -> str:
        if cell not in fitted:
            return "inadmissible"
        return "few rows" if data.n / parameters[cell] < FEW_ROWS else "admissible"

    table = pd.DataFrame(
        [
            space.params(cell)
            | {"n_params": K, "rows": data.n / K, "status": status(cell)}
            | ({"seconds": seconds(cell)} if seconds else {})
            for cell, K in parameters.items()
        ]
    )
    look = drawing.look()
    stamp = drawing.content_of(table), data.n
    drawing.drawn_once(
        lambda: cell_charts.admissible_map(table, data.n, look), "map", stamp, selects=False, width="content"
    )
    if admissible:
        few = int((table["status"] == "few rows").sum())
        st.caption(
            say(
                "K, the number of parameters, ranges from {lowest:,} to {highest:,}. {few} of "
                "the configurations have fewer than {few_rows:g} training rows per parameter; trust "
                "them less.",
                lowest=parameters[admissible[0]],
                highest=parameters[admissible[-1]],
                few=few,
                few_rows=FEW_ROWS,
            )
            + say(" This K counts the parameters that the data can determine; effective K is known after a fit.")
            * by_spent
        )


class _Timing:
    """Times a few fits in the background; `scale` is None until it is done, and stays None if it fails."""

    def __init__(self, data: Dataset, spec: StudySpec) -> None:
        self.scale: float | None = None
        self._thread = threading.Thread(target=self._measure, args=(data, spec), daemon=True, name="kanlab-timing")
        self._thread.start()

    def _measure(self, data: Dataset, spec: StudySpec) -> None:
        self.scale = cost_model.calibrate(data, spec)

    def wait(self) -> None:
        """Until it is done or has failed."""
        self._thread.join(30)

    def is_running(self) -> bool:
        return self._thread.is_alive()


@st.cache_resource(max_entries=64)
def _timing(sha256: str, engine: str, smoothing: float, shape: str, _data: Dataset, _spec: StudySpec) -> _Timing:
    return _Timing(_data, _spec)


def _timing_of(data: Dataset, spec: StudySpec) -> _Timing:
    return _timing(data.sha256, spec.engine, spec.options.smoothing, spec.options.shape.to_json(), data, spec)


def fit_seconds(data: Dataset, spec: StudySpec) -> Callable[[Cell], float] | None:
    """Seconds of one fit by its cell; None until a few fits have been timed on this machine."""
    scale = _timing_of(data, spec).scale
    if scale is None:
        return None
    spec = filled(data, spec, scale, cluster.workers()) if spec.starts_fill else spec
    return lambda cell: scale * cost_model.cost(cell, data.n, data.d, spec.engine, spec.options.starts)


def settled(data: Dataset, spec: StudySpec) -> StudySpec:
    """The specification with the starts that fill its minutes, if it asks for that; waits until a few fits are timed.

    Raises StudyError if they cannot be timed.
    """
    if not spec.starts_fill:
        return spec
    timing = _timing_of(data, spec)
    timing.wait()
    return filled(data, spec, timing.scale, cluster.workers())


def predicted_time(data: Dataset, spec: StudySpec) -> None:
    """How long the study will take, once a few fits are timed on this machine. It waits, so it comes last on its page."""
    timing = _timing_of(data, spec)
    place = st.empty()
    if timing.is_running():
        place.caption(say("Timing a few fits on this machine…"))
        timing.wait()
        if timing.scale is not None:
            st.rerun()  # the tooltips of the map show the seconds of each fit
    if timing.scale is None:
        place.caption(say("The study's duration cannot be predicted: timing a few fits on this machine failed."))
        return
    spec, workers = settled(data, spec), workers_of(spec, cluster.workers())
    total = cost_model.study_seconds(spec, data.n, data.d, timing.scale, workers)
    if spec.minutes is not None:
        total = min(total, 60 * spec.minutes)
    duration, by = cost_model.duration_text(total), counted(workers, "worker")
    place.caption(
        say(
            "This takes about **{duration}** with {workers}, {starts}. A few fits were timed on "
            "this machine for this estimate.",
            duration=duration,
            workers=by,
            starts=spec.starts_words,
        )
        if spec.starts_words
        else say(
            "This takes about **{duration}** with {workers}. A few fits were timed on this machine for this estimate.",
            duration=duration,
            workers=by,
        )
    )
