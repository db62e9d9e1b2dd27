"""Vectors, ids and paths on their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from concepts.errors import SpaceMismatchError, StorageError
from storage import content_hash
from storage.ids import ALPHABET, ID_LENGTH, new_document_id, normalize_id
from storage.rows.outlines import PATH, reading_order
from storage.vectors import pack_vector, pack_vectors, unpack_vector, unpack_vectors

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=FLOATS))
def test_vectors_round_trip(vectors_SD: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    dim = vectors_SD.shape[1]
    blobs = pack_vectors(vectors_SD, dim, "x")
    assert unpack_vectors(blobs, dim, "x").tobytes() == vectors_SD.astype("<f4").tobytes()
    assert unpack_vector(blobs[0], "x").tobytes() == vectors_SD[0].tobytes()


def test_bytes_are_little_endian_float32() -> None:
    assert pack_vector(np.array([1.0, -2.0], np.dtype(">f4")), 2, "x").hex() == "0000803f000000c0"
    assert pack_vector(np.array([1.0, -2.0], np.float64), 2, "x").hex() == "0000803f000000c0"


def test_wrong_shapes_and_damaged_bytes() -> None:
    with pytest.raises(SpaceMismatchError, match=r"x has shape \(2,\), expected \(3,\)"):
        pack_vector(np.zeros(2, np.float32), 3, "x")
    with pytest.raises(StorageError, match="damaged"):
        unpack_vector(b"12345", "x")
    with pytest.raises(StorageError, match="damaged"):
        unpack_vectors([b"1234"], 2, "x")


def test_a_read_vector_may_be_changed() -> None:
    unpack_vector(b"\0" * 8, "x")[0] = 1
    unpack_vectors([b"\0" * 8], 2, "x")[0, 0] = 1


def test_content_hash_sees_what_matters() -> None:
    a, b = np.ones(4, np.float32), np.zeros(4, np.float32)
    base = content_hash(lead=a, gist=b, heading=None, planned_length=3)
    assert content_hash(lead=a.copy(), gist=b, heading="decoded later", planned_length=3) == base
    others = [
        content_hash(lead=b, gist=a, heading=None, planned_length=3),
        content_hash(lead=a, gist=None, heading=None, planned_length=3),
        content_hash(lead=None, gist=b, heading=None, planned_length=3),
        content_hash(lead=None, gist=b, heading="x", planned_length=3),
        content_hash(lead=a, gist=b, heading=None, planned_length=4),
    ]
    assert len({base, *others}) == 6


@given(st.floats(1.8e9, 2.7e9), st.floats(1, 1e6))
def test_ids_sort_by_time(now: float, later_by: float) -> None:
    first, second = new_document_id(now), new_document_id(now + later_by)
    assert len(first) == ID_LENGTH and set(first) <= set(ALPHABET)
    assert first[:6] < second[:6]
    assert normalize_id(f" {first.upper()} ") == first


def test_mistyped_letters_are_digits() -> None:
    assert normalize_id("OIL") == "011"


@given(st.lists(st.integers(0, 200), min_size=1, max_size=4))
def test_paths_sort_as_numbers(numbers: list[int]) -> None:
    path = ".".join(map(str, numbers))
    assert PATH.fullmatch(path) and reading_order(path) == tuple(numbers)
