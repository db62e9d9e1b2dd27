"""Concepts as rows of a Parquet file, for pandas, Polars, DuckDB and other readers of Arrow.

Rows are written in groups, so that neither the store nor the file must fit in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from concepts.errors import SpaceMismatchError

if TYPE_CHECKING:
    from storage import DatasetRow, DocumentRecord, SpaceRef

ROWS_PER_GROUP = 4096
"""At 1,024 numbers a vector, a group holds 16 MiB of them."""


def common_space(documents: Iterable[DocumentRecord]) -> SpaceRef:
    """Return the common space of all documents that have one; raise SpaceMismatchError for two spaces, or none."""
    owners = {document.space: document.id for document in documents if document.space is not None}
    if not owners:
        raise SpaceMismatchError("none of these documents holds a concept yet: write one first")
    if len(owners) > 1:
        (first, one), (second, other) = list(owners.items())[:2]
        raise SpaceMismatchError(
            f"{one} holds concepts of the space {first} and {other} those of {second}, "
            "which cannot be compared: name documents of one space"
        )
    return next(iter(owners))


def schema_of(space: SpaceRef) -> pa.Schema:
    """Return the columns; the file's metadata says which space the vectors belong to."""
    return pa.schema(
        [
            pa.field("document", pa.string(), nullable=False),
            pa.field("item", pa.string(), nullable=False),
            pa.field("ordinal", pa.int32()),
            pa.field("language", pa.string()),
            pa.field("text", pa.string()),
            pa.field("score", pa.float64()),
            pa.field("block", pa.string()),
            pa.field("vector", pa.list_(pa.float32(), space.dim), nullable=False),
        ],
        metadata={"longhand.space": json.dumps(asdict(space))},
    )


def write_parquet(
    file: BinaryIO, rows: Iterable[DatasetRow], space: SpaceRef, *, group_size: int = ROWS_PER_GROUP
) -> int:
    """Write rows to an open file and return their number; `group_size` rows are in memory at a time."""
    schema = schema_of(space)
    num_rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(rows, group_size):
            # A table for each group: the writer could merge row groups otherwise.
            writer.write_table(_table(group, schema, space.dim))
            num_rows += len(group)
    return num_rows


def _groups(rows: Iterable[DatasetRow], size: int) -> Iterator[list[DatasetRow]]:
    left = iter(rows)
    while group := list(islice(left, size)):
        yield group


def _table(group: list[DatasetRow], schema: pa.Schema, dim: int) -> pa.Table:
    vectors_SD = np.stack([row.vector for row in group])
    columns = [
        pa.array([row.document_id for row in group], pa.string()),
        pa.array([row.path for row in group], pa.string()),
        pa.array([row.ordinal for row in group], pa.int32()),
        pa.array([row.lang for row in group], pa.string()),
        pa.array([row.text for row in group], pa.string()),
        pa.array([row.score for row in group], pa.float64()),
        pa.array([row.block for row in group], pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(vectors_SD.reshape(-1), pa.float32()), dim),
    ]
    return pa.Table.from_arrays(columns, schema=schema)
