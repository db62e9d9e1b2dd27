"""Adding translations of documents to a library.

    python -m training.languages.translations LIBRARY FILE...

LIBRARY is a library's folder. A line of FILE is a document as JSON: {"english": [title, heading or sentence, ...],
"texts": {"deu_Latn": [as many], ...}}. Its texts take the place of those that the library holds in these languages.
The file of translations and its checksum on the card are written anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from concepts.errors import InputError
from concepts.library.translations import (
    TRANSLATIONS_FILE,
    TranslatedDocument,
    read_translations,
    write_translations,
)
from concepts.models.checksums import sha256_of


def read_lines(path: Path) -> list[TranslatedDocument]:
    """Return the documents of a file; raises InputError for a line that is none."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            english = tuple(map(str, row["english"]))
            texts = {str(lang): tuple(map(str, own)) for lang, own in row["texts"].items()}
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise InputError(f"{path}, line {number} is no translated document ({error})") from error
        for lang, own in texts.items():
            if not english or len(own) != len(english) or not all(text.strip() for text in own):
                raise InputError(
                    f"{path}, line {number}: {lang} has {len(own)} texts, expected {len(english)}, none empty"
                )
        found.append(TranslatedDocument(english, texts))
    return found


def merge(old: Iterable[TranslatedDocument], new: Iterable[TranslatedDocument]) -> list[TranslatedDocument]:
    """Return documents by title; a new one's English takes the place of the old one's, with its texts."""
    merged = {document.title: document for document in old}
    for document in new:
        known = merged.get(document.title)
        kept = known.texts if known is not None and known.english == document.english else {}
        merged[document.title] = TranslatedDocument(document.english, {**kept, **document.texts})
    return list(merged.values())


def add_translations(folder: Path, files: Sequence[Path]) -> int:
    """Add the documents of files to a library; return how many it then holds."""
    path, card_path = folder / TRANSLATIONS_FILE, folder / "card.json"
    documents = merge(
        read_translations(path) if path.exists() else (), (one for file in files for one in read_lines(file))
    )
    write_translations(path, documents)
    card = json.loads(card_path.read_text(encoding="utf-8"))
    card["files"][TRANSLATIONS_FILE] = sha256_of(path)
    card_path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return len(documents)


def main() -> None:
    """Add files and print how many documents there are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    asked = parser.parse_args()
    print(f"{add_translations(asked.library, asked.files)} documents")


if __name__ == "__main__":
    main()
