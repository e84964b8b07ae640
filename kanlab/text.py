"""Pieces of the sentences that users read: counts with their nouns, and names, quoted, cut short, in a list."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    Parameters
    ----------
    count : int
        How many.
    noun, plural : str
        What of. plural is needed where it is not the noun and an s.

    Examples
    --------
    >>> counted(1, "row"), counted(1234, "row"), counted(0, "class", "classes")
    ('1 row', '1,234 rows', '0 classes')
    """
    return f"{count:,} {agreeing(count, noun, plural or noun + 's')}"


def agreeing(count: int, one: str, more: str) -> str:
    """The word that agrees with a count.

    >>> agreeing(1, "is", "are"), agreeing(2, "is", "are")
    ('is', 'are')
    """
    return one if count == 1 else more


def short(name: object, most: int = 60) -> str:
    """A name of at most so many characters.

    >>> short("body mass index", most=10)
    'body mass…'
    """
    text = str(name)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(name: object, most: int = 60) -> str:
    """A name in quotes, cut short.

    >>> quoted("bmi")
    "'bmi'"
    """
    return f"'{short(name, most)}'"


def listing(names: Iterable[object], most: int = 8) -> str:
    """Names in quotes, the first so many of them.

    >>> listing(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = list(names)
    return ", ".join(map(quoted, shown[:most])) + (f" and {len(shown) - most} more" if len(shown) > most else "")
