"""Which book of the library a prompt gets, and how well documents put together by likeness stand in for one.

    .venv/bin/python benchmarks/library/bench_books.py
    .venv/bin/python benchmarks/library/bench_books.py --library FOLDER

Prints how many words the books have. For each book, four wordings of its subject: prints for how many the search finds
the book, finds another one, or none, and how often it finds another one when the book itself is hidden (it should find
none). Then, for `--parts` random books, the parts that documents make where there is no book: how many of these are
chapters of the book, and which share of the pairs of them stand in the book's order. Takes some minutes on two cores.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from itertools import combinations
from statistics import quantiles

import torch

from concepts.codecs.spaces import load_codec
from concepts.library.books import Books, subject_of_book
from concepts.library.encode import Encode
from concepts.library.library import Library
from concepts.library.parts import find_parts
from concepts.library.stored import load_library
from flows.document.titles import derive_title, subject_of

WORDINGS = (
    "a comprehensive guide to {}",
    "everything you need to know about {}",
    "write me a book about {}",
    "the complete {} handbook for beginners",
)


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--library", help="Its name or folder; else the one that ships.")
    parser.add_argument("--parts", type=int, default=40, metavar="N")
    asked = parser.parse_args()
    codec = load_codec(None)
    known: dict[str, torch.Tensor] = {}

    def encode(texts: list[str]) -> torch.Tensor:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, codec.encode(new, "eng_Latn"), strict=True))
        return torch.stack([known[text] for text in texts])

    library = load_library(asked.library, space_id=codec.space_id, encode=encode)
    books = library.books
    words = _num_words(library)
    lengths = [sum(words[chapter] for chapter in book.chapters) for book in books.books]
    low, _, _, _, middle, _, _, _, high = quantiles(lengths, n=10)
    print(
        f"{len(books)} books; words of one: {low:.0f} (a tenth have fewer), {middle:.0f} (half), {high:.0f}"
    )
    _count_found(books, encode)
    _count_parts(library, encode, asked.parts)


def _num_words(library: Library) -> Counter[str]:
    """Return the number of words of each document, by title."""
    words: Counter[str] = Counter()
    for passage in library.passages:
        words[passage.title] += sum(len(sentence.split()) for sentence in passage.sentences)
    return words


def _names(prompt: str) -> list[str]:
    subject = subject_of(prompt, "eng_Latn")
    return [derive_title(subject, "eng_Latn"), subject]


def _count_found(books: Books, encode: Encode) -> None:
    counts: Counter[str] = Counter()
    for number, book in enumerate(books.books):
        others = Books(
            [*books.books[:number], *books.books[number + 1 :]],
            torch.cat((books.concepts_BD[:number], books.concepts_BD[number + 1 :])),
        )
        for wording in WORDINGS:
            names = _names(wording.format(subject_of_book(book.prompt)))
            found = books.find(encode, names)
            counts["the book" if found == book else "none" if found is None else "another"] += 1
            if (other := others.find(encode, names)) is not None:
                counts["another, the book being hidden"] += 1
                print(f"  {names[-1]} -> {other.title}")
    print("a prompt finds", ", ".join(f"{what}: {num}" for what, num in counts.most_common()))


def _count_parts(library: Library, encode: Encode, num: int) -> None:
    bare = Library(library.passages, *library.codes, entries=library.entries)
    num_parts = num_chapters = num_pairs = num_in_order = num_without = 0
    books = library.books.books
    for book in random.Random(0).sample(books, min(num, len(books))):
        parts = [part.heading for part in find_parts(bare, encode, _names(book.prompt))]
        chapters = [part for part in parts if part in book.chapters]
        places = [book.chapters.index(chapter) for chapter in chapters]
        pairs = list(combinations(places, 2))
        num_parts += len(parts)
        num_without += not parts
        num_chapters += len(chapters)
        num_pairs += len(pairs)
        num_in_order += sum(first < second for first, second in pairs)
    print(
        f"without books: {num_parts} parts, {num_chapters} of them chapters; {num_in_order} of {num_pairs} pairs in "
        f"the book's order; no parts for {num_without} subjects"
    )


if __name__ == "__main__":
    main()
