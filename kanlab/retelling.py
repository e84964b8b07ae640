"""Texts that were written in English, told in the reader's language: what a study keeps, a worker answers, an error says.

They are found among the sentences of the catalogues again, and the values in them with them. So what is stored needs no form
of its own, and studies of any age are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from string import Formatter

from kanlab.language import active, counting, marked, messages, translation

_LONGEST = 4000  # characters of a stored text that are looked through
_FEWEST = 5  # letters that a sentence with values must have of its own to be known again
_STEPS = 20_000  # comparisons that a text may cost, whoever wrote it
_TOGETHER = 6  # pieces between two stops that may be one sentence
_NUMBER = re.compile(r"[-+<]?[\d,.]+(e[-+]?\d+)?%?|[-+]?(nan|inf)")
# what agrees with a number: is, are, has, holds; only where that fails, rows hold
_AGREEING = re.compile(r"[a-z']{0,20}"), re.compile(r"[a-z][a-z' ]{0,60}")
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)")
_OPEN = re.compile(r"(?<!\w)'")
_STOP = re.compile(r"[.!?] +\S|\n")
_BETWEEN = re.compile(r"((?<=[.!?:;]) +|\n+)(?=\S)")
_COUNT = re.compile(r"([\d,]+) ([a-z][a-z -]*)")
# values that are somebody's names for something
_OF_NAMES = "name column columns feature features target level levels source read_as path file"
_NAMES = frozenset(_OF_NAMES.split())
_BEGINS_SURELY = 15  # characters that a word at the beginning is worth
_FULL_STOPS = {".": "。", ":": "：", ";": "；"}


def retold(text: str) -> str:
    """A text that was written in English, in the active language; what is in no catalogue stays as it is.

    A text may be several sentences. The values in them stay, but for counts and sentences among them. What is quoted in a
    sentence is somebody's name for something and stays too.

    >>> from kanlab.language import use
    >>> with use("zh"):
    ...     retold("Data"), retold("unheard of")
    ('数据', 'unheard of')
    """
    language = active()
    return text if language == "en" or not text or len(text) > _LONGEST else _retold(text, language)


@dataclass(frozen=True)
class _Place:
    """Where a sentence has a value.

    spec: its format.  follows: the text behind it.  quoted: whether the sentence itself quotes it.  takes_sentences:
    whether it stands where a whole sentence can.
    """

    name: str
    spec: str
    follows: str
    quoted: bool
    takes_sentences: bool

    def takes(self, value: str, agrees: re.Pattern[str] | None) -> bool:
        """Whether this can be its value. agrees: of a value that translations do without, what it looks like."""
        if agrees:
            return bool(agrees.fullmatch(value))
        if self.spec:
            return bool(_NUMBER.fullmatch(value))
        if self.quoted:
            return bool(value) and "': " not in value  # the end of another quotation
        plain = _QUOTED.sub("x", value)
        ends = not self.follows and plain.endswith(".")  # a full stop of whoever joined the sentences
        return not _OPEN.search(plain) and (self.takes_sentences or not (ends or _STOP.search(plain)))


@dataclass(frozen=True)
class _Template:
    """A sentence with values: its text before the first one, and the values."""

    message: str
    begins: str
    places: tuple[_Place, ...]
    longest: str  # piece of its own text


def _parsed(message: str) -> list[tuple[str, str | None, str | None]]:
    """Pieces of a sentence: its own text, and the name and the format of the value behind it."""
    pieces, before = list[tuple[str, str | None, str | None]](), ""
    try:
        for own, name, spec, _ in Formatter().parse(message):
            before += own
            if name is not None:
                pieces.append((before, name, spec))
                before = ""
    except ValueError:  # a brace that is no place: said without values
        return [(message, None, None)]
    return [*pieces, (before, None, None)] if before else pieces


@cache
def _templates() -> tuple[_Template, ...]:
    """The sentences with values, those first that are known most surely."""
    found = []
    for message in sorted(messages()):
        pieces = _parsed(message)
        own = [literal for literal, *_ in pieces]
        if not any(name for _, name, *_ in pieces) or len(re.findall(r"\w", "".join(own))) < _FEWEST:
            continue
        places = []
        for i, (before, name, spec) in enumerate(pieces):
            if name is None:
                continue
            after = pieces[i + 1][0] if i + 1 < len(pieces) else ""
            ends = i + 1 == len(pieces) or bool(re.match(r"\)|\.?$|[.:;]? +[A-Z]", after))
            begins = (not before and i == 0) or bool(re.search(r"[(.:;] ?$", before))
            quoted = before.endswith("'") and after.startswith("'")
            places.append(_Place(name, spec or "", after, quoted, begins and ends))
        found.append(_Template(message, own[0], tuple(places), max(own, key=len)))
    return tuple(sorted(found, key=_rank))


def _rank(template: _Template) -> int:
    """How late it is tried: what begins with a word of its own is surer than what begins with a value."""
    own = len(template.message) - sum(len(place.name) for place in template.places)
    return -own - (_BEGINS_SURELY if re.match(r"\w", template.begins) else 0)


def _plain(message: str) -> str:
    """A sentence whose values are texts already."""
    pieces = _parsed(message)
    return "".join(own.replace("{", "{{").replace("}", "}}") + (f"{{{n}}}" if n else "") for own, n, *_ in pieces)


@lru_cache(maxsize=4096)
def _retold(text: str, language: str) -> str:
    return _Telling(text, language).whole(text)


class _Telling:
    """One text, told. It takes a bounded number of steps, behind which the rest stays as it is."""

    def __init__(self, text: str, language: str) -> None:
        self._translate = translation(language)
        self._templates = [t for t in _templates() if t.longest in text]
        self._left = _STEPS

    def whole(self, text: str) -> str:
        """A text of several sentences."""
        told = self._sentence(text)
        if told is not None:
            return told
        pieces = _BETWEEN.split(text)
        result, at = "", 0
        while at < len(pieces):
            for end in range(min(len(pieces), at + 2 * _TOGETHER - 1), at, -2):
                found = None if (at, end) == (0, len(pieces)) else self._sentence("".join(pieces[at:end]))
                if found is not None:
                    break
            else:
                end, found = at + 1, pieces[at]
            gap = pieces[end] if end < len(pieces) else ""
            result += found + ("" if found.endswith(tuple("。：；！？")) and "\n" not in gap else gap)
            at = end + 1
        return result

    def _sentence(self, text: str) -> str | None:
        """One sentence, or None where no catalogue has it."""
        if text in messages():
            return self._translate(text)
        if (told := self._counted(text)) is not None:
            return told
        for template in self._templates:
            if self._left <= 0:
                return None
            self._left -= 1
            translation = self._translate(template.message)
            used = {name for _, name, *_ in _parsed(translation) if name}
            if (values := self._values(template, text, used)) is not None:
                told_values = {p.name: self._value(p, values[p.name]) for p in template.places}
                try:
                    return _plain(translation).format(**told_values)
                except (KeyError, IndexError, ValueError):  # a translation that is no such sentence
                    return None
        if (told := self._named(text) or self._listed(text)) is not None:
            return told
        if text[-1:] in _FULL_STOPS and len(text) > 1:
            told = self._sentence(text[:-1])
            if told is not None:
                return told + (_FULL_STOPS[text[-1]] if re.search(r"[^\x00-\u02ff]$", told) else text[-1])
        return None

    def _named(self, text: str) -> str | None:
        """Names with commas between them, in the quotes of the language."""
        if not re.fullmatch(r"'[^']*'(, '[^']*')*", text):
            return None
        quotes = self._translate(marked("'{name}'"))
        comma = self._translate(marked("{before}, {item}")).format(before="", item="")
        return comma.join(quotes.format(name=name[1:-1]) for name in _QUOTED.findall(text))

    def _listed(self, text: str) -> str | None:
        """Several with commas between them, or words with signs, such as day/month/year, all of which are known."""
        parts = text.split(", ")
        if 1 < len(parts) <= _TOGETHER:
            told = [self._sentence(part) for part in parts]
            return "，".join(told) if all(told) else None  # type: ignore[arg-type]
        words = re.split(r"([^a-z]+)", text)
        if re.search(r"[/.-]", text) and len(words) > 1 and all(word in messages() for word in words[::2]):
            return "".join(word if i % 2 else self._translate(word) for i, word in enumerate(words))
        return None

    def _counted(self, text: str) -> str | None:
        if not (counted := _COUNT.fullmatch(text)):
            return None
        count, noun = counted[1], counted[2]
        for one in map(counting, (noun, noun.removesuffix("s"), noun.removesuffix("es"))):
            if one in messages():
                return _plain(self._translate(one)).format(count=count)
        return None

    def _value(self, place: _Place, value: str) -> str:
        if place.quoted or place.spec:
            return value
        told = self._counted(value)
        if told is None:
            is_name = place.name in _NAMES and not re.search(r"^'.*'$|' and \d+ more$", value)
            told = value if is_name else self.whole(value)
        return told

    def _values(self, template: _Template, text: str, used: set[str]) -> dict[str, str] | None:
        """The values that make the sentence this text, each as short as can be."""
        if not text.startswith(template.begins) or not text.endswith(template.places[-1].follows):
            return None
        agreeing = {p.name for p in template.places} - used
        for agrees in _AGREEING if agreeing else _AGREEING[:1]:
            found: dict[str, str] = {}
            if self._filled(template, text, dict.fromkeys(agreeing, agrees), 0, len(template.begins), found):
                return found
        return None

    def _filled(
        self,
        template: _Template,
        text: str,
        agreeing: Mapping[str, re.Pattern[str]],
        i: int,
        start: int,
        found: dict[str, str],
    ) -> bool:
        if i == len(template.places):
            return start == len(text)
        place, is_last = template.places[i], i + 1 == len(template.places)
        end = len(text) - len(place.follows) if is_last else text.find(place.follows, start)
        while start <= end and self._left > 0:
            self._left -= 1
            value = text[start:end]
            known = found.get(place.name)
            if value == known if known is not None else place.takes(value, agreeing.get(place.name)):
                found[place.name] = value
                if self._filled(template, text, agreeing, i + 1, end + len(place.follows), found):
                    return True
                if known is None:
                    del found[place.name]
            end = -1 if is_last else text.find(place.follows, end + 1)
        return False
