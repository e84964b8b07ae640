"""What every message to a user must be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kanlab.errors import KanlabError

_TRACEBACK = re.compile(r"Traceback|Error\b|Exception|File \"|line \d+, in |<class|0x[0-9a-f]{6}|\bNone\b")

_NEGATIVE_DIFFERENCE = re.compile(r"-\d[\d,.]*%? (below|above|lower|higher)")


def assert_sentence(text: str) -> None:
    """One line that starts well, ends with a full stop and has no trace of a traceback and nothing '-3 below' another."""
    assert text.endswith("."), text
    assert not text.endswith(".."), text
    assert "\n" not in text, text
    assert not _TRACEBACK.search(text), text
    assert not _NEGATIVE_DIFFERENCE.search(text), text
    assert 15 <= len(text) <= 400, text


@contextmanager
def refused(error: type[KanlabError], *parts: str) -> Iterator[None]:
    """The block raises `error` with one sentence that contains each of `parts`."""
    with pytest.raises(error) as caught:
        yield
    text = str(caught.value)
    assert_sentence(text)
    for part in parts:
        assert part in text, text
