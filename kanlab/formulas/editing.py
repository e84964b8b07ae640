"""A formula changed by hand: another function for a part, a term dropped, a constant held or set free, all then fitted again.

Parts are numbered as `kanlab.formulas.expression.walk` meets them, over all outputs. For another function there are two
starts, its argument as it was and scaled so that the new part is most like the old one; the score decides between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.formulas.evaluation import evaluated
from kanlab.formulas.expression import (
    Call,
    Constant,
    Curve,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    children,
    exact,
    held,
    times,
    total,
    walk,
    with_children,
)
from kanlab.formulas.front import EDITED, FoundFormula
from kanlab.formulas.functions import FUNCTIONS
from kanlab.formulas.matching import matches
from kanlab.formulas.program import outputs
from kanlab.formulas.simplify import simplified
from kanlab.language import say

Action = Literal["switch", "drop", "fix", "free"]
POWERS = {"square": "2", "cube": "3", "sqrt": "1/2", "inverse": "-1"}
NONE, POWER = "none", "power"  # the argument alone; a power whose exponent is fitted
SWITCHES = (NONE, *POWERS, POWER, *FUNCTIONS)
_MATCHED = {"inverse": "1/x"}  # what `kanlab.formulas.matching` calls it
_ALIKE = {
    "cos": ("sin", np.pi / 2),
    "atan": ("tanh", 0.0),
    "erf": ("tanh", 0.0),
}  # alike, and what is added to the argument
_INSIDE = 0.9  # the argument of another function starts between minus this and this, of a power around 1
_ITERATIONS = 200


@dataclass(frozen=True)
class Part:
    """A part of a formula by its number. can: what may be done with it."""

    number: int
    output: int
    expression: Expression
    can: tuple[Action, ...]


@dataclass(frozen=True)
class Edit:
    """One change. to: of "switch" one of SWITCHES, of "fix" a number as `kanlab.formulas.expression.held` reads it."""

    part: int
    action: Action
    to: str = ""


def parts_of(expressions: Sequence[Expression]) -> list[Part]:
    """Every part of a formula in the order it is numbered.

    >>> from kanlab.formulas.expression import Variable
    >>> for p in parts_of([Product((Constant(2.0), Call("sin", Variable(0))))])[1:3]:
    ...     print(p.number, p.expression.kind, p.can)
    1 constant ('fix', 'drop')
    2 call ('switch', 'drop')
    """
    found: list[Part] = []

    def of(e: Expression, output: int, above: Expression | None) -> None:
        can: list[Action] = []
        if isinstance(e, Constant):
            can += ["fix"] if e.is_free else ["fix", "free"]
        elif not (isinstance(e, Sum | Product) and isinstance(above, Call | Power | Curve)):
            can.append("switch")  # of an argument that is a sum, its function is switched
        if isinstance(above, Sum | Product):
            can.append("drop")
        found.append(Part(len(found), output, e, tuple(can)))
        for part in children(e):
            of(part, output, e)

    for output, e in enumerate(expressions):
        of(e, output, None)
    return found


def edited(
    expressions: Sequence[Expression], edits: Sequence[Edit], data: Dataset, *, count_sigma2: bool
) -> FoundFormula:
    """The formula with some changes, its constants fitted together to the training rows.

    Raises StudyError for a change that cannot be made, and where the formula is then not defined at every training row.
    """
    checked(expressions, edits)
    starts = dict.fromkeys(
        tuple(map(simplified, _changed(expressions, edits, data.X_train, matched))) for matched in (False, True)
    )
    found = [
        evaluated(start, data, count_sigma2=count_sigma2, origin=EDITED, iterations=_ITERATIONS) for start in starts
    ]
    best = min(found, key=lambda f: f.score)
    if best.scores.misfit is None:
        values = np.column_stack([outputs(e, data.X_train) for e in next(iter(starts))])
        missing = int((~np.isfinite(values)).any(axis=1).sum())
        if missing:
            raise StudyError(
                say(
                    "The edited formula is not defined at {missing} of the {n} training rows; take another function.",
                    missing=missing,
                    n=data.n,
                )
            )
        raise StudyError(
            say("The edited formula is not defined where its constants are fitted; take another function.")
        )
    return best


def checked(expressions: Sequence[Expression], edits: Sequence[Edit]) -> None:
    """Raise StudyError for the first change that cannot be made."""
    parts = parts_of(expressions)
    if not edits:
        raise StudyError(say("Nothing is edited: switch a function, drop a term, or fix a constant."))
    for e in edits:
        if not 0 <= e.part < len(parts):
            raise StudyError(
                say("The formula has no part {part}; its parts are 0 to {parts}.", part=e.part, parts=len(parts) - 1)
            )
        if e.action not in parts[e.part].can:
            can = ", ".join(parts[e.part].can)
            instead = say("try {actions}", actions=can) if can else say("choose another part")
            raise StudyError(
                say(
                    "Part {part} of the formula cannot be edited so ({action}); {instead}.",
                    part=e.part,
                    action=e.action,
                    instead=instead,
                )
            )
        if e.action == "switch" and e.to not in SWITCHES:
            raise StudyError(
                say(
                    "There is no function {to!r} to switch to; choose among {switches}.",
                    to=e.to,
                    switches=", ".join(SWITCHES),
                )
            )
        if e.action == "fix":
            held(e.to)
    if len({e.part for e in edits}) < len(edits):
        raise StudyError(say("A part of a formula can be edited once at a time."))


def _changed(expressions: Sequence[Expression], edits: Sequence[Edit], X: Array, matched: bool) -> list[Expression]:
    """matched: whether switched parts start most like the old ones, where such a start is known."""
    wanted = {e.part: e for e in edits}
    number = -1

    def of(e: Expression, above: Expression | None) -> Expression | None:
        nonlocal number
        number += 1
        edit = wanted.get(number)
        if edit is not None and edit.action == "drop":
            number += sum(1 for _ in walk(e)) - 1
            return None
        if isinstance(e, Constant):
            return e if edit is None else Constant(e.value) if edit.action == "free" else held(edit.to)
        parts = [new for part in children(e) if (new := of(part, e)) is not None]
        made = with_children(e, tuple(parts)) if children(e) else e
        if edit is None:
            return made
        argument = _argument(made) if type(made) is type(e) else made
        if matched:
            of_old = outputs(_argument(e), X), outputs(e, X)
            return _most_alike(edit.to, argument, *of_old, shifted=above is None or isinstance(above, Sum))
        return _function(edit.to, argument)

    return [exact(0) if (new := of(e, None)) is None else new for e in expressions]


def _argument(e: Expression) -> Expression:
    return e.base if isinstance(e, Power) else e.argument if isinstance(e, Call | Curve) else e


def _function(name: str, argument: Expression) -> Expression:
    if name == NONE:
        return argument
    if name == POWER:
        return Power(argument, Constant(1.0))
    return Power(argument, exact(POWERS[name])) if name in POWERS else Call(name, argument)


def _most_alike(name: str, argument: Expression, x: Array, y: Array, *, shifted: bool) -> Expression:
    """A function of the argument with c f(a x + b) + d most like y at x; d only where a constant may be added."""
    known, shift = _ALIKE.get(name, (_MATCHED.get(name, name), 0.0))
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) < 2 or not np.ptp(x) > 0:
        return _function(name, argument)
    match = next((m for m in matches(x, y) if m.name == known), None)
    if match is not None and name not in _ALIKE:
        new = match.expression(argument)
        return total([new, Constant(match.d)]) if shifted else new
    middle, half = (x.min() + x.max()) / 2, np.ptp(x) / 2
    a, b = (match.a, match.b - shift) if match else (_INSIDE / half, -_INSIDE * middle / half + (name == POWER))
    inner = total([times(Constant(float(a)), argument), Constant(float(b))])
    values = outputs(_function(name, total([times(Constant(float(a)), Variable(0)), Constant(float(b))])), x[:, None])
    d, c = np.polynomial.Polynomial.fit(values, y, 1).convert().coef if np.ptp(values) > 0 else (0.0, 1.0)
    scaled = times(Constant(float(c)), _function(name, inner))
    return total([scaled, Constant(float(d))]) if shifted else scaled
