"""Libraries: passages found by meaning."""

from __future__ import annotations

import torch

from concepts.library.headings import like_headings
from concepts.library.library import Library, Passage, codes_of, passages_of
from concepts.library.notes import find_notes
from concepts.library.outline import find_outline
from concepts.library.parts import find_parts
from concepts.library.stored import EMPTY
from tests.concepts.library.toy_library import GARDEN, LIBRARY, encode, passage, toy_documents


def test_the_nearest_passage_is_that_about_the_same() -> None:
    subjects = encode(["Bicycle tire: Finding hole", "Bread: Kneading dough"])
    likeness = LIBRARY.likeness(subjects, encode(["Bicycle tire"])[0])
    assert int(likeness[0].argmax()) == 0
    assert likeness[1, 1] > likeness[0, 2]  # the title counts: all of the bicycle is nearer than bread


def test_likeness_is_about_the_cosine() -> None:
    many = torch.randn(200, 384, generator=torch.Generator().manual_seed(1))
    library = Library([passage(str(n), "", "A.") for n in range(200)], *[codes_of(many)] * 3)
    query = many[:1] + 0.8 * torch.randn(1, 384, generator=torch.Generator().manual_seed(2))
    exact = torch.cosine_similarity(query, many)
    found = library.likeness(query, query[0])[0]
    assert int(found.argmax()) == 0
    assert (found - exact).abs().max() < 0.2
    assert abs(float(found[0] - exact[0])) < 0.1


def test_a_documents_sections_are_its_passages() -> None:
    (found,) = passages_of(toy_documents(1)[0])
    assert (found.title, found.heading, found.subject) == ("Title 0", "Rims", "Title 0: Rims")
    assert Passage("Rims", "Rims", ()).subject == "Rims"


def test_documents_on_the_very_subject_can_be_hidden() -> None:
    library = Library.of(GARDEN, encode, least_likeness=0.3)
    library.most_alike = 0.75
    assert find_outline(library, encode, ["Bees in the garden"]) == []
    assert find_parts(library, encode, ["Bees in the garden"]) == []
    (notes,) = find_notes(library, encode, "Bees in the garden", ["Water"])
    assert all("Bees" not in note.title for note in notes)
    assert all("Bees" not in name for name in like_headings(library, encode, "Bees in the garden"))


def test_a_library_covers_what_it_is_about() -> None:
    subjects = encode(["Bicycle tire repair: Finding hole", "Tax law: Deadlines"])
    covered, other = LIBRARY.coverage(subjects, encode(["Bicycle tire repair"])[0]).tolist()
    assert covered > other
    assert EMPTY.coverage(subjects, subjects[0]).tolist() == [0.0, 0.0]
