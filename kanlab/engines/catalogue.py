"""The engines there are. Loads nothing, so that a command knows what its workers need before it loads anything."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from kanlab.language import marked, say


@dataclass(frozen=True)
class Engine:
    """What a user reads of an engine, and what it asks of those who use it.

    nested: whether neighbouring cells are fitted together.  needs_torch: whether a worker loads torch and pykan for it.
    """

    name: str
    label: str
    help: str
    nested: bool
    needs_torch: bool


ENGINES = {
    e.name: e
    for e in (
        Engine(
            "lm",
            marked("kanlab, Levenberg-Marquardt"),
            marked(
                "The same networks, fitted 30 to 70 times faster than pykan fits them, with a "
                "roughness penalty against noise."
            ),
            nested=True,
            needs_torch=False,
        ),
        Engine(
            "pykan-lbfgs",
            "pykan, LBFGS",
            marked("Stock pykan, 50 LBFGS steps with grid updates."),
            nested=False,
            needs_torch=True,
        ),
        Engine(
            "pykan-adam",
            "pykan, Adam",
            marked("Stock pykan, 500 Adam steps at learning rate 0.01."),
            nested=False,
            needs_torch=True,
        ),
    )
}

NO_WEIGHTS = marked(
    "Stock pykan weighs all rows alike, so it cannot be trained with weights that say "
    "how precise each target is; choose the engine lm."
)
NO_MULTIPLICATION = marked(
    "Stock pykan is trained here without multiplication nodes; choose the engine lm, or take multiplication back to 0."
)


def trouble(engine: str) -> str:
    """Why an engine cannot fit on this machine, in one sentence; "" where it can.

    >>> trouble("lm")
    ''
    """
    if not ENGINES[engine].needs_torch or (find_spec("kan") and find_spec("torch")):
        return ""
    return say(
        "The engine {engine} trains stock pykan, which is not installed here; install kanlab[pykan], or choose the engine "
        "lm.",
        engine=engine,
    )
