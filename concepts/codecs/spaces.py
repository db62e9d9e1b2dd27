"""Loading a concept space by name: a sonar-space codec or a sentence encoder."""

from __future__ import annotations

from collections.abc import Callable

import torch

from concepts.codecs.codec import Codec, ConceptCodec
from concepts.codecs.sentence_codec import SentenceCodec
from concepts.models.card import FetchedCard
from concepts.models.installed import find_card, find_languages
from concepts.neural.devices import choose_dtype


def load_codec(
    name: str | None = None,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> ConceptCodec:
    """Load a space by name or folder (None: the default one); arguments as for `Codec.load`."""
    card = find_card("space", name, verify=False)
    if not isinstance(card, FetchedCard):
        return Codec.load(name, device=device, dtype=dtype, on_note=on_note)
    place = device or torch.device("cpu")
    chosen = dtype or choose_dtype(place, is_large=False)
    return SentenceCodec.load(card, device=place, dtype=chosen, extensions=find_languages(card.space_id))
