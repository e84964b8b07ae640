"""The Choose page: the map of AICc, the Pareto front, hyperparameters, permutation test, other studies of the same data."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from kanlab.charts import cells, evidence, trials
from kanlab.charts.encoding import NAMES
from kanlab.charts.thinning import thinned
from kanlab.engines.catalogue import ENGINES
from kanlab.language import say
from kanlab.selection.candidates import Candidate, cell_words
from kanlab.selection.measures import MEASURES
from kanlab.selection.parameter_importance import importances
from kanlab.selection.ranking import trial_table
from kanlab.selection.validation import Validation, p_words
from kanlab.study.handle import StudyHandle, load_study, study_names
from kanlab.study.storage import get_storage
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.ui import columns, drawing, session, shared, widgets
from kanlab.ui.widgets import AICC_HELP


def no_network() -> None:
    """In the place of what is drawn of networks."""
    st.info(say("There is no network in this study."), icon=":material/info:")


def hyperparameters(records: Sequence[TrialRecord], handle: StudyHandle) -> None:
    """How important each hyperparameter is, and how AICc varies with it."""
    table, fewer = thinned(trial_table(records), session.selected_trial())
    shares = importances(handle)
    if not shares:
        st.caption(
            say("The importance of the hyperparameters is unknown: too few trials are complete, or they do not differ.")
        )
    else:
        frame = pd.DataFrame({"parameter": [say(NAMES[name]) for name in shares], "share": list(shares.values())})
        drawing.chart(evidence.importance(frame, drawing.look()), "importance")
        st.caption(
            say(
                "Importance by PED-ANOVA (Watanabe et al. 2023): how well each hyperparameter "
                "separates good trials from the rest."
            )
        )
    look = drawing.look()
    drawing.chart_once(lambda: cells.slices(table, look), "slices", table, width="content")
    st.caption(fewer)


def compare(handle: StudyHandle) -> None:
    """Other studies of the same rows and target, on any scale of the target."""
    rows, scales = [], set()
    measure = MEASURES[handle.data.task]
    error = f"{measure.error} test"
    for name in study_names(get_storage(handle.storage_url)):
        other = load_study(name, storage_url=handle.storage_url)
        if not _same_rows(other, handle):
            continue
        best = best_trial(other.records())
        scales.add(other.data.fitted_target)
        offset = other.data.aicc_offset
        rows.append(
            {
                "study": name,
                "target": other.data.fitted_target,
                "engine": say(ENGINES[other.spec.engine].label),
                "count": say(shared.RULES[other.spec.count]),
                "noise variance": say("counted") if other.spec.count_sigma2 else say("not counted"),
                "lowest AICc": best.aicc if best else None,
                "AICc of the target": None if best is None or offset is None else best.aicc + offset,
                "network": cell_words(best.cell) if best else None,
                error: best.error_test if best else None,
            }
        )
    if len(rows) == 1:
        st.info(
            say(
                "No other study has these rows and this target. Start one with other ranges, another "
                "counting rule or another engine, and it is compared here."
            ),
            icon=":material/info:",
        )
        return
    frame = pd.DataFrame(rows)
    widgets.table(
        frame if len(scales) > 1 else frame.drop(columns=["target", "AICc of the target"]),
        "compare",
        column_config={
            "study": say("study"),
            "target": say("target"),
            "engine": say("engine"),
            "noise variance": say("noise variance"),
            "network": say("network"),
            "lowest AICc": st.column_config.NumberColumn(say("lowest AICc"), format="%.2f", help=say(AICC_HELP)),
            "AICc of the target": st.column_config.NumberColumn(
                say("AICc of the target"),
                format="%.2f",
                help=say(
                    "AICc for the target itself. Its logarithm has another density, which shifts AICc. "
                    "For ranks there is no such number."
                ),
            ),
            error: columns.number(
                say("{error} test", error=say(measure.error)),
                frame[error],
                say("In the target's own units, on every scale.") if measure.error == "RMSE" else "",
            ),
            "count": st.column_config.TextColumn(say("counting rule"), help=say("What counts as a parameter, K.")),
        },
    )
    sentence = say(
        "These studies have the same rows and target. The test error is always comparable, "
        "AICc only if the counting rule is the same."
    )
    if len(scales) > 1:
        sentence += say(
            " AICc values on different scales of the target are not comparable; compare 'AICc of the target' instead."
        )
    st.caption(sentence)


def _same_rows(other: StudyHandle, handle: StudyHandle) -> bool:
    """Whether two studies have the same data, apart from the scale of the target."""

    def kept(study: StudyHandle) -> tuple[object, ...]:
        data, spec = study.data, study.spec
        return data.name, data.target, data.rows, data.n_train, data.n_test, spec.seed, spec.test_fraction

    if other.data.sha256 == handle.data.sha256:
        return True
    return other.data.fitted_target != handle.data.fitted_target and kept(other) == kept(handle)


def permutation_test(validation: Validation | None) -> None:
    """This target against shuffled ones."""
    if validation is None or not validation.null:
        st.info(say("Validate the finalists to run the permutation test."), icon=":material/balance:")
        return
    permuted = validation.null.get("permuted", [])
    if not permuted:
        return
    drawing.chart(evidence.permutation_gains(validation.null["gain"], permuted, drawing.look()), "null")
    st.caption(
        say(
            "The same configurations were fitted to this target and to {permuted} shuffled "
            "copies of it: {result}. The p-value is the share of these targets, this one "
            "included, with an AICc gain at least as large; a small one means that the features "
            "do predict the target.",
            permuted=len(permuted),
            result=p_words(validation),
        )
    )


def map_and_pareto_front(records: Sequence[TrialRecord], handle: StudyHandle, choice: Candidate | None) -> None:
    """The map of AICc over all trials, and the Pareto front of the points to draw. choice: the recommended model."""
    table = trial_table(records)
    points, fewer = thinned(table, session.selected_trial())
    look, picked = drawing.look(), session.selected_trial()
    target, mark = handle.data.fitted_target, columns.recommended(choice)
    drawing.chart_once(
        lambda: cells.aicc_map(table, picked, look, mark), "aicc-map", table, picked, mark, width="content"
    )
    st.caption(say("Configurations without colour were not fitted, failed, or are inadmissible."))
    drawing.drawn_once(
        lambda: trials.pareto_front(points, handle.baselines, picked, target, look, recommended=mark),
        "choose-front",
        (handle.uid, drawing.content_of(points), picked, mark),
    )
    st.caption(fewer)
