"""The concept space of a name: of sonar-space's classes, or a sentence encoder."""

from __future__ import annotations

from collections.abc import Callable

import torch

from concepts.card import FetchedCard
from concepts.codec import Codec, ConceptCodec
from concepts.devices import choose_dtype
from concepts.installed import find_card
from concepts.sentence_codec import SentenceCodec
from concepts.translation import Translator


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
    return SentenceCodec.load(
        card, device=place, dtype=chosen, load_translator=lambda: Translator.load(place)
    )
