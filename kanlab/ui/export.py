"""The Export page: one button for each thing to take away."""

from __future__ import annotations

import streamlit as st

from kanlab.export.bundle import Bundle
from kanlab.ui.widgets import literal

_OTHERS = {
    "report.html": ("Report", "text/html", ":material/article:", "One page with the reasons and the pictures."),
    "model.json": ("Model", "application/json", ":material/data_object:", "The model and the recipe of its data."),
    "predict.py": ("Program", "text/x-python", ":material/code:", "Predicts with NumPy alone; lies beside model.json."),
    "formula.py": ("Formula", "text/x-python", ":material/function:", "An approximation of the network as a Python function."),
    "network.svg": ("Diagram", "image/svg+xml", ":material/hub:", "The network with the curve of every edge."),
    "study.json": ("Study", "application/json", ":material/list_alt:", "As kanlab show --json prints it."),
    "trials.csv": ("Trials", "text/csv", ":material/table_chart:", "One row a trial."),
    "README.md": ("Read me", "text/markdown", ":material/description:", "What the bundle is and how to predict with it."),
}  # fmt: skip
_PER_ROW = 4


def downloads(made: Bundle) -> None:
    """The bundle, and each of its parts."""
    with st.container(border=True):
        st.markdown(
            "**The bundle** unpacks to a folder that predicts: `python predict.py IN.csv OUT.csv`, with NumPy alone. It holds "
            "everything below."
        )
        st.download_button(
            "Download the bundle",
            made.zipped,
            f"{made.folder}.zip",
            "application/zip",
            type="primary",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="bundle",
        )
    st.markdown("Or one part of it:")
    listed = [name for name in _OTHERS if name in made.files]
    for start in range(0, len(listed), _PER_ROW):
        for place, name in zip(st.columns(_PER_ROW, gap="small"), listed[start : start + _PER_ROW], strict=False):
            label, kind, icon, words = _OTHERS[name]
            with place.container(border=True, height="stretch"):
                st.download_button(
                    label,
                    made.files[name].encode(),
                    name if name in ("model.json", "predict.py") else f"{made.folder}-{name}",
                    kind,
                    icon=icon,
                    on_click="ignore",
                    key=f"part-{name}",
                    width="stretch",
                )
                st.caption(literal(words))


def elsewhere(name: str, trial: int | None) -> None:
    """The same from the command line and from Python."""
    with st.expander("From the command line and from Python", icon=":material/terminal:"):
        more = "" if trial is None else f" --trial {trial}"
        argument = "" if trial is None else f", trial={trial}"
        st.code(
            f"kanlab export {_quoted(name)}{more} -o bundle.zip\nkanlab predict bundle.zip NEW.csv -o OUT.csv",
            language="bash",
        )
        st.code(f'kanlab.open_study({name!r}).export("bundle.zip"{argument})', language="python")


def _quoted(name: str) -> str:
    """A name as a shell takes it."""
    return (
        name
        if name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        else "'" + name.replace("'", "'\\''") + "'"
    )
