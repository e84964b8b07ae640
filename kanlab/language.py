"""The language of what users read: English sentences, told in another language where the reader's is known.

A sentence is written as `say("{rows} rows were dropped", rows=n)`. The English sentence is the key of the catalogues in
kanlab/translations, whose languages may order the values otherwise. What is stored is English, whoever made it, and
`retold` tells it to the reader: a study has many.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "简体中文"}
PSEUDO = "pseudo"  # English with accents: what a test or an eye finds without them does not pass through `say`
TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-CN", PSEUDO: "en"}  # as documents name them
_LOCALES = {"zh": "zh_CN"}
_FOLDER = Path(__file__).parent / "translations"
_LONGEST = 4000  # characters of a stored text that are looked through
_FEWEST = 6  # letters that a sentence with values must have of its own to be known again

_chosen: ContextVar[str] = ContextVar("language", default="")
_of_reader: list[Callable[[], str]] = []

Translate = Callable[[str], str]


def say(message: str, /, **values: object) -> str:
    """A sentence in the active language, its values put in.

    Parameters
    ----------
    message : str
        The English sentence, with `{name}` or `{name:format}` for each value; a literal, so that it is found for the
        catalogues, or a name of one that is `marked`.
    **values : object
        By name. Values that are sentences are said already.

    Examples
    --------
    >>> say("{rows:,} rows were dropped.", rows=1234)
    '1,234 rows were dropped.'
    >>> with use("zh"):
    ...     say("Data")
    '数据'
    """
    told = _translation(active())(message)
    return told.format(**values) if values else told


def marked(message: str) -> str:
    """The English sentence itself, for the catalogues: of constants, which are said where they are used."""
    return message


def active() -> str:
    """The language in which `say` speaks: that of `use`, else the reader's, else that of KANLAB_LANG, else English."""
    return (
        _chosen.get() or next(filter(None, (ask() for ask in _of_reader)), "") or known(os.environ.get("KANLAB_LANG"))
    )


@contextmanager
def use(language: str) -> Iterator[None]:
    """Speak a language within; also a decorator. What is stored is written in `use("en")`."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def ask(reader: Callable[[], str]) -> None:
    """Ask this for the reader's language wherever none is in use; it answers "" where there is no reader."""
    _of_reader[:] = [reader]


def known(*tags: str | None) -> str:
    """The language of the first tag that is one of ours, English by default.

    >>> known("de-DE", "zh-Hans-CN"), known("zh_CN.UTF-8"), known(None)
    ('zh', 'zh', 'en')
    """
    for tag in tags:
        first = re.split(r"[-_.]", (tag or "").lower())[0]
        if first in LANGUAGES or first == PSEUDO:
            return first
    return "en"


def of_terminal() -> str:
    """The language of a command line: KANLAB_LANG, else that of LC_ALL, LC_MESSAGES or LANG, as gettext reads them."""
    settings = (os.environ.get(name) for name in ("KANLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return known(next(filter(None, settings), None))


def retold(text: str) -> str:
    """A text that was written in English, in the active language; what is in no catalogue stays as it is.

    A text may be several sentences. The values in them stay, but for counts and sentences among them.

    >>> with use("zh"):
    ...     retold("Data"), retold("unheard of")
    ('数据', 'unheard of')
    """
    language = active()
    return text if language == "en" or not text else _retold(text, language)


# ---- catalogues


@cache
def _translation(language: str) -> Translate:
    if language == "en":
        return str
    if language == PSEUDO:
        return _accented
    return gettext.translation("kanlab", _FOLDER, [_LOCALES[language]]).gettext


_MARKUP = re.compile(r"(\{[^}]*\}|:material/\w+:|\]\([^)]*\)|<[^>]*>|`[^`]*`|\$[^$]*\$)")
_ACCENTS = str.maketrans("aceinouyACEINOUY", "áçéíñóúýÁÇÉÍÑÓÚÝ")


def _accented(message: str) -> str:
    parts = _MARKUP.split(message)
    return "".join(part if i % 2 else part.translate(_ACCENTS) for i, part in enumerate(parts))


# ---- what was written in English


@cache
def _messages() -> tuple[str, ...]:
    """Every sentence of the catalogues, those with most text of their own first."""
    catalogue = gettext.translation("kanlab", _FOLDER, [*_LOCALES.values()])
    entries: Mapping[str, str] = catalogue._catalog  # type: ignore[attr-defined]
    return tuple(sorted(filter(None, entries), key=lambda m: -len("".join(_literals(m)))))


def _literals(message: str) -> list[str]:
    return [literal for literal, *_ in Formatter().parse(message) if literal]


@cache
def _places() -> tuple[tuple[str, str], ...]:
    """Sentences with values, each with the longest piece of its own text."""
    with_values = (m for m in _messages() if any(name for _, name, *_ in Formatter().parse(m)))
    pieces = ((m, _literals(m)) for m in with_values)
    return tuple((m, max(own, key=len)) for m, own in pieces if len(re.findall(r"\w", "".join(own))) >= _FEWEST)


@cache
def _pattern(message: str) -> re.Pattern[str]:
    """Each value is the shortest text up to what follows it, for good: no text makes the search slow."""
    pattern, seen = "", set[str]()
    pieces = [*Formatter().parse(message)]
    for i, (literal, name, *_) in enumerate(pieces):
        pattern += re.escape(literal)
        if name is None:
            continue
        following = re.escape(pieces[i + 1][0]) if i + 1 < len(pieces) else ""
        value = f"(?P={name})" if name in seen else f"(?P<{name}>{'.+?' if following else '.+'})"
        seen.add(name)
        pattern += f"(?>{value}(?={following}))" if following else value
    return re.compile(pattern, re.DOTALL)


def _plain(message: str) -> str:
    """A sentence whose values are texts already."""
    pieces = Formatter().parse(message)
    return "".join(own.replace("{", "{{").replace("}", "}}") + (f"{{{n}}}" if n else "") for own, n, *_ in pieces)


@lru_cache(maxsize=4096)
def _retold(text: str, language: str) -> str:
    whole = _sentence(text, language)
    if whole is not None or len(text) > _LONGEST:
        return text if whole is None else whole
    pieces = re.split(r"(?<=[.!?:;])( +|\n+)(?=\S)", text)
    told, at = "", 0
    while at < len(pieces):
        for end in range(min(len(pieces), at + 11), at, -2):
            found = _sentence("".join(pieces[at:end]), language)
            if found is not None:
                break
        else:
            end, found = at + 1, pieces[at]
        gap = pieces[end] if end < len(pieces) else ""
        told += found + ("" if found.endswith("。") and not gap.startswith("\n") else gap)
        at = end + 1
    return told


def _sentence(text: str, language: str) -> str | None:
    """One sentence, or None where no catalogue has it."""
    translate = _translation(language)
    if text in _known_texts():
        return translate(text)
    if counted := re.fullmatch(r"([\d,]+) ([a-z ]+)", text):
        count, noun = counted[1], counted[2]
        for one in (noun, noun.removesuffix("s"), noun.removesuffix("es")):
            if one in _known_texts():
                return _plain(translate(marked("{count:,} {noun}"))).format(count=count, noun=translate(one))
        return None
    for message, piece in _places():
        if piece in text and (found := _pattern(message).fullmatch(text)):
            values = {name: _value(value, language) for name, value in found.groupdict().items()}
            return _plain(translate(message)).format(**values)
    return None


def _value(text: str, language: str) -> str:
    return _retold(text, language) if " " in text else text


@cache
def _known_texts() -> frozenset[str]:
    return frozenset(_messages())
