"""What a voice makes of notes: it reads them, weighs the next ones, and says whole passages as they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from concepts.blocks import BlockKind
from tests.writer.toy_voice import (
    VOICE_DIM,
    WordTokenizer,
    encode_words,
    prose,
    toy_adapter,
    toy_voice,
)
from writer.voice.decode import (
    Rendering,
    Saying,
    SayOptions,
    Speaker,
    _Candidate,
    _Row,
)
from writer.voice.stepping import Stepper
from writer.voice.text import Said
from writer.voice.voice import SectionSaying


def test_a_section_reads_its_notes_before_it_is_said(base: LlamaForCausalLM) -> None:
    """It is the words before the heading alone that tell: notes are neither proposed nor preferred here."""
    voice = toy_voice(base, toy_adapter(base))
    voice.options = replace(voice.options, num_proposals=0, note_weight=0.0)

    def say(*notes: str) -> list[Said]:
        section = SectionSaying(
            title="tea",
            headings=("water",),
            here=0,
            concepts=-torch.ones(3, VOICE_DIM),
            key=(1,),
            notes=prose(*notes),
        )
        return [rendering.said for rendering in voice.say_sections([section])[0]]

    assert say() == say()
    assert say() != say("Boil the cold water slowly.", "pour tea now.")


def test_a_section_without_notes_is_said_the_same_beside_one_with_notes(base: LlamaForCausalLM) -> None:
    voice = toy_voice(base, toy_adapter(base))
    plain, noted = (
        SectionSaying(
            title="tea",
            headings=("water",),
            here=0,
            concepts=-torch.ones(3, VOICE_DIM),
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
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    saying = Saying(prefix="# tea", concepts=torch.zeros(3, VOICE_DIM), key=(1,), notes=prose("hot cup"))
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
    saying = Saying(prefix="# tea\n\n", concepts=torch.zeros(3, VOICE_DIM), key=(1,), notes=notes)
    proposed: list[list[str]] = []

    class Listening(Speaker):
        def _begin(self, row: _Row, *rest: Any) -> None:
            super()._begin(row, *rest)
            proposed.append([candidate.text for candidate in row.candidates if candidate.ahead])

    options = SayOptions(temperatures=(0.5, 0.7), max_tokens=5, note_weight=9.0, num_proposals=2)
    (said,) = Listening(base, None, WordTokenizer(), encode_words).say([saying], options)
    assert proposed[0] == ["hot cup.", "cold tea."]
    assert {rendering.said.text for rendering in said} == {note.text for note in notes}
    left = [note.text for note in notes if note.text != said[0].said.text]
    assert [text.strip() for text in proposed[1]] == left


def test_notes_that_the_concepts_name_are_said_before_anything_is_drawn(base: LlamaForCausalLM) -> None:
    """As they are, in their order and blocks; what follows them is drawn with them in view."""
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    notes = (
        Said("hot cup.", "paragraph"),
        Said("cold tea.", "paragraph"),
        Said("pour water.", "step"),
        Said("Boil water.", "bullet"),
    )
    known = encode_words([note.text for note in notes])
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


def test_a_poem_is_said_with_its_stanzas_and_the_lines_that_come_back(base: LlamaForCausalLM) -> None:
    """Its lines are notes of their own, also as proposals beside what is drawn."""
    speaker = Speaker(base, None, WordTokenizer(), encode_words)
    verse: list[tuple[str, BlockKind | None]] = [
        ("hot cup", "verse"), ("cold tea", None), ("hot cup", None), ("pour water", "verse"), ("hot cup", None),
    ]  # fmt: skip
    notes = tuple(Said(text, block, is_apart=block is not None) for text, block in verse)
    saying = Saying(
        prefix="# tea\n\n", concepts=encode_words([note.text for note in notes]), key=(1,), notes=notes
    )
    (said,) = speaker.say([saying], SayOptions(temperatures=(0.9,), max_tokens=4))
    assert [(rendering.said.text, rendering.said.block) for rendering in said] == verse
    row = _Row(Saying(prefix="", concepts=torch.zeros(2, VOICE_DIM), key=(1,), notes=notes[3:]))
    row.proposals = {"pour water": torch.zeros(VOICE_DIM)}
    speaker._begin(row, SayOptions(temperatures=(0.9,)), 2)
    assert row.candidates[1].note == notes[3]


@pytest.mark.parametrize("is_prose", [False, True])
def test_prose_begins_without_a_mark(base: LlamaForCausalLM, *, is_prose: bool) -> None:
    tokenizer = WordTokenizer()
    speaker = Speaker(base, None, tokenizer, encode_words)
    dash, word = (tokenizer(text)["input_ids"][0] for text in ("-", "Boil"))
    notes = (Said("hot cup.", "paragraph" if is_prose else "bullet"),)
    row = _Row(Saying(prefix="# tea", concepts=torch.zeros(2, VOICE_DIM), key=(1,), notes=notes))
    chances, choices = torch.tensor([-0.01, -5.0]), torch.tensor([dash, word])
    candidate = _Candidate(torch.Generator().manual_seed(1), 0.5)
    speaker._extend(row, candidate, chances, choices, SayOptions())
    assert candidate.tokens == [word if is_prose else dash]
    row.kept.append(Rendering(Said("Boil the water.", "paragraph"), 0.0))
    later = _Candidate(torch.Generator().manual_seed(1), 0.5)
    speaker._extend(row, later, chances, choices, SayOptions())
    assert later.tokens == [dash]
