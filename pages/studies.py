"""Studies: every study of this storage; open, control and manage them."""

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.errors import StudyError
from kanlab.execution.doctor import in_bytes
from kanlab.execution.manage import data_size, note
from kanlab.execution.manager import manager
from kanlab.study.access import is_owned
from kanlab.study.handle import load_study, study_names
from kanlab.study.optuna_adapter import trial_sizes
from kanlab.study.storage import get_storage
from kanlab.ui import identity, manage, session
from kanlab.ui.navigation import DATA, LIVE
from kanlab.ui.widgets import go_first_to, heading, literal, sentences, table

heading("Studies", "Every study in this storage. Choose a row to open, resume or change a study.")
with sentences():
    names = study_names(get_storage())
    sizes_by_id = trial_sizes(get_storage())
    studies = []
    for name in names:
        try:
            studies.append(Study(load_study(name)))
        except StudyError as error:  # of another version: the rest can be listed
            st.warning(f"{literal(name)}: {literal(str(error))}")
if not studies:
    go_first_to(DATA, "There is no study yet.", "Choose data for the first one")


def row(study: Study) -> dict[str, object]:
    handle, records, best, current = study.handle, study.handle.records(), study.best, study.state
    attributes = handle.optuna.user_attrs
    whose = ("you" if identity.controls(handle) else "someone else") if is_owned(attributes) else "everybody"
    return {
        "study": study.name,
        "state": current.name,
        "detail": current.detail,
        "data": handle.data.name,
        "target": handle.data.fitted_target,
        "n": handle.data.n_train,
        "trials": sum(r.state != "running" for r in records),
        "lowest AICc": best.aicc if best else None,
        "engine": study.spec.engine,
        "starts": study.spec.options.starts,
        "minutes": current.elapsed / 60,
        "owner": whose,
        "size": in_bytes(sizes_by_id.get(handle.id, 0) + data_size(handle)),
        "note": note(handle),
    }


with sentences():
    rows = [row(study) for study in studies]
event = table(
    pd.DataFrame(rows),
    "studies",
    on_select="rerun",
    selection_mode="single-row",
    column_config={
        "detail": st.column_config.TextColumn(width="medium", help="More about the state of the study."),
        "n": st.column_config.NumberColumn("training rows"),
        "lowest AICc": st.column_config.NumberColumn(
            format="%.2f",
            help="AICc weighs the fit of a model against its number of parameters; lower is better. Compare it only between "
            "studies of the same rows and the same target: the AICc of y and of log(y) are not comparable.",
        ),
        "starts": st.column_config.NumberColumn(
            help="Initial networks per configuration, of which the best fit counts. A dash: the engine's own number."
        ),
        "minutes": st.column_config.NumberColumn(format="%.1f"),
        "owner": st.column_config.TextColumn(help="Everybody can view a study; only its owner can control it."),
        "size": st.column_config.TextColumn(help="Trials and data. Studies of the same data share one copy of it."),
    },
)
chosen = event["selection"]["rows"]
study = studies[chosen[0]] if chosen else None
with st.container(horizontal=True, vertical_alignment="center"):
    if st.button("Open", type="primary", disabled=study is None, icon=":material/monitoring:") and study:
        session.set_study_name(study.name)
        st.switch_page(LIVE, query_params={"study": study.name})
    if study is not None:
        with sentences():
            manage.steering_buttons(study.handle, study.state, manager())
            manage.menu(study.handle)
