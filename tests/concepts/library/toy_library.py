"""What the tests of libraries share: a few passages, and an encoder to which texts with the same words are alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from concepts.corpus.records import Block, Document, Section
from concepts.library.books import Book
from concepts.library.library import Library, Passage
from concepts.library.stored import write_library
from concepts.models.card import ModelCard

DIM = 64


def encode(texts: list[str]) -> Tensor:
    """Return the sum of a random vector for each word: texts with the same words are alike."""
    rows = []
    for text in texts:
        words = [word.strip(".,:").lower() for word in text.split()]
        seeds = [int.from_bytes(word.encode()[:7], "little") for word in words]
        rows.append(sum(torch.randn(DIM, generator=torch.Generator().manual_seed(s)) for s in seeds))
    return torch.stack(rows)  # type: ignore[arg-type]


def passage(title: str, heading: str, *sentences: str) -> Passage:
    """Return a passage of paragraphs."""
    return Passage(title, heading, sentences)


TIRES = passage(
    "Bicycle tire repair",
    "Finding hole",
    "Pumped tubes hiss where the hole is.",
    "A bucket of water shows bubbles at a hole.",
    "It is then marked with chalk.",
)
PATCH = passage(
    "Bicycle tire repair",
    "Gluing patch",
    "Rough rubber takes the patch well.",
    "Press the patch for a minute.",
)
BREAD = passage(
    "White bread", "Kneading dough", "Knead the dough until it is smooth.", "Flour keeps dough dry."
)
LIBRARY = Library.of([TIRES, PATCH, BREAD], encode, least_likeness=0.3)


def toy_documents(num: int) -> list[Document]:
    """Return documents with a section of two sentences, and an empty one."""
    block = Block(("The rim holds the tire in its place.", "Air keeps the tire round."))
    return [
        Document(
            f"Title {n}", (Section("Rims", (block,)), Section("Empty", ())), "eng_Latn", "longhand-everyday"
        )
        for n in range(num)
    ]


GARDEN = [
    Passage(
        title,
        heading,
        tuple(
            f"{heading} {what} {heading.lower()} dear {title.split()[0]}." for what in ("is", "was", "stays")
        ),
        prompt=typed,
    )
    for title, typed in (
        ("Bees in the garden", "how can bees live at my home"),
        ("Bees in a garden", ""),
        ("Baking bread", "bread recipe"),
    )
    for heading in (
        "Water",
        "Flowers",
        "Nesting",
        "Shelter",
        "Winter work",
        f"Advice of {title.split()[0]} Smith",
    )
]


def of_bees(title: str, *headings: str) -> list[Passage]:
    """Return a document's passages, each with words of its own about bees."""
    found = []
    for heading in headings:
        own = " ".join(f"{heading.lower()}{n}" for n in range(5))
        sentences = tuple(f"{heading} {what} dear {own} of bees." for what in ("is", "was", "stays"))
        found.append(Passage(title, heading, sentences))
    return found


BEES = [
    *of_bees("Bees garden overview", "Flowers", "Water", "Nesting", "Winter"),
    *of_bees("Winter cold bees garden", "Snow", "Sugar", "Cold", "Mice"),
    *of_bees("Water drink bees garden", "Dishes", "Ponds", "Rain", "Drought"),
    *of_bees("Flowers food bees garden", "Clover", "Lime", "Heather", "Dandelion"),
    *of_bees("Garden bees: overview", "Roses", "Trees", "Herbs", "Lawn"),
    *of_bees("Baking bread", "Flour", "Yeast", "Salt", "Oven"),
]


def write_toy(documents: Sequence[Document], folder: Path, *, books: Sequence[Book] = ()) -> ModelCard:
    """Write a library of a toy space to `folder`."""
    return write_library(
        documents,
        folder,
        encode,
        name=folder.name,
        space_id="toy@1",
        dim=DIM,
        data="tests",
        licence="none",
        books=books,
    )
