"""What tells one model of a study from all others."""

from __future__ import annotations

from typing import NamedTuple, Self

from kanlab.kan.search_space import Cell

NETWORK = "kan"


class ModelKey(NamedTuple):
    """A network by its configuration, one without some features also by the columns it keeps, another family by its name.

    As text, which is how the storage has it: "2,4,3", with ",2" more where depth is not 1; "2,4,3,1 of 0,2"; "ridge".
    """

    family: str = NETWORK
    cell: Cell | None = None
    columns: tuple[int, ...] | None = None

    def __str__(self) -> str:
        if self.cell is None:
            return self.family
        if self.columns is not None:
            return f"{_joined(self.cell)} of {_joined(self.columns)}"
        return _joined(self.cell if self.cell.depth > 1 else self.cell[:-1])

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`."""
        if not text[:1].isdigit():
            return cls(text)
        cell, _, columns = text.partition(" of ")
        return cls(cell=Cell(*_numbers(cell)), columns=tuple(_numbers(columns)) if columns else None)


def _joined(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]
