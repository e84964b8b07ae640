"""Pieces of programs: what is held to a range, curves, and functions by those that every language has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

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
    Value,
)

_MOST_EXPONENT = 700.0  # whose exponential is finite


def held(at: Name, low: float, high: float) -> Choice:
    """A value held to a range; an infinite end holds nothing."""
    ends = [(Below(at, Number(low)), Number(low))] if np.isfinite(low) else []
    ends += [(Below(Number(high), at), Number(high))] if np.isfinite(high) else []
    return Choice(tuple(ends), at)


def at_least(at: Name, low: float) -> Choice:
    """The greater of a value and a number."""
    return held(at, low, np.inf)


def outside(at: Name, low: float, high: float) -> Choice:
    """1 where a value lies outside a range, else 0."""
    ends = [Below(at, Number(low))] if np.isfinite(low) else []
    ends += [Below(Number(high), at)] if np.isfinite(high) else []
    return Choice(tuple((end, Number(1.0)) for end in ends), Number(0.0))


def either(column: Column, texts: tuple[str, ...]) -> Choice:
    """1 where a text is there and none of these, else 0."""
    return Choice(((Missing(column), Number(0.0)), (OneOf(column, texts), Number(0.0))), Number(1.0))


def curve(at: Name, x: Sequence[float], y: Sequence[float]) -> Value:
    """Linear between points, x ascending, and held beyond them: np.interp."""
    inner = [
        (Below(at, Number(right)), Polynomial(at, left, (low, (high - low) / (right - left))))
        for left, right, low, high in zip(x[:-1], x[1:], y[:-1], y[1:], strict=True)
    ]
    # the last is asked for as well, so that a missing value is none of them and stays missing
    last = (Below(Number(x[-1] - 1.0), at), Number(y[-1]))
    return Choice(((Below(at, Number(x[0])), Number(y[0])), *inner, last), None)


def pieces(at: Name, breaks: Sequence[float], coefficients: Sequence[Sequence[float]]) -> Value:
    """Polynomials between breaks, each of the distance to the break at its left; the outer ones go on."""
    parts = [Polynomial(at, left, tuple(c)) for left, c in zip(breaks[:-1], coefficients, strict=True)]
    return Choice(tuple((Below(at, Number(b)), p) for b, p in zip(breaks[1:-1], parts[:-1], strict=True)), parts[-1])


def exponential(program: Program, value: Value) -> Call:
    """exp, held to where it is finite and above 0, as `kanlab.stats.likelihood.exponential`."""
    at = program.let("exponent", value)
    return Call("exp", program.let("exponent", held(at, -_MOST_EXPONENT, _MOST_EXPONENT)))


def logistic(program: Program, log_odds: Name) -> Quotient:
    """1 / (1 + exp(-log-odds))."""
    return Quotient(Number(1.0), Sum((Number(1.0), exponential(program, Product((Number(-1.0), log_odds))))))


def softmax(program: Program, logits: Sequence[Value]) -> list[Quotient]:
    """exp of each over the sum of all, without overflow."""
    names = [program.let("logit", value) for value in logits]
    greatest = names[0]
    for name in names[1:]:
        greatest = program.let("greatest", Choice(((Below(greatest, name), name),), greatest))
    less = Product((Number(-1.0), greatest))
    odds = [program.let("odds", exponential(program, Sum((name, less)))) for name in names]
    whole = program.total("all_odds", odds)
    return [Quotient(each, whole) for each in odds]


def silu(program: Program, at: Name, low: float) -> Quotient:
    """x / (1 + exp(-x)) of a value of at least `low`; far below 0, where exp(-x) overflows, it is 0 all the same."""
    minus = Product((Number(-1.0), at))
    power = Call("exp", minus) if low > -_MOST_EXPONENT else exponential(program, minus)
    return Quotient(at, Sum((Number(1.0), power)))


# ---- functions, missing where they are not defined


def logarithm(program: Program, value: Value) -> Value:
    """ln of a value above 0."""
    at = program.let("inner", value)
    return Choice(((Below(Number(0.0), at), Call("ln", at)),), None)


def power(program: Program, value: Value, exponent: float) -> Value:
    """value^exponent: of a value below 0 for whole exponents alone, of 0 for those above 0."""
    at = program.let("inner", value)
    if exponent == 0.5:
        return Choice(((Below(at, Number(0.0)), None),), Call("sqrt", at))
    if exponent == int(exponent):
        if 1 <= exponent <= 4:
            return Product((at,) * int(exponent))
        square = Product((at, at))
        return (
            Power(at, exponent) if exponent > 0 else Choice(((Below(Number(0.0), square), Power(at, exponent)),), None)
        )
    return Choice(((Below(Number(0.0), at), Power(at, exponent)),), None)


def function(program: Program, name: str, value: Value) -> Value:
    """A function of `kanlab.formulas.functions`."""
    at = program.let("inner", value)
    one = Number(1.0)
    if name in ("exp", "sin", "cos", "atan", "abs"):
        return Call(name, at)
    if name == "log":
        return logarithm(program, at)
    if name == "asin":
        return Choice(((Below(one, at), None), (Below(at, Number(-1.0)), None)), Call("asin", at))
    if name == "tanh":
        safe = program.let("inner", held(at, -20.0, 20.0))  # where it is 1 to the last bit
        return Sum((one, Quotient(Number(-2.0), Sum((one, Call("exp", Product((Number(2.0), safe))))))))
    if name == "atanh":
        ratio = program.let("inner", Quotient(Sum((one, at)), Sum((one, Product((Number(-1.0), at))))))
        inside = Choice(((Below(Number(0.0), ratio), Product((Number(0.5), Call("ln", ratio)))),), None)
        return Choice(((Below(at, one), inside),), None)
    if name == "cosh":
        parts = Sum((Call("exp", at), Call("exp", Product((Number(-1.0), at)))))
        return Product((Number(0.5), parts))
    if name == "gaussian":
        return Call("exp", Product((Number(-1.0), at, at)))
    if name == "erf":
        safe = program.let("inner", held(at, -_ERF_END, _ERF_END))
        return pieces(safe, *_erf_pieces())
    raise ValueError(f"There is no code for the function {name}.")


_ERF_END, _ERF_PIECES, _ERF_DEGREE = 6.0, 24, 10


@cache
def _erf_pieces() -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """erf between -6 and 6 by polynomials, within 1e-15: few languages have it."""
    from scipy.special import erf

    breaks = np.linspace(-_ERF_END, _ERF_END, _ERF_PIECES + 1)
    u = 0.5 * (1.0 - np.cos(np.pi * (np.arange(_ERF_DEGREE + 1) + 0.5) / (_ERF_DEGREE + 1)))
    width = breaks[1] - breaks[0]
    fitted = (np.polynomial.Polynomial.fit(width * u, erf(left + width * u), _ERF_DEGREE) for left in breaks[:-1])
    return tuple(breaks.tolist()), tuple(tuple(p.convert().coef.tolist()) for p in fitted)
