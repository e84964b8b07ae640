"""What reading one table may cost: seconds of a processor, of a clock, and bytes of memory; and what to say beyond it.

A file of a few kilobytes gets the first two, whatever it claims to hold; a large one more, in proportion to its own bytes,
which its sender had to bring.
"""

from __future__ import annotations

from dataclasses import dataclass

from kanlab.data.reading.source import MAX_BYTES, is_text
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.settings import READ_GB, READ_SECONDS

_FREE = 10**8  # bytes of text within the first allowance
_SECONDS_PER_BYTE = 5e-8  # beyond them; half of it is what a large CSV takes
_MEMORY_PER_BYTE = 8  # the text, its cells as the parser keeps them, the columns, and these as one block
_MOST_MEMORY = 2**32  # of that: MAX_CELLS numbers in MAX_BYTES of text
_USUAL_RATIO = 10  # of unpacked to packed bytes
_CLOCK = 6  # on a busy machine


@dataclass(frozen=True)
class Limits:
    """cpu_seconds: of the process, its start included.  clock_seconds: until it is ended, whatever it waits for.
    memory: bytes, with what the process needs before it reads (0.1 GB)."""

    cpu_seconds: float
    clock_seconds: float
    memory: int

    def too_slow(self, name: str) -> DatasetError:
        """The refusal of a table that takes longer."""
        return DatasetError(
            say(
                "{name} is not read within {cpu_seconds:.0f} seconds of computing, so it is refused; "
                "keep fewer rows or columns or save it as CSV, or allow more by {setting}.",
                name=name,
                cpu_seconds=self.cpu_seconds,
                setting=READ_SECONDS.name,
            )
        )

    def too_large(self, name: str) -> DatasetError:
        """The refusal of a table that needs more memory."""
        return DatasetError(
            say(
                "{name} needs more than {memory:.1f} GB of memory to be read, so it is refused; keep "
                "fewer rows or columns or save it as CSV, or allow more by {setting}.",
                name=name,
                memory=self.memory / 2**30,
                setting=READ_GB.name,
            )
        )


def limits_for(size: int, head: bytes) -> Limits:
    """The limits of a file of so many bytes that begins with these."""
    text = min(size if is_text(head) else _USUAL_RATIO * size, MAX_BYTES)
    cpu = READ_SECONDS() + _SECONDS_PER_BYTE * max(0, text - _FREE)
    memory = int(READ_GB() * 2**30) + min(_MEMORY_PER_BYTE * text, _MOST_MEMORY)
    return Limits(cpu, _CLOCK * cpu, memory)
