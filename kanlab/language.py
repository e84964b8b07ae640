"""The language of what users read: English sentences, told in another language where the reader's is known.

A sentence is written as `say("{rows} rows were dropped", rows=n)`. The English sentence is the key of the catalogues in
kanlab/translations, whose languages may order the values otherwise. What is stored is English, whoever made it, and
kanlab.retelling tells it to the reader: a study has many.
"""

from __future__ import annotations

import gettext
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from string import Formatter

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "简体中文"}
VARIABLE = "KANLAB_LANG"  # of the environment: kanlab.settings says what it is
PSEUDO = "pseudo"  # English with accents: what a test or an eye finds without them does not pass through `say`
TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-CN", PSEUDO: "en"}  # as documents name them
_LOCALES = {"zh": "zh_CN"}
_FOLDER = Path(__file__).parent / "translations"

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
    language = active()
    told = translation(language)(message) if message else ""
    return filled(told, values, spaced=language in _SPACED) if values else told


def marked(message: str) -> str:
    """The English sentence itself, for the catalogues: of constants, which are said where they are used."""
    return message


def counting(noun: str) -> str:
    """The sentence that counts such things.

    >>> counting("row")
    '{count:,} row'
    """
    return "{" + f"count:,}} {noun}"


def active() -> str:
    """The language in which `say` speaks: that of `use`, else the reader's, else that of KANLAB_LANG, else English."""
    return _chosen.get() or next(filter(None, (ask() for ask in _of_reader)), "") or known(os.environ.get(VARIABLE))


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
    return next((found for tag in tags if (found := named(tag or ""))), "en")


def named(tag: str) -> str:
    """The language of ours that a tag names, "" where it names none.

    >>> named("zh-CN"), named("zh_CN.UTF-8"), named("zh"), named("zhx")
    ('zh', 'zh', 'zh', '')
    """
    first = re.split(r"[-_.]", tag.lower())[0]
    return first if first in LANGUAGES or first == PSEUDO else ""


def of_browser(header: str | None) -> str:
    """The language of whoever browses: KANLAB_LANG, else the one of ours that the header Accept-Language has first.

    >>> of_browser("de, zh-CN;q=0.8, en;q=0.9"), of_browser("zh-TW,zh;q=0.9,en;q=0.8"), of_browser(None)
    ('en', 'zh', 'en')
    """

    def weight(part: str) -> float:
        found = re.search(r";\s*q=([\d.]+)", part)
        try:
            return float(found[1]) if found else 1.0
        except ValueError:
            return 0.0

    parts = [part.strip() for part in (header or "")[:1000].split(",")]
    asked = [part.partition(";")[0].strip() for part in sorted(parts, key=weight, reverse=True) if weight(part) > 0]
    return known(os.environ.get("KANLAB_LANG") or None, *asked)


def of_terminal() -> str:
    """The language of a command line: KANLAB_LANG, else that of LC_ALL, LC_MESSAGES or LANG, as gettext reads them."""
    settings = (os.environ.get(name) for name in (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"))
    return known(next(filter(None, settings), None))


# ---- shares


_SHARE = re.compile(r"\.(\d)%")
_FINEST = 2  # decimals that a share is given where fewer would round it to nothing or to all


def percent(share: float, decimals: int = 0) -> str:
    """A share in percent, never rounded to all below 1 nor to nothing above 0; `say` writes each `{share:.0%}` so.

    Parameters
    ----------
    share : float
        1 is the whole; differences may be below 0 or above 1.
    decimals : int
        How many there are, more where the share would be rounded to 0% or 100%.

    Examples
    --------
    >>> percent(0.25), percent(1.0), percent(0.9996), percent(0.996, 1), percent(0.003), percent(0.0)
    ('25%', '100%', '99.96%', '99.6%', '0.3%', '0%')
    >>> percent(1 - 1e-9), percent(1e-9)
    ('99.99%', '<0.01%')
    """
    finest = max(_FINEST, decimals)
    for places in range(decimals, finest + 1 if 0.0 < share < 1.0 else decimals + 1):
        text = f"{share:.{places}%}"
        if not 0.0 < share < 1.0 or 0.0 < float(text[:-1]) < 100.0:
            return f"{0:.{places}%}" if float(text[:-1]) == 0.0 else text  # and no minus zero
    smallest = 10.0 ** -(finest + 2)
    return f"<{smallest:.{finest}%}" if share < 0.5 else f"{1.0 - smallest:.{finest}%}"


# ---- Chinese beside letters and digits


_SPACED = frozenset({"zh"})
_HAN, _LATIN = r"[\u3400-\u9fff]", r"[A-Za-z0-9%]"
_NEEDS = re.compile(f"{_HAN}{_LATIN}|{_LATIN}{_HAN}")  # a space between them, which is no letter of either
_TOO_MUCH = re.compile(f"{_HAN} {_HAN}|[。；：！？，、）] .")
# values that are somebody's names for something: the spaces around them tell where they end
_NAMES = frozenset(
    {"name", "names", "column", "columns", "feature", "features", "target", "targets", "level", "levels"}
    | {"source", "study", "file", "path", "listed"}
)


@cache
def _pieces(told: str) -> tuple[tuple[str, str, str], ...] | None:
    """The text before each value of a sentence, the name of the value and its format; None where it takes more."""
    parsed = [*Formatter().parse(told)]
    if any(conversion or (name is not None and not name.isidentifier()) for _, name, _, conversion in parsed):
        return None
    return tuple((own, name or "", spec or "") for own, name, spec, _ in parsed)


def filled(told: str, values: Mapping[str, object], *, spaced: bool) -> str:
    """A sentence with its values. spaced: with a space between Chinese and other letters, and none within Chinese.

    >>> filled("选用{model}", {"model": "8 个网络"}, spaced=True), filled("AICc 与 {fit}", {"fit": "偏差"}, spaced=True)
    ('选用 8 个网络', 'AICc 与偏差')
    """
    pieces = _pieces(told) if spaced or "%}" in told else None
    if pieces is None:
        return told.format(**values)
    text, before = "", ""
    for own, name, spec in pieces:
        value = _written(values[name], spec) if name else ""
        if spaced:
            text = _joined(_joined(text, own, before in _NAMES), value, name in _NAMES)
        else:
            text += own + value
        before = name
    return text


def _written(value: object, spec: str) -> str:
    """A value by its format, a share by `percent`."""
    share = _SHARE.fullmatch(spec)
    return percent(float(value), int(share[1])) if share else format(value, spec)  # type: ignore[arg-type]


def _joined(first: str, second: str, is_name: bool) -> str:
    """Two pieces of a sentence. is_name: whether one of them is somebody's name, whose spaces stay."""
    if not first or not second:
        return first + second
    if _NEEDS.match(first[-1] + second[0]):
        return f"{first} {second}"
    if not is_name:
        if first[-1] == " " and _TOO_MUCH.match(first[-2:] + second[0]):
            return first[:-1] + second
        if second[0] == " " and _TOO_MUCH.match(first[-1] + second[:2]):
            return first + second[1:]
    return first + second


# ---- catalogues


@cache
def translation(language: str) -> Translate:
    """The translation of a sentence, before its values are put in; itself where there is none."""
    if language == "en":
        return str
    if language == PSEUDO:
        return _accented
    return gettext.translation("kanlab", _FOLDER, [_LOCALES[language]]).gettext


_MARKUP = re.compile(r"(\{[^}]*\}|:material/\w+:|\]\([^)]*\)|<[^>]*>|`[^`]*`|\$[^$]*\$|%\(\w+\)[a-z]|%[rs])")
_ACCENTS = str.maketrans("aceinouyACEINOUY", "áçéíñóúýÁÇÉÍÑÓÚÝ")


def _accented(message: str) -> str:
    parts = _MARKUP.split(message)
    return "".join(part if i % 2 else part.translate(_ACCENTS) for i, part in enumerate(parts))


@cache
def messages() -> frozenset[str]:
    """Every sentence of the catalogues."""
    catalogue = gettext.translation("kanlab", _FOLDER, [*_LOCALES.values()])
    entries: Mapping[str, str] = catalogue._catalog  # type: ignore[attr-defined]
    return frozenset(filter(None, entries))
