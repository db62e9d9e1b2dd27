"""Builds a corpus folder from raw files: read, clean, deduplicate, split, write; the same bytes each time.

from training.corpus.build import build_corpus
build_corpus([Path("shared/corpus")], Path("data/corpus"))
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from concepts.corpus.clean import clean_document
from concepts.corpus.drops import DropReport
from concepts.corpus.importers import document_row, iter_jsonl, iter_pairs, iter_path
from concepts.corpus.records import PAIR_KINDS, PLANNED_KINDS, Block, Document, Kind, PairKind, Section
from concepts.corpus.split import Split, same_text, split_of
from concepts.errors import InputError
from training.corpus.catalogues import CATALOGUE_SUFFIX, iter_catalogue
from training.corpus.pairs import clean_pair
from training.corpus.store import (
    DOCUMENTS_NAME,
    EMBEDDINGS,
    FORMAT_VERSION,
    PAIRS_NAME,
    REPORT_NAME,
    gzip_writer,
)

Progress = Callable[[str, int, int | None], None]

SMALL_DEV_SHARE = 10
"""If a small corpus has no dev document, one in this many train documents moves to dev."""

_SENTENCE_END = re.compile(r"(?<=[.!?:]) ")

_MAX_DOCUMENTS_PER_SENTENCE = 25
"""A manual sentence in more documents than this is boilerplate and removed from later documents."""
_BOILERPLATE_FREE_KINDS: frozenset[Kind] = frozenset(("recipe", "lead"))
"""Ingredients recur in hundreds of recipes and are meant to."""


@dataclass(frozen=True)
class CorpusReport:
    """Counts of what a build read, kept and dropped; the content of corpus.json."""

    documents: dict[str, int]
    """Documents by "language source split"; the source is the input's name up to the first dot."""
    sentences: dict[str, int]
    """Sentences by "language split"."""
    pairs: dict[str, int]
    """Pairs by "language kind split"."""
    drops: DropReport
    inputs: dict[str, str]
    """File name and its sha256."""

    def to_json(self) -> str:
        """Return the report as an indented JSON object."""
        return json.dumps(
            {
                "format_version": FORMAT_VERSION,
                "documents": self.documents,
                "sentences": self.sentences,
                "pairs": self.pairs,
                "dropped": dict(sorted(self.drops.items())),
                "inputs": self.inputs,
            },
            indent=1,
        )


@dataclass
class _Seen:
    """Contents of a build's earlier documents, as hashes: texts would not fit into small machines' memory."""

    documents: set[bytes] = field(default_factory=set)
    identities: set[str] = field(default_factory=set)
    english: set[bytes] = field(default_factory=set)
    sentence_documents: Counter[bytes] = field(default_factory=Counter)
    train_sentences: set[bytes] = field(default_factory=set)
    held_out: dict[bytes, Split] = field(default_factory=dict)
    pairs: set[bytes] = field(default_factory=set)


def build_corpus(inputs: Sequence[Path], out_dir: Path, *, progress: Progress | None = None) -> CorpusReport:
    """Clean everything in `inputs` and write a corpus to `out_dir`, all or nothing.

    An input is a `.jsonl[.gz|.xz]`, `pairs*.tsv[.gz]` or `.po` file, a folder of such files, or a user's folder
    or file of Markdown, HTML or text (taken as English). Files are read sorted by name, so the order of a
    folder changes nothing. `progress` gets (file name, items so far, None). An existing corpus at
    `out_dir` is replaced only once the new one is complete.

    Raises `InputError` if an input is missing, nothing usable was found, or `out_dir` contains files
    that are no corpus.
    """
    files = find_inputs(inputs)
    if (
        out_dir.exists()
        and not (out_dir / REPORT_NAME).is_file()
        and (not out_dir.is_dir() or any(out_dir.iterdir()))
    ):
        raise InputError(f"{out_dir} exists and is no corpus; choose a new or empty folder")
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    work_dir = out_dir.parent / f".{out_dir.name}.{os.getpid()}"
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir()
    try:
        report = _build(files, work_dir, progress or (lambda name, done, total: None))
        (work_dir / REPORT_NAME).write_text(report.to_json() + "\n", encoding="utf-8")
        _replace_dir(work_dir, out_dir)
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)
    return report


def find_inputs(inputs: Sequence[Path]) -> list[Path]:
    """Return the files (and user folders) that `inputs` name, sorted by name, each once."""
    found: dict[Path, Path] = {}
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        files = [path]
        if path.is_dir():
            corpus_files = [p for p in path.iterdir() if p.is_file() and _is_corpus_file(p)]
            catalogues = [
                p
                for p in path.rglob(f"*{CATALOGUE_SUFFIX}")
                if p.is_file() and not any(part.startswith(".") for part in p.relative_to(path).parts)
            ]
            # A folder of catalogues alone has no user's documents.
            has_others = any(p.is_file() and p.suffix != CATALOGUE_SUFFIX for p in path.rglob("*"))
            files = (corpus_files or ([path] if has_others or not catalogues else [])) + catalogues
        for file in files:
            found.setdefault(file.resolve(), file)
    # English first: a sentence that a translation shares with it is untranslated. Document pairs before others: a pair
    # in both is a document pair.
    return sorted(
        found.values(),
        key=lambda file: (".en." not in file.name, _pair_rank(file), file.name, str(file)),
    )


def _is_corpus_file(path: Path) -> bool:
    is_table = path.name.startswith("pairs") and path.name.endswith((".tsv", ".tsv.gz"))
    return is_table or path.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.xz"))


def _is_pairs_file(path: Path) -> bool:
    return path.name.endswith((".tsv", ".tsv.gz", CATALOGUE_SUFFIX))


def _pair_kind(path: Path) -> PairKind:
    if path.name.endswith(CATALOGUE_SUFFIX):
        return "catalogue"
    return "description" if "descriptions" in path.name else "document"


def _pair_rank(path: Path) -> int:
    return PAIR_KINDS.index(_pair_kind(path)) if _is_pairs_file(path) else 0


def _build(files: list[Path], work_dir: Path, progress: Progress) -> CorpusReport:
    drops = DropReport()
    seen = _Seen()
    documents: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    with gzip_writer(work_dir / DOCUMENTS_NAME) as write:
        for file in files:
            if _is_pairs_file(file):
                continue
            done = 0
            for raw in iter_jsonl(file, drops) if _is_corpus_file(file) else iter_path(file, drops=drops):
                done += 1
                if done % 500 == 0:
                    progress(file.name, done, None)
                document = _keep(raw, seen, drops)
                if document is None:
                    continue
                split = split_of(document)
                _remember(document, split, seen)
                write(_document_line(document, split))
                documents[f"{document.lang} {file.name.split('.')[0]} {split}"] += 1
                sentences[f"{document.lang} {split}"] += len(document.sentences)
            progress(file.name, done, done)
    if not documents:
        said = f" ({', '.join(f'{reason}: {count}' for reason, count in drops.rows())})" if drops else ""
        raise InputError(
            f"the inputs hold no usable document{said}; give .jsonl.gz, Markdown, HTML, Word or text files"
        )
    _hold_out(work_dir / DOCUMENTS_NAME, documents, sentences)
    with gzip_writer(work_dir / PAIRS_NAME) as write:
        for file in files:
            if not _is_pairs_file(file):
                continue
            done = 0
            kind = _pair_kind(file)
            read = iter_catalogue if kind == "catalogue" else iter_pairs
            for english, other, lang in read(file, drops):
                done += 1
                if done % 2000 == 0:
                    progress(file.name, done, None)
                for a, b in clean_pair(
                    english, other, lang, "howto" if kind == "document" else "description", drops
                ):
                    key = _digest(f"{a}\t{lang}\t{b}")
                    if key in seen.pairs:
                        drops["pair: duplicate"] += 1
                        continue
                    seen.pairs.add(key)
                    split = _pair_split(a, b, lang, seen)
                    write(f"{split}\t{kind}\teng_Latn\t{a}\t{lang}\t{b}\n")
                    pairs[f"{lang} {kind} {split}"] += 1
            progress(file.name, done, done)
    hashes = {file.name: _sha256(file) for file in files if file.is_file()}
    return CorpusReport(
        dict(sorted(documents.items())),
        dict(sorted(sentences.items())),
        dict(sorted(pairs.items())),
        drops,
        hashes,
    )


def _keep(raw: Document, seen: _Seen, drops: DropReport) -> Document | None:
    document = clean_document(raw, drops)
    if document is None or _is_duplicate(document, seen, drops):
        return None
    identity = f"{document.lang} {document.document_id}"
    if identity in seen.identities:
        drops["document: same title or page"] += 1
        return None
    shorter = _without_known(document, seen, drops)
    # Descriptions of sibling packages differ only in their boilerplate.
    if shorter is None or (shorter != document and _is_duplicate(shorter, seen, drops)):
        return None
    seen.identities.add(identity)
    if shorter.lang == "eng_Latn":
        seen.english.update(_digest(sentence) for sentence in shorter.sentences)
    return shorter


def _is_duplicate(document: Document, seen: _Seen, drops: DropReport) -> bool:
    key = _digest("\n".join((document.lang, *document.sentences)))
    if key in seen.documents:
        drops["document: duplicate"] += 1
        return True
    seen.documents.add(key)
    return False


def _without_known(document: Document, seen: _Seen, drops: DropReport) -> Document | None:
    if document.kind in _BOILERPLATE_FREE_KINDS:
        return document
    sections: list[Section] = []
    for section in document.sections:
        blocks: list[Block] = []
        for block in section.blocks:
            kept: list[str] = []
            for sentence in block.sentences:
                if document.lang != "eng_Latn" and _digest(sentence) in seen.english:
                    drops["untranslated"] += 1
                elif _is_boilerplate(sentence, document.lang, seen):
                    drops["boilerplate"] += 1
                else:
                    kept.append(sentence)
            if kept:
                blocks.append(replace(block, sentences=tuple(kept)))
        if blocks:
            sections.append(replace(section, blocks=tuple(blocks)))
    if not sections:
        drops["document: only boilerplate"] += 1
        return None
    return replace(document, sections=tuple(sections))


def _hold_out(path: Path, documents: Counter[str], sentences: Counter[str]) -> None:
    """Move a tenth of the train documents, at least one, to dev in each language that has none there.

    The hash of `split_of` may leave a small folder without dev documents, which training needs for evaluation.
    `documents` and `sentences` are the report's counts.
    """
    num: dict[str, Counter[str]] = {}
    for key, count in documents.items():
        lang, *_, split = key.split(" ")
        num.setdefault(lang, Counter())[split] += count
    small = {lang for lang, splits in num.items() if not splits["dev"] and splits["train"] > 1}
    if not small:
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for lang in sorted(small):
        own = [
            row
            for row in rows
            if row["lang"] == lang and row["split"] == "train" and row["kind"] in PLANNED_KINDS
        ]
        own.sort(key=lambda row: str(row["id"]))
        for row in own[: max(1, len(own) // SMALL_DEV_SHARE) if len(own) > 1 else 0]:
            row["split"] = "dev"
            source = next(key for key in documents if key.startswith(f"{lang} ") and key.endswith(" train"))
            length = sum(len(paragraph) for section in row["sections"] for paragraph in section["paragraphs"])
            documents[source] -= 1
            documents[f"{source.removesuffix('train')}dev"] += 1
            sentences[f"{lang} train"] -= length
            sentences[f"{lang} dev"] += length
    with gzip_writer(path) as write:
        for row in rows:
            write(json.dumps(row, ensure_ascii=False) + "\n")


def _is_boilerplate(sentence: str, lang: str, seen: _Seen) -> bool:
    key = _digest(lang + sentence)
    seen.sentence_documents[key] += 1
    return seen.sentence_documents[key] > _MAX_DOCUMENTS_PER_SENTENCE


def _remember(document: Document, split: Split, seen: _Seen) -> None:
    headings = (section.heading for section in document.sections)
    for text in (document.title, *headings, *document.sentences):
        key = _text_key(document.lang, text)
        if split == "train":
            seen.train_sentences.add(key)
        elif seen.held_out.get(key) != "test":
            seen.held_out[key] = split


def _pair_split(english: str, other: str, lang: str, seen: _Seen) -> Split:
    """Return the split of a pair: dev or test if one of its texts occurs only in documents of that split.

    A text that train documents contain too is not held out, so it does not decide. A side of several sentences is
    looked up sentence by sentence too.
    """
    splits: set[Split] = set()
    for code, side in (("eng_Latn", english), (lang, other)):
        for text in {side, *_SENTENCE_END.split(side)}:
            key = _text_key(code, text)
            split = seen.held_out.get(key)
            if split is not None and key not in seen.train_sentences:
                splits.add(split)
    return "test" if "test" in splits else "dev" if "dev" in splits else "train"


def _text_key(lang: str, text: str) -> bytes:
    return _digest(lang + same_text(text))


def _document_line(document: Document, split: Split) -> str:
    row = {"id": document.document_id, "split": split, "kind": document.kind, **document_row(document)}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _replace_dir(new: Path, target: Path) -> None:
    old = target.parent / f".{target.name}.old.{os.getpid()}"
    if target.exists():
        os.replace(target, old)
    os.replace(new, target)
    if (old / EMBEDDINGS).is_dir():
        os.replace(old / EMBEDDINGS, target / EMBEDDINGS)  # keep the embeddings
    shutil.rmtree(old, ignore_errors=True)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
