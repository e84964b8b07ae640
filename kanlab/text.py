"""Pieces of the sentences that users read: counts with their nouns, and names, quoted, cut short, in a list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import reduce

from kanlab.language import counting, say


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
    english = f"{count:,} {noun}"
    told = say(counting(noun), count=count)  # whole, as other languages count with a word of measure
    return told if told != english else f"{count:,} {agreeing(count, noun, plural or f'{noun}s')}"


def agreeing(count: int, one: str, more: str) -> str:
    """The word that agrees with a count.

    >>> agreeing(1, "is", "are"), agreeing(2, "is", "are")
    ('is', 'are')
    """
    return one if count == 1 else more


def short(name: object, most: int = 60) -> str:
    """A name of at most so many characters, none of which a terminal would obey.

    >>> short("body mass index", most=10)
    'body mass…'
    """
    text = harmless(str(name))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def kept_together(words: str) -> str:
    """Words in which no line ends between k and its value.

    >>> kept_together("1 hidden neuron, grid 2, k 3")
    '1 hidden neuron, grid 2, k\xa03'
    """
    return re.sub(r"\bk (?=\d)", "k\u00a0", words)


_CONTROLS = {code: " " for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def harmless(text: str) -> str:
    """Without control characters, which move a terminal's cursor, clear it or name its window.

    >>> harmless("\\x1b[2Jevil")
    ' [2Jevil'
    """
    return text.translate(_CONTROLS)


def columns_of(text: str) -> int:
    """How wide a text is in a fixed-width font: characters of Chinese, Japanese and Korean take two columns.

    >>> columns_of("AICc"), columns_of("残差")
    (4, 4)
    """
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def short_apart(names: Sequence[object], most: int = 60) -> list[str]:
    """Names of at most so many characters; those that begin alike are cut where they begin to differ.

    >>> short_apart(["mean income of January", "mean income of March", "age"], most=12)
    ['…January', '…March', 'age']
    """
    texts = [str(name) for name in names]
    cut = [short(text, most) for text in texts]
    for shown in {c for c in cut if cut.count(c) > 1}:
        alike = [i for i, c in enumerate(cut) if c == shown and len(texts[i]) > most]
        columns = enumerate(zip(*(texts[i] for i in alike), strict=False))
        differ = next((at for at, letters in columns if len({*letters}) > 1), 0)
        begin = max(texts[alike[0]].rfind(" ", 0, differ) + 1, differ - most // 2) if differ else 0
        for i in alike if begin else []:
            cut[i] = "…" + short(texts[i][begin:], most - 1)
    return cut


def beginning(text: str) -> str:
    """A text as the beginning of a sentence.

    >>> beginning("trial 3")
    'Trial 3'
    """
    return text[:1].upper() + text[1:]


def quoted(name: object, most: int = 60) -> str:
    """A name in quotes, cut short.

    >>> quoted("bmi")
    "'bmi'"
    """
    return say("'{name}'", name=short(name, most))


def together(sentences: Iterable[str]) -> str:
    """Sentences one after another, but for those that are empty.

    >>> together(["It is one.", "", "It is two."]), together([])
    ('It is one. It is two.', '')
    """
    told = [*filter(None, sentences)]
    return reduce(lambda first, second: say("{first} {second}", first=first, second=second), told) if told else ""


def series(items: Sequence[str]) -> str:
    """Items one after another.

    >>> series(["a", "b", "c"]), series([])
    ('a, b, c', '')
    """
    return reduce(lambda before, item: say("{before}, {item}", before=before, item=item), items) if items else ""


def listing(names: Iterable[object], most: int = 8) -> str:
    """Names in quotes, the first so many of them.

    >>> listing(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = list(names)
    names, more = series([*map(quoted, shown[:most])]), len(shown) - most
    return say("{names} and {more} more", names=names, more=more) if more > 0 else names


def padded(text: str, columns: int) -> str:
    """A text with blanks behind it, up to a width in columns of a fixed-width font.

    >>> padded("残差", 6)
    '残差  '
    """
    return text + " " * (columns - columns_of(text))


_WIDE = "\u2e80-\u303e\u3041-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\uffe0-\uffe6"
_OPENS, _CLOSES = "（“‘《【", "，。；：、！？）”’》】…"
# what stays together on a line: a word, or a wide character, with the marks that open or close it
_PIECE = re.compile(rf"\s+|[{_OPENS}]*(?:(?![{_OPENS}{_CLOSES}])[{_WIDE}]|[^\s{_WIDE}{_OPENS}{_CLOSES}]+)?[{_CLOSES}]*")


def wrapped(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns of a fixed-width font, broken at blanks and between wide characters.

    >>> wrapped("每条边都是（样条）函数，AICc 越低越好。", 12)
    ['每条边都是', '（样条）函', '数，AICc 越', '低越好。']
    """
    lines = [""]
    for piece in filter(None, _PIECE.findall(text)):
        if columns_of(lines[-1] + piece.rstrip()) > columns and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]
