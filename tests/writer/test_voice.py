"""The voice on a tiny language model: exact caching, choosing by concept, headings."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from concepts.models.configs import CONFIG_FIELDS
from tests.writer.toy_voice import (
    VOICE_DIM,
    WordTokenizer,
    encode_words,
    tea_sections,
    toy_adapter,
    toy_voice,
)
from writer.voice.config import AdapterConfig
from writer.voice.decode import (
    Saying,
    SayOptions,
    Speaker,
    _Candidate,
    _Row,
    begins_line,
    repeated_share,
)
from writer.voice.stepping import Stepper
from writer.voice.text import Said
from writer.voice.voice import HeadingsSaying, SectionSaying, SentenceSaying, Voice


@torch.inference_mode()
def test_rows_at_different_places_read_as_one_text_alone(base: LlamaForCausalLM) -> None:
    adapter = toy_adapter(base)
    texts, concepts = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 9], [1, 2, 3, 7, 8]], torch.randn(3, VOICE_DIM)
    stepper = Stepper(base, adapter)
    stepper.read(texts)
    columns = torch.tensor([len(text) for text in texts])
    first = stepper.step(torch.tensor([text[-1] for text in texts]), columns - 1, concepts)
    said = torch.tensor([[11, -1], [12, 11], [13, 13]])
    second = stepper.step(torch.tensor([11, 12, 13]), columns, concepts, said)
    base.config._attn_implementation = "eager"
    for row, text in enumerate(texts):
        whole = torch.zeros(1, len(text) + 1, VOICE_DIM)
        whole[0, -2:] = concepts[row]
        states = adapter.states(base, torch.tensor([[*text, 11 + row]]), whole)[0]
        logits = adapter.logits(base, states[-2:], whole[0, -2:])
        torch.testing.assert_close(first[row], logits[0], atol=1e-5, rtol=0)
        again = adapter.logits(base, states[-1:], whole[0, -1:], said[row : row + 1])
        torch.testing.assert_close(second[row], again[0], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_merged_updates_do_what_attached_ones_do(base: LlamaForCausalLM) -> None:
    adapter = toy_adapter(base)
    ids, concepts = torch.tensor([[3, 4, 5]]), torch.randn(1, 3, VOICE_DIM)
    base.config._attn_implementation = "eager"
    plain = adapter.states(base, ids, concepts)
    adapter.attach(base)
    attached = adapter.states(base, ids, concepts)
    for module in base.modules():
        module._forward_hooks.clear()
    adapter.merge(base)
    torch.testing.assert_close(adapter.states(base, ids, concepts), attached, atol=1e-5, rtol=0)
    assert not torch.allclose(plain, attached)


def test_a_section_is_said_the_same_alone_and_beside_others(base: LlamaForCausalLM) -> None:
    voice = toy_voice(base, toy_adapter(base))
    both = voice.say_sections(tea_sections())
    assert [len(section) for section in both] == [2, 2]
    assert voice.say_sections(tea_sections()[1:])[0] == both[1]
    assert voice.say_sections(tea_sections()) == both


def test_who_listens_hears_each_sentence_when_it_is_kept(base: LlamaForCausalLM) -> None:
    heard: dict[tuple[int, int], object] = {}

    def listen(section: int, place: int, said: object) -> None:
        assert (section, place) not in heard and (place == 0 or (section, place - 1) in heard)
        heard[section, place] = said

    both = toy_voice(base, toy_adapter(base)).say_sections(tea_sections(), listen)
    assert heard == {(n, place): said for n, texts in enumerate(both) for place, said in enumerate(texts)}


def test_a_sentence_never_ends_as_a_text_does(base: LlamaForCausalLM) -> None:
    """A base that would rather end the text than say anything still says every sentence."""
    hot = torch.zeros(len(WordTokenizer()), 32)
    hot[0] = 100.0
    with torch.no_grad():
        base.lm_head.weight += hot * base.lm_head.weight[0].sign()
    for section in toy_voice(base, None).say_sections(tea_sections()):
        assert all(rendering.said.text and "<s>" not in rendering.said.text for rendering in section)


def test_concepts_have_the_share_of_their_effect_that_is_asked_for(base: LlamaForCausalLM) -> None:
    """One candidate, so that concepts choose nothing: at trust 0 the text is that of no concept, at 1 another one."""
    adapter = toy_adapter(base, std=1.0)
    section = tea_sections()[0]
    hidden = SectionSaying(**{**vars(section), "concepts": torch.zeros_like(section.concepts)})

    def text(asked: SectionSaying, trust: float) -> list[Said]:
        options = SayOptions(temperatures=(0.7,), max_tokens=8, trust=trust)
        voice = Voice(
            Speaker(base, adapter, WordTokenizer(), encode_words), name="toy", checksum="0", options=options
        )
        ((*said,),) = voice.say_sections([asked])
        return [rendering.said for rendering in said]

    assert text(section, 0.0) == text(hidden, 1.0)
    assert text(section, 1.0) != text(hidden, 1.0)


def test_another_key_draws_other_words(base: LlamaForCausalLM) -> None:
    voice = toy_voice(base, None)
    (first,) = voice.say_sections(tea_sections()[:1])
    (other,) = voice.say_sections([SectionSaying(**{**vars(tea_sections()[0]), "key": (8, "0")})])
    assert [r.said for r in first] != [r.said for r in other]


def test_more_candidates_come_nearer_to_the_concept(base: LlamaForCausalLM) -> None:
    scores = []
    for num in (1, 12):
        voice = toy_voice(base, None, temperatures=(1.0,) * num, likelihood_weight=0.0, repeat_weight=0.0)
        scores.append(sum(r.score for section in voice.say_sections(tea_sections()) for r in section))
    assert scores[1] > scores[0]


def test_known_headings_stay_and_the_others_are_said(base: LlamaForCausalLM) -> None:
    said = toy_voice(base, None).say_headings(
        HeadingsSaying(
            title="tea",
            leads=encode_words(["water", "leaves", "cup"]),
            title_concept=encode_words(["tea"])[0],
            known=(None, "leaves", None),
            key=(7,),
        )
    )
    assert len(said) == 3
    assert said[1].said.text == "leaves"


def test_one_sentence_is_said_after_the_text_before_it(base: LlamaForCausalLM) -> None:
    voice = toy_voice(base, toy_adapter(base))
    section = tea_sections()[0]
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


def test_what_is_worth_more_is_said(base: LlamaForCausalLM) -> None:
    """The worth of a text outweighs what the voice thinks of it."""

    def worth(texts: list[str]) -> Tensor:
        return torch.tensor([float("cup" in text) for text in texts])

    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.zeros(1, VOICE_DIM),
        key=(1,),
        one_line=True,
        proposals=("Dry leaves", "Boil cup"),
        worth=worth,
    )
    options = SayOptions(temperatures=(0.5,), max_tokens=4, worth_weight=50.0)
    ((said,),) = Speaker(base, None, WordTokenizer(), encode_words).say([saying], options)
    assert "cup" in said.said.text


def test_a_sentence_is_never_said_twice_while_there_is_another(base: LlamaForCausalLM) -> None:
    """Whatever speaks for it: here it is its concept, and the other one is not."""
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    meant = encode_words(["hot cup"])[0]
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
    speaker = Speaker(base, None, tokenizer, encode_words)
    row = _Row(Saying(prefix="# tea", concepts=torch.zeros(2, VOICE_DIM), key=(1,)), 1, 1)
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
    concept = encode_words(["Dry leaves"])[0]
    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.stack([concept, concept]),
        key=(1,),
        one_line=True,
        proposals=("Dry leaves", "hot cup", "cold water"),
    )
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    options = SayOptions(temperatures=(0.5,), likelihood_weight=0.0, max_tokens=4, num_proposals=2)
    ((first, second),) = speaker.say([saying], options)
    assert first.said == Said("Dry leaves", "step") and first.score == pytest.approx(1.0)
    assert second.said.text != "Dry leaves"


def test_a_proposal_costs_what_the_voice_would_pay_for_it(base: LlamaForCausalLM) -> None:
    tokenizer = WordTokenizer()
    saying = Saying(
        prefix="# tea\n\nContents:\n",
        concepts=torch.zeros(1, VOICE_DIM),
        key=(1,),
        one_line=True,
        proposals=("Boil water",),
    )
    heard: list[_Candidate] = []

    class Listening(Speaker):
        def _keep(self, row: _Row, *rest: Any) -> None:
            heard.extend(row.candidates)
            super()._keep(row, *rest)

    Listening(base, None, tokenizer, encode_words).say(
        [saying], SayOptions(temperatures=(0.5,), max_tokens=6)
    )
    (proposal,) = [candidate for candidate in heard if candidate.text == "1. Boil water"]
    assert proposal.is_whole
    before, said = tokenizer(saying.prefix)["input_ids"], tokenizer("1. Boil water")["input_ids"]
    base.config._attn_implementation = "eager"
    logits = base(input_ids=torch.tensor([[*before, *said]])).logits[0, len(before) - 1 : -1]
    logits[:, 0] = float("-inf")  # a sentence is over at its mark, not at the end of a text
    wanted = logits.log_softmax(dim=-1).gather(1, torch.tensor(said)[:, None]).sum()
    assert proposal.nats == pytest.approx(float(wanted), abs=1e-3)


def test_nothing_to_say_is_said_at_once(base: LlamaForCausalLM) -> None:
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    saying = Saying(prefix="# tea", concepts=torch.empty(0, VOICE_DIM), key=(1,))
    assert speaker.say([saying], SayOptions()) == [[]]


def test_words_that_were_said_are_not_made_likelier_again(base: LlamaForCausalLM) -> None:
    """What the concept gave a said word is taken back, once; what it took from one stays taken."""
    adapter = toy_adapter(base)
    states, concepts = torch.randn(2, 32), torch.randn(2, VOICE_DIM)
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
    adapter = toy_adapter(base)
    ids, concepts = torch.tensor([[1, 2, 3]]), torch.randn(1, 3, VOICE_DIM)
    none = torch.zeros_like(concepts)

    def logits(concepts: Tensor, trust: float) -> Tensor:
        states = adapter.states(base, ids, concepts, trust)[0]
        return adapter.logits(base, states, concepts[0], trust=trust)

    torch.testing.assert_close(logits(concepts, 0.0), logits(none, 1.0))
    half, whole = logits(concepts, 0.5) - logits(none, 1.0), logits(concepts, 1.0) - logits(none, 1.0)
    assert 0 < float(half.norm()) < float(whole.norm())


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
    speaker = Speaker(base, None, tokenizer, encode_words)
    choices = torch.tensor([*small[:3], large[0]])
    chances = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()

    def first(*, one_line: bool) -> set[int]:
        found = set()
        for seed in range(20):
            candidate = _Candidate(torch.Generator().manual_seed(seed), 1.0)
            row = _Row(Saying(prefix="", concepts=torch.zeros(1, VOICE_DIM), key=(), one_line=one_line), 1, 0)
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


def test_cards_have_the_fields_of_the_config() -> None:
    assert set(CONFIG_FIELDS["voice"]) == {*(field.name for field in fields(AdapterConfig)), "base"}
