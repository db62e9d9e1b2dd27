"""Libraries on disk: written, read as they are needed, refused, and made of one's own documents."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from concepts.corpus.importers import document_row
from concepts.corpus.records import Block, Document, Section
from concepts.corpus.split import split_of
from concepts.errors import InputError, ModelError
from concepts.library.library import Library, entries_of, passages_of
from concepts.library.notes import find_notes
from concepts.library.own import read_own
from concepts.library.stored import EMPTY, MOST_LOADED, Libraries, StoredPassages, load_library, write_library
from tests.concepts.library.toy_library import DIM, encode, toy_documents, write_toy


def test_a_library_comes_back_as_it_was_written(tmp_path: Path) -> None:
    documents = toy_documents(30)
    card = write_toy(documents, tmp_path / "mine")
    assert card.kind == "library" and card.figures == {"documents": 30, "passages": 30}
    loaded = load_library(str(tmp_path / "mine"), space_id="toy@1", encode=encode)
    assert {p.title for p in loaded.passages} == {d.title for d in documents}
    subjects = encode(["Title 7: Rims"])
    again = Library.of(loaded.passages, encode)
    assert torch.equal(loaded.likeness(subjects, subjects[0]), again.likeness(subjects, subjects[0]))
    found = load_library(str(tmp_path / "mine"), space_id="toy@1", encode=encode).likeness(
        subjects, subjects[0]
    )
    assert loaded.passages[int(found.argmax())].title == "Title 7"


def test_documents_that_models_are_measured_on_give_nothing_to_what_is_measured(tmp_path: Path) -> None:
    documents = toy_documents(300)
    held = [d for d in documents if split_of(d) != "train"]
    assert held
    asked = dataclasses.replace(documents[0], title="Asked of Longhand", page="asked/0001")
    assert split_of(asked) == "test"
    folder = tmp_path / "all"
    write_library(
        [*documents, asked],
        folder,
        encode,
        name="all",
        space_id="toy@1",
        dim=DIM,
        data="tests",
        licence="none",
    )
    everybodys = load_library(str(folder), space_id="toy@1", encode=encode)
    measured = load_library(str(folder), space_id="toy@1", encode=encode, is_measured=True)

    def finds(library: Library, title: str) -> bool:
        about = encode([title])
        place = library.titles.index(title)
        own = list(library.places_of(place))
        seen = bool(library.document_likeness(about[0])[place] > 0)
        assert bool((library.likeness(about, about[0])[0, own] > 0).all()) is seen
        return seen

    assert all(finds(everybodys, d.title) for d in held)
    assert not any(finds(measured, d.title) for d in held)
    assert finds(measured, asked.title), "no model learns from it"


def test_a_library_of_another_space_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_toy(toy_documents(3), folder)
    with pytest.raises(ModelError, match=r"made in the space toy@1, got toy@2.*--library none"):
        load_library(str(folder), space_id="toy@2", encode=encode)
    (folder / "codes.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="checksum"):
        load_library(str(folder), space_id="toy@1", encode=encode)


def test_a_space_without_a_library_gives_none() -> None:
    assert len(load_library(None, space_id="toy@1", encode=encode)) == 0


def test_documents_of_ones_own_are_a_library(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(
        "# Our pond\n\n## Fish\n\nGoldfish eat in spring. They sleep in winter below the ice.\n\n"
        "## Plants\n\nReeds clean the water of the pond. Lilies give shade to the fish below.\n"
    )
    (tmp_path / "photo.jpg").write_bytes(b"\xff")
    passages, left_out = read_own(tmp_path)
    assert [(p.title, p.heading, len(p.sentences)) for p in passages] == [
        ("Our pond", "Fish", 2),
        ("Our pond", "Plants", 2),
    ]
    assert left_out == {"unreadable: unknown kind of file": 1}
    library = load_library(str(tmp_path / "notes.md"), space_id="toy@1", encode=encode)
    (notes,) = find_notes(library, encode, "A guide", ["Plants of the pond"])
    assert {note.text for note in notes} >= {"Reeds clean the water of the pond."}


def test_documents_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"\xff")
    (tmp_path / "blank.md").write_text("\n")
    for path, reason in (("empty", "no document"), ("photo.jpg", r"expected \.md"), ("blank.md", "no text")):
        with pytest.raises(InputError, match=reason):
            read_own(tmp_path / path)


def test_own_documents_are_read_again_once_they_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice.\n")
    libraries = Libraries("toy@1", encode)
    first = libraries.get(str(path))
    assert libraries.get(str(path)) is first
    path.write_text("# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice. Frogs sing.\n")
    again = libraries.get(str(path))
    assert again is not first and len(again.passages[0].sentences) == 3
    assert len(libraries.get(None)) == 0


def test_few_libraries_stay_loaded(tmp_path: Path) -> None:
    libraries = Libraries("toy@1", encode)
    for n in range(MOST_LOADED + 1):
        (tmp_path / f"{n}.md").write_text(
            "# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice.\n"
        )
    first = libraries.get(str(tmp_path / "0.md"))
    for n in range(1, MOST_LOADED + 1):
        libraries.get(str(tmp_path / f"{n}.md"))
    assert libraries.get(str(tmp_path / "0.md")) is not first


def test_what_is_hidden_is_hidden_in_each_library_that_is_loaded_and_in_no_other(tmp_path: Path) -> None:
    write_toy(toy_documents(3), tmp_path / "mine")
    about = encode(["Title 1"])[0]
    hiding = Libraries("toy@1", encode, most_alike=0.75)
    assert hiding.get(str(tmp_path / "mine")).document_likeness(about).max() <= 0.75
    assert Libraries("toy@1", encode).get(str(tmp_path / "mine")).document_likeness(about).max() > 0.75
    assert hiding.get(None) is EMPTY
    assert EMPTY.most_alike > 1, "the library of spaces without one is everybody's"


def test_a_librarys_text_is_read_when_it_is_asked_for_and_is_all_there() -> None:
    documents = [
        Document(
            title,
            tuple(Section(head, (Block(tuple(texts)),)) for head, texts in sections),
            "eng_Latn",
            "mine",
            page,
        )
        for title, page, sections in (
            (
                "Tea",
                "1",
                [("Heat", ["Tea is hot."]), ("Empty", []), ("Leaf", ["It is green.", "It is dry."])],
            ),
            ("Tea", "2", [("Cup", ["A cup is small."])]),
            ("Nothing", "3", [("Empty", [])]),
            ("Bees", "4", [("Hive", ["Bees fly."])]),
        )
    ]
    lines = [json.dumps(document_row(document)) for document in documents]
    stored = StoredPassages(lines)
    eager = [passage for document in documents for passage in passages_of(document)]
    assert stored.entries == entries_of(eager)
    assert stored[-1] == stored[3] == eager[3]
    assert list(stored) == list(stored[:]) == eager
    with pytest.raises(IndexError):
        stored[len(eager)]
    parsed: list[str] = []
    lazily = StoredPassages(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "concepts.library.stored.passages_of", lambda d: parsed.append(d.title) or passages_of(d)
        )
        assert [lazily[0], lazily[1], lazily[3]] == [eager[0], eager[1], eager[3]]
    assert parsed == ["Tea", "Bees"]
