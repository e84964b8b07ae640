"""Starting a study: made, owned by this browser, queued, and shown on the Live page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.execution.dask_cluster import cluster_workers
from kanlab.execution.manager import manager
from kanlab.language import use
from kanlab.study.several_targets import create_studies
from kanlab.study.spec import StudySpec
from kanlab.ui import cluster, identity, session
from kanlab.ui.navigation import LIVE
from kanlab.ui.widgets import sentences


def start_study(data: Dataset, spec: StudySpec, name: str | None = None) -> NoReturn:
    """Start it and open it; an error is shown, and ends the page. name: by default after the data."""
    start_studies([data], [spec], name)


def start_studies(datasets: Sequence[Dataset], specs: Sequence[StudySpec], name: str | None = None) -> NoReturn:
    """Start a study for each of several targets and open the first; as `start_study`."""
    with sentences():
        dask = cluster.place()
        cluster_workers(dask)  # before a study is made that could not run
        if dask is not None:
            specs = [replace(spec, workers=None) for spec in specs]  # all the cluster has
        take, jobs = identity.taker(), manager()
        # English, in which studies are kept. Nothing in here looks at the session, where Streamlit ends the run of a reader
        # who reloads or clicks again: a study would stand made and never begin.
        with use("en"):
            for handle in (handles := create_studies(datasets, specs, name=name or None)):
                take(handle)
                jobs.start(handle, dask)
    session.set_study_name(handles[0].name)
    st.switch_page(LIVE, query_params={"study": handles[0].name})
