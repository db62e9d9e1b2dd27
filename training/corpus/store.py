"""A built corpus on disk: its files, and how to read them.

`corpus.json` (version, counts, inputs), `documents.jsonl.gz` (one document a line) and `pairs.tsv.gz`
(split, kind, language, text, language, text). build.py builds and cleans it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from concepts.corpus.importers import document_of_json
from concepts.corpus.records import PAIR_KINDS, Document, Kind, PairKind
from concepts.corpus.split import SPLITS, Split, same_text
from concepts.errors import InputError

FORMAT_VERSION = 3
REPORT_NAME = "corpus.json"
DOCUMENTS_NAME = "documents.jsonl.gz"
PAIRS_NAME = "pairs.tsv.gz"
EMBEDDINGS = "embeddings"
"""Folder of the texts' concepts (embed.py)."""


@dataclass(frozen=True)
class Pair:
    """One text in two languages; the first is English."""

    lang_a: str
    text_a: str
    lang_b: str
    text_b: str
    split: Split
    kind: PairKind = "document"


def check_corpus(corpus_dir: Path) -> dict[str, object]:
    """Return the parsed `corpus.json`; raises `InputError` if `corpus_dir` is no corpus of this version."""
    try:
        report = json.loads((corpus_dir / REPORT_NAME).read_text(encoding="utf-8"))
        version = report["format_version"]
    except FileNotFoundError:
        raise InputError(
            f"{corpus_dir} is not a corpus (no {REPORT_NAME}); make one with `longhand corpus import`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{corpus_dir / REPORT_NAME} is damaged; build the corpus again") from None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{corpus_dir}: corpus format {version}, expected {FORMAT_VERSION}; build the corpus again"
        )
    return dict(report)


def data_line(corpus_dir: Path) -> str:
    """Return the line on training data for a model's card: the sources of the train split and the corpus build.

    Raises InputError if `corpus_dir` is no corpus.
    """
    counted = check_corpus(corpus_dir).get("documents")
    keys = counted if isinstance(counted, dict) else {}
    parts = [str(key).partition(" ")[2].rpartition(" ") for key in keys]
    sources = sorted({source for source, _, split in parts if split == "train"})
    digest = hashlib.sha256((corpus_dir / REPORT_NAME).read_bytes()).hexdigest()
    return f"train split of a corpus of {', '.join(sources) or 'no source'} ({REPORT_NAME} {digest[:12]})"


def load_documents(
    corpus_dir: Path,
    *,
    lang: str | None = None,
    split: Split | None = None,
    sources: Collection[str] | None = None,
    kinds: Collection[Kind] | None = None,
) -> Iterator[Document]:
    """Yield the corpus's documents in stored order.

    `lang` is a code such as eng_Latn, `split` one of train, dev, test, `sources` holds source
    families (`Document.family`, such as gimp-help) or full source names, `kinds` values of
    `Document.kind`; None means all. Raises `InputError` when `corpus_dir` holds no corpus or a damaged one.
    """
    check_corpus(corpus_dir)
    wanted_lang, wanted_split = f'"lang": "{lang}"', f'"split": "{split}"'
    for line in _lines(corpus_dir / DOCUMENTS_NAME):
        # A cheap test on the raw line first: parsing all languages to read one takes five times as long.
        if (lang is not None and wanted_lang not in line) or (split is not None and wanted_split not in line):
            continue
        try:
            row = json.loads(line)
            document = document_of_json(row)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(f"{corpus_dir / DOCUMENTS_NAME} is damaged; build the corpus again") from None
        if lang is not None and document.lang != lang:
            continue
        if split is not None and row["split"] != split:
            continue
        if sources is not None and document.family not in sources and document.source not in sources:
            continue
        if kinds is None or document.kind in kinds:
            yield document


def load_pairs(
    corpus_dir: Path,
    *,
    lang: str | None = None,
    split: Split | None = None,
    kinds: Collection[PairKind] | None = None,
) -> Iterator[Pair]:
    """Yield the corpus's translation pairs; `lang` is the language of the second text, None means all."""
    check_corpus(corpus_dir)
    for line in _lines(corpus_dir / PAIRS_NAME):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 6 or fields[0] not in SPLITS or fields[1] not in PAIR_KINDS:
            raise InputError(f"{corpus_dir / PAIRS_NAME} is damaged; build the corpus again")
        pair = Pair(fields[2], fields[3], fields[4], fields[5], fields[0], fields[1])
        if (
            (split is None or pair.split == split)
            and (lang is None or pair.lang_b == lang)
            and (kinds is None or pair.kind in kinds)
        ):
            yield pair


def iter_space_sentences(
    corpus_dir: Path,
    split: Split,
    langs: Collection[str],
    *,
    unseen: bool = False,
    kinds: Collection[Kind] | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield the distinct (text, language) of a split: titles, headings and sentences, in stored order.

    `kinds` holds values of `Document.kind`, None means all. `unseen` leaves out texts that occur in train
    documents too (`same_text`), as an evaluation on dev or test must.
    """
    known: set[tuple[str, str]] = set()
    if unseen and split != "train":
        known.update(
            (same_text(text), lang) for text, lang in iter_space_sentences(corpus_dir, "train", langs)
        )
    seen: set[tuple[str, str]] = set()
    for document in load_documents(corpus_dir, split=split, kinds=kinds):
        if document.lang not in langs:
            continue
        headings = (section.heading for section in document.sections if section.heading)
        for text in (document.title, *headings, *document.sentences):
            if (text, document.lang) not in seen:
                seen.add((text, document.lang))
                if not known or (same_text(text), document.lang) not in known:
                    yield text, document.lang


@contextmanager
def gzip_writer(path: Path) -> Iterator[Callable[[str], int]]:
    """Open a gzip file for writing text; the header has no name and time, so equal content gives equal files."""
    with (
        open(path, "wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text.write


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"{path}: {type(error).__name__}; build the corpus again") from None
