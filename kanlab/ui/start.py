"""Starting a study: made, owned by this browser, queued, and shown on the Live page."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.execution.dask_cluster import cluster_workers
from kanlab.execution.manager import manager
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from kanlab.ui import cluster, identity, session
from kanlab.ui.navigation import LIVE
from kanlab.ui.widgets import sentences


def start_study(data: Dataset, spec: StudySpec, name: str | None = None) -> NoReturn:
    """Start it and open it; an error is shown, and ends the page. name: by default after the data."""
    with sentences():
        dask = cluster.place()
        cluster_workers(dask)  # before a study is made that could not run
        spec = spec if dask is None else replace(spec, workers=None)  # all the cluster has
        handle = create_study(data, spec, name=name or None)
        identity.take(handle)
        manager().start(handle, dask)
    session.set_study_name(handle.name)
    st.switch_page(LIVE, query_params={"study": handle.name})
