"""The voice on a tiny language model: exact caching, choosing by concept, training, release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from concepts.errors import ModelError
from concepts.library.library import Library, Passage
from training.loop import LoopConfig, make_optimizers
from training.voice.config import VoiceTrainingConfig
from training.voice.data import (
    LEAST_SAID,
    NO_CONCEPT,
    PackedTexts,
    SpokenDocument,
    SpokenSection,
    draw,
    make_batch,
    pack,
)
from training.voice.notes import NO_NOTES_SHARE, OWN_NOTES_SHARE, OWN_SHARE, add_notes
from training.voice.train import VoiceTask, blur, first_tensors, noised, release_voice, train_voice
from training.voice.words import learn_words
from writer.voice.adapter import VoiceAdapter
from writer.voice.cache import ATTENTION, register
from writer.voice.config import AdapterConfig
from writer.voice.decode import (
    Rendering,
    Saying,
    SayOptions,
    Speaker,
    _Candidate,
    _Row,
    begins_line,
    repeated_share,
)
from writer.voice.stepping import Stepper
from writer.voice.text import Said, title_prefix
from writer.voice.voice import HeadingsSaying, SectionSaying, SentenceSaying, Voice
from writer.voice.words import WordMap

_WORDS = ["Boil", "the", "water", "pour", "tea", "cold", "hot", "cup", "Dry", "leaves", "slowly", "now"]
_SIGNS = ["<s>", " ", "\n", ".", "#", "-", "1", "2", "3", ":", "Contents", "\n\n", "Request"]
_DIM = 8


class WordTokenizer:
    """Words, blanks and signs as tokens; the little of transformers' interface that a voice uses."""

    def __init__(self) -> None:
        self._vocabulary = [*_SIGNS, *_WORDS, *(" " + word for word in _WORDS), "Notes"]
        self.all_special_ids = [0]

    def __len__(self) -> int:
        return len(self._vocabulary)

    def __call__(self, text: str, **_kwargs: object) -> dict[str, list[Any]]:
        ids, offsets, at = [], [], 0
        order = sorted(range(len(self)), key=lambda i: -len(self._vocabulary[i]))
        while at < len(text):
            token = next(i for i in order if text.startswith(self._vocabulary[i], at))
            ids.append(token)
            offsets.append((at, at + len(self._vocabulary[token])))
            at = offsets[-1][1]
        return {"input_ids": ids, "offset_mapping": offsets}

    def decode(self, ids: list[int]) -> str:
        return "".join(self._vocabulary[i] for i in ids)


def _encode(texts: list[str]) -> Tensor:
    """Return a bag of words as a unit vector of `_DIM` numbers."""
    found = torch.zeros(len(texts), _DIM)
    for row, text in enumerate(texts):
        for word in text.replace(".", " ").split():
            found[row, _WORDS.index(word) % _DIM if word in _WORDS else 0] += 1.0
    return torch.nn.functional.normalize(found + 1e-3, dim=1)


@pytest.fixture
def base() -> LlamaForCausalLM:
    register()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WordTokenizer()),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation=ATTENTION,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def _adapter(base: LlamaForCausalLM, std: float = 0.1) -> VoiceAdapter:
    config = AdapterConfig(
        concept_dim=_DIM, hidden_dim=32, num_layers=3, rank=2, injected=(0, 2), word_dim=16
    )
    adapter = VoiceAdapter(config, base)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return adapter.requires_grad_(False)


_DOCUMENTS = (
    SpokenDocument(
        "tea",
        (
            SpokenSection("water", (Said("Boil the water.", "step"), Said("pour the water.", "step"))),
            SpokenSection(
                "leaves", (Said("Dry the leaves slowly.", "paragraph"), Said("pour tea now.", None))
            ),
        ),
    ),
)


def _packed() -> PackedTexts:
    return pack([(_DOCUMENTS, 1.0)], WordTokenizer(), _encode, max_tokens=60)


@torch.inference_mode()
def test_rows_at_different_places_read_as_one_text_alone(base: LlamaForCausalLM) -> None:
    adapter = _adapter(base)
    texts, concepts = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 9], [1, 2, 3, 7, 8]], torch.randn(3, _DIM)
    stepper = Stepper(base, adapter)
    stepper.read(texts)
    columns = torch.tensor([len(text) for text in texts])
    first = stepper.step(torch.tensor([text[-1] for text in texts]), columns - 1, concepts)
    said = torch.tensor([[11, -1], [12, 11], [13, 13]])
    second = stepper.step(torch.tensor([11, 12, 13]), columns, concepts, said)
    base.config._attn_implementation = "eager"
    for row, text in enumerate(texts):
        whole = torch.zeros(1, len(text) + 1, _DIM)
        whole[0, -2:] = concepts[row]
        states = adapter.states(base, torch.tensor([[*text, 11 + row]]), whole)[0]
        logits = adapter.logits(base, states[-2:], whole[0, -2:])
        torch.testing.assert_close(first[row], logits[0], atol=1e-5, rtol=0)
        again = adapter.logits(base, states[-1:], whole[0, -1:], said[row : row + 1])
        torch.testing.assert_close(second[row], again[0], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_merged_updates_do_what_attached_ones_do(base: LlamaForCausalLM) -> None:
    adapter = _adapter(base)
    ids, concepts = torch.tensor([[3, 4, 5]]), torch.randn(1, 3, _DIM)
    base.config._attn_implementation = "eager"
    plain = adapter.states(base, ids, concepts)
    adapter.attach(base)
    attached = adapter.states(base, ids, concepts)
    for module in base.modules():
        module._forward_hooks.clear()
    adapter.merge(base)
    torch.testing.assert_close(adapter.states(base, ids, concepts), attached, atol=1e-5, rtol=0)
    assert not torch.allclose(plain, attached)


def _sections() -> list[SectionSaying]:
    return [
        SectionSaying(
            title="tea",
            headings=("water", "leaves"),
            here=here,
            concepts=_encode(["Boil the water.", "pour tea now."]),
            key=(7, str(here)),
        )
        for here in (0, 1)
    ]


def _voice(base: LlamaForCausalLM, adapter: VoiceAdapter | None, **options: Any) -> Voice:
    speaker = Speaker(base, adapter, WordTokenizer(), _encode)
    return Voice(speaker, name="toy", checksum="0", options=SayOptions(max_tokens=12, **options))


def test_a_section_is_said_the_same_alone_and_beside_others(base: LlamaForCausalLM) -> None:
    voice = _voice(base, _adapter(base))
    both = voice.say_sections(_sections())
    assert [len(section) for section in both] == [2, 2]
    assert voice.say_sections(_sections()[1:])[0] == both[1]
    assert voice.say_sections(_sections()) == both


def test_who_listens_hears_each_sentence_when_it_is_kept(base: LlamaForCausalLM) -> None:
    heard: dict[tuple[int, int], object] = {}

    def listen(section: int, place: int, said: object) -> None:
        assert (section, place) not in heard and (place == 0 or (section, place - 1) in heard)
        heard[section, place] = said

    both = _voice(base, _adapter(base)).say_sections(_sections(), listen)
    assert heard == {(n, place): said for n, texts in enumerate(both) for place, said in enumerate(texts)}


def test_a_sentence_never_ends_as_a_text_does(base: LlamaForCausalLM) -> None:
    """A base that would rather end the text than say anything still says every sentence."""
    hot = torch.zeros(len(WordTokenizer()), 32)
    hot[0] = 100.0
    with torch.no_grad():
        base.lm_head.weight += hot * base.lm_head.weight[0].sign()
    for section in _voice(base, None).say_sections(_sections()):
        assert all(rendering.said.text and "<s>" not in rendering.said.text for rendering in section)


def test_concepts_have_the_share_of_their_effect_that_is_asked_for(base: LlamaForCausalLM) -> None:
    """One candidate, so that concepts choose nothing: at trust 0 the text is that of no concept, at 1 another one."""
    adapter = _adapter(base, std=1.0)
    section = _sections()[0]
    hidden = SectionSaying(**{**vars(section), "concepts": torch.zeros_like(section.concepts)})

    def text(asked: SectionSaying, trust: float) -> list[Said]:
        options = SayOptions(temperatures=(0.7,), max_tokens=8, trust=trust)
        voice = Voice(
            Speaker(base, adapter, WordTokenizer(), _encode), name="toy", checksum="0", options=options
        )
        ((*said,),) = voice.say_sections([asked])
        return [rendering.said for rendering in said]

    assert text(section, 0.0) == text(hidden, 1.0)
    assert text(section, 1.0) != text(hidden, 1.0)


def test_another_key_draws_other_words(base: LlamaForCausalLM) -> None:
    voice = _voice(base, None)
    (first,) = voice.say_sections(_sections()[:1])
    (other,) = voice.say_sections([SectionSaying(**{**vars(_sections()[0]), "key": (8, "0")})])
    assert [r.said for r in first] != [r.said for r in other]


def test_more_candidates_come_nearer_to_the_concept(base: LlamaForCausalLM) -> None:
    scores = []
    for num in (1, 12):
        voice = _voice(base, None, temperatures=(1.0,) * num, likelihood_weight=0.0, repeat_weight=0.0)
        scores.append(sum(r.score for section in voice.say_sections(_sections()) for r in section))
    assert scores[1] > scores[0]


def test_known_headings_stay_and_the_others_are_said(base: LlamaForCausalLM) -> None:
    said = _voice(base, None).say_headings(
        HeadingsSaying(
            title="tea",
            leads=_encode(["water", "leaves", "cup"]),
            title_concept=_encode(["tea"])[0],
            known=(None, "leaves", None),
            key=(7,),
        )
    )
    assert len(said) == 3
    assert said[1].said.text == "leaves"


def test_one_sentence_is_said_after_the_text_before_it(base: LlamaForCausalLM) -> None:
    voice = _voice(base, _adapter(base))
    section = _sections()[0]
    (first, _), *_ = voice.say_sections([section])

    def asked(place: int, *before: Said) -> SentenceSaying:
        return SentenceSaying(
            title=section.title,
            headings=section.headings,
            here=section.here,
            before=before,
            concept=section.concepts[place],
            key=section.key,
        )

    sentences = [asked(0), asked(1, Said("Boil the water.", "step")), asked(1, Said("Dry tea.", "bullet"))]
    said = voice.say_sentences(sentences)
    assert said[0] == first
    assert len(said) == 3
    for sentence, alone in zip(sentences, said, strict=True):
        assert voice.say_sentences([sentence]) == [alone]


def prose(*texts: str) -> tuple[Said, ...]:
    return tuple(Said(text, "paragraph") for text in texts)


def test_a_section_reads_its_notes_before_it_is_said(base: LlamaForCausalLM) -> None:
    """It is the words before the heading alone that tell: notes are neither proposed nor preferred here."""
    voice = _voice(base, _adapter(base))
    voice.options = replace(voice.options, num_proposals=0, note_weight=0.0)

    def say(*notes: str) -> list[Said]:
        section = SectionSaying(
            title="tea",
            headings=("water",),
            here=0,
            concepts=-torch.ones(3, _DIM),
            key=(1,),
            notes=prose(*notes),
        )
        return [rendering.said for rendering in voice.say_sections([section])[0]]

    assert say() == say()
    assert say() != say("Boil the cold water slowly.", "pour tea now.")


def test_a_section_without_notes_is_said_the_same_beside_one_with_notes(base: LlamaForCausalLM) -> None:
    voice = _voice(base, _adapter(base))
    plain, noted = (
        SectionSaying(
            title="tea",
            headings=("water",),
            here=0,
            concepts=-torch.ones(3, _DIM),
            key=(n,),
            notes=prose(*notes),
        )
        for n, notes in enumerate(((), ("Boil the cold water slowly.", "pour tea now.")))
    )
    (alone,) = voice.say_sections([plain])
    both = voice.say_sections([plain, noted])
    assert both[0] == alone
    assert voice.say_sections([noted])[0] == both[1]


def test_the_sentence_nearest_to_a_note_is_kept_until_the_note_is_said(base: LlamaForCausalLM) -> None:
    """Of two candidates that differ in nothing else; a note that was said attracts no more."""
    speaker = Speaker(base, None, WordTokenizer(), _encode)
    saying = Saying(prefix="# tea", concepts=torch.zeros(3, _DIM), key=(1,), notes=prose("hot cup"))
    row = speaker._row(saying)
    stepper = Stepper(base, None)
    stepper.read([[1, 2], [1, 2]])
    options = SayOptions(temperatures=(0.5, 0.5), likelihood_weight=0.0, repeat_weight=0.0)

    def keep(*texts: str) -> str:
        row.candidates = [
            _Candidate(torch.Generator(), 0.5, text=t, tokens=[1], is_whole=True) for t in texts
        ]
        speaker._keep(row, stepper, range(2), options)
        return row.kept[-1].said.text

    assert keep("cold leaves.", "hot cup.") == "hot cup."
    assert row.proposals == {}
    assert keep("Boil leaves.", "hot cup.") == "Boil leaves."


def test_the_notes_that_come_next_are_weighed_word_by_word(base: LlamaForCausalLM) -> None:
    notes = prose("hot cup.", "cold tea.", "pour water.")
    saying = Saying(prefix="# tea\n\n", concepts=torch.zeros(3, _DIM), key=(1,), notes=notes)
    proposed: list[list[str]] = []

    class Listening(Speaker):
        def _begin(self, row: _Row, *rest: Any) -> None:
            super()._begin(row, *rest)
            proposed.append([candidate.text for candidate in row.candidates if candidate.ahead])

    options = SayOptions(temperatures=(0.5, 0.7), max_tokens=5, note_weight=9.0, num_proposals=2)
    (said,) = Listening(base, None, WordTokenizer(), _encode).say([saying], options)
    assert proposed[0] == ["hot cup.", "cold tea."]
    assert {rendering.said.text for rendering in said} == {note.text for note in notes}
    left = [note.text for note in notes if note.text != said[0].said.text]
    assert [text.strip() for text in proposed[1]] == left


def test_notes_that_the_concepts_name_are_said_before_anything_is_drawn(base: LlamaForCausalLM) -> None:
    """As they are, in their order and blocks; what follows them is drawn with them in view."""
    speaker = Speaker(base, None, WordTokenizer(), _encode)
    notes = (
        Said("hot cup.", "paragraph"),
        Said("cold tea.", "paragraph"),
        Said("pour water.", "step"),
        Said("Boil water.", "bullet"),
    )
    known = _encode([note.text for note in notes])
    told: list[tuple[int, int]] = []

    def say(concepts: Tensor, key: int = 1) -> list[Rendering]:
        saying = Saying(prefix="# tea\n\n", concepts=concepts, key=(key,), notes=notes)
        options = SayOptions(temperatures=(0.9,), num_proposals=0, max_tokens=4)
        return speaker.say([saying], options, lambda n, place, _: told.append((n, place)))[0]

    whole = say(known)
    assert [rendering.said for rendering in whole] == [
        Said("hot cup.", "paragraph"),
        Said("cold tea.", None),
        Said("pour water.", "step"),
        Said("Boil water.", "step"),
    ]
    assert [rendering.score for rendering in whole] == pytest.approx([1.0] * 4, abs=1e-5)
    assert told == [(0, place) for place in range(4)]
    drawn = say(torch.cat([known[:2], -known[2:3], known[3:]]))
    assert drawn[:2] == whole[:2]
    assert "hot cup. cold tea." not in drawn[2].said.text
    assert drawn[2] == say(torch.cat([known[:2], -known[2:3], known[3:]]))[2]


@pytest.mark.parametrize("is_prose", [False, True])
def test_prose_begins_without_a_mark(base: LlamaForCausalLM, *, is_prose: bool) -> None:
    tokenizer = WordTokenizer()
    speaker = Speaker(base, None, tokenizer, _encode)
    dash, word = (tokenizer(text)["input_ids"][0] for text in ("-", "Boil"))
    notes = (Said("hot cup.", "paragraph" if is_prose else "bullet"),)
    row = _Row(Saying(prefix="# tea", concepts=torch.zeros(2, _DIM), key=(1,), notes=notes))
    chances, choices = torch.tensor([-0.01, -5.0]), torch.tensor([dash, word])
    candidate = _Candidate(torch.Generator().manual_seed(1), 0.5)
    speaker._extend(row, candidate, chances, choices, SayOptions())
    assert candidate.tokens == [word if is_prose else dash]
    row.kept.append(Rendering(Said("Boil the water.", "paragraph"), 0.0))
    later = _Candidate(torch.Generator().manual_seed(1), 0.5)
    speaker._extend(row, later, chances, choices, SayOptions())
    assert later.tokens == [dash]


def test_what_is_worth_more_is_said(base: LlamaForCausalLM) -> None:
    """The worth of a text outweighs what the voice thinks of it."""

    def worth(texts: list[str]) -> Tensor:
        return torch.tensor([float("cup" in text) for text in texts])

    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.zeros(1, _DIM),
        key=(1,),
        one_line=True,
        proposals=("Dry leaves", "Boil cup"),
        worth=worth,
    )
    options = SayOptions(temperatures=(0.5,), max_tokens=4, worth_weight=50.0)
    ((said,),) = Speaker(base, None, WordTokenizer(), _encode).say([saying], options)
    assert "cup" in said.said.text


def test_a_sentence_is_never_said_twice_while_there_is_another(base: LlamaForCausalLM) -> None:
    """Whatever speaks for it: here it is its concept, and the other one is not."""
    speaker = Speaker(base, None, WordTokenizer(), _encode)
    meant = _encode(["hot cup"])[0]
    row = _Row(Saying(prefix="# tea", concepts=meant.expand(3, -1), key=(1,)), 1, 1)
    stepper = Stepper(base, None)
    stepper.read([[1, 2], [1, 2]])
    options = SayOptions(temperatures=(0.5, 0.5), repeat_weight=0.0)
    for kept in ("hot cup.", "cold leaves."):
        row.candidates = [
            _Candidate(torch.Generator(), 0.5, text=text, tokens=[1], is_whole=True)
            for text in ("hot cup.", "cold leaves.")
        ]
        speaker._keep(row, stepper, range(2), options)
        assert row.kept[-1].said.text == kept


def test_no_run_of_tokens_is_drawn_twice(base: LlamaForCausalLM) -> None:
    tokenizer = WordTokenizer()
    speaker = Speaker(base, None, tokenizer, _encode)
    row = _Row(Saying(prefix="# tea", concepts=torch.zeros(2, _DIM), key=(1,)), 1, 1)
    stepper = Stepper(base, None)
    stepper.read([[1, 2]])
    said = tokenizer("Boil the hot water slowly now pour tea.")["input_ids"]
    row.candidates = [
        _Candidate(torch.Generator(), 0.5, tokens=said, text=tokenizer.decode(said), is_whole=True)
    ]
    speaker._keep(row, stepper, range(1), SayOptions(temperatures=(0.5,), num_proposals=0))
    seventh, other = said[6], said[0]
    chances, choices = torch.tensor([-0.01, -9.0]), torch.tensor([seventh, other])
    for begun, drawn in ((said[:6], other), (said[1:6], seventh), ([*said[:5], other], seventh)):
        candidate = _Candidate(torch.Generator().manual_seed(1), 0.5, tokens=list(begun))
        candidate.text = tokenizer.decode(candidate.tokens)
        speaker._extend(row, candidate, chances, choices, SayOptions())
        assert candidate.tokens[-1] == drawn


def test_a_proposed_heading_is_weighed_and_said_once(base: LlamaForCausalLM) -> None:
    """With all weight on the concept the proposal that is the concept wins, and another one where it comes again."""
    concept = _encode(["Dry leaves"])[0]
    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.stack([concept, concept]),
        key=(1,),
        one_line=True,
        proposals=("Dry leaves", "hot cup", "cold water"),
    )
    speaker = Speaker(base, None, WordTokenizer(), _encode)
    options = SayOptions(temperatures=(0.5,), likelihood_weight=0.0, max_tokens=4, num_proposals=2)
    ((first, second),) = speaker.say([saying], options)
    assert first.said == Said("Dry leaves", "step") and first.score == pytest.approx(1.0)
    assert second.said.text != "Dry leaves"


def test_a_proposal_costs_what_the_voice_would_pay_for_it(base: LlamaForCausalLM) -> None:
    tokenizer = WordTokenizer()
    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.zeros(1, _DIM),
        key=(1,),
        one_line=True,
        proposals=("Boil water",),
    )
    heard: list[_Candidate] = []

    class Listening(Speaker):
        def _keep(self, row: _Row, *rest: Any) -> None:
            heard.extend(row.candidates)
            super()._keep(row, *rest)

    Listening(base, None, tokenizer, _encode).say([saying], SayOptions(temperatures=(0.5,), max_tokens=6))
    (proposal,) = [candidate for candidate in heard if candidate.text == "1. Boil water"]
    assert proposal.is_whole
    before, said = tokenizer(saying.prefix)["input_ids"], tokenizer("1. Boil water")["input_ids"]
    base.config._attn_implementation = "eager"
    logits = base(input_ids=torch.tensor([[*before, *said]])).logits[0, len(before) - 1 : -1]
    logits[:, 0] = float("-inf")  # a sentence is over at its mark, not at the end of a text
    wanted = logits.log_softmax(dim=-1).gather(1, torch.tensor(said)[:, None]).sum()
    assert proposal.nats == pytest.approx(float(wanted), abs=1e-3)


def test_nothing_to_say_is_said_at_once(base: LlamaForCausalLM) -> None:
    speaker = Speaker(base, None, WordTokenizer(), _encode)
    saying = Saying(prefix="# tea", concepts=torch.empty(0, _DIM), key=(1,))
    assert speaker.say([saying], SayOptions()) == [[]]


def test_each_token_goes_with_the_concept_of_its_sentence() -> None:
    packed = _packed()
    tokenizer = WordTokenizer()
    spans = list(zip(packed.starts[:-1], packed.starts[1:], strict=True))
    assert len(spans) == 2  # the contents, and the sections that are said from them
    start, end = spans[1]
    said: dict[tuple[int, int], str] = {}
    for token, row, group in zip(
        packed.tokens[start:end].tolist(),
        packed.rows[start:end].tolist(),
        packed.groups[start:end].tolist(),
        strict=True,
    ):
        said[group, row] = said.get((group, row), "") + tokenizer.decode([token])
    texts = [text.strip() for (group, row), text in said.items() if row != NO_CONCEPT]
    assert texts == ["1. Boil the water.", "2. pour the water.", "Dry the leaves slowly.", "pour tea now."]
    assert "leaves" in said[2, NO_CONCEPT] and "Boil" not in said[2, NO_CONCEPT]


def test_a_section_reads_what_all_share_and_no_other_section(base: LlamaForCausalLM) -> None:
    """Trained in one sequence, sections say what they would each alone."""
    base.config._attn_implementation = "eager"
    packed = _packed()
    vectors = torch.from_numpy(packed.vectors).float()
    batch = make_batch(packed, [1], vectors)
    task = VoiceTask(_config(1), packed, packed, base, first_tensors(packed, base, _config(1), {}))
    with torch.no_grad():
        together, num = task.module.nats(batch, batch.concepts_BSD)
        start = int(packed.starts[1])
        groups = packed.groups[start : int(packed.starts[2])]
        alone, total = 0.0, 0
        for group in (1, 2):
            keep = np.flatnonzero((groups == 0) | (groups == group)) + start
            one = PackedTexts(
                packed.tokens[keep],
                packed.rows[keep],
                packed.groups[keep],
                np.array([0, len(keep)], dtype=np.int64),
                np.ones(1, dtype=np.float32),
                packed.vectors,
                packed.drawn,
            )
            single = make_batch(one, [0], vectors)
            nats, said = task.module.nats(single, single.concepts_BSD)
            alone, total = alone + float(nats) * said, total + said
    assert total == num
    assert float(together) == pytest.approx(alone / total, abs=1e-4)


def test_packed_texts_survive_their_file(tmp_path: Path) -> None:
    packed = _packed()
    packed.save(tmp_path / "packed.safetensors")
    again = PackedTexts.load(tmp_path / "packed.safetensors")
    for name in ("tokens", "rows", "groups", "starts", "weights", "vectors", "drawn"):
        np.testing.assert_array_equal(getattr(again, name), getattr(packed, name))


def test_a_section_shows_what_was_drawn_for_it_where_something_was() -> None:
    """True concepts stay where nothing was drawn, and in the sections that show none."""

    def drawn_for(texts: list[str]) -> Tensor:
        return torch.stack([torch.full((_DIM,), 0.5 if "pour" in text else 0.0) for text in texts])

    packed = pack([(_DOCUMENTS, 1.0)], WordTokenizer(), _encode, max_tokens=60, drawn_for=drawn_for)
    vectors, drawn = torch.from_numpy(packed.vectors).float(), torch.from_numpy(packed.drawn).float()
    chosen = list(range(len(packed)))
    plain = make_batch(packed, chosen, vectors)
    shown = make_batch(packed, chosen, vectors, drawn, [n % 2 == 1 for n in chosen])
    assert not plain.is_drawn_BS.any() and shown.is_drawn_BS[1].any() and not shown.is_drawn_BS[0].any()
    assert (shown.concepts_BSD[shown.is_drawn_BS] == 0.5).all()
    torch.testing.assert_close(shown.concepts_BSD[~shown.is_drawn_BS], plain.concepts_BSD[~shown.is_drawn_BS])
    assert (shown.targets_BS == plain.targets_BS).all()


def test_a_title_is_said_after_what_was_typed_for_it() -> None:
    typed = replace(_DOCUMENTS[0], prompt="pour  the\nwater")
    packed = pack([([typed], 1.0)], WordTokenizer(), _encode, max_tokens=60)
    first = slice(0, int(packed.starts[1]))
    text = title_prefix(typed.prompt or "") + "# " + typed.title + "\n"
    assert text.startswith("Request: pour the water\n\n# ")
    wanted = WordTokenizer()(text, add_special_tokens=False, return_offsets_mapping=True)["input_ids"]
    assert packed.tokens[first].tolist() == wanted
    said = packed.rows[first] >= 0
    assert 0 < said.sum() < len(wanted) and said[-1]
    torch.testing.assert_close(
        torch.from_numpy(packed.vectors[packed.rows[first][-1]]).float(),
        _encode([typed.title])[0],
        atol=1e-3,
        rtol=0,
    )


def test_a_sequence_is_drawn_by_what_it_says_and_short_ones_a_little_more() -> None:
    sentence = Said(" ".join(["tea"] * 75) + ".", "paragraph")
    long = SpokenDocument("tea", (SpokenSection("water", (sentence, sentence)),))
    short = SpokenDocument("water", (SpokenSection("leaves", (Said("tea.", "paragraph"),)),))
    packed = pack([([long, short], 0.6), ([short], 0.4)], WordTokenizer(), _encode, max_tokens=1_000)
    first, second, third = packed.weights.tolist()
    assert first + second == pytest.approx(0.6) and third == pytest.approx(0.4)
    said = int((packed.rows[: packed.starts[1]] >= 0).sum())
    assert first / second == pytest.approx(said / LEAST_SAID) and said > LEAST_SAID


def test_a_batch_holds_no_more_than_its_tokens() -> None:
    packed = _packed()
    longest = int(np.diff(packed.starts).max())
    for seed in range(5):
        chosen = draw(packed, np.random.default_rng(seed), 2 * longest)
        batch = make_batch(packed, chosen, torch.from_numpy(packed.vectors).float())
        assert 1 <= len(chosen) <= 64
        assert batch.ids_BS.numel() <= 2 * longest or len(chosen) == 1


def test_words_that_were_said_are_not_made_likelier_again(base: LlamaForCausalLM) -> None:
    """What the concept gave a said word is taken back, once; what it took from one stays taken."""
    adapter = _adapter(base)
    states, concepts = torch.randn(2, 32), torch.randn(2, _DIM)
    said = torch.tensor([[3, 4, 3, -1], [5, -1, -1, -1]])
    plain = adapter.logits(base, states, concepts)
    length = states.norm(dim=1, keepdim=True)
    gained = torch.nn.functional.softplus(adapter.amount(states / length)) * (
        adapter.words(concepts) @ base.lm_head.weight.T
    )
    wanted = plain.clone()
    for row, token in ((0, 3), (0, 4), (1, 5)):
        wanted[row, token] -= gained[row, token].clamp_min(0.0)
    torch.testing.assert_close(adapter.logits(base, states, concepts, said), wanted, atol=1e-5, rtol=0)
    assert not torch.equal(wanted, plain)


def test_trust_is_the_share_of_a_concepts_effect(base: LlamaForCausalLM) -> None:
    base.config._attn_implementation = "eager"
    adapter = _adapter(base)
    ids, concepts = torch.tensor([[1, 2, 3]]), torch.randn(1, 3, _DIM)
    none = torch.zeros_like(concepts)

    def logits(concepts: Tensor, trust: float) -> Tensor:
        states = adapter.states(base, ids, concepts, trust)[0]
        return adapter.logits(base, states, concepts[0], trust=trust)

    torch.testing.assert_close(logits(concepts, 0.0), logits(none, 1.0))
    half, whole = logits(concepts, 0.5) - logits(none, 1.0), logits(concepts, 1.0) - logits(none, 1.0)
    assert 0 < float(half.norm()) < float(whole.norm())


def test_a_batch_knows_what_each_sentence_has_said() -> None:
    """In training as in use: the tokens of the sentence before the one that follows, the nearest first."""
    packed = _packed()
    batch = make_batch(packed, [0, 1], torch.from_numpy(packed.vectors).float())
    for b, index in enumerate((0, 1)):
        first = int(packed.starts[index])
        for place in range(int(packed.starts[index + 1]) - first - 1):
            row = packed.rows[first + place + 1]
            said: list[int] = []
            at = first + place
            while row >= 0 and packed.rows[at] == row:
                said.append(int(packed.tokens[at]))
                at -= 1
            found = batch.said_BSL[b, place]
            assert found[found >= 0].tolist() == said


def test_hidden_concepts_are_zero_and_noised_ones_keep_their_length() -> None:
    concepts = _encode(["Boil the water.", "pour tea now."])[None]
    assert not noised(concepts, None, 0).any()
    torch.testing.assert_close(noised(concepts, 0.0, 0), concepts)
    torch.testing.assert_close(noised(concepts, 0.5, 0).norm(dim=-1), concepts.norm(dim=-1))


def _config(num_steps: int) -> VoiceTrainingConfig:
    return VoiceTrainingConfig(
        adapter=AdapterConfig(
            concept_dim=_DIM, hidden_dim=32, num_layers=3, rank=2, injected=(0,), word_dim=16
        ),
        loop=LoopConfig(
            num_steps=num_steps,
            num_warmup_steps=1,
            num_cooldown_steps=1,
            matrix_lr=1e-2,
            uses_muon=False,
            ema_decay=0.5,
            evaluate_every=num_steps,
        ),
        tokens_per_batch=200,
    )


def test_training_lowers_the_loss_and_leaves_the_base_alone(base: LlamaForCausalLM, tmp_path: Path) -> None:
    base.config._attn_implementation = "eager"
    before = {name: value.clone() for name, value in base.named_parameters()}
    packed = _packed()
    task = VoiceTask(_config(1), packed, packed, base, first_tensors(packed, base, _config(1), {}))
    start = task.evaluate()["loss"]
    for optimizer in make_optimizers(task.module, _config(1).loop):
        assert optimizer.param_groups
    task.module(task.batch(0, 0, 1), torch.Generator().manual_seed(0))[0].backward()
    # several processes wait for the gradient of each
    assert all(parameter.grad is not None for parameter in task.module.parameters())
    recipe: dict[str, object] = {
        "space": "toy@0",
        "base": "toy",
        "data": "none",
        "init": None,
        "drawn_by": ["toy-writer@1"],
    }
    fresh = LlamaForCausalLM(base.config).eval()
    fresh.load_state_dict(base.state_dict())
    figures = train_voice(_packed(), _packed(), fresh, tmp_path, _config(30), recipe=recipe)
    assert figures["loss"] < start - 0.1
    for name, value in base.named_parameters():
        torch.testing.assert_close(value, before[name])
    card = release_voice(tmp_path, tmp_path / "voice", name="toy", figures=figures, newest=False)
    assert card.kind == "voice"
    assert card.steps == 30
    assert "with draws of toy-writer@1" in card.recipe


@pytest.mark.parametrize(("part", "same_as"), [(1.0, "noise_0.0"), (-0.0, None)])
def test_what_was_drawn_is_measured_as_concepts_are(
    base: LlamaForCausalLM, part: float, same_as: str | None
) -> None:
    """Draws that are the true concepts cost what these cost; where nothing was drawn nothing is measured."""
    base.config._attn_implementation = "eager"
    packed = pack(
        [(_DOCUMENTS, 1.0)],
        WordTokenizer(),
        _encode,
        max_tokens=60,
        drawn_for=lambda texts: part * _encode(texts),
    )
    start = first_tensors(packed, base, _config(1), {})
    figures = VoiceTask(_config(1), packed, packed, base, start).evaluate()
    if same_as is None:
        assert "drawn" not in figures
    else:
        assert figures["drawn"] == pytest.approx(figures[same_as], abs=1e-5)
        assert figures["drawn"] != pytest.approx(figures["none"], abs=1e-5)


def test_drawn_concepts_get_less_noise_than_true_ones() -> None:
    concepts = torch.nn.functional.normalize(torch.randn(64, 2, 48), dim=-1)
    is_drawn = torch.zeros(64, 2, dtype=torch.bool)
    is_drawn[:32] = True
    config = replace(_config(1), hidden_share=0.0, max_noise=1.5, drawn_noise=0.1)
    found = blur(concepts, is_drawn, config, torch.Generator().manual_seed(0))
    likeness = torch.nn.functional.cosine_similarity(found, concepts, dim=-1)
    assert likeness[:32].min() > 0.98 and likeness[32:].mean() < 0.9


def test_a_run_goes_on_from_another_ones_adapter(base: LlamaForCausalLM) -> None:
    """What it brings is kept, what it lacks is learnt, and what this adapter does not have is refused."""
    given = {name: value + 1.0 for name, value in VoiceAdapter(_config(1).adapter, base).state_dict().items()}
    old = {name: value for name, value in given.items() if not name.startswith(("words.", "amount."))}
    found = first_tensors(_packed(), base, _config(1), old)
    assert found.keys() == given.keys()
    for name, value in old.items():
        torch.testing.assert_close(found[name], value)
    assert found["words.leave.weight"].any()
    whole = first_tensors(_packed(), base, _config(1), given)
    torch.testing.assert_close(whole["words.leave.weight"], given["words.leave.weight"])
    with pytest.raises(ModelError, match="has elsewhere, which this one has not"):
        first_tensors(_packed(), base, _config(1), {**given, "elsewhere": torch.zeros(1)})
    with pytest.raises(ModelError, match="other sizes"):
        first_tensors(_packed(), base, _config(1), {**given, "outward.weight": torch.zeros(2, 2)})


def test_words_of_a_concept_are_learnt_from_sentences_alone() -> None:
    """Each sentence's own words become likelier than they are in general; no concept adds nothing."""
    torch.manual_seed(0)
    embed = torch.randn(60, 24)
    concepts = torch.nn.functional.normalize(torch.randn(40, _DIM), dim=1)
    bags = [torch.randperm(60)[:4] for _ in range(40)]
    words = WordMap(_DIM, 64, 24)
    losses: list[float] = []
    common = learn_words(
        words,
        embed,
        bags,
        concepts,
        num_epochs=300,
        max_noise=0.1,
        batch=40,
        num_others=20,
        on_progress=lambda _step, _all, loss: losses.append(loss),
    )
    with torch.no_grad():
        chances = (words(concepts) @ embed.T + common).log_softmax(dim=1)
        general = common.log_softmax(dim=0)
    mine = torch.stack([chances[row, bag].mean() for row, bag in enumerate(bags)])
    others = torch.stack([general[bag].mean() for bag in bags])
    assert float((mine - others).mean()) > 1.5
    # sampled or not, the loss is the same measure
    assert losses[-1] == pytest.approx(-float(mine.mean()), abs=0.4)
    assert not words(torch.zeros(2, _DIM)).any()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Bees", True),
        ("7 to 9 hours", True),
        ('"Yes" or no', True),
        ("École", True),
        ("茶", True),
        ("world", False),
        (", bees and the", False),
        ("élan", False),
        ("", False),
    ],
)
def test_a_heading_begins_like_one(text: str, is_one: bool) -> None:
    assert begins_line(text) == is_one


@torch.inference_mode()
def test_a_heading_is_never_drawn_with_a_small_letter_first(base: LlamaForCausalLM) -> None:
    """Whatever the model would rather say; in running text nothing is held back."""
    tokenizer = WordTokenizer()
    small = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).strip()[:1].islower()]
    large = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).strip()[:1].isupper()]
    speaker = Speaker(base, None, tokenizer, _encode)
    choices = torch.tensor([*small[:3], large[0]])
    chances = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()

    def first(*, one_line: bool) -> set[int]:
        found = set()
        for seed in range(20):
            candidate = _Candidate(torch.Generator().manual_seed(seed), 1.0)
            row = _Row(Saying(prefix="", concepts=torch.zeros(1, _DIM), key=(), one_line=one_line), 1, 0)
            speaker._extend(row, candidate, chances, choices, SayOptions(top_p=1.0))
            found.update(candidate.tokens[:1])
        return found

    assert first(one_line=True) == {large[0]}
    assert first(one_line=False) & set(small)


def test_what_is_said_again_is_counted_in_the_sentence_itself_too() -> None:
    assert repeated_share("Boil the water.", "Dry the leaves.") == 0.0
    assert repeated_share("Boil the water.", "First boil the water now.") == 1.0
    assert repeated_share("The sound of the sound of the sound.", "") > 0.5
    assert repeated_share("", "Boil the water.") == 0.0


def _everyday(title: str, *sections: tuple[str, tuple[str, ...]]) -> SpokenDocument:
    return SpokenDocument(
        title,
        tuple(SpokenSection(h, tuple(Said(text, "paragraph") for text in texts)) for h, texts in sections),
    )


def _bags(texts: list[str]) -> Tensor:
    """Return the sum of a random vector for each word."""
    rows = [
        sum(
            torch.randn(64, generator=torch.Generator().manual_seed(hash_of(word)))
            for word in text.lower().split()
        )
        for text in texts
    ]
    return torch.stack(rows)  # type: ignore[arg-type]


def hash_of(word: str) -> int:
    return int.from_bytes(word.strip(".:").encode()[:6], "little")


def _tea_library() -> Library:
    passages = [
        Passage(
            f"Making tea {n}", "Boiling water", (f"Fresh water boils best in pot number {n} of the kitchen.",)
        )
        for n in range(6)
    ]
    return Library.of(passages, _bags, least_likeness=0.0)


def test_documents_learn_from_notes_of_others_and_never_of_their_own() -> None:
    document = _everyday(
        "Making tea 3", ("Boiling water", ("Cold water takes longer to boil in the kitchen.",))
    )
    (found,) = add_notes([document], _tea_library(), _bags, is_training=False)
    notes = found.sections[0].notes
    assert notes and not any("number 3" in note for note in notes)
    assert found.sections[0].sentences == document.sections[0].sentences


def test_in_training_some_sections_have_no_notes_and_some_their_own_sentences() -> None:
    own = "Cold water takes longer to boil in the kitchen."
    documents = [_everyday(f"Tea of day {n}", ("Boiling water", (own,))) for n in range(300)]
    found = add_notes(documents, _tea_library(), _bags, is_training=True)
    notes = [document.sections[0].notes for document in found]
    without = sum(not texts for texts in notes) / len(notes)
    with_own = sum(own in texts for texts in notes) / len(notes)
    assert without == pytest.approx(NO_NOTES_SHARE, abs=0.07)
    assert with_own == pytest.approx(OWN_NOTES_SHARE * OWN_SHARE, abs=0.07)
    assert add_notes(documents, _tea_library(), _bags, is_training=True) == found


def test_packed_sections_read_their_notes_and_learn_to_say_none_of_them() -> None:
    tokenizer = WordTokenizer()
    section = SpokenSection("leaves", (Said("Dry the leaves.", "paragraph"),), notes=("hot cup.",))
    packed = pack([([SpokenDocument("tea", (section,))], 1.0)], tokenizer, _encode, max_tokens=60)
    read = tokenizer.decode(packed.tokens[packed.rows == NO_CONCEPT].tolist())
    said = tokenizer.decode(packed.tokens[packed.rows != NO_CONCEPT].tolist())
    assert "Notes:\n- hot cup.\n\n## leaves" in read
    assert said.strip() == "Dry the leaves."
