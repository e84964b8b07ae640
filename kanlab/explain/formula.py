"""A formula of a study's data: in the names of its columns, with its scores, its domain, and how it compares with the network.

The expression is on the scale the target was fitted on: the target itself, its logarithm or rank, or the log-odds of a class.
`Formula.sympy` and `Formula.predict` are in units of the target, of two classes the probability of the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from kanlab.explain.formula_latex import latex
from kanlab.explain.named_formula import NamedFormula
from kanlab.explain.units import UnitsCheck
from kanlab.formulas.front import EDITED
from kanlab.language import marked, say
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.stats.likelihood import COUNTS
from kanlab.stats.metrics import Scores
from kanlab.text import beginning, series, short

if TYPE_CHECKING:
    import sympy

    from kanlab.formulas.editing import Action

MUCH_WORSE = 1.25  # times the error of the network


class NamedPart(NamedTuple):
    """A part of a formula. kind: "sum", "product", "power", "call", "curve", "variable" or "constant".  can: of "switch",
    "drop", "fix" and "free".
    """

    number: int
    kind: str
    text: str
    can: tuple[Action, ...]


@dataclass(frozen=True, eq=False)
class Formula(NamedFormula):
    """A formula as one may write it down.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from kanlab.data.dataset import Dataset
    >>> from kanlab.api import fit
    >>> from kanlab.explain.network_formula import formula_of
    >>> from kanlab.kan.edges import curves_of
    >>> x = np.linspace(0.5, 3, 60)
    >>> data = Dataset.from_frame(pd.DataFrame({"x": x, "y": 2 * np.log(x) + 1}), "y", test_fraction=0)
    >>> found = formula_of(curves_of(fit(data, 1, 4, 3), data.X_train), data)
    >>> found.domain.tolist(), found.sympy.free_symbols
    ([[0.5, 3.0]], {x})
    """

    units: UnitsCheck | None = None
    repeats: int = 0

    def beside(self, units: UnitsCheck | None, repeats: int) -> Formula:
        """The same with what is known of its units, and how many other searches looked for it."""
        return replace(self, units=units, repeats=repeats)

    @property
    def parts(self) -> list[NamedPart]:
        """Its parts by number, as `Study.edit_formula` names them, and what can be done with each."""
        from kanlab.explain.formula_sympy import part_written
        from kanlab.formulas.editing import parts_of  # which loads half of SciPy

        return [
            NamedPart(p.number, p.expression.kind, part_written(p.expression, self.features), p.can)
            for p in parts_of(self.expressions)
        ]

    @cached_property
    def sympy(self) -> sympy.Expr:
        """In sympy, symbols named as the columns: the target in its units, the probability of the second of two classes.

        Of more classes a Tuple of the log-odds of each against the first; of a target fitted as its rank, that rank.
        """
        from kanlab.explain.formula_sympy import whole  # which takes half a second

        return whole(self)

    @property
    def latex(self) -> str:
        """As LaTeX, with its domain; long or odd names of columns are x_i there, which `legend` explains."""
        return latex(self)[0]

    @property
    def legend(self) -> dict[str, str]:
        """What the x_i of `latex` are called."""
        return latex(self)[1]

    def __str__(self) -> str:
        """On one line, as sympy writes it, numbers of four digits."""
        from kanlab.explain.formula_sympy import written

        return written(self)

    def to_dict(self) -> dict[str, Any]:
        """As the JSON of a study has it."""
        return {
            "formula": str(self),
            "latex": self.latex,
            "legend": self.legend,
            "complexity": self.complexity,
            "constants": [
                {"value": c.value, "exact": c.exact or None, "standard_error": c.error} for c in self.constants
            ],
            "domain": {self.features[i]: self.domain[i].tolist() for i in self.used},
            "origin": self.found.origin,
            "score": self.found.score,
            "held_out": self.found.held_out,
            "tied": self.found.tied,
            "found_in": self.found.found_in,
            "breaks": self.found.breaks,
            "units": None if self.units is None else {"adds_up": self.units.adds_up, "sentence": self.units.sentence},
        } | self.scores.to_dict()


# ---- in words


def on_test(formula: Formula) -> bool:
    """Whether errors are those of test rows."""
    return formula.error_test is not None


def error_of(scores: Scores) -> float | None:
    """RMSE in units of the data, of classes the log-loss, of counts the mean deviance: on the test rows where there are
    any.
    """
    return training_error(scores) if scores.error_test is None else scores.error_test


def training_error(scores: Scores) -> float | None:
    """The same on the training rows."""
    if scores.counts is not None:
        return scores.counts.mean_deviance_train
    return scores.rmse_train if scores.classes is None else scores.classes.log_loss_train


def errors(formula: Formula) -> str:
    """The error of the formula beside that of the network."""
    what = say(MEASURES[formula.task].error)
    what = beginning(what)
    rows = say("test") if on_test(formula) else say("training")
    own = four_digits(error_of(formula.scores)) or say("not finite")
    if not formula.network:
        return say("{what} on the {rows} rows: formula {own}.", what=what, rows=rows, own=own)
    return say(
        "{what} on the {rows} rows: formula {own}, network {network}.",
        what=what,
        rows=rows,
        own=own,
        network=four_digits(error_of(formula.network)) or say("not finite"),
    )


def held_out_error(formula: Formula) -> float | None:
    """The error on rows left out of the fit: RMSE on the scale of the fit, of classes the log-loss, of counts the mean
    deviance.
    """
    mean = formula.found.held_out
    if mean is None or formula.task == COUNTS:
        return mean
    return mean / 2 if formula.levels else float(np.sqrt(mean))


def compared(formula: Formula) -> str:
    """How many times the network's error that of the formula is, in one sentence; "" where that is not known."""
    own, network = error_of(formula.scores), error_of(formula.network) if formula.network else None
    if own is None or not network:
        return ""
    return say(
        "Its error on the {rows} rows is {times:,.2f} times the network's.",
        rows=say("test") if on_test(formula) else say("training"),
        times=own / network,
    )


def is_much_worse(formula: Formula) -> bool:
    """Whether the formula does not stand for its network, as `remarks` says first."""
    own, network = error_of(formula.scores), error_of(formula.network) if formula.network else None
    return network is not None and (own is None or not own <= MUCH_WORSE * network)


def front_table(front: Sequence[Formula], recommended: int) -> pd.DataFrame:
    """One row a formula. choice: "recommended", "edited", "tied" or "".  train, held_out, test: errors, as `error_of` and
    `held_out_error` have them.  found_in, units: in how many other searches it was recommended, whether its units add up;
    columns that are there where that is known.
    """
    rows = [
        {
            "choice": mark(f, i == recommended),
            "formula": str(f),
            "complexity": f.complexity,
            "train": training_error(f.scores),
            "held_out": held_out_error(f),
            "test": f.error_test,
            "aicc": f.aicc,
            "n_params": f.n_params,
            "found_in": f.found.found_in,
            "units": None if f.units is None else ADD_UP if f.units.adds_up else NO_UNITS,
        }
        for i, f in enumerate(front)
    ]
    known = [name for name in ("found_in", "units") if any(row[name] is not None for row in rows)]
    numbers = ["train", "held_out", "test", "aicc", "n_params"]
    frame = pd.DataFrame(rows, columns=["choice", "formula", "complexity", *numbers, *known])
    return frame.astype(dict.fromkeys(numbers, float))


RECOMMENDED, TIED = marked("recommended"), marked("tied")
ADD_UP, NO_UNITS = marked("add up"), marked("do not add up")


def mark(formula: Formula, is_recommended: bool) -> str:
    """How a formula is marked on its front."""
    if is_recommended:
        return RECOMMENDED
    return EDITED if formula.found.origin == EDITED else TIED if formula.found.tied else ""


def remarks(formula: Formula) -> list[str]:
    """What to know of the formula, the most important first."""
    lines = []
    if formula.found.origin == "network":
        lines.append(say("The formula is an approximation of the network, not the network itself."))
    if formula.found.origin == EDITED:
        lines.append(say("It was edited by hand."))
    own, network = error_of(formula.scores), error_of(formula.network) if formula.network else None
    if network is not None and is_much_worse(formula):
        times = (
            say("not finite")
            if own is None
            else say("{times:,.1f} times as large", times=own / network)
            if network > 0
            else say("larger")
        )
        lines.insert(
            0, say("It does not stand for its network: its error is {times}. Predict with the network.", times=times)
        )
    if formula.found.breaks:
        lines.append(
            say(
                "It divides by zero or is not defined somewhere between the training rows: there it "
                "may give any number."
            )
        )
    if found := formula.curves:
        lines.append(
            say(
                "1 curve matches no function of the library, and stays a table: φ in the formula, np.interp in the code."
            )
            if len(found) == 1
            else say(
                "{curves} curves match no function of the library, and stay tables: φ in the formula, np.interp in the "
                "code.",
                curves=len(found),
            )
        )
    if len(formula.levels) > 2:
        first = formula.levels[0][:60]
        lines.append(
            say(
                "It gives the log-odds of each class against '{first}', of which softmax makes probabilities.",
                first=first,
            )
        )
    elif formula.task == COUNTS:
        lines.append(say("It gives the logarithm of the mean count."))
    elif formula.levels:
        lines.append(say("It gives the log-odds; p is the probability of '{level}'.", level=short(formula.levels[1])))
    if formula.units:
        lines.append(formula.units.sentence)
    if formula.found.found_in is not None and formula.repeats:
        lines.append(
            say(
                "A formula of this structure was recommended in {found_in} of {repeats} searches of other rows.",
                found_in=formula.found.found_in,
                repeats=formula.repeats,
            )
        )
    lines.append(domain_words(formula))
    return lines


def domain_words(formula: Formula) -> str:
    """Where the formula was fitted."""
    if not formula.used:
        return say("No feature is in it: it is a constant.")
    ranges = [
        say("{feature} from {low} to {high}", feature=short(formula.features[i], 80), low=_short(a), high=_short(b))
        for i, (a, b) in _domain(formula)
    ]
    return say("It is fitted to {listed}; beyond that it extrapolates.", listed=_listed(ranges))


def _domain(formula: Formula) -> list[tuple[int, Sequence[float]]]:
    return [(i, formula.domain[i].tolist()) for i in formula.used]


def _short(value: float) -> str:
    return f"{value:.4g}"


def _listed(items: Sequence[str]) -> str:
    if len(items) > 6:
        return say("{names} and {more} more", names=series(items[:6]), more=len(items) - 6)
    first = series(items[:-1])
    return say("{names} and {last}", names=first, last=items[-1]) if first else items[-1]
