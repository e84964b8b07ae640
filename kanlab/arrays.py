"""The types of arrays, once for every room: numbers, positions, and which of them; and arrays as text."""

from base64 import b64decode, b64encode
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


def as_text(values: Array) -> str:
    """Numbers in full, 11 characters each: a third less than digits, and read a hundred times as fast.

    >>> from_text(as_text(np.array([0.1, -2.0])), (2,))
    array([ 0.1, -2. ])
    """
    return b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def from_text(text: str, shape: Sequence[int]) -> Array:
    """What `as_text` has written, in a shape, one of whose lengths may be -1."""
    return np.frombuffer(b64decode(text), dtype="<f8").astype(float).reshape(shape)
