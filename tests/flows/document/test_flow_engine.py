"""The real engine around models that are not: what is loaded when, and what voice and translator are asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import PartialState

from concepts.errors import ModelError, UsageError
from concepts.library.library import Library, Passage
from concepts.library.outline import ON_SUBJECT
from concepts.library.translations import TranslatedDocument, TranslationMemory
from flows.document.asked.options import Drawing
from flows.document.engine import HeadingsAsk, LeafPlan, SayAsk, SectionConcepts, Text, TitleAsk, WriteAsk
from flows.models.engine import ModelEngine
from planner import PlannedItem, PlanOptions
from storage import CardRef
from tests.concepts.library.toy_library import encode as encode_words
from writer.generate import WriteOptions, WritingTask, WrittenSection
from writer.voice.decode import Rendering
from writer.voice.text import Said
from writer.voice.voice import HeadingsSaying, SectionSaying

DIM = 3


class Codec:
    """A space of English alone; a text's concept is its length."""

    space_id = "toy@1"
    dim = DIM
    langs = ("eng_Latn",)
    device = torch.device("cpu")

    def encode(self, texts: Sequence[str], lang: str) -> torch.Tensor:
        assert lang == "eng_Latn"
        return torch.tensor([[float(len(text))] * DIM for text in texts]).reshape(-1, DIM)

    def as_query(self, vectors: torch.Tensor, lang: str) -> torch.Tensor:
        assert lang == "eng_Latn"
        return 2 * vectors

    def check_lang(self, lang: str) -> str:
        raise UsageError(f"the space toy does not know the language {lang!r}")


class Voice:
    """Says of a concept how large it is; its headings count."""

    name, checksum = "toy-voice", "abc"

    def __init__(self) -> None:
        self.sections: list[SectionSaying] = []
        self.headings: list[HeadingsSaying] = []

    def say_sections(
        self, sections: Sequence[SectionSaying], on_said: Callable[[int, int, Rendering], None]
    ) -> list[list[Rendering]]:
        self.sections += sections
        said = [
            [
                Rendering(Said(f"Says {int(concept[0])}.", None if place else "step"), 0.5)
                for place, concept in enumerate(section.concepts)
            ]
            for section in sections
        ]
        for number, renderings in enumerate(said):
            for place, rendering in enumerate(renderings):
                on_said(number, place, rendering)
        return said

    def say_title(self, prompt: str, concept: torch.Tensor, key: tuple[int | str, ...]) -> str:
        return f"About: {prompt[:8]} {tuple(concept.shape)} {key}"

    def say_headings(self, asked: HeadingsSaying) -> list[Rendering]:
        self.headings.append(asked)
        return [
            Rendering(Said(heading or f"Part {place}", "step"), 0.0 if heading else 0.7)
            for place, heading in enumerate(asked.known)
        ]


class Translator:
    """Puts the language before a text, and takes it off again."""

    langs = ("eng_Latn", "deu_Latn")

    def translate(self, texts: list[str], source_lang: str, target_lang: str) -> list[str]:
        assert all(texts) and source_lang != target_lang
        return [text[3:] if target_lang == "eng_Latn" else f"de {text}" for text in texts]

    def score(self, texts_a: list[str], lang_a: str, texts_b: list[str], lang_b: str) -> list[float]:
        return [len(a) / len(b) for a, b in zip(texts_a, texts_b, strict=True)]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ModelEngine:
    monkeypatch.setattr(ModelEngine, "_load_codec", lambda self: Codec())
    monkeypatch.setattr(ModelEngine, "_load_voice", lambda self: Voice())
    monkeypatch.setattr(ModelEngine, "_load_translator", lambda self: Translator())
    made = ModelEngine()
    made.start_loading(["decode"])
    made.prepare("decode")
    return made


def voice_of(engine: ModelEngine) -> Any:
    return engine._voice.result()


def concepts(*sizes: float) -> Any:
    return np.array([[size] * DIM for size in sizes], dtype=np.float32)


def to_say(lang: str, title: str = "de Tea", headings: tuple[str, ...] = ("de Buy", "de Boil")) -> SayAsk:
    sections = [
        SectionConcepts(here=1, vectors=concepts(4, 5, 6), places=(0, 2), key=(7, "2")),
        SectionConcepts(here=0, vectors=concepts(9), places=(0,), key=(7, "1", 3)),
    ]
    return SayAsk(title=title, headings=headings, sections=sections, lang=lang)


@pytest.mark.parametrize(("named", "device"), [(None, PartialState().device), ("meta", torch.device("meta"))])
def test_all_models_live_on_the_device_that_accelerate_names(
    monkeypatch: pytest.MonkeyPatch, engine: ModelEngine, named: str | None, device: torch.device
) -> None:
    from writer.voice.placement import Placement

    asked: dict[str, object] = {}
    monkeypatch.undo()
    for path in ("concepts.codecs.spaces.load_codec", "planner.Planner.load", "writer.Writer.load"):
        name = path.rpartition(".")[0]
        monkeypatch.setattr(path, lambda *_, device, name=name, **__: asked.update({name: device}))

    def load_voice(*_: object, placement: Placement, **__: object) -> object:
        asked["voice"] = placement.device
        return SimpleNamespace(places="cuda:0, cpu")

    monkeypatch.setattr("writer.voice.base.load_voice", load_voice)
    made = ModelEngine(space="mine", planner="p", writer="w", device=named)
    made._load_codec()
    made._codec = engine._codec
    made._load_planner()
    made._load_writer()
    made._voice.set_result(made._load_voice())
    assert asked == dict.fromkeys(
        ("concepts.codecs.spaces", "planner.Planner", "writer.Writer", "voice"), device
    )
    assert made.device_of("write") == made.device_of("translate") == str(device)
    assert made.device_of("decode") == "cuda:0, cpu"


@pytest.mark.parametrize(
    ("work", "parts"),
    [
        ("encode", ["codec"]),
        ("plan", ["codec", "planner"]),
        ("write", ["codec", "writer"]),
        ("decode", ["codec", "voice"]),
        ("translate", ["codec", "translator"]),
    ],
)
def test_each_stage_loads_what_it_needs_once_even_where_nobody_foresaw_it(
    monkeypatch: pytest.MonkeyPatch, work: Any, parts: list[str]
) -> None:
    """Waiting for a model that is never loaded would last for ever."""
    loaded: list[str] = []
    for part in ("codec", "planner", "writer", "voice", "translator"):
        monkeypatch.setattr(ModelEngine, f"_load_{part}", lambda self, part=part: loaded.append(part))
    engine = ModelEngine()
    engine.start_loading(["encode"])
    for _ in range(2):
        engine.prepare(work)
    assert loaded == parts


def test_a_plan_needs_no_writer_and_says_so_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelEngine, "_load_codec", lambda self: SimpleNamespace(space_id="nowhere@1"))
    monkeypatch.setattr(ModelEngine, "_load_planner", lambda self: None)
    engine = ModelEngine()
    engine.start_loading(["plan"])
    engine.prepare("plan")
    with pytest.raises(ModelError, match="no writer of the space nowhere@1 is installed"):
        engine.prepare("write")


def test_the_voice_gets_the_space_and_its_encoder(
    monkeypatch: pytest.MonkeyPatch, engine: ModelEngine
) -> None:
    from writer.voice import base

    asked: list[tuple[object, str, object]] = []
    monkeypatch.undo()
    monkeypatch.setattr(
        base,
        "load_voice",
        lambda name, *, space_id, encode, placement: asked.append(
            (name, space_id, encode(["four"]).tolist())
        ),
    )
    named = ModelEngine(voice="mine")
    named._codec = engine._codec
    named._load_voice()
    assert asked == [("mine", "toy@1", [[4.0] * DIM])]
    assert engine.voice == CardRef(name="toy-voice", checksum="abc")


def test_sections_are_said_as_the_voice_says_them(engine: ModelEngine) -> None:
    ask = to_say("eng_Latn", "Tea", ("Buy", "Boil"))
    assert engine.say(ask) == [
        [Text(text="Says 4.", score=0.5, block="step"), Text(text="Says 6.", score=0.5)],
        [Text(text="Says 9.", score=0.5, block="step")],
    ]
    first, second = voice_of(engine).sections
    assert (first.title, first.headings, first.here, first.key) == ("Tea", ("Buy", "Boil"), 1, (7, "2"))
    assert first.concepts.tolist() == concepts(4, 5, 6).tolist() and second.key == (7, "1", 3)
    assert "translator" not in engine.load_times()


def test_who_asks_hears_each_sentence_that_lacks_a_text_unless_it_is_translated(engine: ModelEngine) -> None:
    heard: list[tuple[str, int, int, str]] = []
    german, english = (
        replace(to_say(lang), on_said=lambda *said, lang=lang: heard.append((lang, *said[:2], said[2].text)))
        for lang in ("deu_Latn", "eng_Latn")
    )
    engine.say_together([german, english])
    assert heard == [
        ("eng_Latn", 0, 0, "Says 4."),
        ("eng_Latn", 0, 2, "Says 6."),
        ("eng_Latn", 1, 0, "Says 9."),
    ]


def test_loading_is_counted_and_a_listener_that_fails_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("codec", "planner", "voice"):
        monkeypatch.setattr(ModelEngine, f"_load_{part}", lambda self: None)
    counts: list[tuple[int, int]] = []

    def listen(done: int, total: int) -> None:
        counts.append((done, total))
        raise RuntimeError("no terminal")

    engine = ModelEngine()
    engine.start_loading(["plan", "decode"], listen)
    engine.prepare("decode")
    assert engine._thread is not None
    engine._thread.join()
    assert counts == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_what_is_not_english_is_said_in_english_and_translated(engine: ModelEngine) -> None:
    both = engine.say_together([to_say("deu_Latn"), to_say("eng_Latn", "Tea", ("Buy", "Boil"))])
    german, english = both
    assert [[text.text for text in texts] for texts in german] == [
        ["de Says 4.", "de Says 6."],
        ["de Says 9."],
    ]
    assert [[(t.score, t.block) for t in texts] for texts in german] == [
        [(t.score, t.block) for t in texts] for texts in english
    ]
    sayings = voice_of(engine).sections
    assert len(sayings) == 4
    assert {(s.title, s.headings) for s in sayings} == {("Tea", ("Buy", "Boil"))}


@pytest.mark.parametrize("lang", ["eng_Latn", "deu_Latn"])
def test_headings_are_said_with_the_others_known(engine: ModelEngine, lang: str) -> None:
    before = "de " if lang == "deu_Latn" else ""
    ask = HeadingsAsk(
        title=f"{before}Tea",
        title_vector=concepts(1)[0],
        leads=concepts(1, 2, 3),
        known=(None, f"{before}Boil", None),
        key=(7,),
        lang=lang,
    )
    assert engine.say_headings(ask) == [
        Text(text=f"{before}Part 0", score=0.7),
        Text(text=f"{before}Part 2", score=0.7),
    ]
    (asked,) = voice_of(engine).headings
    assert (asked.title, asked.known, asked.key) == ("Tea", (None, "Boil", None), (7,))
    assert asked.leads.tolist() == concepts(1, 2, 3).tolist()
    assert asked.title_concept.tolist() == concepts(1)[0].tolist()


TITLE_ASK = TitleAsk(
    prompt="de How do I brew tea?",
    prompt_vector=concepts(1)[0],
    key=(7,),
    prompt_lang="deu_Latn",
    lang="deu_Latn",
    asked="a guide",
    library=None,
)


def test_a_title_is_said_in_english_and_comes_in_the_documents_language(engine: ModelEngine) -> None:
    assert engine.say_title(TITLE_ASK) == f"de About: How do I ({DIM},) (7,)"
    assert engine.say_title(replace(TITLE_ASK, lang="eng_Latn")) == f"About: How do I ({DIM},) (7,)"


def test_a_title_is_found_in_english_and_comes_in_the_documents_language(
    engine: ModelEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def find_title(library: object, encode: object, prompt: str, text: str) -> str:
        asked.append((prompt, text))
        return "Tea" if "tea" in prompt else ""

    monkeypatch.setattr("concepts.library.subjects.find_title", find_title)
    assert engine.find_title(TITLE_ASK) == "de Tea"
    assert engine.find_title(replace(TITLE_ASK, prompt="de What is love?")) == ""
    assert asked == [("How do I brew tea?", "a guide"), ("What is love?", "a guide")]


def test_a_title_is_that_of_the_document_that_leads_or_stands_in(
    engine: ModelEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def find_leading(
        library: object, encode: object, names: Sequence[str], typed: str, *, below: float
    ) -> str:
        asked.append((tuple(names), typed, below))
        return "Tea"

    monkeypatch.setattr("concepts.library.outline.find_leading", find_leading)
    ask = replace(TITLE_ASK, names=("de Tea", "de How do I brew tea?"))
    assert engine.find_title(ask) == "de Tea"
    english = {"prompt": "tea", "prompt_lang": "eng_Latn", "names": ("tea",)}
    assert engine.find_title(replace(ask, **english, is_needed=True)) == "de Tea"
    assert asked == [(("Tea", "How do I brew tea?"), "", ON_SUBJECT), (("tea",), "tea", math.inf)]


def test_texts_are_translated_and_scored_and_nothing_stays_nothing(engine: ModelEngine) -> None:
    assert engine.translate(["Tea.", "", " "], "eng_Latn", "deu_Latn") == [
        Text(text="de Tea.", score=4 / 7),
        Text(text="", score=None),
        Text(text="", score=None),
    ]
    assert engine.translate(["", ""], "eng_Latn", "deu_Latn") == [Text(text="", score=None)] * 2


BREWING = TranslatedDocument(
    ("Brewing tea", "Water", "It boils."), {"deu_Latn": ("Tee kochen", "Das Wasser", "Es kocht.")}
)


class ReadingCodec(Codec):
    """It also reads German, by which a text is what stands behind "de "."""

    langs = ("eng_Latn", "deu_Latn")

    def encode(self, texts: Sequence[str], lang: str) -> torch.Tensor:
        english = [text[3:] if lang == "deu_Latn" else text for text in texts]
        return encode_words(english)


@pytest.fixture
def reading(engine: ModelEngine, monkeypatch: pytest.MonkeyPatch) -> ModelEngine:
    """The engine with a library of three documents, of which one is translated into German."""
    names = ("Brewing tea", "Growing tea", "Baking bread")
    library = Library.of([Passage(name, "Water", ("It boils.",)) for name in names], encode_words)
    engine._codec = Future()
    engine._codec.set_result(ReadingCodec())
    monkeypatch.setattr(ModelEngine, "_memory", TranslationMemory([BREWING]))
    monkeypatch.setattr(ModelEngine, "_library", lambda self, name: library)
    return engine


def test_the_librarys_translations_are_used_before_the_translator(reading: ModelEngine) -> None:
    assert reading.translate(["It boils.", "It cools.", ""], "eng_Latn", "deu_Latn") == [
        Text(text="Es kocht.", score=1.0),
        Text(text="de It cools.", score=9 / 12),
        Text(text="", score=None),
    ]
    assert reading._in_english(["Es kocht.", "Das Wasser", ""], "deu_Latn") == ["It boils.", "Water", ""]


def test_a_text_in_another_language_is_read_as_the_nearest_documents_title(reading: ModelEngine) -> None:
    assert reading._in_english(["de bread baking", "de quasars"], "deu_Latn") == ["Baking bread", "quasars"]
    assert reading.name_in("de bread baking", "deu_Latn", "eng_Latn") == "Baking bread"
    assert reading.tells_in("de tea brewing", "deu_Latn")
    assert not reading.tells_in("de bread baking", "deu_Latn")
    assert not reading.tells_in("de quasars", "deu_Latn")
    assert not reading.tells_in("tea brewing", "fra_Latn")


def test_a_language_of_the_space_alone_is_its_decoders(
    engine: ModelEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(self: ModelEngine, vectors: Any, lang: str, *, beam_size: int) -> list[Text]:
        return [Text(text=f"{lang} {int(row[0])}", score=0.1) for row in vectors]

    monkeypatch.setattr(ModelEngine, "render", render)
    monkeypatch.setattr(Codec, "langs", ("eng_Latn", "jpn_Jpan"))
    assert engine.check_lang("jpn_Jpan") == "jpn_Jpan"
    assert engine.translate(["Tea."], "eng_Latn", "jpn_Jpan") == [Text(text="jpn_Jpan 4", score=0.1)]


def test_texts_of_another_language_are_encoded_as_what_they_say_in_english(engine: ModelEngine) -> None:
    assert engine.encode(["de Tee"], "deu_Latn").tolist() == engine.encode(["Tee"], "eng_Latn").tolist()
    assert engine.as_query(concepts(2), "deu_Latn").tolist() == concepts(4).tolist()


def test_languages_are_those_of_space_and_translator(engine: ModelEngine) -> None:
    assert engine.check_lang("eng_Latn") == "eng_Latn"
    assert "translator" not in engine.load_times()
    assert engine.check_lang("deu_Latn") == "deu_Latn"
    with pytest.raises(UsageError, match="does not know the language 'fra_Latn'"):
        engine.check_lang("fra_Latn")


class Drawer:
    """A planner and a writer whose answers are the options that they were asked with."""

    def __init__(self, options: Any, calls: list[Any]) -> None:
        self.options, self.calls = options, calls

    def with_options(self, options: Any) -> Drawer:
        return Drawer(options, self.calls)

    def plan(self, prompt: torch.Tensor, **asked: Any) -> list[PlannedItem]:
        self.calls.append((self.options.num_steps, self.options.guidance_scale))
        return []

    def fill(self, prompt: torch.Tensor, leads: Any, **asked: Any) -> list[PlannedItem]:
        return self.plan(prompt)

    def write_together(self, tasks: Sequence[WritingTask]) -> list[list[WrittenSection]]:
        self.calls.append([task.seed for task in tasks])
        row = torch.full((1, DIM), float(self.options.num_steps))
        return [[WrittenSection(task.paths[0], row, "end", 1.0)] for task in tasks]


def test_models_draw_as_a_document_asks_for(engine: ModelEngine) -> None:
    calls: list[Any] = []
    engine._planner.set_result(Drawer(PlanOptions(num_steps=12, guidance_scale=2.0), calls))  # type: ignore[arg-type]
    asked: dict[str, Any] = {"goal": None, "seed": 1}
    for drawing in (Drawing(), Drawing(steps=3), Drawing(guidance=4.0)):
        engine.plan(concepts(1), num_sections=2, depth=1, drawing=drawing, **asked)
        engine.fill(concepts(1), [], drawing=drawing, **asked)
    assert calls == [(12, 2.0)] * 2 + [(3, 2.0)] * 2 + [(12, 4.0)] * 2


def test_documents_that_are_drawn_alike_share_a_batch_and_others_do_not(engine: ModelEngine) -> None:
    calls: list[Any] = []
    engine._writer.set_result(Drawer(WriteOptions(num_steps=12), calls))  # type: ignore[arg-type]

    def ask(seed: int, drawing: Drawing) -> WriteAsk:
        plan = LeafPlan(
            prompt=concepts(1),
            goal=None,
            paths=("1",),
            leads=concepts(1),
            gists=concepts(1),
            num_sentences=(1,),
            drawing=drawing,
        )
        return WriteAsk(plan=plan, paths=("1",), seed=seed)

    found = engine.write_together([ask(1, Drawing()), ask(2, Drawing(steps=3)), ask(3, Drawing())])
    assert calls == [[1, 3], [2]]
    assert [float(section.vectors[0, 0]) for (section,) in found] == [12, 3, 12]
