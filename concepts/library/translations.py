"""Translations of a library's documents by people or by large models: a translation memory.

A document whose sentences stand in it is told in the other language as its translator wrote it; any other sentence is
left to the space's translator. One row a document: its English texts (title, headings, sentences, in this order) and,
by language, as many texts.
"""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from concepts.blanks import fill
from concepts.errors import ModelError
from concepts.languages.codes import ENGLISH

_DEFAULT = re.compile(r"\[[^\[\]:]+:\s*([^\[\]]+)\]")
"""Matches a translated blank with its default, "[Name des Mädchens: Lena]"."""
TRANSLATIONS_FILE = "translations.jsonl.xz"


@dataclass(frozen=True)
class TranslatedDocument:
    """A document's texts in several languages."""

    english: tuple[str, ...]
    """Title, then headings and sentences as they follow each other."""
    texts: Mapping[str, tuple[str, ...]]
    """By NLLB code, as many as the English ones."""

    @property
    def title(self) -> str:
        """The English title."""
        return self.english[0]


class TranslationMemory:
    """Translated documents that are looked up by the English of a title, heading or sentence."""

    def __init__(self, documents: Iterable[TranslatedDocument] = ()) -> None:
        self._documents = tuple(documents)

    @classmethod
    def load(cls, path: Path) -> TranslationMemory:
        """Read a file of translations; raises ModelError if it is damaged."""
        return cls(read_translations(path))

    def translate(self, texts: Sequence[str], source_lang: str, lang: str) -> list[str | None]:
        """Return texts in `lang`, each as the document has it that holds most of them; None for one that is not here.

        "Dear [name]," stands in letters to friends and to offices: the texts beside it tell which one it is.
        """
        places = self._places.get(source_lang, {})
        held = [
            {
                number: row
                for number, row in places.get(text.strip(), {}).items()
                if lang in self._told[number]
            }
            for text in texts
        ]
        counts = Counter(number for own in held for number in own)
        found: list[str | None] = []
        for own in held:
            best = max(own, key=lambda number: (counts[number], -number), default=None)
            found.append(None if best is None else self._told[best][lang][own[best]])
        return found

    @cached_property
    def _told(self) -> list[dict[str, list[str]]]:
        """The texts of each document by language, English among them, with the defaults of their blanks."""
        told = []
        for document in self._documents:
            english = [fill(text, {}) for text in document.english]
            plain = [a == b for a, b in zip(english, document.english, strict=True)]
            told.append({ENGLISH: english})
            for lang, texts in document.texts.items():
                pairs = zip(texts, plain, strict=True)
                told[-1][lang] = [text if is_plain else _DEFAULT.sub(r"\1", text) for text, is_plain in pairs]
        return told

    @cached_property
    def _places(self) -> dict[str, dict[str, dict[int, int]]]:
        """By language and text, the documents that hold it, and its row there, the first."""
        places: dict[str, dict[str, dict[int, int]]] = {}
        for number, told in enumerate(self._told):
            for lang, texts in told.items():
                of_text = places.setdefault(lang, {})
                for row, text in enumerate(texts):
                    of_text.setdefault(text, {}).setdefault(number, row)
        return places

    def titles(self, lang: str) -> dict[str, str]:
        """Return the titles in `lang` of the documents translated into it, by their English titles."""
        return {d.title: d.texts[lang][0] for d in self._documents if lang in d.texts}


def read_translations(path: Path) -> Iterator[TranslatedDocument]:
    """Yield the documents of a file; raises ModelError if it is damaged."""
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                english = tuple(row["english"])
                texts = {lang: tuple(found) for lang, found in row["texts"].items()}
                if not english or any(len(found) != len(english) for found in texts.values()):
                    raise ValueError(f"the texts of {row['english'][:1]} are not as many as the English ones")
                yield TranslatedDocument(english, texts)
    except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, lzma.LZMAError) as error:
        raise ModelError(
            f"the translations {path} cannot be read ({error}); install Longhand again"
        ) from error


def write_translations(path: Path, documents: Iterable[TranslatedDocument]) -> None:
    """Write documents to a file, in the order of their titles."""
    with lzma.open(path, "wt", preset=9, encoding="utf-8") as packed:
        for document in sorted(documents, key=lambda d: d.title):
            row = {"english": document.english, "texts": document.texts}
            packed.write(json.dumps(row, ensure_ascii=False) + "\n")
