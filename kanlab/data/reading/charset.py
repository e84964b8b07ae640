"""Bytes of a text file to UTF-8, and which encoding they were in."""

from __future__ import annotations

import codecs
import re

from kanlab.errors import DatasetError
from kanlab.language import say

ENCODINGS = ("utf-8", "utf-16", "gb18030", "big5", "shift_jis", "euc_kr", "cp1251", "cp1252", "latin-1")  # offered
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# common characters as bytes: hanzi of the first level; kana and kanji of the first level; Hangul; Cyrillic letters
_COMMON = {
    "gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe]"),
    "big5": re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|[\xa1-\xa3][\x40-\x7e\xa1-\xfe]"),
    "shift_jis": re.compile(rb"[\x81-\x83\x88-\x97][\x40-\xfc]"),
    "euc_kr": re.compile(rb"[\xb0-\xc8][\xa1-\xfe]"),
    "cp1251": re.compile(rb"[\xc0-\xff\xa8\xb8]"),
}
_PIECE = 2**22
_SAMPLE = 2**16


def to_utf8(raw: bytes, name: str, encoding: str | None = None) -> tuple[bytes, str]:
    """The text as UTF-8 without a byte order mark, and its encoding: as given, or found.

    Raises DatasetError for what is empty or no text.
    """
    guessed = encoding is None
    encoding = _known(encoding) if encoding else _guess(raw, name)
    body = raw.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else raw
    try:
        data = body if encoding == "utf-8" and _is_utf8(body) else _transcode(body, encoding)
    except (UnicodeError, ValueError) as error:
        if guessed:
            raise DatasetError(
                say("{name} is a binary file, not a text table; export it as CSV first.", name=name)
            ) from error
        raise DatasetError(
            say(
                "{name} is not encoded as {encoding}; choose another encoding, or none to have it detected.",
                name=name,
                encoding=encoding,
            )
        ) from error
    head = data[:_SAMPLE].decode("utf-8", errors="ignore")
    if not head.strip() and not data.decode("utf-8", errors="ignore").strip():
        raise DatasetError(say("{name} is empty; choose a CSV file with a header row and data.", name=name))
    controls = sum(c < " " and c not in "\t\r\n\f\x1e\x1f" for c in head)
    if controls > 0.01 * len(head) or "\x00" in head or b"\x00" in data:
        raise DatasetError(say("{name} is a binary file, not a text table; export it as CSV first.", name=name))
    if b"\n" not in data[:_PIECE]:
        data = data.replace(b"\r", b"\n")
    return data, encoding


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name if encoding not in ENCODINGS else encoding
    except LookupError as error:
        raise DatasetError(
            say(
                "There is no encoding '{encoding}'; examples are {encodings}.",
                encoding=encoding[:40],
                encodings=", ".join(ENCODINGS),
            )
        ) from error


def _is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8, seen piece by piece; UnicodeDecodeError where they are not."""
    if not data.isascii():
        decoder = codecs.getincrementaldecoder("utf-8")()
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    return True


def _transcode(data: bytes, encoding: str) -> bytes:
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces = []
    for start in range(0, len(data), _PIECE):
        text = decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        if not isinstance(text, str):
            raise ValueError("not a text encoding")
        pieces.append(text.encode())
    return b"".join(pieces).removeprefix(codecs.BOM_UTF8)


def _guess(raw: bytes, name: str) -> str:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return encoding
    sample = raw[:_SAMPLE]
    if b"\x00" in sample:
        # Latin text in UTF-16 has a zero in every other byte
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        half = len(sample) / 2
        if len(raw) % 2 == 0 and max(even, odd) > 0.4 * half and min(even, odd) < 0.02 * half:
            return "utf-16-le" if odd > even else "utf-16-be"
        raise DatasetError(say("{name} is a binary file, not a text table; export it as CSV first.", name=name))
    try:
        _is_utf8(raw)
        return "utf-8"
    except UnicodeDecodeError:
        return _legacy(raw)


def _legacy(raw: bytes) -> str:
    """The 8-bit or East Asian encoding of text that is not UTF-8.

    Detectors by statistics need more letters than the header of a table has (charset-normalizer took 3 of 14 short tables
    for another language), so what is common in each encoding is counted here; ENCODINGS is the order where they tie.
    """
    lines = [line for line in re.split(rb"[\r\n]+", raw[: 2**20]) if not line.isascii()][:2000]
    telling = b"\n".join(lines)[:_SAMPLE]
    runs = re.findall(rb"[\x80-\xff]+", telling)
    scores = {encoding: _commonness(telling, encoding) for encoding in _COMMON if _decodes(raw, encoding)}
    if scores.get("euc_kr") == 1.0 and sum(map(len, runs)) >= 2 * 6:
        return "euc_kr"  # Chinese does not keep to the bytes of Hangul for so long
    if sum(map(len, runs)) < 3 * len(runs):
        scores.pop("cp1251", None)  # accented letters stand alone or in pairs, Cyrillic ones make words
    best = max(scores, key=lambda e: scores[e], default="")
    if best and scores[best] > 0.8:
        return best
    controls = re.search(rb"[\x80-\x9f]", raw) is not None  # printable in cp1252, control codes in latin-1
    return "cp1252" if controls and _decodes(raw, "cp1252") else "latin-1"


def _commonness(text: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are common ones of the encoding's language."""
    letters = [c for c in text.decode(encoding, errors="ignore") if not c.isascii()]
    common = sum(_COMMON[encoding].fullmatch(c.encode(encoding, errors="ignore")) is not None for c in letters)
    return common / len(letters) if letters else 0.0


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw[:_PIECE].decode(encoding) if len(raw) <= _PIECE else _transcode(raw, encoding)
    except UnicodeDecodeError:
        return False
    return True
