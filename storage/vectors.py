"""Concept vectors as bytes: little-endian float32, checked when packed and unpacked.

Shapes: D concept dim, S sentences. All vectors are raw vectors of the document's space.
numpy is imported on use, so that listing documents doesn't pay for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from concepts.errors import NonFiniteError, SpaceMismatchError, StorageError

if TYPE_CHECKING:
    from storage.records import Vector


def pack_vector(vector_D: Vector, dim: int, what: str) -> bytes:
    """Return the bytes of one vector (D,); raise if its shape or values are wrong."""
    if vector_D.shape != (dim,):
        raise _wrong_shape(what, vector_D.shape, f"({dim},)")
    return pack_vectors(vector_D[None], dim, what)[0]


def _wrong_shape(what: str, got: tuple[int, ...], wanted: str) -> SpaceMismatchError:
    return SpaceMismatchError(
        f"{what} has shape {got}, expected {wanted}: encode it with the document's space"
    )


def pack_vectors(vectors_SD: Vector, dim: int, what: str) -> list[bytes]:
    """Return the bytes of each of the S vectors (S, D); raise if shape or values are wrong."""
    import numpy as np

    if vectors_SD.ndim != 2 or vectors_SD.shape[1] != dim:
        raise _wrong_shape(what, vectors_SD.shape, f"(sentences, {dim})")
    values_SD = np.ascontiguousarray(vectors_SD, dtype="<f4")
    if not np.isfinite(values_SD).all():
        bad = int(np.flatnonzero(~np.isfinite(values_SD).all(axis=1))[0])
        raise NonFiniteError(f"{what} holds NaN or an infinity (vector {bad}): nothing was stored")
    return [row.tobytes() for row in values_SD]


def unpack_vector(blob: bytes, what: str) -> Vector:
    """Return the float32 vector (D,) stored in `blob`."""
    import numpy as np

    if len(blob) % 4:
        raise StorageError(f"{what} is damaged: {len(blob)} bytes are no float32 vector; restore a backup")
    return np.frombuffer(blob, dtype="<f4").astype(np.float32, copy=True)


def unpack_vectors(blobs: Sequence[bytes], dim: int, what: str) -> Vector:
    """Return the float32 vectors (S, D) stored in `blobs`; (0, D) if there are none."""
    import numpy as np

    if any(len(blob) != 4 * dim for blob in blobs):
        raise StorageError(f"{what} is damaged: a vector is not {dim} float32 numbers; restore a backup")
    return np.frombuffer(b"".join(blobs), dtype="<f4").astype(np.float32, copy=True).reshape(len(blobs), dim)


def content_hash(
    *, lead: Vector | None, gist: Vector | None, heading: str | None, planned_length: int
) -> str:
    """Return a hash of an item's vectors and planned length; a changed hash means that it must be rewritten.

    The heading counts only if there is no lead: a lead's heading is decoded later and must not change the hash of an
    unchanged item.
    """
    import numpy as np

    digest = hashlib.sha256(f"longhand-item-1 {planned_length}\n".encode())
    for vector in (lead, gist):
        blob = b"" if vector is None else np.ascontiguousarray(vector, dtype="<f4").tobytes()
        digest.update(f"{len(blob)}\n".encode() + blob)
    if lead is None:
        digest.update((heading or "").encode())
    return digest.hexdigest()
