"""What tells one model of a study from all others."""

from __future__ import annotations

from typing import NamedTuple, Self

from kanlab.kan.search_space import Cell

NETWORK = "kan"


class ModelKey(NamedTuple):
    """A network by its configuration, one without some features also by the columns it keeps, one without some edges by how
    many went in each round of their elimination, another family by its name.

    As text, which is how the storage has it: "2,4,3", with ",2" more where depth is not 1, "2,4,3,1,1" where a node
    multiplies; "2,4,3,1 of 0,2"; "2,4,3,1 less 3,1"; "ridge".
    """

    family: str = NETWORK
    cell: Cell | None = None
    columns: tuple[int, ...] | None = None
    gone: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.cell is None:
            return self.family
        cell = self.cell if self.cell.multiplication else self.cell[:4]
        if self.columns is not None:
            return f"{_joined(cell)} of {_joined(self.columns)}"
        if self.gone:
            return f"{_joined(cell)} less {_joined(self.gone)}"
        return _joined(cell if cell[3:] != (1,) else cell[:3])

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`."""
        if not text[:1].isdigit():
            return cls(text)
        left, _, gone = text.partition(" less ")
        cell, _, columns = left.partition(" of ")
        kept = tuple(_numbers(columns)) if columns else None
        return cls(cell=Cell(*_numbers(cell)), columns=kept, gone=tuple(_numbers(gone)) if gone else ())


def _joined(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]
