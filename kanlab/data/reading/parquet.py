"""From a Parquet file to its cells, after a look at what its footer and its dictionaries say they decode to."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.parse import Parsed, distinct
from kanlab.data.reading.source import MAX_BYTES, MAX_CELLS, MAX_COLUMNS, Content, too_wide
from kanlab.errors import DatasetError
from kanlab.language import say

MAX_GROUPS = 10_000


def parse_parquet(content: Content, options: ReadOptions) -> Parsed:
    """A Parquet file, columns of lists or bytes left out.

    Text is read as it stands in the file, as numbers into a dictionary: a dictionary of one long string makes gigabytes of
    a few kilobytes, and its size is known before it is written out.
    """
    name, notes = content.name, []
    try:
        metadata = pq.read_metadata(io.BytesIO(content.data))
        schema = metadata.schema.to_arrow_schema()
        if len(schema) > MAX_COLUMNS:
            raise too_wide(name, len(schema))
        if metadata.num_rows * max(1, len(schema)) > MAX_CELLS:
            raise DatasetError(
                say(
                    "{name} has more than {max_cells:,} cells; keep fewer rows or columns.",
                    name=name,
                    max_cells=MAX_CELLS,
                )
            )
        groups = metadata.num_row_groups
        if groups > MAX_GROUPS:
            raise DatasetError(
                say(
                    "{name} is cut into {groups:,} groups of rows, at most {max_groups:,} are read; merge them.",
                    name=name,
                    groups=groups,
                    max_groups=MAX_GROUPS,
                )
            )
        if sum(metadata.row_group(i).total_byte_size for i in range(groups)) > MAX_BYTES:
            raise _too_long(name)
        nested = [f.name for f in schema if pa.types.is_nested(f.type) or _is_bytes(f.type)]
        file = pq.ParquetFile(io.BytesIO(content.data), read_dictionary=_with_dictionary(metadata))
        table = file.read(columns=[f.name for f in schema if f.name not in nested], use_threads=False)
        table.validate()
        room = MAX_BYTES
        for i, column in enumerate(table.schema):
            if pa.types.is_decimal(column.type):
                table = table.set_column(i, column.name, table.column(i).cast(pa.float64()))
            elif pa.types.is_dictionary(column.type):
                room -= _decoded_bytes(table.column(i))
                if room < 0:
                    raise _too_long(name)
                table = table.set_column(i, column.name, _plain(table.column(i)))
        if options.cells:
            table = pa.table({c: _written(table.column(c), options.decimal or ".") for c in table.column_names})
        # each column is let go as soon as it is converted, so that there are never two copies of the table
        frame = table.to_pandas(ignore_metadata=True, split_blocks=True, self_destruct=True)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise DatasetError(
            say("{name} is a Parquet file that cannot be read; write it again, or export it as CSV.", name=name)
        ) from error
    if nested:
        notes.append(
            say("Columns of lists or bytes are left out: {columns}.", columns=", ".join(n[:60] for n in nested[:5]))
        )
    frame.columns = distinct([str(c).strip() for c in frame.columns], notes)
    decimal = (options.decimal or ".") if options.cells else "."
    known = {"source": name, "encoding": "", "delimiter": "", "decimal": decimal, "notes": notes, "packed": "Parquet",
             "part": content.part, "parts": content.parts}  # fmt: skip
    return frame, known


def _written(column: pa.ChunkedArray, decimal: str) -> pa.Array:
    """A column as text, "" where it is missing; numbers with every digit they have."""
    kind = column.type
    if pa.types.is_floating(kind):
        text = (None if v is None else str(v).replace(".", decimal) for v in column.to_pylist())
    elif pa.types.is_temporal(kind):
        text = (None if v is None else v.isoformat(" ") if hasattr(v, "hour") and hasattr(v, "year") else str(v)
                for v in column.to_pylist())  # fmt: skip
    else:
        text = (None if v is None else str(v) for v in column.to_pylist())
    return pa.array(("" if v is None else v for v in text), pa.large_string())


def _too_long(name: str) -> DatasetError:
    return DatasetError(
        say(
            "{name} unpacks to more than {max_bytes:g} GB; keep fewer rows or columns, or shorten its texts.",
            name=name,
            max_bytes=MAX_BYTES / 2**30,
        )
    )


def _with_dictionary(metadata: pq.FileMetaData) -> list[str]:
    """The columns of text whose dictionaries are read as such. Where texts are written as what they share with the one
    before, Arrow has no such way, and the limit on memory has to do."""
    text = [i for i in range(metadata.num_columns) if metadata.schema.column(i).physical_type == "BYTE_ARRAY"]
    plain = set(text)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        plain -= {i for i in plain if any(e.startswith("DELTA") for e in group.column(i).encodings)}
    return [metadata.schema.column(i).path for i in text if i in plain]


def _is_bytes(kind: Any) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _decoded_bytes(column: pa.ChunkedArray) -> int:
    """How many bytes the texts of a column take, each written out as often as it occurs."""
    if not (pa.types.is_string(column.type.value_type) or pa.types.is_large_string(column.type.value_type)):
        return 0
    lengths = ((pc.binary_length(chunk.dictionary), chunk.indices) for chunk in column.chunks)
    return sum(pc.sum(length.take(indices).cast(pa.int64())).as_py() or 0 for length, indices in lengths)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type.value_type
    return column.cast(pa.large_string() if pa.types.is_string(kind) else kind)
