"""Concepts to text: order kept, round trips scored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from concepts.context import CONTEXT
from writer.decoding import Rendering, WrittenItem, render, say_sections


class FakeCodec:
    """A vector says its first component; a text is encoded along the first axis."""

    reads_context = False

    def __init__(self, corrections: int = 0) -> None:
        self.decoded: list[list[float]] = []
        self.corrections = corrections

    def is_extension(self, lang: str) -> bool:
        return False

    def reads_draft(self, lang: str) -> bool:
        raise AssertionError("no language of an extension")

    def drafts_for(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str] | None:
        raise AssertionError("no language of an extension")

    def decode(self, vectors: Tensor, lang: str, **how: Any) -> list[str]:
        assert lang == "deu_Latn"
        assert how == {"beam_size": 3, "context": None, "drafts": None, "corrections": self.corrections}
        self.decoded.append(vectors.norm(dim=1).tolist())
        return ["" if vector[0] < 0 else f"text {vector[0]:.0f}" for vector in vectors]

    def encode(self, sentences: list[str], lang: str) -> Tensor:
        assert lang == "deu_Latn" and all(sentences)
        return torch.tensor([[2 * float(text.split()[1]), 0.0] for text in sentences])


VECTORS = torch.tensor([[3.0, 0.0], [4.0, 4.0], [1.0, 0.0], [-5.0, 1.0], [2.0, 2.0]])
EXPECTED = [
    Rendering("text 3", 1.0),
    Rendering("text 4", 0.707107),
    Rendering("text 1", 1.0),
    Rendering("", 0.0),
    Rendering("text 2", 0.707107),
]


def test_texts_and_scores_stay_with_their_rows() -> None:
    assert render(FakeCodec(), VECTORS, "deu_Latn", beam_size=3) == EXPECTED
    order = [4, 2, 0, 3, 1]
    expected = [EXPECTED[i] for i in order]
    assert render(FakeCodec(2), VECTORS[order], "deu_Latn", beam_size=3, corrections=2) == expected


def test_likely_short_sentences_are_decoded_first() -> None:
    codec = FakeCodec()
    render(codec, VECTORS, "deu_Latn", beam_size=3)
    (norms,) = codec.decoded
    assert norms == sorted(norms, reverse=True)


def test_nothing_gives_nothing() -> None:
    assert render(FakeCodec(), torch.empty(0, 2), "deu_Latn", beam_size=3) == []


class ReadingCodec(FakeCodec):
    """Says a vector and the first component of everything around it."""

    reads_context = True

    def decode(self, vectors: Tensor, lang: str, **how: Any) -> list[str]:
        context = how["context"]
        assert how["corrections"] == 0  # a writer's mean is no text's concept
        assert context is not None and context.shape == (len(vectors), len(CONTEXT), 2)
        self.decoded.append(vectors[:, 0].tolist())
        return [
            "" if vector[0] < 0 else f"text {vector[0]:.0f} " + " ".join(f"{c:.0f}" for c in around[:, 0])
            for vector, around in zip(vectors, context, strict=True)
        ]


def item(
    *firsts: float, heading: float, places: tuple[int, ...] | None = None, prompt: float = 90.0
) -> WrittenItem:
    concepts = torch.tensor([[first, 0.0] for first in firsts])
    wanted = tuple(range(len(firsts))) if places is None else places
    around = [torch.tensor([first, 0]) for first in (heading, heading + 1)]
    return WrittenItem(*around, concepts, wanted, torch.tensor([prompt, 0]))


def said(*items: WrittenItem) -> tuple[list[list[str]], list[list[float]]]:
    codec = ReadingCodec()
    found = say_sections(codec, items, "deu_Latn", beam_size=3)
    return [[r.text for r in section] for section in found], codec.decoded


def test_a_sentence_is_decoded_knowing_what_was_said_before_it_and_what_comes() -> None:
    # what is said is encoded as twice the concept: what stands before a sentence is what was said, not meant
    texts, decoded = said(item(1, 2, 3, heading=50), item(7, heading=60))
    assert texts == [
        ["text 1 0 0 2 50 51 90", "text 2 2 0 3 50 51 90", "text 3 4 2 0 50 51 90"],
        ["text 7 0 0 0 60 61 90"],
    ]
    assert decoded == [[1, 7], [2], [3]]  # sections side by side, their sentences one after the other


def test_what_has_a_text_already_is_taken_as_meant() -> None:
    texts, _ = said(item(1, 2, 3, heading=50, places=(2,)))
    assert texts == [["text 3 2 1 0 50 51 90"]]


def test_a_sentence_without_words_counts_as_meant() -> None:
    texts, _ = said(item(-4, 2, heading=50))
    assert texts == [["", "text 2 -4 0 0 50 51 90"]]


def test_sections_do_not_see_each_other() -> None:
    first, second = item(1, 2, 3, heading=50), item(7, 8, heading=60)
    together, _ = said(first, second)
    assert together == [said(first)[0][0], said(second)[0][0]]


def test_sections_of_several_documents_are_decoded_each_with_its_prompt() -> None:
    first, second = item(1, 2, heading=50), item(7, heading=50, prompt=80)
    together, decoded = said(first, second)
    assert together == [said(first)[0][0], said(second)[0][0]]
    assert together[1] == ["text 7 0 0 0 50 51 80"] and decoded == [[1, 7], [2]]


def test_a_codec_that_reads_no_context_decodes_all_at_once() -> None:
    codec = FakeCodec()
    found = say_sections(codec, [item(1, 2, heading=5), item(3, heading=6)], "deu_Latn", beam_size=3)
    assert [[r.text for r in section] for section in found] == [["text 1", "text 2"], ["text 3"]]
    assert len(codec.decoded) == 1


class BilingualCodec:
    """Says concepts roughly in English and exactly in German, which it learnt beside it."""

    reads_context = False

    def is_extension(self, lang: str) -> bool:
        return lang == "deu_Latn"

    def reads_draft(self, lang: str) -> bool:
        return False

    def drafts_for(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str] | None:
        return self.decode(vectors, "eng_Latn") if self.reads_draft(lang) else None

    def decode(self, vectors: Tensor, lang: str, **how: Any) -> list[str]:
        assert how.get("context") is None and not how.get("corrections")
        if (drafts := how.get("drafts")) is not None:
            return [f"es ist {text.split()[-1]}" if text else "" for text in drafts]
        word, places = ("it is", 0) if lang == "eng_Latn" else ("es ist", 2)
        return ["" if vector[0] < 0 else f"{word} {vector[0]:.{places}f}" for vector in vectors]

    def encode(self, sentences: list[str], lang: str) -> Tensor:
        assert all(text.startswith("it is" if lang == "eng_Latn" else "es ist") for text in sentences)
        return torch.tensor([[float(text.split()[-1]), 0.0] for text in sentences])


def test_what_a_writer_means_is_said_in_english_first() -> None:
    items = [item(3.4, 7.0, heading=1), item(5.0, 1.6, 2.2, heading=2, places=(1, 2))]
    said = say_sections(BilingualCodec(), items, "deu_Latn", beam_size=3)
    assert [[r.text for r in section] for section in said] == [
        ["es ist 3.00", "es ist 7.00"],
        ["es ist 2.00", "es ist 2.00"],
    ]
    assert all(r.score == 1.0 for section in said for r in section)


def test_a_concept_without_english_words_is_said_as_it_is() -> None:
    class Mute(BilingualCodec):
        def decode(self, vectors: Tensor, lang: str, **how: Any) -> list[str]:
            return ["" for _ in vectors] if lang == "eng_Latn" else super().decode(vectors, lang, **how)

    (said,) = say_sections(Mute(), [item(3.4, -1.0, heading=1)], "deu_Latn")
    assert said == [Rendering("es ist 3.40", 1.0), Rendering("", 0.0)]


class DraftingCodec(BilingualCodec):
    """Reads what it said in English when it speaks German."""

    def reads_draft(self, lang: str) -> bool:
        return lang == "deu_Latn"


def test_the_words_of_the_english_are_given_to_a_decoder_that_reads_them() -> None:
    vectors = torch.tensor([[2.2, 0], [7.4, 0], [-1, 0], [5.1, 0]])  # said from long vectors to short ones
    assert [r.text for r in render(DraftingCodec(), vectors, "deu_Latn")] == [
        "es ist 2", "es ist 7", "", "es ist 5"
    ]  # fmt: skip
    known = render(DraftingCodec(), vectors, "deu_Latn", english=["it is 9", " ", "", "it is 8"])
    assert [r.text for r in known] == ["es ist 9", "es ist 7", "", "es ist 8"]
    unread = render(BilingualCodec(), vectors[:1], "deu_Latn", english=["it is 9"])
    assert [r.text for r in unread] == ["es ist 2.20"]
    items = [item(3.4, 7.0, heading=1), item(5.0, 1.6, -2.2, heading=2, places=(1, 2))]
    said = say_sections(DraftingCodec(), items, "deu_Latn", beam_size=3)
    assert [[r.text for r in section] for section in said] == [["es ist 3", "es ist 7"], ["es ist 2", ""]]
