"""A document as JSON with every concept's vector, for programs that work in the concept space."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from longhand.formats.export import to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage import ExportedDocument, OutlineRecord, SpaceRef, StoredConcepts
    from storage.records import Vector


def to_json_with_vectors(
    document: ExportedDocument,
    outline: OutlineRecord,
    concepts: Mapping[int, StoredConcepts],
    space: SpaceRef | None,
) -> str:
    """Return `longhand.formats.export.to_json` on one line, with the space's identity and the raw vectors.

    Each section gets `lead` and `gist` (null if it has none) and `vectors` of all its sentences, decoded or not, so
    that a sentence's vector has the index `ordinal`. `outline` is the exported version with its vectors, `concepts`
    the sentences by item id.
    """
    shown = to_dict(document) | {"space": None if space is None else asdict(space)}
    items = {item.path: item for item in outline.items}
    stack = list(shown["sections"])
    while stack:
        section = stack.pop()
        item = items[section["path"]]
        section["lead"], section["gist"] = _numbers(item.lead), _numbers(item.gist)
        stored = concepts.get(item.id)
        section["vectors"] = [] if stored is None else [_numbers(row) for row in stored.vectors]
        stack.extend(section["children"])
    return json.dumps(shown, ensure_ascii=False, allow_nan=False) + "\n"


def _numbers(vector_D: Vector | None) -> list[float] | None:
    # The shortest digits that give the same float32, instead of the digits of its double.
    return None if vector_D is None else [float(str(number)) for number in vector_D]
