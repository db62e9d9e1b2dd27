"""Short sortable document ids: 6 characters of time and 6 of chance, in Crockford's base 32."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = 12
TIME_LENGTH = 6
# 30 bits of seconds from 2024-01-01: ids stay sortable until 2058.
FIRST_SECOND = 1_704_067_200


def _encode(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def new_document_id(now_s: float) -> str:
    """Return a fresh id; ids made in later seconds sort later.

    Two ids of the same second collide once in a billion, so the caller inserts and tries again.
    """
    seconds = max(int(now_s) - FIRST_SECOND, 0) % 2**30
    return _encode(seconds, TIME_LENGTH) + _encode(secrets.randbits(30), ID_LENGTH - TIME_LENGTH)


def normalize_id(typed: str) -> str:
    """Return the normal form of a typed id or prefix: lower case, with the letters o, i, l as digits."""
    # An undecodable byte arrives as a lone surrogate, which no database takes.
    whole = typed.encode("utf-8", "replace").decode()
    return whole.strip().lower().translate(str.maketrans("oil", "011"))
