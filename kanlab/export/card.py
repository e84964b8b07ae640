"""What makes the README of a bundle a model card as Hugging Face reads it, and the Dockerfile that serves the bundle.

The front matter follows https://huggingface.co/docs/hub/model-cards. Its values are JSON, which is YAML, so that no name can
become more than a text.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kanlab.export.exported import Exported
from kanlab.language import say

_LOCAL = "http://127.0.0.1:8600"
_TYPES = {
    "rmse_test": "rmse",
    "log_loss_test": "log_loss",
    "accuracy_test": "accuracy",
    "mean_deviance_test": "mean_poisson_deviance",
    "d2_test": "d2",
}


def front_matter(exported: Exported) -> list[str]:
    """The lines of the front matter: tags, and the errors on the test rows as a model index."""
    handle = exported.handle
    task = "tabular-classification" if handle.data.levels else "tabular-regression"
    scores = exported.candidate.scores.to_dict() if exported.candidate else {}
    metrics = [
        {"type": _TYPES[name], "name": words, "value": scores[name]}
        for words, name in exported.errors.items()
        if name in _TYPES and scores.get(name) is not None
    ]
    content: dict[str, Any] = {
        "library_name": "kanlab",
        "pipeline_tag": task,
        "tags": ["kanlab", "tabular", "kolmogorov-arnold-network", task],
    }
    if metrics:
        result = {
            "task": {"type": task},
            "dataset": {"type": "tabular", "name": handle.data.name, "split": "test"},
            "metrics": metrics,
        }
        content["model-index"] = [{"name": handle.name, "results": [result]}]
    return ["---", *(f"{name}: {json.dumps(value)}" for name, value in content.items()), "---", ""]


def uses(exported: Exported) -> list[str]:
    """What the model is for, and what it is not."""
    data = exported.handle.data
    return [
        say("## Uses and limits"),
        "",
        say(
            "- It predicts rows like those it was fitted to, from the columns listed here. Rows "
            "that are not like them are marked: trust their predictions less."
        ),
        say(
            "- It says what goes together in these rows. It does not say what would happen if "
            "somebody changed a column."
        ),
        say(
            "- It was fitted to {n_train:,} rows and looked at on {n_test:,} others of the same "
            "table. Of other places, times and people nothing is known until it is tested there.",
            n_train=data.n_train,
            n_test=data.n_test,
        ),
        say(
            "- Nobody has looked at whether its errors fall on some groups more than on others; the table decides that."
        ),
    ]


def serving() -> list[str]:
    """How to serve the bundle."""
    return [
        say("## Serve"),
        "",
        f"    kanlab serve BUNDLE.zip                        # {say('a page and a JSON route on {address}', address=_LOCAL)}",
        "    docker build -t model . && docker run -p 127.0.0.1:8600:8600 model",
        "",
        say(
            "`kanlab export BUNDLE.zip --to model.onnx` (`.sql`, `.xlsx`, `.js`, `.c`) writes "
            "the model for other programs."
        ),
    ]


def _version() -> str:
    try:
        return version("kanlab")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0.1.0"


def dockerfile() -> str:
    """The Dockerfile of a bundle: `kanlab serve` without rights, with a health check."""
    health = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8600/health', timeout=4)"
    return f"""# Serves this model: a page, and a JSON route for programs.
#
#     docker build -t model .
#     docker run -p 127.0.0.1:8600:8600 model
#
# kanlab comes from the package index, or as a wheel beside this file: --build-arg KANLAB=/model/NAME.whl
# To be reached by another name than localhost, say it: docker run -e KANLAB_HOSTS=models.example.org ...

FROM python:3.12-slim
ARG KANLAB="kanlab=={_version()}"
RUN useradd --create-home --uid 10001 kanlab
COPY . /model
RUN python -m pip install --no-cache-dir "${{KANLAB}}" && python -m zipfile -c /bundle.zip /model
ENV PYTHONUNBUFFERED=1
USER kanlab
WORKDIR /home/kanlab
EXPOSE 8600
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \\
    CMD ["python", "-c", "{health}"]
CMD ["kanlab", "serve", "/bundle.zip", "--address", "0.0.0.0"]
"""
