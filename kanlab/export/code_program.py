"""Straight-line programs: steps of arithmetic on the columns of one row, which every language can write down.

A step has a name and an expression of the columns and of the steps before it. A value may be missing (NULL, NaN, #N/A); it
makes everything missing that is computed of it, except where a `Choice` asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["number", "text"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: a number, where anything but a finite one counts as missing, or text.

    optional: whether a table may be without it, where every cell of it counts as missing.
    """

    name: str
    kind: Kind = "number"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The value of an earlier step."""

    step: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one or more terms."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Of one or more factors."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    """above / below."""

    above: Value
    below: Value


@dataclass(frozen=True, slots=True)
class Power:
    """base^exponent, where that is defined."""

    base: Value
    exponent: float


@dataclass(frozen=True, slots=True)
class Call:
    """exp, ln, sqrt, sin, cos, asin, atan, abs or floor, where that is defined."""

    function: str
    argument: Value


@dataclass(frozen=True, slots=True)
class Polynomial:
    """coefficients[0] + coefficients[1] u + ..., u = at - origin."""

    at: Name
    origin: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Below:
    """Whether first < second; false where one is missing."""

    first: Value
    second: Value


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a column or a step has no value."""

    of: Column | Name


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether a column of text is one of these."""

    column: Column
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of the first condition that holds, or else `otherwise`; None is missing."""

    branches: tuple[tuple[Below | Missing | OneOf, Value | None], ...]
    otherwise: Value | None


Value = Column | Number | Text | Name | Sum | Product | Quotient | Power | Call | Polynomial | Choice


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the result: what it is called, and the step that holds it."""

    name: str
    step: Name
    kind: Kind = "number"


@dataclass
class Program:
    """Columns, steps in an order in which each follows what it needs, and outputs.

    title: what it is, in one line.  notes: what to know of it, a line each.  example: a value for each column, in the middle
    of those in training.
    """

    title: str = ""
    columns: list[Column] = field(default_factory=list)
    steps: dict[str, Value] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    example: dict[str, float | str] = field(default_factory=dict)

    def let(self, name: str, value: Value, kind: Kind = "number") -> Name:
        """A further step; what already has a name keeps it."""
        if isinstance(value, Name):
            return value
        taken, number = name, 2
        while taken in self.steps:
            taken, number = f"{name}_{number}", number + 1
        self.steps[taken], self.kinds[taken] = value, kind
        return Name(taken)

    def total(self, name: str, parts: Iterable[Value]) -> Name:
        """A sum of any number of terms, in parts where they are many."""
        terms = list(parts)
        while len(terms) > _MOST_TERMS:
            cut = [terms[i : i + _MOST_TERMS] for i in range(0, len(terms), _MOST_TERMS)]
            terms = [self.let(f"{name}_part", Sum(tuple(some))) for some in cut]
        return self.let(name, Sum(tuple(terms)) if terms else Number(0.0))

    def with_outputs(self, outputs: list[Output]) -> Program:
        """The same with these outputs, and without the steps that none of them needs."""
        needed, todo = set[str](), [o.step.step for o in outputs]
        while todo:
            if (name := todo.pop()) not in needed:
                needed.add(name)
                todo += names_in(self.steps[name])
        return replace(self, steps={n: v for n, v in self.steps.items() if n in needed}, outputs=outputs)

    def levels(self) -> list[list[str]]:
        """The steps in groups, each of which needs those before it alone."""
        level: dict[str, int] = {}
        for name, value in self.steps.items():
            level[name] = 1 + max((level[used] for used in names_in(value)), default=-1)
        groups: list[list[str]] = [[] for _ in range(1 + max(level.values(), default=-1))]
        for name, number in level.items():
            groups[number].append(name)
        return groups


_MOST_TERMS = 40  # a cell of a workbook holds 8,192 characters


def names_in(value: Value | Below | Missing | OneOf | None) -> Iterator[str]:
    """The steps an expression names."""
    match value:
        case Name(step) | Missing(Name(step)):
            yield step
        case Polynomial(at=at):
            yield at.step
        case Sum(parts) | Product(parts):
            for part in parts:
                yield from names_in(part)
        case Quotient(a, b) | Below(a, b):
            yield from names_in(a)
            yield from names_in(b)
        case Power(base=inner) | Call(argument=inner):
            yield from names_in(inner)
        case Choice(branches, otherwise):
            for condition, chosen in branches:
                yield from names_in(condition)
                yield from names_in(chosen)
            yield from names_in(otherwise)
        case _:
            return
