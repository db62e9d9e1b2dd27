"""Training data of a space's extension: sentences of new languages, and the concepts of their English.

Each sentence has one row: the frozen encoder's concept of its English text, or zeros without a translation. Pairs from
documents show how documents are translated; pairs from package descriptions and program messages add words that
documents lack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from concepts.corpus.records import DOCUMENT_PAIRS, MANUAL_KINDS, PairKind
from concepts.corpus.split import Split
from concepts.errors import InputError
from concepts.languages.codes import ENGLISH
from concepts.neural.precision import autocast
from concepts.space.network import SpaceEncoder
from concepts.space.tokenizer import Pieces
from training.corpus.store import iter_space_sentences, load_pairs

_MAX_TOKENS = 8_192

Concepts = NDArray[np.float16]


@dataclass(frozen=True)
class Sentence:
    """A text in a new language and its English, empty if there is none."""

    text: str
    lang: str
    english: str
    kind: PairKind = "document"


def read_sentences(
    corpus_dir: Path,
    split: Split,
    langs: Sequence[str],
    *,
    kinds: Collection[PairKind] = DOCUMENT_PAIRS,
    alone_share: float = 0.0,
    seed: int = 0,
) -> list[Sentence]:
    """Return the pairs of a split, and sentences without a translation, as many as `alone_share` of the document pairs.

    `kinds` filters by `Pair.kind`. Raises InputError for a language without document pairs.
    """
    chosen: list[Sentence] = []
    for lang in langs:
        pairs = [
            Sentence(pair.text_b, lang, pair.text_a, pair.kind)
            for pair in load_pairs(corpus_dir, lang=lang, split=split, kinds=kinds)
            if pair.lang_a == ENGLISH
        ]
        if not any(pair.kind == "document" for pair in pairs):
            raise InputError(
                f"{corpus_dir} has no pairs of English and {lang} in its {split} split; import a pairs*.tsv file"
            )
        paired = {pair.text for pair in pairs}
        alone = [
            Sentence(text, lang, "")
            for text, _ in iter_space_sentences(corpus_dir, split, (lang,), kinds=MANUAL_KINDS)
            if text not in paired
        ]
        order = np.random.default_rng((seed, len(chosen))).permutation(len(alone))
        num_alone = int(alone_share * sum(pair.kind == "document" for pair in pairs))
        chosen += pairs + [alone[i] for i in order[:num_alone]]
    return chosen


def english_concepts(
    path: Path,
    sentences: Sequence[Sentence],
    space_id: str,
    encoder: SpaceEncoder,
    pieces: Pieces,
    lang_id: int,
    eos_id: int,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Concepts:
    """Return the concepts (N, D) of the sentences' English, zeros for none; cached at `path`.

    The `encoder` of `space_id` makes them in the number format of training. Raises InputError if the file belongs to
    other sentences or another space.
    """
    said = "\n".join((space_id, *(sentence.english for sentence in sentences)))
    digest = hashlib.sha256(said.encode()).hexdigest()
    if path.exists():
        with np.load(path) as kept:
            if str(kept["digest"]) != digest:
                raise InputError(f"{path} is of another corpus or space: delete it, or train in a new folder")
            concepts: Concepts = kept["concepts"]
            return concepts
    texts = {text: row for row, text in enumerate(dict.fromkeys(s.english for s in sentences if s.english))}
    ids = pieces.encode(list(texts))
    longest = encoder.encoder_frontend.positions.shape[0] - 2
    distinct = np.zeros((len(texts) + 1, encoder.layer_norm.normalized_shape[0]), dtype=np.float16)
    done = 0
    for chunk in _equal_lengths([len(row[:longest]) for row in ids]):
        tokens = torch.tensor([[lang_id, *ids[i][:longest], eos_id] for i in chunk])
        with torch.inference_mode(), autocast(tokens.device):
            distinct[chunk] = encoder(tokens).float().numpy()
        done += len(chunk)
        on_progress(done, len(ids))
    concepts = distinct[[texts.get(sentence.english, len(texts)) for sentence in sentences]]
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, concepts=concepts, digest=np.array(digest))
    partial.replace(path)
    return concepts


def _equal_lengths(lengths: Sequence[int]) -> Iterator[list[int]]:
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    chunk: list[int] = []
    for i in order:
        if chunk and (lengths[i] != lengths[chunk[0]] or (len(chunk) + 1) * (lengths[i] + 2) > _MAX_TOKENS):
            yield chunk
            chunk = []
        chunk.append(i)
    if chunk:
        yield chunk
