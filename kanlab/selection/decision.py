"""Which model to take: by AICc among networks, and by rows left out of the fit against the linear models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.baselines.registry import JUDGED
from kanlab.selection.candidates import Candidate

WORTH = 0.01  # of PRESS: a smaller gain is no reason to leave the linear model


def choose(listed: Sequence[Candidate]) -> tuple[Candidate | None, float]:
    """The model to take, and the noise of AICc measured over seeds (the median spread of the finalists, else 0).

    Whatever takes the place of the linear model must predict rows left out of its fit better than that, by more than the
    standard error of the difference. The network of least AICc takes it if its AICc is the least of all models too, or a
    smaller network whose AICc lies within the noise; else a linear model of another kind, the one with least error there.
    Where no rows were left out AICc decides alone. The families that are fitted for comparison are listed, and raise an alarm
    where they do better.
    """
    judged = [c for c in listed if c.aicc is not None and c.family not in JUDGED]
    if not judged:
        return None, 0.0
    spreads = [c.spread for c in judged if c.spread is not None]
    noise = float(np.median(spreads)) if spreads else 0.0
    networks, plain = [c for c in judged if c.is_network], [c for c in judged if not c.is_network]
    simple, held = _plain_choice(plain), reference(plain)
    bound = min(map(aicc_of, plain), default=np.inf) - noise
    looked_at = [c for c in networks if c.press is not None]  # those of least AICc, once the study has ended
    sound = [c for c in looked_at if held is not None and beats(c, held, simple)] if looked_at and held else networks
    best = min(sound, key=aicc_of, default=None)
    if best is None or aicc_of(best) >= bound:
        return simple, noise
    near = [c for c in networks if aicc_of(c) <= aicc_of(best) + noise and (c in sound or c.press is None)]
    return min(near, key=lambda c: (c.n_params or 0, aicc_of(c))), noise


def reference(plain: Sequence[Candidate]) -> Candidate | None:
    """The linear model, or the mean where that has no AICc; None where no rows were left out of them."""
    named = {c.family: c for c in plain if c.press is not None}
    return named.get("linear") or named.get("constant")


def aicc_of(candidate: Candidate) -> float:
    """AICc, inf where there is none."""
    return np.inf if candidate.aicc is None else candidate.aicc


def _plain_choice(plain: Sequence[Candidate]) -> Candidate | None:
    """The choice among the mean and the linear models."""
    held = reference(plain)
    if held is None:
        return min(plain, key=lambda c: (aicc_of(c), c.n_params or 0), default=None)
    better = [c for c in plain if beats(c, held, held)]
    return min(better, key=lambda c: c.press or 0.0, default=held)


def beats(candidate: Candidate, held: Candidate, simple: Candidate | None) -> bool:
    """Whether it predicts rows left out better than `held` by more than a standard error, and than `simple`."""
    if candidate.press is None or candidate.press_se is None or held.press is None:
        return False
    beyond = held.press - candidate.press > max(candidate.press_se, WORTH * held.press)
    return beyond and (simple is None or simple is held or candidate.press < (simple.press or np.inf))
