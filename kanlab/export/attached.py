"""The bundle, the report and the diagram of a model beside its study, as Optuna's artifacts: optuna-dashboard offers them."""

from __future__ import annotations

from kanlab.export.bundle import Bundle
from kanlab.study.artifacts import attach
from kanlab.study.handle import StudyHandle

_PARTS = {"report.html": "text/html", "network.svg": "image/svg+xml"}


def attach_bundle(handle: StudyHandle, bundle: Bundle) -> list[str]:
    """Keep a bundle, and by themselves its report and the diagram of a network, with the study, in place of those before.

    Gives the names under which they are there.
    """
    files = {"bundle.zip": ("application/zip", bundle.zipped())}
    files |= {n: (kind, bundle.files[n].encode()) for n, kind in _PARTS.items() if n in bundle.files}
    for name, (mimetype, content) in files.items():
        attach(handle.optuna, handle.uid, name, mimetype, content)
    return list(files)
