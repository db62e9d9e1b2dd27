"""`search`: words become a concept of the right space and language; what is found is shown with its place."""

from __future__ import annotations

import json

import numpy as np
import pytest

import longhand
from concepts.errors import StorageError
from longhand.doing.searching import fuse
from storage import Match, SpaceRef, Store

SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=4)


class Words:
    """Encodes every sentence as the vector of one stored sentence; notes what it was asked."""

    def __init__(self) -> None:
        self.space = SPACE
        self.asked: list[tuple[list[str], str]] = []
        self.vector = np.ones(4, dtype=np.float32)
        self.weight = np.ones(4, dtype=np.float32)

    def start_loading(self, stages: object) -> None: ...

    def prepare(self, stage: object) -> None: ...

    def as_query(self, vectors: np.ndarray, lang: str) -> np.ndarray:
        assert lang == self.asked[-1][1]
        return vectors * self.weight

    def encode(self, sentences: list[str], lang: str) -> object:
        self.asked.append((list(sentences), lang))
        return np.stack([self.vector] * len(sentences))


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    encoder = Words()
    monkeypatch.setattr("longhand.doing.searching.make_engine", lambda space: encoder)
    return encoder


@pytest.fixture
def sentence(run, store: Store, words: Words) -> str:
    """The id of a document whose second section's first sentence is what will be looked for."""
    assert run("write", "tea").exit_code == 0
    (document,) = store.list_documents()
    second = store.get_outline(document.id).items[1]
    words.vector = store.get_concepts([second.id])[second.id].vectors[0]
    return document.id


def test_the_nearest_sentence_is_shown_first(run, words, sentence):
    result = run("search", "How is tea made? And drunk?")
    assert result.exit_code == 0
    header, first, *others = result.stdout.splitlines()
    assert header.split() == ["NEAR", "BY", "ID", "ITEM", "IN", "TEXT"]
    assert first.split(maxsplit=5)[:5] == ["1.00", "meaning", sentence, "2,", "1"]
    assert "Heading 2" in first
    assert "Sentence 4 is here." in first
    assert len(others) == 7
    assert words.asked == [(["How is tea made?", "And drunk?"], "eng_Latn")]


def test_words_are_mapped_and_the_nearness_of_their_own_concept_is_one(run, words, sentence):
    plain = json.loads(run("search", "tea", "--json").stdout)
    words.weight = np.array([1, 8, 1, 1], dtype=np.float32)
    mapped = json.loads(run("search", "tea", "--json").stdout)
    assert [match["text"] for match in plain] != [match["text"] for match in mapped]
    near = {match["text"]: match["similarity"] for match in mapped}
    assert near["Sentence 4 is here."] == pytest.approx(1.0, abs=1e-5)
    assert all(value <= 1 for value in near.values())


def test_search_as_json_in_one_place(run, words, sentence):
    found = json.loads(run("search", "tea", "--in", "plan", "--limit", "1", "--json").stdout)
    assert [(match["document_id"], match["place"], match["ordinal"]) for match in found] == [
        (sentence, "plan", None)
    ]
    assert found[0]["text"] == found[0]["heading"] == f"Heading {found[0]['path']}"


def test_meaning_and_words_are_mixed(run, words, sentence):
    # The heading that holds the word is no nearer than others: it comes first by both.
    first, *_ = json.loads(run("search", "sentence 4", "--json").stdout)
    assert (first["text"], first["found_by"]) == ("Sentence 4 is here.", ["meaning", "words"])
    assert first["similarity"] == pytest.approx(1.0, abs=1e-5)
    _, first, *_ = run("search", "sentence 4").stdout.splitlines()
    assert first.split(maxsplit=2)[:2] == ["1.00", "both"]


def test_words_alone_need_no_model(run, words, sentence, monkeypatch):
    def refuse(*arguments: object, **more: object) -> None:
        raise StorageError("search by meaning needs pgvector")

    monkeypatch.setattr(Store, "check_can_search", refuse)
    result = run("search", "headings", "--by", "words")
    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [["words", sentence]] * 2
    assert words.asked == []
    with longhand.open() as lh:
        assert len(lh.search("headings", ways=["words"])) == 2
    none = run("search", "coffee", "--by", "words")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "no text in use holds these words" in none.stderr
    # Where vectors are needed, it is said before anything is encoded.
    result = run("search", "headings")
    assert (result.exit_code, result.stderr) == (1, "longhand: search by meaning needs pgvector\n")
    assert words.asked == []


def match(document_id: str, *found_by: str, ordinal: int = 0) -> Match:
    return Match(
        document_id=document_id,
        place="sentences",
        path="1",
        ordinal=ordinal,
        heading=None,
        text="by " + " and ".join(found_by),
        lang="eng_Latn",
        similarity=0.5 if "meaning" in found_by else None,
        found_by=found_by,  # type: ignore[arg-type]
    )


def test_ranks_are_fused_and_not_their_scores():
    meaning = [match(name, "meaning") for name in "abcd"]
    by_words = [match(name, "words") for name in "dbe"]
    fused = fuse([meaning, by_words], 4)
    # 1/62 + 1/62 > 1/64 + 1/61 > 1/61 > 1/63
    assert [m.document_id for m in fused] == ["b", "d", "a", "c"]
    assert (fused[0].similarity, fused[0].text, fused[0].found_by) == (0.5, "by words", ("meaning", "words"))
    assert fuse([meaning], 2) == tuple(meaning[:2])
    assert len(fuse([meaning, [match("a", "words", ordinal=1)]], 9)) == 5


def test_search_from_python(words, sentence):
    with longhand.open() as lh:
        (match,) = lh.search("tea", ways=["meaning"], places=["sentences"], limit=1)
    assert (match.document_id, match.path, match.ordinal) == (sentence, "2", 0)


def test_nothing_stored_is_said(run, words):
    result = run("search", "tea")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing of this space is stored yet" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("",), 1, "what is looked for is empty"),
        (("🎉",), 1, "what is looked for holds only emoji"),
        (("tea", "--in", "plans"), 2, "did you mean plan?"),
        (("tea", "--by", "word"), 2, "did you mean words?"),
        (("tea", "--limit", "0"), 2, "--limit is 0: give a number from 1 to 1000"),
        (("tea", "--lang", "englsh"), 2, "did you mean eng_Latn?"),
        ((), 2, "Missing argument 'words'"),
    ],
)
def test_what_cannot_be_looked_for(run, words, arguments, code, message):
    result = run("search", *arguments)
    assert (result.exit_code, message in result.stderr, result.stderr.count("\n")) == (code, True, 1)
    assert words.asked == []
