"""The Export page: one button for each download."""

from __future__ import annotations

import base64
from typing import Any

import streamlit as st

from kanlab.execution.final_check import AVERAGE
from kanlab.export.bundle import Bundle
from kanlab.language import active, marked, say
from kanlab.study.handle import StudyHandle
from kanlab.study.several_targets import together
from kanlab.targets import StudyGroup
from kanlab.text import short
from kanlab.ui import fitted_model, sharing, stage
from kanlab.ui.widgets import download, literal, sentences

_OTHERS = {
    "report.html": (
        marked("Report"),
        "text/html",
        ":material/article:",
        marked("One page with the reasons and the charts."),
    ),
    "model.json": (
        marked("Model"),
        "application/json",
        ":material/data_object:",
        marked("The model and the preparation of its data."),
    ),
    "predict.py": (
        marked("Program"),
        "text/x-python",
        ":material/code:",
        marked("Predicts with NumPy alone; needs model.json beside it."),
    ),
    "formula.py": (
        marked("Formula"),
        "text/x-python",
        ":material/function:",
        marked("An approximation of the network as a Python function."),
    ),
    "network.svg": (
        marked("Diagram"),
        "image/svg+xml",
        ":material/hub:",
        marked("The network with the curve on every edge."),
    ),
    "study.json": (
        marked("Study"),
        "application/json",
        ":material/list_alt:",
        marked("All numbers, as kanlab show --json prints them."),
    ),
    "trials.csv": (marked("Trials"), "text/csv", ":material/table_chart:", marked("One row per trial.")),
    "README.md": (
        marked("Model card"),
        "text/markdown",
        ":material/description:",
        marked("What the model is and how to predict with it."),
    ),
    "Dockerfile": ("Dockerfile", "text/plain", ":material/deployed_code:", marked("Serves the bundle in a container.")),
}
_PER_ROW = 4


_REPORT = marked(
    "**The report**: one page that needs nothing else, with the headline figures, the "
    "reasons, what the features do, the formula and the models compared."
)
_BUNDLE = marked(
    "**The bundle**: a zip file with everything on this page. Unpack it, and `python "
    "predict.py IN.csv OUT.csv` predicts new rows with NumPy alone."
)
_STORY = marked(
    "**The presentation**: the study in five large pictures, the last one to try the model. The file is shown by any "
    "browser and needs no network: arrow keys move."
)
_PREVIEW_HEIGHT = 460


def downloads(handle: StudyHandle, made: Bundle) -> None:
    """The report with a preview, the presentation, the bundle, and each of its other parts."""
    with st.container(border=True):
        st.markdown(say(_REPORT))
        _part(made, "report.html", type="primary")
        with st.expander(say("Preview"), expanded=True):
            # an address of its own content, so that the page in it has no part in this one
            packed = base64.b64encode(made.files["report.html"].encode()).decode()
            st.iframe(
                f"data:text/html;charset=utf-8;base64,{packed}",
                height=_PREVIEW_HEIGHT,
                alt=say("Preview of the report"),
            )
    presentation(handle, made.folder)
    with st.container(border=True):
        st.markdown(say(_BUNDLE))
        name, icon = f"{made.folder}.zip", ":material/folder_zip:"
        download(say("Download the bundle"), made.zipped, name, "application/zip", icon=icon, key="bundle")
    st.markdown(say("Or a single part of it:"))
    listed = [name for name in _OTHERS if name in made.files and name != "report.html"]
    for start in range(0, len(listed), _PER_ROW):
        for place, name in zip(st.columns(_PER_ROW, gap="small"), listed[start : start + _PER_ROW], strict=False):
            with place.container(border=True, height="stretch"):
                _part(made, name, width="stretch")
                st.caption(literal(say(_OTHERS[name][3])))


def presentation(handle: StudyHandle, folder: str) -> None:
    """The presentation, as a page and as a file. folder: the name of the study in files."""
    with st.container(border=True):
        st.markdown(say(_STORY))
        with st.container(horizontal=True):
            language = active()
            name, icon = f"{folder}-presentation.html", ":material/download:"
            make = lambda: stage.as_file(handle, language)  # noqa: E731
            download(say("Download as a file"), make, name, "text/html", icon=icon, key="presentation")
            sharing.present_button(handle)


def all_targets(handle: StudyHandle) -> None:
    """Of a study of several targets: one bundle of the recommended models of all."""
    handles = together(handle)
    if len(handles) < 2:
        return
    with st.container(border=True):
        names = say(", ").join(short(each.data.target) for each in handles)
        st.markdown(
            say(
                "**The bundle of all {count} targets** ({targets}): the recommended model of each, "
                "below one `predict.py` that adds the columns of all.",
                count=len(handles),
                targets=literal(names),
            )
        )
        if st.button(say("Pack it"), icon=":material/folder_zip:", key="pack-all"):
            with sentences(), st.spinner(say("Fitting the models again, as in the studies…")):
                st.session_state[_JOINT] = handle.uid, StudyGroup(handles).bundle()
        kept, made = st.session_state.get(_JOINT, ("", None))
        if made is not None and kept == handle.uid:
            download(say("Download it"), made.zipped, f"{made.folder}.zip", "application/zip", key="bundle-all")


_JOINT = "kanlab_joint_bundle"


def _part(made: Bundle, name: str, **options: Any) -> None:
    """The button that downloads a part."""
    label, mime, icon, _ = _OTHERS[name]
    saved = name if name in ("model.json", "predict.py") else f"{made.folder}-{name}"
    download(say(label), made.files[name].encode(), saved, mime, icon=icon, key=f"part-{name}", **options)


def elsewhere(name: str, which: fitted_model.Which, averaged: bool = False) -> None:
    """The same on the command line and in Python. averaged: whether the study has an average beside the model to read."""
    with st.expander(say("On the command line and in Python")):
        asked: tuple[str, int | str] | None
        if which is None or which == AVERAGE:
            asked = ("use", "read" if which is None else "predict") if averaged else None
        else:
            asked = ("family" if isinstance(which, str) else "trial", which)
        more = "" if asked is None else f" --{asked[0]} {asked[1]}"
        argument = "" if asked is None else f", {asked[0]}={asked[1]!r}"
        st.code(
            f"kanlab export {_quoted(name)}{more} -o bundle.zip\nkanlab predict bundle.zip NEW.csv -o OUT.csv",
            language="bash",
        )
        st.code(f'kanlab.open_study({name!r}).export("bundle.zip"{argument})', language="python")


def _quoted(name: str) -> str:
    """A name, quoted for a shell if necessary."""
    return (
        name
        if name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        else "'" + name.replace("'", "'\\''") + "'"
    )
