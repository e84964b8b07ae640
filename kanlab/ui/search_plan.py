"""Before the start: which cells can be judged, and how long they will take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from kanlab.charts import cells as cell_charts
from kanlab.data.dataset import Dataset
from kanlab.execution import cost_model
from kanlab.execution.starts_budget import filled, workers_of
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.spec import StudySpec

FEW_ROWS = 3.0


def preflight(
    space: SearchSpace,
    admissible: Sequence[Cell],
    data: Dataset,
    n_params: Callable[[Cell], int],
    seconds: Callable[[Cell], float] | None = None,
) -> None:
    """The map of the space and the sentence of how much of it the rows can carry. seconds: of one fit, where known."""
    cells, judged = space.cells, set(admissible)
    words = f"Of **{len(cells)}** cells, **{len(admissible)}** can be judged with your {data.n:,} training rows."
    if len(admissible) < len(cells):
        words += f" {len(cells) - len(admissible)} are never trained: AICc is not defined there."
    st.markdown(words)

    def verdict(cell: Cell) -> str:
        if cell not in judged:
            return "inadmissible"
        return "few rows" if data.n / n_params(cell) < FEW_ROWS else "judged"

    table = pd.DataFrame(
        [
            space.params(cell)
            | {"n_params": n_params(cell), "rows": data.n / n_params(cell), "verdict": verdict(cell)}
            | ({"seconds": seconds(cell)} if seconds else {})
            for cell in cells
        ]
    )
    st.altair_chart(cell_charts.admissible_map(table, data.n), key="map", width="content")
    if admissible:
        few = int((table["verdict"] == "few rows").sum())
        st.caption(
            f"K runs from {n_params(admissible[0]):,} to {n_params(admissible[-1]):,}. Hatched: inadmissible, AICc is not "
            f"defined there. Pale orange: fewer than {FEW_ROWS:g} training rows a parameter ({few} cells), to be trusted less."
        )


class _Calibration:
    """A measurement in the background; `scale` is None until it is there, and stays so where it failed."""

    def __init__(self, data: Dataset, spec: StudySpec) -> None:
        self.scale: float | None = None
        self._thread = threading.Thread(target=self._measure, args=(data, spec), daemon=True, name="kanlab-calibration")
        self._thread.start()

    def _measure(self, data: Dataset, spec: StudySpec) -> None:
        self.scale = cost_model.calibrate(data, spec)

    def wait(self) -> None:
        """Until it is there, or has failed."""
        self._thread.join(30)

    def is_running(self) -> bool:
        return self._thread.is_alive()


@st.cache_resource(max_entries=64)
def _calibration(sha256: str, engine: str, smoothing: float, _data: Dataset, _spec: StudySpec) -> _Calibration:
    return _Calibration(_data, _spec)


def _calibration_of(data: Dataset, spec: StudySpec) -> _Calibration:
    return _calibration(data.sha256, spec.engine, spec.options.smoothing, data, spec)


def cell_seconds(data: Dataset, spec: StudySpec) -> Callable[[Cell], float] | None:
    """Seconds of one fit by its cell; None until a few have been timed on this machine."""
    scale = _calibration_of(data, spec).scale
    if scale is None:
        return None
    spec = filled(data, spec, scale) if spec.starts_fill else spec
    return lambda cell: scale * cost_model.cost(cell, data.n, data.d, spec.engine, spec.options.starts)


def settled(data: Dataset, spec: StudySpec) -> StudySpec:
    """The specification with the starts that fill its minutes, where it asks for that; waits until cells have been timed.

    Raises StudyError where they cannot be.
    """
    if not spec.starts_fill:
        return spec
    calibration = _calibration_of(data, spec)
    calibration.wait()
    return filled(data, spec, calibration.scale)


def predicted_time(data: Dataset, spec: StudySpec) -> None:
    """How long the study will take, once a few cells have been timed on this machine. Last on its page: it waits."""
    calibration = _calibration_of(data, spec)
    place = st.empty()
    if calibration.is_running():
        place.caption("Timing a few cells on this machine…")
        calibration.wait()
        if calibration.scale is not None:
            st.rerun()  # the map tells the seconds of each cell
    if calibration.scale is None:
        place.caption("How long it will take is not known.")
        return
    spec, workers = settled(data, spec), workers_of(spec)
    total = cost_model.study_seconds(spec, data.n, data.d, calibration.scale, workers)
    if spec.minutes is not None:
        total = min(total, 60 * spec.minutes)
    plural = "s" * (workers > 1)
    starts = f", {spec.starts_words}" * bool(spec.starts_words)
    place.caption(
        f"About **{cost_model.words(total)}** on {workers} worker{plural}{starts}, by timing a few cells on this machine."
    )
