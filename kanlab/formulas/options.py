"""What a search for formulas is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kanlab.errors import StudyError
from kanlab.formulas.functions import FUNCTIONS
from kanlab.language import say

POWER = "power"  # what stands in a library for powers other than 1
NAMES = (POWER, *FUNCTIONS)
SECONDS = 6.0  # about what effort 1 takes on a processor of today


@dataclass(frozen=True)
class FormulaOptions:
    """Settings of a search.

    Parameters
    ----------
    effort : float
        How many evaluations it may make, as a multiple of the default, which takes about 6 s of one processor.
    functions : tuple of str, optional
        The library: names of `kanlab.formulas.functions`, and "power"; by default all of them.
    forbidden : tuple of str
        What of the library is left out.
    required : tuple of (feature number, function)
        A formula is recommended only if the function's argument holds the feature, for each of these pairs.
    repeats : int
        Searches of other rows, drawn with replacement, that say how often the recommended formula is found again.
    seed : int
        Draws those rows.

    Examples
    --------
    >>> FormulaOptions(forbidden=("abs",)).library[:3]
    ('power', 'exp', 'log')
    """

    effort: float = 1.0
    functions: tuple[str, ...] | None = None
    forbidden: tuple[str, ...] = ()
    required: tuple[tuple[int, str], ...] = ()
    repeats: int = 0
    seed: int = 0

    @property
    def library(self) -> tuple[str, ...]:
        """The functions a formula may hold."""
        chosen = NAMES if self.functions is None else self.functions
        return tuple(name for name in chosen if name not in self.forbidden)


def formula_options(
    features: Sequence[str],
    *,
    minutes: float | None = None,
    functions: Sequence[str] | None = None,
    forbidden: Sequence[str] = (),
    required: Mapping[str, str] | None = None,
    repeats: int = 0,
    seed: int = 0,
) -> FormulaOptions:
    """The settings a user asked for. Raises StudyError for a function, a feature or a time that cannot be."""
    for name in (*(functions or ()), *forbidden, *(required or {}).values()):
        if name not in NAMES:
            raise StudyError(
                say(
                    "There is no function '{name}' in the library; choose among {names}.",
                    name=name,
                    names=", ".join(NAMES),
                )
            )
    if minutes is not None and not 0 < minutes < 1e5:
        raise StudyError(say("The minutes of a search must be above 0, not {minutes:g}.", minutes=minutes))
    if repeats < 0:
        raise StudyError(say("The repeats of a search must be at least 0, not {repeats}.", repeats=repeats))
    pairs = []
    for feature, name in (required or {}).items():
        if feature not in features:
            raise StudyError(
                say(
                    "There is no feature '{feature}'; the features are {features}.",
                    feature=feature,
                    features=", ".join(features[:20]),
                )
            )
        pairs.append((list(features).index(feature), name))
    return FormulaOptions(
        effort=1.0 if minutes is None else minutes * 60 / SECONDS,
        functions=None if functions is None else tuple(functions),
        forbidden=tuple(forbidden),
        required=tuple(pairs),
        repeats=repeats,
        seed=seed,
    )
