"""The corpus as concepts: every distinct text of the planned documents is embedded once and stored.

Format of `<corpus>/embeddings/<space id>/<lang>/`: `texts.txt`, one text a line; `vectors.npy`, a
float16 array (N, D) whose row i is the raw concept of line i (numpy's own format, memory-mapped when
read); `index.json` with format version, space id, N and D. A folder without index.json is incomplete and made
again. After the corpus is rebuilt, only its new texts are embedded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.corpus.records import PLANNED_KINDS, Document, Kind
from concepts.corpus.split import Split
from concepts.counting import counted
from concepts.errors import InputError, NonFiniteError
from concepts.neural.precision import autocast, training_device
from training.corpus.phrasings import phrasings
from training.corpus.store import EMBEDDINGS, check_corpus, load_documents

_FORMAT_VERSION = 2
_CHUNK = 2048
OVERVIEW = {"eng_Latn": "Overview", "deu_Latn": "Überblick", "fra_Latn": "Aperçu", "spa_Latn": "Introducción"}
"""Heading for text between a title and the first heading, so that every plan item is a heading (the medoid
sentence as a lead would put whole sentences into outlines)."""


class Encoder(Protocol):
    """The encoder of a codec: `concepts.codecs.codec.Codec`."""

    space_id: str
    dim: int

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        """Return raw concepts (N, D)."""


@dataclass(frozen=True)
class EmbeddedSection:
    """A section as rows of the vectors."""

    heading: int
    """Its own heading; "Overview" for text before the first heading; the title if the document has no headings."""
    sentences: tuple[int, ...]


@dataclass(frozen=True)
class EmbeddedDocument:
    """A document as rows of the vectors."""

    prompts: tuple[tuple[int, ...], ...]
    """Prompts as rows of their sentences: the title, then other wordings."""
    sections: tuple[EmbeddedSection, ...]
    manual: str
    """Name of the page's manual; empty if it has none."""
    kind: Kind
    """Kind of document; training samples each kind by its share."""

    @property
    def title(self) -> int:
        """Row of the title."""
        return self.prompts[0][0]


@dataclass(frozen=True)
class EmbeddedCorpus:
    """Documents of one split with the vectors of all their texts."""

    documents: tuple[EmbeddedDocument, ...]
    texts: tuple[str, ...]
    vectors: Tensor
    """Raw concepts (N, D), float32."""
    space_id: str


def embed_corpus(
    corpus_dir: Path,
    codec: Encoder,
    lang: str = "eng_Latn",
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Embed the missing texts of the planned documents in `lang`; return the cache folder."""
    check_corpus(corpus_dir)
    texts = {text for document in _documents(corpus_dir, lang, None) for text in _texts(document)}
    if not texts:
        raise InputError(
            f"{corpus_dir} has no document in {lang} to learn from; import some with `longhand corpus import`"
        )
    folder = corpus_dir / EMBEDDINGS / codec.space_id / lang
    if texts <= _known(folder, codec)[0].keys():
        return folder
    return _embed(corpus_dir, codec, texts, lang, on_progress, is_all=True)


def _embed(
    corpus_dir: Path,
    codec: Encoder,
    texts: Collection[str],
    lang: str,
    on_progress: Callable[[int, int], None],
    *,
    is_all: bool = False,
) -> Path:
    """Embed the `texts` that the cache lacks; with `is_all` it afterwards contains only `texts`."""
    folder = corpus_dir / EMBEDDINGS / codec.space_id / lang
    known, known_vectors = _known(folder, codec)
    if is_all:
        kept = {text: row for text, row in known.items() if text in texts}
        known, known_vectors = kept, known_vectors[list(kept.values())]
    new = sorted(set(texts) - known.keys(), key=_order)
    vectors = np.empty((len(known) + len(new), codec.dim), dtype=np.float16)
    vectors[: len(known)] = known_vectors
    for start in range(0, len(new), _CHUNK):
        with autocast(training_device()):
            chunk = codec.encode(new[start : start + _CHUNK], lang)
        if not torch.isfinite(chunk).all():
            raise NonFiniteError(
                f"the space {codec.space_id} encodes some text to NaN or infinity; train it anew"
            )
        vectors[len(known) + start :][: len(chunk)] = chunk.numpy()
        on_progress(min(start + _CHUNK, len(new)), len(new))
    texts = [*known, *new]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    np.save(folder / "new.npy", vectors)  # another process may have mapped the old file
    (folder / "new.npy").replace(folder / "vectors.npy")
    (folder / "texts.txt").write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    index = {
        "format_version": _FORMAT_VERSION,
        "space": codec.space_id,
        "num_texts": len(texts),
        "dim": codec.dim,
    }
    (folder / "index.json").write_text(json.dumps(index) + "\n", encoding="utf-8")
    return folder


def embedded_encoder(
    corpus_dir: Path,
    codec: Encoder,
    lang: str = "eng_Latn",
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Callable[[list[str]], Tensor]:
    """Return a function from texts to raw concepts (N, D) that encodes only what is not embedded yet.

    Many new texts are stored in the cache (`on_progress` gets done and total); a few are not.
    """
    folder = corpus_dir / EMBEDDINGS / codec.space_id / lang
    rows, vectors = _known(folder, codec)

    def encode(texts: list[str]) -> Tensor:
        nonlocal rows, vectors
        found = np.empty((len(texts), codec.dim), dtype=np.float32)
        lines = [_line(text) for text in texts]
        new = {line for line in lines if line not in rows}
        if len(new) >= _CHUNK:
            _embed(corpus_dir, codec, new, lang, on_progress)
            rows, vectors = _known(folder, codec)
            new = set()
        if new:
            few = sorted(new, key=_order)
            place_of = {line: place for place, line in enumerate(few)}
            with autocast(training_device()):
                encoded = codec.encode(few, lang).numpy()
        for place, line in enumerate(lines):
            found[place] = encoded[place_of[line]] if line in new else vectors[rows[line]]
        return torch.from_numpy(found)

    return encode


def _known(folder: Path, codec: Encoder) -> tuple[dict[str, int], NDArray[np.float16]]:
    """Return the rows of already embedded texts, and their vectors; empty if they cannot be read."""
    try:
        texts, vectors = _read(folder, codec.space_id)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return {}, np.empty((0, codec.dim), dtype=np.float16)
    return {text: row for row, text in enumerate(texts)}, vectors


def _read(folder: Path, space_id: str) -> tuple[tuple[str, ...], NDArray[np.float16]]:
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    texts = tuple((folder / "texts.txt").read_text(encoding="utf-8").split("\n")[:-1])
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    found = (index["format_version"], index["space"], *vectors.shape)
    if found != (_FORMAT_VERSION, space_id, len(texts), index["dim"]):
        raise ValueError("its parts do not belong together")
    return texts, vectors


def load_embedded(corpus_dir: Path, space_id: str, split: Split, lang: str = "eng_Latn") -> EmbeddedCorpus:
    """Return the documents of a split with their vectors.

    Raises InputError if nothing is embedded yet, the embeddings are damaged, or the corpus was rebuilt since.
    """
    folder = corpus_dir / EMBEDDINGS / space_id / lang
    try:
        texts, vectors = _read(folder, space_id)
    except FileNotFoundError:
        raise InputError(f"{corpus_dir} is not embedded in the space {space_id}; embed it first") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the embeddings in {folder} are damaged ({error}); delete that folder") from error
    rows = {text: row for row, text in enumerate(texts)}
    try:
        documents = tuple(
            embedded
            for document in _documents(corpus_dir, lang, split)
            if (embedded := _embed_document(document, rows)) is not None
        )
    except KeyError as error:
        raise InputError(
            f"the corpus holds {str(error)[:60]}, the embeddings in {folder} do not: it was built again "
            "since; embed it again"
        ) from None
    if not documents and split == "dev":
        num = sum(1 for _ in _documents(corpus_dir, lang, "train"))
        raise InputError(
            f"{corpus_dir} has {counted(num, 'train document')} in {lang} and no dev document to "
            "measure on: import at least two documents"
        )
    return EmbeddedCorpus(documents, texts, torch.from_numpy(np.array(vectors, dtype=np.float32)), space_id)


def _documents(corpus_dir: Path, lang: str, split: Split | None) -> Iterator[Document]:
    return load_documents(corpus_dir, lang=lang, split=split, kinds=PLANNED_KINDS)


def _texts(document: Document) -> Collection[str]:
    prompts = (text for prompt in phrasings(document) for text in prompt)
    return [_line(text) for text in (*prompts, *_headings(document), *document.sentences)]


def _headings(document: Document) -> list[str]:
    """Return the heading of every section that has sentences."""
    sections = [section for section in document.sections if section.sentences]
    untitled = document.title if len(sections) == 1 else OVERVIEW[document.lang]
    return [section.heading if section.heading.strip() else untitled for section in sections]


def _embed_document(document: Document, rows: dict[str, int]) -> EmbeddedDocument | None:
    sections = tuple(
        EmbeddedSection(rows[_line(heading)], tuple(rows[_line(sentence)] for sentence in section.sentences))
        for heading, section in zip(
            _headings(document), [s for s in document.sections if s.sentences], strict=True
        )
    )
    if not sections:
        return None
    manual = _manual(document) if document.kind == "howto" and document.page is not None else ""
    prompts = tuple(tuple(rows[_line(text)] for text in prompt) for prompt in phrasings(document))
    return EmbeddedDocument(prompts, sections, manual, document.kind)


def _manual(document: Document) -> str:
    """Pages of one folder of one source form a manual."""
    folder = str(document.page).rsplit("/", 1)[0] if "/" in str(document.page) else ""
    return f"{document.source}/{folder}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _order(text: str) -> tuple[int, str]:
    return len(text), text  # by length: the encoder's batches then have little padding
