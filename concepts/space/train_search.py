"""Fitting how texts in the languages of a space's extensions are looked for (search_map.py)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from concepts.card import ModelCard
from concepts.codec import Codec
from concepts.errors import UsageError
from concepts.release import release_with
from concepts.space.config import ENGLISH
from concepts.space.extension import extensions_of
from concepts.space.pairs import read_sentences
from concepts.space.release import CARDS_FILE, renamed_cards
from concepts.space.search_map import fit_search_map

_NUM_PAIRS = 5_000
"""Pairs a language; 12,000 find no better."""
_MIN_CHARS, _MAX_CHARS = 15, 150
"""Shorter texts are labels, longer ones more than a concept holds; read where there are no others."""
_CHUNK = 500


def release_search(
    corpus_dir: Path,
    codec: Codec,
    folder: Path,
    *,
    name: str,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ModelCard:
    """Write a space to `folder` (its own, too) with the search maps of its extensions; all else stays as it is.

    They are fitted on training pairs of documents; `on_progress` gets (done, total) of the pairs that are encoded.
    Raises UsageError where the space has no extension, InputError where the corpus has no pairs of its languages.
    """
    extensions = extensions_of(codec.card)
    if not extensions:
        raise UsageError(
            f"{codec.card.name} has no languages beside its own to look for texts in: see `longhand train languages`"
        )
    chosen = {extension: _pairs(corpus_dir, extension.langs) for extension in extensions}
    total, done = sum(map(len, chosen.values())), 0
    files: dict[str, dict[str, Tensor]] = {}
    for extension, pairs in chosen.items():
        own, english = [], []
        for lang in extension.langs:
            rows = sorted((p for p in pairs if p[2] == lang), key=lambda p: len(p[0]))  # little is padded
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                own.append(codec.encode([text for text, _, _ in chunk], lang))
                english.append(codec.encode([meaning for _, meaning, _ in chunk], ENGLISH))
                done += len(chunk)
                on_progress(done, total)
        files[extension.search_file] = fit_search_map(torch.cat(own), torch.cat(english)).tensors()
    return release_with(
        codec.card,
        folder,
        files,
        name=name,
        command="longhand train search",
        options=f"({total} pairs)",
        figures={},
        texts={CARDS_FILE: renamed_cards(codec.card, name)},
    )


def _pairs(corpus_dir: Path, langs: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return (text, its English, language) of at most `_NUM_PAIRS` training pairs a language."""
    chosen = []
    for lang in langs:
        found = [(s.text, s.english, lang) for s in read_sentences(corpus_dir, "train", (lang,))]
        rows = [row for row in found if _MIN_CHARS <= len(row[0]) <= _MAX_CHARS] or found
        chosen += random.Random(0).sample(rows, min(_NUM_PAIRS, len(rows)))
    return chosen
