"""Translations of a library's documents by people or by large models: a translation memory.

A document whose sentences stand in it is told in the other language as its translator wrote it; any other sentence is
left to the space's translator. One row a document: its English texts (title, headings, sentences, in this order) and,
by language, as many texts.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
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

    @cached_property
    def _by_lang(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for document in self._documents:
            for lang, texts in document.texts.items():
                known = found.setdefault(lang, {})
                for english, text in zip(document.english, texts, strict=True):
                    # a document is told with the defaults of its blanks
                    filled = fill(english, {})
                    known.setdefault(filled, text if filled == english else _DEFAULT.sub(r"\1", text))
        return found

    def translate(self, text: str, source_lang: str, lang: str) -> str | None:
        """Return a text in `lang`, which may be English like `source_lang`; None if it is not here."""
        english = text.strip()
        if source_lang != ENGLISH:
            english = self._english.get(source_lang, {}).get(english, "")
        return (english or None) if lang == ENGLISH else self._by_lang.get(lang, {}).get(english)

    @cached_property
    def _english(self) -> dict[str, dict[str, str]]:
        return {
            lang: {text: english for english, text in known.items()} for lang, known in self._by_lang.items()
        }

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
