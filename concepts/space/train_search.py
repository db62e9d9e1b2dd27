"""Fitting how texts are looked for among the concepts of a space (search_map.py)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from concepts.card import ModelCard
from concepts.codec import Codec
from concepts.corpus.records import MANUAL_KINDS
from concepts.corpus.store import iter_space_sentences
from concepts.errors import InputError
from concepts.release import release_with
from concepts.space.config import ENGLISH
from concepts.space.extension import extensions_of
from concepts.space.pairs import read_sentences
from concepts.space.release import CARDS_FILE, renamed_cards
from concepts.space.search_map import SEARCH_FILE, fit_search_map

_NUM_PAIRS, _NUM_TEXTS = 12_000, 10_000
"""Pairs a language of an extension, and texts a language of the space's own."""
_MIN_CHARS, _MAX_CHARS = 15, 150
"""Shorter texts are labels, longer ones more than a concept holds; read where there are no others."""
_CHUNK = 500

Texts = list[tuple[str, str]]
"""Texts with their English, empty in a space's own language."""


def release_search(
    corpus_dir: Path,
    codec: Codec,
    folder: Path,
    *,
    name: str,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ModelCard:
    """Write a space to `folder` (its own, too) with the search maps of its languages; all else stays as it is.

    They are fitted on the sentences of training documents, those of extensions on pairs of these; `on_progress` gets
    (done, total) of what is encoded. A corpus of pairs alone leaves the space's own languages as they are. Raises
    InputError where the corpus has no pairs of an extension's languages, or nothing at all to fit on.
    """
    extensions = extensions_of(codec.card)
    own = [lang for lang in codec.langs if not codec.is_extension(lang)]
    chosen: dict[str, dict[str, Texts]] = {}
    for lang in own:
        texts = {text for text, _ in iter_space_sentences(corpus_dir, "train", (lang,), kinds=MANUAL_KINDS)}
        if texts:
            chosen.setdefault(SEARCH_FILE, {})[lang] = _some(
                [(text, "") for text in sorted(texts)], _NUM_TEXTS
            )
    if not chosen and not extensions:
        raise InputError(
            f"{corpus_dir} has no sentences in {', '.join(own)}: import documents in these languages"
        )
    for extension in extensions:
        chosen[extension.search_file] = {
            lang: _some(
                [(s.text, s.english) for s in read_sentences(corpus_dir, "train", (lang,))], _NUM_PAIRS
            )
            for lang in extension.langs
        }
    total = sum(len(rows) for by_lang in chosen.values() for rows in by_lang.values())
    done = 0
    files: dict[str, dict[str, Tensor]] = {}
    for file, by_lang in chosen.items():
        concepts, english = [], []
        for lang, rows in by_lang.items():
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                concepts.append(codec.encode([text for text, _ in chunk], lang))
                if file != SEARCH_FILE:
                    english.append(codec.encode([meaning for _, meaning in chunk], ENGLISH))
                done += len(chunk)
                on_progress(done, total)
        found = torch.cat(concepts)
        files[file] = fit_search_map(found, found - torch.cat(english) if english else found).tensors()
    return release_with(
        codec.card,
        folder,
        files,
        name=name,
        command="longhand train search",
        options=f"({total} texts)",
        figures={},
        texts={CARDS_FILE: renamed_cards(codec.card, name)},
    )


def _some(found: Texts, num: int) -> Texts:
    """Return at most `num` of those that a concept can hold, sorted by length: little is padded then."""
    rows = [row for row in found if _MIN_CHARS <= len(row[0]) <= _MAX_CHARS] or found
    return sorted(random.Random(0).sample(rows, min(num, len(rows))), key=lambda row: len(row[0]))
