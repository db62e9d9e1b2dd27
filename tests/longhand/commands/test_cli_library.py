"""`--library`, `show --notes` and `corpus library`: what documents are written from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from flows.leases.lease import claim
from storage import Note, Store

PAGE = """# Brewing {name}

## Before you begin

Fill the kettle with {name} water and switch it on. Warm the pot while the water heats up slowly.

## Brewing

Put two spoons of {name} leaves into the pot. Pour the water over them and wait for four minutes.
"""
NOTE = Note(text="Soft water is best for tea.", title="Brewing tea", heading="Water", score=0.61)


def make_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("green", "black", "white"):
        (folder / f"{name}.md").write_text(PAGE.format(name=name))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def params_of(store: Store) -> dict[str, object]:
    return store.list_documents(limit=1)[0].params


def test_documents_of_ones_own_are_named_by_their_whole_path(run, store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = run("write", "Tea", "--library", "pages")
    assert result.exit_code == 0, result.stderr
    assert params_of(store)["library"] == str(folder)
    assert "unreadable: unknown kind of file (1)" in result.stderr


def test_none_is_stored_as_asked(run, store):
    assert run("submit", "Tea", "--library", "none").exit_code == 0
    assert params_of(store)["library"] == "none"


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        ("nowhere", "no library named 'nowhere'"),
        ("./nowhere", "is not a model"),
        ("picture.png", "expected .md"),
        ("hollow", "no document to write from"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_stored(
    run, store, tmp_path, monkeypatch, library, reason
):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "hollow").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run("write", "Tea", "--library", library)
    assert (result.exit_code, result.stdout) == (1, "")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1
    assert store.list_documents() == ()


def test_the_notes_of_a_section_are_shown_with_where_they_stand(run, store):
    assert run("write", "Tea").exit_code == 0
    document = store.list_documents(limit=1)[0]
    first, second = store.get_outline(document.id).leaves()
    lease = claim(store, document.id)
    with store.fenced(lease) as tx:
        tx.set_notes({first.id: [NOTE]})
    store.release(lease, "done")
    shown = run("show", document.id, "--notes").stdout
    assert f"{first.path} {first.heading}\n- {NOTE.text} (not word by word; Brewing tea: Water)\n" in shown
    assert f"{second.path} {second.heading}\nnone were looked for\n" in shown
    assert "Sentence 1" not in shown
    found = json.loads(run("show", document.id, "--json").stdout)["notes"]
    assert found == {
        first.path: [
            {
                "text": NOTE.text,
                "title": NOTE.title,
                "heading": NOTE.heading,
                "score": 0.61,
                "block": "paragraph",
                "begins": False,
            }
        ]
    }


class ToyCodec:
    """A space of random vectors."""

    space_id, dim = "toy@000000000000", 16

    def encode(self, sentences: list[str], _lang: str = "eng_Latn") -> torch.Tensor:
        return torch.randn(len(sentences), self.dim, generator=torch.Generator().manual_seed(len(sentences)))


def test_a_corpus_becomes_a_library(run, tmp_path, monkeypatch):
    monkeypatch.setattr("concepts.codecs.spaces.load_codec", lambda *_: ToyCodec())
    corpus = tmp_path / "corpus"
    assert run("corpus", "import", str(make_folder(tmp_path)), "--out", str(corpus)).exit_code == 0
    result = run("corpus", "library", str(corpus), "--out", str(tmp_path / "mine"))
    assert result.exit_code == 0, result.stderr
    card = json.loads((tmp_path / "mine" / "card.json").read_text())
    assert (card["name"], card["kind"], card["space"]) == ("mine", "library", ToyCodec.space_id)
    assert card["figures"]["documents"] == 3
    books = tmp_path / "books.jsonl"
    books.write_text('{"title": "Tea", "prompt": "tea", "chapters": ["Nothing", "Nobody", "Nowhere"]}\n')
    for words, reason in (
        (["--books", str(books)], "the book 'Tea' has a chapter 'Nothing', which is no document's title"),
        (["--books", str(tmp_path / "none.jsonl")], "cannot be read"),
        (["--kinds", "poem"], "--kinds has 'poem'"),
        (["--kinds", "recipe"], "no document"),
    ):
        refused = run("corpus", "library", str(corpus), "--out", str(tmp_path / "other"), *words)
        assert refused.exit_code in (1, 2)
        assert reason in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_no_corpus_no_library(run, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("concepts.codecs.spaces.load_codec", lambda *_: ToyCodec())
    result = run("corpus", "library", str(tmp_path), "--out", str(tmp_path / "mine"))
    assert result.exit_code == 1
    assert "is not a corpus" in result.stderr
