"""Expressions as infix text: what C, JavaScript, SQL and Excel have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from kanlab.export.code_program import (
    Below,
    Call,
    Choice,
    Column,
    Missing,
    Name,
    Number,
    OneOf,
    Polynomial,
    Power,
    Product,
    Program,
    Quotient,
    Sum,
    Text,
    Value,
)


class Writer(ABC):
    """Writes expressions; a language says how it writes numbers, names, functions and choices."""

    nothing: str  # the value that is missing

    def value(self, value: Value | None) -> str:
        """An expression, in brackets where it needs them."""
        match value:
            case None:
                return self.nothing
            case Number(number):
                return self.number(number) if number >= 0 else f"({self.number(number)})"
            case Name(step):
                return self.name(step)
            case Column():
                return self.column(value)
            case Text(text):
                return self.text(text)
            case Sum(parts):
                return "(" + " + ".join(map(self.value, parts)) + ")"
            case Product(parts):
                return "(" + " * ".join(map(self.value, parts)) + ")"
            case Quotient(above, below):
                return f"({self.value(above)} / {self.value(below)})"
            case Power(base, exponent):
                return self.power(self.value(base), self.value(Number(exponent)))
            case Call(function, argument):
                return self.call(function, self.value(argument))
            case Polynomial():
                return self._polynomial(value)
            case Choice(branches, otherwise):
                if not branches:
                    return self.value(otherwise)
                return self.choice(value)

    def condition(self, condition: Below | Missing | OneOf) -> str:
        """A condition."""
        match condition:
            case Below(first, second):
                return f"{self.value(first)} < {self.value(second)}"
            case Missing(of):
                return self.missing(of)
            case OneOf(column, texts):
                return self.one_of(column, texts)

    def _polynomial(self, value: Polynomial) -> str:
        """Horner's rule."""
        *lower, text = map(self.value, map(Number, value.coefficients))
        u = self.name(value.at.step)
        if value.origin:
            u = f"({u} {'-' if value.origin > 0 else '+'} {self.number(abs(value.origin))})"
        for c in reversed(lower):
            text = f"({c} + {u} * {text})"
        return text

    def number(self, value: float) -> str:
        """A finite number to its last bit."""
        return repr(float(value))

    @abstractmethod
    def name(self, step: str) -> str: ...

    @abstractmethod
    def column(self, column: Column) -> str: ...

    @abstractmethod
    def text(self, text: str) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: str) -> str: ...

    @abstractmethod
    def call(self, function: str, argument: str) -> str: ...

    @abstractmethod
    def choice(self, choice: Choice) -> str: ...

    @abstractmethod
    def missing(self, of: Column | Name) -> str: ...

    @abstractmethod
    def one_of(self, column: Column, texts: tuple[str, ...]) -> str: ...


def ternaries(writer: Writer, choice: Choice) -> str:
    """a ? b : c ? d : e, as C and JavaScript have it."""
    parts = [f"{writer.condition(when)} ? {writer.value(then)}" for when, then in choice.branches]
    return "(" + " : ".join([*parts, writer.value(choice.otherwise)]) + ")"


def heading(program: Program, comment: Callable[[str], str], how: list[str]) -> list[str]:
    """The comment at the top: what it is, its columns, its notes. comment: a line as a comment."""
    lines = [program.title, *program.notes, *how]
    return [comment(line) for line in lines]
