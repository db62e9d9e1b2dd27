"""The corpus as training texts for a voice: documents with their blocks, sampled by shares of their kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from concepts.blocks import LIST_KINDS
from concepts.corpus.records import Document, Kind
from concepts.corpus.split import Split
from concepts.errors import InputError
from concepts.library.library import Library, passages_of
from training.corpus.embed import OVERVIEW
from training.corpus.store import load_documents
from training.voice.data import PackedTexts, SpokenDocument, SpokenSection, pack
from training.voice.notes import add_notes
from writer.voice.text import Said

SHARES: Mapping[Kind, float] = {"guide": 0.78, "howto": 0.09, "recipe": 0.06, "lead": 0.07}
"""Share of the samples for each kind of document; shares of missing kinds go to the others."""
NOTED_KINDS: tuple[Kind, ...] = ("guide",)
"""Kinds of documents that are written from notes and provide notes."""
MOST_DEV: Mapping[Kind, int] = {"guide": 10, "howto": 4, "recipe": 3, "lead": 8}
"""Most dev documents per kind in an evaluation during training, which reads them four times."""


def pack_corpus(
    corpus_dir: Path,
    split: Split,
    tokenizer: Any,
    encode: Callable[[list[str]], Tensor],
    *,
    max_tokens: int,
    drawn_for: Callable[[list[str]], Tensor] | None = None,
    library: Library | None = None,
    on_noted: Callable[[int, int], None] = lambda _done, _total: None,
) -> PackedTexts:
    """Return the English documents of a split as sequences of tokens with their concepts.

    `drawn_for` returns the draws of planner and writer for texts (N, D), zeros for none. Documents of
    `NOTED_KINDS` get notes from `library`; `on_noted` gets (done, total) of these documents.
    Raises InputError if the corpus has no document with a section.
    """
    groups: dict[Kind, list[SpokenDocument]] = defaultdict(list)
    # sorted by identity, a hash: a prefix of a kind is then a fair sample
    for document in sorted(
        load_documents(corpus_dir, lang="eng_Latn", split=split, kinds=tuple(SHARES)),
        key=lambda d: d.document_id,
    ):
        if split == "dev" and len(groups[document.kind]) >= MOST_DEV[document.kind]:
            continue
        if spoken := spoken_document(document):
            groups[document.kind].append(spoken)
    if not any(groups.values()):
        raise InputError(
            f"{corpus_dir} has no {split} document with a section in English; import more documents"
        )
    if library is not None:
        for kind in NOTED_KINDS:
            groups[kind] = add_notes(
                groups[kind], library, encode, is_training=split == "train", on_progress=on_noted
            )
    shares = [(documents, SHARES[kind]) for kind, documents in sorted(groups.items()) if documents]
    return pack(shares, tokenizer, encode, max_tokens=max_tokens, drawn_for=drawn_for)


def library_of(corpus_dir: Path, encode: Callable[[list[str]], Tensor]) -> Library:
    """Return the library of the English documents of `NOTED_KINDS` that models may be trained on."""
    documents = load_documents(corpus_dir, lang="eng_Latn", split="train", kinds=NOTED_KINDS)
    ordered = sorted(documents, key=lambda d: d.document_id)
    passages = [passage for document in ordered for passage in passages_of(document)]
    # all at once: notes are searched per document, and encoding few texts at a time is slow
    encode([sentence for passage in passages for sentence in passage.sentences])
    return Library.of(passages, encode)


def spoken_document(document: Document) -> SpokenDocument | None:
    """Return a document in a voice's form; None if it has no sentence."""
    sections = [section for section in document.sections if section.sentences]
    untitled = document.title if len(sections) == 1 else OVERVIEW[document.lang]
    spoken = []
    for section in sections:
        said = [
            Said(sentence, _block(block.kind) if i == 0 else None)
            for block in section.blocks
            for i, sentence in enumerate(block.sentences)
        ]
        spoken.append(SpokenSection(section.heading.strip() or untitled, tuple(said)))
    if not spoken:
        return None
    typed = document.prompt if document.prompt != document.title else None
    return SpokenDocument(document.title, tuple(spoken), typed)


def _block(kind: str) -> Any:
    return kind if kind in LIST_KINDS else "paragraph"
