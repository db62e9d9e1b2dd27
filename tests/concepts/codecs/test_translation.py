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


VALUES = {"two": 2.0, "twoish": 2.2, "seven": 7.0, "sevenish": 7.4, "nine": 9.0}


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
        return torch.tensor([[VALUES[text.split()[-1]], 1.0] for text in sentences])

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        assert lang == "eng_Latn"
        return [f"it is {_word(round(value))}" for value in vectors[:, 0].tolist()]

    def beams(
        self, vectors: Tensor, lang: str, beam_size: int, drafts: Sequence[str] | None = None
    ) -> list[list[Beam]]:
        assert beam_size in (1, WIDER * BEAM_SIZE)
        self.drafts.append(None if drafts is None else list(drafts))
        self.norms.append(vectors.norm(dim=1).tolist())
        values = [_word(value) for value in vectors[:, 0].tolist()]
        if drafts is not None:
            values = [draft.split()[-1] for draft in drafts]
        return [[Beam(f"{self.words[lang]} {value}", -1.0, 3)] for value in values]


def _word(value: float) -> str:
    return min(VALUES, key=lambda word: abs(VALUES[word] - value))


def translate(*texts: str, source: str, target: str, **how: Any) -> tuple[list[str], ToyCodec]:
    codec = ToyCodec()
    return Translator(codec).translate(texts, source, target, **how), codec  # type: ignore[arg-type]


@pytest.mark.parametrize("beam_size", [1, BEAM_SIZE])
def test_english_is_its_own_draft(beam_size: int) -> None:
    said, codec = translate(
        "it is twoish", "", "it is sevenish", source="eng_Latn", target="deu_Latn", beam_size=beam_size
    )
    assert said == ["es ist twoish", "", "es ist sevenish"]
    assert codec.drafts == [["it is sevenish", "it is twoish"]]  # from long vectors to short ones


def test_what_is_not_english_is_said_in_english_first() -> None:
    said, codec = translate("c'est twoish", "c'est sevenish", source="fra_Latn", target="deu_Latn")
    assert said == ["es ist two", "es ist seven"] and codec.drafts == [["it is seven", "it is two"]]
    said, codec = translate("es ist twoish", source="deu_Latn", target="fra_Latn")
    assert said == ["c'est twoish"] and codec.drafts == [None]  # a decoder that reads none gets none
    assert translate("es ist twoish", source="deu_Latn", target="eng_Latn")[0] == ["it is two"]


def test_a_language_is_itself_and_nothing_stays_nothing() -> None:
    assert translate(" es ist two ", " ", source="deu_Latn", target="deu_Latn")[0] == ["es ist two", ""]
    assert translate("", "  ", source="eng_Latn", target="deu_Latn")[0] == ["", ""]
    assert translate(source="eng_Latn", target="deu_Latn")[0] == []
    for source, target in (("eng_Latn", "nld_Latn"), ("nld_Latn", "eng_Latn")):
        with pytest.raises(UsageError, match="does not know nld_Latn"):
            translate("it is two", source=source, target=target)


class Copying(ToyCodec):
    """Says what it is told to say; `apart` are the texts that it got without placeholders."""

    def __init__(self, *beams: str) -> None:
        super().__init__()
        self.says = beams
        self.apart: list[str] = []

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        if lang == "eng_Latn":
            self.apart += [text for text in sentences if "$" not in text]
        return torch.ones(len(sentences), 2)

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        return [self.says[0]] * len(vectors)

    def beams(
        self, vectors: Tensor, lang: str, beam_size: int, drafts: Sequence[str] | None = None
    ) -> list[list[Beam]]:
        told = [None] * len(vectors) if drafts is None else drafts
        return [
            [Beam(text if draft is None or "$" in draft else f"<{draft}>", -1.0, 3) for text in self.says]
            for draft in told
        ]


def copied(text: str, *beams: str, source: str = "eng_Latn", target: str = "deu_Latn") -> str:
    return Translator(Copying(*beams)).translate([text], source, target)[0]  # type: ignore[arg-type]


def test_of_the_beams_those_count_that_have_all_placeholders() -> None:
    text = 'Copy report.pdf to "My Files".'
    for wrong in ("Kopieren Sie $1.", "$2 nach $1.", "$1 $1 nach $2", "A$1 nach $2", "$1 nach $2, $3"):
        assert copied(text, wrong, "$1 nach $2 kopieren.") == 'report.pdf nach "My Files" kopieren.'
        english = copied(
            "Kopiere report.pdf „Neu“ hin.", wrong, "Copy $1 to $2.", target="eng_Latn", source="deu_Latn"
        )
        assert english == "Copy report.pdf to „Neu“."


def test_words_between_are_translated_apart_where_no_beam_has_all_placeholders() -> None:
    said = copied("Visit https://example.org/a?b=c, then press Ctrl+C.", "Besuch.")
    assert said == "<Visit> https://example.org/a?b=c, <then press> Ctrl+C."
    codec = Copying("Nichts.")
    assert Translator(codec).translate(["Wait 30 seconds."], "eng_Latn", "deu_Latn") == [
        "<Wait> 30 <seconds>."
    ]  # type: ignore[arg-type]
    assert codec.apart == ["Wait", "seconds"]


def test_what_has_no_words_is_not_translated() -> None:
    for text in ("https://example.org", "42", "--help", "12:30 - 14:00", "`ls -l`"):
        assert copied(text, "Falsch") == text
    assert copied("1,250.50 €", "Falsch") == "1.250,50 €"


def test_a_draft_in_english_has_the_placeholders_too() -> None:
    class Between(Copying):
        """Says French, and English from German that loses its placeholder."""

        def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
            return ["lost"] * len(vectors)

        def beams(self, vectors: Tensor, lang: str, *_: Any) -> list[list[Beam]]:
            if lang != "eng_Latn":
                self.drafts.append(None if _[1] is None else list(_[1]))
            return [[Beam("The file $1." if lang == "eng_Latn" else "Le fichier $1.", -1.0, 3)]] * len(
                vectors
            )

        def reads_draft(self, lang: str) -> bool:
            return lang == "fra_Latn"

    codec = Between()
    said = Translator(codec).translate(["Die Datei a_b.txt."], "deu_Latn", "fra_Latn")  # type: ignore[arg-type]
    assert said == ["Le fichier a_b.txt."] and codec.drafts == [["The file $1."]]


def test_concepts_are_said_with_as_much_english_as_is_known() -> None:
    codec = ToyCodec()
    vectors = torch.tensor([[2.2, 0.0], [7.4, 0.0]])
    said = Translator(codec).say(vectors, "deu_Latn", english=["it is nine", " "])  # type: ignore[arg-type]
    assert said == ["es ist nine", "es ist seven"]


def test_likeness_is_the_cosine_of_the_concepts() -> None:
    scores = Translator(ToyCodec()).score(  # type: ignore[arg-type]
        ["it is two", "it is two", "it is nine", ""],
        "eng_Latn",
        ["es ist two", "es ist seven", "", "es ist nine"],
        "deu_Latn",
    )
    assert scores == [1.0, pytest.approx(0.948683), 0.0, 0.0]


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


@pytest.mark.parametrize("lang", ["deu_Latn", "fra_Latn", "spa_Latn"])
def test_what_must_not_change_survives_the_shipped_translator(shipped: Translator, lang: str) -> None:
    kept = {
        'Open Settings > Network > Sharing and turn on "File sharing".': (
            "Settings > Network > Sharing",
            '"File sharing"',
        ),
        "Visit https://example.org/help?lang=en for the list of devices.": (
            "https://example.org/help?lang=en",
        ),
        "Copy report.pdf and budget_2024.xlsx to /home/anna/Public.": (
            "report.pdf",
            "budget_2024.xlsx",
            "/home/anna/Public",
        ),
        "Mix 500 g of flour with 350 ml of water and 10 g of salt.": ("500 g", "350 ml", "10 g"),
    }
    said = shipped.translate(list(kept), "eng_Latn", lang)
    again = shipped.translate(said, lang, "eng_Latn")
    for parts, one, other in zip(kept.values(), said, again, strict=True):
        assert all(part in one and part in other for part in parts), (one, other)


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
