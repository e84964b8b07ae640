"""The networks of a study, fitted once more as the study fitted them, and remembered.

A study keeps the numbers of its networks, not the networks: the RSS of the new fit is held against the one that was recorded.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from kanlab.arrays import Array
from kanlab.execution.final_check import ReducedTrial, nested_below
from kanlab.execution.messages import NetworksTask, NetworkTask
from kanlab.execution.run_tasks import fit_all_in_worker, fit_in_worker
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle, versions_changed
from kanlab.study.spec import StudySpec
from kanlab.study.trials import CompletedTrial

SAME_RSS = 1e-4  # relative: what another machine's rounding may change
_REMEMBERED = 16  # fits: one table after another, and what explains them, are of few models


@lru_cache(_REMEMBERED)
def refitted(task: NetworkTask, dataset: Path) -> tuple[FittedKan, Array | None]:
    """`fit_in_worker`, remembered: the file is named by the hash of the data, and the fit follows from them and the task."""
    return fit_in_worker(task, dataset)


@lru_cache(_REMEMBERED)
def all_refitted(task: NetworksTask, dataset: Path) -> list[tuple[FittedKan, Array | None]]:
    """`fit_all_in_worker`, remembered likewise."""
    return fit_all_in_worker(task, dataset)


def why_changed(handle: StudyHandle) -> str:
    """Why a refit may differ."""
    return "; ".join(versions_changed(handle)) or say("a time limit or another processor can cause this")


def fitted_network(handle: StudyHandle, record: CompletedTrial) -> tuple[FittedKan, list[str]]:
    """The network of a trial on all features, and a warning where it is not the one of the study.

    Of features it does without the edges are 0.
    """
    network, _, notes = fitted_with_rows(handle, record, left_out=False)
    return network, notes


def fitted_with_rows(
    handle: StudyHandle, record: CompletedTrial, *, left_out: bool
) -> tuple[FittedKan, Array | None, list[str]]:
    """The same, and between them what it predicts of rows left out, where that is asked for."""
    if isinstance(record, ReducedTrial):
        ways = [record.below]
    else:
        below = nested_below(handle, record.cell, handle.failed())
        ways = [below, ()] if below else [()]
    network = None
    for below in ways:
        task = network_task(handle.spec, record, below, left_out=left_out)
        network, rows = refitted(task, local_data(handle.optuna, handle.data.sha256))
        if np.isclose(network.rss_train, record.rss_train, rtol=SAME_RSS):
            return network, rows, []
    assert network is not None
    another = say(
        "The refit of trial {number} has an RSS (residual sum of squares) of {rss:.6g}; in the study it was "
        "{before:.6g} ({changed}).",
        number=record.number,
        rss=network.rss_train,
        before=record.rss_train,
        changed=why_changed(handle),
    )
    return network, rows, [another]


def network_task(
    spec: StudySpec, record: CompletedTrial, below: tuple[int, ...], *, left_out: bool = False
) -> NetworkTask:
    """What fits the network of a trial as its study did. below, left_out: as of NetworkTask."""
    return NetworkTask(
        cell=record.cell,
        engine=spec.engine,
        options=spec.options,
        seed=spec.seed,
        below=below,
        columns=record.key.columns,
        gone=record.key.gone,
        left_out=left_out,
    )
