"""Translation through a space: what is known in English is read, the text that fits is taken, rows keep their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from concepts.codecs.codec import BEAM_SIZE, Codec
from concepts.codecs.reranking import WIDER, Beam
from concepts.codecs.translation import SPACE, Translator
from concepts.errors import UsageError

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:(fairseq2|sonar|torchaudio|torch).*"),
]

SENTENCES = [
    "Choose where the files are to be kept.",
    "The window shows all notes that were written on that day.",
    "Click the button to save the picture in another format.",
    "You need the password of the network to go on.",
]


class ToyCodec:
    """Says numbers: roughly in English, exactly in German and French; German reads the words of its English."""

    langs = ("eng_Latn", "deu_Latn", "fra_Latn")
    words: ClassVar = {"eng_Latn": "it is", "deu_Latn": "es ist", "fra_Latn": "c'est"}

    def __init__(self) -> None:
        self.drafts: list[list[str] | None] = []
        self.norms: list[list[float]] = []

    def check_lang(self, lang: str) -> str:
        if lang not in self.langs:
            raise UsageError(f"does not know {lang}")
        return lang

    def is_extension(self, lang: str) -> bool:
        return lang != "eng_Latn"

    def reads_draft(self, lang: str) -> bool:
        return lang == "deu_Latn"

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        assert all(text.startswith(self.words[lang]) for text in sentences), sentences
        return torch.tensor([[float(text.split()[-1]), 1.0] for text in sentences])

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        assert lang == "eng_Latn"
        return [f"it is {value:.0f}" for value in vectors[:, 0].tolist()]

    def beams(
        self, vectors: Tensor, lang: str, beam_size: int, drafts: Sequence[str] | None = None
    ) -> list[list[Beam]]:
        assert beam_size in (1, WIDER * BEAM_SIZE)
        self.drafts.append(None if drafts is None else list(drafts))
        self.norms.append(vectors.norm(dim=1).tolist())
        values = [f"{value:.1f}" for value in vectors[:, 0].tolist()]
        if drafts is not None:
            values = [draft.split()[-1] for draft in drafts]
        return [[Beam(f"{self.words[lang]} {value}", -1.0, 3)] for value in values]


def translate(*texts: str, source: str, target: str, **how: Any) -> tuple[list[str], ToyCodec]:
    codec = ToyCodec()
    return Translator(codec).translate(texts, source, target, **how), codec  # type: ignore[arg-type]


@pytest.mark.parametrize("beam_size", [1, BEAM_SIZE])
def test_english_is_its_own_draft(beam_size: int) -> None:
    said, codec = translate(
        "it is 2.2", "", "it is 7.4", source="eng_Latn", target="deu_Latn", beam_size=beam_size
    )
    assert said == ["es ist 2.2", "", "es ist 7.4"]
    assert codec.drafts == [["it is 7.4", "it is 2.2"]]  # from long vectors to short ones


def test_what_is_not_english_is_said_in_english_first() -> None:
    said, codec = translate("c'est 2.2", "c'est 7.4", source="fra_Latn", target="deu_Latn")
    assert said == ["es ist 2", "es ist 7"] and codec.drafts == [["it is 7", "it is 2"]]
    said, codec = translate("es ist 2.2", source="deu_Latn", target="fra_Latn")
    assert said == ["c'est 2.2"] and codec.drafts == [None]  # a decoder that reads none gets none
    assert translate("es ist 2.2", source="deu_Latn", target="eng_Latn")[0] == ["it is 2"]


def test_a_language_is_itself_and_nothing_stays_nothing() -> None:
    assert translate(" es ist 2 ", " ", source="deu_Latn", target="deu_Latn")[0] == ["es ist 2", ""]
    assert translate("", "  ", source="eng_Latn", target="deu_Latn")[0] == ["", ""]
    assert translate(source="eng_Latn", target="deu_Latn")[0] == []
    for source, target in (("eng_Latn", "nld_Latn"), ("nld_Latn", "eng_Latn")):
        with pytest.raises(UsageError, match="does not know nld_Latn"):
            translate("it is 1", source=source, target=target)


def test_numbers_of_the_english_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToyCodec, "beams", lambda *_: [[Beam("es ist 440", -1.0, 3)]])
    assert translate("it is 404", source="eng_Latn", target="deu_Latn")[0] == ["es ist 404"]


def test_concepts_are_said_with_as_much_english_as_is_known() -> None:
    codec = ToyCodec()
    vectors = torch.tensor([[2.2, 0.0], [7.4, 0.0]])
    said = Translator(codec).say(vectors, "deu_Latn", english=["it is 9", " "])  # type: ignore[arg-type]
    assert said == ["es ist 9", "es ist 7"]


def test_likeness_is_the_cosine_of_the_concepts() -> None:
    scores = Translator(ToyCodec()).score(  # type: ignore[arg-type]
        ["it is 2", "it is 0", "it is 1", ""],
        "eng_Latn",
        ["es ist 2", "es ist 1", "", "es ist 1"],
        "deu_Latn",
    )
    assert scores == [1.0, pytest.approx(0.707107), 0.0, 0.0]


@pytest.fixture(scope="module")
def shipped() -> Translator:
    """The translator that ships."""
    return Translator.load()


def test_the_shipped_translator_is_near_and_batched_as_alone(shipped: Translator) -> None:
    assert shipped.langs == ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
    for lang in ("deu_Latn", "spa_Latn"):
        said = shipped.translate(SENTENCES, "eng_Latn", lang)
        assert not set(said) & set(SENTENCES)
        assert [shipped.translate([text], "eng_Latn", lang)[0] for text in SENTENCES] == said
        right = shipped.score(SENTENCES, "eng_Latn", said, lang)
        wrong = shipped.score(SENTENCES, "eng_Latn", said[1:] + said[:1], lang)
        assert all(a > 0.6 and a > b + 0.2 for a, b in zip(right, wrong, strict=True))
        back = shipped.translate(said, lang, "eng_Latn")
        assert min(shipped.score(SENTENCES, "eng_Latn", back, "eng_Latn")) > 0.6


def test_the_text_that_fits_is_taken_in_a_language_of_an_extension_alone(shipped: Translator) -> None:
    codec = Codec.load(SPACE)
    vectors = codec.encode(SENTENCES)
    between = (
        vectors + vectors.roll(1, dims=0)
    ) / 2  # a text that says neither is as likely as one that says one
    assert shipped.say(between, "eng_Latn") == codec.decode(between, "eng_Latn", beam_size=BEAM_SIZE)
    wide = codec.beams(between, "deu_Latn", WIDER * BEAM_SIZE, codec.decode(between, beam_size=BEAM_SIZE))
    said = shipped.say(between, "deu_Latn")
    for text, beams in zip(said, wide, strict=True):
        assert text in [beam.text for beam in beams]
    assert said != [beams[0].text for beams in wide]
